//! The settings of a TCP connection.

use std::io;
use std::time::Duration;

use super::keep_alive::{self, TcpKeepalive};
use super::tcp_stream::TcpStream;
use crate::backend::SocketOption;

impl TcpStream {
    /// Whether small writes are sent at once (`TCP_NODELAY`). Off in a new stream.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn nodelay(&self) -> io::Result<bool> {
        Ok(self.stream.option(SocketOption::NoDelay)? != 0)
    }

    /// Sets whether small writes are sent at once.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.stream
            .set_option(SocketOption::NoDelay, nodelay.into())
    }

    /// How long closing waits for unsent bytes (`SO_LINGER`). `None` in a new stream: closing
    /// returns at once and the bytes are sent in the background.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        self.stream.linger()
    }

    /// Sets how long closing waits for unsent bytes. Zero resets the connection instead.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.stream.set_linger(linger)
    }

    /// How many routers its packets may pass.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn ttl(&self) -> io::Result<u32> {
        self.stream.option(SocketOption::Ttl)
    }

    /// Sets how many routers its packets may pass.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.stream.set_option(SocketOption::Ttl, ttl)
    }

    /// Has closing reset the connection: as [`set_linger`](Self::set_linger) with zero.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn set_zero_linger(&self) -> io::Result<()> {
        self.set_linger(Some(Duration::ZERO))
    }

    /// Whether acknowledgements are sent at once (`TCP_QUICKACK`).
    ///
    /// # Errors
    /// Those of the operating system; elsewhere than on Linux.
    pub fn quickack(&self) -> io::Result<bool> {
        Ok(self.stream.option(SocketOption::QuickAck)? != 0)
    }

    /// Sets whether acknowledgements are sent at once, for now: see tcp(7).
    ///
    /// # Errors
    /// Those of the operating system; elsewhere than on Linux.
    ///
    /// # Under simulation
    /// Kept, and without effect: acknowledgements are not simulated.
    pub fn set_quickack(&self, quickack: bool) -> io::Result<()> {
        self.stream
            .set_option(SocketOption::QuickAck, quickack.into())
    }

    /// Whether the connection is probed when it is idle (`SO_KEEPALIVE`). Off in a new stream.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn keepalive(&self) -> io::Result<bool> {
        Ok(self.stream.option(SocketOption::KeepAlive)? != 0)
    }

    /// Sets whether the connection is probed when it is idle.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn set_keepalive(&self, keepalive: bool) -> io::Result<()> {
        self.stream
            .set_option(SocketOption::KeepAlive, keepalive.into())
    }

    /// Sets how the connection is probed when it is idle, and has it probed.
    ///
    /// tokio leaves this to `socket2::SockRef`, which works too, but not in a simulation, where
    /// there is no descriptor.
    ///
    /// # Errors
    /// Those of the operating system: `EINVAL` for what Linux does not take.
    pub fn set_tcp_keepalive(&self, parameters: &TcpKeepalive) -> io::Result<()> {
        parameters.apply(|option, value| self.stream.set_option(option, value))
    }

    /// How long sent bytes may stay unacknowledged before the connection fails
    /// (`TCP_USER_TIMEOUT`). `None`: as long as the system has it, on Linux about 15 minutes.
    ///
    /// # Errors
    /// Those of the operating system; elsewhere than on Linux.
    pub fn tcp_user_timeout(&self) -> io::Result<Option<Duration>> {
        let millis = self.stream.option(SocketOption::UserTimeout)?;
        Ok((millis != 0).then(|| Duration::from_millis(millis.into())))
    }

    /// Sets how long sent bytes may stay unacknowledged, in whole milliseconds.
    ///
    /// # Errors
    /// Those of the operating system; elsewhere than on Linux.
    pub fn set_tcp_user_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        let millis = keep_alive::millis(limit);
        self.stream.set_option(SocketOption::UserTimeout, millis)
    }
}
