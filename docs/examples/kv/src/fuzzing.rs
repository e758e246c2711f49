//! What a fuzzer checks of the forms that the log and the replicas keep to themselves.
//!
//! Owns the checks. Each takes any bytes, and panics where what is read is not what is written of
//! it. Not part of the server: behind the feature `fuzzing`.

use simoom::time::Instant;

use crate::log::{MAGIC, append, read_log};
use crate::store::{Both, Store, clock_at, decode, encode};

/// Reads `log` as the file of a log, up to the first record that is not whole, and returns how many
/// bytes that are; 0 if it is no log.
///
/// # Panics
/// If the records that it reads, written once more, are not the bytes that they were read from; or
/// the store that their changes make is not the one that its own changes make.
///
/// # Examples
/// ```
/// assert_eq!(kv::fuzzing::log(b"kv-log 1 and then nothing that is whole"), 8);
/// ```
pub fn log(log: &[u8]) -> usize {
    let Some((records, read)) = read_log(log) else {
        return 0;
    };
    let mut written = MAGIC.to_vec();
    for record in &records {
        append(&mut written, record);
    }
    assert_eq!(written, log[..read], "what is whole is what was written");
    changes(&records.concat());
    read
}

/// Does the changes in `bytes` up to the first that is broken.
///
/// # Panics
/// As [`log()`].
///
/// # Examples
/// ```
/// kv::fuzzing::changes(b"S\x01\0\0\0a\x02\0\0\0bc and then nothing");
/// ```
pub fn changes(bytes: &[u8]) {
    let clock = clock_at(Instant::now(), 1_577_836_800_000);
    let (mut rest, mut written) = (bytes, Vec::new());
    let mut store = Store::new();
    while let Some(change) = decode(&mut rest) {
        encode(&mut written, change);
        store.restore(change, clock);
        assert_eq!(written, bytes[..bytes.len() - rest.len()]);
    }
    let once = bytes_of(&store, clock);
    let mut again = Store::new();
    let mut left = &once[..];
    while let Some(change) = decode(&mut left) {
        again.restore(change, clock);
    }
    assert!(left.is_empty(), "a store's own changes are whole");
    assert_eq!(
        bytes_of(&again, clock),
        once,
        "equal stores give equal bytes"
    );
}

fn bytes_of(store: &Store, clock: Both) -> Vec<u8> {
    let mut bytes = Vec::new();
    store.changes(clock, 100, |piece| bytes.extend_from_slice(piece));
    bytes
}

/// Cuts frames out of `stream`, which comes in pieces of `piece_bytes`.
///
/// # Panics
/// If they are not the frames of the whole.
///
/// # Examples
/// ```
/// kv::fuzzing::frames(b"P and no record", 3);
/// ```
pub fn frames(stream: &[u8], piece_bytes: usize) {
    let (whole, pieces) = crate::replication::check_frames(stream, piece_bytes);
    assert_eq!(whole, pieces, "where the pieces end makes no difference");
}

/// Appends the record of a log that holds `changes`.
///
/// # Examples
/// ```
/// let mut log = b"kv-log 1".to_vec();
/// kv::fuzzing::record(&mut log, b"C");
/// kv::fuzzing::log(&log);
/// ```
pub fn record(log: &mut Vec<u8>, changes: &[u8]) {
    append(log, changes);
}
