//! Metrics, in the text format of Prometheus.
//!
//! Owns their names. They hold what they are measured in: seconds, bytes, `_total` for what only
//! grows.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::{Registry, Unit};

use super::snapshot::{LogSnapshot, Snapshot};
use crate::log::Figures;
use crate::phase::Phase;
use crate::shared::Replication;
use crate::statistics::{BOUNDS, Times};

pub(super) use prometheus_client::encoding::prometheus_text::CONTENT_TYPE;

/// The metrics of a server.
pub(super) fn metrics(snapshot: Snapshot) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(snapshot));
    let mut text = String::new();
    prometheus_text::encode(&mut text, &registry).expect("a string takes every character");
    text
}

impl Collector for Snapshot {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut out = Out(encoder);
        self.server(&mut out)?;
        self.clients(&mut out)?;
        self.data(&mut out)?;
        if let Some(log) = &self.log {
            log.encode(&mut out)?;
        }
        self.commands(&mut out)?;
        self.process(&mut out)
    }
}

impl Snapshot {
    fn server(&self, out: &mut Out<'_>) -> fmt::Result {
        out.one_of(
            "kv_build_info",
            "The version that runs.",
            &[("version", env!("CARGO_PKG_VERSION"), 1)],
        )?;
        let phases = Phase::ALL.map(|it| ("phase", it.name(), u64::from(it == self.phase)));
        out.one_of(
            "kv_phase",
            "1 for the phase of its life that the server is in.",
            &phases,
        )?;
        out.gauge(
            "kv_ready",
            "1 if requests are answered as they should be, as /ready tells.",
            self.obstacle.is_none().into(),
        )?;
        let uptime = self.uptime.as_secs_f64();
        let help = "How long the server has run.";
        out.metric("kv_uptime", help, Some(Unit::Seconds), MetricType::Gauge)?
            .encode_gauge(&uptime)?;
        let Replication {
            role,
            replicas,
            replicas_online,
            lag_bytes,
            is_linked,
        } = self.replication;
        let roles = ["master", "slave"].map(|it| ("role", it, u64::from(it == role)));
        out.one_of(
            "kv_replication_role",
            "1 for the role that the server has among others.",
            &roles,
        )?;
        out.gauge("kv_replicas", "Replicas that are connected.", replicas)?;
        out.gauge(
            "kv_replicas_online",
            "Replicas that have had their copy, and have said what they have.",
            replicas_online,
        )?;
        if let Some(bytes) = lag_bytes {
            let help = "What the slowest replica has not acknowledged, as far as it is held.";
            out.gauge_bytes("kv_replication_lag", help, bytes)?;
        }
        out.gauge(
            "kv_replication_linked",
            "1 for a replica that is connected to its primary, and for a primary.",
            is_linked.into(),
        )
    }

    fn clients(&self, out: &mut Out<'_>) -> fmt::Result {
        out.gauge("kv_clients", "Clients that are connected.", self.clients)?;
        out.gauge(
            "kv_clients_max",
            "Clients that may be connected.",
            self.clients_max,
        )?;
        out.gauge(
            "kv_clients_blocked",
            "Clients that wait for an element of a list.",
            self.clients_blocked,
        )?;
        out.counter(
            "kv_connections_accepted",
            "Connections that were let in.",
            self.connections_accepted,
        )?;
        out.counter(
            "kv_connections_refused",
            "Connections that were one too many.",
            self.connections_refused,
        )?;
        out.counter("kv_requests", "Requests that were answered.", self.requests)?;
        out.counter(
            "kv_error_replies",
            "Requests that were answered with an error.",
            self.errors,
        )?;
        out.counter_bytes(
            "kv_received",
            "Bytes that came from clients.",
            self.input_bytes,
        )?;
        out.counter_bytes("kv_sent", "Bytes that went to clients.", self.output_bytes)
    }

    fn data(&self, out: &mut Out<'_>) -> fmt::Result {
        out.gauge("kv_keys", "Keys after the last command.", self.keys)?;
        out.gauge(
            "kv_keys_expiring",
            "Keys that do not live for ever.",
            self.keys_mortal,
        )?;
        out.counter(
            "kv_keys_expired",
            "Keys that have died of age.",
            self.keys_expired,
        )
    }

    fn commands(&self, out: &mut Out<'_>) -> fmt::Result {
        if self.commands.is_empty() {
            return Ok(());
        }
        let help = "How long commands took, without waits for lists, the log and the network.";
        let unit = Some(Unit::Seconds);
        let mut metric = out.metric("kv_command_duration", help, unit, MetricType::Histogram)?;
        for command in &self.commands {
            let labels = [("command", command.name)];
            histogram(metric.encode_family(&labels)?, &command.times)?;
        }
        let help = "Commands that were answered with an error.";
        let mut metric = out.metric("kv_command_failures", help, None, MetricType::Counter)?;
        for command in &self.commands {
            count(
                metric.encode_family(&[("command", command.name)])?,
                command.failed,
            )?;
        }
        let help = "Commands that were not done, since they made no sense, or not here or now.";
        let mut metric = out.metric("kv_command_rejections", help, None, MetricType::Counter)?;
        for command in &self.commands {
            count(
                metric.encode_family(&[("command", command.name)])?,
                command.rejected,
            )?;
        }
        Ok(())
    }

    /// Under the names that all programs use.
    fn process(&self, out: &mut Out<'_>) -> fmt::Result {
        if let Some(bytes) = self.usage.resident_bytes {
            let help = "Memory that is in use and not swapped out.";
            out.gauge_bytes("process_resident_memory", help, bytes)?;
        }
        if let Some(processor_cs) = self.usage.processor_cs {
            let seconds = Duration::from_millis(processor_cs * 10).as_secs_f64();
            let help = "Time on a processor, for the program and for the system.";
            let kind = MetricType::Counter;
            out.metric("process_cpu", help, Some(Unit::Seconds), kind)?
                .encode_counter::<NoLabels, _, f64>(&seconds, None)?;
        }
        if let Some(descriptors) = self.usage.descriptors {
            out.gauge("process_open_fds", "Open file descriptors.", descriptors)?;
        }
        if let Some(max) = self.usage.descriptors_max {
            let help = "File descriptors that may be open.";
            out.gauge("process_max_fds", help, max)?;
        }
        Ok(())
    }
}

impl LogSnapshot {
    fn encode(&self, out: &mut Out<'_>) -> fmt::Result {
        let Figures {
            bytes,
            commits,
            safe,
            syncs,
            bytes_compacted,
            compactions,
            compactions_failed,
            is_compacting,
            is_broken,
            ..
        } = self.figures;
        out.gauge_bytes("kv_log", "How large the log is.", bytes)?;
        out.gauge_bytes(
            "kv_log_compacted",
            "How large the log was when it was last made small, or could not be.",
            bytes_compacted,
        )?;
        out.counter("kv_log_commits", "Commits to the log.", commits)?;
        out.counter(
            "kv_log_commits_safe",
            "Commits that are as safe as was asked for.",
            safe,
        )?;
        out.counter(
            "kv_log_syncs",
            "Syncs of what was appended to the log.",
            syncs,
        )?;
        let (kind, unit) = (MetricType::Histogram, Some(Unit::Seconds));
        let help = "How long syncs of what was appended took.";
        let metric = out.metric("kv_log_sync_duration", help, unit, kind)?;
        histogram(metric, &self.sync_times)?;
        out.counter(
            "kv_log_compactions",
            "How often the log was made small.",
            compactions,
        )?;
        out.counter(
            "kv_log_compaction_failures",
            "How often the log could not be made small.",
            compactions_failed,
        )?;
        out.gauge(
            "kv_log_compacting",
            "1 while the log is made small.",
            is_compacting.into(),
        )?;
        out.gauge(
            "kv_log_broken",
            "1 if the log can no longer be written.",
            is_broken.into(),
        )
    }
}

/// What metrics are written to.
struct Out<'a>(DescriptorEncoder<'a>);

impl Out<'_> {
    fn metric<'a>(
        &'a mut self,
        name: &'a str,
        help: &str,
        unit: Option<Unit>,
        kind: MetricType,
    ) -> Result<MetricEncoder<'a>, fmt::Error> {
        const SECONDS: &Unit = &Unit::Seconds;
        const BYTES: &Unit = &Unit::Bytes;
        let unit = match unit {
            Some(Unit::Seconds) => Some(SECONDS),
            Some(Unit::Bytes) => Some(BYTES),
            _ => None,
        };
        self.0.encode_descriptor(name, help, unit, kind)
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.metric(name, help, None, MetricType::Gauge)?
            .encode_gauge(&value)
    }

    fn gauge_bytes(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.metric(name, help, Some(Unit::Bytes), MetricType::Gauge)?
            .encode_gauge(&value)
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        count(self.metric(name, help, None, MetricType::Counter)?, value)
    }

    fn counter_bytes(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let unit = Some(Unit::Bytes);
        count(self.metric(name, help, unit, MetricType::Counter)?, value)
    }

    /// One gauge for each label.
    fn one_of(&mut self, name: &str, help: &str, all: &[(&str, &str, u64)]) -> fmt::Result {
        let mut metric = self.metric(name, help, None, MetricType::Gauge)?;
        for (label, text, value) in all {
            metric
                .encode_family(&[(*label, *text)])?
                .encode_gauge(value)?;
        }
        Ok(())
    }
}

type NoLabels = [(&'static str, &'static str); 0];

fn count(mut metric: MetricEncoder<'_>, value: u64) -> fmt::Result {
    metric.encode_counter::<NoLabels, _, f64>(&value, None)
}

fn histogram(mut metric: MetricEncoder<'_>, times: &Times) -> fmt::Result {
    let bounds = BOUNDS.iter().map(Duration::as_secs_f64);
    let buckets: Vec<_> = bounds.chain([f64::INFINITY]).zip(times.counts).collect();
    let sum = Duration::from_nanos(times.sum_ns).as_secs_f64();
    let exemplars: Option<&HashMap<usize, Exemplar<NoLabels, f64>>> = None;
    metric.encode_histogram(sum, times.count(), &buckets, exemplars)
}
