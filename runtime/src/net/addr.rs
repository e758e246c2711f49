//! What can be turned into socket addresses.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// Something that names one or more socket addresses.
///
/// A pair of host and port, or a string `host:port`, is looked up unless the host is a literal
/// address. Cannot be implemented outside this crate.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let listener = simoom::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
/// let addr = listener.local_addr().unwrap();
/// simoom::net::TcpStream::connect(addr).await.unwrap();
/// simoom::net::TcpStream::connect(addr.to_string()).await.unwrap();
/// # });
/// ```
pub trait ToSocketAddrs: sealed::Named {}

impl<T: sealed::Named + ?Sized> ToSocketAddrs for T {}

/// What a name says before it is looked up.
#[derive(Debug)]
pub enum Named {
    /// The addresses are known.
    Known(Vec<SocketAddr>),
    /// They are to be looked up.
    Host {
        /// The name.
        host: String,
        /// The port of every address.
        port: u16,
    },
    /// It names nothing.
    Invalid(io::Error),
}

pub(crate) mod sealed {
    /// The part of [`ToSocketAddrs`](super::ToSocketAddrs) that only this crate can name.
    pub trait Named {
        /// What `self` says.
        fn named(&self) -> super::Named;
    }
}

impl Named {
    fn one(addr: impl Into<SocketAddr>) -> Self {
        Self::Known(vec![addr.into()])
    }

    fn host(host: &str, port: u16) -> Self {
        match host.parse::<IpAddr>() {
            Ok(ip) => Self::one((ip, port)),
            Err(_) => Self::Host {
                host: host.to_owned(),
                port,
            },
        }
    }

    fn text(text: &str) -> Self {
        if let Ok(addr) = text.parse::<SocketAddr>() {
            return Self::one(addr);
        }
        let Some((host, port)) = text.rsplit_once(':') else {
            return Self::invalid("a socket address needs a port, as in `host:80`");
        };
        match port.parse() {
            Ok(port) => Self::host(host, port),
            Err(_) => Self::invalid("the port of a socket address must be a number below 65536"),
        }
    }

    fn invalid(text: &'static str) -> Self {
        Self::Invalid(io::Error::new(io::ErrorKind::InvalidInput, text))
    }
}

impl sealed::Named for SocketAddr {
    fn named(&self) -> Named {
        Named::one(*self)
    }
}

impl sealed::Named for SocketAddrV4 {
    fn named(&self) -> Named {
        Named::one(*self)
    }
}

impl sealed::Named for SocketAddrV6 {
    fn named(&self) -> Named {
        Named::one(*self)
    }
}

impl sealed::Named for (IpAddr, u16) {
    fn named(&self) -> Named {
        Named::one(*self)
    }
}

impl sealed::Named for (Ipv4Addr, u16) {
    fn named(&self) -> Named {
        Named::one(*self)
    }
}

impl sealed::Named for (Ipv6Addr, u16) {
    fn named(&self) -> Named {
        Named::one(*self)
    }
}

impl sealed::Named for [SocketAddr] {
    fn named(&self) -> Named {
        Named::Known(self.to_vec())
    }
}

impl sealed::Named for str {
    fn named(&self) -> Named {
        Named::text(self)
    }
}

impl sealed::Named for String {
    fn named(&self) -> Named {
        Named::text(self)
    }
}

impl sealed::Named for (&str, u16) {
    fn named(&self) -> Named {
        Named::host(self.0, self.1)
    }
}

impl sealed::Named for (String, u16) {
    fn named(&self) -> Named {
        Named::host(&self.0, self.1)
    }
}

impl<T: sealed::Named + ?Sized> sealed::Named for &T {
    fn named(&self) -> Named {
        (**self).named()
    }
}
