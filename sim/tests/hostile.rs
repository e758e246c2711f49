//! Wakers, destructors and handles that do what they should not.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream, UnixStream};
use simoom::sync::Notify;
use simoom::task::{spawn_local, yield_now};
use simoom::time::sleep;
use simoom_sim::{Config, Escape, Failure, Sim, Strategy, check};

#[path = "hostile/cloned.rs"]
mod cloned;

fn config() -> Config {
    Config::default().persist(false).seeds(20)
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A task that keeps its waker in `kept` and waits until `flag`.
async fn keeps_its_waker(kept: Rc<RefCell<Option<Waker>>>, flag: Rc<Cell<bool>>) {
    poll_fn(|cx| {
        if flag.get() {
            return Poll::Ready(());
        }
        kept.replace(Some(cx.waker().clone()));
        Poll::Pending
    })
    .await;
}

#[test]
fn a_waker_may_be_woken_from_a_destructor() {
    struct WakesOnDrop(Rc<RefCell<Option<Waker>>>, Rc<Cell<bool>>);
    impl Drop for WakesOnDrop {
        fn drop(&mut self) {
            self.1.set(true);
            if let Some(waker) = self.0.take() {
                waker.wake_by_ref();
                waker.wake();
            }
        }
    }
    check(config(), |sim| async move {
        let (kept, flag) = (Rc::default(), Rc::default());
        let waiting = spawn_local(keeps_its_waker(Rc::clone(&kept), Rc::clone(&flag)));
        sleep(ms(1)).await;
        let wakes = WakesOnDrop(kept, flag);
        sim.node("victim").spawn(async move {
            let _wakes = wakes;
            std::future::pending::<()>().await;
        });
        sleep(ms(1)).await;
        sim.node("victim").kill();
        waiting.await.unwrap();
    })
    .unwrap();
}

#[test]
fn wakes_after_the_end_and_from_other_worlds_do_nothing() {
    static KEPT: Mutex<Vec<Waker>> = Mutex::new(Vec::new());
    let config = config().jobs(1);
    check(config, |_| async {
        for waker in KEPT.lock().unwrap().drain(..) {
            waker.wake_by_ref();
            drop(waker.clone());
        }
        spawn_local(poll_fn(|cx| {
            KEPT.lock().unwrap().push(cx.waker().clone());
            Poll::<()>::Pending
        }));
        sleep(ms(1)).await;
    })
    .unwrap();
    let kept = std::mem::take(&mut *KEPT.lock().unwrap());
    assert!(!kept.is_empty());
    for waker in kept {
        waker.wake();
    }
}

#[test]
fn wakes_of_another_thread_are_counted_and_told() {
    let report = check(config().seeds(1), |sim| async move {
        sim.allow(Escape::THREADS);
        let woken = Arc::new(AtomicBool::new(false));
        let flag = woken.clone();
        poll_fn(move |cx| {
            if flag.load(Ordering::SeqCst) {
                return Poll::Ready(());
            }
            let (flag, waker) = (flag.clone(), cx.waker().clone());
            let waking = std::thread::spawn(move || {
                flag.store(true, Ordering::SeqCst);
                waker.wake();
            });
            waking.join().unwrap();
            Poll::Pending
        })
        .await;
    });
    assert!(report.failure().is_none(), "{report}");
    let notes = report.notes().join("\n");
    assert!(
        notes.contains("1 wakes or spawns came from threads outside"),
        "{notes}"
    );
}

/// A waker that calls the runtime whenever it is cloned, woken or dropped.
struct Reenters {
    inner: Waker,
    count: Arc<AtomicU32>,
}

impl Reenters {
    fn reenter(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
        drop(simoom::spawn(async {}));
        drop(Box::pin(sleep(ms(1))));
        let _ = simoom::time::Instant::now();
    }
}

impl Wake for Reenters {
    fn wake(self: Arc<Self>) {
        self.reenter();
        self.inner.wake_by_ref();
    }
}

impl Drop for Reenters {
    fn drop(&mut self) {
        self.reenter();
    }
}

/// Polls `future` with a waker of its own each time.
async fn under_reentrant_wakers<F: Future>(count: Arc<AtomicU32>, future: F) -> F::Output {
    let mut future = Box::pin(future);
    poll_fn(move |cx| {
        let waker = Waker::from(Arc::new(Reenters {
            inner: cx.waker().clone(),
            count: count.clone(),
        }));
        future.as_mut().poll(&mut Context::from_waker(&waker))
    })
    .await
}

#[test]
fn wakers_may_call_the_runtime_whenever_they_are_touched() {
    let count = Arc::new(AtomicU32::new(0));
    let counted = count.clone();
    check(config(), move |sim| {
        let count = counted.clone();
        async move {
            let notify = Rc::new(Notify::new());
            let notified = notify.clone();
            let server = async {
                let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut bytes = vec![0; 200_000];
                stream.read_exact(&mut bytes).await.unwrap();
            };
            let task = sim
                .node("server")
                .spawn(under_reentrant_wakers(count.clone(), server));
            let stuck = under_reentrant_wakers(count.clone(), async {
                simoom::join!(
                    sleep(Duration::from_secs(99)),
                    simoom::signal::ctrl_c(),
                    async { TcpListener::bind("0.0.0.0:9").await.unwrap().accept().await }
                )
            });
            let stuck = sim.node("stuck").spawn(stuck);
            let stays = under_reentrant_wakers(count.clone(), std::future::pending::<()>());
            sim.node("stays").spawn(stays);
            let client = async move {
                sleep(ms(1)).await;
                let mut stream = TcpStream::connect("server:80").await.unwrap();
                stream.write_all(&vec![0; 200_000]).await.unwrap();
                notified.notified().await;
            };
            let client = spawn_local(under_reentrant_wakers(count, client));
            task.await.unwrap();
            notify.notify_one();
            sim.node("stuck").kill();
            drop(stuck.await);
            sleep(ms(10)).await;
            drop(client);
        }
    })
    .unwrap();
    assert!(count.load(Ordering::Relaxed) > 100);
}

/// What the first look at `stream` comes to, with a waker that calls `hook` when it is cloned.
fn look(stream: &UnixStream, hook: impl FnOnce() + 'static) -> Poll<std::io::Result<()>> {
    let waker = cloned::calls_when_cloned(hook);
    stream.poll_read_ready(&mut Context::from_waker(&waker))
}

#[test]
fn what_becomes_ready_while_a_waker_is_cloned_is_ready() {
    check(config(), |_| async {
        let (one, two) = UnixStream::pair().unwrap();
        let looked = look(&one, move || {
            assert_eq!(two.try_write(b"x").unwrap(), 1);
        });
        assert!(matches!(looked, Poll::Ready(Ok(()))), "{looked:?}");
        assert_eq!(one.try_read(&mut [0; 2]).unwrap(), 1);
    })
    .unwrap();
}

#[test]
fn a_socket_may_go_while_a_waker_is_cloned() {
    check(config(), |sim| async move {
        let node = sim.node("server");
        let pair = node.spawn(async { UnixStream::pair().unwrap() });
        let (one, _two) = pair.await.unwrap();
        let looked = look(&one, move || node.kill());
        assert!(matches!(looked, Poll::Ready(Err(_))), "{looked:?}");
    })
    .unwrap();
}

#[test]
fn a_waker_that_panics_fails_the_run() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a waker that panics");
        }
    }
    let report = check(config().seeds(1).shrink(false), |_| async {
        let mut timer = Box::pin(sleep(ms(1)));
        let waker = Waker::from(Arc::new(Panics));
        assert!(
            timer
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        sleep(ms(5)).await;
    });
    let cause = report.failure().unwrap().cause().to_string();
    assert!(cause.contains("a waker that panics"), "{cause}");
}

#[test]
fn what_is_left_at_the_end_is_dropped_inside_its_world() {
    static OUTSIDE: AtomicU32 = AtomicU32::new(0);
    static INSIDE: AtomicU32 = AtomicU32::new(0);
    struct Notes;
    impl Drop for Notes {
        fn drop(&mut self) {
            let inside = simoom::runtime::Handle::try_current().is_ok();
            let counter = if inside { &INSIDE } else { &OUTSIDE };
            counter.fetch_add(1, Ordering::Relaxed);
            panic!("as it goes");
        }
    }
    impl Wake for Notes {
        fn wake(self: Arc<Self>) {}
    }
    check(
        config().seeds(1).strategy(Strategy::Calm),
        |sim| async move {
            let held = Notes;
            let boot = Arc::new(Notes);
            sim.node("booted").run(move || {
                let _boot = boot.clone();
                async {}
            });
            let node = sim.node("waits");
            node.spawn(async move {
                let _held = held;
                let waker = Waker::from(Arc::new(Notes));
                let mut cx = Context::from_waker(&waker);
                let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
                // The listener keeps the waker until it is dropped, which it never is.
                assert!(listener.poll_accept(&mut cx).is_pending());
                assert!(
                    Box::pin(simoom::signal::ctrl_c())
                        .as_mut()
                        .poll(&mut cx)
                        .is_pending()
                );
                std::mem::forget(listener);
                std::future::pending::<()>().await;
            });
            sleep(ms(1)).await;
        },
    )
    .unwrap();
    assert_eq!(
        OUTSIDE.load(Ordering::Relaxed),
        0,
        "destructors that found no runtime"
    );
    // The calm run, the seed's, and the seed's again: the boot closure, the task's local, and one
    // waker.
    assert_eq!(INSIDE.load(Ordering::Relaxed), 9);
}

#[test]
fn a_task_that_wakes_itself_by_hand_starves_nobody() {
    for strategy in [Strategy::Calm, Strategy::Random, Strategy::Pct { depth: 2 }] {
        let config = config().strategy(strategy).steps(20_000);
        check(config, |_| async {
            let done = Rc::new(Cell::new(false));
            let flag = done.clone();
            let spinning = spawn_local(poll_fn(move |cx| {
                if flag.get() {
                    return Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            }));
            let flag = done.clone();
            let yielding = spawn_local(async move {
                while !flag.get() {
                    yield_now().await;
                }
            });
            for _ in 0..3 {
                yield_now().await;
            }
            done.set(true);
            spinning.await.unwrap();
            yielding.await.unwrap();
        })
        .unwrap();
    }
}

#[test]
fn more_operations_than_the_budget_can_wait_in_one_poll() {
    let config = config().steps(5_000);
    check(config, |_| async {
        let mut sleeps: Vec<_> = (0..500).map(|_| Some(Box::pin(sleep(ms(5))))).collect();
        poll_fn(|cx| {
            for one in &mut sleeps {
                if one
                    .as_mut()
                    .is_some_and(|it| it.as_mut().poll(cx).is_ready())
                {
                    *one = None;
                }
            }
            if sleeps.iter().all(Option::is_none) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    })
    .unwrap();
}

#[test]
fn handles_that_leave_their_world_fail_and_never_hang() {
    type Left = (
        TcpStream,
        TcpListener,
        simoom::runtime::Handle,
        simoom::task::JoinHandle<()>,
        Sim,
    );
    static LEFT: Mutex<Vec<Left>> = Mutex::new(Vec::new());
    let leave = |sim: Sim| async move {
        let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
        let stream = TcpStream::connect("test:80").await.unwrap();
        let task = simoom::spawn(std::future::pending::<()>());
        let handle = simoom::runtime::Handle::current();
        LEFT.lock()
            .unwrap()
            .push((stream, listener, handle, task, sim));
    };
    check(config().seeds(2).jobs(1), leave).unwrap();
    let use_them = |(mut stream, listener, handle, task, sim): Left| async move {
        stream.read(&mut [0; 1]).await.unwrap_err();
        stream.write(b"x").await.unwrap_err();
        stream.try_read(&mut [0; 1]).unwrap_err();
        stream.local_addr().unwrap_err();
        listener.accept().await.unwrap_err();
        listener.local_addr().unwrap_err();
        assert!(task.await.unwrap_err().is_cancelled());
        assert!(handle.spawn(async {}).await.unwrap_err().is_cancelled());
        let panicked = std::panic::catch_unwind(|| sim.elapsed()).unwrap_err();
        let message = panicked.downcast_ref::<&str>().unwrap();
        assert_eq!(*message, "a simulation's handle was used outside its run");
    };
    let left = std::mem::take(&mut *LEFT.lock().unwrap());
    assert_eq!(left.len(), 4, "a calm run, two seeds, the first again");
    let mut left = left.into_iter();
    // In the real world, and in another simulated one.
    let runtime = simoom::runtime::Runtime::new().unwrap();
    runtime.block_on(use_them(left.next().unwrap()));
    let rest = Arc::new(Mutex::new(left.collect::<Vec<_>>()));
    check(config().seeds(1).jobs(1), move |_| {
        let left = rest.lock().unwrap().pop().unwrap();
        use_them(left)
    })
    .unwrap();
}

#[test]
fn a_simulation_used_on_another_thread_panics_there() {
    check(config().seeds(1), |sim| async move {
        sim.allow(Escape::THREADS);
        let node = sim.node("n");
        let elsewhere = std::thread::spawn(move || node.kill());
        assert!(elsewhere.join().is_err());
    })
    .unwrap();
}

#[test]
fn destructors_that_spawn_cannot_keep_a_run_alive() {
    struct Spawns;
    impl Drop for Spawns {
        fn drop(&mut self) {
            let more = Spawns2;
            spawn_local(async move {
                let _more = more;
                std::future::pending::<()>().await;
            });
        }
    }
    struct Spawns2;
    impl Drop for Spawns2 {
        fn drop(&mut self) {
            spawn_local(async {});
        }
    }
    check(config().seeds(2), |_| async {
        spawn_local(async {
            let _spawns = Spawns;
            std::future::pending::<()>().await;
        });
        yield_now().await;
    })
    .unwrap();
}

#[test]
fn a_deadlock_behind_a_preempted_join_is_still_one() {
    let report = check(config().seeds(5).shrink(false), |_| async {
        let notify = Notify::new();
        simoom::join!(notify.notified(), notify.notified());
    });
    assert_eq!(report.failure().unwrap().cause(), &Failure::Deadlock);
}
