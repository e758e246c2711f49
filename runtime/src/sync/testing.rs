//! What the tests of this room share: seeded chance, futures that are polled by hand, and wakers
//! and values that misbehave.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

pub(super) use self::hostile::{clone_panics, drop_panics};

mod hostile;

/// Numbers that follow from a seed.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    /// One of `0..count`.
    pub(super) fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^= word >> 31;
        (word % count as u64) as usize
    }

    pub(super) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }
}

/// Counts how often it was woken.
#[derive(Default)]
pub(super) struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Wakes {
    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// A future that is polled by hand.
pub(super) struct Polled<'a, R> {
    future: Pin<Box<dyn Future<Output = R> + 'a>>,
    wakes: Arc<Wakes>,
    seen: usize,
    /// Whether it was polled and was not ready.
    pub(super) waits: bool,
}

impl<'a, R> Polled<'a, R> {
    pub(super) fn new(future: impl Future<Output = R> + 'a) -> Self {
        Self {
            future: Box::pin(future),
            wakes: Arc::default(),
            seen: 0,
            waits: false,
        }
    }

    pub(super) fn poll(&mut self) -> Poll<R> {
        self.seen = self.wakes.count();
        let waker = Waker::from(self.wakes.clone());
        let polled = self.future.as_mut().poll(&mut Context::from_waker(&waker));
        self.waits = polled.is_pending();
        polled
    }

    /// Polls it with another waker than the last time.
    pub(super) fn poll_anew(&mut self) -> Poll<R> {
        self.wakes = Arc::default();
        self.poll()
    }

    /// Whether it was woken since it was last polled.
    pub(super) fn is_woken(&self) -> bool {
        self.wakes.count() != self.seen
    }

    pub(super) fn is_ready(&mut self) -> bool {
        self.poll().is_ready()
    }

    /// How many wakers there are of it.
    pub(super) fn wakers(&self) -> usize {
        Arc::strong_count(&self.wakes) - 1
    }
}

#[track_caller]
pub(super) fn ready<R>(polled: Poll<R>) -> R {
    match polled {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the future is ready"),
    }
}

/// Calls a function when it is woken, and again when it is dropped.
pub(super) struct Calls<F: Fn() + Send + Sync>(pub(super) F);

impl<F: Fn() + Send + Sync> Wake for Calls<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

impl<F: Fn() + Send + Sync> Drop for Calls<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// A waker that panics when it is woken.
pub(super) fn wake_panics() -> Waker {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a waker panicked");
        }
    }
    Waker::from(Arc::new(Panics))
}

/// A value that counts how many of its kind are alive.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) number: usize,
    alive: Rc<Cell<usize>>,
}

impl Counted {
    pub(super) fn new(number: usize, alive: &Rc<Cell<usize>>) -> Self {
        alive.set(alive.get() + 1);
        Self {
            number,
            alive: alive.clone(),
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.alive.set(self.alive.get() - 1);
    }
}

/// Runs `body` and returns whether it panicked, without a report.
pub(super) fn panics(body: impl FnOnce()) -> bool {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).is_err()
}
