//! A group while it runs: its body, and the wait for its tasks.
//!
//! Owns the order: the body, then every task, then what came of them.

use std::any::Any;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::error::{Failed, Failure, GroupError, Of, is_cancelled_group, is_lost_child};
use super::shared::{Came, Shared};
use crate::task::Cancelled;
use crate::task::cancel::{Domain, Reason, Role, Scope};
use crate::time::timer::Timer;

pin_project! {
    /// The future of a group.
    pub(super) struct Running<E: 'static, F, R, H> {
        #[pin]
        body: Domain<F>,
        came: Option<Ended<R>>,
        failures: Vec<Failure<E>>,
        policy: Policy<H>,
        // Until the moment at which those that are left are dropped.
        grace: Option<Timer>,
        // Why somebody has asked the task around the group to end.
        asked: Option<Reason>,
        scope: Scope,
        site: &'static Location<'static>,
        shared: Arc<Shared<E>>,
    }

    impl<E: 'static, F, R, H> PinnedDrop for Running<E, F, R, H> {
        fn drop(this: Pin<&mut Self>) {
            this.project().shared.abandon();
        }
    }
}

/// What a failure leads to.
pub(super) enum Policy<H> {
    /// All others are asked to end.
    End,
    /// Nothing; it is told at the end.
    Keep,
    /// Nothing; it is told at once.
    Tell(H),
}

/// What came of the body.
enum Ended<R> {
    Output(R),
    /// It returned an error, which is noted.
    Failed,
    /// It was dropped when it was asked to end.
    Dropped,
    Panicked(Box<dyn Any + Send>),
}

impl<E: 'static, F, R, H> Running<E, F, R, H> {
    pub(super) fn new(
        shared: Arc<Shared<E>>,
        policy: Policy<H>,
        site: &'static Location<'static>,
        body: F,
    ) -> Self {
        Self {
            body: Domain::new(shared.body.clone(), body),
            came: None,
            failures: Vec::new(),
            policy,
            grace: None,
            asked: None,
            scope: Scope::new(Role::Defers),
            site,
            shared,
        }
    }
}

impl<E: 'static, F, R, H> Future for Running<E, F, R, H>
where
    F: Future<Output = Result<R, E>>,
    H: FnMut(Failure<E>),
{
    type Output = Result<R, GroupError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let shared = &**this.shared;
        if this.asked.is_none()
            && let Some(reason) = this.scope.asked()
        {
            shared.end(&reason);
            *this.asked = Some(reason);
        }
        let (mut body, came, failures) = (this.body, this.came, this.failures);
        let (policy, site) = (this.policy, *this.site);
        let polled = this.scope.poll(cx, |cx| {
            // The body is polled once, and again when it was asked to end meanwhile.
            let mut is_due = true;
            loop {
                // What failed is heard before the body learns that it has no output.
                if is_due && came.is_none() && !shared.has_ended() {
                    *came = poll_body(body.as_mut(), cx, shared, failures);
                    is_due = false;
                }
                let was_open = shared.is_open();
                match shared.poll_tasks(cx, site) {
                    Poll::Ready(Some(ended)) => {
                        if let Some((origin, cause)) = failure_of(ended) {
                            policy.hear(shared, failures, origin, cause);
                        }
                        is_due |= was_open && !shared.is_open();
                    }
                    Poll::Ready(None) if came.is_some() => return Poll::Ready(()),
                    Poll::Ready(None) | Poll::Pending => break,
                }
            }
            // What it says may have come from the body or from a task of the same thread.
            if let Some(deadline) = shared.deadline() {
                // Not a sleep: that asks the budget first, which the body may spend in every poll.
                let grace = this
                    .grace
                    .get_or_insert_with(|| Timer::new(deadline, this.site));
                if grace.deadline() != deadline {
                    grace.reset(deadline);
                }
                if grace.poll(cx).is_ready() {
                    shared.abort();
                    if came.is_none() {
                        body.as_mut().end();
                        *came = Some(Ended::Dropped);
                        // It may have been all there was.
                        cx.waker().wake_by_ref();
                    }
                }
            }
            Poll::Pending
        });
        if polled.is_pending() {
            // Asked before it was first polled, or while it was.
            if this.asked.is_none()
                && let Some(reason) = this.scope.asked()
            {
                shared.end(&reason);
                *this.asked = Some(reason);
                cx.waker().wake_by_ref();
            }
            return Poll::Pending;
        }
        shared.close();
        let mut failures = std::mem::take(failures);
        // The body that gave up because a task has no output says nothing that the task has not said.
        if failures.iter().any(|it| it.task.is_some()) {
            failures.retain(|it| it.task.is_some() || !it.error().is_some_and(is_lost_child));
        }
        let asked = this.asked.take();
        let cancelled = asked.clone().map(Cancelled::new);
        match came.take() {
            Some(Ended::Panicked(payload)) => {
                failures.iter().for_each(Failure::tell_unobserved);
                resume_unwind(payload)
            }
            Some(Ended::Output(output)) if failures.is_empty() && asked.is_none() => {
                Poll::Ready(Ok(output))
            }
            Some(Ended::Dropped) if failures.is_empty() => {
                let cancelled = cancelled.unwrap_or_else(|| Cancelled::new(shared.body.reason()));
                Poll::Ready(Err(GroupError::only_cancelled(cancelled)))
            }
            _ => Poll::Ready(Err(match cancelled {
                Some(cancelled) if failures.is_empty() => GroupError::only_cancelled(cancelled),
                cancelled => GroupError::new(failures, cancelled),
            })),
        }
    }
}

fn poll_body<E: 'static, F, R>(
    body: Pin<&mut Domain<F>>,
    cx: &mut Context<'_>,
    shared: &Shared<E>,
    failures: &mut Vec<Failure<E>>,
) -> Option<Ended<R>>
where
    F: Future<Output = Result<R, E>>,
{
    let polled = catch_unwind(AssertUnwindSafe(|| body.poll(cx)));
    match polled {
        Ok(Poll::Pending) => None,
        Ok(Poll::Ready(Some(Ok(output)))) => Some(Ended::Output(output)),
        Ok(Poll::Ready(Some(Err(error)))) => {
            failures.push(Failure {
                task: None,
                cause: Failed::Error(error),
            });
            shared.end(&Some("the body of the group failed".into()));
            Some(Ended::Failed)
        }
        Ok(Poll::Ready(None)) => Some(Ended::Dropped),
        Err(payload) => {
            shared.end(&Some("the body of the group panicked".into()));
            Some(Ended::Panicked(payload))
        }
    }
}

/// What went wrong, if something did: a task that was cancelled by itself is no failure, and neither is
/// one that says that a group of its own was.
fn failure_of<E: 'static>((origin, came): Came<E>) -> Option<(Of, Failed<E>)> {
    let cause = match came {
        Ok(Ok(())) => return None,
        Ok(Err(error)) if is_cancelled_group(&error) => return None,
        Ok(Err(error)) => Failed::Error(error),
        Err(error) if error.is_panic() => Failed::Panic(error),
        Err(_) => return None,
    };
    Some((origin, cause))
}

impl<H> Policy<H> {
    fn hear<E: 'static>(
        &mut self,
        shared: &Shared<E>,
        failures: &mut Vec<Failure<E>>,
        origin: Of,
        cause: Failed<E>,
    ) where
        H: FnMut(Failure<E>),
    {
        let failure = Failure {
            task: Some(origin),
            cause,
        };
        match self {
            Self::End => {
                failures.push(failure);
                shared.end(&Some("a task of the group failed".into()));
            }
            Self::Keep => failures.push(failure),
            Self::Tell(tell) => tell(failure),
        }
    }
}
