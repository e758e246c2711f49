//! Signals, as a node's kernel delivers them.
//!
//! What a process does not listen for does what signal(7) says: ends it, stops it, or nothing.
//! SIGPIPE counts as ignored, since programs in Rust are started so.

use std::collections::BTreeMap;
use std::io;
use std::task::Waker;

use super::World;
use super::node::{Ended, NodeId};
use super::processes::ProcessId;
use crate::record::EventKind;

/// What a process did about signals.
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

    /// Counts a signal that is listened for, which was sent in the event `sent`, and returns who
    /// waits for it; `None` if nobody has listened.
    fn count(&mut self, signal: i32, sent: u64) -> Option<Vec<Waker>> {
        let known = self.known.get_mut(&signal)?;
        known.count += 1;
        known.sent = sent;
        Some(std::mem::take(&mut known.waiting).into_values().collect())
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
    /// How often the running task's process got `signal` since it first listened.
    pub(crate) fn signal_count(&mut self, signal: i32) -> u64 {
        let signals = self.running_signals();
        signals.known.entry(signal).or_default().count
    }

    /// The count of `signal` if it is more than `seen`.
    pub(crate) fn signal_came(&mut self, signal: i32, seen: u64) -> Option<u64> {
        let &Known { count, sent, .. } = self.running_signals().known.get(&signal)?;
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

    /// Has the place `key` of the running task's process wait for `signal`.
    pub(crate) fn wait_for_signal(&mut self, signal: i32, key: u64, waker: Waker) {
        let signals = self.running_signals();
        let known = signals.known.entry(signal).or_default();
        let old = known.waiting.insert(key, waker);
        self.effects.drop_some(old);
    }

    /// Gives up the place `key`, whosoever does it.
    pub(crate) fn leave_signal(&mut self, signal: i32, key: u64) {
        let nodes = self.nodes.iter_mut().map(|node| &mut node.signals);
        for signals in nodes.chain(self.processes.all_signals()) {
            if let Some(known) = signals.known.get_mut(&signal) {
                self.effects.drop_some(known.waiting.remove(&key));
            }
        }
    }

    /// What the running task's process did about signals.
    fn running_signals(&mut self) -> &mut Signals {
        let process = self.tasks.current().and_then(|entry| entry.process);
        self.signals_of(self.current_node(), process)
    }

    /// What a process did about signals; that of its node if it is none of a child, or gone.
    fn signals_of(&mut self, node: NodeId, process: Option<ProcessId>) -> &mut Signals {
        let child = process.and_then(|id| self.processes.signals(id));
        child.unwrap_or(&mut self.nodes[node.0 as usize].signals)
    }

    /// Sends a signal to a child process that has not ended.
    pub(super) fn signal_running_child(
        &mut self,
        child: ProcessId,
        signal: i32,
        sent: u64,
    ) -> io::Result<()> {
        let Some(signals) = self.processes.signals(child) else {
            return Ok(());
        };
        if signal == libc::SIGKILL {
            self.effects.end_child(child, signal);
            return Ok(());
        }
        if let Some(wakers) = signals.count(signal, sent) {
            self.effects.wake_all(wakers);
            return Ok(());
        }
        match default_of(signal) {
            Action::Nothing => {}
            Action::End => self.effects.end_child(child, signal),
            Action::Stop => {
                return Err(io::Error::new(
                    io::ErrorKind::Unsupported,
                    format!("signal {signal} would stop a simulated child, which is not simulated"),
                ));
            }
        }
        Ok(())
    }

    /// Tells the parent of a child that it has ended, if that listens.
    pub(super) fn tell_parent(&mut self, node: NodeId, parent: Option<ProcessId>, ended: u64) {
        let signals = self.signals_of(node, parent);
        if let Some(wakers) = signals.count(libc::SIGCHLD, ended) {
            self.effects.wake_all(wakers);
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
        if let Some(wakers) = signals.count(signal, sent) {
            self.effects.wake_all(wakers);
            return;
        }
        match default_of(signal) {
            Action::Nothing => {}
            Action::Stop => self.pause(node, None),
            Action::End => self.effects.end(node, Ended::Killed { signal }),
        }
    }
}
