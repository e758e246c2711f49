//! Smaller and rounder sizes: of delays, of what reads leave out, of faults.
//!
//! A size is made the least there is, or the least round one that still fails, found by bisection,
//! or is cut off after its first digits. Times are round by their first digit, bytes as powers of
//! two.

use super::search::Search;
use crate::choice::{ChoiceKind, Deviation};

/// Lowers every size that is left.
pub(super) fn lower(search: &mut Search<'_>) {
    for index in 0..search.choices().len() {
        lower_one(search, index);
    }
}

/// Makes one of two delays, or short transfers, that is as much as both, each with the next of its
/// kind: what takes a certain time is no matter of who takes it.
///
/// What is more than there can be at a place is the most there.
pub(super) fn put_together(search: &mut Search<'_>) {
    search.walk(|choices, place| {
        let mut pairs = Vec::new();
        for kind in [ChoiceKind::Delay, ChoiceKind::Stall, ChoiceKind::Short] {
            let indexes = (0..choices.len()).filter(|&index| choices[index].anchor.kind == kind);
            let indexes: Vec<_> = indexes.take(TOGETHER_MAX).collect();
            let neighbours = indexes.windows(2).map(|pair| (pair[0], pair[1]));
            pairs.extend(neighbours.flat_map(|(one, two)| [(one, two), (two, one)]));
        }
        let &(left, gone) = pairs.get(place)?;
        let mut rest = choices.to_vec();
        let numbers = choices[left].number().zip(choices[gone].number());
        if let Some((one, two)) = numbers {
            rest[left].value = one.saturating_add(two).to_string();
        }
        rest.remove(gone);
        Some((rest, place + 1))
    });
}

/// Of how many of a kind, at most, two are made one.
const TOGETHER_MAX: usize = 6;

fn lower_one(search: &mut Search<'_>, index: usize) {
    let Some(it) = search.choices().get(index) else {
        return;
    };
    let scale = Scale::of(it);
    let (Some(scale), Some(value)) = (scale, it.number()) else {
        return;
    };
    let steps = scale.below(value);
    // Before `too_small`, nothing fails; at `enough`, it does.
    let (mut too_small, mut enough) = (0, steps.len());
    if let Some(&least) = steps.first() {
        if resize(search, index, least) {
            return;
        }
        too_small = 1;
    }
    while too_small < enough && !search.is_spent() {
        let middle = usize::midpoint(too_small, enough);
        if resize(search, index, steps[middle]) {
            enough = middle;
        } else {
            too_small = middle + 1;
        }
    }
    if enough == steps.len() {
        for digits in [1, 2] {
            if resize(search, index, cut(value, digits)) {
                return;
            }
        }
    }
}

/// Tries the choice at `index` with another size.
fn resize(search: &mut Search<'_>, index: usize, value: u64) -> bool {
    let Some(it) = search.choices().get(index) else {
        return false;
    };
    if it.number().is_none_or(|former| value >= former) {
        return false;
    }
    let mut candidate = search.choices().to_vec();
    candidate[index].value = value.to_string();
    search.attempt(candidate)
}

/// What sizes are round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    /// In nanoseconds.
    Time,
    Count,
}

impl Scale {
    fn of(it: &Deviation) -> Option<Self> {
        match it.anchor.kind {
            ChoiceKind::Delay | ChoiceKind::Stall => Some(Self::Time),
            // Cancelled as it waits is less than woken and cancelled.
            ChoiceKind::Short | ChoiceKind::Cancel => Some(Self::Count),
            ChoiceKind::Fault => match it.anchor.operation.parse().map(simoom_faults::Kind::unit) {
                Ok(simoom_faults::Unit::Nanoseconds) => Some(Self::Time),
                _ => Some(Self::Count),
            },
            ChoiceKind::Sched | ChoiceKind::Pick | ChoiceKind::Work | ChoiceKind::Entropy => None,
        }
    }

    /// The round sizes below `value`, rising.
    fn below(self, value: u64) -> Vec<u64> {
        let first = match self {
            // Nobody tells shorter times apart.
            Self::Time => 1_000,
            Self::Count => 1,
        };
        let mut steps = Vec::new();
        let mut step = Some(first);
        while let Some(size) = step.filter(|&size| size < value) {
            steps.push(size);
            step = match (self, leading(size)) {
                (Self::Time, 2) => (size / 2).checked_mul(5),
                _ => size.checked_mul(2),
            };
        }
        steps
    }
}

/// The first digit.
fn leading(mut value: u64) -> u64 {
    while value >= 10 {
        value /= 10;
    }
    value
}

/// `value` with zeros after its first `digits`.
fn cut(value: u64, digits: u32) -> u64 {
    let all = value.checked_ilog10().map_or(1, |log| log + 1);
    let unit = 10_u64.pow(all.saturating_sub(digits));
    value / unit * unit
}
