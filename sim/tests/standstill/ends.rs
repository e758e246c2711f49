//! Channels of which a future that nobody polls is one end.

use std::pin::pin;
use std::time::Duration;

use futures::StreamExt;
use simoom::sync::{mpsc, oneshot};
use simoom::task::spawn_local;
use simoom::time::sleep;
use simoom_sim::{Failure, Report, cancel, check};

use crate::{MS, assert_futurelock_at, assert_tells, config, line_in};

fn place(marker: &str) -> String {
    let line = line_in(include_str!("ends.rs"), marker);
    format!(" at sim/tests/standstill/ends.rs:{line}")
}

/// The message is there, its receiver is not polled, and there is no room for another.
#[test]
fn sending_behind_a_receiver_that_is_not_polled_is_a_futurelock() {
    let report = check(config(), |_| async {
        let (send, mut recv) = mpsc::channel(1);
        let mut kept = pin!(recv.recv()); // Kept.
        simoom::select! {
            biased;
            _ = &mut kept => {}
            () = sleep(MS) => {}
        }
        send.send(1).await.unwrap();
        let _ = send.send(2).await; // Full.
    });
    assert_futurelock_at(&report, &place("Full"), &place("Kept"));
    let told = format!(
        "futurelock: messages are there for a future of this task{}",
        place("Kept")
    );
    assert_tells(&report, &[&told]);
}

/// The same for one that takes many, and for permission to send.
#[test]
fn reserving_behind_a_receiver_of_many_that_is_not_polled_is_a_futurelock() {
    let report = check(config(), |_| async {
        let (send, mut recv) = mpsc::channel(2);
        let mut all = Vec::new();
        let mut kept = pin!(recv.recv_many(&mut all, 8)); // Many.
        assert!(futures::poll!(kept.as_mut()).is_pending());
        send.try_send(1).unwrap();
        send.try_send(2).unwrap();
        let _ = send.reserve().await; // Reserves.
    });
    assert_futurelock_at(&report, &place("Reserves"), &place("Many"));
}

/// Who kept its receiver has dropped it, has polled it since, or has never polled it; or it has ended
/// and is still there.
#[test]
fn a_receiver_that_is_gone_or_was_polled_is_none() {
    for way in ["dropped", "polled", "never polled", "ended"] {
        let report = check(config(), move |_| async move {
            let (send, mut recv) = mpsc::channel(1);
            let mut kept = Box::pin(recv.recv());
            if way != "never polled" {
                assert!(futures::poll!(kept.as_mut()).is_pending());
            }
            send.send(1).await.unwrap();
            sleep(MS).await;
            match way {
                "dropped" => drop(kept),
                "polled" => {
                    kept.await.unwrap();
                    send.send(1).await.unwrap();
                }
                "ended" => {
                    kept.as_mut().await.unwrap();
                    send.send(1).await.unwrap();
                    sleep(MS).await;
                    let _ = send.send(2).await;
                    drop(kept);
                    return;
                }
                _ => {}
            }
            let _ = send.send(2).await;
        });
        let cause = report.failure().unwrap().cause();
        assert_eq!(cause, &Failure::Deadlock, "{way}");
        assert_tells(&report, &["no receiver: the channel is full, and nobody"]);
    }
}

/// The slot that came free is that of a future nobody polls, and there is no other message.
#[test]
fn receiving_behind_a_sender_that_is_not_polled_is_a_futurelock() {
    let report = check(config(), |_| async {
        let (send, mut recv) = mpsc::channel(1);
        send.send(1).await.unwrap();
        let mut kept = pin!(send.send(2)); // Sends.
        assert!(futures::poll!(kept.as_mut()).is_pending());
        recv.recv().await.unwrap();
        let _ = recv.recv().await; // Empty.
    });
    assert_futurelock_at(&report, &place("Empty"), &place("Sends"));
    let told = format!(
        "futurelock: a slot was handed to a future of this task that sends{}",
        place("Sends")
    );
    assert_tells(&report, &[&told]);
}

#[test]
fn a_sender_that_is_gone_or_was_polled_is_none() {
    for is_dropped in [true, false] {
        let report = check(config(), move |_| async move {
            let (send, mut recv) = mpsc::channel(1);
            send.send(1).await.unwrap();
            let mut kept = Box::pin(send.send(2));
            assert!(futures::poll!(kept.as_mut()).is_pending());
            recv.recv().await.unwrap();
            sleep(MS).await;
            if is_dropped {
                drop(kept);
            } else {
                kept.await.unwrap();
                recv.recv().await.unwrap();
            }
            let _ = recv.recv().await;
        });
        let cause = report.failure().unwrap().cause();
        assert_eq!(cause, &Failure::Deadlock, "{is_dropped}");
        assert_tells(&report, &["no message: nobody sends, and not all senders"]);
    }
}

/// The parts that are to send have slots, and are not polled while the body of the loop waits.
fn receiving_in_the_body(is_held_elsewhere: bool) -> Report {
    check(config(), move |_| async move {
        let (send, mut recv) = mpsc::channel(2);
        let sender = send.clone();
        let _elsewhere = spawn_local(async move {
            if is_held_elsewhere {
                let _permit = send.reserve().await.unwrap();
                std::future::pending::<()>().await;
            }
        });
        let parts: [futures::future::LocalBoxFuture<'_, ()>; 2] = [
            Box::pin(sleep(MS)),
            Box::pin(async move {
                let permit = sender.reserve().await.unwrap(); // Permit.
                sleep(5 * MS).await;
                permit.send(1);
            }),
        ];
        let mut stream = futures::stream::iter(parts).buffered(2);
        while let Some(()) = stream.next().await {
            let _ = recv.recv().await; // Body.
        }
    })
}

#[test]
fn receiving_behind_a_permit_that_is_not_polled_is_a_futurelock() {
    let report = receiving_in_the_body(false);
    assert_futurelock_at(&report, &place("Body"), &place("Permit"));
    let told = format!(
        "futurelock: a future of this task has slots to send in, taken{}",
        place("Permit")
    );
    assert_tells(&report, &[&told]);
}

/// Another could send: it has a slot, and waits for something else.
#[test]
fn receiving_where_another_has_a_slot_too_is_none() {
    let report = receiving_in_the_body(true);
    assert_eq!(report.failure().unwrap().cause(), &Failure::Deadlock);
    assert_tells(&report, &["no message: nobody sends, and not all senders"]);
}

/// Where something goes on, a message may come from somebody else.
#[test]
fn where_something_is_due_a_message_may_come_from_others() {
    let report = check(config().time(Duration::from_secs(1)), |_| async {
        let _ticking = spawn_local(async {
            loop {
                sleep(10 * MS).await;
            }
        });
        let (send, mut recv) = mpsc::channel(1);
        send.send(1).await.unwrap();
        let mut kept = pin!(send.send(2));
        assert!(futures::poll!(kept.as_mut()).is_pending());
        recv.recv().await.unwrap();
        let _ = recv.recv().await;
    });
    let cause = report.failure().unwrap().cause();
    assert!(matches!(cause, Failure::TimeLimit { .. }), "{cause}");
    let text = report.to_string();
    assert!(!text.contains("futurelock: "), "{text}");
    assert!(!text.contains("the future that is not polled"), "{text}");
}

/// It keeps nobody from getting a message: it stands in no queue.
#[test]
fn a_task_that_waits_for_a_message_is_left_alone() {
    let report = cancel::every_await(config(), |_| async {
        let (send, mut recv) = mpsc::channel::<()>(1);
        let parent = spawn_local(async move {
            let child = spawn_local(async move { recv.recv().await });
            sleep(MS).await;
            child.abort();
        });
        drop(parent.await);
        sleep(MS).await;
        drop(send);
    });
    let left: Vec<_> = (report.left_behind().into_iter())
        .map(|it| it.what)
        .collect();
    assert_eq!(left, ["task"], "{report}");
    report.unwrap();
}

/// An end of a channel says to nobody who has it: it may be in any future, and may never be used.
#[test]
fn a_sender_of_one_value_in_a_future_that_is_not_polled_is_not_known() {
    let report = check(config(), |_| async {
        let (send, recv) = oneshot::channel();
        let mut kept = pin!(async move {
            sleep(MS).await;
            send.send(1).unwrap();
        });
        assert!(futures::poll!(kept.as_mut()).is_pending());
        let _ = recv.await;
    });
    assert_eq!(report.failure().unwrap().cause(), &Failure::Deadlock);
    assert_tells(&report, &["no message: nobody sends, and not all senders"]);
}
