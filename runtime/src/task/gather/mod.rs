//! Several tasks whose outputs are wanted together.
//!
//! Owns which of them have ended, and what the first failure leads to. Knows nothing of groups, which
//! end with their tasks: what is gathered or waited for may go on without whoever waits.

mod completed;
mod error;
mod gathered;
mod outcomes;
mod race;
mod wait;
mod watched;

pub use self::completed::{AsCompleted, NextCompleted, as_completed};
pub use self::error::GatherError;
pub use self::gathered::{Gather, GatherValues, gather};
pub use self::race::{Race, race};
pub use self::wait::{Wait, Waited, wait};
