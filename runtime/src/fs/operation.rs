//! An operation on its way to its result.
//!
//! Owns the point before the operation, its submission and its result. Knows nothing of what the
//! operation does.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use crate::backend::system::no_runtime;
use crate::backend::{
    Access, Backend, Completion, FileOp, Op, OpKind, OpenFile, Outcome, PathOp, Resource, Submitted,
};
use crate::{context, coop};

/// What a function of this module does. Await it.
///
/// Nothing happens before it is polled for the first time. After that it goes on by itself.
///
/// # Cancel safety
/// A future that was never polled has done nothing. Dropped later, the operation may still happen,
/// or not: but before the next operation on the same [`File`](super::File), in both worlds.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let there: simoom::fs::Operation<bool> = simoom::fs::try_exists("/");
/// assert!(there.await.unwrap());
/// # });
/// ```
#[must_use = "futures do nothing unless awaited"]
pub struct Operation<T> {
    state: State,
    kind: OpKind,
    access: Access,
    resource: Option<Arc<Resource>>,
    site: &'static Location<'static>,
    finish: fn(Outcome, &'static Location<'static>) -> T,
}

enum State {
    OnPath(PathOp),
    OnFile(Arc<dyn OpenFile>, FileOp),
    Submitted(Box<dyn Submitted>),
    Over,
}

impl<T> Operation<T> {
    /// An operation on what a path names.
    pub(super) fn on_path(
        op: PathOp,
        site: &'static Location<'static>,
        finish: fn(Outcome, &'static Location<'static>) -> T,
    ) -> Self {
        let (kind, access) = op.kind();
        Self {
            state: State::OnPath(op),
            kind,
            access,
            resource: None,
            site,
            finish,
        }
    }

    /// An operation on an open file.
    pub(super) fn on_file(
        file: Arc<dyn OpenFile>,
        op: FileOp,
        site: &'static Location<'static>,
        finish: fn(Outcome, &'static Location<'static>) -> T,
    ) -> Self {
        let (kind, access) = op.kind();
        Self {
            resource: file.resource(),
            state: State::OnFile(file, op),
            kind,
            access,
            site,
            finish,
        }
    }

    /// Names another line as the user's.
    pub(super) fn called_at(&mut self, site: &'static Location<'static>) {
        self.site = site;
    }

    /// The end of the operation as a whole: the buffer too.
    pub(super) fn poll_completion(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Completion>> {
        if matches!(self.state, State::OnPath(_)) && self.resource.is_none() {
            self.resource = in_current(|backend| Ok(backend.file_system()))?;
        }
        let op = Op {
            kind: self.kind,
            resource: self.resource.as_deref(),
            access: self.access,
            is_contained: false,
            site: self.site,
        };
        let progress = ready!(coop::proceed(cx, &op));
        if !matches!(self.state, State::Submitted(_)) {
            let submitted = match std::mem::replace(&mut self.state, State::Over) {
                State::OnPath(op) => in_current(|backend| backend.submit(op)),
                State::OnFile(file, op) => file.submit(op),
                State::Submitted(_) | State::Over => {
                    panic!("a file operation was polled after it had ended")
                }
            };
            match submitted {
                Ok(submitted) => self.state = State::Submitted(submitted),
                Err(error) => {
                    let failed = Err(error);
                    progress.done_with(&failed);
                    return Poll::Ready(failed);
                }
            }
        }
        let State::Submitted(submitted) = &mut self.state else {
            unreachable!("it was submitted above")
        };
        let completion = ready!(submitted.poll(cx));
        progress.done_with(&completion.result);
        self.state = State::Over;
        Poll::Ready(Ok(completion))
    }
}

impl<T> Future for Operation<T> {
    type Output = io::Result<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let completion = ready!(this.poll_completion(cx))?;
        Poll::Ready(completion.result.map(|it| (this.finish)(it, this.site)))
    }
}

impl<T> fmt::Debug for Operation<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// Runs `f` with the runtime whose files are meant.
fn in_current<T>(f: impl FnOnce(&dyn Backend) -> io::Result<T>) -> io::Result<T> {
    context::with_current(|backend| match backend {
        Some(backend) => f(backend),
        None => Err(no_runtime()),
    })
}

/// The end of an operation that finds nothing out.
pub(super) fn nothing(_: Outcome, _: &'static Location<'static>) {}

/// The end of an operation that counts.
pub(super) fn count(outcome: Outcome, _: &'static Location<'static>) -> u64 {
    match outcome {
        Outcome::Count(count) => count,
        other => wrong(&other),
    }
}

/// A world answered with something else than was asked for.
pub(super) fn wrong(outcome: &Outcome) -> ! {
    unreachable!("a world answered a file operation with {outcome:?}")
}
