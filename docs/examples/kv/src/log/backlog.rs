//! The last commits, for those who follow.
//!
//! Owns which commits are still there. Knows nothing of who wants them.
//!
//! # Invariants
//! 1. The records are those up to the last position, without a gap.
//! 2. They take at most `bytes_max` bytes, or there is one alone, or somebody needs the oldest.
//! 3. Even then they take at most `needed_bytes_max` bytes.

use std::collections::VecDeque;

use bytes::Bytes;

use super::state::Position;

/// The last commits of a log, each as a record.
#[derive(Debug)]
pub(super) struct Backlog {
    records: VecDeque<Bytes>,
    /// The position after the last record.
    end: Position,
    bytes: usize,
    bytes_max: usize,
    needed_bytes_max: usize,
}

impl Backlog {
    /// None yet; the next one leads to `end + 1`.
    pub(super) fn new(end: Position, bytes_max: usize) -> Self {
        Self {
            records: VecDeque::new(),
            end,
            bytes: 0,
            bytes_max,
            needed_bytes_max: bytes_max.max(NEEDED_BYTES_MAX),
        }
    }

    /// Appends a record. It may be one too many until the backlog is [cut](Self::cut).
    pub(super) fn push(&mut self, record: Bytes) {
        self.bytes += record.len();
        self.records.push_back(record);
        self.end += 1;
    }

    /// Forgets the oldest records as long as there are too many. Those after `needed` stay unless
    /// there are far too many.
    pub(super) fn cut(&mut self, needed: Position) {
        while self.records.len() > 1 {
            let is_needed = self.start() >= needed;
            let bytes_max = if is_needed {
                self.needed_bytes_max
            } else {
                self.bytes_max
            };
            if self.bytes <= bytes_max {
                return;
            }
            let oldest = self.records.pop_front();
            self.bytes -= oldest.map_or(0, |record| record.len());
        }
    }

    /// Forgets all; the next one leads to `end + 1`.
    pub(super) fn restart(&mut self, end: Position) {
        *self = Self::new(end, self.bytes_max);
    }

    /// How many bytes there are.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many bytes it may take.
    pub(super) fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// The position before the oldest record.
    pub(super) fn start(&self) -> Position {
        self.end - self.records.len() as u64
    }

    /// The records after `position`, oldest first; `None` if they are not all there.
    pub(super) fn after(&self, position: Position) -> Option<impl Iterator<Item = &Bytes>> {
        let skipped = position.checked_sub(self.start())?;
        let skipped = usize::try_from(skipped).ok()?;
        (skipped <= self.records.len()).then(|| self.records.range(skipped..))
    }

    /// How many bytes come after `position`; all there are if some of them are not there.
    pub(super) fn bytes_after(&self, position: Position) -> usize {
        match self.after(position) {
            Some(records) => records.map(Bytes::len).sum(),
            None => self.bytes,
        }
    }
}

/// How many bytes are held for those who are connected and need them: as many as a replica of Redis
/// may lack before it is cut off.
const NEEDED_BYTES_MAX: usize = 256 << 20;

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::Backlog;

    /// Appends a record that nobody needs.
    fn push(backlog: &mut Backlog, record: &'static str) {
        backlog.push(Bytes::from_static(record.as_bytes()));
        backlog.cut(u64::MAX);
    }

    fn after(backlog: &Backlog, position: u64) -> Option<Vec<&[u8]>> {
        Some(backlog.after(position)?.map(|record| &record[..]).collect())
    }

    #[test]
    fn the_last_commits_are_there_and_older_ones_are_told_apart() {
        let mut backlog = Backlog::new(7, 6);
        assert_eq!(after(&backlog, 7), Some(vec![]));
        assert_eq!(after(&backlog, 6), None);
        assert_eq!(after(&backlog, 8), None);
        for record in ["aa", "bb", "cc", "dd"] {
            push(&mut backlog, record);
        }
        assert_eq!(after(&backlog, 7), None);
        let all = vec![&b"bb"[..], b"cc", b"dd"];
        assert_eq!(after(&backlog, 8), Some(all));
        assert_eq!(after(&backlog, 10), Some(vec![&b"dd"[..]]));
        assert_eq!(after(&backlog, 11), Some(vec![]));
        assert_eq!((backlog.bytes_after(9), backlog.bytes_after(0)), (4, 6));
    }

    #[test]
    fn a_commit_that_is_too_large_is_there_alone() {
        let mut backlog = Backlog::new(0, 6);
        push(&mut backlog, "aa");
        push(&mut backlog, "larger than that");
        assert_eq!(backlog.start(), 1);
        push(&mut backlog, "b");
        assert_eq!(after(&backlog, 2), Some(vec![&b"b"[..]]));
    }

    #[test]
    fn what_somebody_needs_stays_up_to_a_limit() {
        let mut backlog = Backlog::new(0, 3);
        backlog.needed_bytes_max = 8;
        for _ in 0..4 {
            backlog.push(Bytes::from_static(b"aa"));
            backlog.cut(1);
        }
        assert_eq!((backlog.start(), backlog.bytes()), (1, 6));
        backlog.push(Bytes::from_static(b"aaaa"));
        backlog.cut(1);
        assert_eq!((backlog.start(), backlog.bytes()), (2, 8));
        // Nobody needs it any more.
        backlog.cut(u64::MAX);
        assert_eq!((backlog.start(), backlog.bytes()), (4, 4));
    }
}
