//! Time limits, and semaphores that are locked.

use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::Poll;

use simoom::asyncio::{BoundedSemaphore, Stopped, timeout_cancel};
use simoom::sync::oneshot;
use simoom::task::{catch_cancel, is_cancelled, uncancel};
use simoom::time::{Duration, Instant, sleep, timeout, timeout_at};
use simoom_tests::{DropFlag, both, settle};

use super::{HOUR, MS};

both! {
    async fn to_5_of_equal_limits_the_inner_one_is_told() {
        let deadline = Instant::now() + 2 * MS;
        let inner = timeout_at(deadline, pending::<()>());
        let outer = timeout_at(deadline, inner).await;
        assert!(matches!(outer, Ok(Err(_))), "{outer:?}");
        assert!(Instant::now() >= deadline);
    }

    async fn to_9_an_error_of_cleaning_up_counts() {
        let ended = timeout_cancel(MS, async {
            match catch_cancel(pending::<()>()).await {
                Ok(()) => Ok(()),
                Err(_) => {
                    sleep(MS).await;
                    Err("the disk is full")
                }
            }
        });
        assert_eq!(ended.await, Ok(Err("the disk is full")));
        // Of what is dropped nothing is left that could fail.
        let flag = DropFlag::default();
        let held = flag.guard();
        let late = timeout(MS, async move {
            pending::<()>().await;
            drop(held);
        });
        assert!(late.await.is_err());
        assert!(flag.is_set());
    }

    async fn to_10_a_request_inside_of_a_limit_is_a_request() {
        let task = simoom::spawn(timeout(HOUR, pending::<()>()));
        settle().await;
        task.cancel_with("enough");
        assert_eq!(task.await.unwrap_err().cancel_reason(), Some("enough"));
        let task = simoom::spawn(catch_cancel(timeout(HOUR, pending::<()>())));
        settle().await;
        task.cancel();
        assert!(task.await.unwrap().is_err());
    }

    async fn to_14_a_limit_while_cleaning_up_is_its_own() {
        let task = simoom::spawn(async {
            let outer = timeout(MS, pending::<()>()).await;
            let late = timeout(2 * MS, pending::<()>()).await;
            let in_time = timeout(HOUR, sleep(MS)).await;
            (outer.is_err(), late.is_err(), in_time.is_ok())
        });
        assert_eq!(task.await.unwrap(), (true, true, true));
        let cleaned_up = timeout_cancel(MS, async {
            let ended = catch_cancel(pending::<()>()).await;
            let late = timeout(MS, pending::<()>()).await;
            let in_time = timeout(HOUR, sleep(MS)).await;
            (ended.is_err(), late.is_err(), in_time.is_ok())
        });
        assert_eq!(cleaned_up.await, Ok((true, true, true)));
    }

    async fn to_15_a_limit_in_a_task_that_was_asked_still_ends_it() {
        let task = simoom::spawn(async {
            catch_cancel(pending::<()>()).await.unwrap_err();
            let late = timeout(MS, pending::<()>()).await;
            let asks = timeout_cancel(MS, pending::<()>()).await;
            assert_eq!((late.is_err(), asks), (true, Err(Stopped::Elapsed)));
            // To be asked again it says so.
            assert!(uncancel());
            catch_cancel(timeout(HOUR, pending::<()>())).await.unwrap_err()
        });
        settle().await;
        task.cancel_with("first");
        sleep(20 * MS).await;
        task.cancel_with("second");
        assert_eq!(task.await.unwrap().reason(), Some("second"));
    }

    async fn to_17_a_limit_tells_its_deadline_and_whether_it_is_over() {
        let begun = Instant::now();
        let limit = timeout(5 * MS, sleep(HOUR));
        assert!(limit.deadline() >= begun + 5 * MS);
        assert!(format!("{limit:?}").contains("deadline"), "{limit:?}");
        assert_eq!(limit.await.unwrap_err().to_string(), "deadline has elapsed");
    }

    async fn wf_2_a_limit_of_zero_polls_once() {
        let polls = Rc::new(Cell::new(0));
        let counted = polls.clone();
        let late = timeout_cancel(Duration::ZERO, async move {
            counted.set(counted.get() + 1);
            pending::<()>().await;
        });
        assert_eq!(late.await, Err(Stopped::Elapsed));
        assert_eq!(polls.get(), 1);
        assert_eq!(timeout_cancel(Duration::ZERO, async { 5 }).await, Ok(5));
    }

    async fn wf_3_a_limit_of_zero_asks_and_waits() {
        let cleaned_up = Arc::new(AtomicUsize::new(0));
        let counted = cleaned_up.clone();
        let ended = timeout_cancel(Duration::ZERO, async move {
            let ended = catch_cancel(pending::<()>()).await;
            sleep(2 * MS).await;
            counted.fetch_add(1, SeqCst);
            ended.is_err()
        });
        assert_eq!(ended.await, Ok(true));
        assert_eq!(cleaned_up.load(SeqCst), 1);
    }

    async fn wf_5_an_error_that_comes_of_the_request_is_returned() {
        let ended = timeout_cancel(MS, async {
            catch_cancel(sleep(HOUR)).await.map_err(|_| "not written")
        });
        assert_eq!(ended.await, Ok(Err("not written")));
        assert!(!is_cancelled());
    }

    async fn wf_7_a_value_at_the_moment_of_the_limit_is_returned() {
        let at = Instant::now() + 2 * MS;
        // Nothing but the limit wakes it.
        let value = poll_fn(|_| match Instant::now() >= at {
            true => Poll::Ready(5),
            false => Poll::Pending,
        });
        assert_eq!(timeout_cancel(2 * MS, value).await, Ok(5));
    }

    async fn wf_9_a_request_at_the_moment_of_the_end_is_not_lost() {
        for send_first in [true, false] {
            let (send, receive) = oneshot::channel();
            let task = simoom::spawn(async move {
                let ended = timeout_cancel(HOUR, receive).await;
                (ended, catch_cancel(sleep(HOUR)).await.is_err())
            });
            settle().await;
            if send_first {
                send.send(7).unwrap();
                task.cancel();
            } else {
                task.cancel();
                send.send(7).unwrap();
            }
            let (ended, is_left) = task.await.unwrap();
            assert!(matches!(ended, Ok(Ok(7)) | Err(Stopped::Cancelled(_))), "{ended:?}");
            assert!(is_left, "the request is lost");
        }
    }

    async fn sem_3_it_is_locked_while_somebody_waits() {
        let semaphore = Arc::new(BoundedSemaphore::new(1));
        assert!(!semaphore.is_locked());
        let held = semaphore.acquire().await;
        assert!(semaphore.is_locked());
        let waiting = simoom::spawn({
            let semaphore = semaphore.clone();
            async move { drop(semaphore.acquire().await) }
        });
        settle().await;
        drop(held);
        // The permit is somebody's already.
        assert!(semaphore.is_locked());
        assert!(semaphore.try_acquire().is_err());
        waiting.await.unwrap();
        assert!(!semaphore.is_locked());
        assert!(semaphore.try_acquire().is_ok());
    }
}
