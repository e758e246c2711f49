//! From a store to changes, and back.

use std::collections::BTreeMap;

use simoom::time::Instant;

use super::entries::Store;
use super::journal::{Both, Change, Journal, encode};
use super::value::{End, Value};

impl Store {
    /// Makes a change again. Keys do not die meanwhile, whatever the clock shows.
    pub(crate) fn restore(&mut self, change: Change<'_>, clock: Both) {
        match change {
            Change::Set { key, value, until } => {
                self.put(key, value);
                self.set_deadline(key, until.map(|until| clock.moment_at(until)));
            }
            Change::Remove { key } => {
                self.take(key);
            }
            Change::Expire { key, until } => {
                self.set_deadline(key, Some(clock.moment_at(until)));
            }
            Change::Persist { key } => self.set_deadline(key, None),
            Change::Push { key, end, value } => self.put_element(key, end, value),
            Change::Pop { key, end } => {
                self.take_element(key, end);
            }
            Change::Clear => self.take_all(),
            Change::Fork { .. } | Change::Past { .. } => {}
        }
    }

    /// Makes a change that another server has made, for all to see.
    pub(crate) fn follow(&mut self, change: Change<'_>, clock: Both) {
        match change {
            // Nobody is shown it any more as it is.
            Change::Remove { key } if self.is_dead(key, clock.now) => self.watched.died(key),
            Change::Set { key, .. }
            | Change::Remove { key }
            | Change::Expire { key, .. }
            | Change::Persist { key }
            | Change::Push { key, .. }
            | Change::Pop { key, .. } => self.watched.touch(key),
            Change::Clear => self.touch_all(None, clock.now),
            Change::Fork { .. } | Change::Past { .. } => {}
        }
        self.restore(change, clock);
    }

    /// Holds what `other` holds instead.
    pub(crate) fn replace(&mut self, other: Self, now: Instant) {
        self.touch_all(Some(&other), now);
        self.replace_entries(other);
    }

    /// The changes that make this store out of an empty one, in pieces of about `piece_bytes`.
    pub(crate) fn changes(&self, clock: Both, piece_bytes: usize, mut piece: impl FnMut(&[u8])) {
        // In the order of keys, so that equal stores give equal bytes.
        let entries: BTreeMap<_, _> = self.entries.iter().collect();
        let mut bytes = Vec::new();
        for (key, entry) in entries {
            match &entry.value {
                Value::String(value) => {
                    let mut journal = Journal::default();
                    journal.keep(clock);
                    journal.set(key, value, entry.dies_at());
                    bytes.append(&mut journal.take());
                }
                Value::List(list) => {
                    for value in list {
                        let end = End::Back;
                        encode(&mut bytes, Change::Push { key, end, value });
                        if bytes.len() >= piece_bytes {
                            piece(&bytes);
                            bytes.clear();
                        }
                    }
                    if let Some(at) = entry.dies_at() {
                        let mut journal = Journal::default();
                        journal.keep(clock);
                        journal.expire(key, at);
                        bytes.append(&mut journal.take());
                    }
                }
            }
            if bytes.len() >= piece_bytes {
                piece(&bytes);
                bytes.clear();
            }
        }
        if !bytes.is_empty() {
            piece(&bytes);
        }
    }
}

#[cfg(test)]
mod tests;
