//! Socket handles: plain numbers that name a socket of one world.
//!
//! A handle that leaves its world gets errors; dropped elsewhere it does nothing, since its world
//! closes what is left by itself.

mod command;
mod descriptor;
mod files;
mod handle;
mod inside;
mod pipe;
mod processes;
mod standard;
mod tcp;
mod tcp_socket;
mod udp;
mod unix;

pub(crate) use self::tcp::{SimListener, SimStream};
