//! The one task that writes the log.
//!
//! Owns the file and the order of writing and syncing. While it writes and syncs, commits of all
//! connections gather; they go out together with the next write, and one sync makes them safe.
//!
//! ```text
//!             work                     written                      synced
//!   [idle] ─────────▶ write ─────────────────────────▶ sync ──────────────────▶ [idle]
//!                       │ everysec, no: it is safe       │ always: it is safe
//! ```
//!
//! # Invariants
//! 1. After an error of writing or syncing nothing is written any more: what the system still has
//!    of the file is unknown, and a second sync may succeed without having written it. A log that
//!    has no name yet is another file: an error there leaves the old one as it is.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use simoom::fs::File;
use simoom::io::AsyncWriteExt;
use simoom::time::{Instant, sleep_until};

use super::files::Folder;
use super::record::{self, MAGIC, Records};
use super::state::{Log, Work};
use crate::config::SyncPolicy;
use crate::shared::Shared;
use crate::store::{Both, Store, decode};

/// Writes the log of a server.
#[derive(Debug)]
pub(crate) struct Writer {
    folder: Folder,
    file: File,
    log: Arc<Log>,
    policy: SyncPolicy,
    /// How large the log is, and how large it was when it was last made small or could not be.
    bytes: u64,
    bytes_compacted: u64,
    compact_bytes_min: u64,
    /// When what was written is to be synced.
    sync_at: Option<Instant>,
}

/// How a log is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keeping {
    pub(crate) sync: SyncPolicy,
    /// Smaller logs are not compacted.
    pub(crate) compact_bytes_min: u64,
}

/// How large the pieces of a new log are.
const PIECE_BYTES: usize = 64 << 10;

impl Writer {
    /// Reads the log in `path` into `store`, and begins a new one that holds the same. A torn end,
    /// which only commits that nobody was told of can have, is left out.
    ///
    /// Whole records after one that is not may be of a write of several that a loss of power has
    /// cut, which nobody was told of, or what follows on damage. Nothing tells these apart, so the
    /// old log is kept under another name.
    ///
    /// What was read may be in the system's memory alone: the process before may have died before
    /// it was synced, or because it could not be, in which case no later sync of that file writes
    /// it. So nothing is appended to it, and nobody learns what is in it before it is in a new one.
    ///
    /// # Errors
    /// What the system reports; `InvalidData` if there is a file that is no log.
    pub(crate) async fn open(
        path: &Path,
        keeping: Keeping,
        log: Arc<Log>,
        store: &mut Store,
    ) -> io::Result<Self> {
        let folder = Folder::open(path).await?;
        let old = folder.read().await?;
        if let Some(log) = &old {
            let (read, goes_on) = recover(log, store)?;
            if read < log.len() {
                tracing::warn!(torn_bytes = log.len() - read, "log.end.torn");
            }
            if goes_on {
                let path = folder.log();
                let kept = folder.keep().await.map_err(|error| {
                    let path = path.display();
                    let why = format!(
                        "{path} is damaged at byte {read}, and could not be kept beside a new \
                         log, so move it away or cut it there: {error}"
                    );
                    io::Error::new(error.kind(), why)
                })?;
                tracing::warn!(
                    kept = %kept.display(),
                    at = read,
                    "log.damaged: what follows is left out, the old log is kept"
                );
            }
        }
        let bytes = snapshot(store);
        let file = folder.prepare(&bytes).await?;
        folder.replace().await?;
        let bytes = bytes.len() as u64;
        log.begins(bytes);
        Ok(Self {
            folder,
            file,
            log,
            policy: keeping.sync,
            bytes,
            bytes_compacted: bytes,
            compact_bytes_min: keeping.compact_bytes_min,
            sync_at: None,
        })
    }

    /// Writes what is appended, until it is asked to finish.
    ///
    /// # Errors
    /// What the system reports, which ends the log.
    pub(crate) async fn run(mut self, shared: Arc<Shared>) -> io::Result<()> {
        let ended = self.write_all(&shared).await;
        if let Err(error) = &ended {
            tracing::error!(%error, "log.write.failed");
            self.log.is_broken(error);
        }
        ended
    }

    async fn write_all(&mut self, shared: &Shared) -> io::Result<()> {
        loop {
            self.wait().await?;
            let Work {
                records,
                position,
                requests,
            } = self.log.take_work();
            if !records.is_empty() {
                self.write(&records, position).await?;
            }
            if requests.finish {
                self.sync().await?;
                self.log.is_safe(position);
                return Ok(());
            }
            if requests.compact || self.is_large() {
                self.compact(shared).await?;
            }
        }
    }

    /// Waits for work, and syncs in the meantime when that is due.
    async fn wait(&mut self) -> io::Result<()> {
        loop {
            let Some(sync_at) = self.sync_at else {
                self.log.wait_for_work().await;
                return Ok(());
            };
            simoom::select! {
                biased;
                () = sleep_until(sync_at) => {
                    self.sync_at = None;
                    self.sync().await?;
                }
                () = self.log.wait_for_work() => return Ok(()),
            }
        }
    }

    async fn write(&mut self, records: &[u8], position: u64) -> io::Result<()> {
        #[cfg(feature = "planted-ack-before-fsync")]
        self.log.is_safe(position);
        self.file.write_all(records).await?;
        self.file.flush().await?;
        self.bytes += records.len() as u64;
        match self.policy {
            SyncPolicy::Always => self.sync().await?,
            SyncPolicy::EverySecond => {
                self.sync_at
                    .get_or_insert_with(|| Instant::now() + Duration::from_secs(1));
            }
            SyncPolicy::Never => {}
        }
        self.log.is_safe(position);
        Ok(())
    }

    async fn sync(&mut self) -> io::Result<()> {
        let start = Instant::now();
        self.file.sync_data().await?;
        self.log.sync_times.observe(start.elapsed());
        self.log.was_synced(self.bytes);
        Ok(())
    }

    fn is_large(&self) -> bool {
        self.bytes >= self.compact_bytes_min && self.bytes > 2 * self.bytes_compacted
    }

    /// Replaces the log by a smaller one. Commits wait meanwhile. If there can be no new one, the
    /// old one goes on.
    async fn compact(&mut self, shared: &Shared) -> io::Result<()> {
        let (bytes, records, position) = {
            let mut store = shared.store.lock().await;
            // What died since the last commit is in nobody's snapshot.
            let died = store.take_changes();
            let bytes = snapshot(&store);
            // These commits are part of the snapshot: nobody can append while it is made.
            let (mut records, position) = self.log.take_records();
            if !died.is_empty() {
                record::append(&mut records, &died);
            }
            (bytes, records, position)
        };
        self.log.compaction_began();
        match self.folder.prepare(&bytes).await {
            Ok(file) => {
                self.folder.replace().await?;
                self.file = file;
            }
            Err(error) => {
                tracing::warn!(%error, "log.compaction.failed");
                if !records.is_empty() {
                    self.write(&records, position).await?;
                }
                self.bytes_compacted = self.bytes;
                self.log.compaction_ended(self.bytes, true);
                return Ok(());
            }
        }
        self.sync_at = None;
        tracing::info!(from = self.bytes, to = bytes.len(), "log.compacted");
        self.bytes = bytes.len() as u64;
        self.bytes_compacted = self.bytes;
        self.log.compaction_ended(self.bytes, false);
        self.log.was_synced(self.bytes);
        self.log.is_safe(position);
        Ok(())
    }
}

/// A log that holds what `store` holds.
fn snapshot(store: &Store) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    store.changes(Both::now(), PIECE_BYTES, |piece| {
        record::append(&mut bytes, piece);
    });
    bytes
}

/// Does the changes of a log to `store`, and returns how many bytes of it are whole, and whether
/// there may be whole records after those.
fn recover(log: &[u8], store: &mut Store) -> io::Result<(usize, bool)> {
    let Some(mut records) = Records::of(log) else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "kv.log is not a log of this version",
        ));
    };
    let clock = Both::now();
    for mut changes in records.by_ref() {
        while !changes.is_empty() {
            let Some(change) = decode(&mut changes) else {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "kv.log holds a change that this version does not know",
                ));
            };
            store.restore(change, clock);
        }
    }
    Ok((records.read(), records.may_go_on()))
}
