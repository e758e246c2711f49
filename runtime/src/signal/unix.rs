//! Listening for any signal of a Unix system.

use std::ffi::c_int;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::listen::{count, poll_count};
use crate::backend::SignalWait;

/// A signal, by its number.
///
/// # Examples
/// ```
/// use simoom::signal::unix::SignalKind;
///
/// assert_eq!(SignalKind::terminate().as_raw_value(), 15);
/// assert_eq!(SignalKind::from_raw(15), SignalKind::terminate());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SignalKind(c_int);

impl SignalKind {
    /// The signal with this number, whether the system has it or not.
    #[must_use]
    pub const fn from_raw(signum: c_int) -> Self {
        Self(signum)
    }

    /// The signal's number.
    #[must_use]
    pub const fn as_raw_value(&self) -> c_int {
        self.0
    }

    /// SIGALRM: a timer of the system has expired. Ends the process by default.
    #[must_use]
    pub const fn alarm() -> Self {
        Self(libc::SIGALRM)
    }

    /// SIGCHLD: a child process has changed. Ignored by default.
    #[must_use]
    pub const fn child() -> Self {
        Self(libc::SIGCHLD)
    }

    /// SIGHUP: the terminal is gone; daemons read their configuration again. Ends the process by
    /// default.
    #[must_use]
    pub const fn hangup() -> Self {
        Self(libc::SIGHUP)
    }

    /// SIGINT: Ctrl-C in the terminal. Ends the process by default.
    #[must_use]
    pub const fn interrupt() -> Self {
        Self(libc::SIGINT)
    }

    /// SIGIO: a descriptor is ready. Ends the process by default on Linux.
    #[must_use]
    pub const fn io() -> Self {
        Self(libc::SIGIO)
    }

    /// SIGPIPE: written to a pipe that nobody reads. Ignored by default in programs in Rust.
    #[must_use]
    pub const fn pipe() -> Self {
        Self(libc::SIGPIPE)
    }

    /// SIGQUIT: Ctrl-\ in the terminal. Ends the process by default.
    #[must_use]
    pub const fn quit() -> Self {
        Self(libc::SIGQUIT)
    }

    /// SIGTERM: what supervisors send to stop a service. Ends the process by default.
    #[must_use]
    pub const fn terminate() -> Self {
        Self(libc::SIGTERM)
    }

    /// SIGUSR1: means what the program says. Ends the process by default.
    #[must_use]
    pub const fn user_defined1() -> Self {
        Self(libc::SIGUSR1)
    }

    /// SIGUSR2: means what the program says. Ends the process by default.
    #[must_use]
    pub const fn user_defined2() -> Self {
        Self(libc::SIGUSR2)
    }

    /// SIGWINCH: the terminal has another size. Ignored by default.
    #[must_use]
    pub const fn window_change() -> Self {
        Self(libc::SIGWINCH)
    }
}

impl From<c_int> for SignalKind {
    fn from(signum: c_int) -> Self {
        Self::from_raw(signum)
    }
}

impl From<SignalKind> for c_int {
    fn from(kind: SignalKind) -> Self {
        kind.as_raw_value()
    }
}

/// Listens for `kind` from this call on.
///
/// The first call for a signal replaces what it does by default, often to end the process, for
/// good: dropping the [`Signal`] does not bring that back. Several may listen for one signal, and
/// each sees it.
///
/// # Errors
/// For SIGKILL, SIGSTOP, SIGILL, SIGFPE and SIGSEGV, which no program can or should outlive; for
/// numbers that the system has no signal for; outside a runtime.
///
/// # Under simulation
/// Listens for what [`Node::terminate`](https://docs.rs/simoom-sim) and its kin send to the node.
/// Signals of the real process are not seen. One that a node does not listen for ends it, or is
/// ignored, as on Linux. Numbers up to 64 exist.
///
/// # Examples
/// ```no_run
/// use simoom::signal::unix::{SignalKind, signal};
///
/// # async fn read_configuration() {}
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let mut hangup = signal(SignalKind::hangup()).unwrap();
/// let mut terminate = signal(SignalKind::terminate()).unwrap();
/// loop {
///     simoom::select! {
///         _ = hangup.recv() => read_configuration().await,
///         _ = terminate.recv() => break,
///     }
/// }
/// # });
/// ```
pub fn signal(kind: SignalKind) -> io::Result<Signal> {
    let signal = kind.as_raw_value();
    if signal <= 0 || FORBIDDEN.contains(&signal) {
        return Err(io::Error::other(format!(
            "refusing to listen for signal {signal}"
        )));
    }
    Ok(Signal {
        signal,
        seen: count(signal)?,
        wait: None,
    })
}

/// What cannot be caught, and what a program that goes on makes worse.
const FORBIDDEN: [c_int; 5] = [
    libc::SIGKILL,
    libc::SIGSTOP,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGSEGV,
];

/// Someone who listens for one signal; made by [`signal`].
///
/// Signals that come before [`recv`](Self::recv) is called are kept, as one: what it returns stands
/// for one signal or several.
///
/// # Examples
/// ```no_run
/// use simoom::signal::unix::{SignalKind, signal};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let mut dump = signal(SignalKind::user_defined1()).unwrap();
/// while dump.recv().await.is_some() {
///     println!("all is well");
/// }
/// # });
/// ```
#[must_use = "a signal that nobody listens for no longer does anything"]
#[derive(Debug)]
pub struct Signal {
    signal: c_int,
    /// How often the signal came before what was received last.
    seen: u64,
    /// Its place among those who wait.
    wait: Option<SignalWait>,
}

impl Signal {
    /// Waits for the signal.
    ///
    /// Always `Some`: signals never run out.
    ///
    /// # Panics
    /// When polled outside a runtime.
    ///
    /// # Cancel safety
    /// Safe. A signal that a dropped future did not return is returned by the next.
    #[track_caller]
    pub fn recv(&mut self) -> Recv<'_> {
        Recv {
            signal: self,
            site: Location::caller(),
        }
    }

    /// As [`recv`](Self::recv), for hand-written futures.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<()>> {
        self.poll_at(cx, Location::caller())
    }

    pub(crate) fn poll_at(
        &mut self,
        cx: &mut Context<'_>,
        site: &'static Location<'static>,
    ) -> Poll<Option<()>> {
        match ready!(poll_count(cx, self.signal, self.seen, &mut self.wait, site)) {
            Ok(count) => self.seen = count,
            Err(error) => panic!("waiting for a signal at {site} failed: {error}"),
        }
        Poll::Ready(Some(()))
    }
}

/// The future of [`Signal::recv`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct Recv<'a> {
    signal: &'a mut Signal,
    site: &'static Location<'static>,
}

impl Future for Recv<'_> {
    type Output = Option<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let site = self.site;
        self.signal.poll_at(cx, site)
    }
}

impl Drop for Recv<'_> {
    fn drop(&mut self) {
        // Nobody waits any more; the waker would be kept until the signal comes.
        self.signal.wait = None;
    }
}
