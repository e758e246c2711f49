//! Who is to learn that a key has changed.
//!
//! Owns the flags of `WATCH`, and the lines of those who wait for an element of a list. Knows
//! nothing of values.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

/// Keys that are watched.
#[derive(Debug, Default)]
pub(super) struct Watched {
    /// Never walked in an order that anybody sees.
    keys: HashMap<Arc<[u8]>, Vec<Watch>>,
    /// How many keys there were after those that nobody watches any more were last removed.
    kept: usize,
}

/// A look at one key.
#[derive(Debug)]
struct Watch {
    changed: Weak<AtomicBool>,
    /// It was past its deadline already, so to die is no change.
    is_dead: bool,
}

impl Watch {
    fn is_there(&self) -> bool {
        self.changed.strong_count() > 0
    }
}

impl Watched {
    /// Raises `changed` when `key` changes, which is past its deadline already if it `is_dead`.
    pub(super) fn watch(&mut self, key: &[u8], changed: &Arc<AtomicBool>, is_dead: bool) {
        if self.keys.len() > 2 * self.kept + 16 {
            self.keys
                .retain(|_, watches| watches.iter().any(Watch::is_there));
            self.kept = self.keys.len();
        }
        let watches = match self.keys.get_mut(key) {
            Some(watches) => watches,
            None => self.keys.entry(key.into()).or_default(),
        };
        watches.retain(Watch::is_there);
        watches.push(Watch {
            changed: Arc::downgrade(changed),
            is_dead,
        });
    }

    pub(super) fn touch(&mut self, key: &[u8]) {
        if !self.keys.is_empty()
            && let Some(watches) = self.keys.remove(key)
        {
            watches.iter().for_each(raise);
        }
    }

    /// `key` is past its deadline, or gone, which is a change for those who have looked before that.
    pub(super) fn died(&mut self, key: &[u8]) {
        if let Some(watches) = self.keys.get_mut(key) {
            let changed = watches.extract_if(.., |watch| !watch.is_dead);
            changed.for_each(|watch| raise(&watch));
        }
    }

    /// The keys that are watched.
    pub(super) fn keys(&self) -> Vec<Arc<[u8]>> {
        self.keys.keys().cloned().collect()
    }
}

fn raise(watch: &Watch) {
    if let Some(changed) = watch.changed.upgrade() {
        changed.store(true, Ordering::Release);
    }
}

/// Those who wait for an element, in the order in which they came.
#[derive(Debug)]
pub(super) struct Line<T> {
    waiting: BTreeMap<u64, Place<T>>,
    came: u64,
    /// How many waited after those who had gone were last removed.
    kept: usize,
    /// Keys that were pushed to since this was last asked, in order.
    pushed: Vec<Box<[u8]>>,
}

#[derive(Debug)]
struct Place<T> {
    keys: Vec<Box<[u8]>>,
    who: T,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self {
            waiting: BTreeMap::new(),
            came: 0,
            kept: 0,
            pushed: Vec::new(),
        }
    }
}

impl<T> Line<T> {
    /// Lets `who` wait for an element of one of `keys`. From time to time those who have gone are
    /// removed, so that they are never many more than those who wait.
    pub(super) fn join(
        &mut self,
        keys: Vec<Box<[u8]>>,
        who: T,
        has_gone: impl Fn(&T) -> bool,
    ) -> u64 {
        if self.waiting.len() > 2 * self.kept + 16 {
            self.waiting.retain(|_, place| !has_gone(&place.who));
            self.kept = self.waiting.len();
        }
        self.came += 1;
        self.waiting.insert(self.came, Place { keys, who });
        self.came
    }

    /// Takes someone out of the line.
    pub(super) fn leave(&mut self, number: u64) -> Option<T> {
        self.waiting.remove(&number).map(|place| place.who)
    }

    /// Takes all out of the line.
    pub(super) fn dissolve(&mut self) {
        self.waiting.clear();
        self.pushed.clear();
    }

    /// Notes that `key` has an element more.
    pub(super) fn pushed(&mut self, key: &[u8]) {
        if !self.waiting.is_empty() && !self.pushed.iter().any(|pushed| **pushed == *key) {
            self.pushed.push(key.into());
        }
    }

    /// The keys that were pushed to since this was last asked.
    pub(super) fn take_pushed(&mut self) -> Vec<Box<[u8]>> {
        std::mem::take(&mut self.pushed)
    }

    /// Who has waited longest for an element of `key`.
    pub(super) fn first_for(&self, key: &[u8]) -> Option<u64> {
        let waits = |keys: &[Box<[u8]>]| keys.iter().any(|wanted| **wanted == *key);
        self.waiting
            .iter()
            .find(|(_, place)| waits(&place.keys))
            .map(|(&number, _)| number)
    }
}

#[cfg(test)]
mod tests {
    use super::Line;

    #[test]
    fn those_who_have_gone_do_not_stay_in_the_line() {
        let mut line = Line::default();
        let stays = line.join(vec![(*b"jobs").into()], true, |stays| !stays);
        for _ in 0..10_000 {
            line.join(vec![(*b"jobs").into()], false, |stays| !stays);
        }
        assert!(line.waiting.len() < 100, "{}", line.waiting.len());
        assert_eq!(line.first_for(b"jobs"), Some(stays));
        assert_eq!(line.leave(stays), Some(true));
    }
}
