//! Signals, as a node's kernel delivers them.
//!
//! What a process does not listen for does what signal(7) says: ends it, stops it, or nothing.
//! SIGPIPE counts as ignored, since programs in Rust are started so.

use std::collections::BTreeMap;
use std::task::Waker;

use super::World;
use super::node::{Ended, NodeId};
use crate::record::EventKind;

/// What the process of a node did about signals.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    /// Those that it listens for.
    known: BTreeMap<i32, Known>,
    /// Those that came while it stood still, and the events in which they were sent last.
    pending: BTreeMap<i32, u64>,
}

#[derive(Debug, Default)]
struct Known {
    count: u64,
    /// The event in which it was sent last.
    sent: u64,
    /// Those who wait, by their places.
    waiting: BTreeMap<u64, Waker>,
}

impl Signals {
    /// The signals that somebody waits for.
    pub(crate) fn waited_for(&self) -> impl Iterator<Item = i32> {
        let known = self.known.iter();
        known
            .filter(|(_, known)| !known.waiting.is_empty())
            .map(|(&signal, _)| signal)
    }

    /// Everybody who waits.
    pub(crate) fn take_wakers(&mut self) -> Vec<Waker> {
        let known = self.known.values_mut();
        known
            .flat_map(|known| std::mem::take(&mut known.waiting).into_values())
            .collect()
    }
}

/// What a signal does by default.
enum Action {
    Nothing,
    Stop,
    End,
}

fn default_of(signal: i32) -> Action {
    match signal {
        libc::SIGCHLD | libc::SIGURG | libc::SIGWINCH | libc::SIGCONT | libc::SIGPIPE => {
            Action::Nothing
        }
        libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU => Action::Stop,
        _ => Action::End,
    }
}

impl World {
    /// How often the running task's node got `signal` since it first listened.
    pub(crate) fn signal_count(&mut self, signal: i32) -> u64 {
        let node = self.current_node();
        let signals = &mut self.nodes[node.0 as usize].signals;
        signals.known.entry(signal).or_default().count
    }

    /// The count of `signal` if it is more than `seen`.
    pub(crate) fn signal_came(&mut self, signal: i32, seen: u64) -> Option<u64> {
        let signals = &self.nodes[self.current_node().0 as usize].signals;
        let &Known { count, sent, .. } = signals.known.get(&signal)?;
        if count <= seen {
            return None;
        }
        self.sees(sent);
        Some(count)
    }

    /// A place for one who waits for a signal.
    pub(crate) fn signal_place(&mut self) -> u64 {
        self.signal_places += 1;
        self.signal_places
    }

    /// Has the place `key` on the running task's node wait for `signal`.
    pub(crate) fn wait_for_signal(&mut self, signal: i32, key: u64, waker: Waker) {
        let node = self.current_node();
        let signals = &mut self.nodes[node.0 as usize].signals;
        let known = signals.known.entry(signal).or_default();
        let old = known.waiting.insert(key, waker);
        self.effects.drop_some(old);
    }

    /// Gives up the place `key`, whosoever does it.
    pub(crate) fn leave_signal(&mut self, signal: i32, key: u64) {
        for node in &mut self.nodes {
            if let Some(known) = node.signals.known.get_mut(&signal) {
                self.effects.drop_some(known.waiting.remove(&key));
            }
        }
    }

    /// Whether `signal` would end or stop the process of a node.
    pub(crate) fn is_harmful(&self, node: NodeId, signal: i32) -> bool {
        let known = &self.nodes[node.0 as usize].signals.known;
        !known.contains_key(&signal) && !matches!(default_of(signal), Action::Nothing)
    }

    /// Sends a signal to the process of a node.
    pub(crate) fn send_signal(&mut self, node: NodeId, signal: i32) {
        let sent = self.note(EventKind::SignalSent, u64::from(node.0), signal as u64);
        let this = &mut self.nodes[node.0 as usize];
        if !this.alive {
            return;
        }
        match signal {
            libc::SIGKILL => self.effects.end(node, Ended::Killed { signal }),
            libc::SIGCONT => {
                self.resume(node);
                self.deliver(node, signal, sent);
            }
            // A stopped process learns of a signal when it goes on.
            _ if this.pause.is_some() => {
                this.signals.pending.insert(signal, sent);
            }
            _ => self.deliver(node, signal, sent),
        }
    }

    /// Delivers what came while a node stood still.
    pub(super) fn deliver_pending(&mut self, node: NodeId) {
        let pending = std::mem::take(&mut self.nodes[node.0 as usize].signals.pending);
        for (signal, sent) in pending {
            self.deliver(node, signal, sent);
        }
    }

    fn deliver(&mut self, node: NodeId, signal: i32, sent: u64) {
        let signals = &mut self.nodes[node.0 as usize].signals;
        if let Some(known) = signals.known.get_mut(&signal) {
            known.count += 1;
            known.sent = sent;
            let waiting = std::mem::take(&mut known.waiting);
            self.effects.wake_all(waiting.into_values());
            return;
        }
        match default_of(signal) {
            Action::Nothing => {}
            Action::Stop => self.pause(node, None),
            Action::End => self.effects.end(node, Ended::Killed { signal }),
        }
    }
}
