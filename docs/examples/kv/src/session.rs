//! What one connection is, and what its requests do.
//!
//! Owns the order of understanding, locking, doing and committing. Knows nothing of sockets.

use std::fmt::Write as _;
use std::time::Duration;

use simoom::sync::oneshot;
use simoom::time::Instant;

use crate::apply::Apply;
use crate::command::{
    self, ClientCommand, Command, CommandError, DescribeCommand, SessionCommand, Spec,
};
use crate::log::{Figures, Position};
use crate::resp::{Args, Limits, Replies, RequestDecoder};
use crate::shared::Shared;
use crate::store::{End, Popped, Store, Waiting};
use crate::transaction::{Gathered, Transaction};

/// The state of a connection that outlives a request.
#[derive(Debug)]
pub(crate) struct Session {
    id: u64,
    name: Vec<u8>,
    transaction: Transaction,
    /// What must be safe before the replies may be sent.
    position: Position,
}

/// What becomes of a connection after a request.
#[derive(Debug)]
pub(crate) enum Next {
    /// It waits for more.
    Continue,
    /// It is closed once its replies are sent.
    Close,
    /// It waits for an element of a list.
    Block(Blocked),
}

/// A wait for an element of a list.
#[derive(Debug)]
pub(crate) struct Blocked {
    pub(crate) element: oneshot::Receiver<Popped>,
    pub(crate) timeout: Option<Duration>,
    /// The place in the line.
    pub(crate) number: u64,
}

impl Session {
    pub(crate) fn new(id: u64) -> Self {
        Self {
            id,
            name: Vec::new(),
            transaction: Transaction::default(),
            position: 0,
        }
    }

    /// What must be safe before the replies may be sent.
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    /// Understands one request, does what it asks for and answers it.
    ///
    /// # Cancel safety
    /// Dropped before it has the lock, it has done nothing; it does not wait afterwards.
    pub(crate) async fn answer(
        &mut self,
        args: Args<'_>,
        shared: &Shared,
        replies: &mut Replies,
    ) -> Next {
        if self.transaction.is_open() && !is_done_at_once(args) {
            return self.gather(args, shared, replies);
        }
        match Command::parse(args) {
            Ok(command) => self.execute(command, shared, replies).await,
            Err(CommandError::WrongArity { name: "exec" }) => {
                self.transaction.close();
                replies.error(
                    "EXECABORT Transaction discarded because of: wrong number of arguments for \
                     'exec' command",
                );
                Next::Continue
            }
            Err(error) => {
                replies.error(error);
                if matches!(error, CommandError::Http) {
                    Next::Close
                } else {
                    Next::Continue
                }
            }
        }
    }

    /// Keeps a request for `EXEC`, unless it is no request.
    fn gather(&mut self, args: Args<'_>, shared: &Shared, replies: &mut Replies) -> Next {
        if let Some(error) = refused_early(args) {
            replies.error(error);
            self.transaction.break_off();
            if matches!(error, CommandError::Http) {
                return Next::Close;
            }
        } else {
            let bytes_max = shared.config.limits.request_bytes_max.saturating_mul(64);
            if self.transaction.gather(args, bytes_max) {
                replies.simple("QUEUED");
            } else {
                replies.error(format_args!(
                    "ERR transaction larger than {bytes_max} bytes"
                ));
            }
        }
        Next::Continue
    }

    async fn execute(
        &mut self,
        command: Command<'_>,
        shared: &Shared,
        replies: &mut Replies,
    ) -> Next {
        match command {
            #[cfg(feature = "planted-lost-update")]
            Command::Store(command::StoreCommand::Add { key, delta }) => {
                self.position = add(key, delta, shared, replies).await;
            }
            Command::Session(SessionCommand::Execute) => {
                self.execute_gathered(shared, replies).await;
            }
            Command::Session(SessionCommand::BlockingPop { keys, end, timeout }) => {
                return self.pop_or_wait(keys, end, timeout, shared, replies).await;
            }
            Command::Session(SessionCommand::Watch { keys }) => {
                if self.transaction.is_open() {
                    replies.error("ERR WATCH inside MULTI is not allowed");
                } else {
                    let store = &mut *shared.store.lock().await;
                    let now = shared.begin(store);
                    for key in keys.iter() {
                        store.watch(key, self.transaction.flag(), now);
                    }
                    self.position = shared.commit(store, now);
                    replies.simple("OK");
                }
            }
            Command::Store(_) | Command::Session(SessionCommand::Info { .. }) => {
                let store = &mut *shared.store.lock().await;
                let now = shared.begin(store);
                let next = self.execute_in(store, now, command, shared, replies);
                self.position = shared.commit(store, now);
                return next;
            }
            Command::Session(command) => return self.answer_session(command, shared, replies),
        }
        Next::Continue
    }

    /// Does what waits for nothing, in a store that is held.
    fn execute_in(
        &mut self,
        store: &mut Store,
        now: Instant,
        command: Command<'_>,
        shared: &Shared,
        replies: &mut Replies,
    ) -> Next {
        match command {
            Command::Store(command) => {
                let reply_bytes_max = shared.config.max_reply_bytes;
                Apply {
                    store,
                    now,
                    replies,
                    reply_bytes_max,
                }
                .apply(command);
            }
            Command::Session(SessionCommand::Info { sections }) => {
                replies.bulk(info(sections, shared, store, now).as_bytes());
            }
            // Nobody waits in a transaction.
            Command::Session(SessionCommand::BlockingPop { keys, end, .. }) => {
                if !pop_first(keys, end, store, now, replies) {
                    replies.null_array();
                }
            }
            Command::Session(command) => return self.answer_session(command, shared, replies),
        }
        Next::Continue
    }

    /// Does all that was gathered, as one commit.
    async fn execute_gathered(&mut self, shared: &Shared, replies: &mut Replies) {
        if !self.transaction.is_open() {
            return replies.error("ERR EXEC without MULTI");
        }
        let store = &mut *shared.store.lock().await;
        let now = shared.begin(store);
        // What dies now may be watched.
        store.len(now);
        let (gathered, changed) = self.transaction.close();
        let Gathered {
            requests,
            len,
            is_broken,
        } = gathered.unwrap_or_default();
        if is_broken {
            replies.error("EXECABORT Transaction discarded because of previous errors.");
        } else if changed {
            replies.null_array();
        } else {
            replies.array(len);
            let bytes_max = shared.config.max_reply_bytes;
            let start = replies.len();
            // They kept to the limits when they came, and may be larger as they are kept.
            let mut decoder = RequestDecoder::new(Limits {
                request_bytes_max: usize::MAX,
                args_max: usize::MAX,
            });
            decoder.space().extend_from_slice(&requests);
            while let Ok(Some(args)) = decoder.next_request() {
                let given = replies.len();
                match Command::parse(args) {
                    Ok(command) => {
                        self.execute_in(store, now, command, shared, replies);
                    }
                    Err(error) => replies.error(error),
                }
                // What was taken or written over is in its reply alone, and is in there once.
                if replies.len() - start > bytes_max && !writes(args) {
                    replies.truncate(given);
                    replies.error(format_args!("ERR reply larger than {bytes_max} bytes"));
                }
            }
        }
        self.position = shared.commit(store, now);
    }

    /// Takes an element off the first list that has one, or stands in line.
    async fn pop_or_wait(
        &mut self,
        keys: Args<'_>,
        end: End,
        timeout: Option<Duration>,
        shared: &Shared,
        replies: &mut Replies,
    ) -> Next {
        let store = &mut *shared.store.lock().await;
        let now = shared.begin(store);
        let popped = pop_first(keys, end, store, now, replies);
        self.position = shared.commit(store, now);
        if popped {
            return Next::Continue;
        }
        let (give, element) = oneshot::channel();
        let keys = keys.iter().map(Into::into).collect();
        let number = store.wait_for(keys, Waiting { end, give });
        Next::Block(Blocked {
            element,
            timeout,
            number,
        })
    }

    /// Answers a wait that is over, with an element or without.
    pub(crate) async fn answer_blocked(
        &mut self,
        popped: Option<Popped>,
        number: u64,
        shared: &Shared,
        replies: &mut Replies,
    ) {
        match popped {
            Some((key, value)) => {
                // The one who pushed it has committed its being taken.
                self.position = shared.log.as_ref().map_or(0, |log| log.position());
                replies.array(2);
                replies.bulk(&key);
                replies.bulk(&value);
            }
            None => {
                shared.store.lock().await.forget_waiting(number);
                replies.null_array();
            }
        }
    }

    fn answer_session(
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
            SessionCommand::Begin => {
                if self.transaction.open() {
                    replies.simple("OK");
                } else {
                    replies.error("ERR MULTI calls can not be nested");
                }
            }
            SessionCommand::Discard => {
                if self.transaction.is_open() {
                    self.transaction.close();
                    replies.simple("OK");
                } else {
                    replies.error("ERR DISCARD without MULTI");
                }
            }
            SessionCommand::Unwatch => {
                self.transaction.unwatch();
                replies.simple("OK");
            }
            SessionCommand::Compact => match &shared.log {
                Some(log) => {
                    log.request_compaction();
                    replies.simple("Background append only file rewriting started");
                }
                None => replies.error("ERR nothing is kept: there is no log"),
            },
            SessionCommand::Info { .. }
            | SessionCommand::Execute
            | SessionCommand::Watch { .. }
            | SessionCommand::BlockingPop { .. } => {
                unreachable!("`execute` answers what needs the store")
            }
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

/// Whether a request is done although requests are gathered.
fn is_done_at_once(args: Args<'_>) -> bool {
    let name = args.get(0).unwrap_or_default();
    command::find(name).is_some_and(|spec| {
        let at_once = ["multi", "exec", "discard", "watch", "quit"];
        at_once.contains(&spec.name) && (spec.accepts(args.len()) || spec.name == "exec")
    })
}

/// Whether a request may change the store.
fn writes(args: Args<'_>) -> bool {
    let name = args.get(0).unwrap_or_default();
    command::find(name).is_some_and(|spec| spec.flags.contains(&"write"))
}

/// What is wrong with a request that can be seen from its name and how many arguments it has, which
/// is all that is looked at before `EXEC`.
fn refused_early(args: Args<'_>) -> Option<CommandError<'_>> {
    let error = Command::parse(args).err()?;
    let spec = command::find(args.get(0).unwrap_or_default());
    let is_early = match error {
        CommandError::WrongArity { name } => {
            name.contains('|') || !spec.is_some_and(|spec| spec.accepts(args.len()))
        }
        CommandError::UnknownCommand { .. }
        | CommandError::UnknownSubcommand { .. }
        | CommandError::Http => true,
        _ => false,
    };
    is_early.then_some(error)
}

/// Takes an element off the first list that has one, and answers with it; false if none has.
fn pop_first(
    keys: Args<'_>,
    end: End,
    store: &mut Store,
    now: Instant,
    replies: &mut Replies,
) -> bool {
    for key in keys.iter() {
        match store.pop(key, end, now) {
            Ok(Some(value)) => {
                replies.array(2);
                replies.bulk(key);
                replies.bulk(&value);
                return true;
            }
            Ok(None) => {}
            Err(error) => {
                replies.error(error);
                return true;
            }
        }
    }
    false
}

/// Adds `delta` to the number that `key` holds.
#[cfg(feature = "planted-lost-update")]
async fn add(key: &[u8], delta: i64, shared: &Shared, replies: &mut Replies) -> Position {
    use crate::store::NumberError;

    let number = shared.store.lock().await.number(key, Instant::now());
    match number.and_then(|number| number.checked_add(delta).ok_or(NumberError::Overflow)) {
        Ok(sum) => {
            let store = &mut *shared.store.lock().await;
            let now = shared.begin(store);
            store.set_number(key, sum, now);
            replies.integer(sum);
            shared.commit(store, now)
        }
        Err(error) => {
            replies.error(error);
            0
        }
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
fn info(sections: Args<'_>, shared: &Shared, store: &mut Store, now: Instant) -> String {
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
