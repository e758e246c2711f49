//! The plan a world is under, as it is carried out.

use std::collections::BTreeMap;

use simoom_faults::{Fault, Kind, Plan, Ratio};

use super::FaultTally;
use crate::choice::{ResourceName, below, hash_text, mix, value};

/// The faults of a world.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    pub(super) plan: Plan,
    pub(super) rules: Vec<Rule>,
    /// One bit for each kind in the plan.
    kinds: u64,
    /// When faults began; `None` while they have not.
    pub(super) began_ns: Option<i64>,
    pub(crate) tally: FaultTally,
    /// How often a kind came into question for each thing.
    numbers: BTreeMap<(Kind, ResourceName), u32>,
}

/// A fault of the plan, as this run has it.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) fault: Fault,
    /// Whether this run has it.
    pub(super) active: bool,
    /// By how many powers of two this run makes it less probable.
    pub(super) rarer: u32,
    /// The most that it is in this run.
    pub(super) most: u64,
    pub(super) fired: u64,
}

impl Faults {
    /// Whether `kind` is in the plan, and faults have begun.
    pub(crate) fn has(&self, kind: Kind) -> bool {
        self.kinds & bit(kind) != 0 && self.began_ns.is_some()
    }

    /// Follows `plan` from now on.
    pub(crate) fn follow(&mut self, plan: Plan, seed: u64, now_ns: i64) {
        self.kinds = (plan.faults().iter()).fold(0, |kinds, fault| kinds | bit(fault.kind()));
        let mut seen = BTreeMap::<Kind, u64>::new();
        let rule = |fault: &Fault| {
            let count = seen.entry(fault.kind()).or_default();
            *count += 1;
            Rule::drawn(fault.clone(), *count - 1, seed, plan.is_swarm())
        };
        self.rules = plan.faults().iter().map(rule).collect();
        self.began_ns = (!plan.begins_after_setup()).then_some(now_ns);
        self.plan = plan;
    }

    /// Lets faults begin that wait for the end of the set-up.
    pub(crate) fn begin(&mut self, now_ns: i64) {
        self.began_ns.get_or_insert(now_ns);
    }

    /// The number of this opportunity of `kind` for the thing called `name`.
    pub(super) fn number(&mut self, kind: Kind, name: ResourceName) -> u32 {
        let next = self.numbers.entry((kind, name)).or_default();
        *next += 1;
        *next - 1
    }
}

impl Rule {
    /// What this run makes of the `count`-th fault of its kind. Every draw is keyed by the kind:
    /// leaving one out of the plan moves no other.
    fn drawn(fault: Fault, count: u64, seed: u64, swarm: bool) -> Self {
        let kind = fault.kind();
        let name = hash_text(kind.name());
        let draw = |stream: u64| value(seed, mix(stream, name), count);
        let (_, active) = fault.odds();
        // Of marked places, each is active on its own.
        let mut is_active = kind == Kind::UserBuggified || active.covers(draw(ACTIVE));
        let (least, mut most) = fault.magnitudes();
        let mut rarer = 0;
        if swarm {
            let family = value(seed, FAMILY, hash_text(kind.family().name()));
            is_active &= Ratio::new(1, 2).covers(family);
            rarer = below(draw(RARER), 5) as u32;
            most = (most >> below(draw(SMALLER), 7)).max(least);
        }
        Self {
            fault,
            active: is_active,
            rarer,
            most,
            fired: 0,
        }
    }

    /// Whether this run has it at the marked place called `label`.
    pub(super) fn is_active_at(&self, seed: u64, label: &str) -> bool {
        let (_, active) = self.fault.odds();
        self.active && active.covers(value(seed, ACTIVE, hash_text(label)))
    }
}

fn bit(kind: Kind) -> u64 {
    1 << kind as u32
}

const _: () = assert!(Kind::ALL.len() <= 64, "one bit for each kind");

const ACTIVE: u64 = 0x6163_7469_7665;
const FAMILY: u64 = 0x6661_6d69_6c79;
const RARER: u64 = 0x0072_6172_6572;
const SMALLER: u64 = 0x736d_616c_6c65;
