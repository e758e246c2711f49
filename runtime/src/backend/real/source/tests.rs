//! Readiness, and who is woken for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::{PRIORITY, READ_CLOSED, READABLE, Source, WRITABLE};
use crate::backend::Direction::{Priority, Read, Write};
use crate::backend::Seat;

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
    let mut seats: [Seat; 3] = Default::default();
    for (count, seat) in counts.iter().zip(&mut seats) {
        let waker = Waker::from(count.clone());
        for _ in 0..3 {
            let polled = source.poll_ready(&mut Context::from_waker(&waker), Read, Some(seat));
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
        assert!(source.poll_ready(&mut cx, direction, None).is_pending());
    }
    let mut wakers = Vec::new();
    source.close(&mut wakers);
    assert_eq!(wakers.len(), 2);
    for direction in [Read, Write] {
        let polled = source.poll_ready(&mut cx, direction, None);
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
            let polled = source.poll_ready(&mut Context::from_waker(&waker), Read, None);
            event.join().unwrap();
            let woken = count.0.swap(0, Ordering::SeqCst) > 0;
            assert!(polled.is_ready() || woken, "neither ready nor woken");
        });
        let seen = source.attempt(Read).unwrap();
        source.blocked(Read, seen);
        notify(&source, WRITABLE);
    }
}

#[test]
fn of_those_without_a_seat_the_last_one_is_kept() {
    let source = Source::new(0);
    let counts: [Arc<Count>; 2] = Default::default();
    for count in &counts {
        let waker = Waker::from(count.clone());
        let polled = source.poll_ready(&mut Context::from_waker(&waker), Read, None);
        assert!(polled.is_pending());
    }
    assert_eq!(Arc::strong_count(&counts[0]), 1, "it was replaced");
    notify(&source, READABLE);
    let woken = counts.map(|count| count.0.load(Ordering::SeqCst));
    assert_eq!(woken, [0, 1]);
}

#[test]
fn who_leaves_a_seat_leaves_no_waker() {
    let source = Source::new(0);
    let stays = Arc::new(Count::default());
    let mut kept = Seat::default();
    let waker = Waker::from(stays.clone());
    for direction in [Read, Write] {
        let polled =
            source.poll_ready(&mut Context::from_waker(&waker), direction, Some(&mut kept));
        assert!(polled.is_pending());
    }
    for _ in 0..100 {
        let count = Arc::new(Count::default());
        let waker = Waker::from(count.clone());
        let mut seat = Seat::default();
        for direction in [Read, Write] {
            let polled =
                source.poll_ready(&mut Context::from_waker(&waker), direction, Some(&mut seat));
            assert!(polled.is_pending());
        }
        drop(waker);
        assert_eq!(Arc::strong_count(&count), 3);
        source.leave(&mut seat);
        assert_eq!(Arc::strong_count(&count), 1);
    }
    notify(&source, READABLE);
    notify(&source, WRITABLE);
    assert_eq!(stays.0.load(Ordering::SeqCst), 2);
}

#[test]
fn a_seat_that_was_woken_is_taken_anew() {
    let source = Source::new(0);
    let counts: [Arc<Count>; 2] = Default::default();
    let mut seats: [Seat; 2] = Default::default();
    for round in 1..=3 {
        // Whoever was there first comes back last.
        for place in [round % 2, (round + 1) % 2] {
            let waker = Waker::from(counts[place].clone());
            let mut cx = Context::from_waker(&waker);
            let polled = source.poll_ready(&mut cx, Read, Some(&mut seats[place]));
            assert!(polled.is_pending());
        }
        notify(&source, READABLE);
        for count in &counts {
            assert_eq!(count.0.load(Ordering::SeqCst), round);
        }
        let seen = source.attempt(Read).unwrap();
        source.blocked(Read, seen);
    }
}

#[test]
fn a_blocked_attempt_for_urgent_bytes_leaves_the_end_to_readers() {
    let source = Source::new(0);
    notify(&source, PRIORITY | READABLE | READ_CLOSED);
    let seen = source.attempt(Priority).unwrap();
    source.blocked(Priority, seen);
    assert!(!source.signs().priority);
    assert!(source.signs().read_closed);
    let seen = source.attempt(Read).unwrap();
    source.exhausted(Read, seen);
    assert!(is_ready(&source, Read), "the end is still to be read");
}

#[test]
fn a_short_read_says_nothing_once_there_were_urgent_bytes() {
    let source = Source::new(0);
    notify(&source, PRIORITY | READABLE);
    for _ in 0..2 {
        let seen = source.attempt(Read).unwrap();
        source.exhausted(Read, seen);
        assert!(is_ready(&source, Read), "a read ends at the urgent bytes");
        // That they were taken does not move the place at which reads end.
        let seen = source.attempt(Priority);
        seen.into_iter()
            .for_each(|seen| source.blocked(Priority, seen));
    }
    let seen = source.attempt(Read).unwrap();
    source.blocked(Read, seen);
    assert!(!is_ready(&source, Read));
}
