//! What primary and replica send each other once they agree.
//!
//! Owns the form of a frame: a letter, and a record as the log has it. Knows nothing of what is
//! done with it.
//!
//! ```text
//! primary ──▶ replica   S changes …   E past     C changes …     P offset
//! replica ──▶ primary   A offset      P
//! ```

use std::io;

use bytes::{Buf, Bytes, BytesMut};

use crate::log::{self, HEADER_BYTES, Offset};

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A piece of all data.
    Piece,
    /// The last piece, which says which past the data has.
    End,
    /// A commit.
    Commit,
    /// A sign of life: how far the primary has sent. Empty from a replica that copies.
    Ping,
    /// What the replica has.
    Acknowledgement,
}

impl Kind {
    fn letter(self) -> u8 {
        match self {
            Self::Piece => b'S',
            Self::End => b'E',
            Self::Commit => b'C',
            Self::Ping => b'P',
            Self::Acknowledgement => b'A',
        }
    }

    fn of(letter: u8) -> Option<Self> {
        [
            Self::Piece,
            Self::End,
            Self::Commit,
            Self::Ping,
            Self::Acknowledgement,
        ]
        .into_iter()
        .find(|kind| kind.letter() == letter)
    }
}

/// Appends a frame of a whole record to `out`.
pub(super) fn put(out: &mut Vec<u8>, kind: Kind, record: &[u8]) {
    out.push(kind.letter());
    out.extend_from_slice(record);
}

/// Appends a frame that holds `offset`.
pub(super) fn put_offset(out: &mut Vec<u8>, kind: Kind, offset: Offset) {
    out.push(kind.letter());
    log::append(out, &offset.to_le_bytes());
}

/// The offset in a record of one.
pub(super) fn offset_in(record: &[u8]) -> io::Result<Offset> {
    record
        .get(HEADER_BYTES..)
        .and_then(|bytes| bytes.try_into().ok())
        .map(u64::from_le_bytes)
        .ok_or_else(|| invalid("a frame without its offset"))
}

/// Cuts frames out of a stream of bytes.
#[derive(Debug)]
pub(super) struct Frames {
    buffer: BytesMut,
    /// How long what a frame holds may be.
    len_max: u32,
}

impl Frames {
    /// Those of a primary, which sends commits and data.
    pub(super) fn of_primary() -> Self {
        Self {
            buffer: BytesMut::new(),
            len_max: u32::MAX,
        }
    }

    /// Those of a replica, which sends offsets, after what has come already.
    pub(super) fn of_replica(come: BytesMut) -> Self {
        Self {
            buffer: come,
            len_max: OFFSET_BYTES,
        }
    }

    /// The buffer to append received bytes to.
    pub(super) fn space(&mut self) -> &mut BytesMut {
        self.buffer.reserve(SPACE_BYTES_MIN);
        &mut self.buffer
    }

    /// The next line, without its end, or `None` until more bytes arrive.
    ///
    /// # Errors
    /// It does not end.
    pub(super) fn next_line(&mut self) -> io::Result<Option<String>> {
        // Not what happens to have come already decides which line is too long.
        let visible = &self.buffer[..self.buffer.len().min(LINE_BYTES_MAX)];
        let Some(end) = visible.iter().position(|&byte| byte == b'\n') else {
            return match visible.len() {
                0..LINE_BYTES_MAX => Ok(None),
                _ => Err(invalid("a line that does not end")),
            };
        };
        let line = self.buffer.split_to(end + 1);
        Ok(Some(String::from_utf8_lossy(&line).trim_end().to_owned()))
    }

    /// The next frame that has arrived as a whole, or `None` until more bytes arrive.
    ///
    /// # Errors
    /// The bytes are no frame, or damaged.
    pub(super) fn next(&mut self) -> io::Result<Option<(Kind, Bytes)>> {
        let Some(header) = self.buffer.get(..1 + HEADER_BYTES) else {
            return Ok(None);
        };
        let kind = Kind::of(header[0]).ok_or_else(|| invalid("an unknown frame"))?;
        let len = header[1..5].try_into().map_or(0, u32::from_le_bytes);
        if len > self.len_max {
            return Err(invalid("a frame that is too long"));
        }
        let whole = 1 + HEADER_BYTES + len as usize;
        if self.buffer.len() < whole {
            return Ok(None);
        }
        self.buffer.advance(1);
        let record = self.buffer.split_to(whole - 1).freeze();
        if log::record_of(&record).is_none() {
            return Err(invalid("a damaged frame"));
        }
        // What is kept for long must not hold on to what else has come with it.
        Ok(Some((kind, Bytes::copy_from_slice(&record))))
    }
}

/// The other server sent something that it must not send.
pub(super) fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// What an offset takes in a frame.
const OFFSET_BYTES: u32 = 8;

const SPACE_BYTES_MIN: usize = 16 << 10;

const LINE_BYTES_MAX: usize = 1 << 10;

#[cfg(feature = "fuzzing")]
mod checks;
#[cfg(feature = "fuzzing")]
pub(crate) use self::checks::{check_frames, check_lines};

#[cfg(test)]
mod tests {
    use super::{Frames, Kind, offset_in, put_offset};

    #[test]
    fn frames_are_read_back_whatever_pieces_they_come_in() {
        let mut bytes = b"+CONTINUE\r\n".to_vec();
        put_offset(&mut bytes, Kind::Ping, 7);
        put_offset(&mut bytes, Kind::Acknowledgement, 1 << 40);
        for piece in 1..bytes.len() {
            let mut frames = Frames::of_primary();
            let (mut line, mut read) = (None, Vec::new());
            for bytes in bytes.chunks(piece) {
                frames.space().extend_from_slice(bytes);
                if line.is_none() {
                    line = frames.next_line().unwrap();
                }
                while line.is_some()
                    && let Some((kind, record)) = frames.next().unwrap()
                {
                    read.push((kind, offset_in(&record).unwrap()));
                }
            }
            assert_eq!(line.as_deref(), Some("+CONTINUE"));
            let expected = [(Kind::Ping, 7), (Kind::Acknowledgement, 1 << 40)];
            assert_eq!(read, expected, "{piece}");
        }
    }

    #[test]
    fn a_damaged_frame_is_an_error() {
        let mut bytes = Vec::new();
        put_offset(&mut bytes, Kind::Ping, 7);
        for place in [0, 5, 9, 16] {
            let mut bytes = bytes.clone();
            bytes[place] ^= 0x10;
            let mut frames = Frames::of_replica(bytes::BytesMut::new());
            frames.space().extend_from_slice(&bytes);
            assert!(frames.next().is_err(), "{place}");
        }
    }

    #[test]
    fn a_replica_cannot_announce_more_than_an_offset() {
        for (len, is_err) in [(8_u32, false), (9, true), (u32::MAX, true)] {
            let header = [&b"A"[..], &len.to_le_bytes(), &[0; 4]].concat();
            let mut frames = Frames::of_replica(header[..].into());
            assert_eq!(frames.next().is_err(), is_err, "{len}");
        }
    }
}
