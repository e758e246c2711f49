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

/// Cuts lines and frames out of `stream`, which comes in pieces of `piece_bytes`, and returns how
/// many bytes the frames take that are whole.
///
/// # Panics
/// If they, put together again, are not what was sent; if one that is whole was left; or if it
/// matters where the pieces end.
///
/// # Examples
/// ```
/// assert_eq!(kv::fuzzing::frames(b"P and no record", 3), 0);
/// ```
pub fn frames(stream: &[u8], piece_bytes: usize) -> usize {
    crate::replication::check_lines(stream, piece_bytes);
    crate::replication::check_frames(stream, piece_bytes)
}

/// Reads each line of `text` as an argument of the server.
///
/// # Panics
/// If the settings that they come to are not read again from the arguments that say them, or are
/// none that a server may have.
///
/// # Examples
/// ```
/// kv::fuzzing::flags("--port=0\n--replicaof\nlocalhost 6379");
/// kv::fuzzing::flags("--sail");
/// ```
pub fn flags(text: &str) {
    let config = match crate::flags::read(text.lines()) {
        Ok(config) => config,
        Err(error) => {
            assert!(!error.is_empty());
            return;
        }
    };
    let written = crate::flags::written(&config);
    let again = crate::flags::read(written.iter().map(String::as_str));
    assert_eq!(again.as_ref(), Ok(&config), "{written:?}");
    // Each may be said once, so that what a line says of a number holds.
    let seconds = |time: std::time::Duration| time.as_secs() as usize;
    for line in text.lines() {
        let Some((name, number)) = line.split_once('=') else {
            continue;
        };
        let Ok(number) = number.parse::<usize>() else {
            continue;
        };
        let found = match name {
            "--port" => Some(usize::from(config.port)),
            "--max-clients" | "--maxclients" => Some(config.max_clients),
            "--timeout" => Some(config.timeout.map_or(0, seconds)),
            "--max-request-bytes" => Some(config.limits.request_bytes_max),
            "--status-port" => config.status_port.map(usize::from),
            "--sync-replicas" => Some(config.sync_replicas),
            "--repl-timeout" => Some(seconds(config.replica_timeout)),
            "--repl-backlog-size" => Some(config.backlog_bytes_max),
            _ => continue,
        };
        assert_eq!(found, Some(number), "{line}");
    }
    assert!(config.limits.request_bytes_max >= 1024, "{config:?}");
    assert!(!config.replica_timeout.is_zero(), "{config:?}");
    assert!(config.timeout.is_none_or(|it| !it.is_zero()), "{config:?}");
    if let Some((host, _)) = &config.replica_of {
        assert!(!host.is_empty(), "{config:?}");
    }
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
