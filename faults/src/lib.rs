//! The words for what goes wrong.
//!
//! Owns the vocabulary: which faults there are, where, when and how often they are to happen, and
//! the text in which that is written down. Has no behaviour: it knows of no world, no clock and no
//! chance, and what carries the words out is `simoom-sim`.
//!
//! | Item | Is |
//! | --- | --- |
//! | [`Kind`], [`Family`], [`Unit`] | what can happen, by stable names such as `disk.sync.failed` |
//! | [`Fault`] | one kind with a place, a time, a probability and a magnitude |
//! | [`Target`], [`When`], [`Ratio`] | what a fault is made of |
//! | [`Plan`] | several of them, with what must never be down together |
//! | [`Profile`] | plans for a start: `calm`, `lossy`, `hostile`, `swarm` |
//!
//! With the feature `proptest`, the module of this name draws them.
//!
//! # Examples
//! ```
//! use std::time::Duration;
//! use simoom_faults::{Fault, Kind, Plan, Ratio, Target};
//!
//! let plan = Plan::new()
//!     .fault(Fault::new(Kind::DiskSyncFailed).target(Target::path("/data/*")).probability(Ratio::one_in(100)))
//!     .fault(Fault::new(Kind::NodeKilled).lasting(Duration::from_millis(100)..=Duration::from_secs(5)))
//!     .at_most(1, ["replica-1", "replica-2", "replica-3"]);
//! assert_eq!(plan.to_string().parse(), Ok(plan));
//! ```

#![forbid(unsafe_code)]

mod fault;
mod kind;
mod plan;
mod profile;
#[cfg(feature = "proptest")]
pub mod proptest;
mod ratio;
mod target;
mod text;
mod when;

pub use self::fault::{Expected, Fault};
pub use self::kind::{Family, Kind, Unit, UnknownKind};
pub use self::plan::{Group, Invalid, Plan, Problem};
pub use self::profile::{Profile, UnknownProfile};
pub use self::ratio::Ratio;
pub use self::target::{Place, Target};
pub use self::text::{TextError, TextErrors};
pub use self::when::When;
