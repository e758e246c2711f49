//! All that is told of a server, as it is at one moment.

use std::time::Duration;

use crate::config::SyncPolicy;
use crate::log::Figures;
use crate::phase::Phase;
use crate::process::{Usage, usage};
use crate::shared::{Replication, Shared};
use crate::statistics::Times;

/// All that is told of a server, as it is at one moment.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) phase: Phase,
    /// Why requests are not answered as they should be.
    pub(super) obstacle: Option<&'static str>,
    pub(super) port: u16,
    pub(super) uptime: Duration,
    pub(super) usage: Usage,
    pub(super) replication: Replication,
    pub(super) clients: u64,
    pub(super) clients_max: u64,
    pub(super) clients_blocked: u64,
    pub(super) connections_accepted: u64,
    pub(super) connections_refused: u64,
    pub(super) requests: u64,
    pub(super) errors: u64,
    pub(super) input_bytes: u64,
    pub(super) output_bytes: u64,
    pub(super) keys: u64,
    pub(super) keys_mortal: u64,
    pub(super) keys_expired: u64,
    /// `None` if nothing is kept.
    pub(super) log: Option<LogSnapshot>,
    /// Those that were called, by name.
    pub(super) commands: Vec<CommandSnapshot>,
}

#[derive(Debug)]
pub(super) struct LogSnapshot {
    pub(super) policy: SyncPolicy,
    pub(super) figures: Figures,
    pub(super) sync_times: Times,
}

#[derive(Debug)]
pub(super) struct CommandSnapshot {
    pub(super) name: &'static str,
    pub(super) times: Times,
    pub(super) failed: u64,
    pub(super) rejected: u64,
}

impl Snapshot {
    /// Reads all there is to tell.
    ///
    /// # Cancel safety
    /// Safe: it only reads.
    pub(super) async fn take(shared: &Shared) -> Self {
        let usage = usage().await;
        let statistics = &shared.statistics;
        let log = shared.log.has_file().then(|| LogSnapshot {
            policy: shared.config.sync,
            figures: shared.log.figures(),
            sync_times: shared.log.sync_times.read(),
        });
        let commands = statistics.called().map(|(spec, calls)| CommandSnapshot {
            name: spec.name,
            times: calls.latency.read(),
            failed: calls.failed.value(),
            rejected: calls.rejected.value(),
        });
        Self {
            phase: phase(shared),
            obstacle: obstacle(shared),
            port: shared.port(),
            uptime: shared.started.elapsed(),
            usage,
            replication: shared.replication(),
            clients: shared.connections.len() as u64,
            clients_max: shared.config.max_clients as u64,
            clients_blocked: statistics.clients_blocked.value(),
            connections_accepted: statistics.connections_accepted.value(),
            connections_refused: statistics.connections_refused.value(),
            requests: statistics.requests_answered.value(),
            errors: statistics.errors.value(),
            input_bytes: statistics.input_bytes.value(),
            output_bytes: statistics.output_bytes.value(),
            keys: statistics.keys.value(),
            keys_mortal: statistics.keys_mortal.value(),
            keys_expired: statistics.keys_expired.value(),
            log,
            commands: commands.collect(),
        }
    }
}

/// The phase of a server, which is broken as soon as its log is.
pub(super) fn phase(shared: &Shared) -> Phase {
    if shared.log.figures().is_broken {
        Phase::Broken
    } else {
        shared.current.phase()
    }
}

/// Why the server does not answer requests as it should, if it does not: its phase, or the word of
/// Redis for what it answers.
pub(super) fn obstacle(shared: &Shared) -> Option<&'static str> {
    let roles = &shared.roles;
    match phase(shared) {
        Phase::Serving if !roles.may_show() => Some("masterdown"),
        Phase::Serving if !roles.is_replica() && !roles.has_enough(shared) => Some("noreplicas"),
        Phase::Serving => None,
        phase => Some(phase.name()),
    }
}
