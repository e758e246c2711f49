//! Requests that arrive in pieces, and bytes that are none.

use super::{Limits, RequestDecoder, encode_request};
use crate::resp::ProtocolError;

/// The requests in `pieces`, which arrive one after the other, and the error that ends them.
fn decode<'a>(
    limits: Limits,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Vec<Vec<u8>>>, Option<ProtocolError>) {
    let mut decoder = RequestDecoder::new(limits);
    let mut requests = Vec::new();
    for piece in pieces {
        decoder.space().extend_from_slice(piece);
        loop {
            match decoder.next_request() {
                Ok(Some(args)) => {
                    assert!(!args.is_empty(), "a request has a name");
                    requests.push(args.iter().map(<[u8]>::to_vec).collect());
                }
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.next_request().unwrap_err(), error, "an error stays");
                    return (requests, Some(error));
                }
            }
        }
    }
    (requests, None)
}

#[track_caller]
fn check(bytes: &[u8], expected: &[&[&str]]) {
    let (requests, error) = decode(Limits::default(), [bytes]);
    assert_eq!(error, None);
    let expected: Vec<Vec<Vec<u8>>> = expected
        .iter()
        .map(|request| request.iter().map(|arg| arg.as_bytes().to_vec()).collect())
        .collect();
    assert_eq!(requests, expected);
}

#[track_caller]
fn check_error(bytes: &[u8], expected: ProtocolError) {
    let limits = Limits {
        request_bytes_max: 1000,
        args_max: 10,
    };
    assert_eq!(
        decode(limits, [bytes]).1,
        Some(expected),
        "{}",
        bytes.escape_ascii()
    );
    let bytewise = decode(limits, bytes.chunks(1));
    assert_eq!(
        bytewise.1,
        Some(expected),
        "byte by byte: {}",
        bytes.escape_ascii()
    );
}

/// Requests of every form, one after the other.
const PIPELINE: &[u8] = b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n\
    PING\r\n\
    \r\n\
    *0\r\n\
    set 'a b' \"\\x41\\r\\n\" plain\n\
    *-1\r\n\
    *3\r\n$3\r\nSET\r\n$0\r\n\r\n$12\r\nline\r\nbreak\n\r\n\
    *1\r\n$4\r\nPING\r\n";

#[test]
fn a_pipeline_holds_every_form_of_request() {
    check(
        PIPELINE,
        &[
            &["GET", "a"],
            &["PING"],
            &["set", "a b", "A\r\n", "plain"],
            &["SET", "", "line\r\nbreak\n"],
            &["PING"],
        ],
    );
}

#[test]
fn where_the_bytes_are_split_does_not_matter() {
    let whole = decode(Limits::default(), [PIPELINE]);
    for first in 0..=PIPELINE.len() {
        for second in first..=PIPELINE.len() {
            let pieces = [
                &PIPELINE[..first],
                &PIPELINE[first..second],
                &PIPELINE[second..],
            ];
            assert_eq!(
                decode(Limits::default(), pieces),
                whole,
                "split at {first}, {second}"
            );
        }
    }
    assert_eq!(decode(Limits::default(), PIPELINE.chunks(1)), whole);
}

#[test]
fn words_are_quoted_as_in_a_shell() {
    check(b"ping\n", &[&["ping"]]);
    check(b" \t ping \t \r\n", &[&["ping"]]);
    check(b"echo ''\r\n", &[&["echo", ""]]);
    check(b"echo \"\"\r\n", &[&["echo", ""]]);
    check(br#"echo "it's" 'a "b"' 'it\'s'"#.as_slice(), &[]);
    check(
        b"echo \"it's\" 'a \"b\"' 'it\\'s'\r\n",
        &[&["echo", "it's", "a \"b\"", "it's"]],
    );
    check(
        b"echo \"\\\"\\\\\\n\\t\\a\\b\\q\"\n",
        &[&["echo", "\"\\\n\t\x07\x08q"]],
    );
    check(b"echo \"\\x41\\x6a\\x6Z\"\n", &[&["echo", "Ajx6Z"]]);
    check(b"echo 'a\\n'\n", &[&["echo", "a\\n"]]);
    check(b"echo a\"b c\"\n", &[&["echo", "ab c"]]);
}

#[test]
fn malformed_requests_are_errors() {
    check_error(b"*\r\n", ProtocolError::InvalidCount);
    check_error(b"*x\r\n", ProtocolError::InvalidCount);
    check_error(b"*1\n", ProtocolError::InvalidCount);
    check_error(b"*01\r\n", ProtocolError::InvalidCount);
    check_error(b"*11\r\n", ProtocolError::InvalidCount);
    check_error(b"*99999999999999999999\r\n", ProtocolError::InvalidCount);
    check_error(&[b'*'; 40], ProtocolError::CountTooLong);
    check_error(b"*1\r\n:1\r\n", ProtocolError::ExpectedBulk(b':'));
    check_error(b"*1\r\n\r\n", ProtocolError::ExpectedBulk(b'\r'));
    check_error(b"*1\r\n$-1\r\n", ProtocolError::InvalidLength);
    check_error(b"*1\r\n$x\r\n", ProtocolError::InvalidLength);
    check_error(b"*1\r\n$1001\r\n", ProtocolError::InvalidLength);
    check_error(
        b"*1\r\n$18446744073709551615\r\n",
        ProtocolError::InvalidLength,
    );
    check_error(
        &[b"*1\r\n".as_slice(), &[b'$'; 40]].concat(),
        ProtocolError::LengthTooLong,
    );
    check_error(b"*1\r\n$4\r\nPINGS\r\n", ProtocolError::UnterminatedBulk);
    check_error(b"*1\r\n$4\r\nPING\r\r", ProtocolError::UnterminatedBulk);
    check_error(b"echo \"a\r\n", ProtocolError::Unbalanced);
    check_error(b"echo 'a\r\n", ProtocolError::Unbalanced);
    check_error(b"echo \"a\\\"\r\n", ProtocolError::Unbalanced);
    check_error(b"echo \"a\"b\r\n", ProtocolError::Unbalanced);
    check_error(b"1 2 3 4 5 6 7 8 9 10 11\r\n", ProtocolError::InvalidCount);
    check_error(&[b'a'; 1001], ProtocolError::InlineTooLong);
}

#[test]
fn requests_before_a_malformed_one_are_returned() {
    let (requests, error) = decode(Limits::default(), [b"PING\r\n*x\r\n".as_slice()]);
    assert_eq!(requests, [[b"PING"]]);
    assert_eq!(error, Some(ProtocolError::InvalidCount));
}

#[test]
fn a_request_may_be_as_large_as_the_limit_and_no_larger() {
    let limits = Limits {
        request_bytes_max: 300,
        ..Limits::default()
    };
    for value_bytes in 200..300 {
        let mut bytes = Vec::new();
        encode_request(&mut bytes, &[b"SET", b"a", &vec![b'v'; value_bytes]]);
        let (requests, error) = decode(limits, [&*bytes]);
        if bytes.len() <= 300 {
            assert_eq!((requests.len(), error), (1, None), "{} bytes", bytes.len());
        } else {
            let expected = Some(ProtocolError::RequestTooLarge(300));
            assert_eq!(
                (requests.len(), error),
                (0, expected),
                "{} bytes",
                bytes.len()
            );
        }
    }
}

#[test]
fn what_is_encoded_is_decoded() {
    let args: [&[u8]; 4] = [b"SET", b"", b"\r\n", &[0xff; 300]];
    let mut bytes = Vec::new();
    encode_request(&mut bytes, &args);
    let (requests, error) = decode(Limits::default(), [&*bytes]);
    assert_eq!(error, None);
    assert_eq!(requests, [args]);
}

#[test]
fn an_idle_decoder_gives_the_memory_of_a_large_request_back() {
    let mut decoder = RequestDecoder::new(Limits::default());
    let mut bytes = Vec::new();
    encode_request(&mut bytes, &[b"SET", b"a", &[b'v'; 500_000]]);
    let (first, second) = bytes.split_at(100);
    decoder.space().extend_from_slice(first);
    assert!(decoder.next_request().unwrap().is_none());
    decoder.space().extend_from_slice(second);
    assert!(decoder.next_request().unwrap().is_some());
    assert!(decoder.space().capacity() < 64 << 10);
}

#[test]
fn space_has_room_for_the_rest_of_an_argument() {
    let mut decoder = RequestDecoder::new(Limits::default());
    decoder
        .space()
        .extend_from_slice(b"*2\r\n$4\r\nECHO\r\n$500000\r\nabc");
    assert!(decoder.next_request().unwrap().is_none());
    let space = decoder.space();
    assert!(space.capacity() - space.len() >= 500_000 - 3 + 2);
}

/// Bends valid requests out of shape. Whatever comes out, the decoder must neither panic nor hold
/// more than its limits allow, and must not care in which pieces the bytes arrive.
#[test]
fn mutated_requests_neither_panic_nor_exceed_the_limits() {
    let limits = Limits {
        request_bytes_max: 200,
        args_max: 5,
    };
    let mut random = Lcg(1);
    for round in 0..200_000 {
        let mut bytes = PIPELINE.to_vec();
        for _ in 0..=random.below(4) {
            mutate(&mut bytes, &mut random);
        }
        let cut = random.below(bytes.len() + 1);
        let (head, tail) = bytes.split_at(cut);
        let mut decoder = RequestDecoder::new(limits);
        let mut decoded = Vec::new();
        let mut error = None;
        'pieces: for piece in [head, tail] {
            decoder.space().extend_from_slice(piece);
            loop {
                match decoder.next_request() {
                    Ok(Some(args)) => {
                        assert!((1..=5).contains(&args.len()), "round {round}");
                        assert!(
                            args.iter().map(<[u8]>::len).sum::<usize>() <= 200,
                            "round {round}"
                        );
                        decoded.push(args.iter().map(<[u8]>::to_vec).collect());
                    }
                    Ok(None) => break,
                    Err(fatal) => {
                        error = Some(fatal);
                        break 'pieces;
                    }
                }
            }
            assert!(
                decoder.buffered() <= 200,
                "round {round}: an open request is too large"
            );
        }
        assert_eq!((decoded, error), decode(limits, [&*bytes]), "round {round}");
    }
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Lcg) {
    const INTERESTING: &[u8] = b"*$\r\n\"'\\-0129 x\x00\xff";
    let at = random.below(bytes.len().max(1)).min(bytes.len());
    match random.below(5) {
        0 if at < bytes.len() => bytes[at] = INTERESTING[random.below(INTERESTING.len())],
        1 => bytes.insert(at, INTERESTING[random.below(INTERESTING.len())]),
        2 if at < bytes.len() => drop(bytes.remove(at)),
        3 => bytes.truncate(at),
        _ => {
            let end = at + random.below(bytes.len() - at + 1).min(30);
            let copied = bytes[at..end].to_vec();
            let to = random.below(bytes.len() + 1);
            bytes.splice(to..to, copied);
        }
    }
}

/// A linear congruential generator with the multiplier and increment of Knuth's MMIX.
struct Lcg(u64);

impl Lcg {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound
    }
}
