//! What all connections of a server share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use simoom::sync::Mutex;
use simoom::time::Instant;

use crate::config::Config;
use crate::connections::Connections;
use crate::stop::Stop;
use crate::store::Store;

/// What all connections of a server share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) store: Mutex<Store>,
    pub(crate) connections: Arc<Connections>,
    pub(crate) stop: Stop,
    pub(crate) started: Instant,
    pub(crate) statistics: Statistics,
}

impl Shared {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            config,
            store: Mutex::new(Store::new()),
            connections: Arc::default(),
            stop: Stop::default(),
            started: Instant::now(),
            statistics: Statistics::default(),
        }
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
