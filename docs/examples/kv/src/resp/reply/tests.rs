//! Replies that arrive in pieces, and bytes that are none.

use super::{Reply, ReplyDecoder};
use crate::resp::ProtocolError;

fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Reply>, Option<ProtocolError>) {
    let mut decoder = ReplyDecoder::new(1000);
    let mut replies = Vec::new();
    for piece in pieces {
        decoder.space().extend_from_slice(piece);
        loop {
            match decoder.next_reply() {
                Ok(Some(reply)) => replies.push(reply),
                Ok(None) => break,
                Err(error) => return (replies, Some(error)),
            }
        }
    }
    (replies, None)
}

const REPLIES: &[u8] = b"+OK\r\n-ERR no\r\n:-7\r\n$5\r\na\r\nbc\r\n$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n\
    *3\r\n:1\r\n*2\r\n$1\r\nx\r\n*0\r\n$-1\r\n+done\r\n";

#[test]
fn every_kind_of_reply_is_read_wherever_it_is_split() {
    let expected = [
        Reply::Simple("OK".into()),
        Reply::Error("ERR no".into()),
        Reply::Integer(-7),
        Reply::Bulk("a\r\nbc".into()),
        Reply::Bulk("".into()),
        Reply::Null,
        Reply::Null,
        Reply::Array(vec![]),
        Reply::Array(vec![
            Reply::Integer(1),
            Reply::Array(vec![Reply::Bulk("x".into()), Reply::Array(vec![])]),
            Reply::Null,
        ]),
        Reply::Simple("done".into()),
    ];
    for at in 0..=REPLIES.len() {
        let (replies, error) = decode([&REPLIES[..at], &REPLIES[at..]]);
        assert_eq!(error, None);
        assert_eq!(replies, expected, "split at {at}");
    }
    assert_eq!(decode(REPLIES.chunks(1)).0, expected);
}

#[track_caller]
fn check_error(bytes: &[u8], expected: ProtocolError) {
    assert_eq!(
        decode([bytes]).1,
        Some(expected),
        "{}",
        bytes.escape_ascii()
    );
}

#[test]
fn malformed_replies_are_errors() {
    check_error(b"?\r\n", ProtocolError::UnknownReply(b'?'));
    check_error(b"\r\n", ProtocolError::InvalidReply);
    check_error(b"+OK\n", ProtocolError::InvalidReply);
    check_error(b":x\r\n", ProtocolError::InvalidReply);
    check_error(b"$-2\r\n", ProtocolError::InvalidReply);
    check_error(b"*-2\r\n", ProtocolError::InvalidReply);
    check_error(b"$1\r\nab\r\n", ProtocolError::InvalidReply);
}

#[test]
fn replies_beyond_the_limits_are_errors() {
    check_error(
        b"$9223372036854775807\r\n",
        ProtocolError::ReplyTooLarge(1000),
    );
    check_error(b"$999\r\n", ProtocolError::ReplyTooLarge(1000));
    check_error(&[b'+'; 1000], ProtocolError::ReplyTooLarge(1000));
    check_error(&b"*1\r\n".repeat(17), ProtocolError::ReplyTooDeep(16));
    let items = [
        b"*9223372036854775807\r\n".as_slice(),
        &b":1\r\n".repeat(300),
    ]
    .concat();
    check_error(&items, ProtocolError::ReplyTooLarge(1000));
}
