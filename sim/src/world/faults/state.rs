//! The plan a world is under, as this run has it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use simoom_faults::{Fault, Kind, Plan, Ratio};

use super::agenda::Agenda;
use super::tally::{Entry, FaultTally};
use super::under_way::UnderWay;
use crate::choice::{ResourceName, below, hash_text, mix, value};
use crate::strategy::Odds;

/// The faults of a world.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    pub(super) plan: Plan,
    pub(super) rules: Vec<Rule>,
    /// One bit for each kind in the plan.
    kinds: u64,
    /// When faults began; `None` while they have not.
    pub(super) began_ns: Option<i64>,
    pub(super) agenda: Agenda,
    pub(crate) under_way: UnderWay,
    /// Nodes that are not hit any more.
    pub(super) core: Vec<String>,
    pub(crate) tally: FaultTally,
    /// What became of the faults of earlier plans.
    past: Vec<Entry>,
    /// Which nodes the plans so far name, and where.
    named: BTreeMap<String, String>,
    /// The plan in place of every other, if there is one.
    pub(super) instead: Option<Arc<Plan>>,
    /// How often a kind came into question for each thing.
    numbers: BTreeMap<(Kind, ResourceName), u32>,
}

/// A fault of the plan, as this run has it.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) fault: Fault,
    /// Which of the plan's faults of its kind it is.
    pub(super) which: u32,
    /// Whether this run has it.
    pub(super) active: bool,
    /// By how many powers of two this run makes it less probable.
    pub(super) rarer: u32,
    /// The most that it is in this run.
    pub(super) most: u64,
    pub(super) fired: u64,
    pub(super) offered: u64,
    pub(super) blocked: u64,
    /// How often its time had come where it could hit something.
    open: u64,
    /// How often it should have fired on average, in 2^-20.
    due: u64,
    /// What there was of its kind while it had found nothing that it could hit.
    missed: BTreeSet<String>,
}

impl Faults {
    /// Whether `kind` is in the plan, and faults have begun.
    pub(crate) fn has(&self, kind: Kind) -> bool {
        self.kinds & bit(kind) != 0 && self.began_ns.is_some()
    }

    /// Takes `plan` in place of the one before. Nothing happens before [`begin`](Self::begin).
    pub(super) fn follow(&mut self, plan: Plan, seed: u64) {
        self.forget_plan();
        self.kinds = (plan.faults().iter()).fold(0, |kinds, fault| kinds | bit(fault.kind()));
        let mut seen = BTreeMap::<Kind, u32>::new();
        let rule = |fault: &Fault| {
            let count = seen.entry(fault.kind()).or_default();
            *count += 1;
            Rule::drawn(fault.clone(), *count - 1, seed, plan.is_swarm())
        };
        self.rules = plan.faults().iter().map(rule).collect();
        self.named.extend(plan.names());
        self.plan = plan;
    }

    /// Lets nothing happen any more; what is under way goes on.
    pub(super) fn forget_plan(&mut self) {
        self.past
            .extend(self.rules.drain(..).map(|rule| rule.entry()));
        self.plan = Plan::new();
        self.kinds = 0;
        self.began_ns = None;
        self.agenda.clear();
        self.core.clear();
    }

    /// Lets faults begin, and happen on their own. False if they have begun before.
    pub(super) fn begin(&mut self, seed: u64, now_ns: i64) -> bool {
        if self.began_ns.is_some() || self.rules.is_empty() {
            return false;
        }
        self.began_ns = Some(now_ns);
        for (index, rule) in self.rules.iter().enumerate() {
            if rule.fault.kind().is_spontaneous() {
                self.agenda.begin(index, rule, seed, now_ns);
            }
        }
        true
    }

    /// Whether the node called `name` is never hit.
    pub(super) fn is_spared(&self, name: &str) -> bool {
        let is_named = |nodes: &[String]| nodes.iter().any(|node| node == name);
        is_named(self.plan.spared()) || is_named(&self.core)
    }

    /// Counts that a budget kept a fault from happening.
    pub(super) fn block(&mut self, rule: usize) {
        let rule = &mut self.rules[rule];
        rule.blocked += 1;
        self.tally.entry(rule.fault.kind()).blocked += 1;
    }

    /// The number of this opportunity of `kind` for the thing called `name`.
    pub(super) fn number(&mut self, kind: Kind, name: ResourceName) -> u32 {
        let next = self.numbers.entry((kind, name)).or_default();
        *next += 1;
        *next - 1
    }

    /// What became of the faults of all plans, at the end.
    pub(crate) fn take_entries(&mut self) -> Vec<Entry> {
        self.forget_plan();
        std::mem::take(&mut self.past)
    }

    /// Which nodes all plans name, and where, at the end.
    pub(crate) fn take_named(&mut self) -> BTreeMap<String, String> {
        std::mem::take(&mut self.named)
    }
}

impl Rule {
    /// What this run makes of the fault number `which` of its kind. Every draw is keyed by the
    /// kind: leaving one out of the plan moves no other.
    fn drawn(fault: Fault, which: u32, seed: u64, swarm: bool) -> Self {
        let kind = fault.kind();
        let name = hash_text(kind.name());
        let draw = |stream: u64| value(seed, mix(stream, name), u64::from(which));
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
            which,
            active: is_active,
            rarer,
            most,
            fired: 0,
            offered: 0,
            blocked: 0,
            open: 0,
            due: 0,
            missed: BTreeSet::new(),
        }
    }

    /// Whether what it misses is worth noting: it has found nothing, and few misses are known.
    pub(super) fn notes_misses(&self) -> bool {
        self.offered == 0 && self.missed.len() < MISSES
    }

    /// Notes that it might have hit `thing`, were that its target.
    pub(super) fn miss(&mut self, thing: &str) {
        self.missed.insert(pattern_of(thing));
    }

    /// Whether this run has it at the marked place whose label has the hash `label`.
    pub(super) fn is_active_at(&self, seed: u64, label: u64) -> bool {
        let (_, active) = self.fault.odds();
        self.active && active.covers(value(seed, ACTIVE, label))
    }

    /// Counts that its time had come where it could hit something.
    pub(super) fn count_open(&mut self, odds: &Odds) {
        self.open += 1;
        self.due += (odds.part << 20) / odds.whole;
    }

    fn entry(self) -> Entry {
        Entry {
            text: self.fault.to_string(),
            expected: self.fault.expected(),
            offered: self.offered,
            open: self.open,
            due: self.due,
            fired: self.fired,
            blocked: self.blocked,
            missed: self.missed,
        }
    }
}

/// `thing` with `*` in place of what is drawn in the name of a temporary file: 16 hexadecimal
/// digits. Such files of many writes are one thing to people.
fn pattern_of(thing: &str) -> String {
    let mut pattern = String::new();
    for (index, part) in thing.split('.').enumerate() {
        let is_drawn = part.len() == 16 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        if index > 0 {
            pattern.push('.');
        }
        pattern.push_str(if is_drawn { "*" } else { part });
    }
    pattern
}

fn bit(kind: Kind) -> u64 {
    1 << kind as u32
}

const _: () = assert!(Kind::ALL.len() <= 64, "one bit for each kind");

/// How many things that a fault misses are noted.
const MISSES: usize = 3;

const ACTIVE: u64 = 0x6163_7469_7665;
const FAMILY: u64 = 0x6661_6d69_6c79;
const RARER: u64 = 0x0072_6172_6572;
const SMALLER: u64 = 0x736d_616c_6c65;
