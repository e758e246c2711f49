//! What the expansions of this crate's macros call. Not for people: it may change at any time.

use std::future::{Future, IntoFuture};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

pub use linkme;
pub use simoom_macros::{join, select, try_join};

use crate::assertion::Number;
pub use crate::assertion::{
    ASSERTIONS, Assertion, Rule, Seen, Side, held, held_of, is_counted, tell,
};
use crate::context;
pub use crate::site::{Loud, Quiet};

/// Two numbers of one type.
#[inline]
pub fn pair<N: Number>(left: N, right: N) -> (N, N) {
    (left, right)
}

/// The same, for whoever counts.
#[inline]
#[must_use]
pub fn numbers<N: Number>(left: N, right: N) -> Option<(i128, i128)> {
    Some((left.number(), right.number()))
}

/// One of `alternatives`, counted from 0, as the current world chooses; outside a runtime the
/// first.
#[must_use]
#[track_caller]
pub fn pick(alternatives: u32) -> u32 {
    let site = Location::caller();
    context::with_current(|backend| backend.map_or(0, |backend| backend.pick(alternatives, site)))
}

/// Whether the marked place `label` is to do what it does rarely otherwise, with the probability
/// `odds` (a part of a whole) if it says one.
#[inline]
#[must_use]
pub fn buggify(label: &'static str, odds: Option<(u32, u32)>) -> bool {
    context::with_current(|backend| backend.is_some_and(|backend| backend.buggify(label, odds)))
}

/// Where a turn through `count` places is after `steps`, when it began at `start`.
#[inline]
#[must_use]
pub const fn place(start: u32, steps: u32, count: u32) -> u32 {
    (start + steps) % count
}

pin_project! {
    /// A future, then its output, then neither.
    pub struct MaybeDone<F: Future> {
        #[pin]
        stage: Stage<F>,
    }
}

pin_project! {
    #[project = StageProjection]
    enum Stage<F: Future> {
        Running { #[pin] future: F },
        Done { output: Option<F::Output> },
    }
}

impl<F: Future> MaybeDone<F> {
    /// Has not been polled.
    pub fn new<I: IntoFuture<IntoFuture = F>>(future: I) -> Self {
        let future = future.into_future();
        Self {
            stage: Stage::Running { future },
        }
    }

    /// Polls the future unless it is done; `Ready` when it is. A future that is done is dropped.
    pub fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut stage = self.project().stage;
        if let StageProjection::Running { future } = stage.as_mut().project() {
            let output = Some(ready!(future.poll(cx)));
            stage.set(Stage::Done { output });
        }
        Poll::Ready(())
    }

    /// The output of a future that is done, once.
    ///
    /// # Panics
    /// If there is none.
    pub fn take_output(self: Pin<&mut Self>) -> F::Output {
        self.output()
            .and_then(Option::take)
            .expect("an output is taken once, when all futures are done")
    }

    fn output(self: Pin<&mut Self>) -> Option<&mut Option<F::Output>> {
        match self.project().stage.project() {
            StageProjection::Running { .. } => None,
            StageProjection::Done { output } => Some(output),
        }
    }
}

impl<T, E, F: Future<Output = Result<T, E>>> MaybeDone<F> {
    /// The error of a future that is done and failed, once.
    pub fn take_error(self: Pin<&mut Self>) -> Option<E> {
        self.output()?.take_if(|output| output.is_err())?.err()
    }

    /// The value of a future that is done and did not fail, once.
    ///
    /// # Panics
    /// If there is none.
    pub fn take_value(self: Pin<&mut Self>) -> T {
        match self.take_output() {
            Ok(value) => value,
            Err(_) => unreachable!("`take_error` came before"),
        }
    }
}
