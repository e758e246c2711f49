//! Requests about who follows whom.
//!
//! Owns their answers. Knows nothing of connections between servers.

use std::time::Duration;

use simoom::time::Instant;

use super::requests::{Next, Session};
use crate::command::SessionCommand;
use crate::log::Offset;
use crate::replication::{Primary, Told};
use crate::resp::Replies;
use crate::shared::Shared;
use crate::statistics::Reply;

/// A wait for replicas.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ForReplicas {
    /// What they are to have.
    pub(crate) offset: Offset,
    pub(crate) count: usize,
    pub(crate) timeout: Option<Duration>,
}

/// A role that a transaction tells the server to have.
#[derive(Debug)]
pub(crate) struct Telling {
    /// Where the answer belongs among the replies, without those to what is told before.
    pub(super) at: usize,
    pub(super) told: Told,
    /// The name of its command, with which there were `len` arguments.
    pub(super) name: Vec<u8>,
    pub(super) len: usize,
}

impl Session {
    /// Tells the roles of a transaction, and puts the answers where they belong.
    ///
    /// # Cancel safety
    /// As that of [`answer`](Self::answer), which has done the rest of the transaction.
    pub(crate) async fn tell_all(
        &mut self,
        tellings: Vec<Telling>,
        shared: &Shared,
        replies: &mut Replies,
    ) {
        let mut added = 0;
        for telling in tellings {
            let Telling {
                at,
                told,
                name,
                len,
            } = telling;
            let rest = replies.split_off(at + added);
            let before = replies.len();
            let began = Instant::now();
            self.tell(told, shared, replies).await;
            let reply = Reply::of(&replies.as_bytes()[before..]);
            let took = began.elapsed();
            shared.statistics.answered_as(&name, len, reply, took);
            added += replies.len() - before;
            replies.append(&rest);
        }
    }

    /// Answers when this server has the role that it is told, and that is safe.
    pub(super) async fn tell(&mut self, told: Told, shared: &Shared, replies: &mut Replies) {
        let is_to_decide = told == Told::Decide;
        match (is_to_decide, shared.roles.tell(told, shared).await) {
            (true, Ok(true)) => match shared.log.kept(shared.log.taken_over()).await {
                Ok(()) => replies.simple("OK"),
                Err(error) => replies.error(format_args!("ERR the role cannot be kept: {error}")),
            },
            (true, Ok(false)) => replies.error(CALLED_BACK),
            (false, Ok(true)) => replies.simple("OK"),
            (false, Ok(false)) => replies.simple("OK Already connected to specified master"),
            (_, Err(error)) => replies.error(format_args!("ERR the role cannot be kept: {error}")),
        }
    }

    /// Waits until `count` replicas have what this connection has written or read.
    pub(super) fn wait_for_replicas(
        &mut self,
        count: i64,
        timeout: Option<Duration>,
        shared: &Shared,
        replies: &mut Replies,
    ) -> Next {
        if shared.roles.is_replica() {
            replies.error(NO_WAIT);
            return Next::Continue;
        }
        let offset = shared.log.offset_of(self.position());
        let wait = ForReplicas {
            offset,
            count: usize::try_from(count).unwrap_or(0),
            timeout,
        };
        if shared.roles.replicas.reached(offset) >= wait.count {
            self.count_replicas(shared, replies);
            return Next::Continue;
        }
        Next::Wait(wait)
    }

    /// Answers how many replicas have what this connection has written or read.
    pub(crate) fn count_replicas(&mut self, shared: &Shared, replies: &mut Replies) {
        if shared.roles.is_replica() {
            return replies.error(NO_WAIT);
        }
        let offset = shared.log.offset_of(self.position());
        let count = shared.roles.replicas.reached(offset);
        replies.integer(i64::try_from(count).unwrap_or(i64::MAX));
    }
}

/// The role that a request tells the server to have, if it does.
pub(super) fn told_by(command: &SessionCommand<'_>) -> Option<Told> {
    match *command {
        SessionCommand::Promote => Some(Told::Decide),
        SessionCommand::Follow { host, port } => {
            let host = String::from_utf8_lossy(host).into_owned();
            Some(Told::Follow(Primary { host, port }))
        }
        _ => None,
    }
}

/// Why a replica refuses to write, in the words of Redis.
pub(super) const READ_ONLY: &str = "READONLY You can't write against a read only replica.";

/// Why a replica that has not spoken to its primary yet refuses to read, in the words of Redis.
pub(super) const MASTER_DOWN: &str =
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.";

/// Why nobody waits for replicas at a replica, in the words of Redis.
pub(super) const NO_WAIT: &str = "ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a \
     replica is configured to be writable (which is not the default) writes to replicas are just \
     local and are not propagated.";

/// Why a server that was to be promoted was not.
const CALLED_BACK: &str = "ERR not promoted: this server was told to follow another meanwhile";

/// Why a primary without its replicas refuses to write, in the words of Redis.
pub(super) const NO_REPLICAS: &str = "NOREPLICAS Not enough good replicas to write.";
