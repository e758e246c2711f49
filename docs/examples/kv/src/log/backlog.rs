//! The last commits, for those who follow.
//!
//! Owns which commits are still there. Knows nothing of who wants them.
//!
//! # Invariants
//! 1. The records are those up to the last position, without a gap.
//! 2. They take at most `bytes_max` bytes, or there is one alone.

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
}

impl Backlog {
    /// None yet; the next one leads to `end + 1`.
    pub(super) fn new(end: Position, bytes_max: usize) -> Self {
        Self {
            records: VecDeque::new(),
            end,
            bytes: 0,
            bytes_max,
        }
    }

    pub(super) fn push(&mut self, record: Bytes) {
        self.bytes += record.len();
        self.records.push_back(record);
        self.end += 1;
        while self.bytes > self.bytes_max && self.records.len() > 1 {
            let oldest = self.records.pop_front();
            self.bytes -= oldest.map_or(0, |record| record.len());
        }
    }

    /// Forgets all; the next one leads to `end + 1`.
    pub(super) fn restart(&mut self, end: Position) {
        *self = Self::new(end, self.bytes_max);
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::Backlog;

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
            backlog.push(Bytes::from_static(record.as_bytes()));
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
        backlog.push(Bytes::from_static(b"aa"));
        backlog.push(Bytes::from_static(b"larger than that"));
        assert_eq!(backlog.start(), 1);
        backlog.push(Bytes::from_static(b"b"));
        assert_eq!(after(&backlog, 2), Some(vec![&b"b"[..]]));
    }
}
