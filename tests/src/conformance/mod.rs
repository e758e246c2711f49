//! The simulator beside a Linux whose network and disks misbehave.
//!
//! Owns bodies that run on the real world, between two network namespaces or on a file system
//! within a file, and in the simulator, and their comparison: what the real world answered must be
//! among what the simulator can answer. Knows nothing of how either works inside.

mod bodies;
mod cases;
mod datagrams;
mod disk;
mod namespaces;
mod net;
mod survivors;
mod told;
mod two;
mod volume;
mod wire;

pub use self::disk::disk;
pub use self::net::net;
pub use self::told::{Missing, Outcome, Request, Summary};
