//! The keys and their values.
//!
//! # Invariants
//! 1. An entry has a deadline if and only if `deadlines` holds that deadline, with the entry's key.
//! 2. Once an operation has looked at the time, no entry is past its deadline.
//! 3. `entries` is never walked: its order differs from run to run.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use simoom::time::Instant;

use super::deadlines::{Deadline, Deadlines};
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
    entries: HashMap<Arc<[u8]>, Entry>,
    deadlines: Deadlines,
}

#[derive(Debug)]
struct Entry {
    value: Box<[u8]>,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberError {
    /// The value is not a number that fits 64 bits.
    NotAnInteger,
    /// The sum does not fit 64 bits.
    Overflow,
}

impl Store {
    /// A store without keys.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of `key`.
    pub fn get(&mut self, key: &[u8], now: Instant) -> Option<&[u8]> {
        self.bury(now);
        self.entries.get(key).map(|entry| &*entry.value)
    }

    /// Gives `key` a value.
    pub fn set(&mut self, key: &[u8], value: &[u8], until: Until, now: Instant) {
        self.bury(now);
        let Some(entry) = self.entries.get_mut(key) else {
            let key: Arc<[u8]> = key.into();
            let deadline = match until {
                Until::At(at) => Some(self.deadlines.insert(at, Arc::clone(&key))),
                Until::Forever | Until::Inherited => None,
            };
            self.entries.insert(
                key,
                Entry {
                    value: value.into(),
                    deadline,
                },
            );
            return;
        };
        if entry.value.len() == value.len() {
            entry.value.copy_from_slice(value);
        } else {
            entry.value = value.into();
        }
        match until {
            Until::Inherited => {}
            Until::Forever => {
                if let Some(old) = entry.deadline.take() {
                    self.deadlines.remove(old);
                }
            }
            Until::At(at) => {
                self.expire(key, at, now);
            }
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
        match self.get(key, now) {
            Some(value) => parse_integer(value).ok_or(NumberError::NotAnInteger),
            None => Ok(0),
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
        self.get(key, now).is_some()
    }

    /// Lets `key` live until `at`. Returns whether it is there.
    pub fn expire(&mut self, key: &[u8], at: Instant, now: Instant) -> bool {
        self.bury(now);
        // The key as the map holds it, so that its bytes are not stored twice.
        let Some((shared_key, _)) = self.entries.get_key_value(key) else {
            return false;
        };
        let deadline = self.deadlines.insert(at, Arc::clone(shared_key));
        let old = self
            .entries
            .get_mut(key)
            .and_then(|entry| entry.deadline.replace(deadline));
        if let Some(old) = old {
            self.deadlines.remove(old);
        }
        true
    }

    /// Lets `key` live for ever. Returns whether it was to die.
    pub fn persist(&mut self, key: &[u8], now: Instant) -> bool {
        self.bury(now);
        let deadline = self
            .entries
            .get_mut(key)
            .and_then(|entry| entry.deadline.take());
        if let Some(deadline) = deadline {
            self.deadlines.remove(deadline);
        }
        deadline.is_some()
    }

    /// How long `key` will live.
    pub fn ttl(&mut self, key: &[u8], now: Instant) -> Ttl {
        self.bury(now);
        match self.entries.get(key) {
            None => Ttl::Missing,
            Some(Entry { deadline: None, .. }) => Ttl::Forever,
            Some(Entry {
                deadline: Some(deadline),
                ..
            }) => Ttl::Left(deadline.at - now),
        }
    }

    /// How many keys there are.
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
    pub fn clear(&mut self) {
        self.entries = HashMap::new();
        self.deadlines.clear();
    }

    /// Removes the keys that are dead at `now`.
    fn bury(&mut self, now: Instant) {
        while let Some(key) = self.deadlines.pop_due(now) {
            let entry = self.entries.remove(&key);
            debug_assert!(entry.is_some(), "a deadline belongs to an entry");
        }
    }
}

impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAnInteger => "value is not an integer or out of range",
            Self::Overflow => "increment or decrement would overflow",
        })
    }
}

impl std::error::Error for NumberError {}

#[cfg(test)]
mod tests;
