//! A key of one client that dies, or not.
//!
//! Owns what that forbids, whatever clocks show: what has died does not come back, and what has no
//! lifetime does not die. Knows nothing of requests.
//!
//! # Invariants
//! 1. Everything that was asked for this key was answered: after anything else the client takes
//!    another key.

use std::cell::Cell;

/// A key, as its client knows it.
#[derive(Debug, Default)]
pub(super) struct Life {
    /// Which key it is.
    key: Cell<u64>,
    tried: Cell<u64>,
    state: Cell<State>,
    /// Somebody has asked for something and was not answered yet.
    is_asked: Cell<bool>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// It was never there, or has died.
    #[default]
    Nothing,
    /// It holds the number, and may die.
    Mortal(u64),
    /// It holds the number.
    Immortal(u64),
}

impl Life {
    /// The name of the key.
    pub(super) fn key(&self, client: usize) -> String {
        format!("life-{client}-{}", self.key.get())
    }

    /// The number to write next.
    pub(super) fn try_write(&self) -> u64 {
        self.tried.set(self.tried.get() + 1);
        self.tried.get()
    }

    /// Its client is about to ask.
    pub(super) fn is_asked(&self) {
        self.is_asked.set(true);
    }

    /// Its client was answered.
    pub(super) fn is_answered(&self) {
        self.is_asked.set(false);
    }

    /// The key holds `number`, after all is over.
    pub(super) fn holds(&self, number: u64) {
        // A client that was ended in between has not taken another key.
        if !self.is_asked.get() {
            self.read(number);
        }
    }

    /// Nobody knows what became of the last request.
    pub(super) fn is_open(&self) {
        self.is_asked.set(false);
        self.key.set(self.key.get() + 1);
        self.state.set(State::Nothing);
    }

    /// It holds `number`, for a time or for ever.
    pub(super) fn written(&self, number: u64, dies: bool) {
        self.state.set(match dies {
            true => State::Mortal(number),
            false => State::Immortal(number),
        });
    }

    /// Its lifetime was taken away, if `done`; else it had none, or was not there.
    pub(super) fn persisted(&self, done: bool) {
        let state = match (self.state.get(), done) {
            (State::Mortal(number), true) => State::Immortal(number),
            (State::Mortal(_), false) => State::Nothing,
            (state, false) => state,
            (state, true) => panic!(
                "an acknowledged write is lost: a key that was {state:?} had a lifetime to take"
            ),
        };
        self.state.set(state);
    }

    /// It holds `number`; 0 if it is not there.
    pub(super) fn read(&self, number: u64) {
        match self.state.get() {
            State::Mortal(_) if number == 0 => self.state.set(State::Nothing),
            State::Mortal(held) | State::Immortal(held) => assert_eq!(
                number, held,
                "an acknowledged write is lost: a key held {held}, and holds {number}"
            ),
            State::Nothing => assert_eq!(
                number, 0,
                "an acknowledged write is lost: a key that had died is back"
            ),
        }
    }
}
