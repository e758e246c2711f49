//! The data.
//!
//! Owns the keys, their values and how long they live. Knows nothing of requests, replies, tasks
//! or clocks: every operation is told what time it is.

mod deadlines;
mod entries;

pub use self::entries::{NumberError, Store, Ttl, Until};
