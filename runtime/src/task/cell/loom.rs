//! Models of the task cell for loom.
//!
//! The main thread of each model holds the world: it alone runs tasks and receives messages. It
//! does not say so in `context`, whose thread-locals loom's threads share, so every wake is taken
//! for one from another thread. That is why these models are for release builds.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use ::loom::model::Builder;
use ::loom::sync::Arc as Counted;
use ::loom::sync::Mutex;
use ::loom::sync::Notify;
use ::loom::thread;

use super::*;
use crate::sync::loom::block_on;
use crate::task::cancel::catch_cancel;
use crate::task::error::JoinError;
use crate::task::inbox::{Claim, Inbox, Message, Unpark};

fn model(body: impl Fn() + Send + Sync + 'static) {
    model_up_to(3, body);
}

/// Explores every order with at most `preemptions` switches that nothing forced.
fn model_up_to(preemptions: usize, body: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(body);
}

struct Parked(Notify);

impl Unpark for Parked {
    fn unpark(&self) {
        self.0.notify();
    }
}

/// A world of one task.
struct World {
    claim: Claim,
    parked: Arc<Parked>,
}

impl World {
    fn open() -> Self {
        let parked = Arc::new(Parked(Notify::new()));
        Self {
            claim: Inbox::open(parked.clone()),
            parked,
        }
    }

    fn spawn<F>(&self, future: F) -> (Task, Join<F::Output>)
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (task, join) = SendTask::new(
            future,
            self.claim.owner(),
            Id::from_number(1),
            Location::caller().into(),
        );
        (task.into_task(), join)
    }

    /// Waits for messages, and says how many of them queue the task.
    fn receive(&self) -> usize {
        self.parked.0.wait();
        let mut messages = Vec::new();
        self.claim.receive(&mut messages);
        let mut queued = 0;
        for message in messages {
            if let Message::Wake(woken) = message {
                woken.receive(|_| queued += 1);
            }
        }
        queued
    }

    fn close(&self) {
        drop(self.claim.close());
    }
}

async fn join<T>(join: Join<T>) -> Result<T, JoinError> {
    std::future::poll_fn(|cx| join.poll(cx)).await
}

struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn loom_whoever_joins_gets_the_output_once() {
    model(|| {
        let world = World::open();
        let output = Counted::new(());
        let (task, handle) = world.spawn({
            let output = output.clone();
            async move { output }
        });
        let joins = thread::spawn(move || drop(block_on(join(handle)).unwrap()));
        assert!(task.run().is_ready());
        drop(task);
        joins.join().unwrap();
        assert_eq!(Counted::strong_count(&output), 1);
        world.close();
    });
}

#[test]
fn loom_a_join_handle_that_changes_its_waker_is_still_woken() {
    model(|| {
        let world = World::open();
        let (task, handle) = world.spawn(async { 5 });
        let joins = thread::spawn(move || {
            let waker = Waker::from(Arc::new(Nobody));
            let first = handle.poll(&mut Context::from_waker(&waker));
            match first {
                Poll::Ready(output) => output.unwrap(),
                Poll::Pending => block_on(join(handle)).unwrap(),
            }
        });
        assert!(task.run().is_ready());
        assert_eq!(joins.join().unwrap(), 5);
        world.close();
    });
}

#[test]
fn loom_a_dropped_join_handle_leaves_no_output() {
    model(|| {
        let world = World::open();
        let output = Counted::new(());
        let slot = Counted::new(Mutex::new(None::<Waker>));
        let (task, handle) = world.spawn({
            let (output, slot) = (output.clone(), slot.clone());
            std::future::poll_fn(move |cx| {
                *slot.lock().unwrap() = Some(cx.waker().clone());
                Poll::Ready(output.clone())
            })
        });
        let drops = thread::spawn(move || {
            let mut cx = Context::from_waker(Waker::noop());
            drop(handle.poll(&mut cx));
            drop(handle);
        });
        assert!(task.run().is_ready());
        drop(task);
        drops.join().unwrap();
        // The waker still keeps the cell.
        assert_eq!(Counted::strong_count(&output), 1);
        slot.lock().unwrap().take();
        world.close();
    });
}

/// Waits until it was pushed twice, and gives its waker to whoever pushes.
struct Gate {
    pushes: Mutex<usize>,
    waker: Mutex<Option<Waker>>,
}

impl Gate {
    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        *self.waker.lock().unwrap() = Some(cx.waker().clone());
        if *self.pushes.lock().unwrap() == 2 {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    fn push(&self) {
        *self.pushes.lock().unwrap() += 1;
        let waker = self.waker.lock().unwrap().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

#[test]
fn loom_a_wake_from_another_thread_is_never_lost() {
    model(|| {
        let world = World::open();
        let gate = Counted::new(Gate {
            pushes: Mutex::new(0),
            waker: Mutex::new(None),
        });
        let (task, handle) = world.spawn({
            let gate = gate.clone();
            std::future::poll_fn(move |cx| gate.poll(cx))
        });
        drop(handle);
        let pushes = thread::spawn(move || {
            gate.push();
            gate.push();
        });
        while task.run().is_pending() {
            world.receive();
        }
        drop(task);
        pushes.join().unwrap();
        world.close();
    });
}

#[test]
fn loom_two_wakes_from_two_threads_queue_the_task_at_least_once() {
    model(|| {
        let world = World::open();
        let slot = Counted::new(Mutex::new(None::<Waker>));
        let (task, handle) = world.spawn({
            let slot = slot.clone();
            std::future::poll_fn(move |cx| {
                *slot.lock().unwrap() = Some(cx.waker().clone());
                Poll::<()>::Pending
            })
        });
        drop(handle);
        assert!(task.run().is_pending());
        let waker = slot.lock().unwrap().take().unwrap();
        let other = waker.clone();
        let wakes = thread::spawn(move || waker.wake());
        let wakes_too = thread::spawn(move || other.wake_by_ref());
        // Loom's threads also wake up for no reason.
        while world.receive() == 0 {}
        wakes.join().unwrap();
        wakes_too.join().unwrap();
        drop(task);
        world.close();
    });
}

#[test]
fn loom_an_abort_and_the_end_of_a_task_agree() {
    model(|| {
        let world = World::open();
        let output = Counted::new(());
        let (task, handle) = world.spawn({
            let output = output.clone();
            async move { output }
        });
        let aborter = handle.aborter();
        let aborts = thread::spawn(move || aborter.abort());
        assert!(task.run().is_ready());
        match block_on(join(handle)) {
            Ok(output) => drop(output),
            Err(error) => assert!(error.is_cancelled()),
        }
        drop(task);
        aborts.join().unwrap();
        world.close();
        assert_eq!(Counted::strong_count(&output), 1);
    });
}

#[test]
fn loom_an_idle_task_that_is_aborted_is_dropped() {
    model(|| {
        let world = World::open();
        let held = Counted::new(());
        let (task, handle) = world.spawn({
            let held = held.clone();
            async move {
                std::future::pending::<()>().await;
                drop(held);
            }
        });
        let aborts = thread::spawn(move || {
            handle.abort();
            assert!(block_on(join(handle)).unwrap_err().is_cancelled());
        });
        while task.run().is_pending() {
            world.receive();
        }
        assert_eq!(Counted::strong_count(&held), 1);
        drop(task);
        aborts.join().unwrap();
        world.close();
    });
}

#[test]
fn loom_a_request_to_end_and_the_end_of_a_task_agree() {
    model(|| {
        let world = World::open();
        let output = Counted::new(());
        let (task, handle) = world.spawn({
            let output = output.clone();
            async move { output }
        });
        let aborter = handle.aborter();
        let asks = thread::spawn(move || aborter.cancel(None));
        assert!(task.run().is_ready());
        // Polled once in any case, the task returns.
        drop(block_on(join(handle)).unwrap());
        drop(task);
        asks.join().unwrap();
        world.close();
        assert_eq!(Counted::strong_count(&output), 1);
    });
}

#[test]
fn loom_an_idle_task_that_is_asked_to_end_is_dropped() {
    model(|| {
        let world = World::open();
        let held = Counted::new(());
        let (task, handle) = world.spawn({
            let held = held.clone();
            async move {
                std::future::pending::<()>().await;
                drop(held);
            }
        });
        let asks = thread::spawn(move || {
            assert!(handle.cancel(None));
            assert!(block_on(join(handle)).unwrap_err().is_cancelled());
        });
        while task.run().is_pending() {
            world.receive();
        }
        assert_eq!(Counted::strong_count(&held), 1);
        drop(task);
        asks.join().unwrap();
        world.close();
    });
}

#[test]
fn loom_a_scope_that_is_entered_meanwhile_answers() {
    model(|| {
        let world = World::open();
        let (task, handle) = world.spawn(async {
            let first = std::pin::pin!(catch_cancel(std::future::pending::<()>()));
            first.await.unwrap_err();
            "answered"
        });
        let asks = thread::spawn(move || {
            assert!(handle.cancel(None));
            match block_on(join(handle)) {
                Ok(answer) => assert_eq!(answer, "answered"),
                Err(error) => panic!("a task with a scope was dropped: {error}"),
            }
        });
        while task.run().is_pending() {
            world.receive();
        }
        drop(task);
        asks.join().unwrap();
        world.close();
    });
}

#[test]
fn loom_of_two_who_ask_one_is_heard() {
    model_up_to(2, || {
        let world = World::open();
        let (task, handle) = world.spawn(async {
            let first = catch_cancel(std::future::pending::<()>()).await;
            // The other one came too late to disturb this.
            let second = catch_cancel(crate::task::yield_now()).await;
            (first.is_err(), second.is_ok())
        });
        let aborter = handle.aborter();
        let asks = thread::spawn(move || aborter.cancel(None));
        let asks_too = thread::spawn(move || {
            handle.cancel(None);
            handle
        });
        while task.run().is_pending() {
            world.receive();
        }
        asks.join().unwrap();
        let handle = asks_too.join().unwrap();
        assert_eq!(block_on(join(handle)).unwrap(), (true, true));
        drop(task);
        world.close();
    });
}

#[test]
fn loom_the_last_reference_frees_the_cell_whoever_has_it() {
    model_up_to(2, || {
        let world = World::open();
        let held = Counted::new(());
        let slot = Counted::new(Mutex::new(None::<Waker>));
        let (task, handle) = world.spawn({
            let (slot, held) = (slot.clone(), held.clone());
            std::future::poll_fn(move |cx| {
                let _ = &held;
                *slot.lock().unwrap() = Some(cx.waker().clone());
                Poll::<()>::Pending
            })
        });
        assert!(task.run().is_pending());
        let waker = slot.lock().unwrap().take().unwrap();
        let wakes = thread::spawn(move || waker.wake());
        let joins = thread::spawn(move || {
            let handle = pin!(handle);
            drop(handle.poll(&mut Context::from_waker(Waker::noop())));
        });
        drop(task);
        assert_eq!(Counted::strong_count(&held), 1);
        world.close();
        wakes.join().unwrap();
        joins.join().unwrap();
    });
}

/// The second wake finds the first one's message on its way and sends none of its own: what it did
/// before must be seen all the same.
#[test]
fn loom_a_wake_that_found_another_on_its_way_is_seen() {
    model_up_to(2, || {
        let world = World::open();
        let slot = Counted::new(Mutex::new(None::<Waker>));
        let pushes = Counted::new(AtomicUsize::new(0));
        let (task, handle) = world.spawn({
            let (slot, pushes) = (slot.clone(), pushes.clone());
            std::future::poll_fn(move |cx| {
                if pushes.load(Ordering::Relaxed) == 2 {
                    return Poll::Ready(());
                }
                slot.lock()
                    .unwrap()
                    .get_or_insert_with(|| cx.waker().clone());
                Poll::Pending
            })
        });
        drop(handle);
        assert!(task.run().is_pending());
        let waker = slot.lock().unwrap().take().unwrap();
        let threads: Vec<_> = [waker.clone(), waker]
            .into_iter()
            .map(|waker| {
                let pushes = pushes.clone();
                thread::spawn(move || {
                    pushes.fetch_add(1, Ordering::Relaxed);
                    waker.wake();
                })
            })
            .collect();
        loop {
            if world.receive() > 0 && task.run().is_ready() {
                break;
            }
        }
        slot.lock().unwrap().take();
        drop(task);
        for thread in threads {
            thread.join().unwrap();
        }
        world.close();
    });
}

/// The join waker of a finished task is dropped with its cell, by whoever has the last reference:
/// what the others did before they let go must come first.
#[test]
fn loom_whoever_frees_the_cell_comes_last() {
    struct Touched(::loom::cell::UnsafeCell<usize>);

    // SAFETY: the last reference orders the two accesses, and loom checks that it does.
    unsafe impl Sync for Touched {}

    impl Touched {
        fn touch(&self) {
            self.0.with_mut(|count| {
                // SAFETY: as above.
                unsafe { *count += 1 };
            });
        }
    }

    impl Wake for Touched {
        fn wake(self: Arc<Self>) {}
    }

    impl Drop for Touched {
        fn drop(&mut self) {
            self.touch();
        }
    }

    model(|| {
        let world = World::open();
        let slot = Counted::new(Mutex::new(None::<Waker>));
        let (task, handle) = world.spawn({
            let slot = slot.clone();
            std::future::poll_fn(move |cx| {
                *slot.lock().unwrap() = Some(cx.waker().clone());
                Poll::Ready(())
            })
        });
        let joins = Arc::new(Touched(::loom::cell::UnsafeCell::new(0)));
        let waker = Waker::from(joins.clone());
        assert!(handle.poll(&mut Context::from_waker(&waker)).is_pending());
        drop(waker);
        assert!(task.run().is_ready());
        drop(task);
        let stray = slot.lock().unwrap().take();
        let thread = thread::spawn(move || drop(stray));
        joins.touch();
        // Loom does not see this count: the cell alone orders what follows.
        drop(joins);
        drop(handle);
        thread.join().unwrap();
        world.close();
    });
}
