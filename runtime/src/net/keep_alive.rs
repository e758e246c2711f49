//! Parameters of keep-alive.

use std::io;
use std::time::Duration;

use crate::backend::SocketOption;

/// How an idle connection is probed; what is not given stays as it is.
///
/// Named as in `socket2`. On Linux an idle connection is probed after two hours, then every 75 s,
/// and fails with `TimedOut` when nine probes got no answer.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use simoom::net::{TcpKeepalive, TcpListener, TcpStream};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// # let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
/// # let addr = listener.local_addr().unwrap();
/// let stream = TcpStream::connect(addr).await.unwrap();
/// let probes = TcpKeepalive::new()
///     .with_time(Duration::from_secs(30))
///     .with_interval(Duration::from_secs(5))
///     .with_retries(3);
/// stream.set_tcp_keepalive(&probes).unwrap();
/// assert!(stream.keepalive().unwrap());
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpKeepalive {
    time: Option<Duration>,
    interval: Option<Duration>,
    retries: Option<u32>,
}

impl TcpKeepalive {
    /// Nothing given: keep-alive with what the socket has.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            time: None,
            interval: None,
            retries: None,
        }
    }

    /// How long a connection is idle before it is probed (`TCP_KEEPIDLE`), in whole seconds.
    #[must_use]
    pub const fn with_time(self, time: Duration) -> Self {
        Self {
            time: Some(time),
            ..self
        }
    }

    /// How much later a probe without an answer is repeated (`TCP_KEEPINTVL`), in whole seconds.
    #[must_use]
    pub const fn with_interval(self, interval: Duration) -> Self {
        Self {
            interval: Some(interval),
            ..self
        }
    }

    /// How many probes without an answer end the connection (`TCP_KEEPCNT`).
    #[must_use]
    pub const fn with_retries(self, retries: u32) -> Self {
        Self {
            retries: Some(retries),
            ..self
        }
    }

    pub(super) fn apply(
        &self,
        set: impl Fn(SocketOption, u32) -> io::Result<()>,
    ) -> io::Result<()> {
        let seconds = |it: Duration| u32::try_from(it.as_secs()).unwrap_or(u32::MAX);
        set(SocketOption::KeepAlive, 1)?;
        if let Some(time) = self.time {
            set(SocketOption::KeepAliveTime, seconds(time))?;
        }
        if let Some(interval) = self.interval {
            set(SocketOption::KeepAliveInterval, seconds(interval))?;
        }
        if let Some(retries) = self.retries {
            set(SocketOption::KeepAliveRetries, retries)?;
        }
        Ok(())
    }
}

/// A limit in milliseconds, of which 0 is none: a limit below one is one.
pub(super) fn millis(limit: Option<Duration>) -> u32 {
    limit.map_or(0, |limit| {
        u32::try_from(limit.as_millis().max(1)).unwrap_or(u32::MAX)
    })
}
