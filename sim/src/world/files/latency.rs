//! How long operations take.

use simoom::backend::OpKind;

/// The least and the most that operations take, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Latency {
    /// What needs no disk: asking, moving the cursor.
    pub(crate) look: (u64, u64),
    /// Reading, writing, opening, changing a directory.
    pub(crate) access: (u64, u64),
    /// Waiting until something is on the disk.
    pub(crate) sync: (u64, u64),
}

impl Default for Latency {
    /// A local solid-state disk: reading and writing take 20 us, at times a millisecond; a sync
    /// 1 ms to 15 ms, as FoundationDB's simulator has it (5 ms and a jitter of 10 ms).
    fn default() -> Self {
        Self {
            look: (2_000, 50_000),
            access: (20_000, 1_000_000),
            sync: (1_000_000, 15_000_000),
        }
    }
}

impl Latency {
    pub(super) fn of(&self, kind: OpKind) -> (u64, u64) {
        match kind {
            OpKind::Sync => self.sync,
            OpKind::Stat => self.look,
            _ => self.access,
        }
    }
}
