//! Whether a fault happens here and now.

use std::panic::Location;

use simoom_faults::{Fault, Kind, Place, Ratio, Target, When};

use super::state::Rule;
use crate::choice::{ChoiceKind, Operation, PathId, Point, ResourceName, hash_text, mix};
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
    /// The number of the moment, and which of the plan's faults of its kind asks.
    moment: Option<(u32, u32)>,
    /// Where the operation stands that it would happen to.
    site: Option<&'static Location<'static>>,
}

/// An opportunity, by names that survive edits.
#[derive(Debug)]
pub(super) struct Asked {
    kind: Kind,
    /// What would be hit, for people, unless it has a name of its own.
    text: Option<String>,
    name: ResourceName,
    subject: Option<(PathId, u64)>,
    pub(super) number: u32,
    visit: u32,
    /// The hash of a marked place's label.
    label: Option<u64>,
    odds: Option<(u32, u32)>,
    /// For people.
    site: Option<&'static Location<'static>>,
}

impl Asked {
    fn point(&self) -> Point {
        Point {
            subject: self.subject.map_or(0, |(_, hash)| hash),
            operation: Operation::called(self.kind.name()),
            resource: self.name,
            place: None,
            step: self.number,
            visit: self.visit,
        }
    }
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
            moment: None,
            site: None,
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

    /// To the operation at `site`, which reports name.
    pub(crate) fn done_at(self, site: Option<&'static Location<'static>>) -> Self {
        Self { site, ..self }
    }

    /// The node that is hit.
    pub(super) fn node_hit(&self) -> NodeId {
        self.node
    }

    /// The other end of the link that is hit, if it is one.
    pub(super) fn peer_hit(&self) -> Option<NodeId> {
        self.peer
    }

    /// At the moment number `number` of the plan's fault number `which` of its kind.
    pub(super) fn at_moment(self, number: u32, which: u32) -> Self {
        Self {
            moment: Some((number, which)),
            ..self
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
        let asked = self.asked(kind, at);
        let Some(rule) = self.rule_for(kind, at, asked.number) else {
            return 0;
        };
        let value = self.draw_fault(rule, &asked, most);
        self.settle_fault(rule, asked, value);
        value
    }

    /// What a fault of `kind` would hit at `at`, and which opportunity that is.
    pub(super) fn asked(&mut self, kind: Kind, at: FaultPoint<'_>) -> Asked {
        let text = self.thing(at);
        let name = at
            .own
            .map_or_else(|| ResourceName::thing(&text), |own| own.name);
        let subject = self.tasks.current().filter(|_| at.of_task);
        let subject = subject.map(|entry| (entry.path, entry.hash.0));
        let counted = ResourceName(mix(name.0, subject.map_or(0, |(_, hash)| hash)));
        let (number, visit) = match (at.own, at.moment) {
            (Some(own), _) => (own.number, own.visit),
            (None, Some(moment)) => moment,
            (None, None) => (self.faults.number(kind, counted), 0),
        };
        Asked {
            kind,
            text: at.own.is_none().then_some(text),
            name,
            subject,
            number,
            visit,
            label: at.of_task.then(|| hash_text(at.path.unwrap_or_default())),
            odds: at.odds,
            site: at.site,
        }
    }

    /// Asks the strategy, and keeps to the fault's own budget. Counts what is armed and blocked.
    pub(super) fn draw_fault(&mut self, rule: usize, asked: &Asked, most: u64) -> u64 {
        let this = &mut self.faults.rules[rule];
        let is_active = match asked.label {
            Some(label) => this.is_active_at(self.seed, label),
            None => this.active,
        };
        let odds = odds(this, is_active, asked.odds, most);
        this.count_open(&odds);
        let anchor = asked.point().hash(ChoiceKind::Fault);
        let value = self.strategy.fault(anchor, &odds).min(most);
        let this = &self.faults.rules[rule];
        let is_spent = this.fault.budget().is_some_and(|times| this.fired >= times);
        self.faults.tally.entry(asked.kind).armed += u64::from(is_active);
        if is_spent && value > 0 {
            self.faults.block(rule);
            return 0;
        }
        value
    }

    /// Notes what was decided.
    pub(super) fn settle_fault(&mut self, rule: usize, mut asked: Asked, value: u64) {
        let subject = asked.subject.map(|(path, _)| path);
        self.settle_choice_of_fault(asked.point(), value, subject, asked.site);
        if let Some(text) = asked.text.take() {
            self.keep_name(asked.name, value, text);
        }
        if value == 0 {
            return;
        }
        self.faults.tally.entry(asked.kind).fired += 1;
        self.faults.rules[rule].fired += 1;
        self.note_fired(asked, value);
    }

    /// Decides how much of what was not synced is lost at `at`: 0 for nothing, at most `most`, the
    /// latest first.
    ///
    /// The power was lost already, so this is in question without a plan too, and `usual` says how
    /// probable it is then; where a plan has one of these kinds, it alone says so, and all of `most`
    /// is lost.
    /// `detail` tells the questions about one file apart.
    pub(crate) fn choose_loss(
        &mut self,
        kind: Kind,
        at: FaultPoint<'_>,
        detail: &str,
        most: u64,
        usual: Odds,
    ) -> u64 {
        let is_planned =
            self.faults.has(Kind::DiskUnsyncedLost) || self.faults.has(Kind::DiskSectorTorn);
        if is_planned && !self.faults.has(kind) {
            return 0;
        }
        let text = format!("{}{detail}", self.thing(at));
        let name = ResourceName::thing(&text);
        let asked = Asked {
            kind,
            name,
            subject: None,
            number: self.faults.number(kind, name),
            visit: 0,
            label: None,
            odds: None,
            site: None,
            text: Some(text),
        };
        if is_planned {
            let Some(rule) = self.rule_for(kind, at, asked.number) else {
                return 0;
            };
            let value = self.draw_fault(rule, &asked, most);
            self.settle_fault(rule, asked, value);
            if value > 0 {
                self.fault_observed(kind);
            }
            let all = kind == Kind::DiskUnsyncedLost && value > 0;
            return if all { most } else { value };
        }
        let counts = self.faults.tally.entry(kind);
        counts.offered += 1;
        counts.armed += 1;
        let anchor = asked.point().hash(ChoiceKind::Fault);
        let value = self.strategy.fault(anchor, &usual).min(most);
        self.settle_choice_of_fault(asked.point(), value, None, None);
        let text = asked.text.clone().unwrap_or_default();
        self.keep_name(asked.name, value, text);
        if value > 0 {
            self.faults.tally.entry(kind).fired += 1;
            self.note_fired(asked, value);
            self.fault_observed(kind);
        }
        value
    }

    fn note_fired(&mut self, asked: Asked, value: u64) {
        let what = mix(hash_text(asked.kind.name()), asked.name.0);
        self.say(|world| {
            let thing = world.resources.hit(asked.name);
            let text = thing.map_or_else(|| world.link_label(asked.name), str::to_owned);
            format!("{} {}", asked.kind, text.trim_end_matches(','))
        });
        self.note(EventKind::FaultFired, what, value);
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
        let time = self.since_faults_began();
        let is_covered = |rule: &Rule| rule.fault.kind() == kind && self.covers(&rule.fault, at);
        let covering: Vec<_> = self.faults.rules.iter().map(is_covered).collect();
        if !covering.contains(&true) {
            self.note_passed_by(kind, at);
            return None;
        }
        self.faults.tally.entry(kind).offered += 1;
        let covered = (self.faults.rules.iter_mut().enumerate()).filter(|(it, _)| covering[*it]);
        let mut open = None;
        for (index, rule) in covered {
            rule.offered += 1;
            if open.is_none() && rule.fault.schedule().is_open(time, number) {
                open = Some(index);
            }
        }
        open
    }

    /// Notes what is at `at` for the faults of `kind` that have found nothing so far.
    pub(super) fn note_passed_by(&mut self, kind: Kind, at: FaultPoint<'_>) {
        let notes = |rule: &Rule| rule.fault.kind() == kind && rule.notes_misses();
        if !self.faults.rules.iter().any(notes) || self.spares(at) {
            return;
        }
        let thing = self.thing(FaultPoint { own: None, ..at });
        for rule in self.faults.rules.iter_mut().filter(|rule| notes(rule)) {
            rule.miss(&thing);
        }
    }

    /// Whether the plan spares a node that is part of `at`.
    fn spares(&self, at: FaultPoint<'_>) -> bool {
        let spares = |id: NodeId| self.faults.is_spared(&self.nodes[id.0 as usize].name);
        spares(at.node) || at.peer.is_some_and(spares)
    }

    /// Whether a fault may hit what is at `at`.
    pub(super) fn covers(&self, fault: &Fault, at: FaultPoint<'_>) -> bool {
        let name = |id: NodeId| self.nodes[id.0 as usize].name.as_str();
        let place = Place {
            node: name(at.node),
            peer: at.peer.map(name),
            path: at.path,
        };
        let is_tests_own = at.node == NodeId::TEST || at.peer == Some(NodeId::TEST);
        !self.spares(at)
            && fault.where_it_hits().covers(&place)
            && (!is_tests_own || names_a_node(fault.where_it_hits()))
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

/// How much one loss of power takes, where no plan says so.
///
/// Each loss draws its own, so that in some everything is lost, which is the simple adversary, and
/// in others one thing or another.
#[derive(Clone, Copy, Debug)]
pub(crate) enum LossOdds {
    Everything,
    Half,
    Little,
}

impl LossOdds {
    /// By a draw of 64 bits.
    pub(crate) fn drawn(bits: u64) -> Self {
        match bits & 3 {
            0 => Self::Everything,
            1 => Self::Little,
            _ => Self::Half,
        }
    }

    /// That changes are lost, of which there are `most`.
    pub(crate) fn lost(self, most: u64) -> Odds {
        let (whole, least) = match self {
            Self::Everything => (1, most),
            Self::Half => (2, 1),
            Self::Little => (8, 1),
        };
        Odds {
            part: 1,
            whole,
            least,
            most,
        }
    }

    /// That a sector is torn.
    pub(crate) fn torn(self) -> Odds {
        Odds {
            part: 1,
            whole: 4,
            least: 1,
            most: 511,
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
    let rarer = rule.rarer;
    let ((part, whole), rarer) = match (is_active, rule.fault.schedule(), probability) {
        (false, ..) => ((0, 1), 0),
        (true, When::PermanentAfter(_), _) => ((1, 1), 0),
        (true, _, Ratio::NEVER | Ratio::ALWAYS) => (probability.parts(), rarer),
        (true, ..) => (own.unwrap_or(probability.parts()), rarer),
    };
    let (least, _) = rule.fault.magnitudes();
    let most = rule.most.min(most);
    Odds {
        part: u64::from(part),
        whole: u64::from(whole) << rarer,
        least: least.min(most),
        most,
    }
}
