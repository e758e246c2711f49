//! An async runtime whose time and I/O are pluggable: the same compiled code runs on epoll or
//! kqueue in production and, in a test, inside a seeded simulator that delays, reorders and breaks
//! things and repeats any failure exactly.
//!
//! Names and meanings follow tokio where tokio has the thing.

pub mod backend;
mod context;
mod coop;
pub mod io;
mod macros;
pub mod net;
pub mod rand;
pub mod runtime;
mod shim;
pub mod signal;
pub mod sync;
pub mod task;
pub mod time;

pub use self::macros::{main, test};
pub use self::task::spawn;

#[doc(hidden)]
pub use self::macros::support as __private;
