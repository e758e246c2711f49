//! Wakes by other threads: none is lost, whatever the runtime is doing.

mod flag;

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use simoom::runtime::Runtime;
use simoom::task::yield_now;

use crate::flag::Flag;

fn runtime() -> Runtime {
    Runtime::new().unwrap()
}

#[test]
fn abort_from_another_thread_wakes_a_sleeping_runtime() {
    let rt = runtime();
    let task = rt.spawn(pending::<()>());
    let stop = task.abort_handle();
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20));
        stop.abort();
    });
    assert!(rt.block_on(task).unwrap_err().is_cancelled());
    thread.join().unwrap();
}

#[test]
fn loop_6_no_wake_of_four_threads_is_lost() {
    const ROUNDS: usize = 5_000;
    let rt = runtime();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (there, back) = (Arc::new(Flag::default()), Arc::new(AtomicUsize::new(0)));
            let (flag, seen) = (there.clone(), back.clone());
            let task = rt.spawn(async move {
                for round in 1..=ROUNDS {
                    flag.wait().await;
                    seen.store(round, Ordering::Release);
                }
            });
            let thread = std::thread::spawn(move || {
                for round in 1..=ROUNDS {
                    there.set();
                    while back.load(Ordering::Acquire) < round {
                        std::hint::spin_loop();
                        std::thread::yield_now();
                    }
                }
            });
            (task, thread)
        })
        .collect();
    rt.block_on(async {
        for (task, thread) in threads {
            task.await.unwrap();
            thread.join().unwrap();
        }
    });
}

#[test]
fn no_wake_of_the_root_is_lost() {
    let rt = runtime();
    let flag = Arc::new(Flag::default());
    let (sender, receiver) = mpsc::channel();
    let set = flag.clone();
    let thread = std::thread::spawn(move || {
        for () in receiver {
            set.set();
        }
    });
    rt.block_on(async {
        for _ in 0..5_000 {
            sender.send(()).unwrap();
            flag.wait().await;
        }
    });
    drop(sender);
    thread.join().unwrap();
}

#[test]
fn loop_6_threads_spawn_into_a_sleeping_runtime() {
    let rt = runtime();
    let handle = rt.handle().clone();
    let done = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (handle, done) = (handle.clone(), done.clone());
            std::thread::spawn(move || {
                for _ in 0..500 {
                    let done = done.clone();
                    handle.spawn(async move {
                        done.fetch_add(1, Ordering::Relaxed);
                    });
                }
            })
        })
        .collect();
    rt.block_on(async {
        while done.load(Ordering::Relaxed) < 2000 {
            yield_now().await;
        }
    });
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn wakers_outlive_the_runtime() {
    let flag = Arc::new(Flag::default());
    let rt = runtime();
    rt.spawn({
        let flag = flag.clone();
        async move { flag.wait().await }
    });
    rt.block_on(yield_now());
    drop(rt);
    flag.set();
}
