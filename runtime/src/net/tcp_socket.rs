//! A TCP socket that neither listens nor is connected yet.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::panic::Location;
use std::time::Duration;

use super::attempt::connected;
use super::handle::{as_fd, debug_addresses};
use super::keep_alive::TcpKeepalive;
use super::lookup::in_current;
use super::tcp_listener::TcpListener;
use super::tcp_stream::TcpStream;
use crate::backend::{SocketOption, UnusedTcp};

/// A TCP socket that can be set up before it [connects](Self::connect) or
/// [listens](Self::listen).
///
/// Unlike tokio's it is made inside a runtime. [`TcpStream::connect`] and [`TcpListener::bind`] do
/// for sockets without wishes.
///
/// # Examples
/// ```
/// use simoom::net::TcpSocket;
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let socket = TcpSocket::new_v4().unwrap();
/// socket.set_reuseaddr(true).unwrap();
/// socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
/// let listener = socket.listen(128).unwrap();
///
/// let socket = TcpSocket::new_v4().unwrap();
/// socket.set_nodelay(true).unwrap();
/// let stream = socket.connect(listener.local_addr().unwrap()).await.unwrap();
/// assert!(stream.nodelay().unwrap());
/// # });
/// ```
pub struct TcpSocket {
    socket: Box<dyn UnusedTcp>,
}

/// A setting that is on or off, or a number.
macro_rules! setting {
    ($get:ident, $set:ident, bool, $option:ident, $what:literal) => {
        #[doc = concat!("Whether ", $what, ".")]
        ///
        /// # Errors
        /// Those of the operating system.
        pub fn $get(&self) -> io::Result<bool> {
            Ok(self.socket.option(SocketOption::$option)? != 0)
        }

        #[doc = concat!("Sets whether ", $what, ".")]
        ///
        /// # Errors
        /// Those of the operating system.
        pub fn $set(&self, on: bool) -> io::Result<()> {
            self.socket.set_option(SocketOption::$option, on.into())
        }
    };
    ($get:ident, $set:ident, u32, $option:ident, $what:literal) => {
        #[doc = concat!("Returns ", $what, ".")]
        ///
        /// # Errors
        /// Those of the operating system.
        pub fn $get(&self) -> io::Result<u32> {
            self.socket.option(SocketOption::$option)
        }

        #[doc = concat!("Sets ", $what, ".")]
        ///
        /// # Errors
        /// Those of the operating system.
        pub fn $set(&self, value: u32) -> io::Result<()> {
            self.socket.set_option(SocketOption::$option, value)
        }
    };
}

impl TcpSocket {
    /// A socket of IPv4.
    ///
    /// # Errors
    /// When the process has no descriptors left; outside a runtime.
    pub fn new_v4() -> io::Result<Self> {
        Self::new(false)
    }

    /// A socket of IPv6.
    ///
    /// # Errors
    /// When the process has no descriptors left; outside a runtime.
    pub fn new_v6() -> io::Result<Self> {
        Self::new(true)
    }

    fn new(is_v6: bool) -> io::Result<Self> {
        let socket = in_current(|backend| backend.tcp_socket(is_v6))?;
        Ok(Self { socket })
    }

    /// Takes over a socket of the standard library, which is a `TcpStream` whether it is connected
    /// or not. It must be in non-blocking mode.
    ///
    /// A descriptor of another crate becomes one by [`FromRawFd`](std::os::fd::FromRawFd).
    ///
    /// # Panics
    /// Outside a runtime.
    ///
    /// # Under simulation
    /// Panics: a simulated world takes no real sockets.
    #[must_use]
    pub fn from_std_stream(stream: std::net::TcpStream) -> Self {
        let socket = in_current(|backend| backend.adopt_tcp_socket(stream));
        Self {
            socket: socket.unwrap_or_else(|error| panic!("{error}")),
        }
    }

    setting!(
        keepalive,
        set_keepalive,
        bool,
        KeepAlive,
        "an idle connection is probed (`SO_KEEPALIVE`)"
    );
    setting!(
        reuseaddr,
        set_reuseaddr,
        bool,
        ReuseAddress,
        "an address can be bound whose former connections linger (`SO_REUSEADDR`)"
    );
    setting!(
        reuseport,
        set_reuseport,
        bool,
        ReusePort,
        "an address can be bound by several sockets that all ask for it (`SO_REUSEPORT`)"
    );
    setting!(
        nodelay,
        set_nodelay,
        bool,
        NoDelay,
        "small writes are sent at once (`TCP_NODELAY`)"
    );
    setting!(
        send_buffer_size,
        set_send_buffer_size,
        u32,
        SendBuffer,
        "how many bytes wait to be sent (`SO_SNDBUF`); Linux returns twice what was set"
    );
    setting!(
        recv_buffer_size,
        set_recv_buffer_size,
        u32,
        ReceiveBuffer,
        "how many bytes wait to be read (`SO_RCVBUF`); Linux returns twice what was set"
    );
    setting!(
        tclass_v6,
        set_tclass_v6,
        u32,
        TclassV6,
        "the traffic class of its packets (`IPV6_TCLASS`)"
    );
    setting!(
        tos_v4,
        set_tos_v4,
        u32,
        TosV4,
        "the type of service of its packets (`IP_TOS`)"
    );
    setting!(
        tos,
        set_tos,
        u32,
        TosV4,
        "what `tos_v4` is, by its former name"
    );

    /// Sets the parameters of keep-alive, and turns it on.
    ///
    /// # Errors
    /// Those of the operating system: `EINVAL` for what Linux does not take.
    pub fn set_tcp_keepalive(&self, parameters: &TcpKeepalive) -> io::Result<()> {
        parameters.apply(|option, value| self.socket.set_option(option, value))
    }

    /// How long sent bytes may stay unacknowledged before the connection fails
    /// (`TCP_USER_TIMEOUT`). `None`: as long as the system has it, on Linux about 15 minutes.
    ///
    /// # Errors
    /// Those of the operating system; elsewhere than on Linux.
    pub fn tcp_user_timeout(&self) -> io::Result<Option<Duration>> {
        let millis = self.socket.option(SocketOption::UserTimeout)?;
        Ok((millis != 0).then(|| Duration::from_millis(millis.into())))
    }

    /// Sets how long sent bytes may stay unacknowledged, in whole milliseconds.
    ///
    /// # Errors
    /// Those of the operating system; elsewhere than on Linux.
    pub fn set_tcp_user_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        let millis = super::keep_alive::millis(limit);
        self.socket.set_option(SocketOption::UserTimeout, millis)
    }

    /// How long closing waits for unsent bytes (`SO_LINGER`).
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        self.socket.linger()
    }

    /// Sets how long closing waits for unsent bytes. Zero resets the connection instead.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.socket.set_linger(linger)
    }

    /// Has closing reset the connection.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn set_zero_linger(&self) -> io::Result<()> {
        self.socket.set_linger(Some(Duration::ZERO))
    }

    /// The interface it is bound to (`SO_BINDTODEVICE`).
    ///
    /// # Errors
    /// Those of the operating system; elsewhere than on Linux.
    pub fn device(&self) -> io::Result<Option<Vec<u8>>> {
        self.socket.device()
    }

    /// Binds it to an interface, or to none.
    ///
    /// # Errors
    /// Those of the operating system; elsewhere than on Linux.
    pub fn bind_device(&self, interface: Option<&[u8]>) -> io::Result<()> {
        self.socket.bind_device(interface)
    }

    /// The address it is bound to; the unspecified one with port 0 before.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Takes the pending error of the socket, if there is one.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.take_error()
    }

    /// Gives it an address; port 0 asks for a free one.
    ///
    /// # Errors
    /// `AddrInUse` if it is taken, which it is for 60 s after the last connection was closed from
    /// this side, unless [`reuseaddr`](Self::set_reuseaddr) is set; `AddrNotAvailable` if it is not
    /// of this host.
    pub fn bind(&self, addr: SocketAddr) -> io::Result<()> {
        self.socket.bind(addr)
    }

    /// Connects to `addr`, from the bound address if there is one.
    ///
    /// # Errors
    /// As [`TcpStream::connect`].
    ///
    /// # Cancel safety
    /// A dropped future has closed the socket.
    #[track_caller]
    #[must_use = "futures do nothing unless awaited"]
    pub fn connect(self, addr: SocketAddr) -> impl Future<Output = io::Result<TcpStream>> {
        let site = Location::caller();
        let socket = self.socket;
        async move {
            let stream = connected(site, move || socket.connect(addr)).await?;
            Ok(TcpStream::from_backend(stream, site))
        }
    }

    /// Listens on the bound address. `backlog` connections, and on Linux one more, wait to be
    /// accepted; attempts beyond are not answered.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn listen(self, backlog: u32) -> io::Result<TcpListener> {
        let listener = self.socket.listen(backlog)?;
        Ok(TcpListener::from_backend(listener))
    }
}

debug_addresses!(TcpSocket, "addr": local_addr);
as_fd!(TcpSocket, socket);
