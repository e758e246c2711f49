//! Blocking closures of nodes: those of a node that is killed, that ends, or that panics.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex as StdMutex};
use std::time::Duration;

use simoom::runtime::Handle;
use simoom::sync::{Notify, mpsc, oneshot};
use simoom::task::{JoinHandle, spawn_blocking, yield_now};
use simoom::time::sleep;
use simoom_sim::{Config, Failure, OnFailure, check};

fn config() -> Config {
    Config::default().persist(false).seeds(30)
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Waits for a notification that never comes.
fn wait_for_ever() {
    Handle::current().block_on(std::future::pending::<()>());
}

/// Sets a flag when it is dropped, and says what it could do then.
struct Meddling {
    dropped: Arc<AtomicU32>,
    sender: mpsc::Sender<u32>,
}

impl Drop for Meddling {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Ordering::SeqCst);
        let ran = self.dropped.clone();
        let task = simoom::spawn(async move { ran.fetch_add(1_000, Ordering::SeqCst) });
        assert!(
            task.is_finished(),
            "a task of a dead node is dropped at once"
        );
        let ran = self.dropped.clone();
        let closure = spawn_blocking(move || ran.fetch_add(1_000, Ordering::SeqCst));
        assert!(closure.is_finished(), "so is a closure");
        assert_eq!(simoom::rand::below(1_000), 0, "no draw");
        let _ = self.sender.try_send(1);
    }
}

#[test]
fn a_killed_node_unwinds_its_closures_in_the_dead_context() {
    check(config(), |sim| async move {
        let dropped = Arc::new(AtomicU32::new(0));
        let (sender, mut receiver) = mpsc::channel(10);
        let node = sim.node("victim");
        for waits in [true, false, true] {
            let meddling = Meddling {
                dropped: dropped.clone(),
                sender: sender.clone(),
            };
            let notify = Arc::new(Notify::new());
            let (started, start) = oneshot::channel();
            node.spawn(async move {
                spawn_blocking(move || {
                    let _meddling = meddling;
                    started.send(()).unwrap();
                    if waits {
                        wait_for_ever();
                    } else {
                        Handle::current().block_on(notify.notified());
                    }
                    unreachable!("nothing wakes it");
                })
                .await
            });
            start.await.unwrap();
        }
        node.kill();
        // It happened before `kill` returned.
        assert_eq!(dropped.load(Ordering::SeqCst), 3);
        drop(sender);
        let mut sent = 0;
        while receiver.recv().await.is_some() {
            sent += 1;
        }
        assert_eq!(sent, 3, "memory shared with the test is the test's own");
    })
    .unwrap();
}

#[test]
fn who_joins_a_closure_of_a_killed_node_is_told_that_it_was_cancelled() {
    check(config(), |sim| async move {
        let (sender, receiver) = oneshot::channel::<JoinHandle<u8>>();
        let node = sim.node("victim");
        node.spawn(async move {
            let started = spawn_blocking(|| {
                wait_for_ever();
                1
            });
            sender.send(started).unwrap();
            std::future::pending::<()>().await;
        });
        let closure = receiver.await.unwrap();
        sleep(ms(1)).await;
        node.kill();
        assert!(closure.await.unwrap_err().is_cancelled());
    })
    .unwrap();
}

#[test]
fn a_closure_may_kill_its_own_node() {
    check(config(), |sim| async move {
        let node = sim.node("victim");
        let (after, dropped) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicBool::new(false)),
        );
        let (late, gone) = (after.clone(), dropped.clone());
        let handle = sim.clone();
        node.spawn(async move {
            struct Flag(Arc<AtomicBool>);
            impl Drop for Flag {
                fn drop(&mut self) {
                    self.0.store(true, Ordering::SeqCst);
                }
            }
            spawn_blocking(move || {
                let _flag = Flag(gone);
                handle.node("victim").kill();
                // It goes on to its next operation, which never returns.
                Handle::current().block_on(yield_now());
                late.store(true, Ordering::SeqCst);
            })
            .await
        });
        sleep(ms(1)).await;
        assert!(!node.is_alive());
        assert!(dropped.load(Ordering::SeqCst));
        assert!(!after.load(Ordering::SeqCst));
    })
    .unwrap();
}

#[test]
fn a_closure_that_kills_its_own_node_may_end() {
    check(config(), |sim| async move {
        let node = sim.node("victim").max_blocking_threads(1);
        let (boots, sums) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let (handle, booted, summed) = (sim.clone(), boots.clone(), sums.clone());
        node.run(move || {
            let (sim, boot, sums) = (handle.clone(), booted.get() + 1, summed.clone());
            booted.set(boot);
            async move {
                if boot == 1 {
                    let _ = spawn_blocking(move || sim.node("victim").restart()).await;
                }
                // The new incarnation has a thread of its own, and one only.
                let one = spawn_blocking(|| 1).await.unwrap();
                let two = spawn_blocking(|| 2).await.unwrap();
                sums.set(sums.get() + one + two);
                std::future::pending::<()>().await;
            }
        });
        sleep(ms(5)).await;
        assert!(node.is_alive());
        assert_eq!((boots.get(), sums.get()), (2, 3));
    })
    .unwrap();
}

#[test]
fn a_closure_kills_and_restarts_another_node() {
    check(config(), |sim| async move {
        let boots = Rc::new(Cell::new(0));
        let counter = boots.clone();
        sim.node("other").run(move || {
            counter.set(counter.get() + 1);
            async {
                let waiting = [(); 2].map(|()| spawn_blocking(wait_for_ever));
                for task in waiting {
                    let _ = task.await;
                }
            }
        });
        sleep(ms(1)).await;
        let handle = sim.clone();
        spawn_blocking(move || {
            let other = handle.node("other");
            other.restart();
            assert!(other.is_alive());
            Handle::current().block_on(sleep(ms(1)));
            other.kill();
            assert!(!other.is_alive());
            other.restart();
            Handle::current().block_on(sleep(ms(1)));
        })
        .await
        .unwrap();
        assert!(sim.node("other").is_alive());
        assert_eq!(boots.get(), 3);
    })
    .unwrap();
}

#[test]
fn what_stays_with_the_runs_thread_is_not_given_to_a_node_by_a_closure() {
    let report = check(config().seeds(1), |sim| async move {
        let _ = spawn_blocking(move || drop(sim.node("late").spawn(async {}))).await;
    });
    let text = report.failure().unwrap().to_string();
    assert!(
        text.contains("`Node::spawn` was called in a blocking closure"),
        "{text}"
    );
    let report = check(config().seeds(1), |sim| async move {
        let _ = spawn_blocking(move || sim.node("late").run(|| async {}).is_alive()).await;
    });
    let text = report.failure().unwrap().to_string();
    assert!(
        text.contains("`Node::run` was called in a blocking closure"),
        "{text}"
    );
}

#[test]
fn a_node_whose_main_returns_waits_for_its_closures() {
    check(config(), |sim| async move {
        let ended = Arc::new(StdMutex::new(Vec::new()));
        let log = ended.clone();
        let node = sim.node("worker").max_blocking_threads(2);
        node.run(move || {
            let log = log.clone();
            async move {
                let (sender, mut receiver) = mpsc::channel::<()>(1);
                simoom::spawn(async move {
                    let _sender = sender;
                    std::future::pending::<()>().await;
                });
                let (first, second) = (oneshot::channel(), oneshot::channel());
                for (started, waits) in [(first.0, true), (second.0, false)] {
                    let log = log.clone();
                    let mut gone = std::mem::replace(&mut receiver, mpsc::channel(1).1);
                    spawn_blocking(move || {
                        started.send(()).unwrap();
                        if waits {
                            // Until the task that holds the other end is dropped.
                            assert_eq!(gone.blocking_recv(), None);
                        }
                        Handle::current().block_on(sleep(ms(5)));
                        log.lock().unwrap().push(waits);
                    });
                }
                first.1.await.unwrap();
                second.1.await.unwrap();
                let log = log.clone();
                // It has no thread, and gets none.
                spawn_blocking(move || log.lock().unwrap().clear());
            }
        });
        sleep(ms(2)).await;
        assert!(node.is_alive(), "closures are waited for");
        sleep(ms(10)).await;
        assert!(!node.is_alive());
        assert_eq!(ended.lock().unwrap().len(), 2);
    })
    .unwrap();
}

#[test]
fn a_panic_in_a_closure_fails_the_run_and_is_named() {
    let report = check(config().seeds(1), |sim| async move {
        sim.node("worker").spawn(async {
            let _ = spawn_blocking(|| panic!("closure {}", 4)).await;
        });
        sleep(ms(1)).await;
    });
    let found = report.failure().unwrap();
    let Failure::Panic {
        message,
        location,
        task,
    } = found.cause()
    else {
        panic!("{found}");
    };
    assert_eq!(message, "closure 4");
    assert!(location.contains("blocking_nodes.rs"), "{location}");
    assert!(
        task.starts_with("worker/blocking_nodes::a_panic_in_a_closure"),
        "{task}"
    );
}

#[test]
fn what_a_panic_in_a_closure_means_is_the_nodes_policy() {
    check(config(), |sim| async move {
        let node = sim.node("worker").on_failure(OnFailure::Contain);
        let joined = node.spawn(async { spawn_blocking(|| panic!("contained")).await });
        assert!(joined.await.unwrap().unwrap_err().is_panic());
        assert!(node.is_alive());
        let node = node.on_failure(OnFailure::KillNode);
        let (sender, receiver) = oneshot::channel::<()>();
        node.spawn(async move {
            let _sender = sender;
            spawn_blocking(|| panic!("deadly")).await
        });
        assert!(receiver.await.is_err());
        sleep(ms(1)).await;
        assert!(!node.is_alive());
    })
    .unwrap();
}
