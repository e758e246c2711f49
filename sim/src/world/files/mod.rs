//! The files of nodes: open files, operations on their way, and how long they take.
//!
//! Owns the way from an operation to its end in virtual time, the faults on it, and what happens
//! to it when its process is killed or its machine loses power. Knows nothing of what an operation
//! does to a disk.
//!
//! ```text
//!   submit_on_path ------------------------.       latency / 2          latency / 2
//!                                          v  start            happen             end
//!   submit_on_file --> (waiting) ------> (under way) -------> (ending) --------> (over) -> taken
//!                         ^  a lane's front    |                                   |
//!                         |                    '-- more to do: start again         |
//!                         '------------------ the next of the lane ----------------'
//! ```
//!
//! # Invariants
//! 1. Operations on one handle happen in the order in which they were submitted; those that may
//!    overlap may overlap each other and nothing else.
//! 2. A handle is there until it was dropped and its last operation is over.
//! 3. Every open file, and every operation that keeps one, holds its inode.

mod carry;
mod jobs;
mod latency;
mod order;
mod power;
mod state;

pub(crate) use self::state::{Ended, Files, Found, HandleId, JobId, Machine};
