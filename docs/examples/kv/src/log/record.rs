//! Records, one after the other: a length, a checksum, and the changes of one commit.
//!
//! Owns where a record ends, and whether it is whole. Knows nothing of files.
//!
//! ```text
//! MAGIC  | len: u32 | crc: u32 | changes: len bytes |  len …
//! ```

use crc32fast::Hasher;

/// What a log begins with: its kind and the version of its form.
pub(crate) const MAGIC: &[u8; 8] = b"kv-log 1";

/// How many bytes a record has beside its changes.
pub(crate) const HEADER_BYTES: usize = 8;

/// Appends a record of `changes` to `out`.
pub(crate) fn append(out: &mut Vec<u8>, changes: &[u8]) {
    let len = u32::try_from(changes.len()).expect("a commit is at most 4 GiB");
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&checksum(len, changes).to_le_bytes());
    out.extend_from_slice(changes);
}

/// The length is covered, too: a zeroed block is no row of empty records.
fn checksum(len: u32, changes: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&len.to_le_bytes());
    hasher.update(changes);
    hasher.finalize()
}

/// The records of a log, up to the first that is not whole.
pub(super) struct Records<'a> {
    rest: &'a [u8],
    read: usize,
}

impl<'a> Records<'a> {
    /// `None` if `log` does not begin as one.
    pub(super) fn of(log: &'a [u8]) -> Option<Self> {
        let rest = log.strip_prefix(MAGIC)?;
        let read = MAGIC.len();
        Some(Self { rest, read })
    }

    /// How many bytes the whole records take, with what comes before them.
    pub(super) fn read(&self) -> usize {
        self.read
    }

    /// Whether there may be a whole record after the first that is not.
    ///
    /// It is looked for everywhere: the length of the broken one tells nothing. Looking for longer
    /// than what is left is worth counts as having found one.
    pub(super) fn may_go_on(&self) -> bool {
        let mut hashed = 0;
        (1..self.rest.len()).any(|at| {
            let rest = &self.rest[at..];
            let Some(header) = rest.first_chunk().map(|&it| u32::from_le_bytes(it)) else {
                return false;
            };
            let len = header as usize;
            if len == 0 || rest.len() < HEADER_BYTES + len {
                return false;
            }
            hashed += len;
            hashed > self.rest.len().saturating_mul(HASHED_MAX) || whole(rest).is_some()
        })
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (changes, rest) = whole(self.rest)?;
        self.rest = rest;
        self.read += HEADER_BYTES + changes.len();
        Some(changes)
    }
}

/// The records of `log` that are whole, and how many bytes they take; `None` if it is no log.
#[cfg(feature = "fuzzing")]
pub(crate) fn read_log(log: &[u8]) -> Option<(Vec<Vec<u8>>, usize)> {
    let mut records = Records::of(log)?;
    let whole = records.by_ref().map(<[u8]>::to_vec).collect();
    let _ = records.may_go_on();
    Some((whole, records.read()))
}

/// The changes of `record`; `None` if it is not a whole one.
pub(crate) fn record_of(record: &[u8]) -> Option<&[u8]> {
    whole(record).and_then(|(changes, rest)| rest.is_empty().then_some(changes))
}

/// The changes of the record that `bytes` begin with, and what follows it; `None` if it is not
/// whole.
fn whole(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (header, rest) = bytes.split_at_checked(HEADER_BYTES)?;
    let (len, crc) = header.split_at(4);
    let number = |bytes: &[u8]| bytes.try_into().map_or(0, u32::from_le_bytes);
    let (len, crc) = (number(len), number(crc));
    let (changes, rest) = rest.split_at_checked(len as usize)?;
    // A record of nothing is not written: zeroes are what a file that grew may hold.
    (len != 0 && checksum(len, changes) == crc).then_some((changes, rest))
}

/// How many bytes are looked at for each that is left, in search of a whole record.
const HASHED_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::{MAGIC, Records, append};

    fn log() -> Vec<u8> {
        let mut log = MAGIC.to_vec();
        for changes in ["first", "second", "3"] {
            append(&mut log, changes.as_bytes());
        }
        log
    }

    fn whole(log: &[u8]) -> (Vec<&[u8]>, usize) {
        let mut records = Records::of(log).unwrap();
        let all = records.by_ref().collect();
        (all, records.read())
    }

    #[test]
    fn records_are_read_back() {
        let log = log();
        let (records, read) = whole(&log);
        assert_eq!(records, [&b"first"[..], b"second", b"3"]);
        assert_eq!(read, log.len());
    }

    #[test]
    fn reading_stops_before_the_first_record_that_is_torn() {
        let log = log();
        let ends = [8, 8 + 13, 8 + 13 + 14, log.len()];
        for len in 8..log.len() {
            let (records, read) = whole(&log[..len]);
            let expected = ends.iter().filter(|&&end| end <= len).count() - 1;
            assert_eq!((records.len(), read), (expected, ends[expected]), "{len}");
        }
    }

    #[test]
    fn reading_stops_before_the_first_record_that_is_damaged() {
        let whole_log = log();
        for byte in 8..whole_log.len() {
            let mut log = log();
            log[byte] ^= 0x10;
            let (records, read) = whole(&log);
            let expected = [21, 35, 44].iter().filter(|&&end| end <= byte).count();
            assert_eq!(records.len(), expected, "{byte}");
            assert!(read <= byte);
        }
        for zeroes in 1..40 {
            let mut log = log();
            log.resize(whole_log.len() + zeroes, 0);
            assert_eq!(whole(&log).1, whole_log.len());
        }
    }

    #[test]
    fn a_record_after_a_broken_one_is_found() {
        let goes_on = |log: &[u8]| {
            let mut records = Records::of(log).unwrap();
            records.by_ref().for_each(drop);
            records.may_go_on()
        };
        let whole_log = log();
        assert!(!goes_on(&whole_log));
        for byte in 8..whole_log.len() {
            let mut log = log();
            log[byte] ^= 0x10;
            // Behind the last record there is none.
            assert_eq!(goes_on(&log), byte < 8 + 13 + 14, "{byte}");
            assert!(!goes_on(&whole_log[..byte]), "{byte}");
        }
        let zeroes = [&whole_log[..], &[0; 100_000]].concat();
        assert!(!goes_on(&zeroes));
        // Each byte could be the start of a record that takes the rest of it.
        let doubtful = [MAGIC, &[0, 0, 1, 0].repeat(1 << 17)[..]].concat();
        assert!(goes_on(&doubtful));
    }

    #[test]
    fn something_else_is_no_log() {
        assert!(Records::of(b"").is_none());
        assert!(Records::of(b"kv-log 2").is_none());
    }
}
