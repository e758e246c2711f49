//! What goes wrong in a world, as its plan of faults says.
//!
//! Owns the decision whether a fault happens, and the counts. What a fault does is the business of
//! whoever asks.
//!
//! ```text
//! an operation, or a moment of the agenda
//!   |  is the kind in the plan?  no: nothing, not even a choice
//!   v
//! offered -- its time has come, this run has it --> armed -- the strategy says so --> fired
//!                                                            a budget is spent: blocked
//!                                                            the program saw it: observed
//! ```

mod agenda;
mod choose;
mod clocks;
mod state;
mod tally;
mod under_way;

pub(crate) use self::choose::{FaultPoint, LossOdds};
pub(crate) use self::state::Faults;
pub(crate) use self::tally::{Entry, Named, merge_entries};
pub use self::tally::{FaultCounts, FaultTally};
pub(crate) use self::under_way::Act;
