//! The settings and groups of a socket for UDP datagrams.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::udp_socket::UdpSocket;
use crate::backend::{Interface, SocketOption};

impl UdpSocket {
    /// Whether it may send to broadcast addresses (`SO_BROADCAST`). Off in a new socket.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn broadcast(&self) -> io::Result<bool> {
        self.switch(SocketOption::Broadcast)
    }

    /// Sets whether it may send to broadcast addresses.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn set_broadcast(&self, on: bool) -> io::Result<()> {
        self.socket.set_option(SocketOption::Broadcast, on.into())
    }

    /// Whether this host receives what it sends to groups of IPv4. On in a new socket.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn multicast_loop_v4(&self) -> io::Result<bool> {
        self.switch(SocketOption::MulticastLoopV4)
    }

    /// Sets whether this host receives what it sends to groups of IPv4.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn set_multicast_loop_v4(&self, on: bool) -> io::Result<()> {
        self.socket
            .set_option(SocketOption::MulticastLoopV4, on.into())
    }

    /// How many routers its packets to groups of IPv4 may pass, plus one. 1 in a new socket.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
        self.socket.option(SocketOption::MulticastTtlV4)
    }

    /// Sets how many routers its packets to groups of IPv4 may pass, plus one.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn set_multicast_ttl_v4(&self, ttl: u32) -> io::Result<()> {
        self.socket.set_option(SocketOption::MulticastTtlV4, ttl)
    }

    /// Whether this host receives what it sends to groups of IPv6. On in a new socket.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn multicast_loop_v6(&self) -> io::Result<bool> {
        self.switch(SocketOption::MulticastLoopV6)
    }

    /// Sets whether this host receives what it sends to groups of IPv6.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn set_multicast_loop_v6(&self, on: bool) -> io::Result<()> {
        self.socket
            .set_option(SocketOption::MulticastLoopV6, on.into())
    }

    /// The traffic class of its packets (`IPV6_TCLASS`).
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn tclass_v6(&self) -> io::Result<u32> {
        self.socket.option(SocketOption::TclassV6)
    }

    /// Sets the traffic class of its packets.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn set_tclass_v6(&self, tclass: u32) -> io::Result<()> {
        self.socket.set_option(SocketOption::TclassV6, tclass)
    }

    /// How many routers its packets may pass, plus one.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn ttl(&self) -> io::Result<u32> {
        self.socket.option(SocketOption::Ttl)
    }

    /// Sets how many routers its packets may pass, plus one.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.socket.set_option(SocketOption::Ttl, ttl)
    }

    /// The type of service of its packets (`IP_TOS`).
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn tos_v4(&self) -> io::Result<u32> {
        self.socket.option(SocketOption::TosV4)
    }

    /// Sets the type of service of its packets.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn set_tos_v4(&self, tos: u32) -> io::Result<()> {
        self.socket.set_option(SocketOption::TosV4, tos)
    }

    /// As [`tos_v4`](Self::tos_v4), its former name.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn tos(&self) -> io::Result<u32> {
        self.tos_v4()
    }

    /// As [`set_tos_v4`](Self::set_tos_v4), its former name.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn set_tos(&self, tos: u32) -> io::Result<()> {
        self.set_tos_v4(tos)
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
    ///
    /// # Under simulation
    /// `ENODEV` for any interface but `lo` and `eth0`; it changes nothing.
    pub fn bind_device(&self, interface: Option<&[u8]>) -> io::Result<()> {
        self.socket.bind_device(interface)
    }

    /// Receives what is sent to `multiaddr` from now on, on the interface that has the address
    /// `interface`.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn join_multicast_v4(&self, multiaddr: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        let interface = Interface::Address(interface);
        self.socket.group(IpAddr::V4(multiaddr), interface, true)
    }

    /// Receives what is sent to `multiaddr` from now on, on the interface of number `interface`.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn join_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        let interface = Interface::Index(interface);
        self.socket.group(IpAddr::V6(*multiaddr), interface, true)
    }

    /// No longer receives what is sent to `multiaddr`.
    ///
    /// # Errors
    /// Those of the operating system: `AddrNotAvailable` if it was not a member.
    pub fn leave_multicast_v4(&self, multiaddr: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        let interface = Interface::Address(interface);
        self.socket.group(IpAddr::V4(multiaddr), interface, false)
    }

    /// No longer receives what is sent to `multiaddr`.
    ///
    /// # Errors
    /// Those of the operating system: `AddrNotAvailable` if it was not a member.
    pub fn leave_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        let interface = Interface::Index(interface);
        self.socket.group(IpAddr::V6(*multiaddr), interface, false)
    }

    fn switch(&self, option: SocketOption) -> io::Result<bool> {
        Ok(self.socket.option(option)? != 0)
    }
}
