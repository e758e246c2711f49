//! What a test does, one thing after another, drawn by proptest.
//!
//! Owns the operations' numbers, which they keep when others are left out: a choice that speaks of
//! one of them still does. Knows nothing of what they do.

use std::fmt;
use std::iter::zip;
use std::ops::RangeInclusive;

use ::proptest::bool::weighted;
use ::proptest::prelude::Strategy;

use crate::sim::Workload;
use crate::{Operation, Sim};

/// Operations, each with the number that it was drawn with.
///
/// As [`Debug`](fmt::Debug), a map of what is left: `{3: Put("a"), 17: Cut}`.
#[derive(Clone, PartialEq, Eq)]
pub struct Operations<T> {
    left: Vec<(u32, T)>,
}

impl<T> Operations<T> {
    /// Those that are left, in order, with their numbers.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u32, &T)> {
        self.left.iter().map(|(number, it)| (*number, it))
    }

    /// How many are left.
    #[must_use]
    pub fn len(&self) -> usize {
        self.left.len()
    }

    /// Whether none is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// Those that this run does, in order: a [workload](Sim::workload) of this name.
    ///
    /// A seed does all that are left of what proptest drew. When its failure is shrunk, some may be
    /// left out on the way; proptest leaves them out for good.
    ///
    /// # Panics
    /// If `name` is empty or has a `/` in it.
    #[track_caller]
    pub fn workload(&self, sim: &Sim, name: &str) -> impl Iterator<Item = (Operation, &T)> {
        let mut workload = Workload::scattered(sim, name);
        (self.left.iter()).filter_map(move |(number, it)| Some((workload.only(*number)?, it)))
    }
}

impl<T: fmt::Debug> fmt::Debug for Operations<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = self.left.iter().map(|(number, it)| (number, it));
        f.debug_map().entries(left).finish()
    }
}

/// So many operations of `operation`. Shrinks by leaving some out, down to the least of `count`, and
/// by making those that are left simpler.
///
/// Like a `Vec`, but an operation keeps its number when others go, so that a smaller input fails
/// under the choices that failed with the one before.
///
/// # Examples
/// ```
/// use proptest::prelude::*;
/// use simoom_sim::{Config, proptest::{operations, run}};
///
/// proptest! {
///     #![proptest_config(ProptestConfig::with_cases(10))]
///     fn all_are_done(added in operations(0..10_u32, 1..=20)) {
///         run(Config::default().seeds(2), added, |sim, added| async move {
///             let mut sum = 0;
///             for (operation, number) in added.workload(&sim, "adding") {
///                 sim.note(&format!("{} adds {number}", operation.number()));
///                 sum += number;
///             }
///             assert!(sum <= 200);
///         })?;
///     }
/// }
/// all_are_done();
/// ```
pub fn operations<S>(
    operation: S,
    count: RangeInclusive<usize>,
) -> impl Strategy<Value = Operations<S::Value>> + Clone
where
    S: Strategy + Clone,
{
    let least = *count.start();
    let of = move |count: usize| -> Vec<_> {
        let one = |_| (weighted(1.0), operation.clone());
        (0..count).map(one).collect()
    };
    let drawn = count.no_shrink().prop_flat_map(of);
    let kept = move |drawn: Vec<(bool, S::Value)>| {
        let numbered = zip(0.., drawn);
        let left = numbered.filter_map(|(number, (is_left, it))| is_left.then_some((number, it)));
        Operations {
            left: left.collect(),
        }
    };
    let all = drawn.prop_map(kept);
    all.prop_filter("too few operations", move |it| it.len() >= least)
}
