//! What a run saw of the program's assertions.
//!
//! Owns the counts of one run, and how those of many are added up.

use std::collections::BTreeMap;
use std::fmt;

use simoom::backend::{ASSERTIONS, Assertion, Rule, Seen, Side, assertion_place};

use super::World;
use super::failure::Failure;
use crate::choice::hash_text;
use crate::record::EventKind;

/// What the runs of a sweep saw of each assertion that is linked into the test: those of
/// [`assert_always!`](simoom::assert_always) and its kin.
///
/// # Examples
/// ```standalone_crate
/// use simoom_sim::{Config, check};
///
/// fn send(queued: u32) {
///     simoom::assert_sometimes!(queued == 3, "the queue is full");
///     simoom::assert_always_less_than!(queued, 5, "the queue is bounded");
///     if queued > 3 {
///         simoom::assert_reachable!("something is dropped");
///     }
/// }
///
/// let report = check(Config::default().seeds(10), |_sim| async { send(2) });
/// let tally = report.assertions();
/// let full = tally.find("the queue is full").unwrap();
/// assert_eq!((full.counts.reached, full.counts.held), (10, 0));
/// let bounded = tally.find("the queue is bounded").unwrap();
/// assert_eq!(bounded.counts.extreme, Some((2, 5)));
/// let never: Vec<_> = tally.never().map(|it| it.message).collect();
/// assert_eq!(never, ["something is dropped", "the queue is full"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssertionTally(BTreeMap<usize, AssertionCounts>);

/// How often an assertion was come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AssertionCounts {
    /// How often the program came to it.
    pub reached: u64,
    /// How often of these it held.
    pub held: u64,
    /// Of those that compare numbers, the two that say most: with the least room where it is to hold
    /// always, and that came furthest where it is to hold sometimes.
    pub extreme: Option<(i128, i128)>,
}

/// An assertion, and what was seen of it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AssertionSeen {
    /// What it says.
    pub message: &'static str,
    /// What it asks, as its macro has it: `always`, `always_or_unreachable`, `sometimes`,
    /// `reachable` or `unreachable`.
    pub rule: &'static str,
    /// The module it stands in, its crate first.
    pub module: &'static str,
    /// The file it stands in.
    pub file: &'static str,
    /// The line.
    pub line: u32,
    /// How often.
    pub counts: AssertionCounts,
    asks: Rule,
}

impl AssertionSeen {
    fn of(assertion: &'static Assertion, counts: AssertionCounts) -> Self {
        Self {
            message: assertion.message,
            rule: match assertion.rule {
                Rule::Always => "always",
                Rule::AlwaysOrUnreachable => "always_or_unreachable",
                Rule::Sometimes => "sometimes",
                Rule::Reachable => "reachable",
                _ => "unreachable",
            },
            module: assertion.module,
            file: assertion.file,
            line: assertion.line,
            counts,
            asks: assertion.rule,
        }
    }

    /// Whether no run saw what it asks some run to see.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        match self.asks {
            Rule::Sometimes => self.counts.held == 0,
            Rule::Always | Rule::Reachable => self.counts.reached == 0,
            _ => false,
        }
    }

    /// Whether it stands in `path`, a crate or a module, or below.
    pub(crate) fn is_within(&self, path: &str) -> bool {
        let rest = self.module.strip_prefix(path);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    }
}

/// As in `sometimes "the queue is full" at src/queue.rs:7: reached 10, held 0`.
impl fmt::Display for AssertionSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AssertionCounts {
            reached,
            held,
            extreme,
        } = self.counts;
        let Self {
            rule,
            message,
            file,
            line,
            ..
        } = self;
        write!(f, "{rule} {message:?} at {file}:{line}: reached {reached}")?;
        if self.asks == Rule::Sometimes {
            write!(f, ", held {held}")?;
        }
        match extreme {
            Some((left, right)) => write!(f, ", extreme {left} and {right}"),
            None => Ok(()),
        }
    }
}

impl AssertionTally {
    /// Every assertion that is linked into the test, in the order of modules and lines.
    pub fn iter(&self) -> impl Iterator<Item = AssertionSeen> {
        let seen = |(place, assertion)| {
            let counts = self.0.get(&place).copied().unwrap_or_default();
            AssertionSeen::of(assertion, counts)
        };
        let mut all: Vec<_> = ASSERTIONS.iter().enumerate().collect();
        // Not in the linker's order.
        all.sort_by_key(|(_, it)| (it.module, it.line, it.column, it.message));
        all.into_iter().map(seen)
    }

    /// The first assertion that says `message`, whether it was reached or not.
    #[must_use]
    pub fn find(&self, message: &str) -> Option<AssertionSeen> {
        self.iter().find(|it| it.message == message)
    }

    /// Those of which no run saw what some run is to see: a `sometimes` that never held, an `always`
    /// or a `reachable` that was never come to.
    pub fn never(&self) -> impl Iterator<Item = AssertionSeen> {
        let mut never: Vec<_> = self.iter().filter(AssertionSeen::is_missing).collect();
        never.sort_by_key(|it| (it.module, it.message, it.line));
        never.into_iter()
    }

    /// Whether no assertion was come to.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Counts what was seen; true if the assertion held, or did not, for the first time.
    fn see(&mut self, seen: &Seen<'_>) -> bool {
        let counts = self.0.entry(assertion_place(seen.assertion)).or_default();
        let before = *counts;
        counts.reached += 1;
        counts.held += u64::from(seen.holds);
        counts.extreme = extreme(counts.extreme, seen.numbers, seen.assertion);
        match seen.holds {
            true => before.held == 0,
            false => before.held == before.reached,
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (&place, more) in &other.0 {
            let counts = self.0.entry(place).or_default();
            counts.reached += more.reached;
            counts.held += more.held;
            counts.extreme = extreme(counts.extreme, more.extreme, &ASSERTIONS[place]);
        }
    }
}

/// One line for each that was come to, and how many there are beside those.
impl fmt::Display for AssertionTally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (reached, others): (Vec<_>, Vec<_>) = self.iter().partition(|it| it.counts.reached > 0);
        for (index, seen) in reached.iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            write!(f, "{end}{seen}")?;
        }
        match others.len() {
            0 => Ok(()),
            others => write!(f, "\n{others} more assertions that no run came to"),
        }
    }
}

/// Of two pairs of numbers the one that says more: of what is to hold always, that with the least
/// room; of what is to hold sometimes, that which came furthest.
fn extreme(
    one: Option<(i128, i128)>,
    two: Option<(i128, i128)>,
    assertion: &Assertion,
) -> Option<(i128, i128)> {
    let room = |(left, right): (i128, i128)| match assertion.wants {
        Some(Side::Right) => right.saturating_sub(left),
        _ => left.saturating_sub(right),
    };
    let (Some(one), Some(two)) = (one, two) else {
        return one.or(two);
    };
    // Of those that say as much, the same one in whatever order they come.
    let order = (room(one), one).cmp(&(room(two), two));
    let is_first = match assertion.rule.is_always() {
        true => order.is_le(),
        false => order.is_ge(),
    };
    Some(if is_first { one } else { two })
}

impl World {
    /// Takes note of an assertion that the running task has come to.
    pub(crate) fn asserted(&mut self, seen: &Seen<'_>, stack: Option<String>) {
        if self.assertions.see(seen) {
            let Assertion {
                module, message, ..
            } = seen.assertion;
            let name = format!("{module} {message}");
            let holds = if seen.holds { "holds" } else { "does not hold" };
            self.say(|_| format!("{} {message:?} {holds}", seen.assertion.rule));
            let holds = u64::from(seen.holds);
            self.note(EventKind::AssertionSeen, hash_text(&name), holds);
        }
        if seen.holds || !seen.assertion.rule.is_always() || self.failure.is_some() {
            return;
        }
        self.failure_stack = stack;
        let task = self.paths.label(self.current_path());
        let Assertion {
            rule,
            message,
            file,
            line,
            column,
            ..
        } = seen.assertion;
        let numbers = seen.numbers;
        self.fail(Failure::Assertion {
            rule: rule.to_string(),
            message: (*message).to_owned(),
            location: format!("{file}:{line}:{column}"),
            task,
            numbers,
            detail: seen.detail.map(|detail| detail.to_string()),
        });
    }
}
