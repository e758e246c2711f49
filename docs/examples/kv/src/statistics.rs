//! What has happened since the server started, in numbers.
//!
//! Owns the counters that `INFO`, the metrics and the status page are made of. Knows nothing of who
//! reads them: they are read without a lock, at any time, and hold nobody up.
//!
//! Everything is an integer, so that a run that is repeated counts the same.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::command::{self, Spec};
use crate::resp::Args;

/// What happened since the server started.
#[derive(Debug)]
pub(crate) struct Statistics {
    pub(crate) connections_accepted: Count,
    pub(crate) connections_refused: Count,
    pub(crate) requests_answered: Count,
    /// Replies that were errors.
    pub(crate) errors: Count,
    pub(crate) input_bytes: Count,
    pub(crate) output_bytes: Count,
    /// How many clients wait for an element of a list.
    pub(crate) clients_blocked: Level,
    /// How many keys there were after the last command.
    pub(crate) keys: Level,
    /// How many of them do not live for ever.
    pub(crate) keys_mortal: Level,
    /// How many keys have died of age.
    pub(crate) keys_expired: Level,
    /// How much memory the process had when that was last asked for; 0 if nobody knows.
    pub(crate) resident_bytes: Level,
    /// In the order of [`command::commands`].
    commands: Box<[Calls]>,
}

/// What a request was answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// What it asked for.
    Done,
    Error,
    /// An error: it is not to be done here, or not now.
    Refused,
    /// That it will be done.
    Queued,
}

impl Reply {
    /// The reply that starts with these bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        match bytes {
            [b'-', error @ ..] if REFUSALS.iter().any(|it| error.starts_with(it)) => Self::Refused,
            [b'-', ..] => Self::Error,
            [b'+', b'Q', b'U', b'E', b'U', b'E', b'D', ..] => Self::Queued,
            _ => Self::Done,
        }
    }
}

/// What became of the requests for one command.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    /// How long those took that were done: from when it was read until its reply was written down,
    /// without what it waited for a list, a log or a network.
    pub(crate) latency: Histogram,
    /// How many of those were answered with an error.
    pub(crate) failed: Count,
    /// How many were not done, since they made no sense, or not here or now.
    pub(crate) rejected: Count,
}

impl Statistics {
    /// Counts a request that was answered, and what became of it.
    pub(crate) fn answered(&self, args: Args<'_>, reply: Reply, took: Duration) {
        let name = args.get(0).unwrap_or_default();
        self.answered_as(name, args.len(), reply, took);
    }

    /// Counts a request of this name, with which it has `len` arguments, that was answered.
    pub(crate) fn answered_as(&self, name: &[u8], len: usize, reply: Reply, took: Duration) {
        if matches!(reply, Reply::Error | Reply::Refused) {
            self.errors.add(1);
        }
        let Some(index) = command::position(name) else {
            return;
        };
        let calls = &self.commands[index];
        let makes_sense = command::commands()[index].accepts(len);
        match reply {
            Reply::Queued => {}
            Reply::Refused => calls.rejected.add(1),
            Reply::Error if !makes_sense => calls.rejected.add(1),
            Reply::Error => {
                calls.latency.observe(took);
                calls.failed.add(1);
            }
            Reply::Done => calls.latency.observe(took),
        }
    }

    /// The commands that were called, with their calls.
    pub(crate) fn called(&self) -> impl Iterator<Item = (&'static Spec, &Calls)> {
        command::commands()
            .iter()
            .zip(&self.commands)
            .filter(|(_, calls)| calls.latency.read().count() > 0 || calls.rejected.value() > 0)
    }
}

impl Default for Statistics {
    fn default() -> Self {
        let commands = command::commands().iter().map(|_| Calls::default());
        Self {
            connections_accepted: Count::default(),
            connections_refused: Count::default(),
            requests_answered: Count::default(),
            errors: Count::default(),
            input_bytes: Count::default(),
            output_bytes: Count::default(),
            clients_blocked: Level::default(),
            keys: Level::default(),
            keys_mortal: Level::default(),
            keys_expired: Level::default(),
            resident_bytes: Level::default(),
            commands: commands.collect(),
        }
    }
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that goes up and down.
#[derive(Debug, Default)]
pub(crate) struct Level(AtomicU64);

impl Level {
    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// One more, until the result is dropped.
    pub(crate) fn raise(&self) -> Raised<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Raised(self)
    }
}

/// One more of something, until it is dropped.
#[derive(Debug)]
pub(crate) struct Raised<'a>(&'a Level);

impl Drop for Raised<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Times, counted by how long they are.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    /// By the first of [`BOUNDS`] that is not exceeded; the last are longer than all of them.
    counts: [AtomicU64; BOUNDS.len() + 1],
    sum_ns: AtomicU64,
}

impl Histogram {
    /// Counts one.
    pub(crate) fn observe(&self, time: Duration) {
        let index = BOUNDS.partition_point(|bound| *bound < time);
        self.counts[index].fetch_add(1, Ordering::Relaxed);
        let time_ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.sum_ns.fetch_add(time_ns, Ordering::Relaxed);
    }

    /// What was counted until now.
    pub(crate) fn read(&self) -> Times {
        Times {
            counts: self.counts.each_ref().map(|it| it.load(Ordering::Relaxed)),
            sum_ns: self.sum_ns.load(Ordering::Relaxed),
        }
    }
}

/// What a histogram has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) counts: [u64; BOUNDS.len() + 1],
    pub(crate) sum_ns: u64,
}

impl Times {
    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Their mean; zero if there are none.
    pub(crate) fn mean(&self) -> Duration {
        Duration::from_nanos(self.sum_ns.checked_div(self.count()).unwrap_or(0))
    }

    /// The least bound that `percent` of a hundred do not exceed; `None` if that is more than the
    /// last of [`BOUNDS`], or there are none.
    pub(crate) fn bound(&self, percent: u64) -> Option<Duration> {
        let wanted = (u128::from(self.count()) * u128::from(percent)).div_ceil(100);
        let mut counted = 0;
        let bounds = BOUNDS.iter().zip(&self.counts);
        bounds
            .map(|(bound, count)| {
                counted += u128::from(*count);
                (bound, counted)
            })
            .find(|(_, counted)| wanted > 0 && *counted >= wanted)
            .map(|(bound, _)| *bound)
    }
}

/// What errors begin with that are given instead of doing anything.
const REFUSALS: [&[u8]; 5] = [
    b"READONLY ",
    b"NOREPLICAS ",
    b"MASTERDOWN ",
    b"EXECABORT Transaction discarded because of: ",
    b"ERR Command not allowed inside a transaction",
];

/// The lengths that times are told apart by.
pub(crate) const BOUNDS: [Duration; 14] = [
    Duration::from_nanos(500),
    Duration::from_micros(1),
    Duration::from_micros(5),
    Duration::from_micros(10),
    Duration::from_micros(50),
    Duration::from_micros(100),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(1),
];

#[cfg(test)]
mod tests;
