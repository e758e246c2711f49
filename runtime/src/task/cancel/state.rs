//! The request that a task end, and the scopes that may answer it.
//!
//! Owns which scope is to answer. Knows nothing of futures.
//!
//! A request has one answer for each branch of the task: where several scopes are innermost (the
//! branches of a `join!`), each of them answers once. What an answer leads to, cleaning up, is not
//! disturbed: until [`withdraw`](Cancellation::withdraw) another request does nothing.
//!
//! # Invariants
//! 1. A scope's parent is there as long as it is: one that leaves gives its children to its own.
//! 2. `children` counts the scopes whose parent it is.
//! 3. No foreign code runs under the lock: wakers are moved in and out.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use slab::Slab;

/// Why a task is to end, in the words of whoever asked.
pub(crate) type Reason = Option<Arc<str>>;

/// What a task knows of being cancelled.
#[derive(Debug, Default)]
pub(crate) struct Cancellation {
    /// A scope that may answer was there, now or before.
    has_caught: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    request: Request,
    reason: Reason,
    scopes: Slab<Scope>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Request {
    /// Nobody has asked.
    #[default]
    None,
    /// Somebody has, and no scope has answered.
    Made,
    /// A scope has answered.
    Delivered,
}

/// What a scope does about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It answers.
    Catches,
    /// It keeps it from all that is inside.
    Shields,
    /// It ends what it is around, and leaves the answer to what is around it.
    Defers,
}

#[derive(Debug)]
struct Scope {
    role: Role,
    parent: Option<usize>,
    children: usize,
    /// It was innermost when the request came, and has not answered.
    is_marked: bool,
    /// The waker of its last poll.
    waker: Option<Waker>,
}

impl Cancellation {
    /// Asks for the task to end. The wakers are those of the scopes that are to answer.
    pub(crate) fn request(&self, reason: Reason) -> Vec<Waker> {
        let mut state = self.state();
        if state.request != Request::None {
            return Vec::new();
        }
        state.request = Request::Made;
        state.reason = reason;
        let is_to_answer = |&(_, scope): &(usize, &Scope)| {
            scope.children == 0 && scope.role != Role::Shields && !state.is_shielded(scope)
        };
        let innermost: Vec<_> = state.scopes.iter().filter(is_to_answer).collect();
        let innermost: Vec<_> = innermost.into_iter().map(|(key, _)| key).collect();
        let mut wakers = Vec::new();
        for key in innermost {
            let scope = &mut state.scopes[key];
            scope.is_marked = true;
            wakers.extend(scope.waker.take());
        }
        wakers
    }

    /// Takes back a request, answered or not: the next one counts anew. Whether there was one.
    pub(crate) fn withdraw(&self) -> bool {
        let mut state = self.state();
        let request = std::mem::take(&mut state.request);
        state.reason = None;
        for (_, scope) in &mut state.scopes {
            scope.is_marked = false;
        }
        request != Request::None
    }

    /// Whether somebody has asked.
    pub(crate) fn is_requested(&self) -> bool {
        self.state().request != Request::None
    }

    /// Why somebody has asked, in his words.
    pub(crate) fn reason(&self) -> Reason {
        self.state().reason.clone()
    }

    /// Whether a task that was asked to end, and has not, is to be dropped: it has no scope and never
    /// had one that answers.
    pub(crate) fn may_drop(&self) -> bool {
        !self.has_caught.load(Ordering::Relaxed) && {
            let state = self.state();
            state.request != Request::None && state.scopes.is_empty()
        }
    }

    /// Enters a scope inside `parent`.
    pub(super) fn enter(&self, role: Role, parent: Option<usize>) -> usize {
        if role == Role::Catches {
            self.has_caught.store(true, Ordering::Relaxed);
        }
        let mut state = self.state();
        if let Some(parent) = parent {
            state.scopes[parent].children += 1;
        }
        state.scopes.insert(Scope {
            role,
            parent,
            children: 0,
            is_marked: false,
            waker: None,
        })
    }

    /// Leaves a scope. The waker is its last one.
    #[must_use = "foreign code must not run under the lock"]
    pub(super) fn leave(&self, key: usize) -> Option<Waker> {
        let mut state = self.state();
        let scope = state.scopes.remove(key);
        if scope.children > 0 {
            // What is inside may be dropped later than the future around it has returned.
            for (_, inner) in &mut state.scopes {
                if inner.parent == Some(key) {
                    inner.parent = scope.parent;
                }
            }
        }
        if let Some(parent) = scope.parent {
            let children = &mut state.scopes[parent].children;
            *children = *children + scope.children - 1;
        }
        scope.waker
    }

    /// Whether a request would wake the task of `waker` for this scope.
    pub(super) fn wakes(&self, key: usize, waker: &Waker) -> bool {
        let state = self.state();
        let own = state.scopes[key].waker.as_ref();
        own.is_some_and(|own| own.will_wake(waker))
    }

    /// Keeps `waker` for a request. Returns the one that was kept.
    #[must_use = "foreign code must not run under the lock"]
    pub(super) fn keep_waker(&self, key: usize, waker: Waker) -> Option<Waker> {
        self.state().scopes[key].waker.replace(waker)
    }

    /// Whether a scope that has nothing to return is to answer a request, which it then has.
    pub(super) fn answer(&self, key: usize) -> Option<Reason> {
        let state = &mut *self.state();
        state.is_meant(key).then(|| {
            state.request = Request::Delivered;
            state.unmark(key);
            state.reason.clone()
        })
    }

    /// Why a scope was asked that leaves the answer to others, if it was.
    pub(super) fn asked(&self, key: usize) -> Option<Reason> {
        let state = self.state();
        state.is_meant(key).then(|| state.reason.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether a scope is the one that a request is for.
    fn is_meant(&self, key: usize) -> bool {
        let scope = &self.scopes[key];
        let is_asked = self.request == Request::Made || self.is_marked(key);
        is_asked && scope.children == 0 && !self.is_shielded(scope)
    }

    /// Whether something around `scope` keeps requests from it.
    fn is_shielded(&self, scope: &Scope) -> bool {
        let mut next = scope.parent;
        while let Some(key) = next {
            let around = &self.scopes[key];
            if around.role == Role::Shields {
                return true;
            }
            next = around.parent;
        }
        false
    }

    /// Whether the scope, or one around it, was innermost when the request came.
    fn is_marked(&self, key: usize) -> bool {
        let scope = &self.scopes[key];
        scope.is_marked || scope.parent.is_some_and(|parent| self.is_marked(parent))
    }

    /// Notes that nothing from the scope outwards is to answer any more.
    fn unmark(&mut self, key: usize) {
        let mut next = Some(key);
        while let Some(key) = next {
            let scope = &mut self.scopes[key];
            scope.is_marked = false;
            next = scope.parent;
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
