//! What all connections of a server share.

use std::sync::{Arc, OnceLock};

use simoom::sync::Mutex;
use simoom::time::Instant;

use crate::config::Config;
use crate::connections::Connections;
use crate::log::{Log, Position};
use crate::phase::Current;
use crate::process;
pub(crate) use crate::replication::Replication;
use crate::replication::Roles;
use crate::statistics::Statistics;
use crate::stop::Stop;
use crate::store::{Both, Held, Store};

/// What all connections of a server share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) store: Mutex<Store>,
    /// Where changes are kept, if they are.
    pub(crate) log: Arc<Log>,
    pub(crate) roles: Roles,
    pub(crate) connections: Arc<Connections>,
    pub(crate) stop: Stop,
    pub(crate) current: Current,
    /// Where it listens.
    pub(crate) port: OnceLock<u16>,
    pub(crate) started: Instant,
    pub(crate) statistics: Statistics,
}

impl Shared {
    pub(crate) fn new(config: Config) -> Self {
        let (has_file, replicas) = (config.dir.is_some(), config.sync_replicas);
        let log = Log::new(has_file, replicas, config.backlog_bytes_max);
        let mut store = Store::new();
        if config.replica_of.is_some() {
            store.follow_another(true);
            log.keep_commits();
        }
        Self {
            log: Arc::new(log),
            roles: Roles::new(config.replica_of.clone()),
            config,
            store: Mutex::new(store),
            connections: Arc::default(),
            stop: Stop::default(),
            current: Current::default(),
            port: OnceLock::new(),
            started: Instant::now(),
            statistics: Statistics::default(),
        }
    }

    /// Begins to change `store`, and says what time it is.
    pub(crate) fn begin(&self, store: &mut Store) -> Instant {
        if !self.log.is_kept() {
            return Instant::now();
        }
        let clock = Both::now();
        store.keep_changes(clock);
        clock.now
    }

    /// Commits what was done to `store`, as a whole; returns the position that must be safe before
    /// anybody may learn of it.
    ///
    /// What was only read may come from a commit that is not safe yet, so this holds for it, too.
    /// That a key has died of age is no secret: nobody waits for that to be safe.
    pub(crate) fn commit(&self, store: &mut Store, now: Instant) -> Position {
        store.serve_waiting(now);
        self.publish(store);
        if !self.log.is_kept() {
            return 0;
        }
        let is_decision = store.has_decided();
        let changes = store.take_changes();
        if store.follows() {
            // What comes from the primary is shown when it is safe: there is nothing to wait for.
            debug_assert!(changes.is_empty(), "a replica decided something");
            return 0;
        }
        if is_decision {
            self.log.append(&changes);
        } else if !changes.is_empty() {
            self.log.append_deaths(&changes);
        }
        self.log.decided()
    }

    /// Tells everyone how much there is in `store`.
    pub(crate) fn publish(&self, store: &Store) {
        let Held {
            keys,
            keys_mortal,
            keys_expired,
        } = store.held();
        self.statistics.keys.set(keys);
        self.statistics.keys_mortal.set(keys_mortal);
        self.statistics.keys_expired.set(keys_expired);
    }

    /// Asks the system how much memory the process has.
    pub(crate) async fn look_at_memory(&self) {
        if let Some(bytes) = process::resident_bytes().await {
            self.statistics.resident_bytes.set(bytes);
        }
    }

    /// The port that it listens on; 0 if there is none.
    pub(crate) fn port(&self) -> u16 {
        self.port.get().copied().unwrap_or(0)
    }

    /// Who this server is among others.
    pub(crate) fn replication(&self) -> Replication {
        self.roles.figures(&self.log)
    }
}
