//! Who gets which item, and what becomes of those that nobody gets.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::error::*;
use super::*;
use crate::sync::testing::{Chance, Counted, Polled, panics, ready, wake_panics};

#[test]
fn each_queue_has_its_order() {
    let (first, last, least) = (Queue::new(0), LifoQueue::new(0), PriorityQueue::new(0));
    for item in [(1, 'a'), (3, 'b'), (2, 'c')] {
        first.try_put(item).unwrap();
        last.try_put(item).unwrap();
        least.try_put(item).unwrap();
    }
    let three =
        |get: &dyn Fn() -> Result<(i32, char), TryGetError>| [(); 3].map(|()| get().unwrap().0);
    assert_eq!(three(&|| first.try_get()), [1, 3, 2]);
    assert_eq!(three(&|| last.try_get()), [2, 3, 1]);
    assert_eq!(three(&|| least.try_get()), [1, 2, 3]);
}

#[test]
fn of_equal_items_the_oldest_is_least() {
    #[derive(Debug, PartialEq, Eq)]
    struct Job(u32, usize);
    impl Ord for Job {
        fn cmp(&self, other: &Self) -> std::cmp::Ordering {
            self.0.cmp(&other.0)
        }
    }
    impl PartialOrd for Job {
        fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
            Some(self.cmp(other))
        }
    }
    let queue = PriorityQueue::new(0);
    for number in 0..20 {
        queue
            .try_put(Job(2 - u32::from(number % 2 == 0), number))
            .unwrap();
    }
    let got: Vec<_> = std::iter::from_fn(|| queue.try_get().ok())
        .map(|job| job.1)
        .collect();
    let even = (0..20).step_by(2);
    let expected: Vec<_> = even.chain((1..20).step_by(2)).collect();
    assert_eq!(got, expected);
}

#[test]
fn room_is_given_in_the_order_of_waiting() {
    let queue = Queue::new(1);
    queue.try_put(0).unwrap();
    assert_eq!(
        (queue.is_full(), queue.maxsize(), queue.len()),
        (true, 1, 1)
    );
    let mut first = Polled::new(queue.put(1));
    let mut second = Polled::new(queue.put(2));
    assert!(!first.is_ready());
    assert!(!second.is_ready());
    assert_eq!(queue.try_get(), Ok(0));
    assert!(first.is_woken());
    assert!(!second.is_woken());
    assert_eq!(
        queue.try_put(3),
        Err(TryPutError::Full(3)),
        "the room is promised"
    );
    drop(first);
    assert!(second.is_woken(), "it passes on the room");
    ready(second.poll()).unwrap();
    assert_eq!(queue.try_get(), Ok(2));
    assert_eq!(TryPutError::Full(3).into_inner(), 3);
}

#[test]
fn items_are_given_in_the_order_of_waiting() {
    let queue = Queue::new(0);
    let mut first = Polled::new(queue.get());
    let mut second = Polled::new(queue.get());
    assert!(!first.is_ready());
    assert!(!second.is_ready());
    queue.try_put(1).unwrap();
    assert!(first.is_woken());
    assert!(!second.is_woken());
    assert_eq!(
        queue.try_get(),
        Err(TryGetError::Empty),
        "the item is promised"
    );
    assert!(!Polled::new(queue.get()).is_ready());
    drop(first);
    assert!(second.is_woken(), "it passes on the item");
    assert_eq!(ready(second.poll()), Ok(1));
}

#[test]
fn join_waits_until_all_is_done() {
    let queue = Queue::new(0);
    assert!(Polled::new(queue.join()).is_ready());
    queue.try_put(1).unwrap();
    queue.try_put(2).unwrap();
    let mut joined = Polled::new(queue.join());
    assert!(!joined.is_ready());
    queue.try_get().unwrap();
    queue.task_done().unwrap();
    assert!(!joined.is_woken());
    assert_eq!(queue.unfinished(), 1);
    queue.task_done().unwrap();
    queue.try_put(3).unwrap();
    assert!(joined.is_woken());
    assert!(joined.is_ready(), "all was done while it waited");
    queue.task_done().unwrap();
    assert_eq!(queue.task_done(), Err(NothingToDo));
}

#[test]
fn a_queue_that_is_shut_down_gives_what_it_has() {
    let queue = Queue::new(1);
    queue.try_put(1).unwrap();
    let mut putting = Polled::new(queue.put(2));
    assert!(!putting.is_ready());
    queue.shutdown();
    assert!(queue.is_shut_down());
    assert!(putting.is_woken());
    assert_eq!(ready(putting.poll()), Err(PutError(2)));
    assert_eq!(queue.try_put(3), Err(TryPutError::ShutDown(3)));
    assert_eq!(ready(Polled::new(queue.get()).poll()), Ok(1));
    assert_eq!(ready(Polled::new(queue.get()).poll()), Err(ShutDown));
    assert_eq!(queue.try_get(), Err(TryGetError::ShutDown));
    assert_eq!(queue.unfinished(), 1, "it is still to be done");
    queue.shutdown();
    queue.shutdown_now();
    assert_eq!(queue.unfinished(), 1);
}

#[test]
fn those_who_wait_for_what_cannot_come_are_told() {
    let queue: Queue<u8> = Queue::new(0);
    let mut waiting = [(); 3].map(|()| Polled::new(queue.get()));
    for waiter in &mut waiting {
        assert!(!waiter.is_ready());
    }
    queue.try_put(1).unwrap();
    queue.shutdown();
    let [first, second, third] = &mut waiting;
    assert!(!second.is_woken(), "the first may still go away");
    assert_eq!(ready(first.poll()), Ok(1));
    for waiter in [second, third] {
        assert!(waiter.is_woken());
        assert_eq!(ready(waiter.poll()), Err(ShutDown));
    }
    let queue: Queue<u8> = Queue::new(0);
    let mut waiting = [(); 2].map(|()| Polled::new(queue.get()));
    for waiter in &mut waiting {
        assert!(!waiter.is_ready());
    }
    queue.try_put(1).unwrap();
    queue.shutdown();
    let [first, mut second] = waiting;
    drop(first);
    assert!(second.is_woken());
    assert_eq!(ready(second.poll()), Ok(1));
}

#[test]
fn what_is_there_is_dropped_and_done_when_it_is_shut_down_at_once() {
    let alive = Rc::new(Cell::new(0));
    let value = || Counted::new(0, &alive);
    let queue = Queue::new(3);
    queue.try_put(value()).unwrap();
    drop(queue.try_get());
    let mut getting = Polled::new(queue.get());
    assert!(!getting.is_ready());
    for _ in 0..3 {
        queue.try_put(value()).unwrap();
    }
    let mut putting = Polled::new(queue.put(value()));
    assert!(!putting.is_ready());
    let mut joined = Polled::new(queue.join());
    assert!(!joined.is_ready());
    assert_eq!(alive.get(), 4);
    queue.shutdown_now();
    assert_eq!(
        (alive.get(), queue.unfinished()),
        (1, 1),
        "one was got before"
    );
    assert_eq!(ready(getting.poll()).err(), Some(ShutDown));
    assert!(ready(putting.poll()).is_err());
    assert!(!joined.is_woken());
    queue.task_done().unwrap();
    assert!(joined.is_woken());
    assert_eq!((alive.get(), queue.len()), (0, 0));
}

#[test]
fn promises_are_void_when_it_is_shut_down_at_once() {
    let queue = Queue::new(0);
    let mut gone = Polled::new(queue.get());
    let mut told = Polled::new(queue.get());
    for waiter in [&mut gone, &mut told] {
        assert!(!waiter.is_ready());
    }
    queue.try_put(1).unwrap();
    queue.try_put(2).unwrap();
    queue.shutdown_now();
    drop(gone);
    assert_eq!(ready(told.poll()), Err(ShutDown));
    assert!(Polled::new(queue.join()).is_ready());
}

#[test]
fn a_waker_that_panics_keeps_nobody_asleep() {
    let queue: Queue<u8> = Queue::new(0);
    let mut bad = Box::pin(queue.get());
    let waker = wake_panics();
    let polled = bad.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    let mut good = Polled::new(queue.get());
    assert!(!good.is_ready());
    assert!(panics(|| queue.shutdown()));
    assert!(good.is_woken());
    assert_eq!(ready(good.poll()), Err(ShutDown));
}

/// Items are put and got, waits given up, and sometimes it is shut down, at random, against a model.
#[test]
fn no_schedule_loses_an_item_or_gives_it_out_of_turn() {
    for seed in 0..50_000 {
        run_schedule(seed);
    }
}

type Putting<'a> = Polled<'a, Result<(), PutError<usize>>>;

fn run_schedule(seed: u64) {
    let mut chance = Chance::new(seed);
    let most = chance.below(3);
    let queue = Queue::new(most);
    let mut putting: Vec<(usize, Putting<'_>)> = Vec::new();
    let mut getting: Vec<Polled<'_, Result<usize, ShutDown>>> = Vec::new();
    let mut inside: VecDeque<usize> = VecDeque::new();
    let mut is_shut = false;
    for number in 0..40 {
        match chance.below(9) {
            0 if putting.len() < 3 => putting.push((number, Polled::new(queue.put(number)))),
            1 if getting.len() < 3 => getting.push(Polled::new(queue.get())),
            2 if !putting.is_empty() => drop(putting.swap_remove(chance.below(putting.len()))),
            3 if !getting.is_empty() => drop(getting.swap_remove(chance.below(getting.len()))),
            4 => match queue.try_put(number) {
                Ok(()) => inside.push_back(number),
                Err(TryPutError::Full(_)) => {
                    let promised = putting.iter().filter(|it| it.1.is_woken()).count();
                    assert!(most > 0 && inside.len() + promised >= most, "seed {seed}");
                }
                Err(TryPutError::ShutDown(_)) => assert!(is_shut, "seed {seed}"),
            },
            5 if chance.one_in(8) => {
                queue.shutdown();
                is_shut = true;
            }
            6 | 7 if !putting.is_empty() => {
                let index = chance.below(putting.len());
                let (item, waiter) = &mut putting[index];
                match waiter.poll() {
                    Poll::Pending => continue,
                    Poll::Ready(Ok(())) => inside.push_back(*item),
                    Poll::Ready(Err(PutError(back))) => {
                        assert!(is_shut && back == *item, "seed {seed}");
                    }
                }
                drop(putting.swap_remove(index));
            }
            _ if !getting.is_empty() => {
                let index = chance.below(getting.len());
                match getting[index].poll() {
                    Poll::Pending => continue,
                    Poll::Ready(got) => {
                        assert_eq!(got.ok(), inside.pop_front(), "seed {seed}");
                    }
                }
                drop(getting.swap_remove(index));
            }
            _ => {}
        }
        assert!(most == 0 || inside.len() <= most, "seed {seed}: too many");
        assert_eq!(queue.len(), inside.len(), "seed {seed}");
        // As many who wait for an item are woken as there are items, as far as they go.
        let waiting = getting.iter().filter(|it| it.waits);
        let woken = getting.iter().filter(|it| it.is_woken());
        if is_shut && inside.is_empty() {
            assert_eq!(woken.count(), waiting.count(), "seed {seed}: nothing comes");
        } else {
            assert!(
                woken.count() >= waiting.count().min(inside.len()),
                "seed {seed}: asleep"
            );
        }
        let asleep = putting
            .iter()
            .filter(|it| it.1.waits && !it.1.is_woken())
            .count();
        let woken = putting.iter().filter(|it| it.1.is_woken()).count();
        let room = if is_shut || most == 0 {
            usize::MAX
        } else {
            most - inside.len()
        };
        assert!(asleep == 0 || woken >= room, "seed {seed}: there is room");
    }
}
