//! Servers that hold the same: one decides, others follow.
//!
//! Owns who decides, the connections between primary and replica, and what is told of them. Knows
//! nothing of what requests do.

mod kept;
mod role;

mod frame;
mod replicas;

mod apply;
mod follow;
mod supply;

mod report;

pub(crate) use self::apply::apply;
pub(crate) use self::follow::run;
#[cfg(feature = "fuzzing")]
pub(crate) use self::frame::{check_frames, check_lines};
pub(crate) use self::kept::Told;
pub(crate) use self::report::{info, role};
pub(crate) use self::role::{Primary, Replication, Roles};
pub(crate) use self::supply::{Asked, supply};
