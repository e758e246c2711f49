//! Datagrams: sockets, and how what they send travels.

mod flight;
mod receiving;
mod sending;
mod socket;

pub(crate) use self::flight::Flight;
pub(crate) use self::socket::{Udp, UdpId};
