//! The replicas that are connected.
//!
//! Owns how far each of them is. Knows nothing of how they are served.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use simoom::sync::Notify;
use simoom::sync::futures::Notified;
use simoom::time::Instant;

use super::frame::invalid;
use crate::log::{Log, Offset};

/// The replicas that are connected, by number.
#[derive(Debug, Default)]
pub(crate) struct Replicas {
    all: Mutex<All>,
    /// Some were cut off.
    cut: Notify,
    /// One has said what it has, or nobody is waited for any more.
    acknowledged: Notify,
}

#[derive(Debug, Default)]
struct All {
    replicas: BTreeMap<u64, Replica>,
    came: u64,
    /// How many copied everything, and how many went on from where they were.
    copies: u64,
    resumptions: u64,
}

/// One replica.
#[derive(Clone, Debug)]
pub(super) struct Replica {
    pub(super) ip: IpAddr,
    /// Where it listens, as it says.
    pub(super) port: u16,
    /// What it has, as safe as it was asked to keep it; none while it copies everything.
    pub(super) offset: Option<Offset>,
    /// What it was sent, that is, may have; none until the end of its copy is on its way.
    sent: Option<Offset>,
    /// When it was heard of last.
    pub(super) heard: Instant,
}

impl Replicas {
    /// One replica more, which is there until the place is dropped. It has `has`, unless everything
    /// is copied to it.
    ///
    /// One that listens at the same address was the same, and is not there any more: nobody counts
    /// twice.
    pub(super) fn join(&self, ip: IpAddr, port: u16, has: Option<Offset>) -> Place<'_> {
        let mut all = self.all();
        let before = all.replicas.len();
        if port != 0 {
            all.replicas.retain(|_, it| (it.ip, it.port) != (ip, port));
        }
        if all.replicas.len() < before {
            self.cut.notify_waiters();
        }
        all.came += 1;
        let number = all.came;
        let replica = Replica {
            ip,
            port,
            offset: None,
            sent: has,
            heard: Instant::now(),
        };
        all.replicas.insert(number, replica);
        Place {
            number,
            ip,
            port,
            replicas: self,
        }
    }

    /// Notes how one begins: with a copy of everything, or where it was.
    pub(super) fn begins(&self, with_copy: bool) {
        let mut all = self.all();
        if with_copy {
            all.copies += 1;
        } else {
            all.resumptions += 1;
        }
    }

    /// How many copied everything, and how many went on from where they were.
    pub(super) fn beginnings(&self) -> (u64, u64) {
        let all = self.all();
        (all.copies, all.resumptions)
    }

    /// Serves none of them any longer.
    pub(super) fn cut_all(&self) {
        self.all().replicas.clear();
        self.cut.notify_waiters();
        self.acknowledged.notify_waiters();
    }

    pub(super) fn all_of_them(&self) -> Vec<Replica> {
        self.all().replicas.values().cloned().collect()
    }

    /// How many have had their copy.
    pub(super) fn connected(&self) -> usize {
        let all = self.all();
        let replicas = all.replicas.values();
        replicas.filter(|replica| replica.offset.is_some()).count()
    }

    /// How many there are, those that copy included.
    pub(crate) fn len(&self) -> usize {
        self.all().replicas.len()
    }

    /// Completes when one says next what it has.
    pub(crate) fn acknowledged(&self) -> Notified<'_> {
        self.acknowledged.notified()
    }

    /// How many have acknowledged `offset`.
    pub(crate) fn reached(&self, offset: Offset) -> usize {
        let all = self.all();
        let replicas = all.replicas.values();
        replicas
            .filter(|replica| replica.offset >= Some(offset))
            .count()
    }

    /// The greatest number that `measure` gives to what a replica has.
    pub(super) fn slowest(&self, measure: impl Fn(Offset) -> usize) -> Option<usize> {
        let all = self.all();
        let offsets: Vec<_> = all.replicas.values().filter_map(|it| it.offset).collect();
        drop(all);
        offsets.into_iter().map(measure).max()
    }

    /// The offset that at least `count` of them have.
    fn had_by(all: &All, count: usize) -> Option<Offset> {
        let mut offsets: Vec<_> = all.replicas.values().filter_map(|it| it.offset).collect();
        offsets.sort_unstable_by(|one, two| two.cmp(one));
        offsets.get(count.checked_sub(1)?).copied()
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one replica. Dropping it gives it up.
#[derive(Debug)]
pub(super) struct Place<'a> {
    number: u64,
    ip: IpAddr,
    port: u16,
    replicas: &'a Replicas,
}

impl Place<'_> {
    /// It is being sent what leads to `offset`.
    pub(super) fn sends(&self, offset: Offset) {
        if let Some(replica) = self.replicas.all().replicas.get_mut(&self.number) {
            replica.sent = Some(offset);
        }
    }

    /// It was heard of, and has `offset` if it says so. False if it was cut off.
    ///
    /// # Errors
    /// It cannot have that: it was not sent.
    pub(super) fn heard(&self, offset: Option<Offset>, log: &Log) -> io::Result<bool> {
        let mut all = self.replicas.all();
        let Some(replica) = all.replicas.get_mut(&self.number) else {
            return Ok(false);
        };
        if offset > replica.sent {
            return Err(invalid("an acknowledgement of what was not sent"));
        }
        replica.heard = Instant::now();
        replica.offset = replica.offset.max(offset);
        let wanted = log.replicas_min();
        if offset.is_some()
            && let Some(offset) = Replicas::had_by(&all, wanted)
            // While the registry is held: nobody can cut it off, and change what an offset means.
            && let Some(position) = log.position_of(offset)
        {
            log.acknowledged(position);
        }
        self.replicas.acknowledged.notify_waiters();
        Ok(true)
    }

    /// Where it is, and where it listens, as it says.
    pub(super) fn address(&self) -> (IpAddr, u16) {
        (self.ip, self.port)
    }

    /// What it has acknowledged.
    pub(super) fn offset(&self) -> Option<Offset> {
        let all = self.replicas.all();
        all.replicas.get(&self.number).and_then(|it| it.offset)
    }

    /// Waits until it is cut off.
    pub(super) async fn cut(&self) {
        loop {
            // Waiting starts before looking: a cut in between is not missed.
            let cut = self.replicas.cut.notified();
            if !self.replicas.all().replicas.contains_key(&self.number) {
                return;
            }
            cut.await;
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.replicas.all().replicas.remove(&self.number);
    }
}

#[cfg(test)]
mod tests;
