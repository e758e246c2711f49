//! Notifications.

use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::join_all;
use simoom::sync::Notify;
use simoom::time::{Duration, timeout};
use simoom_tests::{both, settle};

const MS: Duration = Duration::from_millis(1);

/// Starts tasks that wait one after another and note their numbers, each in line before the next.
async fn waiters(
    notify: &Arc<Notify>,
    count: u32,
) -> (Vec<simoom::task::JoinHandle<()>>, Arc<Mutex<Vec<u32>>>) {
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    for number in 0..count {
        let (notify, order) = (notify.clone(), order.clone());
        tasks.push(simoom::spawn(async move {
            notify.notified().await;
            order.lock().unwrap().push(number);
        }));
        settle().await;
    }
    (tasks, order)
}

both! {
    async fn a_notification_wakes_the_waiter() {
        let notify = Arc::new(Notify::new());
        let (tasks, order) = waiters(&notify, 1).await;
        assert!(order.lock().unwrap().is_empty());
        notify.notify_one();
        join_all(tasks).await;
        assert_eq!(*order.lock().unwrap(), [0]);
    }

    async fn one_notification_is_kept_for_the_next_waiter() {
        let notify = Notify::new();
        notify.notify_one();
        notify.notify_one();
        notify.notified().await;
        assert!(timeout(MS, notify.notified()).await.is_err());
    }

    async fn notify_one_wakes_the_longest_waiter() {
        let notify = Arc::new(Notify::new());
        let (tasks, order) = waiters(&notify, 3).await;
        for count in 1..=3 {
            notify.notify_one();
            settle().await;
            assert!((0..count).eq(order.lock().unwrap().iter().copied()));
        }
        join_all(tasks).await;
    }

    async fn notify_last_wakes_the_shortest_waiter() {
        let notify = Arc::new(Notify::new());
        let (tasks, order) = waiters(&notify, 3).await;
        for _ in 0..3 {
            notify.notify_last();
            settle().await;
        }
        join_all(tasks).await;
        assert_eq!(*order.lock().unwrap(), [2, 1, 0]);
        notify.notify_last();
        notify.notified().await;
    }

    async fn notify_waiters_wakes_all_who_wait_and_keeps_nothing() {
        let notify = Arc::new(Notify::new());
        let (tasks, order) = waiters(&notify, 3).await;
        notify.notify_waiters();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(order.lock().unwrap().len(), 3);
        assert!(timeout(MS, notify.notified()).await.is_err());
        notify.notify_waiters();
        assert!(timeout(MS, notify.notified()).await.is_err());
    }

    async fn notify_waiters_leaves_a_kept_notification() {
        let notify = Notify::new();
        notify.notify_one();
        notify.notify_waiters();
        notify.notified().await;
        assert!(timeout(MS, notify.notified()).await.is_err());
    }

    async fn notify_waiters_reaches_futures_that_were_not_polled() {
        let notify = Arc::new(Notify::new());
        let (borrowed, owned) = (notify.notified(), notify.clone().notified_owned());
        notify.notify_waiters();
        let late = notify.notified();
        borrowed.await;
        owned.await;
        assert!(timeout(MS, late).await.is_err());
    }

    async fn notify_one_does_not_reach_a_future_that_was_not_polled() {
        let notify = Notify::new();
        let first = notify.notified();
        let second = notify.notified();
        notify.notify_one();
        // Whoever waits first takes it.
        second.await;
        assert!(timeout(MS, first).await.is_err());
    }

    async fn an_enabled_future_is_in_line_without_a_poll() {
        let notify = Notify::new();
        let first = notify.notified();
        simoom::pin!(first);
        assert!(!first.as_mut().enable());
        let second = notify.notified();
        simoom::pin!(second);
        assert!(!second.as_mut().enable());
        notify.notify_one();
        assert!(first.as_mut().enable());
        first.await;
        assert!(second.as_mut().now_or_never().is_none());
        notify.notify_one();
        second.await;
    }

    async fn enabling_takes_a_kept_notification() {
        let notify = Notify::new();
        notify.notify_one();
        let waiting = notify.notified();
        simoom::pin!(waiting);
        assert!(waiting.as_mut().enable());
        assert!(timeout(MS, notify.notified()).await.is_err());
        waiting.await;
    }

    async fn a_cancelled_waiter_passes_its_notification_on() {
        let notify = Arc::new(Notify::new());
        let (mut tasks, order) = waiters(&notify, 3).await;
        notify.notify_one();
        // The first waiter was chosen already and has not run since.
        let first = tasks.remove(0);
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        settle().await;
        assert_eq!(*order.lock().unwrap(), [1]);
        notify.notify_waiters();
        join_all(tasks).await;
    }

    async fn a_cancelled_waiter_leaves_its_notification_behind() {
        let notify = Arc::new(Notify::new());
        let (mut tasks, _) = waiters(&notify, 1).await;
        notify.notify_one();
        let first = tasks.remove(0);
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        timeout(Duration::from_secs(5), notify.notified()).await.unwrap();
    }

    async fn a_cancelled_waiter_that_was_not_chosen_takes_nothing() {
        let notify = Arc::new(Notify::new());
        let (mut tasks, order) = waiters(&notify, 2).await;
        let first = tasks.remove(0);
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        notify.notify_one();
        join_all(tasks).await;
        assert_eq!(*order.lock().unwrap(), [1]);
        assert!(timeout(MS, notify.notified()).await.is_err());
    }

    async fn a_future_is_done_once_and_stays_done() {
        let notify = Notify::default();
        notify.notify_one();
        let waiting = notify.notified();
        simoom::pin!(waiting);
        (&mut waiting).await;
        (&mut waiting).await;
        assert!(format!("{notify:?}").starts_with("Notify"));
    }

    async fn a_condition_is_not_missed_between_check_and_wait() {
        let notify = Arc::new(Notify::const_new());
        let value = Arc::new(Mutex::new(0));
        let (theirs, theirs_value) = (notify.clone(), value.clone());
        let waiting = simoom::spawn(async move {
            loop {
                let changed = theirs.notified();
                if *theirs_value.lock().unwrap() == 3 {
                    return;
                }
                changed.await;
            }
        });
        for number in 1..=3 {
            simoom::task::yield_now().await;
            *value.lock().unwrap() = number;
            notify.notify_waiters();
        }
        timeout(Duration::from_secs(5), waiting).await.unwrap().unwrap();
    }
}
