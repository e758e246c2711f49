//! The replica's end of a connection.
//!
//! Owns how a replica comes to have what its primary has, and when it tries again. Knows nothing of
//! files and requests.
//!
//! # Invariants
//! 1. A commit is acknowledged when it is as safe here as was asked for, never before.
//! 2. What is shown is what the primary had committed at some moment.

use std::convert::Infallible;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::TcpStream;
use simoom::sync::oneshot;
use simoom::time::{Instant, sleep, timeout};

use super::apply::promote;
use super::frame::{self, Frames, Kind, invalid, offset_in};
use super::role::{LinkState, Primary};
use crate::log::{History, MAGIC, Offset, Replacement, do_changes};
use crate::resp::encode_request;
use crate::shared::Shared;
use crate::store::{Both, Change, Store};

/// Does what the wanted role asks for, as long as the log goes on.
pub(crate) async fn run(shared: &Shared) {
    let replication = &shared.roles;
    loop {
        let wanted = replication.wanted();
        let changed = replication.is_not_wanted(wanted.as_ref());
        match &wanted {
            Some(primary) => simoom::select! {
                biased;
                () = changed => replication.set_link(LinkState::Connect),
                () = follow(shared, primary) => {}
            },
            None => {
                if replication.is_replica()
                    && let Err(error) = promote(shared).await
                {
                    tracing::error!(%error, "replication.promotion.failed");
                    return;
                }
                changed.await;
            }
        }
    }
}

/// Follows `primary` for ever: tries again whenever the connection ends.
async fn follow(shared: &Shared, primary: &Primary) {
    let mut pause = PAUSE_MIN;
    loop {
        let Err(error) = link(shared, primary, &mut pause).await;
        tracing::info!(%error, host = primary.host, port = primary.port, "replication.link.down");
        shared.roles.set_link(LinkState::Connect);
        sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// One connection to the primary, until it breaks.
///
/// # Cancel safety
/// Dropped, it closes the connection. What has come is in the log, whole; a copy that was under way
/// may still be put in place.
async fn link(shared: &Shared, primary: &Primary, pause: &mut Duration) -> io::Result<Infallible> {
    let Shared {
        log,
        roles: replication,
        ..
    } = shared;
    let limit = shared.config.replica_timeout;
    replication.set_link(LinkState::Connecting);
    // One that was under way when the last connection ended changes what there is.
    log.settled().await?;
    let connecting = TcpStream::connect((primary.host.as_str(), primary.port));
    let mut stream = timeout(limit, connecting).await??;
    stream.set_nodelay(true)?;
    let place = log.place();
    let (id, offset) = (place.history.id(), place.appended);
    let mut request = Vec::new();
    let args = [
        b"REPLSYNC".to_vec(),
        id.to_string().into(),
        offset.to_string().into(),
        shared.port().to_string().into(),
    ];
    encode_request(&mut request, &args.each_ref().map(|arg| &arg[..]));
    timeout(limit, stream.write_all(&request)).await??;
    let (mut reader, mut writer) = stream.split();
    let is_connected = AtomicBool::new(false);
    let receiving = async {
        let mut receiver = Receiver {
            shared,
            primary,
            offset,
            copy: None,
            is_connected: &is_connected,
        };
        let mut frames = Frames::of_primary();
        let mut answer = None;
        loop {
            if answer.is_none() {
                answer = frames.next_line()?;
                match answer.as_deref() {
                    None => {}
                    Some("+CONTINUE") => receiver.connect(),
                    Some("+COPY") => {
                        replication.set_link(LinkState::Sync);
                        receiver.copy = Some(Copy::default());
                    }
                    Some(other) => return Err(io::Error::other(other.to_owned())),
                }
            }
            while answer.is_some()
                && let Some((kind, record)) = frames.next()?
            {
                receiver.receive(kind, record).await?;
            }
            if timeout(limit, reader.read_buf(frames.space())).await?? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            replication.was_heard();
        }
    };
    let acknowledging = async {
        let mut told = None;
        loop {
            // Waiting starts before looking: progress in between is not missed.
            let progress = log.progress();
            let safe = is_connected
                .load(Ordering::Acquire)
                .then(|| log.safe_offset());
            let mut bytes = Vec::new();
            match safe {
                Some(safe) => frame::put_offset(&mut bytes, Kind::Acknowledgement, safe),
                None => frame::put_offset(&mut bytes, Kind::Ping, 0),
            }
            timeout(limit, writer.write_all(&bytes)).await??;
            told = safe.or(told);
            let more = async {
                let mut progress = progress;
                loop {
                    progress.await;
                    progress = log.progress();
                    if is_connected.load(Ordering::Acquire) && Some(log.safe_offset()) != told {
                        return;
                    }
                }
            };
            let _ = timeout(limit / BEATS, more).await;
        }
    };
    let failed = simoom::select! {
        biased;
        failed = receiving => failed,
        failed = acknowledging => failed,
    };
    // One that only began to copy is no reason to try again at once.
    if is_connected.load(Ordering::Acquire) {
        *pause = PAUSE_MIN;
    }
    failed
}

/// What is done with what comes.
struct Receiver<'a> {
    shared: &'a Shared,
    primary: &'a Primary,
    /// Of what has come.
    offset: Offset,
    /// While everything is copied.
    copy: Option<Copy>,
    is_connected: &'a AtomicBool,
}

/// A copy of everything, so far.
struct Copy {
    log: Vec<u8>,
    store: Store,
}

impl Default for Copy {
    fn default() -> Self {
        Self {
            log: MAGIC.to_vec(),
            store: Store::new(),
        }
    }
}

impl Receiver<'_> {
    fn connect(&self) {
        self.is_connected.store(true, Ordering::Release);
        self.shared.roles.agree(self.primary);
    }

    async fn receive(&mut self, kind: Kind, record: Bytes) -> io::Result<()> {
        let unknown = || invalid("a change that this version does not know");
        match (kind, &mut self.copy) {
            (Kind::Piece, Some(copy)) => {
                let clock = Both::now();
                let restore = |change: Change<'_>| copy.store.restore(change, clock);
                do_changes(&record, restore).ok_or_else(unknown)?;
                copy.log.extend_from_slice(&record);
            }
            (Kind::End, Some(_)) => self.end_copy(&record).await?,
            (Kind::Commit, None) => {
                // What cannot be understood is not kept either.
                do_changes(&record, |_| {}).ok_or_else(unknown)?;
                self.shared.log.receive(record);
                self.offset += 1;
                self.shared
                    .log
                    .room_for_changes(UNAPPLIED_BYTES_MAX)
                    .await?;
            }
            (Kind::Ping, None) => {
                if offset_in(&record)? != self.offset {
                    return Err(invalid("a commit is missing"));
                }
            }
            (Kind::Ping, Some(_)) => {}
            _ => return Err(invalid("a frame out of place")),
        }
        Ok(())
    }

    /// Puts a copy in the place of what was there.
    async fn end_copy(&mut self, record: &[u8]) -> io::Result<()> {
        let Some(Copy { mut log, store }) = self.copy.take() else {
            return Err(invalid("the end of no copy"));
        };
        log.extend_from_slice(record);
        let mut past = None;
        do_changes(record, |change| {
            if let Change::Past { offset, history } = change {
                past = History::decode(history).map(|history| (offset, history));
            }
        });
        let (offset, history) = past.ok_or_else(|| invalid("a copy without a past"))?;
        self.offset = offset;
        let shared = self.shared;
        if shared.log.has_file() {
            let (done, put) = oneshot::channel();
            shared.log.request_replacement(Replacement {
                log,
                store,
                history,
                offset,
                done,
            });
            put.await
                .map_err(|_| io::Error::other("the log has ended"))??;
        } else {
            let held = &mut *shared.store.lock().await;
            held.replace(store, Instant::now());
            shared.log.was_replaced(history, offset);
            shared.publish(held);
        }
        tracing::info!(offset, "replication.copied");
        self.connect();
        Ok(())
    }
}

/// How many signs of life there are in the time after which silence ends a connection.
pub(super) const BEATS: u32 = 10;

/// How much may wait to be shown before no more is received.
const UNAPPLIED_BYTES_MAX: usize = 16 << 20;

const PAUSE_MIN: Duration = Duration::from_millis(50);

const PAUSE_MAX: Duration = Duration::from_secs(2);
