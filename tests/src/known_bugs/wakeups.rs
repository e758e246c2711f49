//! Waiting for what has happened already.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use simoom::sync::{Mutex, Notify, oneshot};
use simoom::task::{preemption_point, yield_now};
use simoom_sim::Sim;

use super::bug::{Bug, Twin, bug};
use super::parts::all;
use crate::kernels::spawn_local;

pub(super) const BUGS: [Bug; 5] = [
    bug! {
        quiescence, LostWakeup, "deadlock", seeds: 200,
        "https://github.com/astrid-runtime/astrid/issues/1497",
        "Who waited for the last operation to end looked at their number before it was registered \
         with `Notify`. If the last one ended in between, `notify_waiters` told nobody, and the \
         wait never ended.",
    },
    bug! {
        condvar_gap, LostWakeup, "deadlock", seeds: 200,
        "https://github.com/apache/asyncband/pull/70",
        "A condition variable let its mutex go before it was in the queue of those who wait. What \
         was notified in between was lost.",
    },
    bug! {
        shared_future, LostWakeup, "deadlock", seeds: 100,
        "https://github.com/rust-lang/futures-rs/issues/339",
        "`Shared` woke one of its handles when the future was ready. When that one was dropped, \
         another that waited was never woken.",
    },
    bug! {
        woken_twice, Order, "one call woke somebody twice", seeds: 200,
        "https://github.com/tokio-rs/tokio/issues/5396",
        "`Notify::notify_waiters` woke those who wait in batches, and let its lock go in between. \
         Who had been woken and waited again was woken once more by the same call.",
    },
    bug! {
        no_capacity, Order, "there is capacity, and it is nothing", seeds: 300,
        "https://github.com/hyperium/h2/issues/628",
        "`poll_capacity` told of capacity whenever a flag was set, which the connection did even if \
         there was no more than before. Once that was used up, it said that there is nothing to \
         send with, and woke nobody when there was.",
    },
];

/// Operations that go on, and who waits for their end.
#[derive(Default)]
struct Tracker {
    active: Cell<u32>,
    idle: Notify,
}

impl Tracker {
    fn finish(&self) {
        self.active.set(self.active.get() - 1);
        if self.active.get() == 0 {
            self.idle.notify_waiters();
        }
    }

    async fn quiescence(&self, twin: Twin) {
        loop {
            let registered = self.idle.notified();
            if self.active.get() == 0 {
                return;
            }
            twin.here();
            // Between two statements there may always be another thread's.
            preemption_point().await;
            if twin.is_fixed() {
                registered.await;
            } else {
                self.idle.notified().await;
            }
        }
    }
}

async fn quiescence(_sim: Sim, twin: Twin) {
    let tracker = Rc::new(Tracker::default());
    for steps in 4..7 {
        tracker.active.set(tracker.active.get() + 1);
        let tracker = tracker.clone();
        spawn_local(async move {
            for _ in 0..steps {
                yield_now().await;
            }
            tracker.finish();
        });
    }
    let retirement = spawn_local(async move { tracker.quiescence(twin).await });
    retirement.await.unwrap();
}

/// Lets tasks wait for a condition on what a mutex guards.
#[derive(Default)]
struct Condvar {
    notify: Notify,
}

async fn condvar_gap(_sim: Sim, twin: Twin) {
    let shared = Rc::new((Mutex::new(0), Condvar::default()));
    let waits = {
        let shared = shared.clone();
        spawn_local(async move {
            let (stock, changed) = &*shared;
            let mut guard = stock.lock().await;
            while *guard == 0 {
                if twin.is_fixed() {
                    let mut notified = pin!(changed.notify.notified());
                    notified.as_mut().enable();
                    drop(guard);
                    notified.await;
                } else {
                    drop(guard);
                    twin.here();
                    preemption_point().await;
                    changed.notify.notified().await;
                }
                guard = stock.lock().await;
            }
            *guard -= 1;
        })
    };
    let delivers = spawn_local(async move {
        let (stock, changed) = &*shared;
        for _ in 0..6 {
            yield_now().await;
        }
        *stock.lock().await += 1;
        changed.notify.notify_waiters();
    });
    all(vec![waits, delivers]).await;
}

/// A future of which several handles wait for the same.
#[derive(Default)]
struct SharedFuture {
    inner: RefCell<Option<oneshot::Receiver<u32>>>,
    value: Cell<Option<u32>>,
    /// Who else is to be woken. Without it there is only whoever polled last.
    others: RefCell<Vec<Waker>>,
}

impl SharedFuture {
    fn poll(&self, cx: &mut Context<'_>, twin: Twin) -> Poll<u32> {
        if let Some(value) = self.value.get() {
            return Poll::Ready(value);
        }
        let mut inner = self.inner.borrow_mut();
        let inner = inner.as_mut().expect("it has not ended");
        let Poll::Ready(value) = Pin::new(inner).poll(cx) else {
            self.others.borrow_mut().push(cx.waker().clone());
            return Poll::Pending;
        };
        let value = value.ok();
        self.value.set(value);
        self.wake_others();
        twin.here();
        Poll::Ready(value.expect("it was sent"))
    }

    fn wake_others(&self) {
        self.others.take().into_iter().for_each(Waker::wake);
    }
}

/// What waits, and lets another poll if it is dropped.
struct Handle {
    future: Rc<SharedFuture>,
    twin: Twin,
}

impl Drop for Handle {
    fn drop(&mut self) {
        if self.twin.is_fixed() {
            self.future.wake_others();
        }
    }
}

impl Handle {
    async fn value(&self) -> u32 {
        poll_fn(|cx| self.future.poll(cx, self.twin)).await
    }
}

async fn shared_future(_sim: Sim, twin: Twin) {
    let (send, sent) = oneshot::channel();
    let future = Rc::new(SharedFuture {
        inner: RefCell::new(Some(sent)),
        ..SharedFuture::default()
    });
    let handle = || Handle {
        future: future.clone(),
        twin,
    };
    let (stays, goes) = (handle(), handle());
    let goes = spawn_local(async move { goes.value().await });
    let stays = spawn_local(async move { assert_eq!(stays.value().await, 7) });
    yield_now().await;
    yield_now().await;
    goes.abort();
    yield_now().await;
    send.send(7).unwrap();
    stays.await.unwrap();
}

/// Wakes all who wait, so many at a time.
#[derive(Default)]
struct Batches {
    waiters: RefCell<VecDeque<oneshot::Sender<()>>>,
}

impl Batches {
    async fn notified(&self) {
        let (wake, woken) = oneshot::channel();
        self.waiters.borrow_mut().push_back(wake);
        let _ = woken.await;
    }

    async fn notify_waiters(&self, twin: Twin) {
        let mut all = match twin.is_fixed() {
            true => self.waiters.take(),
            false => VecDeque::new(),
        };
        loop {
            for _ in 0..2 {
                let next = match twin.is_fixed() {
                    true => all.pop_front(),
                    false => self.waiters.borrow_mut().pop_front(),
                };
                let Some(next) = next else {
                    return;
                };
                let _ = next.send(());
            }
            twin.here();
            preemption_point().await;
        }
    }
}

async fn woken_twice(_sim: Sim, twin: Twin) {
    let batches = Rc::new(Batches::default());
    for _ in 0..3 {
        let batches = batches.clone();
        spawn_local(async move {
            batches.notified().await;
            batches.notified().await;
            panic!("one call woke somebody twice");
        });
    }
    for _ in 0..4 {
        yield_now().await;
    }
    batches.notify_waiters(twin).await;
    for _ in 0..4 {
        yield_now().await;
    }
}

/// How much may be sent on a stream.
#[derive(Default)]
struct Stream {
    capacity: Cell<u32>,
    has_grown: Cell<bool>,
    grown: Notify,
}

impl Stream {
    /// Waits until there is more, and says how much there is.
    async fn capacity(&self) -> u32 {
        while !self.has_grown.replace(false) {
            self.grown.notified().await;
        }
        self.capacity.get()
    }

    /// What the connection does after each of its frames.
    fn update(&self, more: u32, twin: Twin) {
        self.capacity.set(self.capacity.get() + more);
        let there_is = self.capacity.get() > 0;
        if more > 0 || there_is && !twin.is_fixed() {
            self.has_grown.set(true);
            self.grown.notify_one();
        }
    }
}

async fn no_capacity(_sim: Sim, twin: Twin) {
    let stream = Rc::new(Stream::default());
    let connection = {
        let stream = stream.clone();
        spawn_local(async move {
            for more in [5, 0, 5, 0] {
                stream.update(more, twin);
                for _ in 0..3 {
                    yield_now().await;
                }
            }
        })
    };
    let mut left = 10;
    while left > 0 {
        let capacity = stream.capacity().await;
        assert!(capacity > 0, "there is capacity, and it is nothing");
        twin.here();
        preemption_point().await;
        let sent = capacity.min(left);
        stream.capacity.set(stream.capacity.get() - sent);
        left -= sent;
    }
    connection.await.unwrap();
}
