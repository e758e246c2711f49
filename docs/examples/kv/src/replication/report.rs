//! What `ROLE` and `INFO` tell of a server's place among others, in the words of Redis.
//!
//! Owns the names of the figures. Offsets are commits here, and bytes with Redis.

use std::fmt::Write as _;

use simoom::time::Instant;

use super::role::LinkState;
use crate::resp::Replies;
use crate::shared::Shared;

impl LinkState {
    fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Connecting => "connecting",
            Self::Sync => "sync",
            Self::Connected => "connected",
        }
    }
}

/// Answers `ROLE`.
pub(crate) fn role(shared: &Shared, replies: &mut Replies) {
    let replication = &shared.roles;
    let place = shared.log.place();
    let integer = |offset: u64| i64::try_from(offset).unwrap_or(i64::MAX);
    if replication.is_replica() {
        // Nobody is followed while it is being promoted.
        let (host, port) = match replication.wanted() {
            Some(primary) => (primary.host, primary.port),
            None => (String::new(), 0),
        };
        let state = replication.link().state;
        replies.array(5);
        replies.bulk(b"slave");
        replies.bulk(host.as_bytes());
        replies.integer(port.into());
        replies.bulk(state.name().as_bytes());
        let is_connected = state == LinkState::Connected;
        replies.integer(if is_connected {
            integer(place.safe)
        } else {
            -1
        });
        return;
    }
    let replicas = replication.replicas.all_of_them();
    replies.array(3);
    replies.bulk(b"master");
    replies.integer(integer(place.appended));
    replies.array(replicas.len());
    for replica in replicas {
        replies.array(3);
        replies.bulk(replica.ip.to_string().as_bytes());
        replies.bulk(replica.port.to_string().as_bytes());
        replies.bulk(replica.offset.unwrap_or(0).to_string().as_bytes());
    }
}

/// The lines of the section `Replication` of `INFO`.
pub(crate) fn info(shared: &Shared, now: Instant) -> String {
    let replication = &shared.roles;
    let place = shared.log.place();
    let figures = shared.replication();
    let mut text = String::new();
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        write!(text, "{name}:{value}\r\n").expect("a string takes every character");
    };
    line("role", &figures.role);
    if replication.is_replica() {
        let link = replication.link();
        let ago = |moment: Option<Instant>| match moment {
            Some(moment) => (now - moment).as_secs().to_string(),
            None => "-1".into(),
        };
        if let Some(primary) = replication.wanted() {
            line("master_host", &primary.host);
            line("master_port", &primary.port);
        }
        let status = if figures.is_linked { "up" } else { "down" };
        line("master_link_status", &status);
        line("master_last_io_seconds_ago", &ago(link.heard));
        let copies = u8::from(link.state == LinkState::Sync);
        line("master_sync_in_progress", &copies);
        line("slave_read_repl_offset", &place.appended);
        line("slave_repl_offset", &place.applied);
        if !figures.is_linked {
            line("master_link_down_since_seconds", &ago(link.down_since));
        }
        line("slave_read_only", &1);
    }
    line("connected_slaves", &replication.replicas.len());
    for (index, replica) in replication.replicas.all_of_them().into_iter().enumerate() {
        let state = if replica.offset.is_some() {
            "online"
        } else {
            "send_bulk"
        };
        let told = format!(
            "ip={},port={},state={state},offset={},lag={}",
            replica.ip,
            replica.port,
            replica.offset.unwrap_or(0),
            (now - replica.heard).as_secs()
        );
        line(&format!("slave{index}"), &told);
    }
    let (copies, resumptions) = replication.replicas.beginnings();
    line("sync_full", &copies);
    line("sync_partial_ok", &resumptions);
    line("master_replid", &place.history.id());
    let (before, until) = match place.history.last() {
        Some((id, offset)) => (id.to_string(), offset.to_string()),
        None => ("0".repeat(40), "-1".into()),
    };
    line("master_replid2", &before);
    line("master_repl_offset", &place.appended);
    line("second_repl_offset", &until);
    line("repl_backlog_size", &place.backlog_bytes_max);
    line("repl_backlog_first_byte_offset", &place.backlog_start);
    line("repl_backlog_histlen", &place.backlog_bytes);
    text
}
