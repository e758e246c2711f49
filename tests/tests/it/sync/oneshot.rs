//! The channel for one value.

use std::future::poll_fn;

use simoom::sync::oneshot::{self, error::TryRecvError};
use simoom::task::yield_now;
use simoom::time::{Duration, timeout};
use simoom_tests::{DropFlag, both, settle};

const MS: Duration = Duration::from_millis(1);

both! {
    async fn the_value_arrives() {
        let (sender, receiver) = oneshot::channel();
        sender.send(5).unwrap();
        assert_eq!(receiver.await, Ok(5));

        let (sender, receiver) = oneshot::channel();
        let task = simoom::spawn(receiver);
        settle().await;
        assert!(!task.is_finished());
        sender.send("late").unwrap();
        assert_eq!(task.await.unwrap(), Ok("late"));
    }

    async fn fut_10_a_dropped_sender_wakes_the_receiver() {
        let (sender, receiver) = oneshot::channel::<u8>();
        let task = simoom::spawn(receiver);
        settle().await;
        drop(sender);
        let error = task.await.unwrap().unwrap_err();
        assert_eq!(error.to_string(), "channel closed");
        assert_eq!(error, error.clone());
    }

    async fn fut_5_sending_to_a_dropped_receiver_gives_the_value_back() {
        let (sender, receiver) = oneshot::channel();
        drop(receiver);
        assert!(sender.is_closed());
        assert_eq!(sender.send(7), Err(7));
    }

    async fn fut_3_a_closed_receiver_takes_only_what_was_sent_before() {
        let (sender, mut receiver) = oneshot::channel();
        sender.send(1).unwrap();
        receiver.close();
        assert_eq!(receiver.await, Ok(1));

        let (sender, mut receiver) = oneshot::channel();
        receiver.close();
        receiver.close();
        assert!(sender.is_closed());
        assert_eq!(sender.send(2), Err(2));
        assert!(receiver.await.is_err());
    }

    async fn a_closed_receiver_does_not_wait() {
        let (sender, mut receiver) = oneshot::channel::<u8>();
        receiver.close();
        assert!((&mut receiver).await.is_err());
        drop(sender);
    }

    async fn the_sender_waits_for_the_receiver_to_close() {
        let (mut sender, receiver) = oneshot::channel::<u8>();
        assert!(!sender.is_closed());
        assert!(timeout(MS, sender.closed()).await.is_err());
        let task = simoom::spawn(async move {
            sender.closed().await;
            sender.closed().await;
            poll_fn(|cx| sender.poll_closed(cx)).await;
            sender.is_closed()
        });
        settle().await;
        assert!(!task.is_finished());
        drop(receiver);
        assert!(task.await.unwrap());

        let (mut sender, mut receiver) = oneshot::channel::<u8>();
        let task = simoom::spawn(async move {
            sender.closed().await;
            sender.send(3)
        });
        settle().await;
        receiver.close();
        assert_eq!(task.await.unwrap(), Err(3));
    }

    async fn fut_1_try_recv_tells_what_is_there() {
        let (sender, mut receiver) = oneshot::channel();
        assert!(receiver.is_empty());
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        sender.send(1).unwrap();
        assert!(!receiver.is_empty());
        assert!(!receiver.is_terminated());
        assert_eq!(receiver.try_recv(), Ok(1));
        assert!(receiver.is_terminated());
        assert!(receiver.is_empty());
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));

        let (sender, mut receiver) = oneshot::channel::<u8>();
        drop(sender);
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
        assert_eq!(TryRecvError::Empty.to_string(), "channel empty");
        assert_eq!(TryRecvError::Closed.to_string(), "channel closed");
    }

    async fn a_cancelled_wait_loses_no_value() {
        let (sender, mut receiver) = oneshot::channel();
        assert!(timeout(MS, &mut receiver).await.is_err());
        sender.send(5).unwrap();
        assert_eq!(receiver.await, Ok(5));
    }

    async fn a_value_nobody_takes_is_dropped_with_the_receiver() {
        let flag = DropFlag::default();
        let (sender, receiver) = oneshot::channel();
        sender.send(flag.guard()).unwrap();
        assert!(!flag.is_set());
        drop(receiver);
        assert!(flag.is_set());
    }

    async fn a_receiver_polled_after_its_end_panics() {
        let (sender, mut receiver) = oneshot::channel();
        sender.send(1).unwrap();
        assert_eq!((&mut receiver).await, Ok(1));
        let again = simoom::spawn(async move { drop(receiver.await) });
        assert!(again.await.unwrap_err().is_panic());
    }

    async fn a_race_of_send_and_drop_has_one_outcome() {
        for _ in 0..5 {
            let (sender, receiver) = oneshot::channel();
            let sending = simoom::spawn(async move {
                yield_now().await;
                sender.send(1)
            });
            let receiving = simoom::spawn(async move {
                yield_now().await;
                let mut receiver = receiver;
                receiver.close();
                receiver.try_recv()
            });
            let (sent, received) = (sending.await.unwrap(), receiving.await.unwrap());
            assert_eq!(sent.is_ok(), received.is_ok(), "{sent:?} but {received:?}");
        }
    }

    async fn handles_print_where_they_come_from() {
        let (sender, receiver) = oneshot::channel::<u8>();
        assert!(format!("{sender:?}").contains("oneshot.rs"), "{sender:?}");
        assert!(format!("{receiver:?}").contains("oneshot.rs"), "{receiver:?}");
    }
}
