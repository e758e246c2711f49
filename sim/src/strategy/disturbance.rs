//! What no order of tasks decides: branches, delays, short reads, slow tasks, faults.
//!
//! Owns how often such a choice differs from calm. The probabilities are drawn once per seed, and
//! each family of choices is left calm by some seeds (swarm testing: Groce and others, ISSTA 2012).

use super::Odds;
use crate::choice::{AnchorHash, below, value};

/// How often the choices that are not about tasks deviate. Shared by every strategy.
#[derive(Debug)]
pub(crate) struct Disturbance {
    seed: u64,
    pick: u64,
    delay: u64,
    short: u64,
    stall: u64,
}

const STREAM: u64 = 0x7261_6e64_6f6d;
pub(super) const COIN: u64 = 0x0000_636f_696e;
const FAULT: u64 = 0x0066_6175_6c74;
const CANCEL: u64 = 0x6361_6e63_656c;

impl Disturbance {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            pick: one_of(seed, 1, &[256, 128, 32, 0]),
            delay: one_of(seed, 2, &[256, 128, 32, 8]),
            short: one_of(seed, 3, &[128, 32, 8, 0]),
            stall: one_of(seed, 4, &[64, 16, 4, 0]),
        }
    }

    pub(crate) fn pick(&self, anchor: AnchorHash, alternatives: u64) -> u64 {
        self.drawn(anchor, self.pick)
            .map_or(0, |bits| below(bits, alternatives))
    }

    pub(crate) fn delay(&self, anchor: AnchorHash, most: u64) -> u64 {
        self.drawn(anchor, self.delay)
            .map_or(0, |bits| below(bits, most.saturating_add(1)))
    }

    /// Half of the time anything from nothing to all but one byte is left out, half of the time
    /// all but a few bytes.
    pub(crate) fn short(&self, anchor: AnchorHash, most: u64) -> u64 {
        self.drawn(anchor, self.short).map_or(0, |bits| {
            let size = bits.rotate_left(29);
            if bits & 1 == 0 {
                below(size, most + 1)
            } else {
                most - below(size, most.min(8))
            }
        })
    }

    /// Every order of magnitude below `most` alike, down to a 256th of it.
    pub(crate) fn stall(&self, anchor: AnchorHash, most: u64) -> u64 {
        self.drawn(anchor, self.stall).map_or(0, |bits| {
            let most = (most >> (bits & 7)).max(1);
            1 + below(bits.rotate_left(29), most)
        })
    }

    /// With the probability that the plan of faults says, which this strategy does not change.
    pub(crate) fn fault(&self, anchor: AnchorHash, odds: &Odds) -> u64 {
        let coin = value(self.seed, FAULT, anchor.0);
        odds.drawn(coin, value(self.seed, STREAM ^ FAULT, anchor.0))
    }

    /// With the probability that the sweep says.
    pub(crate) fn cancel(&self, anchor: AnchorHash, odds: &Odds) -> u64 {
        let coin = value(self.seed, CANCEL, anchor.0);
        odds.drawn(coin, value(self.seed, STREAM ^ CANCEL, anchor.0))
    }

    /// Bits for a choice that deviates, with `chance` out of 256.
    fn drawn(&self, anchor: AnchorHash, chance: u64) -> Option<u64> {
        let coin = value(self.seed, COIN, anchor.0) & 255;
        (coin < chance).then(|| value(self.seed, STREAM, anchor.0))
    }
}

/// One of `options`, by the seed alone.
pub(super) fn one_of(seed: u64, index: u64, options: &[u64]) -> u64 {
    options[below(value(seed, STREAM ^ COIN, index), options.len() as u64) as usize]
}
