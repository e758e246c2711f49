//! The content of a file: what a process reads, and what is on the disk.
//!
//! Owns the writes since the last sync, in order, and what of them a loss of power may leave.
//!
//! # Invariants
//! 1. Applying `unsynced` to `durable` gives `cached`, unless a sync has failed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use super::bytes::{Bytes, SECTOR};
use super::loss::{Decide, Question};
use super::unsynced::Written;

/// The content of a file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    cached: Bytes,
    durable: Bytes,
    unsynced: Vec<Change>,
    unsynced_bytes: usize,
}

#[derive(Clone, Debug)]
enum Change {
    Write { offset: u64, bytes: Vec<u8> },
    Resize { len: u64 },
}

/// So much may wait to be synced before the system writes the older half by itself, as Linux does
/// at its `dirty_ratio`.
const UNSYNCED_BYTES_MAX: usize = 64 * 1024 * 1024;
const UNSYNCED_CHANGES_MAX: usize = 8192;

/// In so many parts at most it is asked what is lost, so that a big file does not ask for ever.
const PARTS_MAX: usize = 16;

impl Content {
    pub(crate) fn len(&self) -> u64 {
        self.cached.len()
    }

    pub(crate) fn bytes(&self) -> &Bytes {
        &self.cached
    }

    /// What was written and not synced; `None` if all was.
    pub(super) fn pending(&self) -> Option<Written> {
        if self.unsynced.is_empty() {
            return None;
        }
        let (mut writes, mut sectors) = (0, BTreeSet::new());
        for change in &self.unsynced {
            if let Change::Write { offset, bytes } = change {
                writes += 1;
                sectors.extend(touched_by(*offset, bytes));
            }
        }
        Some(Written {
            writes,
            bytes: self.unsynced_bytes,
            sectors: sectors.len(),
        })
    }

    /// What is on the disk for certain.
    pub(crate) fn durable(&self) -> &Bytes {
        &self.durable
    }

    pub(crate) fn write(&mut self, offset: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.cached.write(offset, bytes);
        self.change(Change::Write {
            offset,
            bytes: bytes.to_vec(),
        });
    }

    pub(crate) fn resize(&mut self, len: u64) {
        if len != self.cached.len() {
            self.cached.resize(len);
            self.change(Change::Resize { len });
        }
    }

    fn change(&mut self, change: Change) {
        self.unsynced_bytes += change.size();
        self.unsynced.push(change);
        if self.unsynced.len() > UNSYNCED_CHANGES_MAX || self.unsynced_bytes > UNSYNCED_BYTES_MAX {
            let older = self.unsynced.len() / 2 + 1;
            for change in self.unsynced.drain(..older) {
                self.unsynced_bytes -= change.size();
                change.apply(&mut self.durable);
            }
        }
    }

    /// Makes everything durable.
    pub(crate) fn sync(&mut self) {
        for change in self.unsynced.drain(..) {
            change.apply(&mut self.durable);
        }
        self.unsynced_bytes = 0;
    }

    /// A sync fails: what it was to keep counts as kept, and is not on the disk.
    pub(crate) fn lose_sync(&mut self) {
        self.unsynced.clear();
        self.unsynced_bytes = 0;
    }

    /// The machine loses power; `decide` says how much.
    pub(crate) fn lose_power(&mut self, decide: &mut dyn Decide) {
        let lost = self.after_loss(decide);
        self.cached.clone_from(&lost);
        self.durable = lost;
        self.unsynced.clear();
        self.unsynced_bytes = 0;
    }

    fn after_loss(&self, decide: &mut dyn Decide) -> Bytes {
        let mut left = self.durable.clone();
        if self.unsynced.is_empty() {
            return left;
        }
        let (lens, touched) = self.versions();
        let touched: Vec<_> = touched.into_iter().collect();
        let part = touched.len().div_ceil(PARTS_MAX).max(1);
        for sectors in touched.chunks(part) {
            let (first, last) = (sectors[0].0, sectors[sectors.len() - 1].0);
            let most = sectors.iter().map(|(_, changes)| changes.len()).max();
            let most = most.unwrap_or(0) as u64;
            let lost = decide.lost(Question::Sectors { first, last }, most) as usize;
            for (sector, changes) in sectors {
                let kept = changes.len() - lost.min(changes.len());
                let mut newest = self.version(*sector, &changes[..kept]);
                if *sector == last && kept > 0 {
                    let torn = decide.torn(last) as usize;
                    let before = self.version(*sector, &changes[..kept - 1]);
                    let old = SECTOR as usize - torn..;
                    newest[old.clone()].copy_from_slice(&before[old]);
                }
                left.set_sector(*sector, &newest);
            }
        }
        let lost = decide.lost(Question::Length, lens.len() as u64 - 1) as usize;
        left.end_at(lens[lens.len() - 1 - lost]);
        left
    }

    /// The lengths it had since it was synced, and the changes that touched each sector.
    fn versions(&self) -> (Vec<u64>, BTreeMap<u64, Vec<usize>>) {
        let mut lens = vec![self.durable.len()];
        let mut len = self.durable.len();
        let mut touched = BTreeMap::<u64, Vec<usize>>::new();
        for (index, change) in self.unsynced.iter().enumerate() {
            match change {
                Change::Write { offset, bytes } => {
                    for sector in touched_by(*offset, bytes) {
                        touched.entry(sector).or_default().push(index);
                    }
                    len = len.max(offset + bytes.len() as u64);
                }
                Change::Resize { len: to } => {
                    if *to < len {
                        let first = to / SECTOR;
                        let mut cut: Vec<_> = self.durable.sectors_from(first).collect();
                        cut.extend(touched.range(first..).map(|(&sector, _)| sector));
                        cut.sort_unstable();
                        cut.dedup();
                        for sector in cut {
                            touched.entry(sector).or_default().push(index);
                        }
                    }
                    len = *to;
                }
            }
            if lens.last() != Some(&len) {
                lens.push(len);
            }
        }
        (lens, touched)
    }

    /// A sector after the changes of these numbers.
    fn version(&self, sector: u64, changes: &[usize]) -> [u8; SECTOR as usize] {
        let mut bytes = self.durable.sector(sector);
        let start = sector * SECTOR;
        for &index in changes {
            match &self.unsynced[index] {
                Change::Write { offset, bytes: new } => {
                    let from = start.max(*offset);
                    let to = (start + SECTOR).min(offset + new.len() as u64);
                    bytes[(from - start) as usize..(to - start) as usize]
                        .copy_from_slice(&new[(from - offset) as usize..(to - offset) as usize]);
                }
                Change::Resize { len } => {
                    let kept = len.saturating_sub(start).min(SECTOR);
                    bytes[kept as usize..].fill(0);
                }
            }
        }
        bytes
    }
}

/// The sectors that a write of `bytes`, of which there are some, goes to.
fn touched_by(offset: u64, bytes: &[u8]) -> RangeInclusive<u64> {
    let last = offset + bytes.len() as u64 - 1;
    offset / SECTOR..=last / SECTOR
}

impl Change {
    fn size(&self) -> usize {
        match self {
            Self::Write { bytes, .. } => bytes.len(),
            Self::Resize { .. } => 0,
        }
    }

    fn apply(&self, bytes: &mut Bytes) {
        match self {
            Self::Write { offset, bytes: new } => bytes.write(*offset, new),
            Self::Resize { len } => bytes.resize(*len),
        }
    }
}
