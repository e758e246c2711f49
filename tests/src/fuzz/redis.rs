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
    let whole = decoded_requests([stream], limits);
    let pieces = decoded_requests(stream.chunks(piece_bytes), limits);
    assert_eq!(whole, pieces, "in pieces");
    for (one, two) in partings(stream) {
        let parted = decoded_requests([one, two], limits);
        assert_eq!(whole, parted, "parted at {}", one.len());
    }
    // What was read stands for itself, and so does what was not.
    let (read, rest) = stream.split_at(whole.read);
    let of_read = decoded_requests([read], limits);
    assert_eq!(of_read.requests, whole.requests);
    assert_eq!((of_read.read, of_read.error), (read.len(), None));
    let of_rest = decoded_requests([rest], limits);
    assert!(of_rest.requests.is_empty(), "a request was left");
    assert_eq!((of_rest.read, of_rest.error), (0, whole.error));
    let mut written = Vec::new();
    for request in &whole.requests {
        assert!(!request.is_empty() && request.len() <= limits.args_max);
        let bytes: usize = request.iter().map(Vec::len).sum();
        assert!(bytes <= limits.request_bytes_max, "{bytes} bytes");
        encoded(&mut written, request);
    }
    // What was read is read again from what is written of it.
    let again = decoded_requests([&written[..]], Limits::default());
    assert_eq!((again.requests, again.error), (whole.requests, None));
    assert_eq!(again.read, written.len());
    // One made of these bytes is read if it is as small as it must be.
    let args = 1 + usize::from(stream.first().copied().unwrap_or(0) % 6);
    let len = stream.len().div_ceil(args).max(1);
    let made: Vec<_> = stream.chunks(len).map(<[u8]>::to_vec).collect();
    if !made.is_empty() {
        let mut written = Vec::new();
        encoded(&mut written, &made);
        let again = decoded_requests([&written[..]], limits);
        let may_be = made.len() <= limits.args_max && written.len() <= limits.request_bytes_max;
        assert_eq!(again.error.is_none(), may_be, "{:?}", again.error);
        let expected = if may_be { vec![made] } else { Vec::new() };
        assert_eq!(again.requests, expected);
    }
    Seen::default()
}

/// What came of a stream.
#[derive(Debug, PartialEq, Eq)]
struct Decoded {
    requests: Vec<Vec<Vec<u8>>>,
    /// How many bytes they took, with those between them.
    read: usize,
    /// By what it ended.
    error: Option<String>,
}

/// The requests in a stream that comes in these pieces.
fn decoded_requests<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, limits: Limits) -> Decoded {
    let mut decoder = RequestDecoder::new(limits);
    let (mut requests, mut error) = (Vec::new(), None);
    let mut len = 0;
    for piece in pieces {
        len += piece.len();
        if error.is_some() {
            continue;
        }
        decoder.space().extend_from_slice(piece);
        loop {
            match decoder.next_request() {
                Ok(Some(args)) => {
                    let _ = Command::parse(args).map_err(|error| error.to_string());
                    requests.push(args.iter().map(<[u8]>::to_vec).collect());
                }
                Ok(None) => break,
                Err(found) => {
                    let again = decoder.next_request().map(|_| ());
                    assert_eq!(again.unwrap_err().to_string(), found.to_string());
                    error = Some((found.to_string(), len));
                    break;
                }
            }
        }
    }
    let given = error.as_ref().map_or(len, |(_, given)| *given);
    Decoded {
        requests,
        read: given - decoder.buffered(),
        error: error.map(|(text, _)| text),
    }
}

fn encoded(out: &mut Vec<u8>, request: &[Vec<u8>]) {
    let args: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
    encode_request(out, &args);
}

/// The two parts at each place of `stream`, if it is not long.
fn partings(stream: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let places = if stream.len() <= 128 { stream.len() } else { 0 };
    (1..places).map(|at| stream.split_at(at))
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
    for (one, two) in partings(stream) {
        let (mut parted, mut decoder) = (Vec::new(), ReplyDecoder::new(most));
        let ended = [one, two].into_iter().find_map(|piece| {
            decoder.space().extend_from_slice(piece);
            next_replies(&mut decoder, &mut parted)
        });
        assert_eq!(whole, (parted, ended), "parted at {}", one.len());
    }
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
    let ended = stream.chunks(piece_bytes.max(1)).find_map(|piece| {
        decoder.space().extend_from_slice(piece);
        next_replies(&mut decoder, &mut replies)
    });
    (replies, ended)
}

/// Adds the replies that have come, and returns the error that ends them.
fn next_replies(decoder: &mut ReplyDecoder, replies: &mut Vec<Reply>) -> Option<String> {
    loop {
        match decoder.next_reply() {
            Ok(Some(reply)) => replies.push(reply),
            Ok(None) => return None,
            Err(error) => return Some(error.to_string()),
        }
    }
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
    let mut begins = Vec::new();
    for record in rest.chunks(9) {
        begins.push(stream.len());
        stream.push(b"SECPA"[usize::from(record[0]) % 5]);
        kv::fuzzing::record(&mut stream, record);
    }
    let read = kv::fuzzing::frames(&stream, piece_bytes);
    assert_eq!(read, stream.len(), "all of it is whole");
    // One byte is another: neither its frame nor one after that is taken for whole.
    if let (Some(last), false) = (rest.last(), stream.is_empty()) {
        let at = usize::from(*last) % stream.len();
        stream[at] ^= 0x40;
        let before = begins.iter().rfind(|&&begin| begin <= at);
        let read = kv::fuzzing::frames(&stream, piece_bytes);
        assert_eq!(Some(&read), before, "byte {at} is another");
    }
    Seen::default()
}
