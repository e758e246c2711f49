//! Whether a fault happens here and now.

use std::time::Duration;

use simoom_faults::{Fault, Kind, Place, Ratio, Target, When};

use super::state::Rule;
use crate::choice::{ChoiceKind, Operation, Point, ResourceName, hash_text, mix};
use crate::record::EventKind;
use crate::strategy::Odds;
use crate::world::World;
use crate::world::node::NodeId;

/// Where a fault may happen: what it would hit, by names that survive edits.
///
/// Opportunities are counted for each kind and thing, unless the thing counts them itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FaultPoint<'a> {
    node: NodeId,
    peer: Option<NodeId>,
    path: Option<&'a str>,
    /// The thing's own name and its count of operations, if it has them.
    own: Option<Own>,
    /// Whether it is the running task's own: counted apart from other tasks'.
    of_task: bool,
    /// How probable it is by its own word, as a part of a whole.
    odds: Option<(u32, u32)>,
}

#[derive(Clone, Copy, Debug)]
struct Own {
    name: ResourceName,
    number: u32,
    visit: u32,
}

impl<'a> FaultPoint<'a> {
    /// A node.
    pub(crate) fn node(node: NodeId) -> Self {
        Self {
            node,
            peer: None,
            path: None,
            own: None,
            of_task: false,
            odds: None,
        }
    }

    /// What goes from one node to another without a name of its own, such as a datagram.
    pub(crate) fn link(from: NodeId, to: NodeId) -> Self {
        Self {
            peer: Some(to),
            ..Self::node(from)
        }
    }

    /// An operation on a file, whose path is the same in every run.
    pub(crate) fn file(node: NodeId, path: &'a str) -> Self {
        Self {
            path: Some(path),
            ..Self::node(node)
        }
    }

    /// A place of the program that the running task has come to.
    fn marked(node: NodeId, label: &'a str, odds: Option<(u32, u32)>) -> Self {
        Self {
            of_task: true,
            odds,
            ..Self::file(node, label)
        }
    }

    /// The thing's own name, of which this is the operation number `number`, tried `visit` times
    /// before: a direction of a connection and its segments, reads or writes.
    pub(crate) fn named(self, name: ResourceName, number: u32, visit: u32) -> Self {
        Self {
            own: Some(Own {
                name,
                number,
                visit,
            }),
            ..self
        }
    }
}

impl World {
    /// Decides whether a fault of `kind` happens at `at`, and how big it is: 0 if it does not,
    /// else from 1 to `most` in the kind's unit.
    ///
    /// The only way a fault is decided. It costs next to nothing where the plan does not have the
    /// kind.
    pub(crate) fn choose_fault(&mut self, kind: Kind, at: FaultPoint<'_>, most: u64) -> u64 {
        if most == 0 || !self.faults.has(kind) {
            return 0;
        }
        let text = self.thing(at);
        let name = at
            .own
            .map_or_else(|| ResourceName::thing(&text), |own| own.name);
        let subject = self.tasks.current().filter(|_| at.of_task);
        let subject = subject.map(|entry| (entry.path, entry.hash.0));
        let counted = ResourceName(mix(name.0, subject.map_or(0, |(_, hash)| hash)));
        let number = match at.own {
            Some(own) => own.number,
            None => self.faults.number(kind, counted),
        };
        let Some(index) = self.rule_for(kind, at, number) else {
            return 0;
        };
        let point = Point {
            subject: subject.map_or(0, |(_, hash)| hash),
            operation: Operation::called(kind.name()),
            resource: name,
            place: None,
            step: number,
            visit: at.own.map_or(0, |own| own.visit),
        };
        let rule = &self.faults.rules[index];
        let is_active = match at.path {
            Some(label) if kind == Kind::UserBuggified => rule.is_active_at(self.seed, label),
            _ => rule.active,
        };
        let odds = odds(rule, is_active, at.odds, most);
        let is_spent = rule.fault.budget().is_some_and(|times| rule.fired >= times);
        let value = self
            .strategy
            .fault(point.hash(ChoiceKind::Fault), &odds)
            .min(most);
        let counts = self.faults.tally.entry(kind);
        counts.armed += u64::from(is_active);
        let value = if is_spent && value > 0 {
            counts.blocked += 1;
            0
        } else {
            value
        };
        self.settle_fault(point, value, subject.map(|(path, _)| path));
        if value > 0 {
            self.faults.tally.entry(kind).fired += 1;
            self.faults.rules[index].fired += 1;
            if at.own.is_none() {
                self.resources.name_thing(name, text);
            }
            let what = mix(hash_text(kind.name()), name.0);
            self.note(EventKind::FaultFired, what, value);
        }
        value
    }

    /// Decides whether the running task does at the marked place `label` what it does rarely
    /// otherwise.
    pub(crate) fn choose_buggified(&mut self, label: &str, odds: Option<(u32, u32)>) -> bool {
        if self.tasks.current().is_none() {
            return false;
        }
        let at = FaultPoint::marked(self.current_node(), label, odds);
        let fires = self.choose_fault(Kind::UserBuggified, at, 1) > 0;
        if fires {
            self.fault_observed(Kind::UserBuggified);
        }
        fires
    }

    /// Counts that the program saw a fault: an operation of its own returned an error, fewer bytes
    /// or later.
    pub(crate) fn fault_observed(&mut self, kind: Kind) {
        self.faults.tally.entry(kind).observed += 1;
        self.note(EventKind::FaultObserved, hash_text(kind.name()), 0);
    }

    /// The fault of the plan that decides at `at`, if its time has come. Counts the opportunity.
    fn rule_for(&mut self, kind: Kind, at: FaultPoint<'_>, number: u32) -> Option<usize> {
        let began_ns = self.faults.began_ns?;
        let time = Duration::from_nanos(u64::try_from(self.now_ns - began_ns).unwrap_or(0));
        let name = |id: NodeId| self.nodes[id.0 as usize].name.as_str();
        let place = Place {
            node: name(at.node),
            peer: at.peer.map(name),
            path: at.path,
        };
        let is_named = |name: &str| place.node == name || place.peer == Some(name);
        if self.faults.plan.spared().iter().any(|name| is_named(name)) {
            return None;
        }
        let is_tests_own = at.node == NodeId::TEST || at.peer == Some(NodeId::TEST);
        let covers = |fault: &Fault| {
            fault.kind() == kind
                && fault.where_it_hits().covers(&place)
                && (!is_tests_own || names_a_node(fault.where_it_hits()))
        };
        let rules = self.faults.rules.iter().enumerate();
        let mut covering = rules.filter(|(_, rule)| covers(&rule.fault)).peekable();
        covering.peek()?;
        let open = covering.find(|(_, rule)| rule.fault.schedule().is_open(time, number));
        let index = open.map(|(index, _)| index);
        self.faults.tally.entry(kind).offered += 1;
        index
    }

    /// What a fault would hit, for people and for storing.
    fn thing(&self, at: FaultPoint<'_>) -> String {
        let name = |id: NodeId| self.nodes[id.0 as usize].name.as_str();
        match (at.path, at.peer) {
            _ if at.own.is_some() => String::new(),
            (Some(path), _) => format!("{}:{path}", name(at.node)),
            (None, Some(peer)) => format!("{}->{}", name(at.node), name(peer)),
            (None, None) => name(at.node).to_owned(),
        }
    }
}

/// Whether the node of the test itself is meant where a target covers it.
fn names_a_node(target: &Target) -> bool {
    match target {
        Target::Node(_) | Target::Link { .. } => true,
        Target::Path { node, .. } => node.is_some(),
        _ => false,
    }
}

/// What the strategy is asked.
fn odds(rule: &Rule, is_active: bool, own: Option<(u32, u32)>, most: u64) -> Odds {
    let (probability, _) = rule.fault.odds();
    let (part, whole) = match (is_active, rule.fault.schedule(), probability) {
        (false, ..) => (0, 1),
        (true, When::PermanentAfter(_), _) => (1, 1),
        (true, _, Ratio::NEVER | Ratio::ALWAYS) => probability.parts(),
        (true, ..) => own.unwrap_or(probability.parts()),
    };
    let (least, _) = rule.fault.magnitudes();
    let most = rule.most.min(most);
    Odds {
        part: u64::from(part),
        whole: u64::from(whole) << rule.rarer,
        least: least.min(most),
        most,
    }
}
