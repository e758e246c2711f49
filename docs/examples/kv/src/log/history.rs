//! Which past a log has.
//!
//! Owns the names of histories, and when two servers that know one name and a number have the same
//! data. Knows nothing of files and connections.
//!
//! A commit is named by a history and an offset: how many commits there were with it. One server
//! alone, in one life of its process, appends commits under one name: whoever begins to decide for
//! himself (he starts, or is promoted) gives what follows a new name, by a commit that says so. So
//! nothing that was forgotten by a crash can be taken for what another server has at that offset.
//!
//! # Invariants
//! 1. The offsets at which histories were left never fall.

use std::fmt;

use simoom::rand;

/// The name of a history, which nobody else has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct HistoryId([u8; ID_BYTES]);

/// How many commits there were, in all that led to them.
pub(crate) type Offset = u64;

/// The name of what is appended now, and of what that goes on from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct History {
    id: HistoryId,
    /// The histories that this one goes on from, oldest first, and the last offset of each.
    before: Vec<(HistoryId, Offset)>,
}

impl HistoryId {
    /// A new name.
    pub(crate) fn new() -> Self {
        let mut id = [0; ID_BYTES];
        rand::fill(&mut id);
        Self(id)
    }

    /// The name that is written so; `None` if it is none.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        if text.len() != 2 * ID_BYTES || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let mut id = [0; ID_BYTES];
        for (byte, digits) in id.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(Self(id))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl History {
    /// A history that goes on from nothing.
    pub(crate) fn new() -> Self {
        Self {
            id: HistoryId::new(),
            before: Vec::new(),
        }
    }

    pub(crate) fn id(&self) -> HistoryId {
        self.id
    }

    /// The history before this one, and its last offset.
    pub(crate) fn last(&self) -> Option<(HistoryId, Offset)> {
        self.before.last().copied()
    }

    /// What follows on `offset` is of the history `id`.
    pub(crate) fn fork(&mut self, id: HistoryId, offset: Offset) {
        debug_assert!(
            self.last().is_none_or(|(_, last)| last <= offset),
            "invariant 1: a history is left after the one before"
        );
        self.before.push((self.id, offset));
        self.id = id;
        // Whoever has been away for longer copies everything.
        let surplus = self.before.len().saturating_sub(BEFORE_MAX);
        self.before.drain(..surplus);
    }

    /// Whether one who has `offset` commits, the last of them in `id`, has what we had then.
    pub(crate) fn holds(&self, id: HistoryId, offset: Offset) -> bool {
        let before = self.before.iter();
        id == self.id
            || before
                .rev()
                .any(|&(other, last)| other == id && offset <= last)
    }

    /// The history as it was at `offset`.
    pub(crate) fn at(&self, offset: Offset) -> Self {
        let left = self.before.iter().position(|&(_, last)| offset <= last);
        match left {
            None => self.clone(),
            Some(index) => Self {
                id: self.before[index].0,
                before: self.before[..index].to_vec(),
            },
        }
    }

    /// Appends it to `out`.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.id.as_bytes());
        for (id, last) in &self.before {
            out.extend_from_slice(id.as_bytes());
            out.extend_from_slice(&last.to_le_bytes());
        }
    }

    /// The history that was encoded so; `None` if it is none.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (id, before) = bytes.split_at_checked(ID_BYTES)?;
        let before = before.chunks(ID_BYTES + 8).map(|one| {
            let (id, last) = one.split_at_checked(ID_BYTES)?;
            let last = last.try_into().ok().map(u64::from_le_bytes)?;
            Some((HistoryId::from_bytes(id)?, last))
        });
        Some(Self {
            id: HistoryId::from_bytes(id)?,
            before: before.collect::<Option<_>>()?,
        })
    }
}

impl fmt::Display for HistoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for HistoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

const ID_BYTES: usize = 20;

/// How many histories are remembered.
const BEFORE_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::{History, HistoryId};

    fn id(byte: u8) -> HistoryId {
        HistoryId([byte; 20])
    }

    /// One history up to 5, another up to 5 as well, a third up to 9, and the fourth.
    fn history() -> History {
        let mut history = History {
            id: id(1),
            before: Vec::new(),
        };
        history.fork(id(2), 5);
        history.fork(id(3), 5);
        history.fork(id(4), 9);
        history
    }

    #[test]
    fn what_came_after_a_history_was_left_is_not_ours() {
        let history = history();
        for (of, offset, holds) in [
            (1, 0, true),
            (1, 5, true),
            (1, 6, false),
            (2, 5, true),
            (2, 6, false),
            (3, 9, true),
            (3, 10, false),
            (4, 10, true),
            (5, 0, false),
        ] {
            assert_eq!(history.holds(id(of), offset), holds, "{of} at {offset}");
        }
    }

    #[test]
    fn a_history_is_known_as_it_was() {
        let history = history();
        assert_eq!(history.at(10), history);
        let before = history.at(9);
        assert_eq!((before.id(), before.last()), (id(3), Some((id(2), 5))));
        assert_eq!(history.at(5).id(), id(1));
        assert_eq!(history.at(5).last(), None);
    }

    #[test]
    fn a_history_is_read_back() {
        let history = history();
        let mut bytes = Vec::new();
        history.encode(&mut bytes);
        assert_eq!(History::decode(&bytes), Some(history));
        for len in (0..bytes.len()).filter(|len| len % 28 != 20) {
            assert_eq!(History::decode(&bytes[..len]), None, "{len}");
        }
    }

    #[test]
    fn what_is_too_old_is_forgotten() {
        let mut history = history();
        for round in 0..64 {
            history.fork(id(5 + round), 10 + u64::from(round));
        }
        assert!(!history.holds(id(3), 9));
        assert!(history.holds(id(4), 10));
    }

    #[test]
    fn a_name_is_read_as_it_is_written() {
        let name = id(0xa7);
        assert_eq!(HistoryId::parse(name.to_string().as_bytes()), Some(name));
        for text in ["", "a7", "?", &"g".repeat(40), &"a".repeat(41)] {
            assert_eq!(HistoryId::parse(text.as_bytes()), None, "{text}");
        }
    }
}
