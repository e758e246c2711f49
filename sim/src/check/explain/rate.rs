//! How often seeds fail, and how many must pass before it is believed that none does any more.
//!
//! Owns the arithmetic, in integers: it says the same on every machine.

use std::fmt;

use crate::choice::Rate;

/// 1, as a fraction here: 60 bits behind the point.
const ONE: u128 = 1 << 60;

/// 5 in 100: how often what is said may be wrong.
const DOUBT: u128 = ONE / 20;

/// The most seeds that are counted one by one; what is left out is less than the doubt.
const COUNTED: u64 = 1_024;

/// The most failures that are told apart.
const TOLD_APART: u64 = 64;

impl Rate {
    /// How many clean seeds in a row mean with 95 % confidence that it is gone, going by the lower
    /// confidence bound of how often it was seen; nothing if it was not seen.
    pub(crate) fn clean_needed(self) -> Option<u64> {
        let least = self.least()?;
        let passes = ONE - least;
        // `passes` to the powers of two, for as long as they are above the doubt.
        let mut powers = vec![passes];
        while let Some(&last) = powers.last()
            && last > DOUBT
            && powers.len() < 60
        {
            powers.push(times(last, last));
        }
        let (mut count, mut left) = (0, ONE);
        for (index, &power) in powers.iter().enumerate().rev() {
            let next = times(left, power);
            if next > DOUBT {
                (count, left) = (count + (1 << index), next);
            }
        }
        Some(count + 1)
    }

    /// The lower bound of the share of seeds that fail, with 95 % confidence (Clopper and Pearson,
    /// "The use of confidence or fiducial limits illustrated in the case of the binomial", 1934). It
    /// holds as well where runs are made until one fails.
    fn least(self) -> Option<u128> {
        if self.failed == 0 || self.failed > self.runs {
            return None;
        }
        let failed = self.failed.min(TOLD_APART);
        // Of rare failures, only how many there were on average matters.
        let runs = self.runs.min(COUNTED.max(failed));
        let (mut low, mut high) = (0, ONE);
        for _ in 0..40 {
            let middle = u128::midpoint(low, high);
            match at_least(failed, runs, middle) <= DOUBT {
                true => low = middle,
                false => high = middle,
            }
        }
        let least = low * u128::from(runs) / u128::from(self.runs);
        Some(least.max(1))
    }
}

/// How likely `failed` or more of `runs` runs fail, of which each does with the probability `each`.
fn at_least(failed: u64, runs: u64, each: u128) -> u128 {
    // How likely it is that so many have failed so far, for all below `failed`.
    let mut fewer = vec![0; failed as usize];
    fewer[0] = ONE;
    for _ in 0..runs {
        let mut carried = 0;
        for share in &mut fewer {
            let fails = times(*share, each);
            *share = *share - fails + carried;
            carried = fails;
        }
    }
    ONE.saturating_sub(fewer.into_iter().sum())
}

fn times(one: u128, two: u128) -> u128 {
    (one * two) >> 60
}

impl fmt::Display for Rate {
    /// `about 1 of 40 seeds (3 of 120)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { failed, runs } = *self;
        let one_in = (runs + failed / 2).checked_div(failed).unwrap_or(0);
        match one_in {
            0 => write!(f, "none of {runs} seeds"),
            1 if failed == runs => write!(f, "every seed ({failed} of {runs})"),
            1 => write!(f, "most seeds ({failed} of {runs})"),
            one_in => write!(f, "about 1 of {one_in} seeds ({failed} of {runs})"),
        }
    }
}
