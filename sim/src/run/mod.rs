//! One run: a seed, a world, and the loop that polls its tasks to the end.
//!
//! Owns the loop and the verdict. Knows nothing of other runs.

mod finish;
mod outcome;
mod spec;
mod story;
mod turns;

pub(crate) use self::outcome::{KeptRun, Logged, Outcome, Parting, ToldRun};
#[cfg(feature = "fuzzing")]
pub(crate) use self::spec::GivenChoices;
pub(crate) use self::spec::{Choices, Limits, Rest, Spec, Stop};
pub(crate) use self::turns::run;

#[cfg(test)]
mod tests;
