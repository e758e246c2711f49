//! Tasks: spawning, joining, aborting, giving way.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use futures::future::join_all;
use simoom::sync::{Notify, mpsc, oneshot};
use simoom::task::{self, spawn_local, yield_now};
use simoom::time::{Duration, sleep, timeout};
use simoom_tests::{DropFlag, both, panic_text, settle};

both! {
    async fn a_task_returns_its_value() {
        assert_eq!(simoom::spawn(async { 6 * 7 }).await.unwrap(), 42);
    }

    async fn a_task_is_joined_after_it_has_ended() {
        let task = simoom::spawn(async { "early" });
        settle().await;
        assert!(task.is_finished());
        assert_eq!(task.await.unwrap(), "early");
    }

    async fn a_task_knows_its_id() {
        let task = simoom::spawn(async {
            let other = spawn_local(async { task::try_id() });
            let (id, other_id) = (task::id(), other.id());
            assert_eq!(other.await.unwrap(), Some(other_id));
            assert_eq!(task::id(), id);
            id
        });
        let id = task.id();
        assert_eq!(task.await.unwrap(), id);
        let closure = task::spawn_blocking(task::id);
        let id = closure.id();
        assert_eq!(closure.await.unwrap(), id);
    }

    async fn a_task_that_is_aborted_has_its_id_to_the_end() {
        struct Noted(Arc<Mutex<Option<task::Id>>>);
        impl Drop for Noted {
            fn drop(&mut self) {
                *self.0.lock().unwrap() = task::try_id();
            }
        }
        let seen = Arc::new(Mutex::new(None));
        let noted = Noted(seen.clone());
        let task = simoom::spawn(async move {
            let _noted = noted;
            pending::<()>().await;
        });
        let id = task.id();
        settle().await;
        task.abort();
        task.await.unwrap_err();
        assert_eq!(*seen.lock().unwrap(), Some(id));
    }

    async fn tsk_1_spawn_does_not_poll_the_task() {
        let ran = Arc::new(AtomicBool::new(false));
        let flag = ran.clone();
        let task = simoom::spawn(async move { flag.store(true, SeqCst) });
        assert!(!ran.load(SeqCst));
        task.await.unwrap();
        assert!(ran.load(SeqCst));
    }

    async fn a_task_runs_without_being_joined() {
        let ran = Arc::new(AtomicBool::new(false));
        let flag = ran.clone();
        let task = simoom::spawn(async move { flag.store(true, SeqCst) });
        settle().await;
        assert!(ran.load(SeqCst));
        drop(task);
    }

    async fn tsk_7_dropping_the_handle_detaches_the_task() {
        let (sender, receiver) = oneshot::channel();
        drop(simoom::spawn(async move {
            yield_now().await;
            sleep(Duration::from_millis(1)).await;
            sender.send(5).unwrap();
        }));
        assert_eq!(receiver.await, Ok(5));
    }

    async fn the_output_of_a_detached_task_is_dropped() {
        let flag = DropFlag::default();
        let output = flag.guard();
        let (go, gone) = oneshot::channel::<()>();
        drop(simoom::spawn(async move {
            gone.await.unwrap();
            output
        }));
        settle().await;
        assert!(!flag.is_set());
        go.send(()).unwrap();
        settle().await;
        assert!(flag.is_set());
    }

    async fn the_output_of_a_finished_task_is_dropped_with_its_handle() {
        let flag = DropFlag::default();
        let output = flag.guard();
        let task = simoom::spawn(async move { output });
        settle().await;
        assert!(task.is_finished());
        assert!(!flag.is_set());
        drop(task);
        assert!(flag.is_set());
    }

    async fn the_future_is_dropped_before_its_join_returns() {
        let flag = DropFlag::default();
        let held = flag.guard();
        let task = simoom::spawn(async move {
            yield_now().await;
            let _held = held;
        });
        task.await.unwrap();
        assert!(flag.is_set());
    }

    async fn an_aborted_task_is_cancelled_and_dropped() {
        let flag = DropFlag::default();
        let held = flag.guard();
        let task = simoom::spawn(async move {
            let _held = held;
            pending::<()>().await;
        });
        settle().await;
        assert!(!task.is_finished());
        assert!(!flag.is_set());
        task.abort();
        let id = task.id();
        let error = task.await.unwrap_err();
        assert!(flag.is_set());
        assert!(error.is_cancelled());
        assert!(!error.is_panic());
        assert_eq!(error.id(), id);
        assert_eq!(error.to_string(), format!("task {id} was cancelled"));
        assert_eq!(format!("{error:?}"), format!("JoinError::Cancelled({id})"));
    }

    async fn a_task_aborted_before_its_first_poll_never_runs() {
        let flag = DropFlag::default();
        let captured = flag.guard();
        let ran = Arc::new(AtomicBool::new(false));
        let body = ran.clone();
        let task = simoom::spawn(async move {
            body.store(true, SeqCst);
            drop(captured);
        });
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert!(flag.is_set());
        assert!(!ran.load(SeqCst));
    }

    async fn aborting_a_finished_task_changes_nothing() {
        let task = simoom::spawn(async { 5 });
        settle().await;
        task.abort();
        task.abort();
        assert_eq!(task.await.unwrap(), 5);
    }

    async fn a_task_that_aborts_itself_ends_at_its_next_wait() {
        let (sender, receiver) = oneshot::channel::<simoom::task::AbortHandle>();
        let steps = Arc::new(AtomicUsize::new(0));
        let seen = steps.clone();
        let task = simoom::spawn(async move {
            receiver.await.unwrap().abort();
            seen.fetch_add(1, SeqCst);
            pending::<()>().await;
            seen.fetch_add(1, SeqCst);
        });
        sender.send(task.abort_handle()).unwrap();
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(steps.load(SeqCst), 1);
    }

    async fn an_abort_handle_outlives_the_join_handle() {
        let flag = DropFlag::default();
        let held = flag.guard();
        let task = simoom::spawn(async move {
            let _held = held;
            pending::<()>().await;
        });
        let (stop, id) = (task.abort_handle(), task.id());
        let other = stop.clone();
        drop(task);
        settle().await;
        assert_eq!(stop.id(), id);
        assert!(!stop.is_finished());
        other.abort();
        settle().await;
        assert!(stop.is_finished());
        assert!(flag.is_set());
    }

    async fn an_abort_ends_every_kind_of_wait() {
        let waits = [
            simoom::spawn(async { sleep(Duration::from_secs(1_000)).await }),
            simoom::spawn(async { Notify::new().notified().await }),
            simoom::spawn(async {
                let (_sender, mut receiver) = mpsc::channel::<()>(1);
                receiver.recv().await;
            }),
            simoom::spawn(async { drop(simoom::spawn(pending::<()>()).await) }),
        ];
        settle().await;
        for task in waits {
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
        }
    }

    async fn an_abort_stops_a_busy_task_at_a_yield() {
        let task = simoom::spawn(async {
            loop {
                yield_now().await;
            }
        });
        yield_now().await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    }

    async fn is_finished_tells_the_end() {
        let (go, gone) = oneshot::channel::<()>();
        let task = simoom::spawn(async move { drop(gone.await) });
        settle().await;
        assert!(!task.is_finished());
        assert!(format!("{task:?}").contains("finished: false"), "{task:?}");
        drop(go);
        settle().await;
        assert!(task.is_finished());
        assert!(format!("{task:?}").contains("finished: true"), "{task:?}");
    }

    async fn ids_tell_tasks_apart() {
        let tasks: Vec<_> = (0..50).map(|_| simoom::spawn(async {})).collect();
        let mut ids: Vec<_> = tasks.iter().map(simoom::task::JoinHandle::id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 50);
        assert_eq!(tasks[0].id(), tasks[0].abort_handle().id());
        join_all(tasks).await;
    }

    async fn the_payload_of_a_panic_comes_with_the_join() {
        let error = simoom::spawn(async { panic!("fixed text") }).await.unwrap_err();
        assert!(error.is_panic());
        assert!(!error.is_cancelled());
        let id = error.id();
        let text = format!("task {id} panicked with message \"fixed text\"");
        assert_eq!(error.to_string(), text);
        assert_eq!(panic_text(&*error.into_panic()), "fixed text");

        let number = std::hint::black_box(7);
        let task = simoom::spawn(async move {
            yield_now().await;
            panic!("text {number}");
        });
        let error = task.await.unwrap_err();
        let payload = error.try_into_panic().unwrap();
        assert_eq!(payload.downcast_ref::<String>().unwrap(), "text 7");

        let task = simoom::spawn(async { std::panic::panic_any(7_u64) });
        let error = task.await.unwrap_err();
        let id = error.id();
        assert_eq!(error.to_string(), format!("task {id} panicked"));
        assert_eq!(*error.into_panic().downcast::<u64>().unwrap(), 7);
    }

    async fn a_cancelled_task_has_no_payload() {
        let task = simoom::spawn(pending::<()>());
        task.abort();
        let error = task.await.unwrap_err().try_into_panic().unwrap_err();
        assert!(error.is_cancelled());
        let caught = catch_unwind(AssertUnwindSafe(|| error.into_panic())).unwrap_err();
        assert!(panic_text(&*caught).contains("is no panic"));
    }

    async fn a_join_error_becomes_an_io_error() {
        let task = simoom::spawn(pending::<()>());
        task.abort();
        let error = std::io::Error::from(task.await.unwrap_err());
        assert!(error.to_string().starts_with("task was cancelled"), "{error}");
        let error = simoom::spawn(async { panic!("no") }).await.unwrap_err();
        let error = std::io::Error::from(error);
        assert!(error.to_string().starts_with("task panicked"), "{error}");
    }

    async fn loop_8_a_panicking_task_leaves_the_others_alone() {
        let others: Vec<_> = (0..10_u32)
            .map(|number| {
                simoom::spawn(async move {
                    for _ in 0..5 {
                        yield_now().await;
                    }
                    number
                })
            })
            .collect();
        let failing = simoom::spawn(async { panic!("on purpose") });
        assert!(failing.await.unwrap_err().is_panic());
        let outputs: Vec<_> = join_all(others).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(outputs, (0..10).collect::<Vec<_>>());
    }

    async fn the_locals_of_a_panicking_task_are_dropped() {
        let flag = DropFlag::default();
        let held = flag.guard();
        let task = simoom::spawn(async move {
            let _held = held;
            yield_now().await;
            panic!("on purpose");
        });
        assert!(task.await.unwrap_err().is_panic());
        assert!(flag.is_set());
    }

    async fn a_dropped_join_loses_nothing() {
        let (go, gone) = oneshot::channel::<()>();
        let mut task = simoom::spawn(async move {
            gone.await.unwrap();
            9
        });
        for _ in 0..3 {
            let waited = timeout(Duration::from_millis(1), &mut task).await;
            assert!(waited.is_err());
        }
        go.send(()).unwrap();
        assert_eq!(task.await.unwrap(), 9);
    }

    async fn a_join_polled_after_its_output_panics() {
        let mut task = simoom::spawn(async { 1 });
        assert_eq!((&mut task).await.unwrap(), 1);
        let again = simoom::spawn(async move { drop(task.await) }).await;
        assert!(again.unwrap_err().is_panic());
    }

    async fn tasks_spawn_tasks() {
        fn tree(depth: u32) -> futures::future::BoxFuture<'static, u32> {
            Box::pin(async move {
                if depth == 0 {
                    return 1;
                }
                let one = simoom::spawn(tree(depth - 1));
                let two = simoom::spawn(tree(depth - 1));
                one.await.unwrap() + two.await.unwrap()
            })
        }
        assert_eq!(tree(4).await, 16);
    }

    async fn many_tasks_all_run() {
        let total = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..200)
            .map(|number| {
                let total = total.clone();
                simoom::spawn(async move {
                    yield_now().await;
                    total.fetch_add(number, SeqCst);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(total.load(SeqCst), 19_900);
    }

    async fn a_local_task_needs_not_be_send() {
        let shared = Rc::new(Cell::new(1));
        let theirs = shared.clone();
        let task = spawn_local(async move {
            yield_now().await;
            theirs.set(theirs.get() + 1);
            theirs
        });
        let theirs = task.await.unwrap();
        assert!(Rc::ptr_eq(&shared, &theirs));
        assert_eq!(shared.get(), 2);
    }

    async fn a_local_task_can_be_aborted_and_detached() {
        let log = Rc::new(RefCell::new(Vec::new()));
        let theirs = log.clone();
        let task = spawn_local(async move {
            theirs.borrow_mut().push("started");
            pending::<()>().await;
        });
        settle().await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(Rc::strong_count(&log), 1);
        let theirs = log.clone();
        drop(spawn_local(async move {
            yield_now().await;
            theirs.borrow_mut().push("detached");
        }));
        settle().await;
        assert_eq!(*log.borrow(), ["started", "detached"]);
    }

    async fn a_local_task_spawns_both_kinds() {
        let task = spawn_local(async {
            let shared = Rc::new(3);
            let local = spawn_local(async move { *shared });
            let other = simoom::spawn(async { 4 });
            local.await.unwrap() + other.await.unwrap()
        });
        assert_eq!(task.await.unwrap(), 7);
    }

    async fn a_task_is_polled_again_after_it_wakes_itself() {
        let mut polls = 0;
        poll_fn(|cx| {
            polls += 1;
            if polls == 4 {
                return Poll::Ready(());
            }
            // One of them would do.
            cx.waker().wake_by_ref();
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        assert_eq!(polls, 4);
    }

    async fn a_kept_waker_wakes_its_task_once_and_outlives_it() {
        let slot: Arc<Mutex<Option<Waker>>> = Arc::default();
        let (theirs, polls) = (slot.clone(), Arc::new(AtomicUsize::new(0)));
        let count = polls.clone();
        let task = simoom::spawn(poll_fn(move |cx: &mut Context<'_>| {
            if count.fetch_add(1, SeqCst) == 1 {
                return Poll::Ready(());
            }
            *theirs.lock().unwrap() = Some(cx.waker().clone());
            Poll::Pending
        }));
        settle().await;
        assert_eq!(polls.load(SeqCst), 1);
        let waker = slot.lock().unwrap().take().unwrap();
        waker.wake_by_ref();
        waker.wake_by_ref();
        task.await.unwrap();
        waker.wake_by_ref();
        drop(waker.clone());
        waker.wake();
        settle().await;
        assert_eq!(polls.load(SeqCst), 2);
    }

    async fn a_future_without_a_wake_is_not_polled_again() {
        let polls = Arc::new(AtomicUsize::new(0));
        let count = polls.clone();
        let task = simoom::spawn(poll_fn(move |_| {
            count.fetch_add(1, SeqCst);
            Poll::<()>::Pending
        }));
        settle().await;
        settle().await;
        assert_eq!(polls.load(SeqCst), 1);
        task.abort();
        settle().await;
        assert_eq!(polls.load(SeqCst), 1);
        assert!(task.is_finished());
    }

    async fn a_destructor_may_spawn() {
        struct Spawns(Option<oneshot::Sender<u8>>);
        impl Drop for Spawns {
            fn drop(&mut self) {
                let sender = self.0.take().unwrap();
                simoom::spawn(async move { sender.send(4).unwrap() });
            }
        }
        let (sender, receiver) = oneshot::channel();
        let value = Spawns(Some(sender));
        let task = simoom::spawn(async move {
            let _value = value;
            pending::<()>().await;
        });
        settle().await;
        task.abort();
        assert_eq!(receiver.await, Ok(4));
    }

    async fn tsk_3_a_task_that_failed_still_gives_its_error_later() {
        let task = simoom::spawn(async { Err::<(), _>("late") });
        settle().await;
        assert_eq!(task.await.unwrap(), Err("late"));
    }
}

#[test]
fn tsk_9_there_is_no_id_outside_a_task() {
    assert!(task::try_id().is_none());
    simoom_tests::real(|| async { assert!(task::try_id().is_none()) });
    let panicked = catch_unwind(task::id).unwrap_err();
    assert!(panic_text(&*panicked).contains("outside a task"));
}

/// In the real world alone: another thread spawns, and the task's own has not learned of it.
#[test]
fn a_task_that_is_stopped_before_it_arrives_harms_nobody() {
    let runtime = simoom::runtime::Runtime::new().unwrap();
    let handle = runtime.handle().clone();
    runtime.block_on(async move {
        let before: Vec<_> = (0..3)
            .map(|number| simoom::spawn(async move { number }))
            .collect();
        let flag = DropFlag::default();
        let held = flag.guard();
        // This thread waits, and does not look at what others send.
        let spawns = std::thread::spawn(move || {
            let one = handle.spawn(async move {
                let _held = held;
                std::future::pending::<()>().await;
            });
            (one, handle.spawn(std::future::pending::<()>()))
        });
        let (one, two) = spawns.join().unwrap();
        one.abort();
        two.cancel();
        assert!(one.await.unwrap_err().is_cancelled());
        assert!(two.await.unwrap_err().is_cancelled());
        assert!(flag.is_set());
        for (number, task) in before.into_iter().enumerate() {
            assert_eq!(task.await.unwrap(), number);
        }
        assert_eq!(simoom::spawn(async { 5 }).await.unwrap(), 5);
    });
}

/// A runtime that notes of whom nobody is told.
fn noting() -> (simoom::runtime::Runtime, Arc<Mutex<Vec<String>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = told.clone();
    let note = move |failure: &task::Unobserved<'_>| {
        let name = failure.name().unwrap_or("-").to_owned();
        assert!(failure.location().file().ends_with("task.rs"));
        log.lock().unwrap().push(match failure.panic() {
            Some(error) => format!("{name}: {error}"),
            None => format!("{name}: an error"),
        });
    };
    let mut builder = simoom::runtime::Builder::new_current_thread();
    (builder.on_unobserved_failure(note).build().unwrap(), told)
}

/// In the real world alone: a panic fails a simulated run.
#[test]
fn tsk_5_a_panic_that_nobody_joins_is_told_once() {
    let (runtime, told) = noting();
    runtime.block_on(async {
        let spawn = |name: &str| {
            let text = name.to_owned();
            let task = task::Builder::new().name(name);
            task.spawn(async move { panic!("{text} is over") }).unwrap()
        };
        // Its handle is gone when it ends, or goes afterwards, or is asked for the output.
        drop(spawn("one"));
        let two: task::JoinHandle<()> = spawn("two");
        let joined: task::JoinHandle<()> = spawn("three");
        settle().await;
        assert_eq!(told.lock().unwrap().len(), 1);
        drop(two);
        assert!(joined.await.unwrap_err().is_panic());
        // What was stopped did not panic.
        let stopped = simoom::spawn(pending::<()>());
        stopped.abort();
        settle().await;
        drop(stopped);
        drop(simoom::spawn(async { 5 }));
        settle().await;
    });
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 2, "{told:?}");
    for (line, name) in told.iter().zip(["one", "two"]) {
        assert!(line.starts_with(&format!("{name}: task ")), "{line}");
        assert!(
            line.ends_with(&format!("{:?}", format!("{name} is over"))),
            "{line}"
        );
    }
}

/// In the real world alone: a panic fails a simulated run.
#[test]
fn tg_11_what_failed_beside_a_panic_of_the_body_is_told() {
    let (runtime, told) = noting();
    let ended = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(simoom::TaskGroup::<u32>::run(async |group| {
            group.spawn_named("fails", async {
                drop(task::catch_cancel(pending::<()>()).await);
                Err::<(), _>(5)
            });
            yield_now().await;
            if group.len() == 1 {
                panic!("the body is over");
            }
            Ok(())
        }))
    }));
    assert_eq!(panic_text(&*ended.unwrap_err()), "the body is over");
    assert_eq!(*told.lock().unwrap(), ["fails: an error"]);
}
