//! The runtime as code inside it sees it, and what happens outside of any.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use simoom::runtime::{Handle, Runtime, RuntimeFlavor};
use simoom::task::yield_now;
use simoom::time::{Duration, Instant, sleep};
use simoom_sim::{Config, check};
use simoom_tests::{DropFlag, both, panic_text, settle};

/// The text of the panic of `f`.
#[track_caller]
fn panicked<T>(f: impl FnOnce() -> T) -> String {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("there was no panic"),
        Err(payload) => panic_text(&*payload),
    }
}

both! {
    async fn the_current_handle_spawns_here() {
        let handle = Handle::current();
        assert_eq!(handle.spawn(async { 5 }).await.unwrap(), 5);
        assert_eq!(handle.clone().spawn(async { 6 }).await.unwrap(), 6);
    }

    async fn tasks_have_a_current_handle_too() {
        let task = simoom::spawn(async { Handle::try_current().unwrap() });
        let handle = task.await.unwrap();
        assert_eq!(format!("{handle:?}"), format!("{:?}", Handle::current()));
        assert_eq!(handle.spawn(async { 5 }).await.unwrap(), 5);
    }

    async fn a_runtime_says_what_it_is_and_counts() {
        let handle = Handle::current();
        assert_eq!(handle.runtime_flavor(), RuntimeFlavor::CurrentThread);
        assert_eq!(handle.id(), Handle::current().id());
        assert!(handle.id().to_string().parse::<u64>().is_ok());
        let metrics = handle.metrics();
        assert_eq!(metrics.num_workers(), 1);
        let before = metrics.num_alive_tasks();
        let tasks = [simoom::spawn(pending::<()>()), simoom::spawn(pending())];
        assert_eq!(metrics.num_alive_tasks(), before + 2);
        assert!(metrics.global_queue_depth() >= 1);
        settle().await;
        assert_eq!(metrics.global_queue_depth(), 0);
        for task in tasks {
            task.abort();
            task.await.unwrap_err();
        }
        assert_eq!(metrics.num_alive_tasks(), before);
    }

    async fn a_handle_reaches_a_task_through_a_task() {
        let handle = Handle::current();
        let task = simoom::spawn(async move { handle.spawn(async { 7 }).await.unwrap() });
        assert_eq!(task.await.unwrap(), 7);
    }

    async fn entering_the_current_runtime_changes_nothing() {
        let handle = Handle::current();
        let task = {
            let _one = handle.enter();
            let _two = handle.enter();
            simoom::spawn(async {
                sleep(Duration::from_millis(1)).await;
                3
            })
        };
        assert_eq!(task.await.unwrap(), 3);
        assert!(Handle::try_current().is_ok());
        assert_eq!(simoom::spawn(async { 4 }).await.unwrap(), 4);
    }

    async fn time_goes_on_under_an_entered_guard() {
        let start = Instant::now();
        let handle = Handle::current();
        {
            let _guard = handle.enter();
            assert!(Instant::now() >= start);
        }
        sleep(Duration::from_millis(1)).await;
        assert!(start.elapsed() >= Duration::from_millis(1));
    }

    async fn run_4_block_on_inside_a_runtime_panics_with_advice() {
        let started = Arc::new(AtomicBool::new(false));
        let flag = started.clone();
        let handle = Handle::current();
        let text = panicked(|| handle.block_on(async move { flag.store(true, SeqCst) }));
        assert!(text.contains("`.await` the future instead"), "{text}");
        assert!(!started.load(SeqCst), "the future was polled");

        let task = simoom::spawn(async move { handle.block_on(async {}) });
        let text = panic_text(&*task.await.unwrap_err().into_panic());
        assert!(text.contains("`.await` the future instead"), "{text}");
        // The runtime goes on.
        assert_eq!(simoom::spawn(async { 5 }).await.unwrap(), 5);
    }

    async fn a_caught_panic_harms_nothing() {
        assert_eq!(panicked(|| panic!("caught")), "caught");
        settle().await;
    }
}

#[test]
fn run_4_13_a_second_runtime_inside_a_runtime_panics_with_advice() {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let second = Runtime::new().unwrap();
        let text = panicked(|| second.block_on(async {}));
        assert!(text.contains("`.await` the future instead"), "{text}");
    });
}

#[test]
fn run_4_13_a_second_runtime_inside_a_simulation_panics_with_advice() {
    let second = Arc::new(Runtime::new().unwrap());
    let config = Config::default().seeds(3).persist(false);
    check(config, move |_sim| {
        let second = second.clone();
        async move {
            let text = panicked(|| second.block_on(async {}));
            assert!(text.contains("`.await` the future instead"), "{text}");
        }
    })
    .unwrap();
}

/// Leaves tasks of every kind behind.
async fn leave_tasks(dropped: Arc<AtomicUsize>) {
    struct Counts(Arc<AtomicUsize>);
    impl Drop for Counts {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    let waiting = Counts(dropped.clone());
    simoom::spawn(async move {
        let _waiting = waiting;
        pending::<()>().await;
    });
    let sleeping = Counts(dropped.clone());
    simoom::task::spawn_local(async move {
        let _sleeping = sleeping;
        sleep(Duration::from_secs(1_000)).await;
    });
    let busy = Counts(dropped.clone());
    simoom::spawn(async move {
        let _busy = busy;
        loop {
            yield_now().await;
        }
    });
    yield_now().await;
    let unpolled = Counts(dropped);
    simoom::spawn(async move {
        let _unpolled = unpolled;
        pending::<()>().await;
    });
}

#[test]
fn run_5_tasks_left_over_are_dropped_real() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let count = dropped.clone();
    simoom_tests::real(move || leave_tasks(count));
    assert_eq!(dropped.load(SeqCst), 4);
}

#[test]
fn run_5_tasks_left_over_are_dropped_simulated() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let count = dropped.clone();
    let runs = Arc::new(AtomicUsize::new(0));
    let run = runs.clone();
    simoom_tests::simulated(move || {
        run.fetch_add(1, SeqCst);
        leave_tasks(count.clone())
    });
    assert_eq!(dropped.load(SeqCst), 4 * runs.load(SeqCst));
}

/// An error that main returns reaches the caller unchanged.
#[test]
fn run_1_and_2_the_output_is_returned_unchanged() {
    let runtime = Runtime::new().unwrap();
    assert_eq!(runtime.block_on(async { 5 }), 5);
    let failed = runtime.block_on(async { Err::<(), _>("unchanged") });
    assert_eq!(failed, Err("unchanged"));

    let config = Config::default().seeds(1).persist(false);
    let report = check(config, |_sim| async { Err::<(), _>("unchanged") });
    let text = report.failure().unwrap().cause().to_string();
    assert!(text.contains("unchanged"), "{text}");
}

#[test]
fn what_a_runtime_counts_is_seen_from_other_threads() {
    let rt = Runtime::new().unwrap();
    let metrics = rt.metrics();
    rt.block_on(async {
        let task = simoom::spawn(pending::<()>());
        sleep(Duration::from_millis(1)).await;
        let elsewhere = metrics.clone();
        let seen = std::thread::spawn(move || {
            (elsewhere.num_alive_tasks(), elsewhere.worker_park_count(0))
        });
        let (alive, parks) = seen.join().unwrap();
        assert_eq!(alive, 1);
        assert!(parks >= 1);
        drop(task);
    });
    assert_ne!(rt.handle().id(), Runtime::new().unwrap().handle().id());
}

#[test]
fn run_9_a_runtime_runs_many_futures() {
    let runtime = Runtime::new().unwrap();
    let mut task = None;
    runtime.block_on(async {
        task = Some(simoom::spawn(async {
            yield_now().await;
            1
        }));
    });
    assert_eq!(runtime.block_on(task.unwrap()).unwrap(), 1);
    assert_eq!(runtime.block_on(runtime.spawn(async { 2 })).unwrap(), 2);
}

#[test]
fn outside_a_runtime_there_is_no_handle() {
    let error = Handle::try_current().unwrap_err();
    assert!(
        error.to_string().contains("not inside a simoom runtime"),
        "{error}"
    );
    let text = panicked(Handle::current);
    assert_eq!(text, error.to_string());
}

#[test]
fn outside_a_runtime_spawning_panics_with_advice() {
    let text = panicked(|| drop(simoom::spawn(async {})));
    assert!(text.contains("outside a simoom runtime"), "{text}");
    let text = panicked(|| drop(simoom::task::spawn_local(async {})));
    assert!(text.contains("outside a simoom runtime"), "{text}");
}

#[test]
fn tsk_15_outside_a_runtime_a_refused_spawn_drops_its_future() {
    let flag = DropFlag::default();
    let held = flag.guard();
    panicked(|| drop(simoom::spawn(async move { drop(held) })));
    assert!(flag.is_set());
}

#[test]
fn outside_a_runtime_sockets_are_errors_with_advice() {
    use simoom::net::{TcpListener, TcpStream, lookup_host};
    futures::executor::block_on(async {
        let bound = TcpListener::bind("127.0.0.1:0").await;
        let error = bound.unwrap_err();
        assert!(
            error.to_string().contains("no simoom runtime here"),
            "{error}"
        );
        let error = TcpStream::connect("127.0.0.1:1").await.unwrap_err();
        assert!(
            error.to_string().contains("no simoom runtime here"),
            "{error}"
        );
        let error = lookup_host("localhost:1").await.map(drop).unwrap_err();
        assert!(
            error.to_string().contains("no simoom runtime here"),
            "{error}"
        );
        assert_eq!(lookup_host("127.0.0.1:1").await.unwrap().count(), 1);
        let error = simoom::signal::ctrl_c().await.unwrap_err();
        assert!(
            error.to_string().contains("no simoom runtime here"),
            "{error}"
        );
    });
}

#[test]
fn to_13_outside_a_runtime_timers_panic_when_polled() {
    let asleep = sleep(Duration::from_secs(1));
    let text = panicked(|| futures::executor::block_on(asleep));
    assert!(text.contains("runtime"), "{text}");
    let ready = simoom::time::timeout(Duration::from_secs(1), async { 5 });
    assert_eq!(futures::executor::block_on(ready), Ok(5));
}

#[test]
fn outside_a_runtime_locks_and_channels_work() {
    futures::executor::block_on(async {
        let mutex = simoom::sync::Mutex::new(1);
        *mutex.lock().await += 1;
        assert_eq!(mutex.into_inner(), 2);
        let (sender, mut receiver) = simoom::sync::mpsc::channel(1);
        simoom::join!(async { sender.send(5).await.unwrap() }, async {
            assert_eq!(receiver.recv().await, Some(5));
        });
    });
}

/// A runtime is also usable from plain code by entering it.
#[test]
fn an_entered_runtime_takes_tasks_sockets_and_timers() {
    let runtime = Runtime::new().unwrap();
    let (task, asleep) = {
        let _guard = runtime.enter();
        (simoom::spawn(async { 5 }), sleep(Duration::from_millis(1)))
    };
    runtime.block_on(async {
        asleep.await;
        assert_eq!(task.await.unwrap(), 5);
    });
    assert!(Handle::try_current().is_err());
}
