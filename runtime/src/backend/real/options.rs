//! Settings of the operating system's sockets.
//!
//! Owns which call sets what. Knows nothing of who asks.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

use crate::backend::SocketOption;

/// The value of `option`.
pub(super) fn option(socket: &SockRef<'_>, option: SocketOption) -> io::Result<u32> {
    let size = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
    let seconds = |duration: Duration| u32::try_from(duration.as_secs()).unwrap_or(u32::MAX);
    match option {
        SocketOption::Ttl => socket.ttl_v4(),
        SocketOption::TosV4 => socket.tos_v4(),
        SocketOption::TclassV6 => socket.tclass_v6(),
        SocketOption::Broadcast => socket.broadcast().map(u32::from),
        SocketOption::MulticastLoopV4 => socket.multicast_loop_v4().map(u32::from),
        SocketOption::MulticastTtlV4 => socket.multicast_ttl_v4(),
        SocketOption::MulticastLoopV6 => socket.multicast_loop_v6().map(u32::from),
        SocketOption::ReuseAddress => socket.reuse_address().map(u32::from),
        SocketOption::ReusePort => socket.reuse_port().map(u32::from),
        SocketOption::SendBuffer => socket.send_buffer_size().map(size),
        SocketOption::ReceiveBuffer => socket.recv_buffer_size().map(size),
        SocketOption::NoDelay => socket.tcp_nodelay().map(u32::from),
        #[cfg(any(target_os = "linux", target_os = "android"))]
        SocketOption::QuickAck => socket.tcp_quickack().map(u32::from),
        SocketOption::KeepAlive => socket.keepalive().map(u32::from),
        SocketOption::KeepAliveTime => socket.tcp_keepalive_time().map(seconds),
        SocketOption::KeepAliveInterval => socket.tcp_keepalive_interval().map(seconds),
        SocketOption::KeepAliveRetries => socket.tcp_keepalive_retries(),
        #[cfg(any(target_os = "linux", target_os = "android"))]
        SocketOption::UserTimeout => socket.tcp_user_timeout().map(|limit| {
            limit.map_or(0, |limit| {
                u32::try_from(limit.as_millis()).unwrap_or(u32::MAX)
            })
        }),
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        SocketOption::QuickAck | SocketOption::UserTimeout => {
            Err(io::ErrorKind::Unsupported.into())
        }
    }
}

/// Sets `option`.
pub(super) fn set_option(socket: &SockRef<'_>, option: SocketOption, value: u32) -> io::Result<()> {
    let on = value != 0;
    let seconds = Duration::from_secs(value.into());
    match option {
        SocketOption::Ttl => socket.set_ttl_v4(value),
        SocketOption::TosV4 => socket.set_tos_v4(value),
        SocketOption::TclassV6 => socket.set_tclass_v6(value),
        SocketOption::Broadcast => socket.set_broadcast(on),
        SocketOption::MulticastLoopV4 => socket.set_multicast_loop_v4(on),
        SocketOption::MulticastTtlV4 => socket.set_multicast_ttl_v4(value),
        SocketOption::MulticastLoopV6 => socket.set_multicast_loop_v6(on),
        SocketOption::ReuseAddress => socket.set_reuse_address(on),
        SocketOption::ReusePort => socket.set_reuse_port(on),
        SocketOption::SendBuffer => socket.set_send_buffer_size(value as usize),
        SocketOption::ReceiveBuffer => socket.set_recv_buffer_size(value as usize),
        SocketOption::NoDelay => socket.set_tcp_nodelay(on),
        #[cfg(any(target_os = "linux", target_os = "android"))]
        SocketOption::QuickAck => socket.set_tcp_quickack(on),
        SocketOption::KeepAlive => socket.set_keepalive(on),
        SocketOption::KeepAliveTime => keepalive(socket, TcpKeepalive::new().with_time(seconds)),
        SocketOption::KeepAliveInterval => {
            keepalive(socket, TcpKeepalive::new().with_interval(seconds))
        }
        SocketOption::KeepAliveRetries => {
            keepalive(socket, TcpKeepalive::new().with_retries(value))
        }
        #[cfg(any(target_os = "linux", target_os = "android"))]
        SocketOption::UserTimeout => {
            let limit = on.then(|| Duration::from_millis(value.into()));
            socket.set_tcp_user_timeout(limit)
        }
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        SocketOption::QuickAck | SocketOption::UserTimeout => {
            Err(io::ErrorKind::Unsupported.into())
        }
    }
}

/// Sets parameters of keep-alive, which turns it on as well.
fn keepalive(socket: &SockRef<'_>, parameters: TcpKeepalive) -> io::Result<()> {
    socket.set_tcp_keepalive(&parameters)
}
