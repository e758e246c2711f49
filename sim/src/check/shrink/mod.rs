//! Making a failure as small as possible.
//!
//! Sees plans and what became of them, nothing else: neither how a run is made nor what it does.
//!
//! A candidate is kept if it fails the same way and [costs](Cost) less. The passes, one after the
//! other, each on what the one before left:
//! 1. in bulk: nothing at all, no faults, then no choices of each kind; nothing after a moment, and
//!    nothing before one;
//! 2. counter-based delta debugging (Zhang and others, "Toward a better understanding of
//!    probabilistic delta debugging", arXiv 2408.04735), kind by kind and then all together: one
//!    pass for each size of a fixed falling schedule, without complements or revisits;
//! 3. single choices, and neighbours that can only go together;
//! 4. the faults and cancellations alone, at other opportunities of the same kind: what else is left
//!    may only have moved something in front of them;
//! 5. one of two delays or short transfers, made as much as both;
//! 6. single choices of those that were found: where several are left, one alone may be enough;
//! 7. neighbouring changes of the tasks' order made one, first of the two that there are, then of
//!    what else could have gone on instead of several;
//! 8. operations of the workload, the outermost first;
//! 9. if that is asked for, what programs draw: simple numbers in place of the seed's, for
//!    everybody, then task by task, then from one draw of a task on;
//! 10. sizes: the least, then round ones;
//! 11. single choices again, until none can go: what is left is minimal, and what each of them is
//!     for is known.
//!
//! Candidates are run ahead of their turn, several at a time. What has been run ahead is counted
//! when its turn comes and not before, so that the result and every number are those of one run
//! after the other.

mod bulk;
mod cost;
mod delta;
mod entropy;
mod magnitudes;
mod orders;
mod passes;
mod search;
mod strikes;
mod verdict;
mod work;

pub(crate) use self::cost::is_preemption;
pub(crate) use self::passes::shrink;
pub(crate) use self::search::{Budget, Pass, Shrunk};
pub(crate) use self::verdict::{Judge, Met, Others, Verdict, Without, first_line};

#[cfg(test)]
mod tests;
