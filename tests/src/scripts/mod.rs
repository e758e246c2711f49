//! Random scripts of what two ends of a TCP connection do, run on loopback and in the simulator.
//!
//! Owns the scripts and their comparison: what the operating system answered must be among the
//! answers that the simulator can give. Knows nothing of how either world works.

mod act;
mod compare;
mod script;

pub use self::act::{Pace, act};
pub use self::compare::{Comparison, compare, real};
pub use self::script::{End, Script, Step};
