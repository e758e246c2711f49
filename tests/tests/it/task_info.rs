//! What there is to say of live tasks.

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::task::Poll;

use simoom::runtime::{Handle, Runtime};
use simoom::sync::{Mutex, Notify, mpsc};
use simoom::task::{self, TaskInfo, TaskState, yield_now};
use simoom::time::{Duration, sleep};
use simoom_tests::{both, panic_text, settle};

fn of(id: task::Id) -> Option<TaskInfo> {
    task::all().into_iter().find(|info| info.id() == id)
}

both! {
    async fn tsk_10_live_tasks_are_listed_and_finished_ones_disappear() {
        assert!(task::all().is_empty());
        let first = simoom::spawn(pending::<()>());
        let second = task::spawn_local(async { 2 });
        let third = task::Builder::new().name("third").spawn(pending::<()>()).unwrap();
        let ids: Vec<_> = task::all().iter().map(TaskInfo::id).collect();
        assert_eq!(ids, [first.id(), second.id(), third.id()], "oldest first");
        let names: Vec<_> = task::all().iter().map(|it| it.name().map(str::to_owned)).collect();
        assert_eq!(names, [None, None, Some("third".to_owned())]);

        assert_eq!(second.await.unwrap(), 2);
        settle().await;
        let ids: Vec<_> = task::all().iter().map(TaskInfo::id).collect();
        assert_eq!(ids, [first.id(), third.id()]);

        first.abort();
        third.cancel();
        first.await.unwrap_err();
        third.await.unwrap_err();
        settle().await;
        assert!(task::all().is_empty());
    }

    async fn a_task_is_listed_with_its_place_and_its_type() {
        async fn named() {
            pending::<()>().await;
        }
        let line = line!() + 1;
        let task = simoom::spawn(named());
        let info = of(task.id()).unwrap();
        assert!(info.spawned_at().file().ends_with("task_info.rs"));
        assert_eq!(info.spawned_at().line(), line);
        assert!(info.type_name().contains("named"), "{}", info.type_name());
        let text = info.to_string();
        assert!(text.contains("named") && text.contains(&format!("task_info.rs:{line}:")), "{text}");
    }

    async fn a_task_is_runnable_then_runs_then_waits() {
        let task = simoom::spawn(async {
            let own = of(task::id()).unwrap();
            pending::<()>().await;
            drop(own);
        });
        let info = of(task.id()).unwrap();
        assert_eq!(info.state(), TaskState::Runnable);
        assert!(info.waits_for().is_none());
        settle().await;
        let info = of(task.id()).unwrap();
        assert_eq!(info.state(), TaskState::Waiting);
        // It is no operation of simoom.
        assert!(info.waits_for().is_none(), "{info}");

        let own = simoom::spawn(async { of(task::id()).unwrap() });
        let own = own.await.unwrap();
        assert_eq!(own.state(), TaskState::Running);
        assert!(own.waits_for().is_none());
        assert!(own.to_string().ends_with(", runs"), "{own}");
    }

    async fn a_task_says_which_operation_it_waits_for_and_where() {
        let (lock, notify) = (Arc::new(Mutex::new(())), Arc::new(Notify::new()));
        let (_send, mut receive) = mpsc::channel::<u8>(1);
        let held = lock.lock().await;
        let line = line!();
        let tasks = [
            simoom::spawn({ let lock = lock.clone(); async move { drop(lock.lock().await) } }),
            simoom::spawn({ let notify = notify.clone(); async move { notify.notified().await } }),
            simoom::spawn(async move { assert_eq!(receive.recv().await, None) }),
            simoom::spawn(sleep(Duration::from_secs(100))),
        ];
        settle().await;
        let operations = ["lock", "notified", "recv", "sleep"];
        for ((task, operation), line) in tasks.iter().zip(operations).zip(line + 2..) {
            let info = of(task.id()).unwrap();
            let waits_for = info.waits_for().expect("it waits");
            assert_eq!(waits_for.operation(), operation);
            assert_eq!(waits_for.site().line(), line);
            let text = info.to_string();
            assert!(text.contains(&format!("waits in {operation}")), "{text}");
        }

        // What was waited for before is no longer said.
        drop(held);
        notify.notify_one();
        settle().await;
        assert!(of(tasks[0].id()).is_none() && of(tasks[1].id()).is_none());
    }

    async fn what_a_task_waited_for_once_is_not_said_of_it_later() {
        let notify = Arc::new(Notify::new());
        let task = simoom::spawn({
            let notify = notify.clone();
            async move {
                notify.notified().await;
                pending::<()>().await;
            }
        });
        settle().await;
        assert_eq!(of(task.id()).unwrap().waits_for().unwrap().operation(), "notified");
        notify.notify_one();
        settle().await;
        let info = of(task.id()).unwrap();
        assert_eq!(info.state(), TaskState::Waiting);
        assert!(info.waits_for().is_none(), "{info}");
    }

    async fn a_task_that_has_ended_and_is_still_queued_is_not_listed() {
        let wakes_itself = poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::Ready(())
        });
        let task = simoom::spawn(wakes_itself);
        let looks = simoom::spawn(async move { (task.is_finished(), of(task.id()).is_none()) });
        let (has_ended, is_gone) = looks.await.unwrap();
        assert_eq!(has_ended, is_gone);
    }

    async fn a_handle_lists_tasks_on_a_thread_that_may_block() {
        let task = simoom::spawn(pending::<()>());
        let handle = Handle::current();
        let closure = task::spawn_blocking(move || handle.block_on(handle.tasks()));
        let listed = closure.await.unwrap();
        let ids: Vec<_> = listed.iter().map(TaskInfo::id).collect();
        assert_eq!(ids, [task.id()], "{listed:?}");
        let here = Handle::current().tasks().await;
        assert_eq!(here.len(), 1);
    }
}

#[test]
fn a_runtime_lists_its_own_tasks_alone() {
    let (one, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let task = one.spawn(pending::<()>());
    drop(other.spawn(pending::<()>()));
    let ids = |tasks: Vec<TaskInfo>| tasks.iter().map(TaskInfo::id).collect::<Vec<_>>();
    assert_eq!(ids(one.block_on(one.handle().tasks())), [task.id()]);
    one.block_on(async {
        yield_now().await;
        assert_eq!(ids(task::all()), [task.id()]);
        // Another runtime that it has entered is not the one it runs.
        let _guard = other.enter();
        let panicked = std::panic::catch_unwind(task::all).unwrap_err();
        assert!(panic_text(&*panicked).contains("Handle::tasks"));
    });
    let handle = one.handle().clone();
    drop(one);
    assert!(other.block_on(handle.tasks()).is_empty());
}

#[test]
fn a_simulated_task_says_what_it_acts_on() {
    simoom_tests::simulated(|| async {
        let lock = Arc::new(Mutex::new(()));
        let _held = lock.lock().await;
        let task = simoom::spawn({
            let lock = lock.clone();
            async move { drop(lock.lock().await) }
        });
        settle().await;
        let info = of(task.id()).unwrap();
        let resource = info.waits_for().unwrap().resource().map(str::to_owned);
        assert!(resource.is_some_and(|it| it.contains("test")), "{info}");
    });
}
