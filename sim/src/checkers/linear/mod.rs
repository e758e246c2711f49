//! Whether a history is linearizable: each operation takes effect at one moment between its call
//! and its return, and the answers are those of one copy that does one thing after the other.
//!
//! The search is that of Wing and Gong (*Testing and verifying concurrent objects*, 1993) with the
//! memory of what was tried by Lowe (*Testing for linearizability*, 2017), for each partition of
//! the history by itself (Horn and Kroening, *Faster linearizability checking via
//! P-compositionality*, 2015). To decide it is NP-hard: a budget of steps ends it.
//!
//! # Examples
//! ```
//! use std::time::Duration;
//! use simoom_sim::history::{Moment, Operation};
//! use simoom_sim::linear::{self, Register, RegisterOp, RegisterRet};
//!
//! let at = |event| Moment::new(event, Duration::from_millis(event));
//! let write = |client, value, from, to| {
//!     Operation::new(client, RegisterOp::Write(value), at(from)).returned(RegisterRet::Written, at(to))
//! };
//! let read = |client, value, from, to| {
//!     Operation::new(client, RegisterOp::Read, at(from)).returned(RegisterRet::Value(value), at(to))
//! };
//! // A write that overlaps two reads may come between them.
//! let history = [write("a", 1, 1, 9), read("b", 0, 2, 3), read("b", 1, 4, 5)];
//! assert!(linear::check(&Register::new(0), &history).is_linearizable());
//!
//! // But what was read is not unread.
//! let history = [write("a", 1, 1, 9), read("b", 1, 2, 3), read("c", 0, 4, 5)];
//! let verdict = linear::check(&Register::new(0), &history);
//! assert_eq!(verdict.violation().unwrap().operations(), [0, 1, 2]);
//! ```

mod model;
mod models;
mod placed;
mod search;
mod verdict;

pub use self::model::Model;
pub use self::models::{
    Lock, LockOp, LockRet, Map, MapOp, MapRet, Queue, QueueOp, QueueRet, Register, RegisterOp,
    RegisterRet,
};
pub use self::verdict::{STEPS, Verdict, Violation, check, check_within};

#[cfg(test)]
mod tests;
