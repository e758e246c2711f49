//! The runtime of the real world: tasks, threads, ends.

mod flag;

use std::future::{pending, poll_fn};
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::task::{Context, Poll};
use std::time::Duration;

use simoom::runtime::{Builder, EnterGuard, Handle, Runtime};
use simoom::task::{AbortHandle, JoinError, JoinHandle, spawn_local, yield_now};

use crate::flag::Flag;

fn runtime() -> Runtime {
    Runtime::new().unwrap()
}

fn message(payload: Box<dyn std::any::Any + Send>) -> String {
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => (*payload.downcast::<&str>().unwrap()).to_owned(),
    }
}

/// The message with which `f` panics.
#[track_caller]
fn panic_of(f: impl FnOnce()) -> String {
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
    message(caught.expect_err("it should have panicked"))
}

/// Counts how often it was dropped.
#[derive(Clone, Default)]
struct Drops(Arc<AtomicUsize>);

struct Drop1(Drops);

impl Drops {
    fn guard(&self) -> Drop1 {
        Drop1(self.clone())
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Drop for Drop1 {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn public_types_are_send_and_sync_as_in_tokio() {
    fn both<T: Send + Sync>() {}
    both::<Runtime>();
    both::<Handle>();
    both::<Builder>();
    both::<JoinHandle<std::cell::Cell<u8>>>();
    both::<AbortHandle>();
    both::<JoinError>();
}

#[test]
fn spawned_tasks_run_and_join() {
    let sum = runtime().block_on(async {
        let tasks: Vec<_> = (0..1000u64)
            .map(|n| {
                simoom::spawn(async move {
                    yield_now().await;
                    n
                })
            })
            .collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap();
        }
        sum
    });
    assert_eq!(sum, 499_500);
}

#[test]
fn tsk_2_tasks_run_in_the_order_they_were_spawned() {
    let order = Arc::new(Mutex::new(Vec::new()));
    runtime().block_on(async {
        let tasks: Vec<_> = (0..100)
            .map(|n| {
                let order = order.clone();
                simoom::spawn(async move { order.lock().unwrap().push(n) })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(*order.lock().unwrap(), (0..100).collect::<Vec<_>>());
}

#[test]
fn root_takes_its_turn_behind_the_tasks_that_were_ready_before_it() {
    let order = Arc::new(Mutex::new(Vec::new()));
    runtime().block_on(async {
        for n in 0..3 {
            let order = order.clone();
            simoom::spawn(async move { order.lock().unwrap().push(n) });
        }
        yield_now().await;
        order.lock().unwrap().push(99);
    });
    assert_eq!(*order.lock().unwrap(), [0, 1, 2, 99]);
}

#[test]
fn busy_root_does_not_starve_tasks_nor_they_it() {
    runtime().block_on(async {
        let turns = Arc::new(AtomicUsize::new(0));
        let counted = turns.clone();
        let busy = simoom::spawn(async move {
            loop {
                counted.fetch_add(1, Ordering::Relaxed);
                yield_now().await;
            }
        });
        for _ in 0..1000 {
            yield_now().await;
        }
        let turns = turns.load(Ordering::Relaxed);
        assert!((999..=1001).contains(&turns), "{turns} turns");
        busy.abort();
    });
}

#[test]
fn panic_payload_reaches_the_join_handle() {
    runtime().block_on(async {
        let error = simoom::spawn(async { panic!("boom {}", 1) })
            .await
            .unwrap_err();
        assert!(error.is_panic() && !error.is_cancelled());
        assert_eq!(message(error.into_panic()), "boom 1");
    });
}

#[test]
fn panic_of_the_root_leaves_the_runtime_usable() {
    let rt = runtime();
    let task = rt.spawn(async { 5 });
    assert_eq!(panic_of(|| rt.block_on(async { panic!("root") })), "root");
    assert_eq!(rt.block_on(task).unwrap(), 5);
}

#[test]
fn aborted_task_is_cancelled_and_dropped() {
    runtime().block_on(async {
        let drops = Drops::default();
        let guard = drops.guard();
        let task = simoom::spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        let stop = task.abort_handle();
        yield_now().await;
        assert_eq!(drops.count(), 0);
        stop.abort();
        stop.abort();
        assert!(
            !task.is_finished(),
            "an abort is done at the task's next turn"
        );
        let error = task.await.unwrap_err();
        assert!(error.is_cancelled());
        assert_eq!(drops.count(), 1);
        assert!(stop.is_finished());
    });
}

#[test]
fn task_that_wakes_itself_in_its_last_poll_is_freed_once() {
    runtime().block_on(async {
        let drops = Drops::default();
        for _ in 0..10 {
            let guard = drops.guard();
            let task = simoom::spawn(poll_fn(move |cx| {
                let _ = &guard;
                cx.waker().wake_by_ref();
                Poll::Ready(())
            }));
            task.await.unwrap();
            yield_now().await;
        }
        assert_eq!(drops.count(), 10);
    });
}

#[test]
fn nested_block_on_panics_and_says_what_to_do() {
    let rt = runtime();
    let inner = runtime();
    let handle = inner.handle().clone();
    rt.block_on(async {
        let text = panic_of(|| inner.block_on(async {}));
        assert!(text.contains("`.await` the future instead"), "{text}");
        let text = panic_of(|| handle.block_on(async {}));
        assert!(text.contains("`.await` the future instead"), "{text}");
    });
    let _guard = rt.enter();
    assert_eq!(rt.block_on(async { 1 }), 1, "an entered thread may block");
}

#[test]
fn two_threads_block_on_one_runtime() {
    for _ in 0..50 {
        let rt = Arc::new(runtime());
        let barrier = Arc::new(Barrier::new(4));
        let threads: Vec<_> = (0..4)
            .map(|n: usize| {
                let (rt, barrier) = (rt.clone(), barrier.clone());
                std::thread::spawn(move || {
                    barrier.wait();
                    rt.block_on(async move {
                        let mut sum = 0;
                        for round in 0..20 {
                            sum += simoom::spawn(async move {
                                yield_now().await;
                                n * round
                            })
                            .await
                            .unwrap();
                        }
                        sum
                    })
                })
            })
            .collect();
        for (n, thread) in threads.into_iter().enumerate() {
            assert_eq!(thread.join().unwrap(), n * 190);
        }
    }
}

#[test]
fn waiting_thread_takes_over_the_runtime() {
    let rt = Arc::new(runtime());
    let flag = Arc::new(Flag::default());
    let (started, begun) = mpsc::channel();
    let (other, held) = (rt.clone(), flag.clone());
    let holder = std::thread::spawn(move || {
        other.block_on(async {
            started.send(()).unwrap();
            held.wait().await;
        });
    });
    begun.recv().unwrap();
    let other = rt.clone();
    let heir = std::thread::spawn(move || {
        other.block_on(async {
            // Its tasks are run by the holder first, and by this thread when the holder has left.
            for _ in 0..3 {
                simoom::spawn(timer(Duration::from_millis(10)))
                    .await
                    .unwrap();
            }
        });
    });
    std::thread::sleep(Duration::from_millis(15));
    flag.set();
    holder.join().unwrap();
    heir.join().unwrap();
}

#[test]
fn handle_blocks_while_another_thread_runs_the_runtime() {
    let rt = runtime();
    let handle = rt.handle().clone();
    let flag = Arc::new(Flag::default());
    let done = flag.clone();
    let thread = std::thread::spawn(move || {
        let answer = handle.block_on(async {
            timer(Duration::from_millis(5)).await;
            simoom::spawn(async { 7 }).await.unwrap()
        });
        done.set();
        answer
    });
    rt.block_on(flag.wait());
    assert_eq!(thread.join().unwrap(), 7);
}

#[test]
fn handle_enters_on_another_thread() {
    let rt = runtime();
    let handle = rt.handle().clone();
    let task = std::thread::spawn(move || {
        assert!(Handle::try_current().is_err());
        let _guard = handle.enter();
        assert!(Handle::try_current().is_ok());
        let text = panic_of(|| drop(spawn_local(async {})));
        assert!(text.contains("call it inside `block_on`"), "{text}");
        simoom::spawn(async { 3 })
    })
    .join()
    .unwrap();
    assert_eq!(rt.block_on(task).unwrap(), 3);
}

#[test]
fn entering_another_runtime_leaves_wakes_where_they_belong() {
    let (one, two) = (runtime(), runtime());
    one.block_on(async {
        let flag = Rc::new(Flag::default());
        let waits = flag.clone();
        let task = spawn_local(async move { waits.wait().await });
        yield_now().await;
        let guard = two.enter();
        flag.set();
        let home = one.handle().enter();
        let local = spawn_local(async { 1 });
        drop(home);
        let there = simoom::spawn(async { 2 });
        drop(guard);
        task.await.unwrap();
        assert_eq!(local.await.unwrap(), 1);
        std::thread::scope(|scope| {
            let two = &two;
            scope.spawn(move || assert_eq!(two.block_on(there).unwrap(), 2));
        });
    });
}

#[test]
fn guard_that_was_left_behind_restores_nothing() {
    thread_local! {
        static LEFT: std::cell::RefCell<Option<EnterGuard<'static>>> = const {
            std::cell::RefCell::new(None)
        };
    }
    let handle: &'static Handle = Box::leak(Box::new(runtime().handle().clone()));
    let first = runtime();
    first.block_on(async { LEFT.set(Some(handle.enter())) });
    drop(first);
    runtime().block_on(async {
        let guard = handle.enter();
        let text = panic_of(|| drop(LEFT.take()));
        assert!(text.contains("reverse order"), "{text}");
        drop(guard);
        simoom::spawn(async {}).await.unwrap();
    });
}

#[test]
fn local_tasks_hold_what_is_not_send() {
    runtime().block_on(async {
        let shared = Rc::new(5);
        let task = spawn_local({
            let shared = shared.clone();
            async move { shared }
        });
        assert!(Rc::ptr_eq(&task.await.unwrap(), &shared));
    });
}

#[test]
fn local_tasks_keep_the_runtime_on_their_thread() {
    let rt = runtime();
    let drops = Drops::default();
    let guard = drops.guard();
    rt.block_on(async {
        spawn_local(async move {
            let _guard = (Rc::new(()), guard);
            pending::<()>().await;
        });
        simoom::spawn(async {});
    });
    let sent = Drops::default();
    let guard = sent.guard();
    rt.spawn(async move {
        let _guard = guard;
        pending::<()>().await;
    });
    std::thread::scope(|scope| {
        let rt = &rt;
        let text = scope.spawn(move || panic_of(|| rt.block_on(async {})));
        let text = text.join().unwrap();
        assert!(text.contains("`spawn_local`"), "{text}");
    });
    rt.block_on(yield_now());
    std::thread::spawn(move || drop(rt)).join().unwrap();
    assert_eq!(
        drops.count(),
        0,
        "a task that is not `Send` is leaked, not dropped elsewhere"
    );
    assert_eq!(sent.count(), 1);
}

#[test]
fn runtime_moves_between_threads_once_local_tasks_have_ended() {
    let rt = runtime();
    rt.block_on(async { spawn_local(async {}).await.unwrap() });
    std::thread::spawn(move || rt.block_on(async { simoom::spawn(async {}).await.unwrap() }))
        .join()
        .unwrap();
}

#[test]
fn dropping_the_runtime_drops_every_task() {
    let drops = Drops::default();
    let rt = runtime();
    let mut tasks = Vec::new();
    for polled in [true, false] {
        for _ in 0..10 {
            let guard = drops.guard();
            tasks.push(rt.spawn(async move {
                let _guard = guard;
                pending::<()>().await;
            }));
        }
        if polled {
            rt.block_on(yield_now());
        }
    }
    let (handle, stop) = (rt.handle().clone(), tasks[0].abort_handle());
    drop(rt);
    assert_eq!(drops.count(), 20);
    assert!(tasks.iter().all(JoinHandle::is_finished));
    stop.abort();
    let late = handle.spawn({
        let guard = drops.guard();
        async move { drop(guard) }
    });
    assert_eq!(drops.count(), 21);
    tasks.push(late);
    runtime().block_on(async {
        for task in tasks {
            assert!(task.await.unwrap_err().is_cancelled());
        }
    });
}

#[test]
fn output_that_nobody_joins_is_dropped() {
    let drops = Drops::default();
    let rt = runtime();
    let guard = drops.guard();
    drop(rt.spawn(async move { guard }));
    let guard = drops.guard();
    let late = rt.spawn(async move { guard });
    rt.block_on(yield_now());
    assert_eq!(drops.count(), 1);
    drop(late);
    assert_eq!(drops.count(), 2);
}

#[test]
fn loop_1_sockets_and_timers_are_served_while_tasks_are_busy() {
    let rt = Builder::new_current_thread()
        .event_interval(7)
        .enable_all()
        .build()
        .unwrap();
    rt.block_on(async {
        let busy = simoom::spawn(async {
            loop {
                yield_now().await;
            }
        });
        timer(Duration::from_millis(2)).await;
        busy.abort();
    });
}

#[test]
fn event_interval_of_zero_is_refused() {
    let text = panic_of(|| {
        let _ = Builder::new_current_thread().event_interval(0);
    });
    assert!(text.contains("greater than 0"), "{text}");
}

#[test]
fn foreign_executor_inside_a_task_is_not_starved_by_the_budget() {
    runtime().block_on(async {
        let tasks: Vec<_> = (0..5 * usize::from(simoom::backend::BUDGET))
            .map(|_| simoom::spawn(async {}))
            .collect();
        yield_now().await;
        let ended = futures::executor::block_on(async {
            for task in tasks {
                task.await.unwrap();
            }
            true
        });
        assert!(ended);
    });
}

#[test]
fn chance_picks_every_alternative_and_fills() {
    runtime().block_on(async {
        let (mut seen, mut bytes) = ([0; 4], [0; 64]);
        simoom::backend::with_current(|backend| {
            let backend = backend.unwrap();
            for _ in 0..1000 {
                seen[backend.pick(4, Location::caller()) as usize] += 1;
            }
            backend.fill(&mut bytes);
        });
        assert!(seen.iter().all(|&count| count > 150), "{seen:?}");
        assert_ne!(bytes, [0; 64]);
    });
}

/// Waits for a deadline through the seam.
struct Timer {
    deadline: simoom::time::Instant,
    key: Option<simoom::backend::TimerKey>,
}

fn timer(delay: Duration) -> Timer {
    Timer {
        deadline: simoom::time::Instant::now() + delay,
        key: None,
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        simoom::backend::with_current(|backend| {
            let backend = backend.unwrap();
            match self.key {
                Some(key) => backend.poll_timer(key, cx.waker()),
                None => {
                    self.key = Some(backend.arm(self.deadline, cx.waker()));
                    Poll::Pending
                }
            }
        })
    }
}

#[test]
fn timers_are_exact_below_a_millisecond_and_never_early() {
    let rt = runtime();
    let mut late: Vec<Duration> = rt.block_on(async {
        let mut late = Vec::new();
        for round in 0..60u64 {
            let delay = Duration::from_micros(50 + 97 * (round % 12));
            let start = std::time::Instant::now();
            timer(delay).await;
            let waited = start.elapsed();
            assert!(waited >= delay, "{waited:?} is before {delay:?}");
            late.push(waited - delay);
        }
        late
    });
    late.sort();
    let median = late[late.len() / 2];
    assert!(
        median < Duration::from_micros(700),
        "timers are {median:?} late"
    );
}

#[test]
fn long_timers_are_not_early_either() {
    runtime().block_on(async {
        for delay in [10_000_001, 10_400_000, 12_999_999].map(Duration::from_nanos) {
            let start = std::time::Instant::now();
            timer(delay).await;
            assert!(start.elapsed() >= delay);
        }
    });
}

#[test]
fn timer_armed_by_another_thread_shortens_the_sleep() {
    let rt = runtime();
    let handle = rt.handle().clone();
    let flag = Arc::new(Flag::default());
    let done = flag.clone();
    rt.spawn(timer(Duration::from_secs(3600)));
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20));
        let start = std::time::Instant::now();
        handle.block_on(timer(Duration::from_millis(1)));
        done.set();
        start.elapsed()
    });
    rt.block_on(flag.wait());
    assert!(thread.join().unwrap() < Duration::from_secs(60));
}

#[test]
fn timer_of_a_dropped_runtime_panics_instead_of_waiting_for_ever() {
    let rt = runtime();
    let handle = rt.handle().clone();
    let (started, begun) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        panic_of(|| {
            handle.block_on(async {
                let mut timer = timer(Duration::from_secs(3600));
                let first = poll_fn(|cx| Poll::Ready(Pin::new(&mut timer).poll(cx))).await;
                assert!(first.is_pending());
                started.send(()).unwrap();
                timer.await;
            });
        })
    });
    begun.recv().unwrap();
    drop(rt);
    let text = thread.join().unwrap();
    assert!(text.contains("keep the `Runtime`"), "{text}");
}

#[test]
fn waiting_thread_polls_its_own_future() {
    let rt = Arc::new(runtime());
    let (held, mine) = (Arc::new(Flag::default()), Arc::new(Flag::default()));
    let (started, begun) = mpsc::channel();
    let (other, flag) = (rt.clone(), held.clone());
    let holder = std::thread::spawn(move || {
        other.block_on(async {
            started.send(()).unwrap();
            flag.wait().await;
        });
    });
    begun.recv().unwrap();
    let (other, flag) = (rt.clone(), mine.clone());
    let waiting = std::thread::spawn(move || other.block_on(flag.wait()));
    std::thread::sleep(Duration::from_millis(20));
    mine.set();
    waiting.join().unwrap();
    held.set();
    holder.join().unwrap();
}

#[test]
fn a_preemption_point_gives_nobody_a_turn_and_takes_no_budget() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let ran = std::sync::Arc::new(AtomicBool::new(false));
        let flag = ran.clone();
        let other = simoom::spawn(async move { flag.store(true, Ordering::SeqCst) });
        for _ in 0..100_000 {
            simoom::task::preemption_point().await;
        }
        assert!(!ran.load(Ordering::SeqCst), "the other task had a turn");
        other.await.unwrap();
    });
    // Outside a runtime it is nothing at all.
    let mut point = std::pin::pin!(simoom::task::preemption_point());
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(point.as_mut().poll(&mut cx).is_ready());
}
