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
use std::sync::Arc;
use std::time::Duration;

use simoom::fs::File;
use simoom::io::AsyncWriteExt;
use simoom::time::{Instant, sleep_until};

use super::files::{Folder, LOG};
use super::following::snapshot;
use super::history::{History, HistoryId, Offset};
use super::record::{self, MAGIC, Records};
use super::state::{Log, Replacement, Work};
use crate::config::SyncPolicy;
use crate::shared::Shared;
use crate::store::{Both, Change, Store, decode, encode};

/// Writes the log of a server.
#[derive(Debug)]
pub(crate) struct Writer {
    folder: Arc<Folder>,
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
    /// Whether another server decides what comes next.
    pub(crate) follows: bool,
}

impl Writer {
    /// Reads the log in `folder` into `store`, and begins a new one that holds the same. A torn end,
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
    /// What the process before had and this one has not, others may have. So a server that decides
    /// what comes next begins a new history, before anybody learns of it.
    ///
    /// # Errors
    /// What the system reports; `InvalidData` if there is a file that is no log.
    pub(crate) async fn open(
        folder: Arc<Folder>,
        keeping: Keeping,
        log: Arc<Log>,
        store: &mut Store,
    ) -> io::Result<Self> {
        let old = folder.read(LOG).await?;
        let mut past = None;
        if let Some(log) = &old {
            let Recovered {
                read,
                goes_on,
                history,
                offset,
            } = recover(log, store)?;
            past = history.map(|history| (history, offset));
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
        let (mut history, mut offset) = past.unwrap_or_else(|| (History::new(), 0));
        let mut last = None;
        if !keeping.follows {
            let id = HistoryId::new();
            history.fork(id, offset);
            offset += 1;
            let mut changes = Vec::new();
            encode(&mut changes, Change::Fork { id: id.as_bytes() });
            let mut record = Vec::new();
            record::append(&mut record, &changes);
            last = Some(record.into());
        }
        let bytes = whole_log(store, &history, offset);
        log.start(history, offset, last);
        let file = folder.prepare(LOG, &bytes).await?;
        folder.replace(LOG).await?;
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
                replacement,
            } = self.log.take_work();
            if !records.is_empty() {
                self.write(&records, position).await?;
            }
            if requests.fail {
                return Err(io::Error::other("it cannot be known what is kept"));
            }
            if let Some(replacement) = replacement {
                self.replace(replacement, shared).await?;
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
        self.log.was_written(self.bytes);
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
        self.log.was_synced();
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
            // What died since the last commit is a commit, too: those who follow have to know.
            let died = store.take_changes();
            if !died.is_empty() {
                self.log.append_deaths(&died);
            }
            let place = self.log.place();
            let history = place.history.at(place.applied);
            let mut bytes = whole_log(&store, &history, place.applied);
            // Nobody can append a commit of the store while it is held; what others have sent may
            // be in neither.
            let (records, position, unapplied) = self.log.take_records();
            for record in unapplied {
                bytes.extend_from_slice(&record);
            }
            (bytes, records, position)
        };
        self.log.compaction_began();
        match self.folder.prepare(LOG, &bytes).await {
            Ok(file) => {
                self.folder.replace(LOG).await?;
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
        self.is_new(bytes.len() as u64);
        self.log.compaction_ended(self.bytes, false);
        self.log.is_safe(position);
        Ok(())
    }

    /// Goes on in another log, which holds another server's data.
    async fn replace(&mut self, replacement: Replacement, shared: &Shared) -> io::Result<()> {
        let Replacement {
            log,
            store: new,
            history,
            offset,
            done,
        } = replacement;
        let file = match self.folder.prepare(LOG, &log).await {
            Ok(file) => file,
            Err(error) => {
                // The old data is still there.
                self.log.was_not_replaced();
                let _ = done.send(Err(error));
                return Ok(());
            }
        };
        let store = &mut *shared.store.lock().await;
        self.folder.replace(LOG).await?;
        self.file = file;
        self.is_new(log.len() as u64);
        store.replace(new, Instant::now());
        self.log.was_replaced(history, offset);
        shared.publish(store);
        let _ = done.send(Ok(()));
        Ok(())
    }

    /// Notes that there is a new file, which was synced.
    fn is_new(&mut self, bytes: u64) {
        self.sync_at = None;
        tracing::info!(from = self.bytes, to = bytes, "log.replaced");
        self.bytes = bytes;
        self.bytes_compacted = bytes;
        self.log.was_written(bytes);
    }
}

/// A log that holds what `store` holds.
fn whole_log(store: &Store, history: &History, offset: Offset) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    snapshot(store, history, offset, |record| {
        bytes.extend_from_slice(record);
    });
    bytes
}

/// What was found in a log.
struct Recovered {
    /// How many bytes of it are whole.
    read: usize,
    /// Whether there may be whole records after those.
    goes_on: bool,
    /// None in a log of a version that knew of none.
    history: Option<History>,
    offset: Offset,
}

/// Does the changes of a log to `store`.
fn recover(log: &[u8], store: &mut Store) -> io::Result<Recovered> {
    let invalid = |why| io::Error::new(io::ErrorKind::InvalidData, why);
    let mut records =
        Records::of(log).ok_or_else(|| invalid("kv.log is not a log of this version"))?;
    let clock = Both::now();
    let mut history: Option<History> = None;
    let mut offset = 0;
    for mut changes in records.by_ref() {
        offset += 1;
        while !changes.is_empty() {
            let unknown = || invalid("kv.log holds a change that this version does not know");
            let change = decode(&mut changes).ok_or_else(unknown)?;
            match change {
                Change::Fork { id } => {
                    let id = HistoryId::from_bytes(id).ok_or_else(unknown)?;
                    if let Some(history) = &mut history {
                        history.fork(id, offset - 1);
                    }
                }
                Change::Past {
                    offset: so_far,
                    history: past,
                } => {
                    history = Some(History::decode(past).ok_or_else(unknown)?);
                    offset = so_far;
                }
                other => store.restore(other, clock),
            }
        }
    }
    Ok(Recovered {
        read: records.read(),
        goes_on: records.may_go_on(),
        history,
        offset,
    })
}
