//! Requests to end, and what is not disturbed by them.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex as StdMutex};
use std::task::{Context, Wake, Waker};

use simoom::asyncio::{Condition, Stopped, gather, timeout_cancel, wait};
use simoom::sync::{Mutex, oneshot};
use simoom::task::{self, catch_cancel, is_cancelled, shield, uncancel, yield_now};
use simoom::time::sleep;
use simoom_sim::{Config, cancel};
use simoom_tests::{DropFlag, both, settle};

use super::{HOUR, MS};

both! {
    async fn can_4_a_request_stops_at_the_handle_of_another_task() {
        let (go_on, goes_on) = oneshot::channel::<()>();
        let (tell, told) = oneshot::channel();
        let inner = simoom::spawn(async move {
            goes_on.await.unwrap();
            tell.send(is_cancelled()).unwrap();
        });
        let outer = simoom::spawn(async move { inner.await.unwrap() });
        settle().await;
        outer.cancel();
        assert!(outer.await.unwrap_err().is_cancelled());
        // It goes on without its handle, and was not asked.
        go_on.send(()).unwrap();
        assert_eq!(told.await, Ok(false));
        // What gathers or groups passes it on.
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = asked.clone();
        let outer = simoom::spawn(async move {
            let inner = async move {
                let ended = catch_cancel(pending::<()>()).await;
                counted.fetch_add(1, SeqCst);
                ended
            };
            gather([inner]).await.is_err()
        });
        settle().await;
        outer.cancel();
        assert!(outer.await.unwrap());
        assert_eq!(asked.load(SeqCst), 1);
    }

    async fn can_5_waiting_for_some_of_several_asks_none() {
        let (go_on, goes_on) = oneshot::channel::<()>();
        let (tell, told) = oneshot::channel();
        let inner = simoom::spawn(async move {
            let ended = catch_cancel(goes_on).await;
            tell.send(ended.is_err()).unwrap();
        });
        let outer = simoom::spawn(async move { wait([inner]).await.done.len() });
        settle().await;
        outer.cancel();
        assert!(outer.await.unwrap_err().is_cancelled());
        go_on.send(()).unwrap();
        assert_eq!(told.await, Ok(false));
    }

    async fn can_10_a_request_to_both_at_once_has_one_outcome() {
        let inner = simoom::spawn(pending::<()>());
        let ask_inner = inner.abort_handle();
        let outer = simoom::spawn(async move {
            let ended = catch_cancel(inner).await;
            if let Ok(ended) = &ended {
                assert!(ended.as_ref().unwrap_err().is_cancelled());
            }
            // What the first scope has not answered the next one does.
            (ended.is_err(), catch_cancel(sleep(2 * MS)).await.is_err())
        });
        settle().await;
        outer.cancel();
        ask_inner.cancel();
        let (first, second) = outer.await.unwrap();
        assert_ne!(first, second, "it was answered once");
        while !ask_inner.is_finished() {
            yield_now().await;
        }
    }

    async fn can_12_who_asks_its_own_task_undoes_that_alone() {
        let task = simoom::spawn(async {
            // What has asked has cleared up after itself.
            let late = timeout_cancel(MS, sleep(HOUR)).await;
            assert_eq!(late, Err(Stopped::Elapsed));
            assert!(!is_cancelled());
            assert!(!uncancel(), "nothing is left of it");
            // It turns nothing else into its own error.
            let failed = timeout_cancel(HOUR, async { Err::<(), _>("the disk is full") }).await;
            assert_eq!(failed, Ok(Err("the disk is full")));
            // What was in time is not asked afterwards.
            assert_eq!(timeout_cancel(2 * MS, async { 5 }).await, Ok(5));
            catch_cancel(sleep(4 * MS)).await.unwrap();
            // Nor does it undo what others have asked.
            let inside = timeout_cancel(HOUR, sleep(HOUR)).await;
            assert!(matches!(inside, Err(Stopped::Cancelled(_))), "{inside:?}");
            assert!(is_cancelled());
            catch_cancel(pending::<()>()).await.unwrap_err()
        });
        sleep(20 * MS).await;
        task.cancel_with("from outside");
        assert_eq!(task.await.unwrap().reason(), Some("from outside"));
    }

    async fn can_17_who_was_asked_and_does_not_refuse_has_ended() {
        for wait in 0..6 {
            let steps = Arc::new(AtomicUsize::new(0));
            let counted = steps.clone();
            let task = simoom::spawn(async move {
                for _ in 0..4 {
                    counted.fetch_add(1, SeqCst);
                    yield_now().await;
                }
                "done"
            });
            for _ in 0..wait {
                yield_now().await;
            }
            let before = steps.load(SeqCst);
            let was_asked = task.cancel();
            match task.await {
                Ok(done) => {
                    assert_eq!(done, "done");
                    assert!(!was_asked || before == 4, "it has waited since");
                }
                Err(error) => assert!(was_asked && error.is_cancelled()),
            }
            let after = steps.load(SeqCst);
            assert!(!was_asked || after <= before + 1, "{before} steps, then {after}");
        }
    }

    async fn sh_1_what_is_shielded_is_returned_and_asked_by_itself() {
        assert_eq!(shield(async { Err::<(), _>("its own") }).await, Err("its own"));
        let inner = simoom::spawn(pending::<()>());
        let ask_inner = inner.abort_handle();
        let outer = simoom::spawn(shield(inner));
        settle().await;
        // What is inside can be asked all the same, and whoever waits is told.
        ask_inner.cancel();
        assert!(outer.await.unwrap().unwrap_err().is_cancelled());
    }

    async fn sh_2_shielding_again_and_again_leaves_nothing() {
        struct Counted;
        impl Wake for Counted {
            fn wake(self: Arc<Self>) {}
        }
        let counted = Arc::new(Counted);
        let waker = Waker::from(counted.clone());
        let task = simoom::spawn(async move {
            for _ in 0..100 {
                let mut shielded = pin!(shield(catch_cancel(pending::<()>())));
                poll_fn(|_| {
                    let polled = shielded.as_mut().poll(&mut Context::from_waker(&waker));
                    assert!(polled.is_pending());
                    std::task::Poll::Ready(())
                })
                .await;
            }
            // The one that is kept here, and the waker.
            assert_eq!(Arc::strong_count(&counted), 2);
            drop(waker);
        });
        task.await.unwrap();
    }

    async fn cnd_6_the_request_that_comes_out_is_the_one_that_was_made() {
        let task = simoom::spawn(async {
            let (lock, changed) = (Mutex::new(0), Condition::new());
            let guard = lock.lock().await;
            let (guard, waited) = changed.wait_or_cancelled(guard).await;
            assert!(lock.try_lock().is_err(), "the lock is held");
            drop(guard);
            waited.unwrap_err()
        });
        settle().await;
        task.cancel_with("enough");
        task.cancel_with("too late");
        assert_eq!(task.await.unwrap().reason(), Some("enough"));
    }

    async fn gen_4_what_is_entered_is_left_however_it_ends() {
        async fn enters(left: Arc<StdMutex<Vec<&'static str>>>, how: &'static str) -> Result<(), ()> {
            struct Left(Arc<StdMutex<Vec<&'static str>>>);
            impl Drop for Left {
                fn drop(&mut self) {
                    self.0.lock().unwrap().push("left");
                }
            }
            let entered = Left(left);
            match how {
                "returns" => Ok(()),
                "fails" => Err(()),
                _ => {
                    let _still = entered;
                    pending().await
                }
            }
        }
        let left = Arc::<StdMutex<Vec<_>>>::default();
        assert!(enters(left.clone(), "returns").await.is_ok());
        assert!(enters(left.clone(), "fails").await.is_err());
        for ask in [true, false] {
            let task = simoom::spawn(enters(left.clone(), "waits"));
            settle().await;
            if ask {
                task.cancel();
            } else {
                task.abort();
            }
            assert!(task.await.unwrap_err().is_cancelled());
        }
        assert_eq!(left.lock().unwrap().len(), 4);
    }

    async fn gen_2_a_stream_that_is_left_half_way_is_dropped_with_its_owner() {
        use futures::{StreamExt, stream};
        let flag = DropFlag::default();
        let held = flag.guard();
        let mut numbers = Box::pin(stream::unfold((0, held), async |(number, held)| {
            yield_now().await;
            Some((number, (number + 1, held)))
        }));
        assert_eq!(numbers.next().await, Some(0));
        assert_eq!(numbers.next().await, Some(1));
        assert!(!flag.is_set());
        let task = simoom::spawn(async move {
            numbers.next().await.unwrap();
            pending::<()>().await;
            drop(numbers);
        });
        settle().await;
        assert!(!flag.is_set());
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert!(flag.is_set());
    }
}

/// In simulations alone: an error of the task itself says only who has asked, and why.
#[test]
fn can_14_the_report_names_the_await_that_was_interrupted() {
    let report = cancel::every_await(Config::default().persist(false), |_sim| async {
        let task = task::Builder::new().name("worker").spawn(async {
            sleep(MS).await;
        });
        task.unwrap().await.expect("nobody ends it");
    });
    let found = report.failure().unwrap();
    let story = found.story().join("\n");
    assert!(story.contains("at the await of sleep"), "{story}");
    assert!(story.contains("requests.rs"), "{story}");
}
