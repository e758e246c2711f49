//! Waits for others to come, to make a value, or to send one to all.

use std::rc::Rc;

use simoom::sync::{Barrier, OnceCell, SetOnce, broadcast, watch};
use simoom::task::spawn_local;
use simoom_sim::{Failure, check};

use crate::{assert_tells, config, line_in};

fn place(marker: &str) -> String {
    let line = line_in(include_str!("company.rs"), marker);
    format!(" at sim/tests/standstill/company.rs:{line}")
}

#[test]
fn a_barrier_to_which_too_few_come_is_told() {
    let report = check(config(), |_| async {
        let barrier = Rc::new(Barrier::new(3));
        let other = spawn_local({
            let barrier = barrier.clone();
            async move { barrier.wait().await.is_leader() }
        });
        barrier.wait().await; // Waits.
        drop(other.await);
    });
    assert_eq!(report.failure().unwrap().cause(), &Failure::Deadlock);
    assert_tells(
        &report,
        &[
            "too few: not as many come to the barrier as it waits for",
            &place("Waits")[4..],
        ],
    );
}

/// Whoever makes the value needs it to do so.
#[test]
fn a_cell_that_needs_itself_is_a_lock_cycle() {
    let report = check(config(), |_| async {
        let cell: Rc<OnceCell<u8>> = Rc::new(OnceCell::new());
        let other = cell.clone();
        let make = async move || *other.get_or_init(async || 1).await;
        cell.get_or_init(make).await; // Makes.
    });
    assert_eq!(report.failure().unwrap().cause(), &Failure::Deadlock);
    let told = format!("this task has the lock, taken{}", place("Makes"));
    assert_tells(&report, &["lock cycle", &told]);
}

#[test]
fn channels_into_which_nobody_sends_are_told() {
    let report = check(config(), |_| async {
        let (_sender, mut receiver) = watch::channel(1);
        let _ = receiver.changed().await;
    });
    assert_tells(&report, &["no message: nobody sends"]);
    let report = check(config(), |_| async {
        let (_sender, mut receiver) = broadcast::channel::<u8>(1);
        let _ = receiver.recv().await;
    });
    assert_tells(&report, &["no message: nobody sends"]);
    let report = check(config(), |_| async {
        let (sender, _receiver) = broadcast::channel::<u8>(1);
        sender.closed().await;
    });
    assert_tells(&report, &["no notification: nobody notifies"]);
    let report = check(config(), |_| async {
        SetOnce::<u8>::new().wait().await;
    });
    assert_tells(&report, &["no notification: nobody notifies"]);
}
