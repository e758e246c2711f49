//! What clients were told, and what that forbids.
//!
//! Owns the rules. Knows nothing of requests: whoever asks says before what he asks, and after what
//! he was told.
//!
//! # Invariants
//! 1. Nothing is noted that nobody was told.
//! 2. What was tried and not answered stays open for good: it may be done at any later time, once.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

/// A number that clients raise by one, each telling what it became.
#[derive(Debug)]
pub(super) struct Counter {
    name: &'static str,
    tried: Cell<u64>,
    /// The greatest that anybody was told.
    told: Cell<u64>,
    given: RefCell<BTreeSet<u64>>,
    /// The greatest that anybody was told before another server was to be the primary.
    told_before: Cell<u64>,
}

impl Counter {
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            tried: Cell::new(0),
            told: Cell::new(0),
            given: RefCell::default(),
            told_before: Cell::new(0),
        }
    }

    /// Another server is about to be the primary: the old one may show what is now for good.
    pub(super) fn is_about_to_move(&self) {
        self.told_before.set(self.told.get());
    }

    /// What one who asks a server that is not the primary any more may not fall behind.
    pub(super) fn told_before(&self) -> u64 {
        self.told_before.get()
    }

    /// Somebody is about to raise it.
    pub(super) fn try_raise(&self) {
        self.tried.set(self.tried.get() + 1);
    }

    /// Somebody is about to read it. Returns what was told until now.
    pub(super) fn told(&self) -> u64 {
        self.told.get()
    }

    /// Somebody who asked when `before` had been told has raised it to `number`.
    pub(super) fn raised(&self, before: u64, number: u64) {
        let Self { name, given, .. } = self;
        assert!(
            number > before,
            "an acknowledged write is lost: {name} was {before}, and was raised to {number} later"
        );
        assert!(
            given.borrow_mut().insert(number),
            "an acknowledged write is lost: two clients raised {name} to {number}"
        );
        self.seen(before, number);
    }

    /// Somebody who asked when `before` had been told has read `number`.
    pub(super) fn seen(&self, before: u64, number: u64) {
        let Self {
            name, tried, told, ..
        } = self;
        assert!(
            number >= before,
            "an acknowledged write is lost: {name} was {before}, and is {number} later"
        );
        let tried = tried.get();
        assert!(
            number <= tried,
            "a write that nobody made is there: {name} is {number}, and was raised {tried} times"
        );
        told.set(told.get().max(number));
    }
}

/// A list to which one client appends the numbers 0, 1, 2 …, each at most once.
#[derive(Debug, Default)]
pub(super) struct List {
    tried: Cell<u64>,
    /// What was answered: the number, and how long the list was with it.
    told: RefCell<Vec<(u64, u64)>>,
    /// The longest that a replica has shown.
    longest: RefCell<Vec<u64>>,
}

impl List {
    /// The number to append next.
    pub(super) fn try_append(&self) -> u64 {
        self.tried.replace(self.tried.get() + 1)
    }

    /// `number` was appended, which made the list `len` long.
    pub(super) fn appended(&self, number: u64, len: u64) {
        let mut told = self.told.borrow_mut();
        let before = told.last().map_or(0, |&(_, len)| len);
        assert!(
            len > before,
            "an acknowledged write is lost: a list of {before} has {len} with {number}"
        );
        told.push((number, len));
    }

    /// A replica shows `shown`, at some time. What was shown before or will be is the same, as far as
    /// both go.
    pub(super) fn shown(&self, shown: &[u64]) {
        let mut longest = self.longest.borrow_mut();
        let common = longest.len().min(shown.len());
        assert_eq!(
            longest[..common],
            shown[..common],
            "a replica shows what its primary has not: a list is not what it was"
        );
        if shown.len() > common {
            *longest = shown.to_vec();
        }
    }

    /// The list holds `kept`, after all is over.
    pub(super) fn holds(&self, kept: &[u64]) {
        for &(number, len) in &*self.told.borrow() {
            let there = usize::try_from(len - 1).ok().and_then(|at| kept.get(at));
            assert_eq!(
                there,
                Some(&number),
                "an acknowledged write is lost: {number} was element {len} of a list that holds {kept:?}"
            );
        }
        let longest = self.longest.borrow();
        assert!(
            kept.starts_with(&longest),
            "an acknowledged write is lost: a replica has shown {longest:?}, and {kept:?} is left"
        );
        let once: BTreeSet<_> = kept.iter().collect();
        assert_eq!(once.len(), kept.len(), "a write was done twice: {kept:?}");
        let tried = self.tried.get();
        assert!(
            kept.iter().all(|&number| number < tried),
            "a write that nobody made is there: a list of less than {tried} holds {kept:?}"
        );
    }
}

/// A key to which one client gives the values 1, 2, 3 …, each once.
#[derive(Debug, Default)]
pub(super) struct Register {
    tried: Cell<u64>,
    /// What was read or written last; 0 is nothing.
    current: Cell<u64>,
    /// What may be written at any later time.
    open: RefCell<BTreeSet<u64>>,
}

impl Register {
    /// The value to write next, which is open until it is answered.
    pub(super) fn try_write(&self) -> u64 {
        let number = self.tried.get() + 1;
        self.tried.set(number);
        self.open.borrow_mut().insert(number);
        number
    }

    /// `number` was written.
    pub(super) fn written(&self, number: u64) {
        self.open.borrow_mut().remove(&number);
        self.current.set(number);
    }

    /// `number` was read.
    pub(super) fn read(&self, number: u64) {
        let current = self.current.get();
        if number == current {
            return;
        }
        assert!(
            self.open.borrow_mut().remove(&number),
            "an acknowledged write is lost: a key was {current}, and is {number}"
        );
        self.current.set(number);
    }
}
