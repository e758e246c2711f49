//! Permits of semaphores and locks for readers: who has them, and whom nobody polls.

use std::pin::pin;
use std::rc::Rc;

use simoom::sync::{RwLock, Semaphore};
use simoom::task::spawn_local;
use simoom::time::sleep;
use simoom_sim::check;

use crate::{MS, assert_futurelock_at, assert_tells, config, line_in};

fn place(marker: &str) -> String {
    let line = line_in(include_str!("permits.rs"), marker);
    format!(" at sim/tests/standstill/permits.rs:{line}")
}

#[test]
fn a_permit_for_a_future_that_is_not_polled_is_a_futurelock() {
    let report = check(config(), |_| async {
        let semaphore = Semaphore::new(0);
        let mut kept = pin!(semaphore.acquire()); // Chosen.
        simoom::select! {
            biased;
            _ = &mut kept => {}
            () = sleep(MS) => {}
        }
        semaphore.add_permits(1);
        drop(semaphore.acquire().await); // Second.
    });
    assert_futurelock_at(&report, &place("Second"), &place("Chosen"));
}

#[test]
fn a_read_for_a_future_that_is_not_polled_is_a_futurelock() {
    let report = check(config(), |_| async {
        let lock = RwLock::new(());
        let held = lock.write().await;
        let mut kept = pin!(lock.read()); // Reads.
        simoom::select! {
            biased;
            _ = &mut kept => {}
            () = sleep(MS) => {}
        }
        drop(held);
        drop(lock.write().await); // Writes.
    });
    assert_futurelock_at(&report, &place("Writes"), &place("Reads"));
}

#[test]
fn two_who_wait_for_each_others_permits_are_a_cycle() {
    let report = check(config(), |_| async {
        let [one, two] = [1, 1].map(|permits| Rc::new(Semaphore::new(permits)));
        let other = spawn_local({
            let (one, two) = (one.clone(), two.clone());
            async move {
                let _two = two.acquire().await.unwrap(); // Two.
                sleep(MS).await;
                let _one = one.acquire().await.unwrap();
            }
        });
        let _one = one.acquire().await.unwrap(); // One.
        sleep(MS).await;
        let _two = two.acquire().await.unwrap();
        other.await.unwrap();
    });
    assert_tells(
        &report,
        &[
            &format!("has permits, taken{}", place("Two")),
            &format!("has permits, taken{}", place("One")),
            "cycle",
        ],
    );
}

#[test]
fn a_writer_waits_for_every_reader() {
    let report = check(config(), |_| async {
        let lock = Rc::new(RwLock::new(()));
        let reader = spawn_local({
            let lock = lock.clone();
            async move {
                let _reads = lock.read().await; // Keeps.
                std::future::pending::<()>().await;
            }
        });
        sleep(MS).await;
        drop(lock.write().await);
        reader.await.unwrap();
    });
    assert_tells(
        &report,
        &[&format!("has the lock, taken{}", place("Keeps"))],
    );
}

#[test]
fn permits_that_nobody_adds_are_waited_for_outside() {
    let report = check(config(), |_| async {
        drop(Semaphore::new(0).acquire().await);
    });
    assert_tells(
        &report,
        &["no permits: nobody has permits, and nobody adds any"],
    );
}
