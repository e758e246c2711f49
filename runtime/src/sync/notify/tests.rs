//! Who is notified, and what becomes of a notification that nobody takes.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::*;
use crate::sync::testing::{Calls, Chance, Polled, clone_panics, panics, wake_panics};
use crate::sync::wakers::BATCH;

#[test]
fn a_notification_is_kept_for_the_next_waiter_and_only_one_is() {
    let notify = Notify::new();
    notify.notify_one();
    notify.notify_last();
    assert!(Polled::new(notify.notified()).is_ready());
    assert!(!Polled::new(notify.notified()).is_ready());
}

#[test]
fn notify_one_wakes_the_oldest_and_notify_last_the_youngest() {
    let notify = Notify::new();
    let mut waiters: Vec<_> = (0..3).map(|_| Polled::new(notify.notified())).collect();
    for waiter in &mut waiters {
        assert!(!waiter.is_ready());
    }
    notify.notify_last();
    assert!(waiters[2].is_woken());
    notify.notify_one();
    assert!(waiters[0].is_woken());
    assert!(!waiters[1].is_woken());
    assert!(waiters[0].is_ready());
    assert!(!waiters[1].is_ready());
    assert!(waiters[2].is_ready());
}

#[test]
fn a_chosen_waiter_that_is_dropped_passes_the_notification_on() {
    let notify = Notify::new();
    let mut first = Polled::new(notify.notified());
    let mut second = Polled::new(notify.notified());
    assert!(!first.is_ready());
    assert!(!second.is_ready());
    notify.notify_one();
    drop(first);
    assert!(second.is_woken());
    drop(second);
    // Nobody is left: it is kept.
    assert!(Polled::new(notify.notified()).is_ready());
}

#[test]
fn what_notify_last_gave_goes_back_to_the_youngest() {
    let notify = Notify::new();
    let mut waiters: Vec<_> = (0..3).map(|_| Polled::new(notify.notified())).collect();
    for waiter in &mut waiters {
        assert!(!waiter.is_ready());
    }
    notify.notify_last();
    waiters.pop();
    assert!(waiters[1].is_woken());
    assert!(!waiters[0].is_woken());
}

#[test]
fn a_waiter_that_took_the_permit_and_is_dropped_has_used_it() {
    let notify = Notify::new();
    notify.notify_one();
    let mut waiter = Polled::new(notify.notified());
    assert!(waiter.is_ready());
    drop(waiter);
    assert!(!Polled::new(notify.notified()).is_ready());
}

#[test]
fn a_waiter_woken_with_all_others_passes_nothing_on() {
    let notify = Notify::new();
    let mut waiter = Polled::new(notify.notified());
    assert!(!waiter.is_ready());
    notify.notify_waiters();
    drop(waiter);
    assert!(!Polled::new(notify.notified()).is_ready());
}

#[test]
fn notify_waiters_reaches_what_exists_polled_or_not_and_nothing_later() {
    let notify = Notify::new();
    let mut polled = Polled::new(notify.notified());
    assert!(!polled.is_ready());
    let mut unpolled = Polled::new(notify.notified());
    notify.notify_waiters();
    let mut later = Polled::new(notify.notified());
    assert!(polled.is_woken());
    assert!(polled.is_ready());
    assert!(unpolled.is_ready());
    assert!(!later.is_ready());
}

#[test]
fn notify_waiters_leaves_the_permit_to_those_who_come_later() {
    let notify = Notify::new();
    let mut before = Polled::new(notify.notified());
    notify.notify_one();
    notify.notify_waiters();
    assert!(before.is_ready());
    assert!(Polled::new(notify.notified()).is_ready());
}

#[test]
fn enable_takes_a_place_without_a_task() {
    let notify = Notify::new();
    let mut first = Box::pin(notify.notified());
    assert!(!first.as_mut().enable());
    let mut second = Polled::new(notify.notified());
    assert!(!second.is_ready());
    notify.notify_one();
    assert!(first.as_mut().enable());
    assert!(!second.is_woken());
    drop(first);
    assert!(
        !second.is_woken(),
        "the enabled future had seen its notification"
    );
}

#[test]
fn an_enabled_future_that_was_chosen_unseen_passes_it_on() {
    let notify = Arc::new(Notify::new());
    let mut first = Box::pin(notify.clone().notified_owned());
    assert!(!first.as_mut().enable());
    notify.notify_one();
    drop(first);
    assert!(Polled::new(notify.notified()).is_ready());
}

#[test]
fn a_notified_future_stays_ready() {
    let notify = Notify::new();
    notify.notify_one();
    let mut future = Polled::new(notify.notified());
    assert!(future.is_ready());
    assert!(future.is_ready());
    let mut other = Polled::new(notify.notified());
    assert!(!other.is_ready());
}

#[test]
fn more_waiters_than_one_batch_are_all_woken() {
    let notify = Notify::new();
    let mut waiters: Vec<_> = (0..3 * BATCH + 1)
        .map(|_| Polled::new(notify.notified()))
        .collect();
    for waiter in &mut waiters {
        assert!(!waiter.is_ready());
    }
    notify.notify_waiters();
    for mut waiter in waiters {
        assert!(waiter.is_woken());
        assert!(waiter.is_ready());
    }
}

/// The first batch is woken with the mutex released: whoever waits then is of the next round, and
/// a `notify_one` of that moment must not go to a waiter that is notified already.
#[test]
fn what_happens_between_two_batches_belongs_to_the_next_round() {
    let notify = Arc::new(Notify::new());
    let late = Arc::new(std::sync::Mutex::new(None));
    let waker = Waker::from(Arc::new(Calls({
        let (notify, late) = (notify.clone(), late.clone());
        move || {
            let mut late = late.lock().unwrap();
            if late.is_none() {
                let mut future = Box::pin(notify.clone().notified_owned());
                assert!(!future.as_mut().enable());
                *late = Some(future);
                notify.notify_one();
            }
        }
    })));
    let mut first = Box::pin(notify.notified());
    assert!(
        first
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    let mut others: Vec<_> = (0..2 * BATCH)
        .map(|_| Polled::new(notify.notified()))
        .collect();
    for other in &mut others {
        assert!(!other.is_ready());
    }
    notify.notify_waiters();
    for mut other in others {
        assert!(other.is_woken());
        assert!(other.is_ready());
    }
    let mut late = late.lock().unwrap().take().unwrap();
    assert!(
        late.as_mut().enable(),
        "`notify_one` chose the only one who waited"
    );
    assert!(!Polled::new(notify.notified()).is_ready());
}

#[test]
fn a_waiter_can_be_dropped_between_two_batches() {
    let notify = Arc::new(Notify::new());
    let last = Arc::new(std::sync::Mutex::new(None));
    let waker = Waker::from(Arc::new(Calls({
        let last = last.clone();
        move || drop(last.lock().unwrap().take())
    })));
    let mut first = Box::pin(notify.notified());
    assert!(
        first
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    let mut others: Vec<_> = (0..2 * BATCH)
        .map(|_| Polled::new(notify.notified()))
        .collect();
    for other in &mut others {
        assert!(!other.is_ready());
    }
    let mut future = Box::pin(notify.clone().notified_owned());
    assert!(!future.as_mut().enable());
    *last.lock().unwrap() = Some(future);
    notify.notify_waiters();
    assert!(last.lock().unwrap().is_none());
    assert!(others.iter().all(Polled::is_woken));
    assert!(!Polled::new(notify.notified()).is_ready());
}

#[test]
fn wakers_that_panic_do_not_keep_the_others_asleep() {
    let notify = Notify::new();
    let waker = wake_panics();
    let mut hostile: Vec<_> = (0..BATCH + 2)
        .map(|_| Box::pin(notify.notified()))
        .collect();
    let mut waiters = Vec::new();
    for hostile in &mut hostile {
        assert!(
            hostile
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        let mut waiter = Polled::new(notify.notified());
        assert!(!waiter.is_ready());
        waiters.push(waiter);
    }
    assert!(panics(|| notify.notify_waiters()));
    for mut waiter in waiters {
        assert!(waiter.is_woken());
        assert!(waiter.is_ready());
    }
}

#[test]
fn a_waker_whose_clone_panics_takes_no_notification() {
    let notify = Notify::new();
    let waker = clone_panics();
    let mut waiter = Box::pin(notify.notified());
    assert!(panics(|| {
        let _ = waiter.as_mut().poll(&mut Context::from_waker(&waker));
    }));
    notify.notify_one();
    drop(waiter);
    assert!(Polled::new(notify.notified()).is_ready());
}

/// A model that says what tokio's documentation says, in the plainest way.
#[derive(Default)]
struct Model {
    permit: bool,
    round: usize,
    waiting: Vec<usize>,
}

#[derive(Clone, Copy)]
struct Modelled {
    round: usize,
    chosen: Option<End>,
    done: bool,
    waits: bool,
}

impl Model {
    fn notify(&mut self, futures: &mut [Option<Modelled>], end: End) {
        if self.waiting.is_empty() {
            self.permit = true;
            return;
        }
        let index = match end {
            End::First => self.waiting.remove(0),
            End::Last => self.waiting.pop().unwrap(),
        };
        let future = futures[index].as_mut().unwrap();
        future.chosen = Some(end);
        future.waits = false;
    }

    fn poll(&mut self, index: usize, future: &mut Modelled) -> bool {
        let everybody = future.round != self.round;
        if !(future.done || everybody || future.chosen.is_some()) {
            if !future.waits && self.permit {
                self.permit = false;
            } else {
                if !future.waits {
                    future.waits = true;
                    self.waiting.push(index);
                }
                return false;
            }
        }
        future.chosen = None;
        future.waits = false;
        future.done = true;
        true
    }
}

#[test]
fn every_schedule_does_what_the_model_does() {
    for seed in 0..100_000 {
        run_schedule(seed);
    }
}

fn run_schedule(seed: u64) {
    let mut chance = Chance::new(seed);
    let notify = Notify::new();
    let mut model = Model::default();
    let mut real: Vec<Option<Polled<'_, ()>>> = Vec::new();
    let mut modelled: Vec<Option<Modelled>> = Vec::new();
    for _ in 0..24 {
        match chance.below(8) {
            0 | 1 => {
                real.push(Some(Polled::new(notify.notified())));
                modelled.push(Some(Modelled {
                    round: model.round,
                    chosen: None,
                    done: false,
                    waits: false,
                }));
            }
            2 => {
                notify.notify_one();
                model.notify(&mut modelled, End::First);
            }
            3 => {
                notify.notify_last();
                model.notify(&mut modelled, End::Last);
            }
            4 if chance.one_in(3) => {
                notify.notify_waiters();
                model.round += 1;
                model.waiting.clear();
            }
            choice if !real.is_empty() => {
                let index = chance.below(real.len());
                let (Some(future), Some(model_future)) = (&mut real[index], modelled[index]) else {
                    continue;
                };
                if choice == 5 {
                    real[index] = None;
                    modelled[index] = None;
                    model.waiting.retain(|&other| other != index);
                    if let Some(end) = model_future.chosen {
                        model.notify(&mut modelled, end);
                    }
                    continue;
                }
                let notified = model_future.chosen.is_some()
                    || (model_future.waits && model_future.round != model.round);
                if notified {
                    assert!(future.is_woken(), "seed {seed}: notified and not woken");
                }
                let mut model_future = model_future;
                let expected = model.poll(index, &mut model_future);
                modelled[index] = Some(model_future);
                assert_eq!(future.poll() == Poll::Ready(()), expected, "seed {seed}");
            }
            _ => {}
        }
    }
    drop(real);
}
