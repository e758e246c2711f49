//! What can be set on a socket, by name.
//!
//! Owns the list. Every value is a number: a switch is 0 or 1.

/// A setting of a socket; its values are those of the operating system's manual pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SocketOption {
    /// `IP_TTL`: routers that packets may pass, plus one.
    Ttl,
    /// `IP_TOS`: the type of service of IPv4.
    TosV4,
    /// `IPV6_TCLASS`: the traffic class of IPv6.
    TclassV6,
    /// `SO_BROADCAST`, a switch.
    Broadcast,
    /// `IP_MULTICAST_LOOP`, a switch.
    MulticastLoopV4,
    /// `IP_MULTICAST_TTL`.
    MulticastTtlV4,
    /// `IPV6_MULTICAST_LOOP`, a switch.
    MulticastLoopV6,
    /// `SO_REUSEADDR`, a switch.
    ReuseAddress,
    /// `SO_REUSEPORT`, a switch.
    ReusePort,
    /// `SO_SNDBUF` in bytes; Linux returns twice what was set.
    SendBuffer,
    /// `SO_RCVBUF` in bytes; Linux returns twice what was set.
    ReceiveBuffer,
    /// `TCP_NODELAY`, a switch.
    NoDelay,
    /// `TCP_QUICKACK`, a switch.
    QuickAck,
    /// `SO_KEEPALIVE`, a switch.
    KeepAlive,
    /// `TCP_KEEPIDLE` in seconds.
    KeepAliveTime,
    /// `TCP_KEEPINTVL` in seconds.
    KeepAliveInterval,
    /// `TCP_KEEPCNT`.
    KeepAliveRetries,
    /// `TCP_USER_TIMEOUT` in milliseconds; 0 is the system's own limit.
    UserTimeout,
}
