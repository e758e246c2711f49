//! Two runs of one seed, compared while the second one happens.
//!
//! Owns what is kept of the first run, and how the second one finds the first event in which it
//! differs. Knows nothing of who makes the two runs, or in which process.
//!
//! # Invariants
//! 1. Of a run, the `WINDOW` events after the first `from` are kept whole, and of all others the
//!    record's hash after every `STRIDE`: the memory does not grow with the run, but for eight
//!    bytes for each `STRIDE` events.
//! 2. Keeping and following never change the hash.

use std::collections::BTreeMap;
use std::panic::Location;
use std::sync::Arc;

use super::{Event, EventKind};
use crate::choice::{ChoiceKind, Point};

/// What a run is watched for.
#[derive(Clone, Debug, Default)]
pub(crate) enum Watch {
    /// Nothing.
    #[default]
    Nothing,
    /// Keeping a trail, whole after its first `from` events.
    Keep { from: u64 },
    /// Being another run than the one that left the trail; `stops` at the first difference.
    Follow { trail: Arc<Trail>, stops: bool },
}

/// How many events are kept whole.
pub(crate) const WINDOW: u64 = 1 << 16;

/// How many events lie between two marks.
pub(crate) const STRIDE: u64 = 1 << 16;

/// An event as numbers.
type Row = [u64; 6];

/// What a run left for another to be compared with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trail {
    from: u64,
    rows: Vec<Row>,
    marks: Vec<u64>,
    count: u64,
    hash: u128,
}

impl Trail {
    /// The trail as bytes, for another process.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let (high, low) = ((self.hash >> 64) as u64, self.hash as u64);
        let head = [self.from, self.count, high, low];
        let lengths = [self.rows.len() as u64, self.marks.len() as u64];
        let rows = self.rows.iter().flatten();
        let words = head.iter().chain(&lengths).chain(rows).chain(&self.marks);
        words.flat_map(|word| word.to_le_bytes()).collect()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut chunks = bytes.chunks_exact(8);
        let mut word = || {
            let chunk = chunks.next()?.try_into().ok()?;
            Some(u64::from_le_bytes(chunk))
        };
        let (from, count) = (word()?, word()?);
        let hash = (u128::from(word()?) << 64) | u128::from(word()?);
        let (rows_len, marks_len) = (word()?, word()?);
        let mut rows = Vec::new();
        for _ in 0..rows_len {
            let mut row = Row::default();
            for field in &mut row {
                *field = word()?;
            }
            rows.push(row);
        }
        let marks = (0..marks_len).map(|_| word()).collect::<Option<_>>()?;
        Some(Self {
            from,
            rows,
            marks,
            count,
            hash,
        })
    }
}

/// What is behind an event, for people.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Detail {
    Choice {
        kind: ChoiceKind,
        point: Point,
        site: Option<&'static Location<'static>>,
    },
    Operation {
        name: &'static str,
        site: &'static Location<'static>,
    },
}

/// Where a run began to differ from the one it followed.
#[derive(Clone, Debug)]
pub(crate) struct Parted {
    /// How many events are known to agree.
    pub(crate) agreed: u64,
    /// Whether the next one is known to differ; else a later one does.
    pub(crate) is_exact: bool,
    /// What happened next in this run; `None` if it had ended.
    pub(crate) event: Option<Event>,
    pub(crate) detail: Option<Detail>,
    /// The last event that was the same.
    pub(crate) before: Option<(Event, Option<Detail>)>,
}

/// Looks at a record as it grows.
#[derive(Debug)]
pub(super) enum Watcher {
    Nothing,
    Keeper(Keeper),
    Follower(Box<Follower>),
}

impl Watcher {
    pub(super) fn of(watch: &Watch) -> Self {
        match watch {
            Watch::Nothing => Self::Nothing,
            Watch::Keep { from } => Self::Keeper(Keeper {
                trail: Trail {
                    from: *from,
                    ..Trail::default()
                },
                kinds: Vec::new(),
                detail: BTreeMap::new(),
                coming: None,
            }),
            Watch::Follow { trail, stops } => Self::Follower(Box::new(Follower {
                trail: trail.clone(),
                stops: *stops,
                coming: None,
                last: None,
                parted: None,
            })),
        }
    }

    pub(super) fn explain(&mut self, detail: Detail) {
        match self {
            Self::Nothing => {}
            Self::Keeper(keeper) => keeper.coming = Some(detail),
            Self::Follower(follower) => follower.coming = Some(detail),
        }
    }

    /// Takes the `number`-th event, counted from 1, after which the record hashes to `mark`.
    pub(super) fn see(&mut self, number: u64, event: &Event, mark: u64) {
        match self {
            Self::Nothing => {}
            Self::Keeper(keeper) => keeper.see(number, event, mark),
            Self::Follower(follower) => follower.see(number, event, mark),
        }
    }
}

/// Keeps a trail and what is needed to tell of its events.
#[derive(Debug)]
pub(super) struct Keeper {
    trail: Trail,
    kinds: Vec<EventKind>,
    detail: BTreeMap<u64, Detail>,
    coming: Option<Detail>,
}

impl Keeper {
    fn see(&mut self, number: u64, event: &Event, mark: u64) {
        let detail = self.coming.take();
        let trail = &mut self.trail;
        if (trail.from + 1..=trail.from + WINDOW).contains(&number) {
            trail.rows.push(row(event));
            self.kinds.push(event.kind);
            if let Some(detail) = detail {
                self.detail.insert(number, detail);
            }
        }
        if number.is_multiple_of(STRIDE) {
            trail.marks.push(mark);
        }
    }

    /// The trail of a record of `count` events that hashes to `hash`.
    pub(super) fn into_kept(mut self, count: u64, hash: u128) -> Kept {
        self.trail.count = count;
        self.trail.hash = hash;
        Kept {
            trail: Arc::new(self.trail),
            kinds: self.kinds,
            detail: self.detail,
        }
    }
}

/// What was kept of a run.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) trail: Arc<Trail>,
    kinds: Vec<EventKind>,
    detail: BTreeMap<u64, Detail>,
}

impl Kept {
    /// How many events the run had.
    pub(crate) fn count(&self) -> u64 {
        self.trail.count
    }

    /// The `number`-th event, counted from 1, if it was kept.
    pub(crate) fn event(&self, number: u64) -> Option<(Event, Option<Detail>)> {
        let index = number.checked_sub(self.trail.from + 1)? as usize;
        let (row, kind) = (self.trail.rows.get(index)?, *self.kinds.get(index)?);
        Some((event(*row, kind), self.detail.get(&number).copied()))
    }
}

/// Compares a record with a trail.
#[derive(Debug)]
pub(super) struct Follower {
    trail: Arc<Trail>,
    stops: bool,
    coming: Option<Detail>,
    last: Option<(Event, Option<Detail>)>,
    parted: Option<Parted>,
}

impl Follower {
    fn see(&mut self, number: u64, event: &Event, mark: u64) {
        let detail = self.coming.take();
        if self.parted.is_some() {
            return;
        }
        let from = self.trail.from;
        let kept = number
            .checked_sub(from + 1)
            .and_then(|index| self.trail.rows.get(index as usize));
        let (is_same, is_exact) = match kept {
            Some(kept) => (*kept == row(event), true),
            None if number > self.trail.count => (false, self.is_whole()),
            None if number.is_multiple_of(STRIDE) => {
                let marked = self.trail.marks.get((number / STRIDE - 1) as usize);
                (marked == Some(&mark), false)
            }
            None => (true, false),
        };
        if is_same {
            self.last = Some((*event, detail));
            return;
        }
        let agreed = if is_exact {
            number - 1
        } else {
            self.certain(number - 1)
        };
        self.part(agreed, is_exact, Some((*event, detail)));
    }

    /// Whether every event of the first run was kept.
    fn is_whole(&self) -> bool {
        self.trail.rows.len() as u64 == self.trail.count
    }

    /// How many of the first `count` events are known to agree.
    fn certain(&self, count: u64) -> u64 {
        let marked = count / STRIDE * STRIDE;
        let window = self.trail.from + self.trail.rows.len() as u64;
        // What lies before a window that does not begin at the start is known by its marks only.
        if self.trail.from <= marked && window <= count {
            marked.max(window)
        } else {
            marked
        }
    }

    fn part(&mut self, agreed: u64, is_exact: bool, next: Option<(Event, Option<Detail>)>) {
        let (event, detail) = match next {
            Some((event, detail)) => (Some(event), detail),
            None => (None, None),
        };
        self.parted = Some(Parted {
            agreed,
            is_exact,
            event,
            detail,
            before: self.last.filter(|_| is_exact),
        });
    }

    /// Whether the run is to end because it is another.
    pub(super) fn wants_end(&self) -> bool {
        self.stops && self.parted.is_some()
    }

    /// Where the record, which came to `count` events and `hash`, differed from the trail.
    pub(super) fn into_parted(mut self, count: u64, hash: u128) -> Option<Parted> {
        if self.parted.is_none() {
            let is_whole = self.is_whole();
            if count != self.trail.count {
                let agreed = if is_whole { count } else { self.certain(count) };
                self.part(agreed, is_whole, None);
            } else if hash != self.trail.hash {
                let agreed = self.certain(count);
                self.part(agreed, false, None);
            }
        }
        self.parted
    }
}

fn row(event: &Event) -> Row {
    let Event {
        time_ns,
        kind,
        node,
        task,
        one,
        two,
        cause,
    } = *event;
    let head = (u64::from(kind as u8) << 16) | u64::from(node);
    [time_ns as u64, head, task, one, two, cause]
}

fn event(row: Row, kind: EventKind) -> Event {
    let [time_ns, head, task, one, two, cause] = row;
    Event {
        time_ns: time_ns as i64,
        kind,
        node: head as u16,
        task,
        one,
        two,
        cause,
    }
}

#[cfg(test)]
mod tests;
