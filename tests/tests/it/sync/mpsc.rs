//! The channels from many tasks to one.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use futures::future::join_all;
use simoom::sync::mpsc::error::{SendError, SendTimeoutError, TryRecvError, TrySendError};
use simoom::sync::mpsc::{self, Sender};
use simoom::task::{JoinHandle, yield_now};
use simoom::time::{Duration, Instant, timeout};
use simoom_tests::{DropFlag, both, panic_text, settle};

const MS: Duration = Duration::from_millis(1);

/// Starts a task that sends `value`, and lets it get in line.
async fn send_in_line(sender: &Sender<u32>, value: u32) -> JoinHandle<Result<(), SendError<u32>>> {
    let sender = sender.clone();
    let task = simoom::spawn(async move { sender.send(value).await });
    settle().await;
    task
}

both! {
    async fn sending_waits_for_a_slot_only_so_long() {
        let (sender, mut receiver) = mpsc::channel(1);
        sender.send_timeout(1, MS).await.unwrap();
        let begun = Instant::now();
        let error = sender.send_timeout(2, 20 * MS).await.unwrap_err();
        assert_eq!(error, SendTimeoutError::Timeout(2));
        assert!(begun.elapsed() >= 20 * MS);
        assert_eq!(error.to_string(), "timed out waiting on send operation");
        assert_eq!(format!("{error:?}"), "Timeout(..)");
        // Who gave up is not in the line any more, and left no slot taken.
        assert_eq!(receiver.recv().await, Some(1));
        sender.try_send(3).unwrap();
        let late = sender.clone();
        let late = simoom::spawn(async move { late.send_timeout(4, 3_600_000 * MS).await });
        settle().await;
        assert_eq!(receiver.recv().await, Some(3));
        late.await.unwrap().unwrap();
        assert_eq!(receiver.recv().await, Some(4));
        sender.try_send(5).unwrap();
        let closed = sender.clone();
        let closed = simoom::spawn(async move { closed.send_timeout(6, 3_600_000 * MS).await });
        settle().await;
        receiver.close();
        assert_eq!(closed.await.unwrap(), Err(SendTimeoutError::Closed(6)));
        assert_eq!(SendTimeoutError::Closed(6).into_inner(), 6);
    }

    async fn q_1_values_arrive_in_the_order_of_sending() {
        let (sender, mut receiver) = mpsc::channel(3);
        let task = simoom::spawn(async move {
            for number in 0..20 {
                sender.send(number).await.unwrap();
            }
        });
        for number in 0..20 {
            assert_eq!(receiver.recv().await, Some(number));
        }
        assert_eq!(receiver.recv().await, None);
        assert_eq!(receiver.recv().await, None);
        task.await.unwrap();
    }

    async fn q_2_a_full_channel_makes_senders_wait() {
        let (sender, mut receiver) = mpsc::channel(2);
        sender.send(1).await.unwrap();
        sender.send(2).await.unwrap();
        assert_eq!(sender.try_send(3), Err(TrySendError::Full(3)));
        let task = send_in_line(&sender, 3).await;
        assert!(!task.is_finished());
        assert_eq!(receiver.recv().await, Some(1));
        task.await.unwrap().unwrap();
        assert_eq!((receiver.recv().await, receiver.recv().await), (Some(2), Some(3)));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    }

    async fn q_3_five_values_pass_one_slot() {
        let (sender, mut receiver) = mpsc::channel(1);
        let task = simoom::spawn(async move {
            for number in 0..5 {
                sender.send(number).await.unwrap();
            }
        });
        let mut seen = Vec::new();
        while let Some(number) = receiver.recv().await {
            seen.push(number);
        }
        assert_eq!(seen, [0, 1, 2, 3, 4]);
        task.await.unwrap();
    }

    async fn q_4_waiting_senders_all_get_through() {
        let (sender, mut receiver) = mpsc::channel(2);
        let tasks: Vec<_> = (0..4)
            .map(|number| {
                let sender = sender.clone();
                simoom::spawn(async move { sender.send(number).await.unwrap() })
            })
            .collect();
        let mut seen = Vec::new();
        while seen.len() < 4 {
            while let Ok(number) = receiver.try_recv() {
                seen.push(number);
            }
            yield_now().await;
        }
        join_all(tasks).await;
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 2, 3]);
    }

    async fn senders_get_slots_in_their_order() {
        let (sender, mut receiver) = mpsc::channel(1);
        sender.send(0).await.unwrap();
        let mut tasks = Vec::new();
        for number in 1..5 {
            tasks.push(send_in_line(&sender, number).await);
        }
        for number in 0..5 {
            assert_eq!(receiver.recv().await, Some(number));
        }
        join_all(tasks).await;
    }

    async fn q_5_a_cancelled_receive_loses_nothing() {
        let (sender, mut receiver) = mpsc::channel(4);
        assert!(timeout(MS, receiver.recv()).await.is_err());
        sender.send(1).await.unwrap();
        sender.send(2).await.unwrap();
        assert_eq!(receiver.recv().await, Some(1));
        let mut many = Vec::new();
        drop(receiver.recv());
        drop(receiver.recv_many(&mut many, 3));
        assert!(many.is_empty());
        assert_eq!(receiver.recv().await, Some(2));
    }

    async fn q_5_a_receiver_cancelled_as_the_value_comes_loses_nothing() {
        let (sender, receiver) = mpsc::channel(1);
        let receiver = Arc::new(simoom::sync::Mutex::new(receiver));
        let theirs = receiver.clone();
        let task = simoom::spawn(async move { theirs.lock().await.recv().await });
        settle().await;
        sender.send(5).await.unwrap();
        task.abort();
        let taken = task.await;
        let left = receiver.lock().await.try_recv();
        match taken {
            // It had run before the abort.
            Ok(value) => assert_eq!((value, left), (Some(5), Err(TryRecvError::Empty))),
            Err(_) => assert_eq!(left, Ok(5)),
        }
    }

    async fn q_6_a_cancelled_sender_passes_its_slot_on() {
        let (sender, mut receiver) = mpsc::channel(1);
        sender.send(0).await.unwrap();
        let one = send_in_line(&sender, 1).await;
        let two = send_in_line(&sender, 2).await;
        // The first in line is given the slot, and is gone before it runs.
        assert_eq!(receiver.try_recv(), Ok(0));
        one.abort();
        let sent_one = one.await.is_ok();
        two.await.unwrap().unwrap();
        drop(sender);
        let mut seen = Vec::new();
        while let Some(number) = receiver.recv().await {
            seen.push(number);
        }
        // A value sent before the abort is there, one sent after it is not.
        assert_eq!(seen, if sent_one { vec![1, 2] } else { vec![2] });
    }

    async fn q_6_a_cancelled_sender_leaves_the_line() {
        let (sender, mut receiver) = mpsc::channel(1);
        sender.send(0).await.unwrap();
        let one = send_in_line(&sender, 1).await;
        let two = send_in_line(&sender, 2).await;
        one.abort();
        assert!(one.await.unwrap_err().is_cancelled());
        assert_eq!(receiver.recv().await, Some(0));
        assert_eq!(receiver.recv().await, Some(2));
        two.await.unwrap().unwrap();
        assert_eq!(sender.capacity(), 1);
    }

    async fn q_7_a_timeout_around_receive_never_loses_a_value() {
        let (sender, mut receiver) = mpsc::channel(2);
        let task = simoom::spawn(async move {
            for number in 0..10 {
                simoom::time::sleep(Duration::from_micros(300)).await;
                sender.send(number).await.unwrap();
            }
        });
        let mut seen = Vec::new();
        loop {
            match timeout(Duration::from_micros(200), receiver.recv()).await {
                Ok(Some(number)) => seen.push(number),
                Ok(None) => break,
                Err(_) => {}
            }
        }
        assert!((0..10).eq(seen));
        task.await.unwrap();
    }

    async fn q_9_a_closed_channel_is_drained_and_then_ends() {
        let (sender, mut receiver) = mpsc::channel(2);
        sender.send(1).await.unwrap();
        sender.send(2).await.unwrap();
        let waiting = send_in_line(&sender, 3).await;
        assert!(!receiver.is_closed());
        receiver.close();
        receiver.close();
        assert!(receiver.is_closed());
        assert!(sender.is_closed());
        assert_eq!(waiting.await.unwrap().unwrap_err().0, 3);
        assert_eq!(sender.send(4).await.unwrap_err().0, 4);
        assert_eq!(sender.try_send(5), Err(TrySendError::Closed(5)));
        assert_eq!(receiver.recv().await, Some(1));
        assert_eq!(receiver.try_recv(), Ok(2));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
        assert_eq!(receiver.recv().await, None);
    }

    async fn a_permit_is_good_after_the_close() {
        let (sender, mut receiver) = mpsc::channel(2);
        let permit = sender.reserve().await.unwrap();
        receiver.close();
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        assert!(timeout(MS, receiver.recv()).await.is_err());
        permit.send(5);
        assert_eq!(receiver.recv().await, Some(5));
        assert_eq!(receiver.recv().await, None);
        assert!(sender.reserve().await.is_err());
    }

    async fn a_dropped_permit_ends_a_closed_channel() {
        let (sender, mut receiver) = mpsc::channel::<u8>(2);
        let permit = sender.try_reserve().unwrap();
        receiver.close();
        let task = simoom::spawn(async move { receiver.recv().await });
        settle().await;
        assert!(!task.is_finished());
        drop(permit);
        assert_eq!(task.await.unwrap(), None);
    }

    async fn a_dropped_receiver_fails_every_sender() {
        let flag = DropFlag::default();
        let (sender, receiver) = mpsc::channel(1);
        sender.send(Some(flag.guard())).await.unwrap();
        let theirs = sender.clone();
        let waiting = simoom::spawn(async move { theirs.send(None).await.is_err() });
        settle().await;
        drop(receiver);
        assert!(flag.is_set(), "a value that waited is still there");
        assert!(waiting.await.unwrap());
        assert!(matches!(sender.try_send(None), Err(TrySendError::Closed(None))));
        assert!(matches!(sender.try_reserve(), Err(TrySendError::Closed(()))));
        assert!(sender.reserve().await.is_err());
        sender.closed().await;
    }

    async fn the_last_sender_ends_the_channel() {
        let (sender, mut receiver) = mpsc::channel(2);
        let other = sender.clone();
        sender.send(1).await.unwrap();
        drop(sender);
        assert_eq!(receiver.recv().await, Some(1));
        assert!(timeout(MS, receiver.recv()).await.is_err());
        let waiting = simoom::spawn(async move { receiver.recv().await });
        settle().await;
        drop(other);
        assert_eq!(waiting.await.unwrap(), None);
    }

    async fn closed_waits_for_the_receiver() {
        let (sender, mut receiver) = mpsc::channel::<u8>(1);
        assert!(timeout(MS, sender.closed()).await.is_err());
        let theirs = sender.clone();
        let waiting = simoom::spawn(async move { theirs.closed().await });
        settle().await;
        assert!(!waiting.is_finished());
        receiver.close();
        waiting.await.unwrap();
        sender.closed().await;
    }

    async fn counts_tell_slots_and_senders() {
        let (sender, mut receiver) = mpsc::channel(3);
        assert_eq!((sender.capacity(), sender.max_capacity()), (3, 3));
        assert_eq!((receiver.capacity(), receiver.max_capacity()), (3, 3));
        assert!(receiver.is_empty());
        sender.send(1).await.unwrap();
        let permit = sender.try_reserve().unwrap();
        assert_eq!((sender.capacity(), receiver.len()), (1, 1));
        assert_eq!(receiver.capacity(), 1);
        drop(permit);
        assert_eq!(sender.capacity(), 2);
        assert_eq!(receiver.recv().await, Some(1));
        assert_eq!(sender.capacity(), 3);

        let other = sender.clone();
        let weak = sender.downgrade();
        let weaker = weak.clone();
        assert_eq!((sender.strong_count(), sender.weak_count()), (2, 2));
        assert_eq!((weak.strong_count(), weak.weak_count()), (2, 2));
        assert_eq!((receiver.sender_strong_count(), receiver.sender_weak_count()), (2, 2));
        assert!(sender.same_channel(&other));
        assert!(!sender.same_channel(&mpsc::channel(1).0));
        drop((other, weaker));
        assert_eq!((sender.strong_count(), sender.weak_count()), (1, 1));
        assert!(weak.upgrade().is_some());
        drop(sender);
        assert!(weak.upgrade().is_none());
        assert!(receiver.is_closed());
        assert_eq!(receiver.recv().await, None);
    }

    async fn permits_hold_their_slots() {
        let (sender, mut receiver) = mpsc::channel(2);
        let one = sender.reserve().await.unwrap();
        let two = sender.try_reserve().unwrap();
        assert!(matches!(sender.try_reserve(), Err(TrySendError::Full(()))));
        assert!(timeout(MS, sender.reserve()).await.is_err());
        two.send(2);
        one.send(1);
        // The order is that of sending, not of reserving.
        assert_eq!((receiver.recv().await, receiver.recv().await), (Some(2), Some(1)));
    }

    async fn several_slots_are_reserved_at_once() {
        let (sender, mut receiver) = mpsc::channel(3);
        let mut permits = sender.reserve_many(2).await.unwrap();
        assert_eq!(permits.len(), 2);
        assert_eq!(sender.capacity(), 1);
        permits.next().unwrap().send(1);
        drop(permits);
        assert_eq!(sender.capacity(), 2);
        assert_eq!(receiver.recv().await, Some(1));
        assert!(sender.reserve_many(4).await.is_err());
        assert!(matches!(sender.try_reserve_many(4), Err(TrySendError::Full(()))));
        for (number, permit) in sender.try_reserve_many(3).unwrap().enumerate() {
            permit.send(number);
        }
        let mut seen = Vec::new();
        assert_eq!(receiver.recv_many(&mut seen, 10).await, 3);
        assert_eq!(seen, [0, 1, 2]);
        assert_eq!(sender.reserve_many(0).await.unwrap().len(), 0);
    }

    async fn sem_7_the_first_in_line_is_not_passed_while_it_collects_slots() {
        let (sender, mut receiver) = mpsc::channel(2);
        sender.send(0).await.unwrap();
        sender.send(1).await.unwrap();
        let theirs = sender.clone();
        let both = simoom::spawn(async move {
            for (number, permit) in theirs.reserve_many(2).await.unwrap().enumerate() {
                permit.send(10 + number as u32);
            }
        });
        settle().await;
        let late = send_in_line(&sender, 20).await;
        let mut seen = Vec::new();
        for _ in 0..5 {
            seen.push(receiver.recv().await.unwrap());
        }
        assert_eq!(seen, [0, 1, 10, 11, 20]);
        both.await.unwrap();
        late.await.unwrap().unwrap();
    }

    async fn sem_7_a_cancelled_collector_wakes_the_next() {
        let (sender, mut receiver) = mpsc::channel(2);
        sender.send(0).await.unwrap();
        sender.send(1).await.unwrap();
        let theirs = sender.clone();
        let both = simoom::spawn(async move { theirs.reserve_many(2).await.map(drop) });
        settle().await;
        let late = send_in_line(&sender, 20).await;
        assert_eq!(receiver.recv().await, Some(0));
        settle().await;
        assert!(!late.is_finished());
        both.abort();
        timeout(Duration::from_secs(5), late).await.unwrap().unwrap().unwrap();
        assert_eq!((receiver.recv().await, receiver.recv().await), (Some(1), Some(20)));
    }

    async fn an_owned_permit_keeps_its_sender() {
        let (sender, mut receiver) = mpsc::channel(1);
        let permit = sender.clone().reserve_owned().await.unwrap();
        assert!(permit.same_channel_as_sender(&sender));
        let full = sender.clone().try_reserve_owned().unwrap_err();
        let TrySendError::Full(other) = full else {
            panic!("{full:?}")
        };
        drop(sender);
        let sender = permit.send(1);
        assert_eq!(receiver.recv().await, Some(1));
        let permit = other.try_reserve_owned().unwrap();
        let other = permit.release();
        assert_eq!(other.capacity(), 1);
        let permit = other.reserve_owned().await.unwrap();
        assert!(permit.same_channel(&permit));
        assert_eq!(sender.capacity(), 0);
        drop(permit);
        assert_eq!(sender.capacity(), 1);
        drop(receiver);
        assert!(matches!(sender.clone().try_reserve_owned(), Err(TrySendError::Closed(_))));
        assert!(sender.reserve_owned().await.is_err());
    }

    async fn many_values_are_received_at_once() {
        let (sender, mut receiver) = mpsc::channel(8);
        let mut seen = vec![99];
        assert_eq!(receiver.recv_many(&mut seen, 0).await, 0);
        for number in 0..5 {
            sender.send(number).await.unwrap();
        }
        assert_eq!(receiver.recv_many(&mut seen, 3).await, 3);
        assert_eq!(seen, [99, 0, 1, 2]);
        assert_eq!(poll_fn(|cx| receiver.poll_recv_many(cx, &mut seen, 9)).await, 2);
        assert_eq!(poll_fn(|cx| {
            let _ = sender.try_send(5);
            receiver.poll_recv(cx)
        }).await, Some(5));
        while receiver.try_recv().is_ok() {}
        drop(sender);
        assert_eq!(receiver.recv_many(&mut seen, 3).await, 0);
        assert_eq!(seen.len(), 6);
    }

    async fn receiving_many_makes_room_for_as_many_senders() {
        let (sender, mut receiver) = mpsc::channel(2);
        sender.send(0).await.unwrap();
        sender.send(1).await.unwrap();
        let waiting = [send_in_line(&sender, 2).await, send_in_line(&sender, 3).await];
        let mut seen = Vec::new();
        assert_eq!(receiver.recv_many(&mut seen, 2).await, 2);
        for task in waiting {
            timeout(Duration::from_secs(5), task).await.unwrap().unwrap().unwrap();
        }
    }

    async fn an_unbounded_channel_never_makes_senders_wait() {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        for number in 0..1_000 {
            sender.send(number).unwrap();
        }
        assert_eq!(receiver.len(), 1_000);
        for number in 0..1_000 {
            assert_eq!(receiver.try_recv(), Ok(number));
        }
        assert!(receiver.is_empty());
        assert!(timeout(MS, receiver.recv()).await.is_err());
        let waiting = simoom::spawn(async move { receiver.recv().await });
        settle().await;
        sender.send(5).unwrap();
        assert_eq!(waiting.await.unwrap(), Some(5));
        assert_eq!(sender.send(6).unwrap_err().0, 6);
        assert!(sender.is_closed());
        sender.closed().await;
    }

    async fn an_unbounded_channel_ends_like_a_bounded_one() {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let weak = sender.downgrade();
        sender.send(1).unwrap();
        sender.clone().send(2).unwrap();
        assert!(weak.upgrade().unwrap().same_channel(&sender));
        assert_eq!((sender.strong_count(), sender.weak_count()), (1, 1));
        assert_eq!((receiver.sender_strong_count(), receiver.sender_weak_count()), (1, 1));
        receiver.close();
        assert_eq!(sender.send(3).unwrap_err().0, 3);
        let mut seen = Vec::new();
        assert_eq!(receiver.recv_many(&mut seen, 5).await, 2);
        assert_eq!(receiver.recv().await, None);
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
        assert!(receiver.is_closed());
        drop(sender);
        assert!(weak.upgrade().is_none());
        assert_eq!((weak.strong_count(), weak.weak_count()), (0, 1));

        let (sender, mut receiver) = mpsc::unbounded_channel::<u8>();
        let waiting = simoom::spawn(async move { receiver.recv().await });
        settle().await;
        drop(sender);
        assert_eq!(waiting.await.unwrap(), None);
    }

    async fn every_value_of_many_senders_arrives_once() {
        let (sender, mut receiver) = mpsc::channel(3);
        let sent = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..5_usize)
            .map(|task| {
                let (sender, sent) = (sender.clone(), sent.clone());
                simoom::spawn(async move {
                    for turn in 0..4 {
                        sender.send((task, turn)).await.unwrap();
                        sent.fetch_add(1, SeqCst);
                    }
                })
            })
            .collect();
        drop(sender);
        let mut turns = [0; 5];
        while let Some((task, turn)) = receiver.recv().await {
            assert_eq!(turns[task], turn, "the values of one sender passed each other");
            turns[task] += 1;
            let taken: usize = turns.iter().sum();
            assert!(sent.load(SeqCst) <= taken + 3, "more waited than there are slots");
        }
        assert_eq!(turns, [4; 5]);
        join_all(tasks).await;
    }

    async fn errors_say_what_is_wrong() {
        assert_eq!(SendError(1).to_string(), "channel closed");
        assert_eq!(TrySendError::Full(1).to_string(), "no available capacity");
        assert_eq!(TrySendError::Closed(1).to_string(), "channel closed");
        assert_eq!(TrySendError::from(SendError(1)), TrySendError::Closed(1));
        assert_eq!(TrySendError::Full(1).into_inner(), 1);
        assert_eq!(format!("{:?}", TrySendError::Full(1)), "Full(..)");
        assert_eq!(TryRecvError::Empty.to_string(), "receiving on an empty channel");
        assert_eq!(TryRecvError::Disconnected.to_string(), "receiving on a closed channel");
    }

    async fn a_channel_without_slots_panics() {
        let caught = catch_unwind(AssertUnwindSafe(|| drop(mpsc::channel::<u8>(0)))).unwrap_err();
        assert!(panic_text(&*caught).contains("at least one slot"));
    }
}
