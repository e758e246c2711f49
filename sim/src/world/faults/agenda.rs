//! When faults that happen on their own have an opportunity, and what they hit then.
//!
//! Each fault of the plan has one opportunity in each of its periods, at a moment that the seed
//! draws; then each node it could hit is asked about, in the order of names. Opportunities are no
//! timers: they keep no run alive. What a fault has begun ends by a timer, which does.

use std::collections::{BTreeMap, BTreeSet};

use simoom_faults::{Kind, Target};

use super::FaultPoint;
use super::state::Rule;
use crate::choice::{below, hash_text, mix, value};
use crate::world::World;
use crate::world::node::NodeId;

/// The next opportunity of each fault of the plan, by time, then place in the plan.
#[derive(Debug, Default)]
pub(crate) struct Agenda(BTreeMap<(i64, usize), u32>);

impl Agenda {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The opportunities of the plan's fault number `index` begin.
    pub(super) fn begin(&mut self, index: usize, rule: &Rule, seed: u64, began_ns: i64) {
        self.insert(index, rule, seed, began_ns, 0);
    }

    fn insert(&mut self, index: usize, rule: &Rule, seed: u64, began_ns: i64, number: u32) {
        let every = u64::try_from(rule.fault.period().as_nanos()).unwrap_or(u64::MAX);
        let stream = mix(hash_text(rule.fault.kind().name()), u64::from(rule.which));
        let within = below(value(seed, mix(AGENDA, stream), u64::from(number)), every);
        let after = every
            .saturating_mul(u64::from(number))
            .saturating_add(within);
        let at = began_ns.saturating_add(i64::try_from(after).unwrap_or(i64::MAX));
        self.0.insert((at, index), number);
    }

    /// When the next opportunity is.
    fn next_ns(&self) -> Option<i64> {
        self.0.first_key_value().map(|(&(at, _), _)| at)
    }

    fn pop(&mut self) -> Option<(usize, u32)> {
        let ((_, index), number) = self.0.pop_first()?;
        Some((index, number))
    }
}

const AGENDA: u64 = 0x6167_656e_6461;

impl World {
    /// When the next opportunity is that comes no later than `until_ns`.
    pub(crate) fn next_opportunity_ns(&self, until_ns: i64) -> Option<i64> {
        self.faults.agenda.next_ns().filter(|&at| at <= until_ns)
    }

    /// Lets the next opportunity come.
    pub(crate) fn have_opportunity(&mut self) {
        let (Some((index, number)), Some(began_ns)) =
            (self.faults.agenda.pop(), self.faults.began_ns)
        else {
            return;
        };
        let rule = &self.faults.rules[index];
        let (kind, which) = (rule.fault.kind(), rule.which);
        let time = self.since_faults_began();
        let is_open = rule.fault.schedule().is_open(time, number);
        if let Some(next) = number.checked_add(1) {
            self.faults
                .agenda
                .insert(index, rule, self.seed, began_ns, next);
        }
        let is_permanent = matches!(
            rule.fault.schedule(),
            simoom_faults::When::PermanentAfter(_)
        );
        let places = self.places(index);
        if places.is_empty() {
            let nodes = (1..self.nodes.len()).map(|index| NodeId(index as u16));
            for node in nodes
                .filter(|&node| self.can_hit(kind, node))
                .collect::<Vec<_>>()
            {
                self.note_passed_by(kind, FaultPoint::node(node));
            }
        }
        let mut hit = Vec::new();
        for at in places {
            self.faults.tally.entry(kind).offered += 1;
            self.faults.rules[index].offered += 1;
            if !is_open {
                continue;
            }
            let asked = self.asked(kind, at.at_moment(number, which));
            let mut value = self.draw_fault(index, &asked, u64::MAX);
            if value > 0 && self.is_too_many(kind, at.node_hit()) {
                self.faults.block(index);
                value = 0;
            }
            self.settle_fault(index, asked, value);
            if value > 0 {
                let length = (!is_permanent).then_some(value);
                self.begin_on_node(kind, at, value, length);
                hit.push(at);
            }
        }
        self.begin_on_links(kind, &hit);
    }

    /// What the plan's fault number `index` could hit now, in the order of names.
    fn places(&self, index: usize) -> Vec<FaultPoint<'static>> {
        let rule = &self.faults.rules[index];
        let kind = rule.fault.kind();
        if let Target::Link { from, to } = rule.fault.where_it_hits() {
            let (from, to) = (self.node_called(from), self.node_called(to));
            let (Some(from), Some(to)) = (from, to) else {
                return Vec::new();
            };
            let at = FaultPoint::link(from, to);
            let is_free = !self.faults.under_way.is_hit_by(kind, from, Some(to));
            let can = is_free && from != to && self.covers(&rule.fault, at);
            return if can { vec![at] } else { Vec::new() };
        }
        let nodes = (1..self.nodes.len()).map(|index| NodeId(index as u16));
        let mut nodes: Vec<NodeId> = nodes
            .filter(|&node| self.can_hit(kind, node))
            .filter(|&node| self.covers(&rule.fault, FaultPoint::node(node)))
            .collect();
        nodes.sort_by_key(|node| &self.nodes[node.0 as usize].name);
        nodes.into_iter().map(FaultPoint::node).collect()
    }

    fn node_called(&self, name: &str) -> Option<NodeId> {
        let index = self.nodes.iter().position(|node| node.name == name)?;
        Some(NodeId(index as u16))
    }

    /// Whether hitting `node` would leave too few of a group up and reachable.
    fn is_too_many(&self, kind: Kind, node: NodeId) -> bool {
        if kind == Kind::ClockStepped {
            return false;
        }
        let name = |node: NodeId| &self.nodes[node.0 as usize].name;
        let groups = self.faults.plan.groups().iter();
        let mut groups = groups.filter(|group| group.of.contains(name(node)));
        groups.any(|group| {
            let others = self.faults.under_way.nodes();
            // More than one fault may have hit a node.
            let others: BTreeSet<_> = others
                .filter(|&other| other != node && group.of.contains(name(other)))
                .collect();
            let already = self.faults.under_way.nodes().any(|other| other == node);
            !already && others.len() >= group.most as usize
        })
    }
}
