//! Lists, and those who wait for an element of one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use simoom::sync::oneshot;
use simoom::time::Instant;

use super::entries::{Entry, Store};
use super::journal::Change;
use super::value::{End, Value, WrongType};

/// An element, and the list that it was taken from.
pub(crate) type Popped = (Box<[u8]>, Box<[u8]>);

/// Someone who waits for an element.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) end: End,
    pub(crate) give: oneshot::Sender<Popped>,
}

impl Store {
    /// Adds elements to the list that `key` holds, one after the other, and returns how many it
    /// holds then.
    ///
    /// # Errors
    /// The key holds something else.
    pub fn push<'a>(
        &mut self,
        key: &[u8],
        end: End,
        values: impl Iterator<Item = &'a [u8]>,
        now: Instant,
    ) -> Result<usize, WrongType> {
        self.bury(now);
        if let Some(Value::String(_)) = self.entries.get(key).map(|entry| &entry.value) {
            return Err(WrongType);
        }
        for value in values {
            self.journal.note(Change::Push { key, end, value });
            self.put_element(key, end, value);
        }
        self.watched.touch(key);
        self.line.pushed(key);
        Ok(self.list(key)?.map_or(0, VecDeque::len))
    }

    /// Adds an element to a list that nobody has looked at.
    pub(super) fn put_element(&mut self, key: &[u8], end: End, value: &[u8]) {
        if !self.entries.contains_key(key) {
            let list = Value::List(VecDeque::new());
            self.entries.insert(key.into(), Entry::new(list));
        }
        let Some(Entry {
            value: Value::List(list),
            ..
        }) = self.entries.get_mut(key)
        else {
            return;
        };
        match end {
            End::Front => list.push_front(value.into()),
            End::Back => list.push_back(value.into()),
        }
    }

    /// Takes an element off the list that `key` holds.
    ///
    /// # Errors
    /// The key holds something else.
    pub fn pop(
        &mut self,
        key: &[u8],
        end: End,
        now: Instant,
    ) -> Result<Option<Box<[u8]>>, WrongType> {
        self.bury(now);
        self.list(key)?;
        let popped = self.take_element(key, end);
        if popped.is_some() {
            self.journal.note(Change::Pop { key, end });
            self.watched.touch(key);
        }
        Ok(popped)
    }

    pub(super) fn take_element(&mut self, key: &[u8], end: End) -> Option<Box<[u8]>> {
        let Some(Entry {
            value: Value::List(list),
            ..
        }) = self.entries.get_mut(key)
        else {
            return None;
        };
        let popped = match end {
            End::Front => list.pop_front(),
            End::Back => list.pop_back(),
        };
        if list.is_empty() {
            self.take(key);
        }
        popped
    }

    /// The list that `key` holds.
    fn list(&self, key: &[u8]) -> Result<Option<&VecDeque<Box<[u8]>>>, WrongType> {
        match self.entries.get(key).map(|entry| &entry.value) {
            None => Ok(None),
            Some(Value::List(list)) => Ok(Some(list)),
            Some(Value::String(_)) => Err(WrongType),
        }
    }

    /// The elements of the list that `key` holds, from one end on: none if there is no list.
    ///
    /// # Errors
    /// The key holds something else.
    pub fn elements(
        &mut self,
        key: &[u8],
        now: Instant,
    ) -> Result<impl DoubleEndedIterator<Item = &[u8]> + ExactSizeIterator, WrongType> {
        self.bury(now);
        let empty = const { &VecDeque::new() };
        let list: &VecDeque<Box<[u8]>> = match self.alive(key, now).map(|entry| &entry.value) {
            None => empty,
            Some(Value::List(list)) => list,
            Some(Value::String(_)) => return Err(WrongType),
        };
        Ok(list.iter().map(|element| &**element))
    }

    /// Lets someone wait for an element of one of `keys`; returns their number.
    pub(crate) fn wait_for(&mut self, keys: Vec<Box<[u8]>>, who: Waiting) -> u64 {
        self.line.join(keys, who, |who| who.give.is_closed())
    }

    /// Lets nobody wait any longer: whoever did learns that nothing will come.
    pub(crate) fn dismiss_waiting(&mut self) {
        self.line.dissolve();
    }

    /// Lets someone wait no longer.
    pub(crate) fn forget_waiting(&mut self, number: u64) {
        self.line.leave(number);
    }

    /// Gives what was pushed to those who have waited longest. Called when a command, or a whole
    /// transaction, is done.
    pub(crate) fn serve_waiting(&mut self, now: Instant) {
        for key in self.line.take_pushed() {
            while self.list(&key).is_ok_and(|list| list.is_some())
                && let Some(number) = self.line.first_for(&key)
                && let Some(Waiting { end, give }) = self.line.leave(number)
            {
                if give.is_closed() {
                    continue;
                }
                if let Ok(Some(value)) = self.pop(&key, end, now) {
                    // Nobody else runs between the look and the gift.
                    let _ = give.send((key.clone(), value));
                }
            }
        }
    }

    /// Raises `changed` when `key` changes.
    pub(crate) fn watch(&mut self, key: &[u8], changed: &Arc<AtomicBool>, now: Instant) {
        // A key that has died already does not change by being buried.
        self.bury(now);
        let is_dead = self.is_dead(key, now);
        self.watched.watch(key, changed, is_dead);
    }

    /// Tells those who watch a key that is past its deadline by now, and was not then, that it has
    /// changed: it is not shown any more, though another server has yet to decide that it has died.
    pub(crate) fn touch_dead(&mut self, now: Instant) {
        if !self.follows() {
            return;
        }
        for key in self.watched.keys() {
            if self.is_dead(&key, now) {
                self.watched.died(&key);
            }
        }
    }
}
