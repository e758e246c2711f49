//! Waiting for an element of a list.
//!
//! Owns the place in the line from the request to its answer. Knows nothing of sockets and timers:
//! the connection says when the wait is over.

use std::time::Duration;

use simoom::sync::oneshot;
use simoom::time::Instant;

use super::replicas::READ_ONLY;
use super::requests::{Next, Session};
use crate::resp::{Args, Replies};
use crate::shared::Shared;
use crate::store::{End, Popped, Store, Waiting};

/// A wait for an element of a list.
#[derive(Debug)]
pub(crate) struct Blocked {
    pub(crate) element: oneshot::Receiver<Popped>,
    pub(crate) timeout: Option<Duration>,
    /// The place in the line.
    pub(crate) number: u64,
}

/// How a wait ends.
#[derive(Debug)]
pub(crate) enum WaitEnd {
    Popped(Popped),
    /// Nothing came in time.
    Nothing,
    /// Nothing will come: another server decides.
    Dismissed,
}

impl Session {
    /// Takes an element off the first list that has one, or stands in line.
    pub(super) async fn pop_or_wait(
        &mut self,
        keys: Args<'_>,
        end: End,
        timeout: Option<Duration>,
        shared: &Shared,
        replies: &mut Replies,
    ) -> Next {
        let store = &mut *shared.store.lock().await;
        if store.follows() {
            replies.error(READ_ONLY);
            return Next::Continue;
        }
        let now = shared.begin(store);
        let popped = pop_first(keys, end, store, now, replies);
        self.wait_for(shared.commit(store, now));
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

    /// Answers a wait that is over.
    pub(crate) async fn answer_blocked(
        &mut self,
        end: WaitEnd,
        number: u64,
        shared: &Shared,
        replies: &mut Replies,
    ) {
        match end {
            WaitEnd::Popped((key, value)) => {
                // The one who pushed it has committed its being taken.
                self.wait_for(shared.log.position());
                replies.array(2);
                replies.bulk(&key);
                replies.bulk(&value);
            }
            WaitEnd::Nothing => {
                leave_line(number, shared).await;
                replies.null_array();
            }
            WaitEnd::Dismissed => replies.error(
                "UNBLOCKED force unblock from blocking operation, instance state changed (master \
                 -> replica?)",
            ),
        }
    }
}

/// Gives up a place in the line.
pub(crate) async fn leave_line(number: u64, shared: &Shared) {
    shared.store.lock().await.forget_waiting(number);
}

/// Takes an element off the first list that has one, and answers with it; false if none has.
pub(super) fn pop_first(
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
