//! What every task waits for, in production: stacks of awaits, and who waits for whom.

use std::future::{Future, pending, poll_fn};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use simoom::runtime::dump::Dump;
use simoom::runtime::{Builder, Handle, Runtime};
use simoom::sync::{Mutex, Notify, Semaphore, mpsc, oneshot};
use simoom::task::{self, Id, JoinSet, TaskGroup, TaskState, yield_now};
use simoom::time::{sleep, timeout};

fn named(name: &str) -> task::Builder<'_> {
    task::Builder::new().name(name)
}

/// Lets every task go on until it waits.
async fn settle() {
    for _ in 0..10 {
        yield_now().await;
    }
}

async fn dump() -> Dump {
    settle().await;
    Handle::current().dump().await
}

/// The id of the task of that name.
#[track_caller]
fn id(dump: &Dump, name: &str) -> Id {
    let mut tasks = dump.tasks().iter();
    let found = tasks.find(|task| task.info().name() == Some(name));
    found.unwrap_or_else(|| panic!("no {name} in {dump}")).id()
}

#[track_caller]
fn awaits(dump: &Dump, name: &str) -> Vec<String> {
    let task = dump.task(id(dump, name)).unwrap();
    let names = task.awaits().iter().map(|&id| dump.task(id).unwrap());
    names
        .map(|it| it.info().name().unwrap_or("-").to_owned())
        .collect()
}

#[track_caller]
fn awaited_by(dump: &Dump, name: &str) -> Vec<String> {
    let task = dump.task(id(dump, name)).unwrap();
    let names = task.awaited_by().iter().map(|&id| dump.task(id).unwrap());
    names
        .map(|it| it.info().name().unwrap_or("-").to_owned())
        .collect()
}

async fn outer(receive: mpsc::Receiver<u32>) {
    inner(receive).await;
}

async fn inner(mut receive: mpsc::Receiver<u32>) {
    receive.recv().await;
}

#[test]
fn graph_1_a_dump_has_the_stack_of_awaits_of_each_task() {
    Runtime::new().unwrap().block_on(async {
        let (_send, receive) = mpsc::channel(1);
        let _task = named("receiver").spawn(outer(receive)).unwrap();
        let dump = dump().await;
        let task = dump.task(id(&dump, "receiver")).unwrap();
        let leaves: Vec<_> = task.trace().leaves().collect();
        assert_eq!(leaves.len(), 1);
        assert_eq!(leaves[0].operation(), "recv");
        assert!(leaves[0].site().file().ends_with("real_dump.rs"));
        let frames = leaves[0].frames();
        let place = |name: &str| frames.iter().position(|frame| frame.contains(name));
        assert_eq!(frames.len(), 2, "{frames:#?}");
        assert_eq!(
            place(&format!("real_dump.rs:{}", leaves[0].site().line())),
            Some(0),
            "{frames:#?}"
        );
        assert!(frames[1].contains("real_dump.rs:"), "{frames:#?}");

        let text = dump.to_string();
        let id = id(&dump, "receiver");
        assert!(
            text.contains(&format!("* Task {id} (receiver)\n  spawned at ")),
            "{text}"
        );
        assert!(text.contains("  + Call stack of recv at "), "{text}");
        assert!(text.contains(&format!("  |   {}", frames[0])), "{text}");
        // What dumps waits for the dump.
        assert!(
            text.contains("* The future of `block_on`\n  + Call stack of recv at "),
            "{text}"
        );
    });
}

#[test]
fn tsk_13_of_several_operations_each_is_there() {
    Runtime::new().unwrap().block_on(async {
        let both = async {
            let notify = Notify::new();
            simoom::select! {
                () = notify.notified() => {}
                () = sleep(Duration::from_secs(60)) => {}
            }
        };
        let _task = named("both").spawn(both).unwrap();
        let dump = dump().await;
        let task = dump.task(id(&dump, "both")).unwrap();
        let mut operations: Vec<_> = task.trace().leaves().map(|it| it.operation()).collect();
        operations.sort_unstable();
        assert_eq!(operations, ["notified", "sleep"]);
    });
}

#[test]
fn graph_1_looking_changes_nothing() {
    Runtime::new().unwrap().block_on(async {
        let (send, mut receive) = mpsc::channel(1);
        let (lock, permits) = (Arc::new(Mutex::new(0)), Arc::new(Semaphore::new(0)));
        let (told, tell) = oneshot::channel();
        let polls = Arc::new(AtomicUsize::new(0));
        let (held, free, seen) = (
            lock.clone().lock_owned().await,
            permits.clone(),
            polls.clone(),
        );
        let task = named("busy").spawn(async move {
            seen.fetch_add(1, SeqCst);
            assert_eq!(receive.recv().await, Some(1));
            *lock.lock().await += 1;
            free.acquire().await.unwrap().forget();
            sleep(Duration::from_millis(5)).await;
            told.send(*lock.lock().await).unwrap();
            receive.recv().await
        });
        let task = task.unwrap();
        let not_polled = named("new").spawn(async { 5 }).unwrap();
        let handle = Handle::current();
        let dump = handle.dump().await;
        assert_eq!(dump.tasks().iter().count(), 1);
        settle().await;
        for _ in 0..3 {
            handle.dump().await;
        }
        // What it waits for may be there when it is looked at: it is not lost.
        send.send(1).await.unwrap();
        handle.dump().await;
        drop(held);
        handle.dump().await;
        permits.add_permits(1);
        handle.dump().await;
        assert_eq!(tell.await, Ok(1));
        handle.dump().await;
        send.send(2).await.unwrap();
        assert_eq!(task.await.unwrap(), Some(2));
        assert_eq!(not_polled.await.unwrap(), 5);
        assert_eq!(polls.load(SeqCst), 1);
    });
}

/// A runtime that looks after other things than tasks after each poll, and so at once for a dump.
fn hasty() -> Runtime {
    Builder::new_current_thread()
        .event_interval(1)
        .build()
        .unwrap()
}

#[test]
fn graph_1_a_task_that_was_never_polled_is_not_polled_for_a_dump() {
    hasty().block_on(async {
        let polls = Arc::new(AtomicUsize::new(0));
        let seen = polls.clone();
        let body = poll_fn(move |_| {
            seen.fetch_add(1, SeqCst);
            Poll::<()>::Pending
        });
        let _task = named("late").spawn(body).unwrap();
        let dump = Handle::current().dump().await;
        let late = dump.task(id(&dump, "late")).unwrap();
        assert_eq!(late.info().state(), TaskState::Runnable);
        assert_eq!(late.trace().leaves().count(), 0);
        settle().await;
        assert_eq!(polls.load(SeqCst), 1);
    });
}

#[test]
fn graph_1_looking_loses_no_wake_of_a_part_of_a_task() {
    let runtime = hasty();
    runtime.block_on(async {
        let (send, mut receive) = mpsc::channel(1);
        let parts = async move {
            let mut parts = FuturesUnordered::new();
            parts.push(receive.recv());
            parts.next().await
        };
        let task = named("parts").spawn(parts).unwrap();
        settle().await;
        send.send(7).await.unwrap();
        // The part is woken, and its task has not had its turn yet.
        let dump = Handle::current().dump().await;
        assert_eq!(dump.tasks().iter().count(), 1);
        let limit = Duration::from_secs(20);
        assert_eq!(timeout(limit, task).await.unwrap().unwrap(), Some(Some(7)));
    });
}

#[test]
fn graph_5_a_dump_that_was_wanted_before_the_runtime_runs_is_given_when_it_does() {
    let runtime = Runtime::new().unwrap();
    let mut dump = Box::pin(runtime.handle().dump());
    let asked = dump.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(asked.is_pending());
    let _task = runtime.spawn(pending::<()>());
    assert_eq!(runtime.block_on(dump).tasks().iter().count(), 1);
}

#[test]
fn graph_2_whoever_joins_a_task_awaits_it() {
    Runtime::new().unwrap().block_on(async {
        let worker = named("worker").spawn(pending::<()>()).unwrap();
        let middle = named("middle")
            .spawn(timeout(Duration::from_secs(60), worker))
            .unwrap();
        let _top = named("top").spawn(task::shield(middle)).unwrap();
        let dump = dump().await;
        assert_eq!(awaits(&dump, "middle"), ["worker"]);
        assert_eq!(awaits(&dump, "top"), ["middle"]);
        assert_eq!(awaited_by(&dump, "worker"), ["middle"]);
        assert_eq!(awaits(&dump, "worker"), [""; 0]);
        let text = dump.to_string();
        let (middle, top) = (id(&dump, "middle"), id(&dump, "top"));
        let tree =
            format!("  + Awaited by:\n    * Task {middle} (middle)\n        * Task {top} (top)\n");
        assert!(text.contains(&tree), "{text}");
        assert!(dump.cycles().is_empty());
    });
}

#[test]
fn graph_2_sets_groups_gather_and_wait_await_all_their_tasks() {
    Runtime::new().unwrap().block_on(async {
        let set = async {
            let mut set = JoinSet::new();
            set.build_task()
                .name("of_set_1")
                .spawn(pending::<()>())
                .unwrap();
            set.build_task()
                .name("of_set_2")
                .spawn(pending::<()>())
                .unwrap();
            set.join_next().await;
        };
        let group = async {
            let _ = TaskGroup::run(async |group: TaskGroup<std::io::Error>| {
                group.spawn(pending::<Result<(), _>>());
                Ok(())
            })
            .await;
        };
        let gathered = named("gathered")
            .spawn(pending::<Result<(), ()>>())
            .unwrap();
        let gather = async { drop(simoom::asyncio::gather([gathered]).await) };
        let waited = named("waited").spawn(pending::<()>()).unwrap();
        let wait = async { drop(simoom::asyncio::wait([waited]).await) };
        let in_turn = async {
            simoom::asyncio::as_completed([pending::<()>()])
                .next()
                .await;
        };
        let _tasks = [
            named("as_completed").spawn(in_turn).unwrap(),
            named("set").spawn(set).unwrap(),
            named("group").spawn(group).unwrap(),
            named("gather").spawn(gather).unwrap(),
            named("wait").spawn(wait).unwrap(),
        ];
        let dump = dump().await;
        assert_eq!(awaits(&dump, "set"), ["of_set_1", "of_set_2"]);
        assert_eq!(awaits(&dump, "group"), ["-"]);
        // It waits for tasks of its own, of which each has one of the futures.
        assert_eq!(awaits(&dump, "gather"), ["-"]);
        assert_eq!(awaited_by(&dump, "gathered"), ["-"]);
        assert_eq!(awaits(&dump, "as_completed"), ["-"]);
        assert_eq!(awaits(&dump, "wait"), ["waited"]);
        let local = task::LocalSet::new();
        local.spawn_local(pending::<()>());
        assert!(timeout(Duration::from_millis(1), local).await.is_err());
    });
}

#[test]
fn graph_3_tasks_that_join_each_other_are_a_cycle() {
    Runtime::new().unwrap().block_on(async {
        let (give, take) = oneshot::channel::<task::JoinHandle<()>>();
        let first = named("first").spawn(async move { take.await.unwrap().await.unwrap() }).unwrap();
        let second = named("second").spawn(async move { first.await.unwrap() }).unwrap();
        assert!(give.send(second).is_ok());
        let dump = dump().await;
        let (first, second) = (id(&dump, "first"), id(&dump, "second"));
        assert_eq!(dump.cycles(), [vec![first, second]]);
        let text = dump.to_string();
        let said = format!(
            "cycle: Task {first} (first) awaits Task {second} (second) awaits Task {first} (first)\n"
        );
        assert!(text.ends_with(&said), "{text}");
        assert!(text.contains("(first), in a cycle\n"), "{text}");
    });
}

#[test]
fn graph_5_a_dump_is_given_to_other_threads_and_is_empty_after_the_end() {
    let runtime = Runtime::new().unwrap();
    let _task = runtime.spawn(pending::<()>());
    let handle = runtime.handle().clone();
    let thread = std::thread::spawn(move || {
        let other = Runtime::new().unwrap();
        other.block_on(async move { (handle.dump().await, handle) })
    });
    let handle = runtime.block_on(async {
        let waits = task::spawn_blocking(move || thread.join().unwrap());
        let (dump, handle) = waits.await.unwrap();
        assert_eq!(dump.tasks().iter().count(), 1);
        handle
    });
    drop(runtime);
    let dump = Runtime::new().unwrap().block_on(handle.dump());
    assert_eq!(dump.tasks().iter().count(), 0);
    assert_eq!(dump.to_string(), "dump of 0 tasks\n");
}

/// What this test binary says on its standard error in a child that runs `test`, and is sent SIGUSR1
/// as soon as it says that it is ready.
fn dumped_by(test: &str, until: &str) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env("IN_CHILD", "1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    while let Some(Ok(line)) = lines.next() {
        if line.contains("is ready") {
            let pid = child.id().to_string();
            assert!(
                Command::new("kill")
                    .args(["-USR1", &pid])
                    .status()
                    .unwrap()
                    .success()
            );
        }
        said += &line;
        said.push('\n');
        if line.contains(until) {
            break;
        }
    }
    let _ = child.kill();
    child.wait().unwrap();
    said
}

fn serve(mut builder: Builder) {
    let runtime = builder.build().unwrap();
    runtime.block_on(async {
        let _task = named("server").spawn(pending::<()>()).unwrap();
        let notify = Arc::new(Notify::new());
        let waits = notify.clone();
        let _other = named("waiter").spawn(async move { waits.notified().await });
        settle().await;
        eprintln!("is ready");
        sleep(Duration::from_secs(20)).await;
    });
}

#[test]
fn graph_4_a_signal_has_a_dump_printed() {
    if std::env::var_os("IN_CHILD").is_some() {
        let mut builder = Builder::new_current_thread();
        builder.dump_on(simoom::signal::unix::SignalKind::user_defined1());
        return serve(builder);
    }
    let said = dumped_by(
        "graph_4_a_signal_has_a_dump_printed",
        "Call stack of notified",
    );
    assert!(said.contains("simoom: dump of 2 tasks\n"), "{said}");
    assert!(said.contains("(server)\n"), "{said}");
    assert!(said.contains("Call stack of notified at "), "{said}");
}

#[test]
fn graph_4_debug_mode_dumps_on_a_signal_too() {
    if std::env::var_os("IN_CHILD").is_some() {
        let mut builder = Builder::new_current_thread();
        builder.debug(true);
        return serve(builder);
    }
    let said = dumped_by(
        "graph_4_debug_mode_dumps_on_a_signal_too",
        "Call stack of notified",
    );
    assert!(said.contains("simoom: dump of 2 tasks\n"), "{said}");
}
