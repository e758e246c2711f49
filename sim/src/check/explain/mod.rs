//! Why a failure happened: what other runs show of it, and what led to it.

mod explainer;
mod explanation;

mod curve;
mod nearest;
mod rate;

mod chart;
mod slice;
mod words;

pub use self::explanation::Explanation;

pub(super) use self::explainer::Runs;
pub(super) use self::explanation::{Tried, clean_note, tried_note};
pub(super) use self::words::Words;

#[cfg(test)]
mod tests;
