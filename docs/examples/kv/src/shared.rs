//! What all connections of a server share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use simoom::sync::Mutex;
use simoom::time::Instant;

use crate::config::Config;
use crate::connections::Connections;
use crate::log::{Log, Position};
use crate::stop::Stop;
use crate::store::{Both, Store};

/// What all connections of a server share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) store: Mutex<Store>,
    /// Where changes are kept, if they are.
    pub(crate) log: Option<Arc<Log>>,
    pub(crate) connections: Arc<Connections>,
    pub(crate) stop: Stop,
    pub(crate) started: Instant,
    pub(crate) statistics: Statistics,
}

impl Shared {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            log: config.dir.is_some().then(Arc::default),
            config,
            store: Mutex::new(Store::new()),
            connections: Arc::default(),
            stop: Stop::default(),
            started: Instant::now(),
            statistics: Statistics::default(),
        }
    }

    /// Begins to change `store`, and says what time it is.
    pub(crate) fn begin(&self, store: &mut Store) -> Instant {
        if self.log.is_none() {
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
    pub(crate) fn commit(&self, store: &mut Store, now: Instant) -> Position {
        store.serve_waiting(now);
        let Some(log) = &self.log else {
            return 0;
        };
        let changes = store.take_changes();
        if !changes.is_empty() {
            log.append(&changes);
        }
        log.position()
    }
}

/// What happened since the server started.
#[derive(Debug, Default)]
pub(crate) struct Statistics {
    pub(crate) connections_accepted: Count,
    pub(crate) connections_refused: Count,
    pub(crate) requests_answered: Count,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
