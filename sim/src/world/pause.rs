//! Nodes that stand still.
//!
//! A paused node's tasks do not run; what is to run waits in `parked`. Everything that its kernel
//! does goes on: segments arrive and are acknowledged, connections wait in the backlog, timers fall
//! due, clocks go.

use std::collections::BTreeSet;

use simoom::backend::TimerKey;
use simoom::time::Instant;

use super::failure::Failure;
use super::node::NodeId;
use super::tasks::TaskSlot;
use super::{Due, World};
use crate::record::EventKind;

/// That a node stands still.
#[derive(Debug, Default)]
pub(crate) struct Pause {
    /// The tasks that would run.
    pub(crate) parked: BTreeSet<TaskSlot>,
    /// What ends the pause, if its length is known.
    end: Option<TimerKey>,
    /// The number of the fault that alone began it and may end it.
    pub(super) fault: Option<u64>,
}

impl World {
    /// Stops a node where it is, for so many nanoseconds or until it is resumed. A pause in a pause
    /// only changes when it ends.
    pub(crate) fn pause(&mut self, node: NodeId, length_ns: Option<i64>) {
        if !self.nodes[node.0 as usize].alive {
            return;
        }
        let end = length_ns.map(|length_ns| {
            let at = Instant::from_nanos(self.now_ns.saturating_add(length_ns));
            self.timers.insert(at, Due::Resume { node })
        });
        if let Some(pause) = &mut self.nodes[node.0 as usize].pause {
            pause.fault = None;
            let before = std::mem::replace(&mut pause.end, end);
            self.forget_end(before);
            return;
        }
        self.note(EventKind::NodePaused, u64::from(node.0), 0);
        let of_node = |slot: &TaskSlot| {
            let entry = self.tasks.get(*slot);
            entry.is_some_and(|entry| entry.node == node)
        };
        let parked: BTreeSet<_> = self.tasks.ready().iter().copied().filter(of_node).collect();
        for &slot in &parked {
            self.tasks.make_unready(slot);
        }
        self.nodes[node.0 as usize].pause = Some(Pause {
            parked,
            end,
            fault: None,
        });
    }

    /// Stops a node that goes, until the fault of this number ends or it is resumed.
    pub(super) fn pause_by_fault(&mut self, node: NodeId, fault: u64) {
        self.pause(node, None);
        if let Some(pause) = &mut self.nodes[node.0 as usize].pause {
            pause.fault = Some(fault);
        }
    }

    /// Lets a paused node go on.
    pub(crate) fn resume(&mut self, node: NodeId) {
        let Some(pause) = self.end_pause(node) else {
            return;
        };
        self.note(EventKind::NodeResumed, u64::from(node.0), 0);
        for slot in pause.parked {
            self.tasks.make_ready(slot);
        }
        self.deliver_pending(node);
    }

    /// Takes the pause away from a node, and leaves its tasks as they are.
    pub(crate) fn end_pause(&mut self, node: NodeId) -> Option<Pause> {
        let mut pause = self.nodes[node.0 as usize].pause.take()?;
        let end = pause.end.take();
        self.forget_end(end);
        Some(pause)
    }

    fn forget_end(&mut self, end: Option<TimerKey>) {
        if let Some(key) = end {
            self.timers.remove(key);
        }
    }

    /// Whether a task would run if its node did not stand still.
    pub(crate) fn is_parked(&self, slot: TaskSlot) -> bool {
        let home = self.tasks.get(slot).map(|entry| entry.node.0 as usize);
        let pause = home.and_then(|home| self.nodes[home].pause.as_ref());
        pause.is_some_and(|pause| pause.parked.contains(&slot))
    }

    /// Forgets that a task waits for its node, and that it is the node's main.
    pub(super) fn forget_task(&mut self, slot: TaskSlot) {
        let Some(node) = self.tasks.get(slot).map(|entry| entry.node) else {
            return;
        };
        let this = &mut self.nodes[node.0 as usize];
        this.main.take_if(|main| *main == slot);
        if let Some(pause) = &mut this.pause {
            pause.parked.remove(&slot);
        }
    }

    /// Keeps the running task from going on if its node stands still.
    pub(crate) fn park_running(&mut self) -> bool {
        let Some(slot) = self.tasks.running else {
            return false;
        };
        let node = self.current_node();
        let Some(pause) = &mut self.nodes[node.0 as usize].pause else {
            return false;
        };
        pause.parked.insert(slot);
        true
    }

    /// Why nothing can happen any more.
    pub(crate) fn deadlock(&self) -> Failure {
        match self.standing_still() {
            nodes if nodes.is_empty() => Failure::Deadlock,
            nodes => Failure::Paused { nodes },
        }
    }

    /// The paused nodes that have something to run, by name.
    fn standing_still(&self) -> Vec<String> {
        let waits = |pause: &Pause| !pause.parked.is_empty();
        self.nodes
            .iter()
            .filter(|node| node.pause.as_ref().is_some_and(waits))
            .map(|node| node.name.clone())
            .collect()
    }
}
