//! Models of what hands values or moments on to many: watch, broadcast, cells, events, conditions,
//! barriers and queues.

use std::sync::Arc;

use ::loom::thread;

use super::{Touched, block_on, model, poll_once};
use crate::sync::barrier::Barrier;
use crate::sync::broadcast::error::{RecvError, TryRecvError};
use crate::sync::condition::Condition;
use crate::sync::event::Event;
use crate::sync::queue::Queue;
use crate::sync::{Mutex, OnceCell, SetOnce, broadcast, watch};

#[test]
fn loom_a_watched_value_reaches_whoever_waits() {
    model(3, || {
        let (sender, mut receiver) = watch::channel(0);
        let sends = thread::spawn(move || {
            sender.send(1).unwrap();
            sender.send(2).unwrap();
            sender
        });
        let mut seen = 0;
        while seen < 2 {
            block_on(receiver.changed()).unwrap();
            let value = *receiver.borrow_and_update();
            assert!(value > seen, "each is new, and none comes back");
            seen = value;
        }
        assert!(!receiver.has_changed().unwrap());
        sends.join().unwrap();
    });
}

#[test]
fn loom_the_last_watched_value_comes_before_the_end() {
    model(3, || {
        let (sender, mut receiver) = watch::channel(0);
        let sends = thread::spawn(move || sender.send(1).unwrap());
        let mut changes = 0;
        while block_on(receiver.changed()).is_ok() {
            changes += 1;
        }
        assert_eq!(*receiver.borrow(), 1);
        assert_eq!(changes, 1, "the end hides no value");
        sends.join().unwrap();
    });
}

#[test]
fn loom_the_end_of_the_last_watcher_reaches_the_sender() {
    model(3, || {
        let (sender, receiver) = watch::channel(0);
        let other = receiver.clone();
        let ends = thread::spawn(move || drop(receiver));
        drop(other);
        block_on(sender.closed());
        ends.join().unwrap();
        assert!(sender.send(1).is_err());
    });
}

#[test]
fn loom_a_dropped_watcher_leaves_the_other_to_be_woken() {
    model(3, || {
        let (sender, mut receiver) = watch::channel(0);
        let mut other = receiver.clone();
        let dropped = thread::spawn(move || {
            let _ = poll_once(other.changed());
        });
        let waits = thread::spawn(move || {
            block_on(receiver.changed()).unwrap();
            *receiver.borrow()
        });
        sender.send(1).unwrap();
        assert_eq!(waits.join().unwrap(), 1);
        dropped.join().unwrap();
    });
}

#[test]
fn loom_a_broadcast_reaches_every_receiver_in_order() {
    model(2, || {
        let (sender, mut receiver) = broadcast::channel(2);
        let mut other = sender.subscribe();
        let receives = thread::spawn(move || {
            [block_on(other.recv()), block_on(other.recv())].map(Result::unwrap)
        });
        let sends = thread::spawn(move || {
            sender.send(1).unwrap();
            sender.send(2).unwrap();
        });
        assert_eq!(block_on(receiver.recv()), Ok(1));
        assert_eq!(block_on(receiver.recv()), Ok(2));
        assert_eq!(block_on(receiver.recv()), Err(RecvError::Closed));
        assert_eq!(receives.join().unwrap(), [1, 2]);
        sends.join().unwrap();
    });
}

#[test]
fn loom_what_a_broadcast_leaves_out_is_counted() {
    model(2, || {
        let (sender, mut receiver) = broadcast::channel(1);
        let sends = thread::spawn(move || {
            for value in 1..=3 {
                sender.send(value).unwrap();
            }
        });
        let (mut passed, mut last) = (0, 0);
        loop {
            match block_on(receiver.recv()) {
                Ok(value) => {
                    passed += 1;
                    assert_eq!(value, passed, "it is where the count says");
                    last = value;
                }
                Err(RecvError::Lagged(missed)) => passed += missed,
                Err(RecvError::Closed) => break,
            }
        }
        assert_eq!((passed, last), (3, 3), "the last is never left out");
        sends.join().unwrap();
    });
}

#[test]
fn loom_a_receiver_that_ends_is_counted_or_not() {
    model(3, || {
        let (sender, receiver) = broadcast::channel(2);
        let mut other = sender.subscribe();
        let ends = thread::spawn(move || drop(receiver));
        let reached = sender.send(1).unwrap();
        assert!((1..=2).contains(&reached));
        assert_eq!(other.try_recv(), Ok(1));
        assert_eq!(other.try_recv(), Err(TryRecvError::Empty));
        ends.join().unwrap();
        assert_eq!(sender.receiver_count(), 1);
        assert!(sender.is_empty(), "everyone who is there has it");
    });
}

#[test]
fn loom_one_of_two_sets_the_value_that_all_see() {
    model(3, || {
        let cell = Arc::new(SetOnce::new());
        let waits = thread::spawn({
            let cell = cell.clone();
            move || *block_on(cell.wait())
        });
        let other = thread::spawn({
            let cell = cell.clone();
            move || cell.set(1).is_ok()
        });
        let won = cell.set(2).is_ok();
        let seen = waits.join().unwrap();
        assert_ne!(won, other.join().unwrap(), "one of them sets it");
        assert_eq!(seen, if won { 2 } else { 1 });
    });
}

#[test]
fn loom_a_value_that_was_set_is_ordered_with_who_sees_it() {
    model(4, || {
        let shared = Arc::new((SetOnce::new(), Touched::new()));
        let sets = thread::spawn({
            let shared = shared.clone();
            move || {
                shared.1.touch();
                shared.0.set(()).unwrap();
            }
        });
        block_on(shared.0.wait());
        assert_eq!(shared.1.touch(), 2);
        sets.join().unwrap();
    });
}

#[test]
fn loom_a_cell_makes_its_value_once() {
    model(3, || {
        let shared = Arc::new((OnceCell::new(), Touched::new()));
        let make = |shared: &(OnceCell<usize>, Touched)| {
            *block_on(shared.0.get_or_init(async || shared.1.touch()))
        };
        let other = thread::spawn({
            let shared = shared.clone();
            move || make(&shared)
        });
        assert_eq!(make(&shared), 1);
        assert_eq!(other.join().unwrap(), 1);
    });
}

#[test]
fn loom_a_cell_whose_maker_is_dropped_is_made_by_another() {
    model(3, || {
        let cell = Arc::new(OnceCell::new());
        let dropped = thread::spawn({
            let cell = cell.clone();
            move || {
                let _ = poll_once(cell.get_or_init(async || std::future::pending::<u8>().await));
            }
        });
        assert_eq!(*block_on(cell.get_or_init(async || 7)), 7);
        dropped.join().unwrap();
    });
}

#[test]
fn loom_an_event_wakes_whoever_waits_and_orders() {
    model(4, || {
        let shared = Arc::new((Event::new(), Touched::new()));
        let sets = thread::spawn({
            let shared = shared.clone();
            move || {
                shared.1.touch();
                shared.0.set();
            }
        });
        block_on(shared.0.wait());
        assert_eq!(shared.1.touch(), 2);
        sets.join().unwrap();
    });
}

#[test]
fn loom_an_event_that_is_cleared_at_once_has_woken_who_waited() {
    model(4, || {
        let event = Arc::new(Event::new());
        let waiting = Arc::new(Event::new());
        let waits = thread::spawn({
            let (event, waiting) = (event.clone(), waiting.clone());
            move || {
                let mut wait = Box::pin(event.wait());
                assert!(poll_once(&mut wait).is_pending());
                waiting.set();
                block_on(wait);
            }
        });
        block_on(waiting.wait());
        event.set();
        event.clear();
        waits.join().unwrap();
    });
}

#[test]
fn loom_a_condition_wakes_whoever_waits_for_it() {
    model(3, || {
        let shared = Arc::new((Mutex::new(false), Condition::new()));
        let tells = thread::spawn({
            let shared = shared.clone();
            move || {
                *block_on(shared.0.lock()) = true;
                shared.1.notify_one();
            }
        });
        let mut is_told = block_on(shared.0.lock());
        while !*is_told {
            is_told = block_on(shared.1.wait(is_told));
        }
        drop(is_told);
        tells.join().unwrap();
    });
}

#[test]
fn loom_a_barrier_lets_all_go_at_once_and_orders_them() {
    model(3, || {
        let shared = Arc::new((Barrier::new(2), [Touched::new(), Touched::new()]));
        let other = thread::spawn({
            let shared = shared.clone();
            move || {
                shared.1[0].touch();
                let passed = block_on(shared.0.wait());
                shared.1[1].touch();
                (passed.index(), passed.is_leader())
            }
        });
        shared.1[1].touch();
        let passed = block_on(shared.0.wait());
        assert_eq!(shared.1[0].touch(), 2);
        let (index, is_leader) = other.join().unwrap();
        assert_eq!(passed.index() + index, 1, "one is first, one is second");
        assert_ne!(passed.is_leader(), is_leader);
    });
}

#[test]
fn loom_a_queue_of_one_hands_everything_on_in_order() {
    model(2, || {
        let queue = Arc::new(Queue::new(1));
        let puts = thread::spawn({
            let queue = queue.clone();
            move || {
                for item in 1..=2 {
                    block_on(queue.put(item)).unwrap();
                }
                queue.shutdown();
            }
        });
        assert_eq!(block_on(queue.get()), Ok(1));
        queue.task_done().unwrap();
        assert_eq!(block_on(queue.get()), Ok(2));
        queue.task_done().unwrap();
        assert!(block_on(queue.get()).is_err());
        block_on(queue.join());
        puts.join().unwrap();
    });
}
