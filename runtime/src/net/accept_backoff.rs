//! What a server does when accepting fails.

use std::io;
use std::time::Duration;

use crate::time::sleep;

/// Waits, where it makes sense, before a server accepts again after an error.
///
/// A process that has no descriptors left can accept nothing, yet its listener stays ready: a loop
/// that only goes on would take all of the processor's time. The wait starts at 5 ms and doubles
/// to 1 s, as in Go's `net/http`.
///
/// # Examples
/// ```
/// use simoom::net::{AcceptBackoff, TcpListener};
///
/// async fn serve(listener: TcpListener) -> std::io::Result<()> {
///     let mut backoff = AcceptBackoff::new();
///     loop {
///         match listener.accept().await {
///             Ok((stream, _)) => {
///                 backoff.reset();
///                 simoom::spawn(async move { drop(stream) });
///             }
///             Err(error) => backoff.after(error).await?,
///         }
///     }
/// }
/// # let _ = serve;
/// ```
#[derive(Clone, Debug, Default)]
pub struct AcceptBackoff {
    last: Option<Duration>,
}

const FIRST: Duration = Duration::from_millis(5);
const MOST: Duration = Duration::from_secs(1);

impl AcceptBackoff {
    /// Nothing has failed yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { last: None }
    }

    /// Accepting succeeded: the next wait is a short one again.
    pub fn reset(&mut self) {
        self.last = None;
    }

    /// Waits as long as `error` of an accept asks for: not at all if a connection was lost before
    /// it was accepted, from 5 ms to 1 s if descriptors or memory ran out.
    ///
    /// # Errors
    /// `error` itself if waiting does not help.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn after(&mut self, error: io::Error) -> io::Result<()> {
        if is_of_one_connection(&error) {
            return Ok(());
        }
        if !is_shortage(&error) {
            return Err(error);
        }
        let wait = self.last.map_or(FIRST, |last| (last * 2).min(MOST));
        self.last = Some(wait);
        sleep(wait).await;
        Ok(())
    }
}

/// Whether a connection failed, and not the listener, so that the next may well be accepted:
/// accept(2) passes such errors on.
pub(crate) fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::TimedOut
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::Interrupted
    ) || error
        .raw_os_error()
        .is_some_and(|code| PASSED_ON.contains(&code))
}

/// Those of accept(2) that have no kind of their own. EPERM is a firewall's.
const PASSED_ON: &[i32] = &[
    libc::EPROTO,
    libc::ENOPROTOOPT,
    libc::EHOSTDOWN,
    #[cfg(any(target_os = "linux", target_os = "android"))]
    libc::ENONET,
    libc::EOPNOTSUPP,
    libc::EPERM,
];

fn is_shortage(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)
    )
}
