//! Wakers, futures and destructors that do what they should not, in the real world.

use std::cell::RefCell;
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use simoom::backend;
use simoom::net::{TcpListener, TcpStream};
use simoom::runtime::{Handle, Runtime};
use simoom::task::yield_now;

fn runtime() -> Runtime {
    Runtime::new().unwrap()
}

/// A waker that does something else instead.
struct Hostile<F>(F);

impl<F: Fn() + Send + Sync> Wake for Hostile<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

fn hostile(f: impl Fn() + Send + Sync + 'static) -> Waker {
    Arc::new(Hostile(f)).into()
}

/// Polls `future` once with `waker`.
async fn poll_with<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    poll_fn(|_| {
        let polled = Pin::new(&mut *future).poll(&mut Context::from_waker(waker));
        Poll::Ready(polled)
    })
    .await
}

fn arm(delay: Duration, waker: &Waker) {
    backend::with_current(|backend| {
        let backend = backend.unwrap();
        backend.arm(backend.now() + delay, waker);
    });
}

/// Waits until `count` has reached `target`.
async fn until(count: &AtomicUsize, target: usize) {
    while count.load(Ordering::SeqCst) < target {
        yield_now().await;
    }
}

#[test]
fn waker_that_panics_stops_neither_join_nor_timer_nor_socket() {
    runtime().block_on(async {
        let angry = hostile(|| panic!("a hostile waker"));
        let woken = Arc::new(AtomicUsize::new(0));
        let counted = woken.clone();
        let calm = hostile(move || {
            counted.fetch_add(1, Ordering::SeqCst);
        });

        let mut task = simoom::spawn(yield_now());
        assert!(poll_with(&mut task, &angry).await.is_pending());
        task.await.unwrap();

        for waker in [&angry, &calm] {
            arm(Duration::from_millis(1), waker);
        }
        until(&woken, 1).await;

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        for waker in [&angry, &calm] {
            let polled = listener.poll_accept(&mut Context::from_waker(waker));
            assert!(polled.is_pending());
        }
        let _client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        until(&woken, 2).await;
        listener.accept().await.unwrap();
    });
}

#[test]
fn waker_that_reenters_the_runtime_does_no_harm() {
    let rt = runtime();
    let handle = rt.handle().clone();
    rt.block_on(async {
        let runs = Arc::new(AtomicUsize::new(0));
        let listener = Arc::new(TcpListener::bind("127.0.0.1:0").await.unwrap());
        let (counted, polled) = (runs.clone(), listener.clone());
        let reentrant = hostile(move || {
            let counted = counted.clone();
            handle.spawn(async move {
                counted.fetch_add(1, Ordering::SeqCst);
            });
            // The same locks, one after the other.
            arm(Duration::ZERO, Waker::noop());
            let _ = polled.poll_accept(&mut Context::from_waker(Waker::noop()));
            drop(simoom::signal::ctrl_c());
        });
        arm(Duration::ZERO, &reentrant);
        until(&runs, 1).await;
        let polled = listener.poll_accept(&mut Context::from_waker(&reentrant));
        assert!(polled.is_pending());
        let _client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        until(&runs, 2).await;
        let mut task = simoom::spawn(yield_now());
        assert!(poll_with(&mut task, &reentrant).await.is_pending());
        until(&runs, 3).await;
    });
}

/// Runs a closure when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn destructor_that_panics_makes_the_task_panic() {
    let rt = runtime();
    let task = rt.spawn(async {
        let _bomb = OnDrop(|| panic!("in drop"));
        pending::<()>().await;
    });
    rt.block_on(yield_now());
    task.abort();
    assert!(rt.block_on(task).unwrap_err().is_panic());
}

#[test]
fn destructors_run_inside_the_runtime_that_is_being_dropped() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let rt = runtime();
    for name in ["polled", "new"] {
        let seen = seen.clone();
        let guard = OnDrop(move || {
            let here = Handle::try_current().is_ok();
            let late = seen.clone();
            let spawned = OnDrop(move || late.lock().unwrap().push("spawned by a destructor"));
            let task = simoom::spawn(async move {
                let _spawned = spawned;
                unreachable!("the runtime runs no task any more");
            });
            let local = simoom::task::spawn_local(async {});
            task.abort();
            drop(local);
            seen.lock()
                .unwrap()
                .push(if here { name } else { "outside" });
        });
        rt.spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        if name == "polled" {
            rt.block_on(yield_now());
        }
    }
    rt.spawn(async { panic!("never polled") });
    drop(rt);
    let mut seen = seen.lock().unwrap().clone();
    seen.sort_unstable();
    assert_eq!(
        seen,
        [
            "new",
            "polled",
            "spawned by a destructor",
            "spawned by a destructor"
        ]
    );
}

#[test]
fn destructors_may_panic_and_wake_each_other_while_the_runtime_is_dropped() {
    let drops = Arc::new(AtomicUsize::new(0));
    let wakers: Arc<Mutex<Vec<Waker>>> = Arc::default();
    let rt = runtime();
    for _ in 0..10 {
        let (drops, wakers) = (drops.clone(), wakers.clone());
        rt.spawn(async move {
            let woken = wakers.clone();
            let _guard = OnDrop(move || {
                drops.fetch_add(1, Ordering::SeqCst);
                for waker in &*woken.lock().unwrap() {
                    waker.wake_by_ref();
                }
                panic!("in drop");
            });
            poll_fn(|cx| {
                wakers.lock().unwrap().push(cx.waker().clone());
                Poll::<()>::Pending
            })
            .await;
        });
    }
    rt.block_on(yield_now());
    drop(rt);
    assert_eq!(drops.load(Ordering::SeqCst), 10);
    for waker in wakers.lock().unwrap().drain(..) {
        waker.wake();
    }
}

#[test]
fn destructor_may_use_timers_sockets_and_another_runtime() {
    let errors = Arc::new(Mutex::new(Vec::new()));
    let rt = runtime();
    let kept = errors.clone();
    let guard = OnDrop(move || {
        arm(Duration::ZERO, Waker::noop());
        let other = runtime();
        let _guard = other.enter();
        other.spawn(async {});
        drop(_guard);
        drop(other);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        kept.lock()
            .unwrap()
            .push(TcpListener::from_std(listener).is_ok());
    });
    rt.spawn(async move {
        let _guard = guard;
        pending::<()>().await;
    });
    drop(rt);
    assert_eq!(*errors.lock().unwrap(), [true]);
}

#[test]
fn task_may_hold_the_handle_that_joins_it() {
    let rt = runtime();
    let slot: Arc<Mutex<Option<simoom::task::JoinHandle<()>>>> = Arc::default();
    let held = slot.clone();
    let task = rt.spawn(async move {
        let _held = held;
        pending::<()>().await;
    });
    *slot.lock().unwrap() = Some(task);
    drop(slot);
    rt.block_on(yield_now());
    drop(rt);
}

#[test]
fn task_that_drops_the_last_runtime_but_its_own_goes_on() {
    runtime().block_on(async {
        let inner = runtime();
        let dropped = Arc::new(AtomicUsize::new(0));
        let counted = dropped.clone();
        let guard = OnDrop(move || {
            counted.fetch_add(1, Ordering::SeqCst);
        });
        inner.spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        let task = simoom::spawn(async move { drop(inner) });
        task.await.unwrap();
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn thread_local_destructors_find_no_runtime() {
    struct Late;
    impl Drop for Late {
        fn drop(&mut self) {
            assert!(Handle::try_current().is_err());
        }
    }
    thread_local! {
        static LATE: RefCell<Option<Late>> = const { RefCell::new(None) };
    }
    std::thread::spawn(|| {
        LATE.set(Some(Late));
        runtime().block_on(async { simoom::spawn(async {}).await.unwrap() });
    })
    .join()
    .unwrap();
}
