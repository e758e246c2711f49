//! Gathering, as programs do it.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::error::GatherError;
use super::outcomes::Outcomes;
use crate::context;
use crate::task::spawn::{outside, spawn_in};

/// Runs all of `futures` as tasks, beside each other, and returns what they return in their order.
///
/// They are spawned before this returns. The first that fails is told at once, and the others go on
/// by themselves, with nobody to see what comes of them: use a [`TaskGroup`](crate::TaskGroup) where
/// they are to end too, or [`as_values`](Gather::as_values) where everything is to be told.
///
/// When somebody asks the task around it to end, all that are left are asked, and waited for, and the
/// request is left to what is around this. What had its output all the same returns it.
///
/// # Errors
/// Why the first one to fail has no output: its error, its panic, or that it was cancelled by itself.
///
/// # Panics
/// Outside a runtime.
///
/// # Cancel safety
/// Dropped before it is ready, it drops all that are left, before the drop returns.
///
/// # Under simulation
/// As [`spawn`](crate::spawn). Waiting is a point where another task may run first.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use simoom::asyncio::gather;
/// use simoom::time::{Duration, sleep};
///
/// let squares = (1..=3_u64).map(|number| async move {
///     // The last is the first to be done.
///     sleep(Duration::from_millis(9 - number)).await;
///     Ok::<_, std::io::Error>(number * number)
/// });
/// assert_eq!(gather(squares).await.unwrap(), [1, 4, 9]);
/// # });
/// ```
#[track_caller]
pub fn gather<T, E, F>(futures: impl IntoIterator<Item = F>) -> Gather<T, E>
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    let site = Location::caller();
    let spawn = |future| {
        context::with_current(|backend| match backend {
            Some(backend) => spawn_in(backend, future, site.into()),
            None => outside("gather", site),
        })
    };
    Gather(Outcomes::new(
        futures.into_iter().map(spawn).collect(),
        site,
    ))
}

/// The future of [`gather`].
#[must_use = "futures do nothing unless awaited, and what is gathered is dropped with this"]
pub struct Gather<T, E>(Outcomes<T, E>);

impl<T, E> Gather<T, E> {
    /// Waits for all of them, and returns what came of each, be it a failure: this itself never fails.
    ///
    /// # Cancel safety
    /// As for [`gather`].
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use simoom::asyncio::gather;
    ///
    /// let parsed = ["1", "x", "3"].map(|text| async move { text.parse::<u8>() });
    /// let parsed = gather(parsed).as_values().await;
    /// assert_eq!(parsed[0].as_ref().unwrap(), &1);
    /// assert!(parsed[1].is_err());
    /// assert_eq!(parsed[2].as_ref().unwrap(), &3);
    /// # });
    /// ```
    pub fn as_values(self) -> GatherValues<T, E> {
        GatherValues(self.0)
    }
}

impl<T, E> Unpin for Gather<T, E> {}

impl<T, E> Future for Gather<T, E> {
    type Output = Result<Vec<T>, GatherError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let failed = ready!(self.0.poll(cx, true));
        self.0.detach();
        Poll::Ready(match failed {
            Some(error) => Err(error),
            None => self.0.take().collect(),
        })
    }
}

/// The future of [`Gather::as_values`].
#[must_use = "futures do nothing unless awaited, and what is gathered is dropped with this"]
pub struct GatherValues<T, E>(Outcomes<T, E>);

impl<T, E> Unpin for GatherValues<T, E> {}

impl<T, E> Future for GatherValues<T, E> {
    type Output = Vec<Result<T, GatherError<E>>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let _ = ready!(self.0.poll(cx, false));
        Poll::Ready(self.0.take().collect())
    }
}

impl<T, E> fmt::Debug for Gather<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gather").finish_non_exhaustive()
    }
}

impl<T, E> fmt::Debug for GatherValues<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatherValues").finish_non_exhaustive()
    }
}
