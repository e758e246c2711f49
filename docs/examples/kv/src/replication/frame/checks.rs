//! What must hold of frames and lines in any bytes.
//!
//! Owns the checks. Knows the form of a frame by its description alone, not by its reader.

use std::fmt::Debug;
use std::io;

use bytes::BytesMut;

use super::{Frames, HEADER_BYTES, Kind, LINE_BYTES_MAX, OFFSET_BYTES, offset_in, put, put_offset};
use crate::log;

/// Cuts frames out of `stream`, and returns how many bytes the whole ones of a primary take.
///
/// # Panics
/// If the frames, put together again, are not the bytes that were read; if one holds more than it
/// may, or is damaged; if one that is whole was left; or if it matters in which pieces they come.
pub(crate) fn check_frames(stream: &[u8], piece_bytes: usize) -> usize {
    let of_replica = || Frames::of_replica(BytesMut::new());
    let by_replica = checked(stream, piece_bytes, of_replica, OFFSET_BYTES);
    let by_primary = checked(stream, piece_bytes, Frames::of_primary, u32::MAX);
    assert!(
        by_replica <= by_primary,
        "a primary may send what a replica may"
    );
    by_primary
}

/// Cuts lines out of `stream`.
///
/// # Panics
/// If they are not its lines up to the first that is too long, or it matters in which pieces they
/// come.
pub(crate) fn check_lines(stream: &[u8], piece_bytes: usize) {
    let next = |frames: &mut Frames| frames.next_line();
    let (lines, is_broken) = in_pieces(stream, piece_bytes, Frames::of_primary, next);
    let mut rest = stream;
    for line in lines {
        let end = rest.iter().position(|&byte| byte == b'\n');
        let (own, others) = rest.split_at(end.expect("a line that was read ends") + 1);
        assert!(own.len() <= LINE_BYTES_MAX, "it is too long");
        assert_eq!(line, String::from_utf8_lossy(own).trim_end());
        rest = others;
    }
    let begun = &rest[..rest.len().min(LINE_BYTES_MAX)];
    assert!(!begun.contains(&b'\n'), "a line was left");
    assert_eq!(is_broken, begun.len() == LINE_BYTES_MAX);
}

fn checked(stream: &[u8], piece_bytes: usize, new: impl Fn() -> Frames, len_max: u32) -> usize {
    let next = |frames: &mut Frames| frames.next();
    let (frames, is_broken) = in_pieces(stream, piece_bytes, new, next);
    let mut written = Vec::new();
    for (kind, record) in &frames {
        let begin = written.len();
        put(&mut written, *kind, record);
        let held = log::record_of(record).expect("no record is damaged");
        assert!(held.len() <= len_max as usize, "it holds too much");
        if held.len() == OFFSET_BYTES as usize {
            let offset = offset_in(record).expect("it holds one");
            let mut again = Vec::new();
            put_offset(&mut again, *kind, offset);
            assert_eq!(again, written[begin..], "its offset");
        }
    }
    assert!(stream.starts_with(&written), "frames are what was sent");
    let rest = &stream[written.len()..];
    let is_whole = rest
        .get(1..5)
        .and_then(|it| it.try_into().ok())
        .is_some_and(|len| {
            let whole = 1 + HEADER_BYTES + u32::from_le_bytes(len) as usize;
            rest.get(1..whole)
                .is_some_and(|it| log::record_of(it).is_some())
                && whole <= 1 + HEADER_BYTES + len_max as usize
        });
    let is_whole = is_whole && Kind::of(rest[0]).is_some();
    assert!(!is_whole, "a frame was left");
    if is_broken {
        assert!(rest.len() > HEADER_BYTES, "too few bytes to say that");
    }
    written.len()
}

/// What is read of `stream`, and whether that ends with an error: as a whole, in pieces, and parted
/// at each place if there are not many.
fn in_pieces<T: Debug + PartialEq>(
    stream: &[u8],
    piece_bytes: usize,
    new: impl Fn() -> Frames,
    next: impl Fn(&mut Frames) -> io::Result<Option<T>>,
) -> (Vec<T>, bool) {
    let read = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut frames = new();
        let mut read = Vec::new();
        for piece in pieces {
            frames.space().extend_from_slice(piece);
            loop {
                match next(&mut frames) {
                    Ok(Some(one)) => read.push(one),
                    Ok(None) => break,
                    Err(_) => return (read, true),
                }
            }
        }
        (read, false)
    };
    let whole = read(&mut [stream].into_iter());
    let pieces = read(&mut stream.chunks(piece_bytes.max(1)));
    assert_eq!(whole, pieces, "in pieces of {piece_bytes}");
    if stream.len() <= PARTED_BYTES_MAX {
        for at in 1..stream.len() {
            let (one, two) = stream.split_at(at);
            assert_eq!(read(&mut [one, two].into_iter()), whole, "parted at {at}");
        }
    }
    whole
}

/// Up to how many bytes are parted at each place.
const PARTED_BYTES_MAX: usize = 128;
