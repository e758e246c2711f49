//! The primary's end of a connection.
//!
//! Owns what a replica is sent, and when it is cut off. Knows nothing of files and requests.
//!
//! # Invariants
//! 1. A replica is told of nothing that is not as safe here as was asked for: what it has, this
//!    server still has after a crash.
//! 2. No more than one batch, and one copy of all data while that is sent, is held for a replica:
//!    one that needs commits which are not there any more is cut off, and copies everything.

use std::io;
use std::time::Duration;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::TcpStream;
use simoom::net::tcp::{ReadHalf, WriteHalf};
use simoom::time::{sleep, timeout};

use super::follow::BEATS;
use super::frame::{self, Frames, Kind, invalid, offset_in};
use super::replicas::Place;
use crate::log::{HistoryId, Offset, Position, snapshot};
use crate::shared::Shared;

/// What a replica asks for: to go on from there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) id: HistoryId,
    pub(crate) offset: Offset,
    /// Where it listens.
    pub(crate) port: u16,
}

/// Serves a replica until it leaves, falls silent or behind, or until this server stops or follows
/// another.
///
/// # Errors
/// What the socket reports; `TimedOut` if it is silent; `InvalidData` if it does not keep to the
/// protocol.
///
/// # Cancel safety
/// Dropped, it closes the connection.
pub(crate) async fn supply(mut stream: TcpStream, asked: Asked, shared: &Shared) -> io::Result<()> {
    let ip = stream.peer_addr()?.ip();
    let (place, position, start) = {
        let store = &mut *shared.store.lock().await;
        if shared.roles.is_replica() {
            return stream.write_all(REFUSAL).await;
        }
        shared.log.keep_commits();
        // What has died since the last commit is one more.
        let now = shared.begin(store);
        store.len(now);
        shared.commit(store, now);
        let place = shared.roles.replicas.join(ip, asked.port);
        let resumed = shared.log.resume(asked.id, asked.offset);
        shared.roles.replicas.begins(resumed.is_none());
        match resumed {
            Some(position) => (place, position, b"+CONTINUE\r\n".to_vec()),
            None => {
                let all = shared.log.place();
                let mut start = b"+COPY\r\n".to_vec();
                let mut last: Option<Vec<u8>> = None;
                snapshot(store, &all.history, all.appended, |record| {
                    if let Some(piece) = last.replace(record.to_vec()) {
                        frame::put(&mut start, Kind::Piece, &piece);
                    }
                });
                frame::put(&mut start, Kind::End, &last.unwrap_or_default());
                (place, shared.log.position(), start)
            }
        }
    };
    tracing::info!(%ip, port = asked.port, bytes = start.len(), "replication.replica.came");
    let (reader, writer) = stream.split();
    simoom::select! {
        biased;
        () = place.cut() => Ok(()),
        () = all_sent(shared, &place) => Ok(()),
        ended = receive(reader, shared, &place) => ended,
        ended = send(writer, shared, position, start) => ended,
    }
}

/// Sends what the replica lacks, then every commit that is safe.
async fn send(
    mut writer: WriteHalf<'_>,
    shared: &Shared,
    mut position: Position,
    start: Vec<u8>,
) -> io::Result<()> {
    // What is in the copy may not be safe yet.
    shared.log.kept(position).await?;
    writer.write_all(&start).await?;
    drop(start);
    loop {
        // Waiting starts before looking: progress in between is not missed.
        let progress = shared.log.progress();
        let Some(batch) = shared.log.after(position, BATCH_BYTES) else {
            return Err(invalid("the replica is too slow"));
        };
        let mut bytes = Vec::new();
        for record in &batch.records {
            frame::put(&mut bytes, Kind::Commit, record);
        }
        position = batch.position;
        if bytes.is_empty() {
            let beat = shared.config.replica_timeout / BEATS;
            if timeout(beat, progress).await.is_ok() {
                continue;
            }
            bury(shared).await;
            let offset = shared.log.offset_of(position);
            frame::put_offset(&mut bytes, Kind::Ping, offset);
        }
        writer.write_all(&bytes).await?;
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
async fn receive(mut reader: ReadHalf<'_>, shared: &Shared, place: &Place<'_>) -> io::Result<()> {
    let mut frames = Frames::default();
    loop {
        while let Some((kind, record)) = frames.next()? {
            let offset = match kind {
                Kind::Acknowledgement => Some(offset_in(&record)?),
                Kind::Ping => None,
                _ => return Err(invalid("a frame out of place")),
            };
            if !place.heard(offset, &shared.log) {
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
