//! What a scope shares with what was spawned into it.
//!
//! Owns the children that nobody has polled yet, and the first error. Knows nothing of who polls.
//!
//! # Invariants
//! 1. Once it is closed, it holds no child: a child may hold it, and would keep itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The scope of children of type `C`, which errors of type `E` end.
pub(super) struct Shared<C, E>(Mutex<State<C, E>>);

struct State<C, E> {
    spawned: Vec<C>,
    error: Option<E>,
    is_closed: bool,
}

impl<C, E> Shared<C, E> {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            spawned: Vec::new(),
            error: None,
            is_closed: false,
        })))
    }

    /// Takes in a child; drops it if the scope has ended.
    pub(super) fn add(&self, child: C) {
        let mut state = self.state();
        if state.is_closed {
            drop(state);
            drop(child);
            return;
        }
        state.spawned.push(child);
    }

    /// Moves the children that nobody has polled behind those in `children`. Whether there were some.
    pub(super) fn take_spawned(&self, children: &mut Vec<C>) -> bool {
        let before = children.len();
        children.append(&mut self.state().spawned);
        children.len() > before
    }

    /// A child has failed.
    pub(super) fn fail(&self, error: E) {
        let late = {
            let mut state = self.state();
            match state.error {
                None => {
                    state.error = Some(error);
                    None
                }
                Some(_) => Some(error),
            }
        };
        drop(late);
    }

    /// The first error of a child.
    pub(super) fn take_error(&self) -> Option<E> {
        self.state().error.take()
    }

    fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        let spawned = std::mem::take(&mut state.spawned);
        let error = state.error.take();
        drop(state);
        drop((spawned, error));
    }

    fn state(&self) -> MutexGuard<'_, State<C, E>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes the scope when it is dropped.
pub(super) struct Close<C, E>(pub(super) Arc<Shared<C, E>>);

impl<C, E> Drop for Close<C, E> {
    fn drop(&mut self) {
        self.0.close();
    }
}
