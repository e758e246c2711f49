//! What kv reads: requests, replies, its log, and what replicas are sent.
//!
//! Owns which bytes are tried, and in which pieces they come.

use kv::command::Command;
use kv::resp::{Limits, Replies, Reply, ReplyDecoder, RequestDecoder, encode_request};

use super::{Bytes, Seen};

/// Requests, which come in pieces: where those end makes no difference.
pub(super) fn requests(bytes: &[u8]) -> Seen {
    let mut bytes = Bytes::new(bytes);
    let piece_bytes = 1 + bytes.below(20);
    let limits = match bytes.below(2) {
        0 => Limits::default(),
        _ => Limits {
            request_bytes_max: 64,
            args_max: 4,
        },
    };
    let stream = bytes.rest();
    let (whole, end) = decoded_requests(stream, stream.len(), limits);
    let pieces = decoded_requests(stream, piece_bytes, limits);
    assert_eq!((&whole, &end), (&pieces.0, &pieces.1), "in pieces");
    // What was read is read again from what is written of it.
    let mut written = Vec::new();
    for request in &whole {
        let args: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
        encode_request(&mut written, &args);
    }
    let again = decoded_requests(&written, written.len(), Limits::default());
    assert_eq!(again, (whole, None), "written again");
    Seen::default()
}

/// The requests in `stream`, and the error at its end.
fn decoded_requests(
    stream: &[u8],
    piece_bytes: usize,
    limits: Limits,
) -> (Vec<Vec<Vec<u8>>>, Option<String>) {
    let mut decoder = RequestDecoder::new(limits);
    let mut requests = Vec::new();
    for piece in stream.chunks(piece_bytes.max(1)) {
        decoder.space().extend_from_slice(piece);
        loop {
            match decoder.next_request() {
                Ok(Some(args)) => {
                    let _ = Command::parse(args).map_err(|error| error.to_string());
                    requests.push(args.iter().map(<[u8]>::to_vec).collect());
                }
                Ok(None) => break,
                Err(error) => {
                    let again = decoder.next_request().map(|_| ());
                    assert_eq!(again.unwrap_err().to_string(), error.to_string());
                    return (requests, Some(error.to_string()));
                }
            }
        }
    }
    (requests, None)
}

/// Replies, which come in pieces.
pub(super) fn replies(bytes: &[u8]) -> Seen {
    let mut bytes = Bytes::new(bytes);
    let piece_bytes = 1 + bytes.below(20);
    let most = [1 << 20, 64][bytes.below(2)];
    let stream = bytes.rest();
    let whole = decoded_replies(stream, stream.len(), most);
    assert_eq!(
        whole,
        decoded_replies(stream, piece_bytes, most),
        "in pieces"
    );
    for reply in &whole.0 {
        if let Some(written) = written(reply) {
            let (again, end) = decoded_replies(&written, written.len(), usize::MAX);
            assert_eq!((again.as_slice(), end), (std::slice::from_ref(reply), None));
        }
    }
    Seen::default()
}

fn decoded_replies(stream: &[u8], piece_bytes: usize, most: usize) -> (Vec<Reply>, Option<String>) {
    let mut decoder = ReplyDecoder::new(most);
    let mut replies = Vec::new();
    for piece in stream.chunks(piece_bytes.max(1)) {
        decoder.space().extend_from_slice(piece);
        loop {
            match decoder.next_reply() {
                Ok(Some(reply)) => replies.push(reply),
                Ok(None) => break,
                Err(error) => return (replies, Some(error.to_string())),
            }
        }
    }
    (replies, None)
}

/// A reply as a server writes it, unless that has no form for it.
fn written(reply: &Reply) -> Option<Vec<u8>> {
    fn put(out: &mut Replies, reply: &Reply) -> bool {
        match reply {
            Reply::Simple(text) | Reply::Error(text) if text.contains(['\r', '\n']) => {
                return false;
            }
            Reply::Simple(text) => out.simple(text),
            Reply::Error(text) => out.error(text),
            Reply::Integer(number) => out.integer(*number),
            Reply::Bulk(bytes) => out.bulk(bytes),
            Reply::Null => out.null(),
            Reply::Array(items) => {
                out.array(items.len());
                return items.iter().all(|item| put(out, item));
            }
        }
        true
    }
    let mut out = Replies::new();
    put(&mut out, reply).then(|| out.as_bytes().to_vec())
}

/// The file of a log, whose checksums are made right so that more than the first record is tried.
pub(super) fn log(bytes: &[u8]) -> Seen {
    kv::fuzzing::log(bytes);
    kv::fuzzing::changes(bytes);
    let mut log = b"kv-log 1".to_vec();
    let mut begins = Vec::new();
    for changes in bytes.chunks(40) {
        begins.push(log.len());
        kv::fuzzing::record(&mut log, changes);
    }
    assert_eq!(kv::fuzzing::log(&log), log.len(), "all of it is whole");
    // One byte of it is another: neither its record nor one after that is taken for whole.
    if let Some(last) = bytes.last() {
        let at = usize::from(*last) % log.len();
        log[at] ^= 0x40;
        let before = begins.iter().rfind(|&&begin| begin <= at);
        let read = before.copied().unwrap_or(0);
        assert_eq!(kv::fuzzing::log(&log), read, "byte {at} is another");
    }
    Seen::default()
}

/// What a primary and a replica send each other.
pub(super) fn frames(bytes: &[u8]) -> Seen {
    let mut bytes = Bytes::new(bytes);
    let piece_bytes = 1 + bytes.below(20);
    let rest = bytes.rest();
    kv::fuzzing::frames(rest, piece_bytes);
    let mut stream = Vec::new();
    for record in rest.chunks(9) {
        stream.push(b"SECPA"[usize::from(record[0]) % 5]);
        kv::fuzzing::record(&mut stream, record);
    }
    kv::fuzzing::frames(&stream, piece_bytes);
    Seen::default()
}
