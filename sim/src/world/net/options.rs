//! Settings of sockets: defaults and limits as those of Linux (socket(7), ip(7), tcp(7)).

use std::collections::BTreeMap;
use std::io;

use simoom::backend::SocketOption;

use super::errors::os;

/// The settings of one socket that differ from the defaults.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    set: BTreeMap<SocketOption, u32>,
    is_stream: bool,
    is_v6: bool,
}

/// The most that `SO_SNDBUF` and `SO_RCVBUF` take (net.core.wmem_max, rmem_max).
const BUFFER_MAX: u32 = 212_992;

impl Options {
    pub(crate) fn stream(is_v6: bool) -> Self {
        Self {
            is_stream: true,
            is_v6,
            ..Self::default()
        }
    }

    pub(crate) fn datagram(is_v6: bool) -> Self {
        Self {
            is_v6,
            ..Self::default()
        }
    }

    pub(crate) fn get(&self, option: SocketOption) -> io::Result<u32> {
        if self.is_foreign(option) {
            return Err(os(libc::EOPNOTSUPP));
        }
        Ok(self.value(option))
    }

    /// The value of `option`, where it is known to be one of this socket's.
    pub(crate) fn value(&self, option: SocketOption) -> u32 {
        match self.set.get(&option) {
            Some(&value) => value,
            None => self.default_of(option),
        }
    }

    /// Whether the switch `option` is on.
    pub(crate) fn is_on(&self, option: SocketOption) -> bool {
        self.value(option) != 0
    }

    /// The value of `option` if it was set.
    pub(crate) fn given(&self, option: SocketOption) -> Option<u32> {
        self.set.get(&option).copied()
    }

    pub(crate) fn set(&mut self, option: SocketOption, value: u32) -> io::Result<()> {
        if self.is_foreign(option) {
            return Err(os(libc::ENOPROTOOPT));
        }
        let value = match option {
            SocketOption::Ttl => within(value, 1, 255)?,
            SocketOption::TosV4 if self.is_stream => value & 0xfc,
            SocketOption::TosV4 => value & 0xff,
            SocketOption::TclassV6 | SocketOption::MulticastTtlV4 => within(value, 0, 255)?,
            // The kernel keeps twice as much, for its own bookkeeping.
            SocketOption::SendBuffer => (value.min(BUFFER_MAX) * 2).max(4_608),
            SocketOption::ReceiveBuffer => (value.min(BUFFER_MAX) * 2).max(2_304),
            SocketOption::KeepAliveTime | SocketOption::KeepAliveInterval => {
                within(value, 1, 32_767)?
            }
            SocketOption::KeepAliveRetries => within(value, 1, 127)?,
            SocketOption::UserTimeout => within(value, 0, i32::MAX as u32)?,
            _ => u32::from(value != 0),
        };
        self.set.insert(option, value);
        // As `socket2` has it: parameters of keep-alive turn it on.
        if matches!(
            option,
            SocketOption::KeepAliveTime
                | SocketOption::KeepAliveInterval
                | SocketOption::KeepAliveRetries
        ) {
            self.set.insert(SocketOption::KeepAlive, 1);
        }
        Ok(())
    }

    /// What is of IPv6 is not known to a socket of IPv4; the other way round it is.
    fn is_foreign(&self, option: SocketOption) -> bool {
        let of_v6 = matches!(
            option,
            SocketOption::TclassV6 | SocketOption::MulticastLoopV6
        );
        of_v6 && !self.is_v6
    }

    fn default_of(&self, option: SocketOption) -> u32 {
        match option {
            SocketOption::Ttl => 64,
            SocketOption::MulticastLoopV4
            | SocketOption::MulticastTtlV4
            | SocketOption::MulticastLoopV6
            | SocketOption::QuickAck => 1,
            // The middle numbers of tcp_wmem and tcp_rmem.
            SocketOption::SendBuffer if self.is_stream => 16_384,
            SocketOption::ReceiveBuffer if self.is_stream => 131_072,
            SocketOption::SendBuffer | SocketOption::ReceiveBuffer => BUFFER_MAX,
            SocketOption::KeepAliveTime => 7_200,
            SocketOption::KeepAliveInterval => 75,
            SocketOption::KeepAliveRetries => 9,
            _ => 0,
        }
    }
}

fn within(value: u32, least: u32, most: u32) -> io::Result<u32> {
    if (least..=most).contains(&value) {
        Ok(value)
    } else {
        Err(os(libc::EINVAL))
    }
}
