//! Plans for a start.
//!
//! The numbers are where others' simulators start, and each says whose. They are meant to be
//! merged with what a program needs.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::{Fault, Kind, Plan, Ratio};

/// A plan by name.
///
/// In every profile, a sweep in which a kind of fault finds nothing to hit is fine: a program
/// without files has no disk that could fail.
///
/// | Profile | Has |
/// | --- | --- |
/// | `calm` | no fault |
/// | `lossy` | a bad network: loss, duplicates, reordering, clogs, resets |
/// | `hostile` | that, and partitions, failing disks, wrong clocks, nodes that stop and come back |
/// | `swarm` | in each run, about half of the families of `hostile`, with probabilities and magnitudes of the run's own |
///
/// # Examples
/// ```
/// use simoom_faults::{Kind, Plan, Profile};
///
/// assert!(Plan::from(Profile::calm()).faults().is_empty());
/// assert_eq!("hostile".parse(), Ok(Profile::hostile()));
/// let plan = Plan::from(Profile::hostile()).spare(["client"]).without(Kind::ClockStepped);
/// assert!(plan.check().is_ok());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Profile(Name);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Name {
    Calm,
    Lossy,
    Hostile,
    Swarm,
}

impl Profile {
    /// Every profile, the mildest first.
    pub const ALL: [Self; 4] = [
        Self(Name::Calm),
        Self(Name::Lossy),
        Self(Name::Hostile),
        Self(Name::Swarm),
    ];

    /// No fault.
    #[must_use]
    pub const fn calm() -> Self {
        Self(Name::Calm)
    }

    /// A bad network on which everything arrives in the end.
    ///
    /// Loss of 1 in 100 is what Cassandra's simulator calls a flaky link (1 % to 10 %), duplicates
    /// of 1 in 100 are the mild end of TigerBeetle's replay (0 to 50 %), clogs last up to 10 s with
    /// short ones the most frequent as in FoundationDB's `RandomClogging`.
    #[must_use]
    pub const fn lossy() -> Self {
        Self(Name::Lossy)
    }

    /// Everything that goes wrong on machines that are kept well, more often than there.
    ///
    /// Nodes stop about once in 20 s for up to 10 s, as under FoundationDB's `Attrition` (reboots
    /// take 0 to 10 s); partitions come at up to 3 % of opportunities as in TigerBeetle's VOPR;
    /// disk errors at 1 in 1000 are the low end of its 0 to 10 %; clocks step by up to 288 s as
    /// under Jepsen's bump, in the same even spread over orders of magnitude, and are off by up to
    /// a second.
    #[must_use]
    pub const fn hostile() -> Self {
        Self(Name::Hostile)
    }

    /// `hostile` at up to four times its probabilities; each run does without about half of the
    /// families and draws how probable and how big the faults of the others are.
    #[must_use]
    pub const fn swarm() -> Self {
        Self(Name::Swarm)
    }

    fn name(self) -> &'static str {
        match self.0 {
            Name::Calm => "calm",
            Name::Lossy => "lossy",
            Name::Hostile => "hostile",
            Name::Swarm => "swarm",
        }
    }
}

impl From<Profile> for Plan {
    fn from(profile: Profile) -> Self {
        match profile.0 {
            Name::Calm => Self::new(),
            Name::Lossy => all(LOSSY, 1),
            Name::Hostile => all(LOSSY, 1).merge(all(HOSTILE, 1)),
            Name::Swarm => all(LOSSY, 4).merge(all(HOSTILE, 4)).swarm(),
        }
    }
}

fn all(kinds: &[(Kind, u32)], more: u32) -> Plan {
    kinds.iter().fold(Plan::new(), |plan, &(kind, one_in)| {
        let mut fault = Fault::new(kind)
            .probability(Ratio::new(more.min(one_in), one_in))
            .if_reached();
        if kind == Kind::UserBuggified {
            fault = fault.active(Ratio::new(1, 4));
        }
        if kind == Kind::NodeShutDown {
            fault = fault.lasting(Duration::from_secs(1)..=Duration::from_secs(10));
        }
        plan.fault(fault)
    })
}

/// Each with one in how many opportunities.
const LOSSY: &[(Kind, u32)] = &[
    (Kind::NetSegmentLost, 100),
    (Kind::NetDatagramLost, 100),
    (Kind::NetDatagramDuplicated, 100),
    (Kind::NetDatagramReordered, 50),
    (Kind::NetLinkClogged, 20),
    (Kind::NetConnectionReset, 1_000),
    (Kind::NetConnectionRefused, 100),
];

const HOSTILE: &[(Kind, u32)] = &[
    (Kind::NetLinkCut, 33),
    (Kind::NetLinkCutOneWay, 66),
    (Kind::OsDescriptorsExhausted, 100),
    (Kind::DiskReadFailed, 1_000),
    (Kind::DiskWriteFailed, 1_000),
    (Kind::DiskSyncFailed, 1_000),
    (Kind::DiskSpaceExhausted, 1_000),
    (Kind::DiskReadShortened, 50),
    (Kind::DiskWriteShortened, 50),
    (Kind::DiskAccessSlowed, 100),
    (Kind::DiskSectorTorn, 4),
    (Kind::DiskUnsyncedLost, 2),
    (Kind::NodeKilled, 40),
    (Kind::NodePowerLost, 40),
    (Kind::NodeRestarted, 60),
    (Kind::NodePaused, 40),
    (Kind::NodeShutDown, 100),
    (Kind::ClockSkewed, 2),
    (Kind::ClockDrifted, 2),
    (Kind::ClockStepped, 60),
    (Kind::UserBuggified, 4),
];

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text names no profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownProfile(String);

impl fmt::Display for UnknownProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} names no profile: use calm, lossy, hostile or swarm",
            self.0
        )
    }
}

impl std::error::Error for UnknownProfile {}

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(text: &str) -> Result<Self, UnknownProfile> {
        let known = Self::ALL.into_iter().find(|profile| profile.name() == text);
        known.ok_or_else(|| UnknownProfile(text.to_owned()))
    }
}
