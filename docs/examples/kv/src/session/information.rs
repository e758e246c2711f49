//! What `INFO` and `CONFIG GET` tell of the server.
//!
//! Owns the names of the figures, which Redis gave them. Knows nothing of how they come about; the
//! metrics tell the same.

use std::fmt::Write as _;

use simoom::time::Instant;

use crate::log::Figures;
use crate::phase::Phase;
use crate::replication;
use crate::resp::{Args, Replies};
use crate::shared::Shared;
use crate::store::Store;

/// The state of the server, in lines of `name:value` under headings.
pub(super) fn info(sections: Args<'_>, shared: &Shared, store: &mut Store, now: Instant) -> String {
    let all = [
        ("Server", server(shared, now)),
        ("Clients", clients(shared)),
        ("Memory", memory(shared)),
        ("Persistence", persistence(shared)),
        ("Stats", stats(shared)),
        ("Replication", replication::info(shared, now)),
        ("Commandstats", command_stats(shared)),
        ("Keyspace", keyspace(store, now)),
    ];
    let mut text = String::new();
    for (title, lines) in all.iter().filter(|(title, _)| is_asked(title, sections)) {
        let gap = if text.is_empty() { "" } else { "\r\n" };
        write!(text, "{gap}# {title}\r\n{lines}").expect("a string takes every character");
    }
    text
}

fn is_asked(title: &str, sections: Args<'_>) -> bool {
    // What Redis tells only who asks for it.
    let is_default = title != "Commandstats";
    if sections.is_empty() {
        return is_default;
    }
    sections.iter().any(|name| {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        is(title) || is("all") || is("everything") || (is_default && is("default"))
    })
}

fn server(shared: &Shared, now: Instant) -> String {
    let uptime_s = (now - shared.started).as_secs();
    format!(
        "redis_version:{REDIS_VERSION}\r\nserver_name:kv\r\nkv_version:{}\r\n\
         redis_mode:standalone\r\narch_bits:{}\r\ntcp_port:{}\r\nuptime_in_seconds:{uptime_s}\r\n\
         uptime_in_days:{}\r\n",
        env!("CARGO_PKG_VERSION"),
        usize::BITS,
        shared.port(),
        uptime_s / 86_400,
    )
}

fn clients(shared: &Shared) -> String {
    format!(
        "connected_clients:{}\r\nmaxclients:{}\r\nblocked_clients:{}\r\n",
        shared.connections.len(),
        shared.config.max_clients,
        shared.statistics.clients_blocked.value(),
    )
}

/// No more is known than what the system says: what data takes is not counted.
fn memory(shared: &Shared) -> String {
    let rss = match shared.statistics.resident_bytes.value() {
        0 => String::new(),
        bytes => format!("used_memory_rss:{bytes}\r\n"),
    };
    format!("{rss}maxmemory:0\r\nmaxmemory_policy:noeviction\r\n")
}

fn persistence(shared: &Shared) -> String {
    let loading = u8::from(shared.current.phase() == Phase::Loading);
    let log = &shared.log;
    if !log.has_file() {
        return format!("loading:{loading}\r\naof_enabled:0\r\n");
    }
    let Figures {
        bytes,
        commits,
        safe,
        syncs,
        bytes_compacted,
        compactions,
        compactions_failed,
        is_compacting,
        last_compaction_failed,
        is_broken,
    } = log.figures();
    let status = |failed| if failed { "err" } else { "ok" };
    format!(
        "loading:{loading}\r\naof_enabled:1\r\naof_rewrite_in_progress:{}\r\n\
         aof_last_bgrewrite_status:{}\r\naof_last_write_status:{}\r\naof_rewrites:{compactions}\r\n\
         aof_current_size:{bytes}\r\naof_base_size:{bytes_compacted}\r\nlog_commits:{commits}\r\n\
         log_commits_safe:{safe}\r\nlog_syncs:{syncs}\r\nlog_rewrites_failed:{compactions_failed}\r\n",
        u8::from(is_compacting),
        status(last_compaction_failed),
        status(is_broken),
    )
}

fn stats(shared: &Shared) -> String {
    let statistics = &shared.statistics;
    format!(
        "total_connections_received:{}\r\ntotal_commands_processed:{}\r\n\
         total_net_input_bytes:{}\r\ntotal_net_output_bytes:{}\r\nrejected_connections:{}\r\n\
         expired_keys:{}\r\ntotal_error_replies:{}\r\n",
        statistics.connections_accepted.value(),
        statistics.requests_answered.value(),
        statistics.input_bytes.value(),
        statistics.output_bytes.value(),
        statistics.connections_refused.value(),
        statistics.keys_expired.value(),
        statistics.errors.value(),
    )
}

fn command_stats(shared: &Shared) -> String {
    let mut text = String::new();
    for (spec, calls) in shared.statistics.called() {
        let times = calls.latency.read();
        let hundredths = times.mean().as_nanos() / 10;
        write!(
            text,
            "cmdstat_{}:calls={},usec={},usec_per_call={}.{:02},rejected_calls={},failed_calls={}\r\n",
            spec.name,
            times.count(),
            times.sum_ns / 1000,
            hundredths / 100,
            hundredths % 100,
            calls.rejected.value(),
            calls.failed.value(),
        )
        .expect("a string takes every character");
    }
    text
}

fn keyspace(store: &mut Store, now: Instant) -> String {
    match (store.len(now), store.mortal_len(now)) {
        (0, _) => String::new(),
        (keys, mortal) => format!("db0:keys={keys},expires={mortal},avg_ttl=0\r\n"),
    }
}

pub(super) fn config_get(names: Args<'_>, shared: &Shared, replies: &mut Replies) {
    let config = &shared.config;
    let settings = [
        (
            "appendonly",
            if config.dir.is_some() { "yes" } else { "no" }.into(),
        ),
        ("appendfsync", config.sync.name().into()),
        ("save", String::new()),
        ("bind", config.bind.clone()),
        ("databases", "1".into()),
        (
            "dir",
            config
                .dir
                .as_ref()
                .map_or_else(String::new, |dir| dir.display().to_string()),
        ),
        ("maxclients", config.max_clients.to_string()),
        (
            "proto-max-bulk-len",
            config.limits.request_bytes_max.to_string(),
        ),
        ("repl-timeout", config.replica_timeout.as_secs().to_string()),
        ("repl-backlog-size", config.backlog_bytes_max.to_string()),
        ("sync-replicas", config.sync_replicas.to_string()),
        (
            "timeout",
            config.timeout.unwrap_or_default().as_secs().to_string(),
        ),
    ];
    let asked = |setting: &str| {
        names
            .iter()
            .any(|name| name == b"*" || name.eq_ignore_ascii_case(setting.as_bytes()))
    };
    let answer: Vec<_> = settings.iter().filter(|(name, _)| asked(name)).collect();
    replies.array(2 * answer.len());
    for (name, value) in answer {
        replies.bulk(name.as_bytes());
        replies.bulk(value.as_bytes());
    }
}

/// The version of Redis whose answers are the model, for clients that ask.
const REDIS_VERSION: &str = "7.0.15";
