//! Turns: who goes on and on lets others run, and timers fire.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use futures::future::join_all;
use simoom::sync::{Notify, mpsc};
use simoom::task::{preemption_point, spawn_local, yield_now};
use simoom::time::{Duration, Instant, sleep, timeout};
use simoom_tests::both;

both! {
    async fn a_preemption_point_completes_and_wakes_nobody_who_waits() {
        let notify = Rc::new(Notify::new());
        let waiting = notify.clone();
        let waiter = spawn_local(async move { waiting.notified().await });
        // More often than a poll may do operations, and that in a future that is dropped at once.
        let points = async {
            for _ in 0..1_000 {
                preemption_point().await;
            }
            true
        };
        assert!(timeout(Duration::from_secs(60), points).await.unwrap());
        for _ in 0..10 {
            drop(preemption_point());
            let mut point = pin!(preemption_point());
            let _ = poll_fn(|cx| Poll::Ready(point.as_mut().poll(cx))).await;
        }
        assert!(!waiter.is_finished());
        notify.notify_one();
        waiter.await.unwrap();
    }

    async fn preemption_points_let_both_sides_of_a_select_go_on() {
        let side = async |count: usize| {
            for _ in 0..count {
                preemption_point().await;
            }
            count
        };
        let one = simoom::spawn(async move { side(300).await });
        let (two, three) = simoom::join!(side(5), side(7));
        assert_eq!((one.await.unwrap(), two, three), (300, 5, 7));
    }

    async fn yield_now_gives_way_once() {
        let mut yielding = pin!(yield_now());
        poll_fn(|cx| {
            assert!(yielding.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        yielding.await;
    }

    async fn yielding_again_and_again_lets_every_task_run() {
        let ran = Arc::new(AtomicUsize::new(0));
        for _ in 0..10 {
            let ran = ran.clone();
            simoom::spawn(async move { ran.fetch_add(1, SeqCst) });
        }
        while ran.load(SeqCst) < 10 {
            yield_now().await;
        }
    }

    async fn yielding_tasks_all_come_to_their_end() {
        let turns = Arc::new(Mutex::new([0; 3]));
        let tasks: Vec<_> = (0..3)
            .map(|task| {
                let turns = turns.clone();
                simoom::spawn(async move {
                    for _ in 0..20 {
                        turns.lock().unwrap()[task] += 1;
                        yield_now().await;
                    }
                })
            })
            .collect();
        join_all(tasks).await;
        assert_eq!(*turns.lock().unwrap(), [20; 3]);
    }

    async fn a_loop_over_a_free_lock_lets_others_run() {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = stop.clone();
        simoom::spawn(async move { flag.store(true, SeqCst) });
        let mutex = simoom::sync::Mutex::new(());
        while !stop.load(SeqCst) {
            drop(mutex.lock().await);
        }
    }

    async fn a_loop_over_a_channel_with_room_lets_others_run() {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = stop.clone();
        simoom::spawn(async move { flag.store(true, SeqCst) });
        let (sender, mut receiver) = mpsc::channel(1);
        while !stop.load(SeqCst) {
            sender.send(1).await.unwrap();
            assert_eq!(receiver.recv().await, Some(1));
        }
    }

    async fn a_loop_over_sleeps_of_zero_lets_others_run() {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = stop.clone();
        simoom::spawn(async move { flag.store(true, SeqCst) });
        while !stop.load(SeqCst) {
            sleep(Duration::ZERO).await;
        }
    }

    async fn a_loop_over_stored_permits_lets_others_run() {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = stop.clone();
        simoom::spawn(async move { flag.store(true, SeqCst) });
        let notify = Notify::new();
        while !stop.load(SeqCst) {
            notify.notify_one();
            notify.notified().await;
        }
    }

    async fn a_busy_task_does_not_hold_up_timers() {
        let busy = simoom::spawn(async {
            loop {
                yield_now().await;
            }
        });
        let start = Instant::now();
        let slept = simoom::spawn(sleep(Duration::from_millis(2)));
        // In virtual time, which stands still while a task can run, the busy task has to end first.
        for _ in 0..200 {
            yield_now().await;
        }
        busy.abort();
        slept.await.unwrap();
        assert!(start.elapsed() >= Duration::from_millis(2));
    }
}

/// In the simulator the scheduler may choose the caller again.
#[test]
fn yield_now_lets_every_ready_task_run_in_the_real_world() {
    simoom_tests::real(|| async {
        let ran = Arc::new(AtomicUsize::new(0));
        for _ in 0..10 {
            let ran = ran.clone();
            simoom::spawn(async move { ran.fetch_add(1, SeqCst) });
        }
        yield_now().await;
        assert_eq!(ran.load(SeqCst), 10);
    });
}

/// Of tasks that only yield, none is ever two turns ahead of another.
#[test]
fn yielding_tasks_take_turns_in_the_real_world() {
    simoom_tests::real(|| async {
        let turns = Arc::new(Mutex::new([0; 3]));
        let tasks: Vec<_> = (0..3)
            .map(|task| {
                let turns = turns.clone();
                simoom::spawn(async move {
                    for _ in 0..20 {
                        {
                            let mut turns = turns.lock().unwrap();
                            turns[task] += 1;
                            let least = turns.iter().min().unwrap();
                            assert!(turns[task] - least <= 1, "{turns:?}");
                        }
                        yield_now().await;
                    }
                })
            })
            .collect();
        for joined in join_all(tasks).await {
            joined.unwrap();
        }
    });
}

/// In the simulator the scheduler may let the caller join them all first.
#[test]
fn a_loop_over_finished_tasks_lets_others_run_in_the_real_world() {
    simoom_tests::real(|| async {
        let stop = Arc::new(AtomicBool::new(false));
        let tasks: Vec<_> = (0..1_000).map(|_| simoom::spawn(async {})).collect();
        while !tasks.iter().all(simoom::task::JoinHandle::is_finished) {
            yield_now().await;
        }
        let flag = stop.clone();
        simoom::spawn(async move { flag.store(true, SeqCst) });
        for task in tasks {
            task.await.unwrap();
        }
        assert!(stop.load(SeqCst));
    });
}
