//! Using what has to be closed, and closing it.
//!
//! Owns that closing comes after the use, however that ends. What is asked to end, and by whom, is in
//! `cancel`.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::cancel::{Cancellation, Cancelled, Domain, Reason, Role, Scope, pass_on, shield};

/// Gives `resource` to `body`, and then, whatever came of that, to `close`, and waits for both.
///
/// `close` is called when `body` has returned, when it has failed, when it has panicked, and when
/// somebody has [asked the task to end](super::JoinHandle::cancel): then so is `body`, which is dropped,
/// or ends by itself if it is in a [`catch_cancel`](super::catch_cancel). Nothing disturbs `close`, and
/// the request is left to what is around this, which is next to hear of it. An output that `body` had
/// when it was asked counts.
///
/// What there is not, is not closed: make the resource first, and return if that fails.
///
/// # Errors
/// [`ClosingError`]: that `body` failed or was cancelled, that `close` failed, or both.
///
/// # Panics
/// With the panic of `body`, once `close` has ended. An error of `close` is lost then.
///
/// # Cancel safety
/// Dropping the future, as [`abort`](super::JoinHandle::abort), a
/// [`timeout`](crate::time::timeout()) or a `select!` do, drops the resource without closing it: a
/// destructor cannot wait. Where that must not be, give the whole to [`spawn`](crate::spawn) and wait
/// for its handle, or let [`timeout_cancel`](crate::asyncio::timeout_cancel) ask.
///
/// # Examples
/// ```
/// use simoom::io::{AsyncReadExt, AsyncWriteExt};
/// use simoom::net::{TcpListener, TcpStream};
/// use simoom::task::closing;
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// # let listener = TcpListener::bind("127.0.0.1:0").await?;
/// # let addr = listener.local_addr()?;
/// # let peer = simoom::spawn(async move {
/// #     let (mut stream, _) = listener.accept().await?;
/// #     let mut text = String::new();
/// #     stream.read_to_string(&mut text).await?;
/// #     std::io::Result::Ok(text)
/// # });
/// let stream = TcpStream::connect(addr).await?;
/// closing(
///     stream,
///     async |stream| stream.write_all(b"hello").await,
///     async |mut stream| {
///         stream.write_all(b", goodbye").await?;
///         stream.shutdown().await
///     },
/// )
/// .await?;
/// # assert_eq!(peer.await.unwrap()?, "hello, goodbye");
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub async fn closing<R, T, E, C>(
    mut resource: R,
    body: impl AsyncFnOnce(&mut R) -> Result<T, E>,
    close: impl AsyncFnOnce(R) -> Result<(), C>,
) -> Result<T, ClosingError<E, C>> {
    let used = {
        let used = pin!(Use::new(body(&mut resource)));
        used.await
    };
    let close = shield(close(resource)).await.err();
    match (used, close) {
        (Ended::Output(Ok(output)), None) => Ok(output),
        (Ended::Output(Ok(_)), Some(error)) => Err(ClosingError::NotClosed { error }),
        (Ended::Output(Err(error)), close) => Err(ClosingError::Failed { error, close }),
        (Ended::Cancelled(reason), close) => Err(ClosingError::Cancelled {
            cancelled: Cancelled::new(reason),
            close,
        }),
        (Ended::Panicked(payload), _) => resume_unwind(payload),
    }
}

/// Why [`closing`] has no output.
///
/// As [`Display`](fmt::Display), what came first, and then what closing failed with, if it did.
///
/// # Examples
/// ```
/// use simoom::task::{ClosingError, closing};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let error = closing(
///     "a connection",
///     async |_| Err::<(), _>("no such user"),
///     async |_| Err("the peer is gone"),
/// )
/// .await
/// .unwrap_err();
/// assert_eq!(error.to_string(), "no such user; and not closed: the peer is gone");
/// assert_eq!(error.close(), Some(&"the peer is gone"));
/// assert!(matches!(error, ClosingError::Failed { error: "no such user", .. }));
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClosingError<E, C = E> {
    /// The body failed.
    Failed {
        /// What the body returned.
        error: E,
        /// What closing failed with, if it did.
        close: Option<C>,
    },
    /// Somebody has asked the task to end, and the body was dropped.
    Cancelled {
        /// Why, in the words of whoever asked.
        cancelled: Cancelled,
        /// What closing failed with, if it did.
        close: Option<C>,
    },
    /// The body was done, and its output is gone, since closing failed.
    NotClosed {
        /// What closing failed with.
        error: C,
    },
}

impl<E, C> ClosingError<E, C> {
    /// What closing failed with, if it did.
    #[must_use]
    pub fn close(&self) -> Option<&C> {
        match self {
            Self::Failed { close, .. } | Self::Cancelled { close, .. } => close.as_ref(),
            Self::NotClosed { error } => Some(error),
        }
    }
}

impl<E: fmt::Display, C: fmt::Display> fmt::Display for ClosingError<E, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { error, .. } => write!(f, "{error}")?,
            Self::Cancelled { cancelled, .. } => write!(f, "{cancelled}")?,
            Self::NotClosed { error } => return write!(f, "not closed: {error}"),
        }
        match self.close() {
            Some(error) => write!(f, "; and not closed: {error}"),
            None => Ok(()),
        }
    }
}

impl<E: Error + 'static, C: Error + 'static> Error for ClosingError<E, C> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // The texts of both are in its own.
        match self {
            Self::Failed { error, .. } => error.source(),
            Self::Cancelled { .. } => None,
            Self::NotClosed { error } => error.source(),
        }
    }
}

/// Of the kind of what came first.
impl From<ClosingError<io::Error>> for io::Error {
    fn from(error: ClosingError<io::Error>) -> Self {
        let kind = match error {
            // One error is told as it is.
            ClosingError::Failed { error, close: None } | ClosingError::NotClosed { error } => {
                return error;
            }
            ClosingError::Failed { ref error, .. } => error.kind(),
            ClosingError::Cancelled { .. } => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

/// How the use of a resource ended.
enum Ended<T> {
    Output(T),
    /// It was dropped when it was asked to end.
    Cancelled(Reason),
    Panicked(Box<dyn Any + Send>),
}

pin_project! {
    /// A future that is asked to end when the task around it is, and whose panic is kept.
    struct Use<F> {
        #[pin]
        part: Domain<F>,
        of: Arc<Cancellation>,
        scope: Scope,
        // Why somebody has asked the task around it to end.
        asked: Option<Reason>,
    }
}

impl<F> Use<F> {
    fn new(future: F) -> Self {
        let of = Arc::<Cancellation>::default();
        Self {
            part: Domain::new(of.clone(), future),
            of,
            scope: Scope::new(Role::Defers),
            asked: None,
        }
    }
}

impl<F: Future> Future for Use<F> {
    type Output = Ended<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let part = this.part;
        pass_on(this.scope, this.asked, this.of);
        let polled = this.scope.poll(cx, |cx| {
            match catch_unwind(AssertUnwindSafe(|| part.poll(cx))) {
                Ok(Poll::Pending) => Poll::Pending,
                Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
                Err(payload) => Poll::Ready(Err(payload)),
            }
        });
        match polled {
            Poll::Ready(Ok(Ok(Some(output)))) => Poll::Ready(Ended::Output(output)),
            Poll::Ready(Ok(Ok(None))) => {
                Poll::Ready(Ended::Cancelled(this.asked.take().unwrap_or_default()))
            }
            Poll::Ready(Ok(Err(payload))) => Poll::Ready(Ended::Panicked(payload)),
            Poll::Ready(Err(_)) => unreachable!("it leaves the answer to others"),
            Poll::Pending => {
                // Asked before it was first polled, or while it was.
                if pass_on(this.scope, this.asked, this.of) {
                    cx.waker().wake_by_ref();
                }
                Poll::Pending
            }
        }
    }
}
