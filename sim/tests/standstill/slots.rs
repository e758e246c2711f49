//! Notifications that were given to futures nobody polls, and slots of channels that those have.

use std::pin::pin;
use std::rc::Rc;

use futures::StreamExt;
use simoom::sync::{Mutex, Notify, mpsc};
use simoom::task::spawn_local;
use simoom::time::sleep;
use simoom_sim::{Failure, check};

use crate::{MS, assert_futurelock_at, assert_tells, config, line_in};

fn place(marker: &str) -> String {
    let line = line_in(include_str!("slots.rs"), marker);
    format!(" at sim/tests/standstill/slots.rs:{line}")
}

/// It was chosen, and stands beside the one that waits.
#[test]
fn a_notification_for_a_future_that_is_not_polled_is_a_futurelock() {
    let report = check(config(), |_| async {
        let notify = Notify::new();
        let mut kept = pin!(notify.notified()); // Chosen.
        simoom::select! {
            biased;
            () = &mut kept => {}
            () = sleep(MS) => {}
        }
        notify.notify_one();
        sleep(MS).await;
        notify.notified().await; // Second.
    });
    assert_futurelock_at(&report, &place("Second"), &place("Chosen"));
    assert_tells(
        &report,
        &["futurelock: it was handed to a future of this task at"],
    );
}

/// The same for one that was enabled and never polled.
#[test]
fn a_notification_for_a_future_that_was_enabled_is_a_futurelock() {
    let report = check(config(), |_| async {
        let notify = Notify::new();
        let mut kept = pin!(notify.notified()); // Enabled.
        kept.as_mut().enable();
        notify.notify_last();
        sleep(MS).await;
        notify.notified().await; // Other.
    });
    assert_futurelock_at(&report, &place("Other"), &place("Enabled"));
}

#[test]
fn a_notification_for_a_future_that_is_dropped_or_polled_is_none() {
    for is_dropped in [true, false] {
        let report = check(config(), move |_| async move {
            let notify = Notify::new();
            let mut kept = Box::pin(notify.notified());
            assert!(futures::poll!(kept.as_mut()).is_pending());
            notify.notify_one();
            sleep(MS).await;
            if is_dropped {
                drop(kept);
            } else {
                kept.await;
                notify.notify_one();
            }
            notify.notified().await;
            sleep(MS).await;
            // It has been used up.
            notify.notified().await;
        });
        assert_eq!(report.failure().unwrap().cause(), &Failure::Deadlock);
        assert_tells(&report, &["no notification: nobody notifies"]);
    }
}

/// One of the parts has a slot and sleeps, and is not polled when it was woken.
#[test]
fn a_slot_in_a_part_that_is_not_polled_is_a_futurelock() {
    let report = check(config(), |_| async {
        let (send, mut recv) = mpsc::channel(1);
        let _receiving = spawn_local(async move { while recv.recv().await.is_some() {} });
        let sender = send.clone();
        let parts: [futures::future::LocalBoxFuture<'_, ()>; 2] = [
            Box::pin(sleep(MS)),
            Box::pin(async move {
                let permit = sender.reserve().await.unwrap(); // Reserved.
                sleep(5 * MS).await;
                permit.send(1);
            }),
        ];
        let mut stream = futures::stream::iter(parts).buffered(2);
        while let Some(()) = stream.next().await {
            let _ = send.send(2).await; // Behind.
        }
    });
    assert_futurelock_at(&report, &place("Behind"), &place("Reserved"));
    let has = format!(
        "a future of this task has slots, taken{}",
        place("Reserved")
    );
    assert_tells(&report, &[&has]);
}

/// The slot is there once the part goes on beside.
#[test]
fn a_slot_in_a_part_that_is_polled_is_none() {
    check(config(), |_| async {
        let (send, mut recv) = mpsc::channel(1);
        let _receiving = spawn_local(async move { while recv.recv().await.is_some() {} });
        let part = async {
            let permit = send.reserve().await.unwrap();
            sleep(5 * MS).await;
            permit.send(1);
        };
        let other = async { send.send(2).await.unwrap() };
        simoom::join!(part, other);
    })
    .unwrap();
}

#[test]
fn a_slot_in_a_permit_of_its_own_is_a_cycle() {
    for is_tried in [true, false] {
        let report = check(config(), move |_| async move {
            let (send, mut recv) = mpsc::channel(1);
            let _receiving = spawn_local(async move { while recv.recv().await.is_some() {} });
            let _permit = match is_tried {
                true => send.try_reserve().unwrap(),    // Tried.
                false => send.reserve().await.unwrap(), // Awaited.
            };
            let _ = send.send(2).await;
        });
        assert_eq!(report.failure().unwrap().cause(), &Failure::Deadlock);
        let taken = place(if is_tried { "Tried" } else { "Awaited" });
        assert_tells(
            &report,
            &[&format!("lock cycle: this task has slots, taken{taken}")],
        );
    }
}

/// A slot that was used, or given back, is nobody's.
#[test]
fn a_permit_that_was_used_or_dropped_holds_nothing() {
    let report = check(config(), |_| async {
        let (send, mut recv) = mpsc::channel(2);
        drop(send.reserve().await.unwrap());
        send.reserve().await.unwrap().send(1);
        let mut both = send.clone().reserve_owned().await.unwrap().send(2);
        assert_eq!((recv.recv().await, recv.recv().await), (Some(1), Some(2)));
        let mut many = both.reserve_many(2).await.unwrap();
        many.next().unwrap().send(3);
        drop(many);
        recv.recv().await.unwrap();
        both = both.reserve_owned().await.unwrap().release();
        // One slot is left, and nobody gives the other back.
        let _kept = both.try_reserve().unwrap(); // Kept.
        let _receiving = spawn_local(async move { while recv.recv().await.is_some() {} });
        let _ = both.reserve_many(2).await;
    });
    let text = report.to_string();
    assert_eq!(text.matches("has slots, taken at").count(), 1, "{text}");
    assert!(text.contains(&place("Kept")), "{text}");
}

/// Either holder could give it a slot: one of them waits for something else.
#[test]
fn of_several_that_have_slots_one_is_enough() {
    let report = check(config(), |_| async {
        let (send, mut recv) = mpsc::channel(2);
        let _receiving = spawn_local(async move { while recv.recv().await.is_some() {} });
        let other = send.clone();
        let _other = spawn_local(async move {
            let _permit = other.reserve().await.unwrap(); // Others.
            Notify::new().notified().await;
        });
        sleep(MS).await;
        let _permit = send.reserve().await.unwrap(); // Own.
        let _ = send.send(2).await;
    });
    assert_eq!(report.failure().unwrap().cause(), &Failure::Deadlock);
    let others = format!("has slots, taken{}", place("Others"));
    let own = format!("this task has slots, taken{}", place("Own"));
    assert_tells(&report, &["no notification: task 3 (", &others, &own]);
    assert!(!report.to_string().contains("lock cycle"), "{report}");
}

/// Messages take up the slots: it is the receiver that is missing.
#[test]
fn a_full_channel_that_nobody_receives_from_is_told() {
    let report = check(config(), |_| async {
        let (send, _recv) = mpsc::channel(2);
        send.send(1).await.unwrap();
        let _permit = send.reserve().await.unwrap();
        let _ = send.send(2).await;
    });
    assert_tells(
        &report,
        &["no receiver: the channel is full, and nobody receives from it"],
    );
}

/// A lock whose guard was handed to another task is given back by that one.
#[test]
fn a_guard_that_was_passed_on_and_dropped_holds_nothing() {
    let report = check(config(), |_| async {
        let lock = std::sync::Arc::new(Mutex::new(()));
        let guard = Rc::new(lock.clone().lock_owned().await);
        spawn_local(async move { drop(guard) }).await.unwrap();
        drop(lock.lock().await);
        let _kept = lock.lock().await;
        drop(lock.lock().await);
    });
    let text = report.to_string();
    assert_eq!(text.matches("has the lock, taken at").count(), 1, "{text}");
}
