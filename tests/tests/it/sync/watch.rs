//! The channel that keeps the last value.

use futures::future::join_all;
use simoom::sync::watch;
use simoom::task::yield_now;
use simoom::time::{Duration, sleep, timeout};
use simoom_tests::{both, settle};

const MS: Duration = Duration::from_millis(1);

both! {
    async fn every_receiver_sees_the_last_value() {
        let (sender, receiver) = watch::channel(0);
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let mut receiver = receiver.clone();
                simoom::spawn(async move {
                    let mut seen = vec![*receiver.borrow_and_update()];
                    while receiver.changed().await.is_ok() {
                        seen.push(*receiver.borrow_and_update());
                    }
                    seen
                })
            })
            .collect();
        for number in 1..=10 {
            sender.send(number).unwrap();
            yield_now().await;
        }
        drop(sender);
        for seen in join_all(tasks).await {
            let seen = seen.unwrap();
            assert!(seen.is_sorted_by(|one, other| one < other), "{seen:?}");
            assert_eq!(seen.last(), Some(&10));
        }
        assert_eq!(*receiver.borrow(), 10);
    }

    async fn a_value_that_was_seen_is_not_told_again() {
        let (sender, mut receiver) = watch::channel("one");
        assert!(timeout(MS, receiver.changed()).await.is_err());
        sender.send("two").unwrap();
        let mut late = sender.subscribe();
        receiver.changed().await.unwrap();
        assert!(timeout(MS, receiver.changed()).await.is_err());
        assert!(timeout(MS, late.changed()).await.is_err());
        late.mark_changed();
        late.changed().await.unwrap();
    }

    async fn what_was_sent_last_is_seen_after_the_end() {
        let (sender, mut receiver) = watch::channel(1);
        let seen = simoom::spawn(async move {
            receiver.changed().await.unwrap();
            let last = *receiver.borrow();
            (last, receiver.changed().await.is_err(), receiver.is_closed())
        });
        settle().await;
        sender.send(2).unwrap();
        drop(sender);
        assert_eq!(seen.await.unwrap(), (2, true, true));
    }

    async fn wait_for_waits_for_what_is_liked() {
        let (sender, mut receiver) = watch::channel(0);
        let sending = simoom::spawn(async move {
            for number in 1..=5 {
                sender.send_modify(|value| *value = number);
                sleep(MS).await;
            }
            sender
        });
        assert!(*receiver.wait_for(|number| *number >= 3).await.unwrap() >= 3);
        let sender = sending.await.unwrap();
        assert_eq!(*receiver.wait_for(|number| *number == 5).await.unwrap(), 5);
        assert!(timeout(MS, receiver.wait_for(|number| *number == 6)).await.is_err());
        drop(sender);
        assert!(receiver.wait_for(|number| *number == 6).await.is_err());
        assert!(receiver.wait_for(|number| *number == 5).await.is_ok());
    }

    async fn senders_learn_that_nobody_looks() {
        let (sender, receiver) = watch::channel(());
        let other = receiver.clone();
        let telling = simoom::spawn(async move {
            sender.closed().await;
            sender
        });
        drop(receiver);
        settle().await;
        assert!(!telling.is_finished());
        drop(other);
        let sender = telling.await.unwrap();
        assert!(sender.is_closed());
        assert!(sender.send(()).is_err());
        let _again = sender.subscribe();
        assert!(timeout(MS, sender.closed()).await.is_err());
        assert!(sender.send(()).is_ok());
    }

    async fn a_wait_that_was_given_up_has_seen_nothing() {
        let (sender, mut receiver) = watch::channel(0);
        for number in 1..=5 {
            let sending = simoom::spawn({
                let sender = sender.clone();
                async move { sender.send(number).unwrap() }
            });
            // Who is first is up to the world.
            let changed = timeout(Duration::ZERO, receiver.changed()).await;
            sending.await.unwrap();
            if changed.is_err() {
                assert!(receiver.has_changed().unwrap(), "what was sent is seen by nobody");
                receiver.mark_unchanged();
            }
        }
    }

    async fn both_ends_are_cooperative() {
        let (sender, mut receiver) = watch::channel(0);
        simoom::select! {
            biased;
            () = async {
                loop {
                    sender.send(1).unwrap();
                    receiver.changed().await.unwrap();
                }
            } => {}
            () = yield_now() => {}
        }
        simoom::select! {
            biased;
            () = async {
                loop {
                    sender.send(1).unwrap();
                    drop(receiver.wait_for(|value| *value == 1).await.unwrap());
                }
            } => {}
            () = yield_now() => {}
        }
        drop(receiver);
        simoom::select! {
            biased;
            () = async {
                loop {
                    sender.closed().await;
                }
            } => {}
            () = yield_now() => {}
        }
    }
}
