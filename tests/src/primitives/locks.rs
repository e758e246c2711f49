//! Locks and semaphores: how many are inside, in which order, and that all is given back.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use simoom::asyncio::BoundedSemaphore;
use simoom::sync::{Mutex, RwLock, Semaphore};
use simoom::task::yield_now;

use super::Parties;
use super::injection::{Inside, ends};
use crate::settle;

/// In which order they came in.
type Order = Rc<RefCell<Vec<u32>>>;

pub(super) async fn mutex(parties: Parties) {
    let lock = Rc::new(Mutex::new(Vec::new()));
    let inside = Inside::default();
    let held = lock.lock().await;
    let mut waiting = Vec::new();
    for number in 0..3 {
        let (lock, inside) = (lock.clone(), inside.clone());
        waiting.push(parties.start(async move {
            let mut order = lock.lock().await;
            let _one = inside.enter(1);
            order.push(number);
            yield_now().await;
        }));
        settle().await;
    }
    drop(held);
    ends(waiting).await;
    let order = lock.try_lock().expect("nobody holds it").clone();
    assert!(order.is_sorted(), "not in the order of waiting: {order:?}");

    let contending = [(); 2].map(|()| {
        let (lock, inside) = (lock.clone(), inside.clone());
        parties.start(async move {
            for _ in 0..2 {
                let order = lock.lock().await;
                let _one = inside.enter(1);
                let before = order.len();
                yield_now().await;
                assert_eq!(order.len(), before);
            }
        })
    });
    ends(contending.into()).await;
    assert!(lock.try_lock().is_ok(), "nobody holds it");
}

pub(super) async fn rw_lock(parties: Parties) {
    let lock = Arc::new(RwLock::new(Vec::new()));
    let (readers, writers) = (Inside::default(), Inside::default());
    let held = lock.write().await;
    let mut waiting = Vec::new();
    for number in 0..4_u32 {
        let (lock, readers, writers) = (lock.clone(), readers.clone(), writers.clone());
        waiting.push(parties.start(async move {
            if number == 1 || number == 2 {
                let order = lock.read_owned().await;
                let _one = readers.enter(2);
                assert_eq!(writers.count(), 0, "somebody writes");
                // The writer before has been, the one after has not.
                assert!(!order.contains(&3), "{order:?}");
                yield_now().await;
                assert_eq!(writers.count(), 0, "somebody writes");
            } else {
                let mut order = lock.write().await;
                let _one = writers.enter(1);
                assert_eq!(readers.count(), 0, "somebody reads");
                order.push(number);
                yield_now().await;
                assert_eq!(readers.count(), 0, "somebody reads");
            }
        }));
        settle().await;
    }
    drop(held);
    ends(waiting).await;
    let order = lock.try_write().expect("nobody holds it").clone();
    assert!(order.is_sorted(), "not in the order of waiting: {order:?}");
}

pub(super) async fn semaphore(parties: Parties) {
    let semaphore = Arc::new(Semaphore::new(2));
    let inside = Inside::default();
    let order = Order::default();
    let held = semaphore.acquire_many(2).await.expect("it is open");
    let mut waiting = Vec::new();
    // The first wants all, and nobody gets before it.
    for number in 0..4 {
        let (semaphore, inside, order) = (semaphore.clone(), inside.clone(), order.clone());
        waiting.push(parties.start(async move {
            let count = if number == 0 { 2 } else { 1 };
            let _permits = semaphore
                .acquire_many_owned(count)
                .await
                .expect("it is open");
            let _one = inside.enter(if number == 0 { 1 } else { 2 });
            order.borrow_mut().push(number);
            yield_now().await;
        }));
        settle().await;
    }
    assert!(semaphore.try_acquire().is_err(), "all is taken");
    drop(held);
    let unfinished = waiting.iter().filter(|party| !party.is_finished());
    assert!(unfinished.count() < 3 || semaphore.try_acquire().is_err());
    ends(waiting).await;
    let order = order.take();
    let first = order.iter().position(|number| *number == 0);
    assert!(first.is_none_or(|place| place == 0), "{order:?}");
    assert_eq!(semaphore.available_permits(), 2);

    let contending = [1, 2, 1].map(|count| {
        let (semaphore, inside) = (semaphore.clone(), inside.clone());
        parties.start(async move {
            let _permits = semaphore.acquire_many(count).await.expect("it is open");
            let _one = inside.enter(2);
            yield_now().await;
        })
    });
    ends(contending.into()).await;
    assert_eq!(semaphore.available_permits(), 2);
}

pub(super) async fn bounded_semaphore(parties: Parties) {
    let semaphore = Rc::new(BoundedSemaphore::new(1));
    let inside = Inside::default();
    let order = Order::default();
    let held = semaphore.acquire().await;
    let mut waiting = Vec::new();
    for number in 0..3 {
        let (semaphore, inside, order) = (semaphore.clone(), inside.clone(), order.clone());
        waiting.push(parties.start(async move {
            let _permit = semaphore.acquire().await;
            let _one = inside.enter(1);
            order.borrow_mut().push(number);
            yield_now().await;
        }));
        settle().await;
    }
    drop(held);
    ends(waiting).await;
    let order = order.take();
    assert!(order.is_sorted(), "not in the order of waiting: {order:?}");
    assert_eq!(semaphore.available_permits(), 1);
    assert!(semaphore.release().is_err(), "a permit too many");
}
