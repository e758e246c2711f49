//! How likely the failure is, against how much of the failing run is kept.
//!
//! Owns which amounts are tried. Sees counts of runs that failed, nothing else: who makes the runs is
//! the explainer's business.
//!
//! Nothing is kept, then all up to the choices that differ from calm, and up to right after them: the
//! failure is mostly decided at one of these. Where it is not, the largest jump is narrowed down by
//! halves; where it always fails with nothing kept, there is none (after the moments of Antithesis,
//! and the causality analysis of Alperen Keles).

/// How many runs are made for one amount.
pub(super) const RUNS: u32 = 32;

/// How much is kept, and how many of [`RUNS`] runs fail then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level {
    /// How many choices are the failing run's.
    pub(super) kept: u64,
    pub(super) failed: u32,
}

/// The levels that were tried, in order; the last is the failing run itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Curve {
    pub(super) levels: Vec<Level>,
    /// Nothing ended it before its time.
    pub(super) is_whole: bool,
}

/// What a curve says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// It fails whatever comes after the start.
    Always,
    /// It becomes much more likely between two levels.
    Jump { before: Level, after: Level },
}

/// The most changes that are looked at, the last ones.
const CHANGES_MAX: usize = 5;

/// How often the largest jump is halved.
const HALVED_MAX: usize = 14;

/// The curve of a run of `total` choices, of which those with the numbers `changes` (from 0, in
/// order) differ from calm. `failed` says how many runs fail that keep so many choices, or nothing if
/// no more runs may be made.
pub(super) fn curve(
    total: u64,
    changes: &[u64],
    mut failed: impl FnMut(u64) -> Option<u32>,
) -> Curve {
    let mut levels = vec![Level {
        kept: total,
        failed: RUNS,
    }];
    let around = changes.iter().rev().take(CHANGES_MAX);
    let around = around.flat_map(|&change| [change + 1, change]);
    for kept in [0].into_iter().chain(around) {
        if !try_level(&mut levels, kept, &mut failed) {
            return Curve {
                levels,
                is_whole: false,
            };
        }
        if is_inevitable(&levels) {
            break;
        }
    }
    for _ in 0..HALVED_MAX {
        let Some((before, after)) = largest(&levels) else {
            break;
        };
        let between = before.kept + (after.kept - before.kept) / 2;
        if between == before.kept {
            break;
        }
        if !try_level(&mut levels, between, &mut failed) {
            return Curve {
                levels,
                is_whole: false,
            };
        }
    }
    Curve {
        levels,
        is_whole: true,
    }
}

/// Whether it always fails with nothing kept: then there is no moment to look for.
fn is_inevitable(levels: &[Level]) -> bool {
    let first = levels.first();
    first.is_some_and(|first| (first.kept, first.failed) == (0, RUNS))
}

/// Adds the level at `kept`, if it is not there; false if no more runs may be made.
fn try_level(
    levels: &mut Vec<Level>,
    kept: u64,
    failed: &mut impl FnMut(u64) -> Option<u32>,
) -> bool {
    let Err(place) = levels.binary_search_by_key(&kept, |level| level.kept) else {
        return true;
    };
    match failed(kept) {
        Some(failed) => levels.insert(place, Level { kept, failed }),
        None => return false,
    }
    true
}

/// The neighbours between which the failure becomes more likely by most, the last of them.
fn largest(levels: &[Level]) -> Option<(Level, Level)> {
    let pairs = levels.windows(2).map(|pair| (pair[0], pair[1]));
    let rising = pairs.filter(|(before, after)| after.failed > before.failed);
    rising.max_by_key(|(before, after)| after.failed - before.failed)
}

impl Curve {
    /// What it says; nothing if there is no level but the failing run.
    pub(super) fn shape(&self) -> Option<Shape> {
        // A run without any choice is its own only level.
        if is_inevitable(&self.levels) {
            return Some(Shape::Always);
        }
        largest(&self.levels).map(|(before, after)| Shape::Jump { before, after })
    }
}
