//! The bytes between a file and its user.

use std::io::IoSlice;

use crate::io::ReadBuf;

/// Bytes that were read and not asked for yet, or room for such.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    start: usize,
}

impl Buffer {
    /// What an operation left behind.
    pub(super) fn holding(bytes: Vec<u8>) -> Self {
        Self { bytes, start: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.start == self.bytes.len()
    }

    /// Moves as much to `target` as it has room for.
    pub(super) fn move_to(&mut self, target: &mut ReadBuf<'_>) {
        let count = target.remaining().min(self.bytes.len() - self.start);
        target.put_slice(&self.bytes[self.start..self.start + count]);
        self.start += count;
        if self.is_empty() {
            self.clear();
        }
    }

    /// Forgets what was read; how far the cursor has to go back for it, as a negative number.
    pub(super) fn give_back(&mut self) -> i64 {
        let back = -((self.bytes.len() - self.start) as i64);
        self.clear();
        back
    }

    /// The room, empty.
    pub(super) fn take_room(&mut self) -> Vec<u8> {
        debug_assert!(self.is_empty(), "bytes that were read get lost");
        self.clear();
        std::mem::take(&mut self.bytes)
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.start = 0;
    }
}

/// Copies at most `most` bytes of `parts` into `room`.
pub(super) fn gather(mut room: Vec<u8>, parts: &[IoSlice<'_>], most: usize) -> Vec<u8> {
    for part in parts {
        let left = most - room.len();
        room.extend_from_slice(&part[..part.len().min(left)]);
    }
    room
}
