//! The keys and their values.
//!
//! # Invariants
//! 1. An entry has a deadline if and only if `deadlines` holds that deadline, with the entry's key.
//! 2. Once an operation has looked at the time, no entry is past its deadline, unless another server
//!    decides that. Then those that are stay, and nobody is shown them.
//! 3. `entries` is never walked in its own order, which differs from run to run.
//! 4. Whatever changes an entry tells the journal and those who watch the key.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use simoom::time::Instant;

use super::deadlines::{Deadline, Deadlines};
use super::journal::{Both, Change, Journal};
use super::lists::Waiting;
use super::value::{Kind, Value, WrongType};
use super::watched::{Line, Watched};
use crate::resp::parse_integer;

/// Values by key, each with the moment at which it dies, if any.
///
/// A key that has died is gone for every operation that is told a later time. Its memory is freed
/// by the next operation, whichever key that is about.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use kv::store::{Store, Until};
/// use simoom::time::Instant;
///
/// let now = Instant::now();
/// let mut store = Store::new();
/// store.set(b"a", b"1", Until::At(now + Duration::from_secs(5)), now);
/// assert_eq!(store.get(b"a", now), Some(&b"1"[..]));
/// assert_eq!(store.get(b"a", now + Duration::from_secs(5)), None);
/// ```
#[derive(Debug, Default)]
pub struct Store {
    pub(super) entries: HashMap<Arc<[u8]>, Entry>,
    deadlines: Deadlines,
    pub(super) journal: Journal,
    pub(super) watched: Watched,
    pub(super) line: Line<Waiting>,
    follows: bool,
    /// How many keys have died of age.
    expired: u64,
}

/// How much a store holds, and has held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) keys: u64,
    pub(crate) keys_mortal: u64,
    pub(crate) keys_expired: u64,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) value: Value,
    deadline: Option<Deadline>,
}

/// How long a value is to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// For ever.
    Forever,
    /// As long as the value it replaces; for ever if there is none.
    Inherited,
    /// Until this moment.
    At(Instant),
}

/// How long a key will live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ttl {
    /// There is no such key.
    Missing,
    /// For ever.
    Forever,
    /// For this long.
    Left(Duration),
}

/// Why a number could not be added to a value.
///
/// Displayed as the whole text of the error reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberError {
    /// The value is not a number that fits 64 bits.
    NotAnInteger,
    /// The value is no string.
    WrongType,
    /// The sum does not fit 64 bits.
    Overflow,
}

impl Store {
    /// A store without keys.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The string that `key` holds; `None` if it holds something else.
    pub fn get(&mut self, key: &[u8], now: Instant) -> Option<&[u8]> {
        self.string(key, now).unwrap_or_default()
    }

    /// The string that `key` holds.
    ///
    /// # Errors
    /// It holds something else.
    pub fn string(&mut self, key: &[u8], now: Instant) -> Result<Option<&[u8]>, WrongType> {
        self.bury(now);
        match self.alive(key, now).map(|entry| &entry.value) {
            None => Ok(None),
            Some(Value::String(value)) => Ok(Some(value)),
            Some(Value::List(_)) => Err(WrongType),
        }
    }

    /// The kind of value that `key` holds.
    pub fn kind(&mut self, key: &[u8], now: Instant) -> Option<Kind> {
        self.bury(now);
        self.alive(key, now).map(|entry| match &entry.value {
            Value::String(_) => Kind::String,
            Value::List(_) => Kind::List,
        })
    }

    /// Gives `key` a value.
    pub fn set(&mut self, key: &[u8], value: &[u8], until: Until, now: Instant) {
        self.bury(now);
        let inherited = self.entries.get(key).and_then(|entry| entry.deadline);
        let at = match until {
            Until::Forever => None,
            Until::Inherited => inherited.map(|deadline| deadline.at),
            Until::At(at) => Some(at),
        };
        self.journal.set(key, value, at);
        self.watched.touch(key);
        self.put(key, value);
        match until {
            Until::Inherited => {}
            Until::Forever => self.set_deadline(key, None),
            Until::At(at) => self.set_deadline(key, Some(at)),
        }
    }

    /// Stores a string, and leaves the deadline of the key as it is.
    pub(super) fn put(&mut self, key: &[u8], value: &[u8]) {
        match self.entries.get_mut(key) {
            None => {
                let entry = Entry::new(Value::String(value.into()));
                self.entries.insert(key.into(), entry);
            }
            Some(Entry {
                value: Value::String(old),
                ..
            }) if old.len() == value.len() => old.copy_from_slice(value),
            Some(entry) => entry.value = Value::String(value.into()),
        }
    }

    /// Lets a key that is there live until `at`, or for ever.
    pub(super) fn set_deadline(&mut self, key: &[u8], at: Option<Instant>) {
        // The key as the map holds it, so that its bytes are not stored twice.
        let Some((shared_key, _)) = self.entries.get_key_value(key) else {
            return;
        };
        let deadline = at.map(|at| self.deadlines.insert(at, Arc::clone(shared_key)));
        let old = self.entries.get_mut(key).and_then(|entry| {
            let old = entry.deadline.take();
            entry.deadline = deadline;
            old
        });
        if let Some(old) = old {
            self.deadlines.remove(old);
        }
    }

    /// Adds `delta` to the number that `key` holds, 0 if it holds nothing, and returns the sum.
    ///
    /// The key lives as long as it would have lived.
    ///
    /// # Errors
    /// The value is no number, or the sum does not fit.
    pub fn add(&mut self, key: &[u8], delta: i64, now: Instant) -> Result<i64, NumberError> {
        let sum = self
            .number(key, now)?
            .checked_add(delta)
            .ok_or(NumberError::Overflow)?;
        self.set_number(key, sum, now);
        Ok(sum)
    }

    /// The number that `key` holds, 0 if it holds nothing.
    ///
    /// # Errors
    /// The value is no number.
    pub fn number(&mut self, key: &[u8], now: Instant) -> Result<i64, NumberError> {
        match self.string(key, now) {
            Ok(Some(value)) => parse_integer(value).ok_or(NumberError::NotAnInteger),
            Ok(None) => Ok(0),
            Err(WrongType) => Err(NumberError::WrongType),
        }
    }

    /// Makes `number` the value of `key`, which lives as long as it would have lived.
    pub fn set_number(&mut self, key: &[u8], number: i64, now: Instant) {
        let mut digits = itoa::Buffer::new();
        self.set(key, digits.format(number).as_bytes(), Until::Inherited, now);
    }

    /// Removes `key`. Returns whether it was there.
    pub fn remove(&mut self, key: &[u8], now: Instant) -> bool {
        self.bury(now);
        if !self.take(key) {
            return false;
        }
        self.journal.note(Change::Remove { key });
        self.watched.touch(key);
        true
    }

    /// Takes a key out.
    pub(super) fn take(&mut self, key: &[u8]) -> bool {
        let Some(entry) = self.entries.remove(key) else {
            return false;
        };
        if let Some(deadline) = entry.deadline {
            self.deadlines.remove(deadline);
        }
        true
    }

    /// Whether there is a value for `key`.
    pub fn contains(&mut self, key: &[u8], now: Instant) -> bool {
        self.kind(key, now).is_some()
    }

    /// Lets `key` live until `at`. Returns whether it is there.
    pub fn expire(&mut self, key: &[u8], at: Instant, now: Instant) -> bool {
        if !self.contains(key, now) {
            return false;
        }
        self.journal.expire(key, at);
        self.watched.touch(key);
        self.set_deadline(key, Some(at));
        true
    }

    /// Lets `key` live for ever. Returns whether it was to die.
    pub fn persist(&mut self, key: &[u8], now: Instant) -> bool {
        self.bury(now);
        let deadline = self.entries.get(key).and_then(|entry| entry.deadline);
        if deadline.is_none() {
            return false;
        }
        self.journal.note(Change::Persist { key });
        self.watched.touch(key);
        self.set_deadline(key, None);
        true
    }

    /// How long `key` will live.
    pub fn ttl(&mut self, key: &[u8], now: Instant) -> Ttl {
        self.bury(now);
        match self.alive(key, now) {
            None => Ttl::Missing,
            Some(Entry { deadline: None, .. }) => Ttl::Forever,
            Some(Entry {
                deadline: Some(deadline),
                ..
            }) => Ttl::Left(deadline.at - now),
        }
    }

    /// The entry of `key`, if it is not past its deadline.
    pub(super) fn alive(&self, key: &[u8], now: Instant) -> Option<&Entry> {
        let entry = self.entries.get(key)?;
        (!entry.is_dead(now)).then_some(entry)
    }

    /// Whether there is an entry of `key` that is past its deadline.
    pub(super) fn is_dead(&self, key: &[u8], now: Instant) -> bool {
        self.entries
            .get(key)
            .is_some_and(|entry| entry.is_dead(now))
    }

    /// How many keys there are, those included that are past their deadline and wait for another
    /// server to decide that.
    pub fn len(&mut self, now: Instant) -> usize {
        self.bury(now);
        self.entries.len()
    }

    /// How many keys do not live for ever.
    pub fn mortal_len(&mut self, now: Instant) -> usize {
        self.bury(now);
        self.deadlines.len()
    }

    /// Removes all keys.
    pub fn clear(&mut self, now: Instant) {
        self.bury(now);
        self.touch_all(None, now);
        self.journal.note(Change::Clear);
        self.take_all();
    }

    /// Tells those who watch keys that are there, or will be: in `next`, if there is one.
    pub(super) fn touch_all(&mut self, next: Option<&Self>, now: Instant) {
        for key in self.watched.keys() {
            if next.is_some_and(|next| next.alive(&key, now).is_some()) {
                self.watched.touch(&key);
            } else if self.entries.contains_key(&key) {
                self.watched.died(&key);
            }
        }
    }

    pub(super) fn replace_entries(&mut self, other: Self) {
        self.entries = other.entries;
        self.deadlines = other.deadlines;
    }

    /// Lets another server decide what changes, and so when keys die; or no longer.
    pub(crate) fn follow_another(&mut self, follows: bool) {
        self.follows = follows;
    }

    /// Whether another server decides what changes.
    pub(crate) fn follows(&self) -> bool {
        self.follows
    }

    pub(super) fn take_all(&mut self) {
        self.entries = HashMap::new();
        self.deadlines.clear();
    }

    /// Removes the keys that are dead at `now`, unless another server decides that.
    pub(super) fn bury(&mut self, now: Instant) {
        if self.follows {
            return;
        }
        while let Some(key) = self.deadlines.pop_due(now) {
            let entry = self.entries.remove(&key);
            debug_assert!(entry.is_some(), "a deadline belongs to an entry");
            self.journal.died(&key);
            self.watched.died(&key);
            self.expired += 1;
        }
    }

    /// How much it holds, those included that have died since the last operation.
    pub(crate) fn held(&self) -> Held {
        let keys = self.entries.len() as u64;
        let keys_mortal = self.deadlines.len() as u64;
        Held {
            keys,
            keys_mortal,
            keys_expired: self.expired,
        }
    }

    /// Keeps what changes from now on, which is the moment `clock`, for [`take_changes`].
    ///
    /// [`take_changes`]: Self::take_changes
    pub(crate) fn keep_changes(&mut self, clock: Both) {
        self.journal.keep(clock);
    }

    /// Whether what has changed is more than keys that have died of age.
    pub(crate) fn has_decided(&self) -> bool {
        self.journal.is_decision()
    }

    /// What has changed since this was last asked; nothing unless changes are kept.
    pub(crate) fn take_changes(&mut self) -> Vec<u8> {
        self.journal.take()
    }
}

impl Entry {
    pub(super) fn new(value: Value) -> Self {
        Self {
            value,
            deadline: None,
        }
    }

    fn is_dead(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| deadline.at <= now)
    }

    /// When it dies, if ever.
    pub(super) fn dies_at(&self) -> Option<Instant> {
        self.deadline.map(|deadline| deadline.at)
    }
}

impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WrongType => return WrongType.fmt(f),
            Self::NotAnInteger => "ERR value is not an integer or out of range",
            Self::Overflow => "ERR increment or decrement would overflow",
        })
    }
}

impl std::error::Error for NumberError {}

#[cfg(test)]
mod tests;
