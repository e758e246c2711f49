//! What one connection is, and what its requests do.
//!
//! Owns the order of understanding, locking, doing and committing. Knows nothing of sockets, and not
//! what a store command does.

use std::ops::RangeInclusive;

use simoom::time::Instant;

use super::blocking::{Blocked, pop_first};
use super::describe::describe;
use super::information::{config_get, info};
use super::replicas::{
    ForReplicas, MASTER_DOWN, NO_REPLICAS, NO_WAIT, READ_ONLY, Telling, told_by,
};
use crate::apply::Apply;
use crate::command::{self, ClientCommand, Command, CommandError, Effect, SessionCommand};
use crate::log::{HistoryId, Position};
use crate::replication::{self, Asked};
use crate::resp::{Args, Limits, Replies, RequestDecoder};
use crate::shared::Shared;
use crate::statistics::Reply;
use crate::store::Store;
use crate::transaction::{Gathered, Transaction};

/// The state of a connection that outlives a request.
#[derive(Debug)]
pub(crate) struct Session {
    id: u64,
    name: Vec<u8>,
    transaction: Transaction,
    /// What must be safe before the replies may be sent.
    position: Position,
    /// The least that one of the replies which are not sent waits for, if any does.
    least: Option<Position>,
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
    /// It waits for replicas.
    Wait(ForReplicas),
    /// It tells roles, once what it has done before is safe.
    Tell(Vec<Telling>),
    /// It is that of a replica.
    Supply(Asked),
}

impl Session {
    pub(crate) fn new(id: u64) -> Self {
        Self {
            id,
            name: Vec::new(),
            transaction: Transaction::default(),
            position: 0,
            least: None,
        }
    }

    /// What must be safe before the replies may be sent.
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    /// What the replies that are not sent wait for lies in there.
    pub(crate) fn positions(&self) -> RangeInclusive<Position> {
        self.least.unwrap_or(self.position)..=self.position
    }

    /// All replies are sent.
    pub(crate) fn were_sent(&mut self) {
        self.least = None;
    }

    /// Lets the replies wait until `position` is safe as well.
    pub(super) fn wait_for(&mut self, position: Position) {
        // What an earlier request of several did may be further: a replica has nothing to wait for.
        if position > 0 {
            self.least.get_or_insert(position);
        }
        self.position = self.position.max(position);
    }

    /// Understands one request, does what it asks for and answers it.
    ///
    /// # Cancel safety
    /// Dropped before it has the lock, it has done nothing; it does not wait afterwards. Dropped
    /// while it tells a role, the server has that, or comes to have it, or not; it may be kept and
    /// not taken.
    pub(crate) async fn answer(
        &mut self,
        args: Args<'_>,
        shared: &Shared,
        replies: &mut Replies,
    ) -> Next {
        let effect = Effect::of(args);
        if let Some(refusal) = refused(effect, shared) {
            self.transaction.break_off();
            replies.error(refusal);
            return Next::Continue;
        }
        if self.transaction.is_open() && !is_done_at_once(args) {
            return self.gather(args, effect, shared, replies);
        }
        match Command::parse(args) {
            Ok(command) => self.execute(command, effect, shared, replies).await,
            Err(CommandError::WrongArity { name: "exec" }) => {
                self.transaction.close();
                replies.error(
                    "EXECABORT Transaction discarded because of: wrong number of arguments for \
                     'exec' command",
                );
                Next::Continue
            }
            // What it waits for is not looked at.
            Err(CommandError::NotAnInteger | CommandError::TimeoutNotAnInteger)
                if is(args, "wait") && shared.roles.is_replica() =>
            {
                replies.error(NO_WAIT);
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
    fn gather(
        &mut self,
        args: Args<'_>,
        effect: Effect,
        shared: &Shared,
        replies: &mut Replies,
    ) -> Next {
        if is(args, "replsync") {
            replies.error("ERR Command not allowed inside a transaction");
            self.transaction.break_off();
        } else if let Some(error) = refused_early(args) {
            replies.error(error);
            self.transaction.break_off();
            if matches!(error, CommandError::Http) {
                return Next::Close;
            }
        } else {
            let bytes_max = shared.config.limits.request_bytes_max.saturating_mul(64);
            if self.transaction.gather(args, effect, bytes_max) {
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
        effect: Effect,
        shared: &Shared,
        replies: &mut Replies,
    ) -> Next {
        match command {
            #[cfg(feature = "planted-lost-update")]
            Command::Store(command::StoreCommand::Add { key, delta }) => {
                let position = add(key, delta, shared, replies).await;
                self.wait_for(position);
            }
            Command::Session(SessionCommand::Execute) => {
                return self.execute_gathered(shared, replies).await;
            }
            Command::Session(SessionCommand::BlockingPop { keys, end, timeout }) => {
                return self.pop_or_wait(keys, end, timeout, shared, replies).await;
            }
            Command::Session(SessionCommand::Watch { keys }) => {
                if self.transaction.is_open() {
                    replies.error("ERR WATCH inside MULTI is not allowed");
                } else {
                    let store = &mut *shared.store.lock().await;
                    if let Some(refusal) = refused(Effect::Reads, shared) {
                        replies.error(refusal);
                        return Next::Continue;
                    }
                    let now = shared.begin(store);
                    for key in keys.iter() {
                        store.watch(key, self.transaction.flag(), now);
                    }
                    self.wait_for(shared.commit(store, now));
                    replies.simple("OK");
                }
            }
            Command::Store(_) | Command::Session(SessionCommand::Info { .. }) => {
                // It tells how the server is, also when nothing becomes safe.
                let is_info = matches!(command, Command::Session(_));
                if is_info {
                    shared.look_at_memory().await;
                }
                let store = &mut *shared.store.lock().await;
                // The role may have changed before the store was held.
                if let Some(refusal) = refused(effect, shared) {
                    replies.error(refusal);
                    return Next::Continue;
                }
                let now = shared.begin(store);
                let next = self.execute_in(store, now, command, shared, replies);
                let position = shared.commit(store, now);
                if !is_info {
                    self.wait_for(position);
                }
                return next;
            }
            Command::Session(SessionCommand::WaitForReplicas { count, timeout }) => {
                return self.wait_for_replicas(count, timeout, shared, replies);
            }
            Command::Session(command) => {
                if let Some(told) = told_by(&command) {
                    self.tell(told, shared, replies).await;
                } else {
                    return self.answer_session(command, shared, replies);
                }
            }
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

    /// Does all that was gathered, as one commit, but for what it tells of the role.
    async fn execute_gathered(&mut self, shared: &Shared, replies: &mut Replies) -> Next {
        if !self.transaction.is_open() {
            replies.error("ERR EXEC without MULTI");
            return Next::Continue;
        }
        let mut tellings = Vec::new();
        let store = &mut *shared.store.lock().await;
        let now = shared.begin(store);
        // What dies now may be watched.
        store.len(now);
        store.touch_dead(now);
        let (gathered, changed) = self.transaction.close();
        let Gathered {
            requests,
            len,
            is_broken,
            effect,
        } = gathered.unwrap_or_default();
        if is_broken {
            replies.error("EXECABORT Transaction discarded because of previous errors.");
        } else if let Some(refusal) = refused(effect, shared) {
            replies.error(format_args!(
                "EXECABORT Transaction discarded because of: {refusal}"
            ));
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
                let began = Instant::now();
                match Command::parse(args) {
                    Ok(command) => {
                        if let Command::Session(command) = &command
                            && let Some(told) = told_by(command)
                        {
                            let name = args.get(0).unwrap_or_default().to_vec();
                            let (at, len) = (given, args.len());
                            tellings.push(Telling {
                                at,
                                told,
                                name,
                                len,
                            });
                            continue;
                        }
                        self.execute_in(store, now, command, shared, replies);
                    }
                    Err(error) => replies.error(error),
                }
                // What was taken or written over is in its reply alone, and is in there once.
                if replies.len() - start > bytes_max && Effect::of(args) != Effect::Writes {
                    replies.truncate(given);
                    replies.error(format_args!("ERR reply larger than {bytes_max} bytes"));
                }
                let reply = Reply::of(&replies.as_bytes()[given..]);
                shared.statistics.answered(args, reply, began.elapsed());
            }
        }
        let position = shared.commit(store, now);
        // Nothing that others have written is told with a role alone.
        if tellings.is_empty() || effect > Effect::Nothing {
            self.wait_for(position);
        }
        if tellings.is_empty() {
            Next::Continue
        } else {
            Next::Tell(tellings)
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
            SessionCommand::Compact if shared.log.has_file() => {
                shared.log.request_compaction();
                replies.simple("Background append only file rewriting started");
            }
            SessionCommand::Compact => replies.error("ERR nothing is kept: there is no log"),
            SessionCommand::Role => replication::role(shared, replies),
            SessionCommand::Supply {
                history,
                offset,
                port,
            } => {
                let id = HistoryId::parse(history).expect("it was looked at when it was parsed");
                return Next::Supply(Asked { id, offset, port });
            }
            SessionCommand::WaitForReplicas { .. } => self.count_replicas(shared, replies),
            SessionCommand::Info { .. }
            | SessionCommand::Follow { .. }
            | SessionCommand::Promote
            | SessionCommand::Execute
            | SessionCommand::Watch { .. }
            | SessionCommand::BlockingPop { .. } => {
                unreachable!("`execute` answers what needs the store or waits")
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

/// Whether a request is that of this name.
fn is(args: Args<'_>, name: &str) -> bool {
    let found = command::find(args.get(0).unwrap_or_default());
    found.is_some_and(|spec| spec.name == name)
}

/// Whether a request is done although requests are gathered.
fn is_done_at_once(args: Args<'_>) -> bool {
    let name = args.get(0).unwrap_or_default();
    command::find(name).is_some_and(|spec| {
        let at_once = ["multi", "exec", "discard", "watch", "quit"];
        at_once.contains(&spec.name) && (spec.accepts(args.len()) || spec.name == "exec")
    })
}

/// Why a request that has this effect is refused now, if it is.
fn refused(effect: Effect, shared: &Shared) -> Option<&'static str> {
    let roles = &shared.roles;
    match effect {
        Effect::Writes if roles.is_replica() => Some(READ_ONLY),
        Effect::Writes if !roles.has_enough(shared) => Some(NO_REPLICAS),
        Effect::Reads if !roles.may_show() => Some(MASTER_DOWN),
        _ => None,
    }
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

/// Adds `delta` to the number that `key` holds.
#[cfg(feature = "planted-lost-update")]
async fn add(key: &[u8], delta: i64, shared: &Shared, replies: &mut Replies) -> Position {
    use crate::store::NumberError;

    let number = shared.store.lock().await.number(key, Instant::now());
    match number.and_then(|number| number.checked_add(delta).ok_or(NumberError::Overflow)) {
        Ok(sum) => {
            let store = &mut *shared.store.lock().await;
            if store.follows() {
                replies.error(READ_ONLY);
                return 0;
            }
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
