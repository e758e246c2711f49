//! Who answers a request.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use super::{Cancellation, Reason, Role};

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn because(reason: &str) -> Reason {
    Some(reason.into())
}

fn wake_all(wakers: Vec<Waker>) {
    for waker in wakers {
        waker.wake();
    }
}

#[test]
fn a_task_without_scopes_is_dropped() {
    let task = Cancellation::default();
    assert!(!task.may_drop(), "nobody has asked");
    assert!(task.request(None).is_empty());
    assert!(task.may_drop());
}

#[test]
fn a_task_that_has_caught_is_not_dropped() {
    let task = Cancellation::default();
    let scope = task.enter(Role::Catches, None);
    assert!(task.leave(scope).is_none());
    task.request(None);
    assert!(!task.may_drop());
    // The request waits for the next scope.
    let scope = task.enter(Role::Catches, None);
    assert_eq!(task.answer(scope), Some(None));
}

#[test]
fn a_task_that_is_shielded_is_dropped_after_the_shield() {
    let task = Cancellation::default();
    let shield = task.enter(Role::Shields, None);
    task.request(None);
    assert!(!task.may_drop());
    drop(task.leave(shield));
    assert!(task.may_drop());
}

#[test]
fn the_innermost_scope_answers_alone() {
    let task = Cancellation::default();
    let outer = task.enter(Role::Catches, None);
    let inner = task.enter(Role::Catches, Some(outer));
    let wakes = Arc::new(Wakes::default());
    for scope in [outer, inner] {
        drop(task.keep_waker(scope, Waker::from(wakes.clone())));
    }
    wake_all(task.request(because("enough")));
    assert_eq!(wakes.0.load(Ordering::Relaxed), 1, "the outer is not woken");
    assert_eq!(task.answer(inner), Some(because("enough")));
    drop(task.leave(inner));
    assert_eq!(task.answer(outer), None, "it was answered");
    assert!(task.request(None).is_empty());
    assert_eq!(task.answer(outer), None, "another request does nothing");
}

#[test]
fn an_outer_scope_does_not_answer_while_there_is_an_inner_one() {
    let task = Cancellation::default();
    let outer = task.enter(Role::Catches, None);
    task.request(None);
    let inner = task.enter(Role::Catches, Some(outer));
    assert_eq!(task.answer(outer), None);
    // The inner one ends at the same time, without an answer.
    drop(task.leave(inner));
    assert_eq!(task.answer(outer), Some(None));
}

#[test]
fn branches_answer_each() {
    let task = Cancellation::default();
    let outer = task.enter(Role::Catches, None);
    let branches = [(); 2].map(|()| task.enter(Role::Catches, Some(outer)));
    task.request(None);
    assert_eq!(task.answer(branches[0]), Some(None));
    assert_eq!(task.answer(branches[0]), None, "once");
    // One that begins to clean up is not disturbed, also if it has scopes.
    let later = task.enter(Role::Catches, Some(outer));
    assert_eq!(task.answer(later), None);
    // A branch that was asked has gone one scope deeper since.
    let deeper = task.enter(Role::Catches, Some(branches[1]));
    assert_eq!(task.answer(branches[1]), None);
    assert_eq!(task.answer(deeper), Some(None));
    drop(task.leave(deeper));
    assert_eq!(
        task.answer(branches[1]),
        None,
        "that was the branch's answer"
    );
}

#[test]
fn a_shield_keeps_requests_from_what_is_inside() {
    let task = Cancellation::default();
    let outer = task.enter(Role::Catches, None);
    let shield = task.enter(Role::Shields, Some(outer));
    let inner = task.enter(Role::Catches, Some(shield));
    assert!(task.request(None).is_empty());
    assert_eq!(task.answer(inner), None);
    drop(task.leave(inner));
    assert_eq!(task.answer(outer), None);
    drop(task.leave(shield));
    assert_eq!(task.answer(outer), Some(None));
}

#[test]
fn a_scope_that_outlives_the_one_around_it_belongs_to_the_next() {
    let task = Cancellation::default();
    let outer = task.enter(Role::Catches, None);
    let middle = task.enter(Role::Catches, Some(outer));
    let inner = [(); 2].map(|()| task.enter(Role::Catches, Some(middle)));
    drop(task.leave(middle));
    task.request(None);
    assert_eq!(task.answer(outer), None, "there are inner ones");
    assert_eq!(task.answer(inner[0]), Some(None));
    for scope in inner {
        drop(task.leave(scope));
    }
    drop(task.leave(outer));
}

#[test]
fn what_was_withdrawn_can_be_asked_anew() {
    let task = Cancellation::default();
    let scope = task.enter(Role::Catches, None);
    assert!(!task.withdraw());
    task.request(because("first"));
    assert!(task.withdraw());
    assert_eq!(task.answer(scope), None);
    assert!(!task.is_requested());
    task.request(because("second"));
    assert_eq!(task.answer(scope), Some(because("second")));
    assert!(task.withdraw());
    task.request(because("third"));
    assert_eq!(task.reason(), because("third"));
    assert_eq!(task.answer(scope), Some(because("third")));
}
