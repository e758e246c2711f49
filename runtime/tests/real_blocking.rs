//! The threads for blocking work of the real world: how many there are, in which order they work,
//! and how they end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use simoom::backend::Job;
use simoom::runtime::{Builder, Handle, Runtime};
use simoom::task::{block_in_place, spawn_blocking};

fn runtime(threads: usize) -> Runtime {
    Builder::new_current_thread()
        .max_blocking_threads(threads)
        .build()
        .unwrap()
}

/// Keeps a thread of the pool busy until the sender is dropped.
fn occupy(rt: &Runtime) -> mpsc::Sender<()> {
    let (release, released) = mpsc::channel::<()>();
    let (started, start) = mpsc::channel();
    drop(rt.spawn_blocking(move || {
        started.send(()).unwrap();
        let _ = released.recv();
    }));
    start.recv().unwrap();
    release
}

fn panic_text(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("it panics");
    match payload.downcast_ref::<String>() {
        Some(text) => text.clone(),
        None => (*payload.downcast_ref::<&str>().unwrap()).to_owned(),
    }
}

#[test]
fn an_idle_thread_is_used_again() {
    let rt = runtime(512);
    rt.block_on(async {
        let first = spawn_blocking(|| thread::current().id()).await.unwrap();
        for _ in 0..20 {
            // The thread becomes idle after it has completed its task.
            thread::sleep(Duration::from_millis(2));
            let next = spawn_blocking(|| thread::current().id()).await.unwrap();
            assert_eq!(next, first);
        }
    });
}

#[test]
fn a_job_whose_thread_gets_no_name_is_dropped() {
    let rt = Builder::new_current_thread()
        .thread_name_fn(|| panic!("no name"))
        .build()
        .unwrap();
    let held = Arc::new(());
    let kept = held.clone();
    let text = panic_text(|| drop(rt.spawn_blocking(move || drop(kept))));
    assert_eq!(text, "no name");
    assert_eq!(Arc::strong_count(&held), 1, "nobody will ever do it");
}

#[test]
fn thr_4_no_more_threads_run_than_asked_for() {
    let rt = runtime(3);
    let running = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..30)
        .map(|_| {
            let (running, most) = (running.clone(), most.clone());
            rt.spawn_blocking(move || {
                let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                thread::sleep(Duration::from_millis(2));
                running.fetch_sub(1, Ordering::SeqCst);
            })
        })
        .collect();
    rt.block_on(async {
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

#[test]
fn thr_4_waiting_closures_start_in_the_order_in_which_they_came() {
    let rt = runtime(1);
    let release = occupy(&rt);
    let order = Arc::new(Mutex::new(Vec::new()));
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let order = order.clone();
            rt.spawn_blocking(move || order.lock().unwrap().push(number))
        })
        .collect();
    drop(release);
    rt.block_on(async {
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(*order.lock().unwrap(), Vec::from_iter(0..20));
}

#[test]
fn an_abort_keeps_a_waiting_closure_from_starting() {
    let rt = runtime(1);
    let release = occupy(&rt);
    let ran = Arc::new(AtomicBool::new(false));
    let flag = ran.clone();
    let task = rt.spawn_blocking(move || flag.store(true, Ordering::SeqCst));
    task.abort();
    drop(release);
    assert!(rt.block_on(task).unwrap_err().is_cancelled());
    assert!(!ran.load(Ordering::SeqCst));
}

#[test]
fn an_abort_does_not_stop_a_closure_that_has_started() {
    let rt = runtime(1);
    let (release, released) = mpsc::channel::<()>();
    let (started, start) = mpsc::channel();
    let task = rt.spawn_blocking(move || {
        started.send(()).unwrap();
        let _ = released.recv();
        7
    });
    start.recv().unwrap();
    task.abort();
    drop(release);
    assert_eq!(rt.block_on(task).unwrap(), 7);
}

#[test]
fn run_8_dropping_the_runtime_waits_for_closures_that_run() {
    let rt = runtime(4);
    let ended = Arc::new(AtomicUsize::new(0));
    for _ in 0..4 {
        let (started, start) = mpsc::channel();
        let ended = ended.clone();
        rt.spawn_blocking(move || {
            started.send(()).unwrap();
            thread::sleep(Duration::from_millis(30));
            ended.fetch_add(1, Ordering::SeqCst);
        });
        start.recv().unwrap();
    }
    drop(rt);
    assert_eq!(ended.load(Ordering::SeqCst), 4);
}

#[test]
fn dropping_the_runtime_cancels_closures_that_have_not_started() {
    let rt = runtime(1);
    let release = occupy(&rt);
    let ran = Arc::new(AtomicBool::new(false));
    let flag = ran.clone();
    let task = rt.spawn_blocking(move || flag.store(true, Ordering::SeqCst));
    let releasing = thread::spawn(move || {
        thread::sleep(Duration::from_millis(20));
        drop(release);
    });
    drop(rt);
    releasing.join().unwrap();
    let other = runtime(1);
    assert!(other.block_on(task).unwrap_err().is_cancelled());
    assert!(!ran.load(Ordering::SeqCst));
}

#[test]
fn promised_work_is_done_before_the_runtime_is_gone() {
    let rt = runtime(1);
    let release = occupy(&rt);
    let done = Arc::new(AtomicUsize::new(0));
    {
        let _inside = rt.enter();
        simoom::backend::with_current(|backend| {
            let backend = backend.expect("the runtime was entered");
            for _ in 0..3 {
                let done = done.clone();
                backend.run_blocking(Job::promised(move || {
                    done.fetch_add(1, Ordering::SeqCst);
                }));
            }
            backend.run_blocking(Job::promised(|| std::panic::resume_unwind(Box::new(()))));
        });
    }
    let releasing = thread::spawn(move || {
        thread::sleep(Duration::from_millis(20));
        drop(release);
    });
    drop(rt);
    assert_eq!(done.load(Ordering::SeqCst), 3);
    releasing.join().unwrap();
}

#[test]
fn run_8_a_shutdown_with_a_timeout_leaves_running_closures_behind() {
    let rt = runtime(1);
    let (release, released) = mpsc::channel::<()>();
    let (ended, end) = mpsc::channel();
    let (started, start) = mpsc::channel();
    rt.spawn_blocking(move || {
        started.send(()).unwrap();
        let _ = released.recv();
        ended.send(()).unwrap();
    });
    start.recv().unwrap();
    rt.shutdown_timeout(Duration::from_millis(5));
    assert!(end.try_recv().is_err());
    drop(release);
    end.recv().unwrap();
}

#[test]
fn a_runtime_is_shut_down_in_the_background_inside_another() {
    let outer = runtime(1);
    let rt = runtime(1);
    let release = occupy(&rt);
    outer.block_on(async move { rt.shutdown_background() });
    drop(release);
}

#[test]
fn dropping_a_runtime_with_blocking_work_inside_another_panics() {
    let outer = runtime(1);
    let rt = runtime(1);
    let _release = occupy(&rt);
    let text = panic_text(|| outer.block_on(async move { drop(rt) }));
    assert!(text.contains("shutdown_background"), "{text}");
}

#[test]
fn a_thread_of_the_pool_can_drop_its_own_runtime() {
    let rt = runtime(2);
    let handle = rt.handle().clone();
    let (ended, end) = mpsc::channel();
    handle.spawn_blocking(move || {
        drop(rt);
        ended.send(()).unwrap();
    });
    end.recv_timeout(Duration::from_secs(20)).unwrap();
}

#[test]
fn a_closure_given_to_a_runtime_that_is_gone_is_cancelled() {
    let rt = runtime(1);
    let handle = rt.handle().clone();
    drop(rt);
    let task = handle.spawn_blocking(|| 1);
    let other = runtime(1);
    assert!(other.block_on(task).unwrap_err().is_cancelled());
}

#[test]
fn a_thread_that_was_idle_too_long_ends_and_another_is_started() {
    let stopped = Arc::new(AtomicUsize::new(0));
    let started = Arc::new(AtomicUsize::new(0));
    let (starting, stopping) = (started.clone(), stopped.clone());
    let rt = Builder::new_current_thread()
        .thread_keep_alive(Duration::from_millis(1))
        .on_thread_start(move || {
            starting.fetch_add(1, Ordering::SeqCst);
        })
        .on_thread_stop(move || {
            stopping.fetch_add(1, Ordering::SeqCst);
        })
        .build()
        .unwrap();
    for count in 1..=3 {
        rt.block_on(rt.spawn_blocking(|| ())).unwrap();
        assert_eq!(started.load(Ordering::SeqCst), count);
        while stopped.load(Ordering::SeqCst) < count {
            thread::sleep(Duration::from_millis(1));
        }
    }
    drop(rt);
    assert_eq!(stopped.load(Ordering::SeqCst), 3);
}

#[test]
fn a_drop_waits_until_the_threads_are_gone() {
    struct Slow(Arc<AtomicBool>);
    impl Drop for Slow {
        fn drop(&mut self) {
            thread::sleep(Duration::from_millis(20));
            self.0.store(true, Ordering::SeqCst);
        }
    }
    thread_local! {
        static SLOW: std::cell::RefCell<Option<Slow>> = const { std::cell::RefCell::new(None) };
    }
    let gone = Arc::new(AtomicBool::new(false));
    let flag = gone.clone();
    let rt = runtime(1);
    rt.block_on(rt.spawn_blocking(move || SLOW.set(Some(Slow(flag)))))
        .unwrap();
    drop(rt);
    assert!(gone.load(Ordering::SeqCst));
}

#[test]
fn thr_8_threads_have_the_name_and_the_stack_asked_for() {
    let rt = Builder::new_current_thread()
        .thread_name_fn(|| "worker-7".to_owned())
        .thread_stack_size(16 << 20)
        .build()
        .unwrap();
    let name = rt.spawn_blocking(|| {
        // More than the 2 MiB that a thread has by default.
        let deep = [1_u8; 8 << 20];
        let sum: u64 = std::hint::black_box(&deep)
            .iter()
            .map(|&byte| u64::from(byte))
            .sum();
        assert_eq!(sum, 8 << 20);
        thread::current().name().map(str::to_owned)
    });
    assert_eq!(rt.block_on(name).unwrap().as_deref(), Some("worker-7"));
}

#[test]
fn a_callback_that_panics_does_not_cost_the_thread() {
    let rt = Builder::new_current_thread()
        .max_blocking_threads(1)
        .on_thread_start(|| std::panic::resume_unwind(Box::new(())))
        .on_thread_stop(|| std::panic::resume_unwind(Box::new(())))
        .build()
        .unwrap();
    assert_eq!(rt.block_on(rt.spawn_blocking(|| 5)).unwrap(), 5);
    drop(rt);
}

#[test]
fn a_closure_runs_before_anybody_runs_the_runtime() {
    let rt = runtime(1);
    let (ran, run) = mpsc::channel();
    rt.spawn_blocking(move || ran.send(Handle::current()).unwrap());
    run.recv_timeout(Duration::from_secs(20)).unwrap();
}

#[test]
fn block_in_place_panics_on_a_thread_that_runs_tasks() {
    let rt = runtime(1);
    let text = panic_text(|| rt.block_on(async { block_in_place(|| ()) }));
    assert!(text.contains("spawn_blocking"), "{text}");
    assert_eq!(block_in_place(|| 5), 5);
    let _inside = rt.enter();
    assert_eq!(block_in_place(|| 6), 6);
}

#[test]
fn a_runtime_of_its_own_runs_on_a_thread_of_the_pool() {
    let rt = runtime(1);
    let task = rt.spawn_blocking(|| Runtime::new().unwrap().block_on(async { 3 }));
    assert_eq!(rt.block_on(task).unwrap(), 3);
}

#[test]
fn many_threads_hand_over_many_jobs() {
    let rt = Builder::new_current_thread()
        .max_blocking_threads(4)
        .thread_keep_alive(Duration::from_micros(50))
        .build()
        .unwrap();
    let handle = rt.handle().clone();
    let done = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (handle, done) = (handle.clone(), done.clone());
            thread::spawn(move || {
                for round in 0..500 {
                    let done = done.clone();
                    drop(handle.spawn_blocking(move || done.fetch_add(1, Ordering::SeqCst)));
                    if round % 50 == 0 {
                        thread::sleep(Duration::from_micros(100));
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    while done.load(Ordering::SeqCst) < 2_000 {
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn thr_5_the_end_waits_for_closures_so_long_at_most() {
    let rt = runtime(1);
    let release = occupy(&rt);
    let begin = std::time::Instant::now();
    rt.shutdown_timeout(Duration::from_millis(30));
    // The closure has not ended: it waits for this.
    assert!(begin.elapsed() >= Duration::from_millis(30));
    drop(release);

    let rt = runtime(1);
    let release = occupy(&rt);
    let ended = thread::spawn(move || rt.shutdown_timeout(Duration::from_secs(600)));
    drop(release);
    // Returns as soon as the closure has, long before the bound.
    ended.join().unwrap();
}

#[test]
fn thr_7_another_thread_starts_tasks_waits_for_them_and_ends_them() {
    let rt = runtime(1);
    let handle = rt.handle().clone();
    let other = thread::spawn(move || {
        assert_eq!(handle.block_on(handle.spawn(async { 5 })).unwrap(), 5);
        let failed = handle.block_on(handle.spawn(async { panic!("no") }));
        assert!(failed.unwrap_err().is_panic());
        let mut pending = handle.spawn(std::future::pending::<()>());
        let limited = handle.block_on(async {
            simoom::time::timeout(Duration::from_millis(5), &mut pending).await
        });
        assert!(limited.is_err());
        assert!(!pending.is_finished(), "the limit is on the wait");
        pending.abort();
        assert!(handle.block_on(pending).unwrap_err().is_cancelled());
    });
    // This thread runs the tasks.
    let joined = rt.block_on(rt.spawn_blocking(move || other.join()));
    joined.unwrap().unwrap();
}
