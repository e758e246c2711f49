//! A list from which clients take what others have pushed.
//!
//! Owns what that forbids: an element is taken once at most, and only if somebody pushed it; what
//! was acknowledged is there until it is taken; nobody is told that nothing is there while something
//! is. Knows nothing of requests.
//!
//! # Invariants
//! 1. Whatever somebody asked for and was not answered may be done at any later time, once.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

/// The list, as all clients know it.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    /// Counts what happened: what was before what.
    now: Cell<u64>,
    /// What was pushed, and when that was acknowledged.
    pushed: RefCell<BTreeMap<u64, Option<u64>>>,
    taken: RefCell<BTreeSet<u64>>,
    /// How many who asked for an element were not answered.
    open: Cell<u64>,
    /// From when to when somebody waited in vain.
    in_vain: RefCell<Vec<(u64, u64)>>,
}

impl Jobs {
    fn tick(&self) -> u64 {
        self.now.set(self.now.get() + 1);
        self.now.get()
    }

    /// The element to push next, which nobody else pushes.
    pub(super) fn try_push(&self) -> u64 {
        let mut pushed = self.pushed.borrow_mut();
        let element = pushed.len() as u64;
        pushed.insert(element, None);
        element
    }

    /// `element` was pushed.
    pub(super) fn pushed(&self, element: u64) {
        let now = self.tick();
        self.pushed.borrow_mut().insert(element, Some(now));
    }

    /// Somebody is about to wait for an element. Returns when that was.
    pub(super) fn try_take(&self) -> u64 {
        self.open.set(self.open.get() + 1);
        self.tick()
    }

    /// Who asked at `since` was given `element`.
    pub(super) fn taken(&self, since: u64, element: u64) {
        self.open.set(self.open.get() - 1);
        assert!(
            self.pushed.borrow().contains_key(&element),
            "a write that nobody made is there: element {element} was never pushed"
        );
        assert!(
            self.taken.borrow_mut().insert(element),
            "an acknowledged write is lost: element {element} is taken twice"
        );
        self.was_there(element, since);
    }

    /// Who asked at `since` waited in vain. `is_over` if the server may have been behind.
    pub(super) fn took_none(&self, since: u64, is_over: bool) {
        self.open.set(self.open.get() - 1);
        let now = self.tick();
        if !is_over {
            self.in_vain.borrow_mut().push((since, now));
        }
    }

    /// The list holds `kept`, after all is over.
    pub(super) fn holds(&self, kept: &[u64]) {
        let (pushed, taken) = (self.pushed.borrow(), self.taken.borrow());
        let once: BTreeSet<_> = kept.iter().copied().collect();
        assert_eq!(once.len(), kept.len(), "a write was done twice: {kept:?}");
        let now = self.tick();
        for &element in kept {
            assert!(
                pushed.contains_key(&element),
                "a write that nobody made is there: element {element} was never pushed"
            );
            assert!(
                !taken.contains(&element),
                "an acknowledged write is lost: element {element} was taken, and is back"
            );
            self.was_there(element, now);
        }
        let gone = pushed.iter().filter(|(element, acknowledged)| {
            acknowledged.is_some() && !taken.contains(element) && !once.contains(element)
        });
        let (gone, open) = (gone.count() as u64, self.open.get());
        assert!(
            gone <= open,
            "an acknowledged write is lost: {gone} elements are gone, and {open} may be taken"
        );
    }

    /// `element` was in the list until `until`: since it was acknowledged nobody has waited in vain.
    fn was_there(&self, element: u64, until: u64) {
        let Some(&Some(since)) = self.pushed.borrow().get(&element) else {
            return;
        };
        let in_vain = self.in_vain.borrow();
        let waited = in_vain
            .iter()
            .find(|&&(from, to)| since < from && to < until);
        assert_eq!(
            waited, None,
            "an acknowledged write is lost: somebody waited in vain while element {element} was there"
        );
    }
}
