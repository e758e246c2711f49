//! Operations that wait, that are refused, and that are lost.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};

use super::Lane;
use crate::backend::{Completion, FileJob, Outcome, Submitted};

fn done() -> Completion {
    Completion::of(Ok(Outcome::Done))
}

fn ended(submitted: &mut dyn Submitted) -> Completion {
    match submitted.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(completion) => completion,
        Poll::Pending => panic!("it was neither done nor given up"),
    }
}

fn run_at_once(job: &mut Option<FileJob>) -> io::Result<()> {
    job.take().unwrap()();
    Ok(())
}

#[test]
fn who_waited_for_a_refused_operation_is_told_why_it_was_refused() {
    let lane = Lane::default();
    let mut waited = None;
    let refused = lane.submit(false, done, |_| {
        // What another thread submits meanwhile.
        waited = Some(lane.submit(false, done, |_| panic!("it has to wait")));
        Err(io::Error::new(io::ErrorKind::Unsupported, "not here"))
    });
    assert_eq!(refused.err().unwrap().to_string(), "not here");
    let completion = ended(&mut *waited.unwrap().unwrap());
    assert!(completion.never_began);
    let error = completion.result.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Unsupported);
    assert_eq!(error.to_string(), "not here");
}

#[test]
fn a_lane_is_free_after_a_refusal_and_forgets_the_reason() {
    let lane = Lane::default();
    let refuse = |_: &mut Option<FileJob>| Err(io::Error::other("not here"));
    assert!(lane.submit(false, done, refuse).is_err());
    let mut next = lane.submit(false, done, run_at_once).unwrap();
    let completion = ended(&mut *next);
    assert!(completion.result.is_ok() && !completion.never_began);
    // A job that a world takes and never does is another matter.
    let mut waited = None;
    let lost = lane.submit(false, done, |job| {
        waited = Some(lane.submit(false, done, |_| panic!("it has to wait")));
        drop(job.take());
        Ok(())
    });
    for given_up in [lost, waited.unwrap()] {
        let completion = ended(&mut *given_up.unwrap());
        assert!(completion.never_began);
        let error = completion.result.unwrap_err();
        assert!(error.to_string().contains("is gone"), "{error}");
    }
}

#[test]
fn those_who_wait_run_in_their_order_by_the_thread_before_them() {
    let lane = Lane::default();
    let count = Arc::new(AtomicU32::new(0));
    let numbered = |number: u32| {
        let count = count.clone();
        move || {
            assert_eq!(count.fetch_add(1, Ordering::SeqCst), number);
            done()
        }
    };
    let mut waited = Vec::new();
    let first = lane.submit(false, numbered(0), |job| {
        for number in 1..4 {
            let unused = |_: &mut Option<FileJob>| panic!("it has to wait");
            waited.push(lane.submit(number == 2, numbered(number), unused));
        }
        run_at_once(job)
    });
    for submitted in std::iter::once(first).chain(waited) {
        assert!(ended(&mut *submitted.unwrap()).result.is_ok());
    }
    assert_eq!(count.load(Ordering::SeqCst), 4);
}
