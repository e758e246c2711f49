//! The primary's end of a connection.
//!
//! Owns what a replica is sent, and when it is cut off. Knows nothing of files and requests.
//!
//! # Invariants
//! 1. A replica is told of nothing that is not as safe here as was asked for: what it has, this
//!    server still has after a crash.
//! 2. No more than one batch, one copy of all data while that is sent, and what the log holds for
//!    those who are connected, is held for a replica: one that needs commits which are not there any
//!    more is cut off, and copies everything.
//! 3. The store is not held while anything is written.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use bytes::BytesMut;
use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::TcpStream;
use simoom::net::tcp::{ReadHalf, WriteHalf};
use simoom::time::{Instant, sleep, timeout, timeout_at};

use super::follow::BEATS;
use super::frame::{self, Frames, Kind, invalid, offset_in};
use super::replicas::Place;
use crate::log::{HistoryId, Hold, Offset, Position, snapshot};
use crate::shared::Shared;
use crate::store::Store;

/// What a replica asks for: to go on from there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) id: HistoryId,
    pub(crate) offset: Offset,
    /// Where it listens.
    pub(crate) port: u16,
}

/// Serves a replica until it leaves, falls silent or behind, or until this server stops or follows
/// another. `come` is what it has sent after its request.
///
/// # Errors
/// What the socket reports; `TimedOut` if it is silent; `InvalidData` if it does not keep to the
/// protocol.
///
/// # Cancel safety
/// Dropped, it closes the connection.
pub(crate) async fn supply(
    mut stream: TcpStream,
    asked: Asked,
    come: BytesMut,
    shared: &Shared,
) -> io::Result<()> {
    let ip = stream.peer_addr()?.ip();
    let start = begin(ip, asked, &mut *shared.store.lock().await, shared);
    let Some(Start {
        place,
        hold,
        position,
        copy,
    }) = start
    else {
        return timeout(shared.config.replica_timeout, stream.write_all(REFUSAL)).await?;
    };
    let bytes = copy.as_ref().map_or(0, Vec::len);
    tracing::info!(%ip, port = asked.port, bytes, "replication.replica.came");
    let (reader, writer) = stream.split();
    let mut sender = Sender {
        writer,
        shared,
        place: &place,
        hold,
        position,
    };
    simoom::select! {
        biased;
        () = place.cut() => Ok(()),
        () = all_sent(shared, &place) => Ok(()),
        ended = receive(reader, come, shared, &place) => ended,
        ended = sender.send(copy) => ended,
    }
}

/// How a replica begins.
struct Start<'a> {
    place: Place<'a>,
    hold: Hold<'a>,
    /// What it has, with the copy if it needs one.
    position: Position,
    copy: Option<Vec<u8>>,
}

/// Decides how a replica begins; `None` if nobody follows this server.
fn begin<'a>(ip: IpAddr, asked: Asked, store: &mut Store, shared: &'a Shared) -> Option<Start<'a>> {
    let (log, replicas) = (&shared.log, &shared.roles.replicas);
    if shared.roles.is_replica() {
        return None;
    }
    log.keep_commits();
    // What has died since the last commit is one more.
    let now = shared.begin(store);
    store.len(now);
    shared.commit(store, now);
    let resumed = log.resume(asked.id, asked.offset);
    let resumed = resumed.and_then(|position| Some((position, log.hold(position)?)));
    replicas.begins(resumed.is_none());
    if let Some((position, hold)) = resumed {
        return Some(Start {
            place: replicas.join(ip, asked.port, Some(asked.offset)),
            hold,
            position,
            copy: None,
        });
    }
    let all = log.place();
    let mut copy = Vec::new();
    let mut last: Option<Vec<u8>> = None;
    snapshot(store, &all.history, all.appended, |record| {
        if let Some(piece) = last.replace(record.to_vec()) {
            frame::put(&mut copy, Kind::Piece, &piece);
        }
    });
    frame::put(&mut copy, Kind::End, &last.unwrap_or_default());
    let position = log.position();
    Some(Start {
        place: replicas.join(ip, asked.port, None),
        hold: log.hold(position)?,
        position,
        copy: Some(copy),
    })
}

/// Sends what a replica lacks.
struct Sender<'a> {
    writer: WriteHalf<'a>,
    shared: &'a Shared,
    place: &'a Place<'a>,
    hold: Hold<'a>,
    position: Position,
}

impl Sender<'_> {
    /// Sends what the replica lacks, then every commit that is safe.
    async fn send(&mut self, copy: Option<Vec<u8>>) -> io::Result<()> {
        let log = &self.shared.log;
        match copy {
            Some(copy) => self.send_copy(&copy).await?,
            None => {
                log.kept(self.position).await?;
                self.write(b"+CONTINUE\r\n").await?;
            }
        }
        let beat = self.shared.config.replica_timeout / BEATS;
        let mut ping_at = Instant::now() + beat;
        loop {
            // Waiting starts before looking: progress in between is not missed.
            let progress = log.progress();
            let Some(batch) = log.after(self.position, BATCH_BYTES) else {
                let (ip, port) = self.place.address();
                tracing::warn!(%ip, port, "replication.replica.cut: it is too slow");
                return Err(invalid("the replica is too slow"));
            };
            let mut bytes = Vec::new();
            for record in &batch.records {
                frame::put(&mut bytes, Kind::Commit, record);
            }
            self.position = batch.position;
            self.hold.advance(batch.position);
            let offset = log.offset_of(batch.position);
            if bytes.is_empty() {
                // Progress that brings nothing for this replica does not put off the sign of life.
                if timeout_at(ping_at, progress).await.is_ok() {
                    continue;
                }
                bury(self.shared).await;
                frame::put_offset(&mut bytes, Kind::Ping, offset);
            } else {
                self.place.sends(offset);
            }
            // It may be busy writing what it has, and say that it lives: it has the time it needs.
            self.writer.write_all(&bytes).await?;
            ping_at = Instant::now() + beat;
        }
    }

    /// Sends all data, once it is safe.
    async fn send_copy(&mut self, copy: &[u8]) -> io::Result<()> {
        let log = &self.shared.log;
        let offset = log.offset_of(self.position);
        self.write(b"+COPY\r\n").await?;
        let beat = self.shared.config.replica_timeout / BEATS;
        loop {
            match timeout(beat, log.kept(self.position)).await {
                Ok(kept) => break kept?,
                Err(_) => {
                    let mut bytes = Vec::new();
                    frame::put_offset(&mut bytes, Kind::Ping, offset);
                    self.write(&bytes).await?;
                }
            }
        }
        self.place.sends(offset);
        self.write(copy).await
    }

    /// Writes all of `bytes`, as long as the replica goes on taking some.
    async fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let writing = self.writer.write(bytes);
            let written = timeout(self.shared.config.replica_timeout, writing).await??;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes = &bytes[written..];
        }
        Ok(())
    }
}

/// Lets die what is dead, also if no client asks for anything: replicas wait to be told.
async fn bury(shared: &Shared) {
    let store = &mut *shared.store.lock().await;
    let now = shared.begin(store);
    store.len(now);
    shared.commit(store, now);
}

/// Notes what the replica says it has.
async fn receive(
    mut reader: ReadHalf<'_>,
    come: BytesMut,
    shared: &Shared,
    place: &Place<'_>,
) -> io::Result<()> {
    let mut frames = Frames::of_replica(come);
    loop {
        while let Some((kind, record)) = frames.next()? {
            let offset = match kind {
                Kind::Acknowledgement => Some(offset_in(&record)?),
                Kind::Ping => None,
                _ => return Err(invalid("a frame out of place")),
            };
            if !place.heard(offset, &shared.log)? {
                return Ok(());
            }
        }
        let reading = reader.read_buf(frames.space());
        if timeout(shared.config.replica_timeout, reading).await?? == 0 {
            return Ok(());
        }
    }
}

/// Waits until the server stops, its clients have gone, and the replica has everything.
async fn all_sent(shared: &Shared, place: &Place<'_>) {
    shared.stop.requested().await;
    loop {
        let replicas_only = shared.connections.len() <= shared.roles.replicas.len();
        if replicas_only && place.offset() >= Some(shared.log.place().appended) {
            return;
        }
        sleep(STOP_PAUSE).await;
    }
}

const REFUSAL: &[u8] = b"-ERR this server is a replica, follow its primary\r\n";

/// How many bytes of commits are sent at once.
const BATCH_BYTES: usize = 64 << 10;

/// How often it is looked whether everything was sent when the server stops.
const STOP_PAUSE: Duration = Duration::from_millis(10);
