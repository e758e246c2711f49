//! The Unix sockets of every node: streams, listeners, messages, and their names.
//!
//! Owns what a socket is, apart from the handle a task holds. Handles are plain numbers.
//!
//! Follows Linux (`net/unix/af_unix.c`) where a program can tell. What is written can be read at
//! once: no time passes between two processes of one machine, and nothing is lost.

mod charge;
mod close;
mod datagram;
mod listener;
mod names;
mod stream;
mod table;

pub(crate) use self::close::Closing;
pub(crate) use self::datagram::Datagram;
pub(crate) use self::listener::Listener;
pub(crate) use self::names::{Binding, Holder, Names};
pub(crate) use self::stream::{Connection, End};
pub(crate) use self::table::{SocketId, Table, UnixSockets};
pub(crate) use super::waiting::Waiting;
