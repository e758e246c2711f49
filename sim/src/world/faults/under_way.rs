//! What faults have begun and not ended.
//!
//! Owns which nodes and links are hit, and how that begins and ends. What is foreign code (dropping
//! the tasks of a killed node, booting it) is asked of whoever runs the world: see [`Act`].
//!
//! # Invariants
//! 1. A link is in `cut` or `clogged` as often as faults under way hold it.
//! 2. `under_way` names a node at most once for each kind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use simoom::backend::TimerKey;
use simoom::time::Instant;
use simoom_faults::{Kind, Plan};

use super::FaultPoint;
use crate::world::node::NodeId;
use crate::world::{Due, World};

/// What whoever runs the world is to do once it is released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Kill the node's process.
    Kill(NodeId),
    /// Take the power from the node's machine.
    PowerLoss(NodeId),
    /// Boot the node, if it is down.
    Boot(NodeId),
}

/// What faults have begun and not ended.
#[derive(Debug, Default)]
pub(crate) struct UnderWay {
    hits: BTreeMap<u64, Hit>,
    next: u64,
    acts: Vec<Act>,
    cut: BTreeMap<(NodeId, NodeId), u32>,
    clogged: BTreeMap<(NodeId, NodeId), u32>,
}

/// One fault that has begun.
#[derive(Debug)]
struct Hit {
    kind: Kind,
    node: NodeId,
    peer: Option<NodeId>,
    /// How often the node had booted.
    incarnation: u32,
    links: BTreeSet<(NodeId, NodeId)>,
    /// What ends it; nothing if it is there for good.
    end: Option<TimerKey>,
    is_observed: bool,
}

impl UnderWay {
    /// The nodes that are down, paused or cut off, each once for each fault.
    pub(super) fn nodes(&self) -> impl Iterator<Item = NodeId> {
        self.hits.values().map(|hit| hit.node)
    }

    /// Whether a fault of `kind` has hit the node, or the link to `peer`.
    pub(super) fn is_hit_by(&self, kind: Kind, node: NodeId, peer: Option<NodeId>) -> bool {
        let mut hits = self.hits.values();
        hits.any(|hit| hit.kind == kind && hit.node == node && hit.peer == peer)
    }

    /// Whether a fault has taken the node down, so that it will boot it again.
    fn is_down(&self, node: NodeId) -> bool {
        let mut hits = self.hits.values();
        hits.any(|hit| hit.node == node && takes_down(hit.kind))
    }

    /// Whether a fault lets nothing through from one node to the other.
    pub(crate) fn is_cut(&self, from: NodeId, to: NodeId) -> bool {
        !self.cut.is_empty() && self.cut.contains_key(&(from, to))
    }

    /// Whether a fault keeps what goes from one node to the other waiting.
    pub(crate) fn is_clogged(&self, from: NodeId, to: NodeId) -> bool {
        !self.clogged.is_empty() && self.clogged.contains_key(&(from, to))
    }

    /// What is to be done, once.
    pub(crate) fn take_acts(&mut self) -> Vec<Act> {
        std::mem::take(&mut self.acts)
    }

    /// Asks for a node to be booted, if it is down.
    pub(crate) fn ask_to_boot(&mut self, node: NodeId) {
        self.acts.push(Act::Boot(node));
    }

    fn held_by(&mut self, kind: Kind) -> Option<&mut BTreeMap<(NodeId, NodeId), u32>> {
        match kind {
            Kind::NetLinkCut | Kind::NetLinkCutOneWay => Some(&mut self.cut),
            Kind::NetLinkClogged => Some(&mut self.clogged),
            _ => None,
        }
    }
}

impl World {
    /// Follows `plan` from now on, or from the end of the set-up if it says so.
    ///
    /// Where the environment has put a plan in place of the test's, that one begins anew.
    pub(crate) fn follow_faults(&mut self, plan: Plan) {
        let plan = match &self.faults.instead {
            Some(instead) => Plan::clone(instead),
            None => plan,
        };
        let waits = plan.begins_after_setup();
        self.faults.follow(plan, self.seed);
        if !waits {
            self.begin_faults();
        }
    }

    /// Follows `plan` from the beginning, whatever the test says.
    pub(crate) fn follow_instead(&mut self, plan: Arc<Plan>) {
        self.faults.instead = Some(plan);
        self.follow_faults(Plan::new());
    }

    /// Lets the faults of the plan begin, unless they have.
    pub(crate) fn begin_faults(&mut self) {
        if self.faults.begin(self.seed, self.now_ns) {
            for index in 1..self.nodes.len() {
                self.set_clocks_by_faults(NodeId(index as u16));
            }
        }
    }

    /// How long faults have been there.
    pub(super) fn since_faults_began(&self) -> Duration {
        let began_ns = self.faults.began_ns.unwrap_or(self.now_ns);
        Duration::from_nanos(u64::try_from(self.now_ns - began_ns).unwrap_or(0))
    }

    /// Whether a fault of `kind` would change anything about `node`.
    pub(super) fn can_hit(&self, kind: Kind, node: NodeId) -> bool {
        let this = &self.nodes[node.0 as usize];
        match kind {
            Kind::NetLinkCut | Kind::NetLinkCutOneWay | Kind::NetLinkClogged => {
                !self.faults.under_way.is_hit_by(kind, node, None)
                    && self.others_of(&BTreeSet::from([node])).next().is_some()
            }
            Kind::NodePaused => {
                let is_free = !self.faults.under_way.is_hit_by(kind, node, None);
                this.alive && this.pause.is_none() && is_free
            }
            Kind::ClockStepped => true,
            Kind::NodeKilled | Kind::NodePowerLost | Kind::NodeRestarted | Kind::NodeShutDown => {
                this.alive && this.main.is_some() && !self.faults.under_way.is_down(node)
            }
            _ => false,
        }
    }

    /// The nodes on the other side of those in `side`, without those that are never hit.
    fn others_of(&self, side: &BTreeSet<NodeId>) -> impl Iterator<Item = NodeId> {
        let nodes = (1..self.nodes.len()).map(|index| NodeId(index as u16));
        nodes.filter(move |node| {
            !side.contains(node) && !self.faults.is_spared(&self.nodes[node.0 as usize].name)
        })
    }

    /// Begins a fault that has fired, for `length` nanoseconds or for good; its links follow.
    pub(super) fn begin_on_node(
        &mut self,
        kind: Kind,
        at: FaultPoint<'_>,
        value: u64,
        length: Option<u64>,
    ) {
        let node = at.node_hit();
        let mut lasts = true;
        match kind {
            Kind::NodeKilled => {
                self.fault_observed(kind);
                self.faults.under_way.acts.push(Act::Kill(node));
            }
            Kind::NodePowerLost => {
                self.fault_observed(kind);
                self.faults.under_way.acts.push(Act::PowerLoss(node));
            }
            Kind::NodeShutDown => {
                self.fault_observed(kind);
                self.send_signal(node, libc::SIGTERM);
            }
            Kind::ClockStepped => {
                self.step_clock_by_fault(node, value);
                lasts = false;
            }
            Kind::NodeRestarted => {
                self.fault_observed(kind);
                let acts = [Act::Kill(node), Act::Boot(node)];
                self.faults.under_way.acts.extend(acts);
                lasts = false;
            }
            _ => {}
        }
        if !lasts {
            return;
        }
        let number = self.faults.under_way.next;
        self.faults.under_way.next += 1;
        let end = length.map(|length| {
            let length = i64::try_from(length).unwrap_or(i64::MAX);
            let at = Instant::from_nanos(self.now_ns.saturating_add(length));
            self.timers.insert(at, Due::FaultEnds { number })
        });
        let hit = Hit {
            kind,
            node,
            peer: at.peer_hit(),
            incarnation: self.nodes[node.0 as usize].incarnation,
            links: BTreeSet::new(),
            end,
            is_observed: false,
        };
        self.faults.under_way.hits.insert(number, hit);
        if kind == Kind::NodePaused {
            self.pause_by_fault(node, number);
        }
    }

    /// Cuts or clogs the links of what was hit at one opportunity. Those nodes stand together on
    /// one side.
    pub(super) fn begin_on_links(&mut self, kind: Kind, hit: &[FaultPoint<'_>]) {
        if self.faults.under_way.held_by(kind).is_none() {
            return;
        }
        let side: BTreeSet<_> = hit.iter().map(|at| at.node_hit()).collect();
        let others: Vec<_> = self.others_of(&side).collect();
        let first = self.faults.under_way.next - hit.len() as u64;
        for (number, at) in (first..).zip(hit) {
            let node = at.node_hit();
            let others: Vec<_> = match at.peer_hit() {
                Some(peer) => vec![peer],
                // Where everybody was hit, each stands alone.
                None if others.is_empty() => self.others_of(&BTreeSet::from([node])).collect(),
                None => others.clone(),
            };
            let away = others.iter().map(|&other| (node, other));
            let back = others.iter().map(|&other| (other, node));
            let links: BTreeSet<_> = match kind {
                Kind::NetLinkCutOneWay => away.collect(),
                _ => away.chain(back).collect(),
            };
            for &(from, to) in &links {
                self.hold_link(kind, from, to);
            }
            if let Some(hit) = self.faults.under_way.hits.get_mut(&number) {
                hit.links = links;
            }
        }
    }

    fn hold_link(&mut self, kind: Kind, from: NodeId, to: NodeId) {
        let was_cut = self.is_cut(from, to);
        self.hear_before_silence(from, to);
        if let Some(held) = self.faults.under_way.held_by(kind) {
            *held.entry((from, to)).or_default() += 1;
        }
        if !was_cut && self.is_cut(from, to) {
            self.link_was_cut(from, to);
        }
    }

    fn release_link(&mut self, kind: Kind, from: NodeId, to: NodeId) {
        let Some(held) = self.faults.under_way.held_by(kind) else {
            return;
        };
        let Some(count) = held.get_mut(&(from, to)) else {
            return;
        };
        *count -= 1;
        if *count == 0 {
            held.remove(&(from, to));
            self.link_was_released(from, to);
        }
    }

    /// Counts that what the program sent from one node to another waits or is lost because of a
    /// fault of the link, once for each fault.
    pub(crate) fn held_up(&mut self, from: NodeId, to: NodeId) {
        let hits = self.faults.under_way.hits.values_mut();
        let causes = hits.filter(|hit| !hit.is_observed && hit.links.contains(&(from, to)));
        let causes = causes.map(|hit| {
            hit.is_observed = true;
            hit.kind
        });
        for kind in causes.collect::<Vec<_>>() {
            self.fault_observed(kind);
        }
    }

    /// A fault that was to last so long is over.
    pub(crate) fn fault_ends(&mut self, number: u64) {
        let Some(hit) = self.faults.under_way.hits.remove(&number) else {
            return;
        };
        if let Some(key) = hit.end {
            self.timers.remove(key);
        }
        for &(from, to) in &hit.links {
            self.release_link(hit.kind, from, to);
        }
        let this = &self.nodes[hit.node.0 as usize];
        let is_as_left = this.incarnation == hit.incarnation;
        // Who was asked to stop and has not by now is stopped, as by a supervisor.
        let is_late = this.alive && hit.kind == Kind::NodeShutDown;
        if !is_as_left {
            // The test has booted it since.
            return;
        }
        if hit.kind == Kind::NodePaused {
            let pause = this.pause.as_ref();
            let is_its_own = pause.is_some_and(|pause| pause.fault == Some(number));
            if pause.is_some_and(|pause| !pause.parked.is_empty()) {
                self.fault_observed(Kind::NodePaused);
            }
            // Otherwise somebody else has paused it since, who says when that ends.
            if is_its_own {
                self.resume(hit.node);
            }
        }
        if takes_down(hit.kind) {
            if is_late {
                self.faults.under_way.acts.push(Act::Kill(hit.node));
            }
            self.faults.under_way.acts.push(Act::Boot(hit.node));
        }
    }

    /// Ends every fault: nothing happens any more, and what was under way is over.
    pub(crate) fn end_faults(&mut self) {
        self.faults.forget_plan();
        let numbers: Vec<_> = self.faults.under_way.hits.keys().copied().collect();
        for number in numbers {
            self.fault_ends(number);
        }
    }

    /// Ends what hits the nodes called as in `core`, lets nothing hit them any more, and makes what
    /// hits others last for good.
    pub(crate) fn freeze_faults(&mut self, core: Vec<String>) {
        self.faults.agenda.clear();
        let is_core =
            |world: &Self, node: NodeId| core.contains(&world.nodes[node.0 as usize].name);
        let numbers: Vec<_> = self.faults.under_way.hits.keys().copied().collect();
        for number in numbers {
            let hit = &self.faults.under_way.hits[&number];
            let (kind, node) = (hit.kind, hit.node);
            if is_core(self, node) {
                // What cuts it off from nodes outside of the core stays.
                let outside =
                    |&&(from, to): &&(NodeId, NodeId)| !is_core(self, from) || !is_core(self, to);
                let kept: BTreeSet<_> = hit.links.iter().filter(outside).copied().collect();
                if kept.is_empty() {
                    self.fault_ends(number);
                    continue;
                }
                let released: Vec<_> = hit.links.difference(&kept).copied().collect();
                self.lasts_for_good(number);
                if let Some(hit) = self.faults.under_way.hits.get_mut(&number) {
                    hit.links = kept;
                }
                for (from, to) in released {
                    self.release_link(kind, from, to);
                }
            } else {
                self.lasts_for_good(number);
            }
        }
        self.faults.core = core;
    }

    /// Takes away what would end a fault.
    fn lasts_for_good(&mut self, number: u64) {
        let hit = self.faults.under_way.hits.get_mut(&number);
        if let Some(key) = hit.and_then(|hit| hit.end.take()) {
            self.timers.remove(key);
        }
    }
}

/// Whether a fault of `kind` takes a node down, so that its end boots it.
fn takes_down(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::NodeKilled | Kind::NodePowerLost | Kind::NodeShutDown
    )
}
