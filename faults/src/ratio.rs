//! Probabilities as exact fractions.

use std::fmt;
use std::str::FromStr;

/// A probability: an exact fraction from 0 to 1.
///
/// Its text form is `1/100`, or `0` and `1`.
///
/// # Examples
/// ```
/// use simoom_faults::Ratio;
///
/// assert_eq!(Ratio::one_in(100).to_string(), "1/100");
/// assert_eq!("3/4".parse(), Ok(Ratio::new(3, 4)));
/// assert!(Ratio::new(3, 4).covers(0), "the least draw of 64 bits is within every probability");
/// assert!(!Ratio::NEVER.covers(0), "but for zero");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ratio {
    part: u32,
    whole: u32,
}

impl Ratio {
    /// 0: never.
    pub const NEVER: Self = Self { part: 0, whole: 1 };
    /// 1: always.
    pub const ALWAYS: Self = Self { part: 1, whole: 1 };

    /// `part` of `whole`, in lowest terms.
    ///
    /// # Panics
    /// If `whole` is zero or less than `part`.
    #[must_use]
    #[track_caller]
    pub const fn new(part: u32, whole: u32) -> Self {
        assert!(whole > 0, "a ratio is a part of something");
        assert!(part <= whole, "a probability is at most 1");
        let common = common_divisor(part, whole);
        Self {
            part: part / common,
            whole: whole / common,
        }
    }

    /// One of `whole`.
    ///
    /// # Panics
    /// If `whole` is zero.
    #[must_use]
    pub const fn one_in(whole: u32) -> Self {
        Self::new(1, whole)
    }

    /// The part and the whole, in lowest terms.
    #[must_use]
    pub const fn parts(self) -> (u32, u32) {
        (self.part, self.whole)
    }

    /// Whether evenly drawn `bits` fall within it.
    #[must_use]
    pub const fn covers(self, bits: u64) -> bool {
        bits as u128 * (self.whole as u128) < (self.part as u128) << 64
    }
}

const fn common_divisor(mut one: u32, mut two: u32) -> u32 {
    while two != 0 {
        (one, two) = (two, one % two);
    }
    one
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            (part, 1) => write!(f, "{part}"),
            (part, whole) => write!(f, "{part}/{whole}"),
        }
    }
}

impl FromStr for Ratio {
    type Err = NotARatio;

    fn from_str(text: &str) -> Result<Self, NotARatio> {
        let parsed = match text.split_once('/') {
            Some((part, whole)) => (part.trim().parse(), whole.trim().parse()),
            None => (text.trim().parse(), Ok(1)),
        };
        match parsed {
            (Ok(part), Ok(whole)) if whole > 0 && part <= whole => Ok(Self::new(part, whole)),
            _ => Err(NotARatio(text.to_owned())),
        }
    }
}

/// A text is no probability.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotARatio(String);

impl fmt::Display for NotARatio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no probability: use a fraction of whole numbers such as 1/100, or 0 or 1",
            self.0
        )
    }
}

impl std::error::Error for NotARatio {}

#[cfg(test)]
mod tests;
