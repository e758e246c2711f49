//! Who makes the choices of a run.
//!
//! Owns the strategies and their text form. A strategy sees anchors and alternatives, never the
//! world: what it says depends on the seed, on what it was asked and on what it was told.

mod choose;
mod disturbance;
mod explorer;
mod fair;
#[cfg(feature = "fuzzing")]
mod given;
mod named;
mod pct;
mod pos;
mod prefix;
mod priorities;
mod profile;
mod random;
mod reads_from;
mod releases;
mod replay;
mod sites;
mod starvation;
mod surw;

pub(crate) use self::choose::{Choose, Doing, Learnt, Look, Odds, Order, Scheduling, Step, Thing};
pub(crate) use self::explorer::{Explored, Explorer, Footprint, Orders};
#[cfg(feature = "fuzzing")]
pub(crate) use self::given::{Given, Noticed, Numbers};
pub use self::named::{Strategy, UnknownStrategy};
pub(crate) use self::prefix::Prefix;
pub(crate) use self::profile::Profile;
pub(crate) use self::replay::Replay;

#[cfg(test)]
mod tests;
