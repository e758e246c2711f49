//! Waiting until a socket can be tried.
//!
//! Owns the futures of `ready`, `readable` and `writable` of all sockets and pipes, and the macros
//! that give a socket these methods. Knows nothing of what can be tried then.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::ready::{Interest, Ready};
use crate::backend::{Direction, Op, OpKind, Polled, Seat};
use crate::coop::proceed;

/// The future of `ready` of sockets and pipes.
///
/// # Examples
/// ```
/// use simoom::net::{Interest, UnixStream};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let (one, _two) = UnixStream::pair().unwrap();
/// assert!(one.ready(Interest::WRITABLE).await.unwrap().is_writable());
/// # });
/// ```
#[must_use = "futures do nothing unless awaited"]
pub struct ReadyFor<'a> {
    held: Held<'a>,
    pub(super) interest: Interest,
    kinds: Kinds,
    site: &'static Location<'static>,
}

/// What reports call the two sorts of attempt.
pub(crate) type Kinds = [OpKind; 2];

/// Reading and writing.
pub(crate) const READ_WRITE: Kinds = [OpKind::Read, OpKind::Write];

/// Receiving and sending.
pub(super) const RECV_SEND: Kinds = [OpKind::Recv, OpKind::Send];

impl<'a> ReadyFor<'a> {
    pub(crate) fn new(
        polled: &'a dyn Polled,
        interest: Interest,
        kinds: Kinds,
        site: &'static Location<'static>,
    ) -> Self {
        Self {
            held: Held::new(polled),
            interest,
            kinds,
            site,
        }
    }

    pub(super) fn polled(&self) -> &'a dyn Polled {
        self.held.polled
    }

    /// The same wait once more.
    pub(super) fn again(&self) -> Self {
        Self::new(self.polled(), self.interest, self.kinds, self.site)
    }
}

impl Future for ReadyFor<'_> {
    type Output = io::Result<Ready>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = self.polled();
        let [reading, writing] = self.kinds;
        let directions = self.interest.directions();
        let (kind, direction) = match directions {
            [Direction::Write, ..] => (writing, Direction::Write),
            _ => (reading, Direction::Read),
        };
        let op = Op::read(kind, polled.resource(direction), self.site);
        let progress = ready!(proceed(cx, &op));
        let mut found = Ready::EMPTY;
        for &direction in directions {
            let seat = Some(&mut self.held.seat);
            if let Poll::Ready(ready) = polled.poll_ready(cx, direction, seat) {
                ready?;
                found |= meaning(direction, polled);
            }
        }
        if found.is_empty() {
            return Poll::Pending;
        }
        progress.done();
        Poll::Ready(Ok(found))
    }
}

/// Waits in one direction for whoever polls: see [`waits_to_read`].
pub(crate) fn poll_one(
    polled: &dyn Polled,
    cx: &mut Context<'_>,
    direction: Direction,
    [reading, writing]: Kinds,
    site: &'static Location<'static>,
) -> Poll<io::Result<()>> {
    let kind = match direction {
        Direction::Write => writing,
        _ => reading,
    };
    let op = Op::read(kind, polled.resource(direction), site);
    let progress = ready!(proceed(cx, &op));
    ready!(polled.poll_ready(cx, direction, None))?;
    progress.done();
    Poll::Ready(Ok(()))
}

/// The seat of a future that waits for a socket. It is given up when this is dropped.
pub(super) struct Held<'a> {
    polled: &'a dyn Polled,
    pub(super) seat: Seat,
}

impl<'a> Held<'a> {
    pub(super) fn new(polled: &'a dyn Polled) -> Self {
        let seat = Seat::default();
        Self { polled, seat }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if self.seat.reading != 0 || self.seat.writing != 0 {
            self.polled.leave(&mut self.seat);
        }
    }
}

impl fmt::Debug for Held<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.seat.fmt(f)
    }
}

/// What it means that `direction` can be tried.
pub(crate) fn meaning(direction: Direction, polled: &dyn Polled) -> Ready {
    let signs = polled.signs();
    let also = |holds: bool, sign: Ready| if holds { sign } else { Ready::EMPTY };
    match direction {
        Direction::Read => Ready::READABLE | also(signs.read_closed, Ready::READ_CLOSED),
        Direction::Write => Ready::WRITABLE | also(signs.write_closed, Ready::WRITE_CLOSED),
        Direction::Error => Ready::ERROR,
        Direction::Priority => {
            let urgent = signs.priority || !signs.read_closed;
            also(urgent, Ready::PRIORITY) | also(signs.read_closed, Ready::READ_CLOSED)
        }
    }
}

impl fmt::Debug for ReadyFor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadyFor")
            .field("interest", &self.interest)
            .finish_non_exhaustive()
    }
}

/// What waits for one direction.
macro_rules! one_direction {
    ($name:ident, $method:literal) => {
        #[doc = concat!("The future of `", $method, "` of sockets and pipes.")]
        ///
        /// # Examples
        #[doc = concat!("See [`UnixStream::", $method, "`](crate::net::UnixStream::", $method, ").")]
        #[must_use = "futures do nothing unless awaited"]
        #[derive(Debug)]
        pub struct $name<'a>(pub(super) ReadyFor<'a>);

        impl Future for $name<'_> {
            type Output = io::Result<()>;

            fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
                Pin::new(&mut self.0).poll(cx).map_ok(drop)
            }
        }
    };
}

one_direction!(Readable, "readable");
one_direction!(Writable, "writable");

/// The method `ready` of a socket with a method `polled`, which others call by `kinds`.
macro_rules! waits {
    ($kinds:ident) => {
        /// Waits until one of `interest` can be tried.
        ///
        /// A try may still find that it would block.
        ///
        /// # Errors
        /// When the runtime is gone.
        ///
        /// # Cancel safety
        /// Safe.
        #[track_caller]
        pub fn ready(
            &self,
            interest: $crate::net::Interest,
        ) -> $crate::net::readiness::ReadyFor<'_> {
            $crate::net::readiness::ReadyFor::new(
                self.polled(),
                interest,
                $crate::net::readiness::$kinds,
                std::panic::Location::caller(),
            )
        }
    };
}

/// The methods of a socket that wait until it can be read from: `$attempt` is what can be tried
/// then. The documentation given is added to that of `readable`.
macro_rules! waits_to_read {
    ($($of:tt)*) => {
        $crate::net::readiness::waits_in! { Read readable Readable READABLE "nothing", $($of)* }
    };
}

/// As [`waits_to_read`], for writing.
macro_rules! waits_to_write {
    ($($of:tt)*) => {
        $crate::net::readiness::waits_in! { Write writable Writable WRITABLE "no room", $($of)* }
    };
}

/// As [`waits_to_read`], for one direction.
macro_rules! waits_in {
    (
        $direction:ident $method:ident $future:ident $interest:ident $none:literal,
        $kinds:ident, $poll:ident, $attempt:literal, $what:literal $(, $(#[$example:meta])+)?
    ) => {
        #[doc = concat!("Waits until [`", $attempt, "`](Self::", $attempt, ") can be tried, which")]
        #[doc = concat!("may still find ", $none, ".")]
        ///
        /// # Errors
        /// When the runtime is gone.
        ///
        /// # Cancel safety
        /// Safe.
        $($(#[$example])+)?
        #[track_caller]
        pub fn $method(&self) -> $crate::net::readiness::$future<'_> {
            $crate::net::readiness::$future(self.ready($crate::net::Interest::$interest))
        }

        #[doc = concat!("`Ready` when ", $what, " can be tried, else has the task woken.")]
        ///
        /// Of several tasks that poll this direction, the last one is woken.
        ///
        /// # Errors
        /// When the runtime is gone.
        #[track_caller]
        pub fn $poll(
            &self,
            cx: &mut std::task::Context<'_>,
        ) -> std::task::Poll<std::io::Result<()>> {
            $crate::net::readiness::poll_one(
                self.polled(),
                cx,
                $crate::backend::Direction::$direction,
                $crate::net::readiness::$kinds,
                std::panic::Location::caller(),
            )
        }
    };
}

/// The methods of a socket that make attempts by other means.
macro_rules! tries_io {
    () => {
        /// Runs `f`, an attempt on this socket by other means, if one of `interest` may be tried.
        ///
        /// A `WouldBlock` of `f` says that it may not until something has changed.
        ///
        /// # Errors
        /// `WouldBlock` without running `f` if it is known to block; what `f` returns.
        ///
        /// # Under simulation
        /// There is no descriptor: `f` can use the other methods of this socket alone.
        pub fn try_io<R>(
            &self,
            interest: $crate::net::Interest,
            f: impl FnOnce() -> std::io::Result<R>,
        ) -> std::io::Result<R> {
            $crate::net::attempt::try_io(self.polled(), interest, f)
        }

        /// Runs `f`, an attempt on this socket by other means, again and again until it does not
        /// return `WouldBlock`, waiting for one of `interest` in between.
        ///
        /// # Errors
        /// What `f` returns; when the runtime is gone.
        ///
        /// # Cancel safety
        /// Safe if `f` is: it is not called after the future was dropped.
        ///
        /// # Under simulation
        /// As [`try_io`](Self::try_io).
        #[track_caller]
        #[must_use = "futures do nothing unless awaited"]
        pub fn async_io<R>(
            &self,
            interest: $crate::net::Interest,
            f: impl FnMut() -> std::io::Result<R>,
        ) -> impl Future<Output = std::io::Result<R>> {
            $crate::net::attempt::async_io(self.ready(interest), f)
        }
    };
}

pub(super) use {tries_io, waits, waits_in, waits_to_read, waits_to_write};
