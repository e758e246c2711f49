//! What `INFO` and `CONFIG GET` tell of the server.
//!
//! Owns the names of the figures. Knows nothing of how they come about.

use std::fmt::Write as _;

use simoom::time::Instant;

use crate::log::Figures;
use crate::resp::{Args, Replies};
use crate::shared::Shared;
use crate::store::Store;

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

fn persistence(shared: &Shared) -> String {
    let Some(log) = &shared.log else {
        return "aof_enabled:0\r\n".into();
    };
    let Figures {
        bytes,
        commits,
        safe,
        syncs,
    } = log.figures();
    format!(
        "aof_enabled:1\r\naof_current_size:{bytes}\r\nlog_commits:{commits}\r\n\
         log_commits_safe:{safe}\r\nlog_syncs:{syncs}\r\n"
    )
}

/// The state of the server, in lines of `name:value` under headings.
pub(super) fn info(sections: Args<'_>, shared: &Shared, store: &mut Store, now: Instant) -> String {
    let (keys, mortal_keys) = (store.len(now), store.mortal_len(now));
    let uptime = now - shared.started;
    let statistics = &shared.statistics;
    let keyspace = match keys {
        0 => String::new(),
        keys => format!("db0:keys={keys},expires={mortal_keys},avg_ttl=0\r\n"),
    };
    let all = [
        (
            "Server",
            format!(
                "server_name:kv\r\nkv_version:{}\r\nuptime_in_seconds:{}\r\n",
                env!("CARGO_PKG_VERSION"),
                uptime.as_secs()
            ),
        ),
        (
            "Clients",
            format!(
                "connected_clients:{}\r\nmaxclients:{}\r\n",
                shared.connections.len(),
                shared.config.max_clients
            ),
        ),
        ("Persistence", persistence(shared)),
        (
            "Stats",
            format!(
                "total_connections_received:{}\r\ntotal_commands_processed:{}\r\n\
                 rejected_connections:{}\r\n",
                statistics.connections_accepted.value(),
                statistics.requests_answered.value(),
                statistics.connections_refused.value()
            ),
        ),
        ("Keyspace", keyspace),
    ];
    let asked = |title: &str| {
        sections.is_empty()
            || sections.iter().any(|name| {
                [title, "all", "everything", "default"]
                    .iter()
                    .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
            })
    };
    let mut text = String::new();
    for (title, lines) in all.iter().filter(|(title, _)| asked(title)) {
        let gap = if text.is_empty() { "" } else { "\r\n" };
        write!(text, "{gap}# {title}\r\n{lines}").expect("a string takes every character");
    }
    text
}
