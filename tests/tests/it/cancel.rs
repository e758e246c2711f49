//! Tasks that are asked to end: who answers, and when a task is dropped. The numbers are those of
//! what asyncio promises of cancellation.

use std::future::{pending, poll_fn, ready};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use simoom::sync::{Notify, mpsc, oneshot};
use simoom::task::{
    self, Cancelled, JoinHandle, cancelled, catch_cancel, is_cancelled, shield, uncancel, yield_now,
};
use simoom::time::{Duration, Instant, sleep, timeout};
use simoom_tests::{DropFlag, both, settle};

/// What a task has noted, in order.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<&'static str>>>);

impl Notes {
    fn add(&self, note: &'static str) {
        self.0.lock().unwrap().push(note);
    }

    fn all(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().clone()
    }
}

const HOUR: Duration = Duration::from_secs(3_600);

async fn is_dropped<T: std::fmt::Debug>(task: JoinHandle<T>) {
    assert!(task.await.unwrap_err().is_cancelled());
}

both! {
    async fn can_1_a_task_that_waits_ends_cancelled() {
        let task = simoom::spawn(sleep(HOUR));
        settle().await;
        assert!(task.cancel());
        assert!(task.cancel(), "it has not ended yet");
        let error = task.await.unwrap_err();
        assert!(error.is_cancelled());
        assert_eq!(error.cancel_reason(), None);
        let task = simoom::spawn(ready(5));
        settle().await;
        assert!(!task.cancel());
        assert_eq!(task.await.unwrap(), 5);
    }

    async fn can_2_a_task_is_polled_once_before_it_is_dropped() {
        let notes = Notes::default();
        let (noted, flag) = (notes.clone(), DropFlag::default());
        let held = flag.guard();
        let task = simoom::spawn(async move {
            noted.add("begun");
            yield_now().await;
            noted.add("never");
            drop(held);
        });
        task.cancel();
        is_dropped(task).await;
        assert!(flag.is_set());
        assert_eq!(notes.all(), ["begun"]);
    }

    async fn can_3_what_is_waited_for_is_dropped() {
        let flag = DropFlag::default();
        let held = flag.guard();
        let task = simoom::spawn(catch_cancel(async move {
            let _held = held;
            pending::<()>().await;
        }));
        settle().await;
        assert!(!flag.is_set());
        task.cancel();
        assert!(task.await.unwrap().is_err());
        assert!(flag.is_set());
    }

    async fn can_6_a_task_cleans_up_and_ends() {
        let notes = Notes::default();
        let noted = notes.clone();
        let task = simoom::spawn(async move {
            let ended: Result<(), Cancelled> = catch_cancel(pending()).await;
            sleep(Duration::from_millis(2)).await;
            noted.add("cleaned up");
            ended
        });
        settle().await;
        task.cancel_with("enough");
        let ended = task.await.unwrap().unwrap_err();
        assert_eq!(ended.reason(), Some("enough"));
        assert_eq!(notes.all(), ["cleaned up"]);
    }

    async fn can_7_a_task_that_was_asked_may_return_a_value() {
        let task = simoom::spawn(async {
            catch_cancel(pending::<()>()).await.unwrap_err();
            42
        });
        settle().await;
        task.cancel();
        assert_eq!(task.await.unwrap(), 42);
    }

    async fn can_8_what_comes_after_an_answer_is_not_disturbed() {
        let task = simoom::spawn(async {
            catch_cancel(pending::<()>()).await.unwrap_err();
            let mut undisturbed = 0;
            for _ in 0..3 {
                sleep(Duration::from_millis(1)).await;
                if catch_cancel(sleep(Duration::from_millis(1))).await.is_ok() {
                    undisturbed += 1;
                }
            }
            undisturbed
        });
        settle().await;
        task.cancel();
        sleep(Duration::from_millis(1)).await;
        task.cancel();
        assert_eq!(task.await.unwrap(), 3);
    }

    async fn can_9_a_task_that_asks_itself_ends_at_its_next_wait() {
        let steps = Arc::new(AtomicUsize::new(0));
        let counted = steps.clone();
        let task = simoom::spawn(async move {
            assert!(!is_cancelled());
            assert!(task::current().cancel());
            assert!(is_cancelled());
            counted.fetch_add(1, SeqCst);
            yield_now().await;
            counted.fetch_add(1, SeqCst);
        });
        is_dropped(task).await;
        assert_eq!(steps.load(SeqCst), 1);
        // What is done counts.
        let task = simoom::spawn(async {
            task::current().cancel();
            12
        });
        assert_eq!(task.await.unwrap(), 12);
    }

    async fn can_11_what_was_taken_back_does_nothing() {
        let task = simoom::spawn(async {
            assert!(!uncancel(), "nobody has asked");
            task::current().cancel();
            assert!(uncancel());
            assert!(!is_cancelled());
            yield_now().await;
            catch_cancel(sleep(Duration::from_millis(1))).await.unwrap();
            catch_cancel(pending::<()>()).await.unwrap_err()
        });
        sleep(Duration::from_millis(20)).await;
        task.cancel_with("again");
        assert_eq!(task.await.unwrap().reason(), Some("again"));
    }

    async fn can_13_the_reason_is_that_of_who_asked_first() {
        let task = simoom::spawn(sleep(HOUR));
        task.cancel_with("the first");
        task.cancel_with("the second");
        let id = task.id();
        let error = task.await.unwrap_err();
        assert_eq!(error.cancel_reason(), Some("the first"));
        assert_eq!(error.to_string(), format!("task {id} was cancelled: the first"));
        let error: std::io::Error = Cancelled::into(
            simoom::spawn(async {
                task::current().cancel_with("myself");
                cancelled().await
            })
            .await
            .unwrap(),
        );
        assert_eq!(error.to_string(), "cancelled: myself");
    }

    async fn can_15_what_cleaning_up_returns_counts() {
        let task = simoom::spawn(async {
            match catch_cancel(pending::<()>()).await {
                Ok(()) => Ok(()),
                Err(_) => Err("the disk is full"),
            }
        });
        settle().await;
        task.cancel();
        assert_eq!(task.await.unwrap(), Err("the disk is full"));
    }

    async fn can_16_a_timer_goes_with_the_task() {
        let begun = Instant::now();
        let task = simoom::spawn(catch_cancel(sleep(HOUR)));
        settle().await;
        task.cancel();
        task.await.unwrap().unwrap_err();
        assert!(begun.elapsed() < HOUR);
    }

    async fn can_18_a_task_goes_on_until_it_waits() {
        let ran = Arc::new(AtomicBool::new(false));
        let flag = ran.clone();
        let (send, mut receive) = mpsc::channel(1);
        let task = simoom::spawn(async move {
            task::current().cancel();
            flag.store(true, SeqCst);
            send.try_send(()).unwrap();
            pending::<()>().await;
        });
        is_dropped(task).await;
        assert!(ran.load(SeqCst));
        assert_eq!(receive.recv().await, Some(()));
    }

    async fn a_result_of_the_same_moment_counts() {
        let (go, gone) = oneshot::channel();
        let task = simoom::spawn(async move {
            match catch_cancel(gone).await {
                // The request waits for the next scope.
                Ok(value) => (value, catch_cancel(pending::<()>()).await.is_err()),
                Err(_) => (Ok(7), true),
            }
        });
        settle().await;
        go.send(7).unwrap();
        task.cancel();
        assert_eq!(task.await.unwrap(), (Ok(7), true));
    }

    async fn the_innermost_scope_answers() {
        let task = simoom::spawn(async {
            let outer = catch_cancel(async {
                let inner = catch_cancel(pending::<()>()).await;
                yield_now().await;
                inner.is_err()
            });
            outer.await
        });
        settle().await;
        task.cancel();
        assert_eq!(task.await.unwrap(), Ok(true));
    }

    async fn each_branch_answers() {
        let task = simoom::spawn(async {
            let branch = || async { catch_cancel(pending::<()>()).await.is_err() };
            simoom::join!(branch(), branch(), async {
                sleep(Duration::from_millis(1)).await;
                "undisturbed"
            })
        });
        settle().await;
        task.cancel();
        assert_eq!(task.await.unwrap(), (true, true, "undisturbed"));
    }

    async fn a_branch_with_a_waker_of_its_own_answers() {
        let task = simoom::spawn(async {
            let mut all: FuturesUnordered<_> = (0..3)
                .map(|_| async { catch_cancel(pending::<()>()).await.is_err() })
                .collect();
            let mut answers = 0;
            while let Some(answered) = all.next().await {
                answers += usize::from(answered);
            }
            answers
        });
        settle().await;
        task.cancel();
        assert_eq!(task.await.unwrap(), 3);
    }

    async fn sh_1_a_shield_is_not_disturbed() {
        let notes = Notes::default();
        let noted = notes.clone();
        let task = simoom::spawn(async move {
            let inside = noted.clone();
            let ended = catch_cancel(async {
                shield(async {
                    sleep(Duration::from_millis(3)).await;
                    catch_cancel(sleep(Duration::from_millis(1))).await.unwrap();
                    inside.add("shielded");
                })
                .await;
                inside.add("until the next wait");
                pending::<()>().await;
            });
            ended.await.unwrap_err();
            noted.add("answered");
        });
        settle().await;
        task.cancel();
        task.await.unwrap();
        assert_eq!(notes.all(), ["shielded", "until the next wait", "answered"]);
    }

    async fn a_task_is_dropped_after_its_shield() {
        let notes = Notes::default();
        let noted = notes.clone();
        let task = simoom::spawn(async move {
            shield(sleep(Duration::from_millis(3))).await;
            noted.add("shielded");
            sleep(HOUR).await;
            noted.add("never");
        });
        settle().await;
        task.cancel();
        is_dropped(task).await;
        assert_eq!(notes.all(), ["shielded"]);
    }

    async fn a_time_limit_is_no_request() {
        let task = simoom::spawn(async {
            let slow = timeout(Duration::from_millis(1), catch_cancel(pending::<()>()));
            slow.await.unwrap_err();
            is_cancelled()
        });
        assert!(!task.await.unwrap());
    }

    async fn a_request_is_waited_for_beside_something_else() {
        let work = Arc::new(Notify::new());
        let done = work.clone();
        let task = simoom::spawn(async move {
            let mut rounds = 0;
            loop {
                simoom::select! {
                    biased;
                    () = done.notified() => rounds += 1,
                    why = cancelled() => return (rounds, why),
                }
            }
        });
        settle().await;
        for _ in 0..3 {
            work.notify_one();
            settle().await;
        }
        task.cancel_with("enough");
        let (rounds, why) = task.await.unwrap();
        assert_eq!((rounds, why.reason()), (3, Some("enough")));
    }

    async fn an_abort_asks_nobody() {
        let flag = DropFlag::default();
        let held = flag.guard();
        let task = simoom::spawn(async move {
            let _ = catch_cancel(pending::<()>()).await;
            let _held = held;
            sleep(HOUR).await;
        });
        settle().await;
        task.cancel();
        settle().await;
        assert!(!flag.is_set(), "it cleans up");
        task.abort();
        is_dropped(task).await;
        assert!(flag.is_set());
    }

    async fn anybody_with_a_handle_may_ask() {
        let task = simoom::spawn(async { catch_cancel(pending::<()>()).await.unwrap_err() });
        let stop = task.abort_handle();
        let ask = simoom::spawn(async move { stop.cancel_with("by another task") });
        assert!(ask.await.unwrap());
        assert_eq!(task.await.unwrap().reason(), Some("by another task"));
    }

    async fn fut_7_a_closure_that_has_not_begun_never_does() {
        let ran = Arc::new(AtomicBool::new(false));
        let task = task::spawn_blocking({
            let ran = ran.clone();
            move || ran.store(true, SeqCst)
        });
        task.cancel();
        let ended = task.await;
        assert_eq!(ended.is_ok(), ran.load(SeqCst));
    }

    async fn what_moves_to_another_task_answers_there_no_more() {
        let mut moving = Box::pin(catch_cancel(pending::<()>()));
        let (first, moved) = oneshot::channel();
        let task = simoom::spawn(async move {
            poll_fn(|cx| {
                assert!(moving.as_mut().poll(cx).is_pending());
                Poll::Ready(())
            })
            .await;
            let _ = first.send(moving);
            sleep(HOUR).await;
        });
        let moved = moved.await.unwrap();
        let other = simoom::spawn(moved);
        settle().await;
        // It belongs to the task that polled it first.
        assert!(task.cancel());
        assert!(other.await.unwrap().is_err());
        task.abort();
        is_dropped(task).await;
    }

    async fn outside_of_scopes_nothing_is_asked() {
        assert!(!is_cancelled());
        assert_eq!(catch_cancel(async { 5 }).await, Ok(5));
        assert_eq!(shield(async { 5 }).await, 5);
        let soon = Duration::from_millis(1);
        assert!(timeout(soon, cancelled()).await.is_err());
    }

    async fn tsk_8_a_task_has_the_name_it_was_given() {
        let named = task::Builder::new().name("a task: with 1 name!");
        let seen = || async { task::current().name().map(str::to_owned) };
        for task in [named.spawn(seen()).unwrap(), named.spawn_local(seen()).unwrap()] {
            assert_eq!(task.name(), Some("a task: with 1 name!"));
            assert_eq!(task.abort_handle().name(), task.name());
            assert_eq!(task.await.unwrap().as_deref(), Some("a task: with 1 name!"));
        }
        let closure = named.spawn_blocking(|| task::current().name().is_some()).unwrap();
        assert!(closure.await.unwrap());
        let handle = simoom::runtime::Handle::current();
        assert!(named.spawn_on(seen(), &handle).unwrap().await.unwrap().is_some());
        let closure = named.spawn_blocking_on(|| task::current().name().is_some(), &handle);
        assert!(closure.unwrap().await.unwrap());
        assert_eq!(simoom::spawn(seen()).await.unwrap(), None);
        assert_eq!(task::Builder::new().spawn(seen()).unwrap().name(), None);
    }

    async fn tsk_9_a_task_has_its_own_handle() {
        let task = simoom::spawn(async {
            let (own, id) = (task::current(), task::id());
            assert_eq!(own.id(), id);
            assert!(!own.is_finished());
            own
        });
        let id = task.id();
        let own = task.await.unwrap();
        assert_eq!(own.id(), id);
        assert!(own.is_finished());
        assert!(!own.cancel());
    }
}
