//! The first output of several futures.
//!
//! Owns which of them is polled first. Knows nothing of tasks: they are polled where they are awaited.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::context;

/// Waits for the first of `futures` to be ready, drops the others, and returns its output.
///
/// `None` if there are none. They are polled in the calling task, all of them whenever one is woken:
/// this is for a few. It is [`select!`](crate::select) for futures of one type and any number; the
/// first poll draws which of them is polled first, so that each of several that are ready may win.
///
/// What loses is dropped before this is ready. A [`JoinHandle`](crate::task::JoinHandle) that is
/// dropped lets its task run on: give the futures themselves, or take the first of
/// [`AsCompleted::of_tasks`](super::AsCompleted::of_tasks), which ends the others.
///
/// # Panics
/// If polled again after it was ready.
///
/// # Cancel safety
/// The futures that lose are dropped where they stand, and with this all of them.
///
/// # Under simulation
/// The one to begin with is a choice of the simulator. Outside any runtime it is the first.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use simoom::asyncio::race;
/// use simoom::time::{Duration, sleep};
///
/// let mirrors = [("far", 500), ("near", 1)].map(|(name, ms)| async move {
///     sleep(Duration::from_millis(ms)).await;
///     name
/// });
/// assert_eq!(race(mirrors).await, Some("near"));
///
/// let nobody: [std::future::Ready<()>; 0] = [];
/// assert_eq!(race(nobody).await, None);
/// # });
/// ```
#[track_caller]
pub fn race<F: IntoFuture>(futures: impl IntoIterator<Item = F>) -> Race<F::IntoFuture> {
    let futures = futures.into_iter().map(|it| Box::pin(it.into_future()));
    Race {
        futures: futures.collect(),
        first: None,
        is_over: false,
        site: Location::caller(),
    }
}

/// The future of [`race`].
#[must_use = "futures do nothing unless awaited"]
pub struct Race<F> {
    futures: Vec<Pin<Box<F>>>,
    /// The one that is polled first, once that is drawn.
    first: Option<usize>,
    is_over: bool,
    site: &'static Location<'static>,
}

impl<F: Future> Future for Race<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        assert!(!this.is_over, "`race` was polled again after it was ready");
        let site = this.site;
        let count = this.futures.len();
        let first = *this.first.get_or_insert_with(|| draw(count, site));
        let (before, after) = this.futures.split_at_mut(first);
        let mut output = None;
        for future in after.iter_mut().chain(before) {
            if let Poll::Ready(ready) = future.as_mut().poll(cx) {
                output = Some(ready);
                break;
            }
        }
        if output.is_none() && count > 0 {
            return Poll::Pending;
        }
        this.is_over = true;
        this.futures = Vec::new();
        Poll::Ready(output)
    }
}

/// One of `count` places, as the current world chooses.
fn draw(count: usize, site: &'static Location<'static>) -> usize {
    let alternatives = u32::try_from(count).unwrap_or(u32::MAX);
    if alternatives < 2 {
        return 0;
    }
    let pick = context::with_current(|backend| backend.map_or(0, |it| it.pick(alternatives, site)));
    pick as usize
}

impl<F> fmt::Debug for Race<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Race")
            .field("left", &self.futures.len())
            .finish_non_exhaustive()
    }
}
