use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::{READ_CLOSED, READABLE, Source, WRITABLE};
use crate::backend::Direction::{Read, Write};

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn notify(source: &Source, ready: usize) {
    let mut wakers = Vec::new();
    source.notify(ready, &mut wakers);
    wakers.into_iter().for_each(Waker::wake);
}

fn is_ready(source: &Source, direction: crate::backend::Direction) -> bool {
    source.is_ready(direction).is_ready()
}

#[test]
fn blocked_attempt_clears_its_own_direction_only() {
    let source = Source::new(READABLE | WRITABLE);
    let seen = source.attempt(Read).unwrap();
    source.blocked(Read, seen);
    assert!(!is_ready(&source, Read));
    assert!(is_ready(&source, Write));
}

#[test]
fn event_during_an_attempt_is_kept() {
    let source = Source::new(READABLE);
    let seen = source.attempt(Read).unwrap();
    notify(&source, READABLE);
    source.blocked(Read, seen);
    assert!(is_ready(&source, Read));
    source.exhausted(Read, seen);
    assert!(is_ready(&source, Read));
}

#[test]
fn closed_direction_stays_ready_after_a_short_read() {
    let source = Source::new(0);
    notify(&source, READABLE | READ_CLOSED);
    let seen = source.attempt(Read).unwrap();
    source.exhausted(Read, seen);
    assert!(is_ready(&source, Read));
    source.blocked(Read, seen);
    assert!(!is_ready(&source, Read), "or a reader would try for ever");
}

#[test]
fn one_waker_is_kept_once_and_several_are_all_woken() {
    let source = Source::new(0);
    let counts: [Arc<Count>; 3] = Default::default();
    for count in &counts {
        let waker = Waker::from(count.clone());
        for _ in 0..3 {
            let polled = source.poll_ready(&mut Context::from_waker(&waker), Read);
            assert!(polled.is_pending());
        }
    }
    notify(&source, WRITABLE);
    notify(&source, READABLE);
    let woken = counts.map(|count| count.0.load(Ordering::SeqCst));
    assert_eq!(woken, [1, 1, 1]);
}

#[test]
fn closed_source_wakes_and_fails_both_directions() {
    let source = Source::new(0);
    let count = Arc::new(Count::default());
    let waker = Waker::from(count.clone());
    let mut cx = Context::from_waker(&waker);
    for direction in [Read, Write] {
        assert!(source.poll_ready(&mut cx, direction).is_pending());
    }
    let mut wakers = Vec::new();
    source.close(&mut wakers);
    assert_eq!(wakers.len(), 2);
    for direction in [Read, Write] {
        let polled = source.poll_ready(&mut cx, direction);
        assert!(matches!(polled, Poll::Ready(Err(_))));
        assert!(source.attempt(direction).is_err());
    }
}

#[test]
fn event_while_a_waker_is_stored_is_not_lost() {
    let source = Source::new(0);
    let count = Arc::new(Count::default());
    let waker = Waker::from(count.clone());
    for _ in 0..20_000 {
        std::thread::scope(|scope| {
            let event = scope.spawn(|| notify(&source, READABLE));
            let polled = source.poll_ready(&mut Context::from_waker(&waker), Read);
            event.join().unwrap();
            let woken = count.0.swap(0, Ordering::SeqCst) > 0;
            assert!(polled.is_ready() || woken, "neither ready nor woken");
        });
        let seen = source.attempt(Read).unwrap();
        source.blocked(Read, seen);
        notify(&source, WRITABLE);
    }
}
