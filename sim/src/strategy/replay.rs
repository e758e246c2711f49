//! Calm, but for the deviations of a plan.

use std::collections::BTreeMap;

use super::{Choose, Odds, Scheduling};
use crate::choice::{ANY_TASK, AnchorHash, Plan};

/// Makes the stored choices where their anchors turn up, and calm ones elsewhere.
///
/// A stored choice that is not among the alternatives is left out.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    stored: BTreeMap<AnchorHash, u64>,
}

impl Replay {
    /// No deviation at all.
    pub(crate) fn calm() -> Self {
        Self::default()
    }

    pub(crate) fn of(plan: &Plan) -> Self {
        let stored = plan
            .deviations
            .iter()
            .filter_map(|deviation| Some((deviation.anchor.hash()?, deviation.number()?)));
        Self {
            stored: stored.collect(),
        }
    }

    fn stored(&self, anchor: AnchorHash) -> Option<u64> {
        self.stored.get(&anchor).copied()
    }
}

impl Choose for Replay {
    fn sched(&mut self, asked: &Scheduling<'_>) -> usize {
        if self.stored.is_empty() {
            return asked.calm;
        }
        match self.stored(asked.anchor) {
            None => asked.calm,
            Some(ANY_TASK) => (asked.calm + 1) % asked.runnable.len(),
            Some(path) => {
                let stored = asked.runnable.iter().position(|&task| task == path);
                stored.unwrap_or(asked.calm)
            }
        }
    }

    fn pick(&mut self, anchor: AnchorHash, alternatives: u64) -> u64 {
        self.stored(anchor)
            .filter(|&value| value < alternatives)
            .unwrap_or(0)
    }

    fn delay(&mut self, anchor: AnchorHash, most: u64) -> u64 {
        self.stored(anchor).unwrap_or(0).min(most)
    }

    fn short(&mut self, anchor: AnchorHash, most: u64) -> u64 {
        self.stored(anchor).unwrap_or(0).min(most)
    }

    fn stall(&mut self, anchor: AnchorHash, most: u64) -> u64 {
        self.stored(anchor).unwrap_or(0).min(most)
    }

    fn work(&mut self, anchor: AnchorHash) -> u64 {
        self.stored(anchor).unwrap_or(0).min(1)
    }

    /// A stored fault happens even where the plan of faults has become milder.
    fn fault(&mut self, anchor: AnchorHash, _odds: &Odds) -> u64 {
        self.stored(anchor).unwrap_or(0)
    }

    fn cancel(&mut self, anchor: AnchorHash, _odds: &Odds) -> u64 {
        self.stored(anchor).unwrap_or(0)
    }
}
