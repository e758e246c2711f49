//! The data.
//!
//! Owns the keys, their values and how long they live, and what changes as bytes. Knows nothing of
//! requests, replies, files or tasks: every operation is told what time it is.

mod deadlines;
mod entries;
mod journal;
mod lists;
mod restore;
mod value;
mod watched;

pub(crate) use self::entries::Held;
pub use self::entries::{NumberError, Store, Ttl, Until};
#[cfg(feature = "fuzzing")]
pub(crate) use self::journal::clock_at;
pub(crate) use self::journal::{Both, Change, decode, encode};
pub(crate) use self::lists::{Popped, Waiting};
pub use self::value::{End, Kind, WrongType};
