//! Those who wait for each other, or to be told.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use simoom::asyncio::{Barrier, Condition, Event};
use simoom::sync::{Mutex, Notify};
use simoom::task::{spawn_local, yield_now};
use simoom::time::Duration;

use super::Parties;
use super::injection::ends;
use crate::settle;

const HOUR: Duration = Duration::from_secs(3_600);

pub(super) async fn event(parties: Parties) {
    let event = Rc::new(Event::new());
    let wait = || {
        let event = event.clone();
        parties.start(async move { event.wait().await })
    };
    let waiting = vec![wait(), wait(), wait()];
    settle().await;
    event.set();
    event.clear();
    ends(waiting).await;
    // Those who come when it is cleared wait for the next time.
    let late = vec![wait(), wait()];
    yield_now().await;
    assert!(!event.is_set());
    event.set();
    event.set();
    ends(late).await;
    event.wait().await;
}

pub(super) async fn condition(parties: Parties) {
    let shared = Rc::new((Mutex::new(0_usize), Condition::new()));
    let taken = Rc::new(Cell::new(0_usize));
    let mut waiting = Vec::new();
    for number in 0..3 {
        let (shared, taken) = (shared.clone(), taken.clone());
        waiting.push(parties.start(async move {
            let (tokens, changed) = &*shared;
            let mut tokens = tokens.lock().await;
            while *tokens == 0 {
                tokens = match number {
                    0 => changed.wait_timeout(tokens, HOUR).await.0,
                    _ => changed.wait(tokens).await,
                };
            }
            *tokens -= 1;
            taken.set(taken.get() + 1);
        }));
        settle().await;
    }
    for _ in 0..2 {
        let mut tokens = shared.0.lock().await;
        *tokens += 1;
        shared.1.notify_one();
        drop(tokens);
        yield_now().await;
    }
    settle().await;
    // The notification of one that went away has gone to another.
    let ended = waiting.iter().filter(|party| party.is_finished()).count() - taken.get();
    assert!(taken.get() >= 2.min(3 - ended), "a notification is lost");
    *shared.0.lock().await += 1;
    shared.1.notify_all();
    ends(waiting).await;
    let left = *shared.0.try_lock().expect("nobody holds it");
    assert_eq!(left + taken.get(), 3);
}

pub(super) async fn barrier(parties: Parties) {
    let barrier = Rc::new(Barrier::new(3));
    let numbers = Rc::new(RefCell::new(Vec::new()));
    let wait = || {
        let (barrier, numbers) = (barrier.clone(), numbers.clone());
        async move {
            let passed = barrier.wait().await.expect("it is not broken");
            numbers.borrow_mut().push(passed.index());
        }
    };
    let waiting = vec![
        parties.start(wait()),
        parties.start(wait()),
        parties.start(wait()),
    ];
    settle().await;
    // Those who went away are replaced.
    while barrier.waiting() > 0 {
        spawn_local(wait());
        settle().await;
    }
    ends(waiting).await;
    settle().await;
    let mut numbers = numbers.take();
    let count = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), count, "two have one number");
    assert!(numbers.iter().all(|number| *number < 3), "{numbers:?}");

    // A barrier that breaks tells all.
    let broken = [(); 2].map(|()| {
        let barrier = barrier.clone();
        parties.start(async move { barrier.wait().await.is_err() })
    });
    settle().await;
    barrier.abort();
    for told in ends(broken.into()).await {
        assert!(told.unwrap_or(true));
    }
    barrier.reset();
    assert_eq!(barrier.waiting(), 0);
    let all = simoom::join!(barrier.wait(), barrier.wait(), barrier.wait());
    assert!(all.0.is_ok() && all.1.is_ok() && all.2.is_ok());
}

pub(super) async fn notify(parties: Parties) {
    let notify = Rc::new(Notify::new());
    let order = Rc::new(RefCell::new(Vec::new()));
    let mut waiting = Vec::new();
    for number in 0..3 {
        let (notify, order) = (notify.clone(), order.clone());
        waiting.push(parties.start(async move {
            notify.notified().await;
            order.borrow_mut().push(number);
        }));
        settle().await;
    }
    for _ in 0..2 {
        notify.notify_one();
        settle().await;
    }
    // The notification of one that went away has gone to another.
    let told = order.borrow().len();
    let ended = waiting.iter().filter(|party| party.is_finished()).count() - told;
    assert!(told >= 2.min(3 - ended), "a notification is lost");
    notify.notify_one();
    ends(waiting).await;
    let order = order.take();
    assert!(order.is_sorted(), "not in the order of waiting: {order:?}");

    let all = vec![
        parties.start({
            let notify = notify.clone();
            // What is kept is used up first.
            async move {
                notify.notified().await;
                notify.notified().await;
            }
        }),
        parties.start({
            let notify = notify.clone();
            async move { notify.notified().await }
        }),
    ];
    while !all.iter().all(super::Party::is_finished) {
        notify.notify_waiters();
        settle().await;
    }
    ends(all).await;
}
