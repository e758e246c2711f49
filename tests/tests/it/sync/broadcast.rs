//! The channel of which everybody gets everything.

use futures::future::join_all;
use simoom::sync::broadcast::error::{RecvError, TryRecvError};
use simoom::sync::broadcast::{self, Receiver};
use simoom::task::{spawn_blocking, yield_now};
use simoom::time::{Duration, timeout};
use simoom_tests::{both, settle};

const MS: Duration = Duration::from_millis(1);

async fn all_of(mut receiver: Receiver<u32>) -> Vec<u32> {
    let mut got = Vec::new();
    loop {
        match receiver.recv().await {
            Ok(number) => got.push(number),
            Err(RecvError::Closed) => return got,
            Err(RecvError::Lagged(missed)) => panic!("{missed} were missed"),
        }
    }
}

both! {
    async fn every_receiver_gets_every_value_in_order() {
        let (sender, receiver) = broadcast::channel(16);
        let tasks: Vec<_> = (0..3)
            .map(|_| simoom::spawn(all_of(sender.subscribe())))
            .collect();
        for number in 0..10 {
            assert_eq!(sender.send(number).unwrap(), 4);
            yield_now().await;
        }
        drop(sender);
        let expected: Vec<_> = (0..10).collect();
        for got in join_all(tasks).await {
            assert_eq!(got.unwrap(), expected);
        }
        assert_eq!(all_of(receiver).await, expected);
    }

    async fn one_that_is_behind_goes_on_with_the_oldest() {
        let (sender, mut receiver) = broadcast::channel(4);
        let mut sum = 0;
        let mut missed = 0;
        let sending = simoom::spawn(async move {
            for number in 0..100_u64 {
                sender.send(number).unwrap();
                if number % 5 == 0 {
                    yield_now().await;
                }
            }
        });
        let mut next = 0;
        loop {
            match receiver.recv().await {
                Ok(number) => {
                    assert_eq!(number, next, "it goes on where it was told to");
                    next += 1;
                    sum += 1;
                }
                Err(RecvError::Lagged(count)) => {
                    next += count;
                    missed += count;
                }
                Err(RecvError::Closed) => break,
            }
        }
        sending.await.unwrap();
        assert_eq!(sum + missed, 100);
    }

    async fn what_nobody_can_get_is_given_back() {
        let (sender, receiver) = broadcast::channel(1);
        drop(receiver);
        assert_eq!(sender.send(1).unwrap_err().0, 1);
        let mut receiver = sender.subscribe();
        sender.send(2).unwrap();
        assert_eq!(receiver.recv().await, Ok(2));
        assert!(timeout(MS, receiver.recv()).await.is_err());
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    }

    async fn a_wait_that_was_given_up_has_received_nothing() {
        let (sender, mut receiver) = broadcast::channel(16);
        let mut got = Vec::new();
        for number in 0..5 {
            let sending = simoom::spawn({
                let sender = sender.clone();
                async move { drop(sender.send(number)) }
            });
            // Who is first is up to the world.
            if let Ok(received) = timeout(Duration::ZERO, receiver.recv()).await {
                got.push(received.unwrap());
            }
            sending.await.unwrap();
        }
        drop(sender);
        while let Ok(number) = receiver.recv().await {
            got.push(number);
        }
        assert_eq!(got, [0, 1, 2, 3, 4]);
    }

    async fn senders_learn_that_nobody_receives() {
        let (sender, receiver) = broadcast::channel::<u32>(1);
        let weak = sender.downgrade();
        let telling = simoom::spawn(async move { sender.closed().await });
        settle().await;
        assert!(weak.upgrade().is_some());
        assert!(!telling.is_finished());
        drop(receiver);
        telling.await.unwrap();
        assert!(weak.upgrade().is_none());
    }

    async fn threads_that_may_block_receive_too() {
        let (sender, mut receiver) = broadcast::channel(4);
        let receiving = spawn_blocking(move || {
            let first = receiver.blocking_recv();
            (first, receiver.blocking_recv())
        });
        settle().await;
        sender.send(1).unwrap();
        settle().await;
        drop(sender);
        assert_eq!(receiving.await.unwrap(), (Ok(1), Err(RecvError::Closed)));
    }

    async fn receiving_is_cooperative() {
        let (sender, mut receiver) = broadcast::channel(1);
        simoom::select! {
            biased;
            () = async {
                loop {
                    sender.send(()).unwrap();
                    receiver.recv().await.unwrap();
                }
            } => {}
            () = yield_now() => {}
        }
    }
}
