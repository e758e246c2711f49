//! Who decides what comes next.
//!
//! Owns whom this server follows, if anyone, and who follows it. Knows nothing of sockets.
//!
//! ```text
//!            REPLICAOF host port: demote
//!   primary ────────────────────────────▶ replica ──▶ follows, until another is wanted
//!      ▲                                     │ REPLICAOF NO ONE
//!      └──────── all that came is in ◀───────┘
//! ```
//!
//! # Invariants
//! 1. The role changes while the store is held, and the store follows exactly while it is that of a
//!    replica.
//! 2. Nobody follows a replica.
//! 3. A replica shows what its primary had committed at some moment, or nothing.
//! 4. What is wanted is what was told last, and that is kept: who tells something holds `kept` until
//!    it is wanted.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use simoom::sync::Notify;
use simoom::time::Instant;

use super::kept::{Kept, Told};
use super::replicas::Replicas;
use crate::log::{Folder, Log};
use crate::shared::Shared;
use crate::store::Store;

/// A server to follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Primary {
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// The place of a server among others.
#[derive(Debug)]
pub(crate) struct Roles {
    state: Mutex<State>,
    kept: simoom::sync::Mutex<Kept>,
    pub(crate) replicas: Replicas,
    /// Another role is wanted, or there.
    changed: Notify,
}

#[derive(Debug)]
struct State {
    /// Whom to follow. While there is nobody and it is a replica, it is being promoted.
    wanted: Option<Primary>,
    is_replica: bool,
    /// Of whom what is here is known to be a past, since this server last decided.
    agrees_with: Option<Primary>,
    link: Link,
}

/// The connection to a primary.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) state: LinkState,
    /// When something came last.
    pub(super) heard: Option<Instant>,
    /// Since when it has been down.
    pub(super) down_since: Option<Instant>,
}

/// How far the connection to a primary is, in the words of Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinkState {
    /// It is not there.
    Connect,
    /// It is being made.
    Connecting,
    /// Everything is being copied.
    Sync,
    /// What the primary commits comes in.
    Connected,
}

/// What is told of a server's place among others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Replication {
    /// `master` or `slave`, as Redis says.
    pub(crate) role: &'static str,
    /// How many replicas are connected.
    pub(crate) replicas: u64,
    /// How many of them have had their copy, and have said what they have.
    pub(crate) replicas_online: u64,
    /// How many bytes of commits the slowest of those has not acknowledged, if there are any. At
    /// most what is kept of them.
    pub(crate) lag_bytes: Option<u64>,
    /// Whether the connection to the primary is up; true for a primary.
    pub(crate) is_linked: bool,
}

impl Roles {
    pub(crate) fn new(primary: Option<(String, u16)>) -> Self {
        let wanted = primary.map(|(host, port)| Primary { host, port });
        Self {
            state: Mutex::new(State {
                is_replica: wanted.is_some(),
                wanted,
                agrees_with: None,
                link: Link {
                    state: LinkState::Connect,
                    heard: None,
                    down_since: None,
                },
            }),
            kept: simoom::sync::Mutex::default(),
            replicas: Replicas::default(),
            changed: Notify::new(),
        }
    }

    /// Takes the role that this server was told before the process started, if it was told one. The
    /// caller holds `store`, and serves nobody yet.
    ///
    /// # Errors
    /// It cannot be read, or not be kept.
    pub(crate) async fn begin(
        &self,
        folder: Arc<Folder>,
        store: &mut Store,
        log: &Log,
    ) -> io::Result<()> {
        let Some(told) = self.kept.lock().await.begin(folder).await? else {
            return Ok(());
        };
        let wanted = match told {
            Told::Decide => None,
            Told::Follow(primary) => Some(primary),
        };
        let mut state = self.state();
        if state.wanted != wanted {
            let host = wanted.as_ref().map(|primary| &primary.host);
            let port = wanted.as_ref().map(|primary| primary.port);
            let text = match state.wanted {
                Some(_) => "it was told by REPLICAOF, so --replicaof is not looked at",
                None => "it was told by REPLICAOF",
            };
            tracing::warn!(host, port, "replication.role.kept: {text}");
        }
        state.is_replica = wanted.is_some();
        state.wanted = wanted;
        if state.is_replica {
            log.keep_commits();
        }
        store.follow_another(state.is_replica);
        Ok(())
    }

    /// Whether another server decides.
    pub(crate) fn is_replica(&self) -> bool {
        self.state().is_replica
    }

    /// Whether what is here may be shown: a replica may have what its primary never had, until they
    /// have spoken.
    pub(crate) fn may_show(&self) -> bool {
        let state = self.state();
        !state.is_replica || state.agrees_with.is_some()
    }

    /// What is here is what `primary` has had, if that is the one to follow.
    pub(super) fn agree(&self, primary: &Primary) {
        let mut state = self.state();
        if state.wanted.as_ref() == Some(primary) {
            state.agrees_with = Some(primary.clone());
            state.link.state = LinkState::Connected;
        }
    }

    /// Whom to follow.
    pub(super) fn wanted(&self) -> Option<Primary> {
        self.state().wanted.clone()
    }

    /// Has the role that it is `told` from now on, also when the process starts again. If it is to
    /// decide, waits until it does. Returns whether that is so: one that is to follow may have done
    /// so already, and one that is to decide may be told to follow meanwhile.
    ///
    /// # Errors
    /// The role cannot be kept, and so is what it was.
    ///
    /// # Cancel safety
    /// Dropped, it has the role, or comes to have it, or not; it may be kept and not taken.
    pub(crate) async fn tell(&self, told: Told, shared: &Shared) -> io::Result<bool> {
        {
            let kept = &mut *self.kept.lock().await;
            kept.keep(&told, &shared.log).await?;
            match told {
                Told::Decide => {
                    self.state().wanted = None;
                    self.changed.notify_waiters();
                }
                Told::Follow(primary) => {
                    let store = &mut *shared.store.lock().await;
                    return Ok(self.follow(primary, store, &shared.log));
                }
            }
        }
        let mut decides = false;
        self.until(|state| {
            decides = !state.is_replica;
            decides || state.wanted.is_some()
        })
        .await;
        Ok(decides)
    }

    /// Follows `primary` from now on; false if it does already. The caller holds `store`.
    fn follow(&self, primary: Primary, store: &mut Store, log: &Log) -> bool {
        let mut state = self.state();
        if state.wanted.as_ref() == Some(&primary) {
            return false;
        }
        // One that was about to be promoted, and is called back, may still be connected.
        if !state.is_replica || state.agrees_with.as_ref() != Some(&primary) {
            state.agrees_with = None;
            state.link.state = LinkState::Connect;
            state.link.down_since = Some(Instant::now());
        }
        state.wanted = Some(primary);
        if !state.is_replica {
            state.is_replica = true;
            log.keep_commits();
            log.give_up();
            store.follow_another(true);
            store.dismiss_waiting();
            self.replicas.cut_all();
        }
        drop(state);
        self.changed.notify_waiters();
        true
    }

    /// Waits until `primary` is not the one to follow.
    pub(super) async fn is_not_wanted(&self, primary: Option<&Primary>) {
        self.until(|state| state.wanted.as_ref() != primary).await;
    }

    /// Decides from now on, unless another is wanted again. The caller holds `store`, which has all
    /// that has come. Returns whether it decides.
    pub(super) fn take_over(&self, store: &mut Store, log: &Log) -> bool {
        let mut state = self.state();
        if state.wanted.is_some() {
            return false;
        }
        store.follow_another(false);
        // One that was a primary, or has started, may have what nobody else ever had.
        log.take_over(state.agrees_with.is_some());
        state.is_replica = false;
        drop(state);
        self.changed.notify_waiters();
        true
    }

    pub(super) fn link(&self) -> Link {
        self.state().link
    }

    pub(super) fn set_link(&self, new: LinkState) {
        let link = &mut self.state().link;
        if link.state == LinkState::Connected && new != LinkState::Connected {
            link.down_since = Some(Instant::now());
        }
        link.state = new;
    }

    pub(super) fn was_heard(&self) {
        self.state().link.heard = Some(Instant::now());
    }

    /// What is told of it.
    pub(crate) fn figures(&self, log: &Log) -> Replication {
        let (is_replica, link) = {
            let state = self.state();
            (state.is_replica, state.link)
        };
        let behind = self.replicas.slowest(|offset| log.bytes_after(offset));
        Replication {
            role: if is_replica { "slave" } else { "master" },
            replicas: self.replicas.len() as u64,
            replicas_online: self.replicas.connected() as u64,
            lag_bytes: behind.map(|bytes| bytes as u64),
            is_linked: !is_replica || link.state == LinkState::Connected,
        }
    }

    /// Whether so many replicas are connected as must have a write.
    pub(crate) fn has_enough(&self, shared: &Shared) -> bool {
        let wanted = shared.config.sync_replicas;
        wanted == 0 || self.replicas.connected() >= wanted
    }

    async fn until(&self, mut look: impl FnMut(&State) -> bool) {
        loop {
            // Waiting starts before looking: a change in between is not missed.
            let changed = self.changed.notified();
            if look(&self.state()) {
                return;
            }
            changed.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
