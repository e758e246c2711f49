//! Which of two ways to fail is the simpler one.
//!
//! Owns the order. Faults weigh most, since what fails without one is not about it; then what is
//! cancelled; then what interrupts a task, which nobody expects; then what any scheduler and network
//! may do.

use super::verdict::Verdict;
use crate::choice::{ANY, ChoiceKind, Deviation};

/// What a way to fail takes. The less, the simpler.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cost {
    faults: usize,
    cancels: usize,
    preemptions: usize,
    orders: usize,
    others: usize,
    /// How many operations of the workload were done.
    operations: usize,
    /// How many numbers of the seed were drawn, if that counts.
    draws: u64,
    /// All sizes added up.
    size: u128,
}

impl Cost {
    /// Of what a run was.
    pub(crate) fn of(verdict: &Verdict) -> Self {
        Self {
            operations: verdict.done.len(),
            draws: verdict.drew.iter().map(|(_, count)| count).sum(),
            ..Self::of_choices(&verdict.deviations)
        }
    }

    /// Of choices that may or may not take effect: that of their run is at most this, but for the
    /// operations of the workload and what is drawn.
    pub(super) fn of_choices(deviations: &[Deviation]) -> Self {
        let mut cost = Self {
            faults: 0,
            cancels: 0,
            preemptions: 0,
            orders: 0,
            others: 0,
            operations: 0,
            draws: 0,
            size: 0,
        };
        for deviation in deviations {
            match deviation.anchor.kind {
                ChoiceKind::Fault => cost.faults += 1,
                ChoiceKind::Cancel => cost.cancels += 1,
                ChoiceKind::Sched if is_preemption(deviation) => cost.preemptions += 1,
                ChoiceKind::Sched => cost.orders += 1,
                ChoiceKind::Work | ChoiceKind::Entropy => continue,
                ChoiceKind::Pick | ChoiceKind::Delay | ChoiceKind::Short | ChoiceKind::Stall => {
                    cost.others += 1;
                }
            }
            cost.size += size(deviation);
        }
        cost
    }
}

/// Whether the task could have gone on that gave way.
pub(crate) fn is_preemption(deviation: &Deviation) -> bool {
    deviation.anchor.kind == ChoiceKind::Sched && deviation.story.text.starts_with(PREEMPTED)
}

/// What the story of an interruption begins with.
const PREEMPTED: &str = "task.preempted";

/// How much a choice differs from calm, if it has a size.
fn size(deviation: &Deviation) -> u128 {
    match deviation.anchor.kind {
        ChoiceKind::Sched => u128::from(deviation.value != ANY),
        _ => u128::from(deviation.number().unwrap_or(0)),
    }
}
