//! What the same work costs without a runtime: boxes and a queue, a heap.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::measure::{Costs, Span};

pub fn run(row: &str, scale: u64) -> Option<Costs> {
    Some(match row {
        "spawn_b1" => measured(|count| spawn(count, 1), 2_000_000 / scale),
        "spawn_b1000" => measured(|count| spawn(count, 1000), 4_000_000 / scale),
        "churn_0" => measured(|count| churn(count, 0), 2_000_000 / scale),
        "churn_100000" => measured(|count| churn(count, 100_000), 2_000_000 / scale),
        "sim_timers" => measured(timers, 1_000_000 / scale),
        _ => return None,
    })
}

fn measured(work: impl Fn(u64), count: u64) -> Costs {
    work(count / 10);
    let span = Span::start();
    work(count);
    span.end(count)
}

/// Boxed futures in a queue, polled once each: no wakers, no join handles, no lists.
fn spawn(count: u64, batch: u64) {
    let mut cx = Context::from_waker(Waker::noop());
    let mut queue: VecDeque<Pin<Box<dyn Future<Output = u64>>>> = VecDeque::new();
    let mut sum = 0;
    for _ in 0..count / batch {
        for number in 0..batch {
            queue.push_back(Box::pin(async move { number }));
        }
        while let Some(mut task) = queue.pop_front() {
            if let Poll::Ready(number) = task.as_mut().poll(&mut cx) {
                sum += number;
            }
        }
    }
    assert_eq!(sum, count / batch * (batch * (batch - 1) / 2));
}

/// Pushes and pops the least of a heap: a heap without positions cannot remove any other.
fn churn(count: u64, standing: u64) {
    let mut heap: BinaryHeap<_> = (0..standing)
        .map(|it| Reverse((60_000_000 + it, it)))
        .collect();
    for number in 0..count {
        heap.push(Reverse((30_000_000 + number % 1_000, number)));
        assert_eq!(heap.pop().map(|it| it.0.1), Some(number));
    }
}

/// 1 000 timers that are armed again as they fire, `count` times in all.
fn timers(count: u64) {
    let mut heap = BinaryHeap::new();
    let mut states: Vec<u64> = (0..1000).map(crate::sim::first_state).collect();
    let mut left = vec![count / 1000; 1000];
    let mut serial = 0;
    for (task, state) in states.iter_mut().enumerate() {
        heap.push(Reverse((crate::sim::next_delay_ns(state), serial, task)));
        serial += 1;
    }
    let mut fired = 0;
    while let Some(Reverse((now, _, task))) = heap.pop() {
        fired += 1;
        left[task] -= 1;
        if left[task] > 0 {
            let delay = crate::sim::next_delay_ns(&mut states[task]);
            heap.push(Reverse((now + delay, serial, task)));
            serial += 1;
        }
    }
    assert_eq!(fired, count / 1000 * 1000);
}
