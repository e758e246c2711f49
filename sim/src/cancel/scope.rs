//! Futures that are cancelled alone.
//!
//! Owns the future around another and the waker that tells if that was woken. Knows nothing of who
//! decides.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use crate::backend::SimBackend;
use crate::world::World;
use crate::world::cancels::{Moment, ScopeName};

/// Runs `future`, which may be cancelled at each of its awaits: it is dropped there, and
/// `Err(Cancelled)` returned.
///
/// That happens where [`every_await`](super::every_await), [`pairs`](super::pairs) or
/// [`Config::cancels`](crate::Config::cancels) ask for it, and nowhere else. Give it to a `select!`, a
/// `timeout` or a `join!` to see what becomes of the rest when one part of a task is dropped.
///
/// # Cancel safety
/// That of `future`.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use simoom::time::sleep;
/// use simoom_sim::{Config, cancel};
///
/// let report = cancel::every_await(Config::default(), |_sim| async {
///     let slept = cancel::scope(async {
///         sleep(Duration::from_millis(1)).await;
///         sleep(Duration::from_millis(1)).await;
///     });
///     drop(slept.await);
/// });
/// assert_eq!(report.points(), 2);
/// report.unwrap();
/// ```
#[track_caller]
pub fn scope<F: Future>(future: F) -> Scope<F> {
    Scope {
        future: Some(Box::pin(future)),
        made: Location::caller(),
        name: None,
        was_polled: false,
        places: 0,
        waits: None,
        bell: Arc::default(),
    }
}

/// Runs what `make` returns, anew each time that it is cancelled, until it is done.
///
/// What can be cancelled at any await and run again gives the same in the end.
///
/// # Cancel safety
/// That of the futures: it drops the one that runs.
///
/// # Examples
/// ```
/// use std::cell::Cell;
/// use simoom::sync::Mutex;
/// use simoom_sim::{Config, cancel};
///
/// // Adds to both or to none of two counters, wherever it is cancelled.
/// let report = cancel::every_await(Config::default(), |_sim| async {
///     let (one, two) = (Mutex::new(0), Mutex::new(0));
///     let lock_held = one.lock().await;
///     let add = || async {
///         let (mut one, mut two) = simoom::join!(one.lock(), two.lock());
///         (*one, *two) = (*one + 1, *two + 1);
///     };
///     let give = async {
///         simoom::task::yield_now().await;
///         drop(lock_held);
///     };
///     simoom::join!(cancel::until_done(add), give);
///     assert_eq!((*one.lock().await, *two.lock().await), (1, 1));
/// });
/// report.unwrap();
/// ```
#[track_caller]
pub fn until_done<F: Future>(mut make: impl FnMut() -> F) -> impl Future<Output = F::Output> {
    let made = Location::caller();
    async move {
        loop {
            let attempt = Scope {
                made,
                ..scope(make())
            };
            if let Ok(output) = attempt.await {
                return output;
            }
        }
    }
}

/// A future was dropped where it waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancelled(());

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the future was cancelled")
    }
}

impl Error for Cancelled {}

/// The future of [`scope`].
#[must_use = "futures do nothing unless awaited"]
pub struct Scope<F> {
    future: Option<Pin<Box<F>>>,
    made: &'static Location<'static>,
    name: Option<ScopeName>,
    was_polled: bool,
    /// At how many places it has waited.
    places: u32,
    /// The number of the one at which it waits now.
    waits: Option<u32>,
    bell: Arc<Bell>,
}

impl<F: Future> Scope<F> {
    fn ask(&self, visit: u32, moment: Moment) -> bool {
        let (Some(name), made) = (self.name, self.made) else {
            return false;
        };
        in_world(|world| world.cancels_scope(name, made, visit, moment)).unwrap_or(false)
    }

    fn cancel(&mut self) -> Poll<Result<F::Output, Cancelled>> {
        in_world(World::cancel_begins);
        self.future = None;
        in_world(World::cancel_ends);
        Poll::Ready(Err(Cancelled(())))
    }
}

impl<F: Future> Future for Scope<F> {
    type Output = Result<F::Output, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if !std::mem::replace(&mut this.was_polled, true) {
            this.name = in_world(World::name_scope).flatten();
        }
        let has_rung = this.bell.has_rung();
        // Polled because of another part of its task, it waits where it was.
        let before = this.waits.filter(|_| !has_rung);
        if let Some(visit) = this.waits.take()
            && has_rung
            && this.ask(visit, Moment::Woken)
        {
            return this.cancel();
        }
        let Some(future) = this.future.as_mut() else {
            panic!("`cancel::scope` was polled after it had ended")
        };
        let polled = match this.name {
            None => future.as_mut().poll(cx),
            Some(_) => {
                let waker = Bell::hang(&this.bell, cx.waker());
                future.as_mut().poll(&mut Context::from_waker(&waker))
            }
        };
        if let Poll::Ready(output) = polled {
            this.future = None;
            return Poll::Ready(Ok(output));
        }
        this.waits = before;
        let was_cut = in_world(|world| world.was_cut_short()).unwrap_or(true);
        if this.name.is_some() && !was_cut && before.is_none() {
            let visit = this.places;
            this.places += 1;
            if this.ask(visit, Moment::Waiting) {
                return this.cancel();
            }
            this.waits = Some(visit);
        }
        Poll::Pending
    }
}

impl<F> fmt::Debug for Scope<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}

/// Runs `f` in the world that this thread is inside of, if it is alive and not merely looked at.
fn in_world<R>(f: impl FnOnce(&mut World) -> R) -> Option<R> {
    SimBackend::current(|backend| {
        let backend = backend.filter(|it| !it.is_dead() && !it.is_tracing_stacks())?;
        Some(backend.with(f))
    })
}

/// Wakes another waker, and remembers it.
#[derive(Default)]
struct Bell {
    has_rung: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Bell {
    /// A waker that wakes `waker` until the next call.
    fn hang(bell: &Arc<Self>, waker: &Waker) -> Waker {
        let waker = waker.clone();
        let before = bell.slot().replace(waker);
        drop(before);
        bell.has_rung.store(false, Ordering::Relaxed);
        bell.clone().into()
    }

    fn has_rung(&self) -> bool {
        self.has_rung.load(Ordering::Relaxed)
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Waker>> {
        self.waker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.has_rung.store(true, Ordering::Relaxed);
        let waker = self.slot().clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
