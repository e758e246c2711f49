//! What one connection is, and its answers about itself and the server.
//!
//! Knows the store only as something to count.

use std::fmt::Write as _;

use simoom::time::Instant;

use crate::apply::Apply;
use crate::command::{self, ClientCommand, Command, DescribeCommand, SessionCommand, Spec};
use crate::resp::{Args, Replies};
use crate::shared::Shared;

/// The state of a connection that outlives a request.
#[derive(Debug)]
pub(crate) struct Session {
    id: u64,
    name: Vec<u8>,
}

/// What becomes of a connection after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It waits for more.
    Continue,
    /// It is closed once its replies are sent.
    Close,
}

impl Session {
    pub(crate) fn new(id: u64) -> Self {
        Self {
            id,
            name: Vec::new(),
        }
    }

    /// Does what `command` asks for and answers it.
    ///
    /// # Cancel safety
    /// Dropped before it has the lock, it has done nothing; it does not wait afterwards.
    pub(crate) async fn execute(
        &mut self,
        command: Command<'_>,
        shared: &Shared,
        replies: &mut Replies,
    ) -> Next {
        match command {
            #[cfg(feature = "planted-lost-update")]
            Command::Store(command::StoreCommand::Add { key, delta }) => {
                add(key, delta, shared, replies).await;
            }
            Command::Store(command) => {
                let store = &mut *shared.store.lock().await;
                let reply_bytes_max = shared.config.max_reply_bytes;
                Apply {
                    store,
                    now: Instant::now(),
                    replies,
                    reply_bytes_max,
                }
                .apply(command);
            }
            Command::Session(SessionCommand::Info { sections }) => {
                replies.bulk(info(sections, shared).await.as_bytes());
            }
            Command::Session(command) => return self.answer(command, shared, replies),
        }
        Next::Continue
    }

    fn answer(
        &mut self,
        command: SessionCommand<'_>,
        shared: &Shared,
        replies: &mut Replies,
    ) -> Next {
        match command {
            SessionCommand::Ping { message: None } => replies.simple("PONG"),
            SessionCommand::Ping {
                message: Some(message),
            }
            | SessionCommand::Echo { message } => {
                replies.bulk(message);
            }
            SessionCommand::Quit => {
                replies.simple("OK");
                return Next::Close;
            }
            SessionCommand::Select => replies.simple("OK"),
            SessionCommand::Client(command) => self.answer_client(command, replies),
            SessionCommand::Describe(command) => describe(command, replies),
            SessionCommand::ConfigGet { names } => config_get(names, shared, replies),
            SessionCommand::Info { .. } => unreachable!("`execute` answers it"),
        }
        Next::Continue
    }

    fn answer_client(&mut self, command: ClientCommand<'_>, replies: &mut Replies) {
        match command {
            ClientCommand::Id => replies.integer(i64::try_from(self.id).unwrap_or(i64::MAX)),
            ClientCommand::Name => {
                replies.bulk_or_null((!self.name.is_empty()).then_some(&*self.name));
            }
            ClientCommand::Rename { name } => {
                self.name = name.to_vec();
                replies.simple("OK");
            }
            ClientCommand::Library => replies.simple("OK"),
        }
    }
}

/// Adds `delta` to the number that `key` holds.
#[cfg(feature = "planted-lost-update")]
async fn add(key: &[u8], delta: i64, shared: &Shared, replies: &mut Replies) {
    use crate::store::NumberError;

    let number = shared.store.lock().await.number(key, Instant::now());
    match number.and_then(|number| number.checked_add(delta).ok_or(NumberError::Overflow)) {
        Ok(sum) => {
            shared
                .store
                .lock()
                .await
                .set_number(key, sum, Instant::now());
            replies.integer(sum);
        }
        Err(error) => replies.error(format_args!("ERR {error}")),
    }
}

fn describe(command: DescribeCommand<'_>, replies: &mut Replies) {
    match command {
        DescribeCommand::Count => {
            replies.integer(i64::try_from(command::commands().len()).unwrap_or(i64::MAX));
        }
        DescribeCommand::Names => {
            replies.array(command::commands().len());
            for spec in command::commands() {
                replies.bulk(spec.name.as_bytes());
            }
        }
        DescribeCommand::Shapes { names } => {
            let specs = named(names);
            replies.array(specs.len());
            for spec in specs {
                match spec {
                    Some(spec) => describe_shape(spec, replies),
                    None => replies.null(),
                }
            }
        }
        DescribeCommand::Docs { names } => {
            let specs: Vec<_> = named(names).into_iter().flatten().collect();
            replies.array(2 * specs.len());
            for spec in specs {
                replies.bulk(spec.name.as_bytes());
                replies.array(4);
                for text in ["summary", spec.summary, "group", spec.group] {
                    replies.bulk(text.as_bytes());
                }
            }
        }
    }
}

fn describe_shape(spec: &Spec, replies: &mut Replies) {
    replies.array(6);
    replies.bulk(spec.name.as_bytes());
    replies.integer(spec.arity);
    replies.array(spec.flags.len());
    for flag in spec.flags {
        replies.simple(flag);
    }
    for key in spec.keys {
        replies.integer(key);
    }
}

/// The commands with these names, or all if there are no names.
fn named(names: Args<'_>) -> Vec<Option<&'static Spec>> {
    if names.is_empty() {
        return command::commands().iter().map(Some).collect();
    }
    names.iter().map(command::find).collect()
}

fn config_get(names: Args<'_>, shared: &Shared, replies: &mut Replies) {
    let config = &shared.config;
    let settings = [
        // There is nothing to save to, which is what these two ask.
        ("appendonly", "no".into()),
        ("save", String::new()),
        ("bind", config.bind.clone()),
        ("databases", "1".into()),
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

/// The state of the server, in lines of `name:value` under headings.
async fn info(sections: Args<'_>, shared: &Shared) -> String {
    let now = Instant::now();
    let (keys, mortal_keys) = {
        let mut store = shared.store.lock().await;
        (store.len(now), store.mortal_len(now))
    };
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
