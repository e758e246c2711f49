//! What judges a run by what was written down of it: histories, ledgers, and who checks them.
//!
//! Owns the written form and the judgement. Knows nothing of worlds, nodes or schedules: a stored
//! history is judged as one that has just been made.

pub mod history;
pub(crate) mod leaks;
pub mod ledger;
pub mod linear;
mod sheet;

#[cfg(feature = "fuzzing")]
pub(crate) use self::history::check_history;
#[cfg(feature = "fuzzing")]
pub(crate) use self::ledger::check_ledger;
pub(crate) use self::sheet::{Lines, Written};
