//! A failure as it is kept: a seed and the choices that differ from a calm run.
//!
//! Owns the text form of a plan and its version. Knows nothing of how a plan is carried out.
//!
//! ```text
//! simoom plan 1
//! seed 0x5eed000000000001
//! strategy pct:3
//! horizon 1024
//! failure panic src/lib.rs counter is N
//! seen 3 of 120
//! equal server/kv::run 4
//! sched server/kv::run lock server!0 3 0 = client/kv::client    # 0.812 s, lock at src/store.rs:40
//! delay - segment client/main~0> 4 0 = 1250000
//! ```
//! `equal` says how many tasks of one name and parent there were, if the lines below name fewer: the
//! counts of equal siblings mean others once one is added before them.
//! A line whose anchor the program no longer reaches is reported and the rest applies.

use std::collections::BTreeMap;
use std::fmt;

use super::anchor::Anchor;
use super::path::parse_path;

/// A seed, what made the choices, and the choices that differ from calm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// The strategy's text form; `replay` once the deviations say it all.
    pub(crate) strategy: String,
    /// How many scheduling choices the calm run made.
    pub(crate) horizon: u64,
    /// What the failure was, for comparing.
    pub(crate) failure: Option<String>,
    /// How many seeds were seen to fail like that, and of how many; not part of the choices.
    pub(crate) seen: Option<Rate>,
    /// How many tasks of a name and parent there were, where that is more than the deviations say.
    pub(crate) siblings: BTreeMap<String, u32>,
    pub(crate) deviations: Vec<Deviation>,
}

/// How many of so many seeds failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) failed: u64,
    pub(crate) runs: u64,
}

/// One choice that differs from calm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Deviation {
    pub(crate) anchor: Anchor,
    /// A task's path for `sched`, or `*` for the next one that can run; else a number.
    pub(crate) value: String,
    /// For people; not part of the choice.
    pub(crate) story: Story,
}

/// When and where a deviation happened, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Story {
    pub(crate) time_ns: i64,
    pub(crate) text: String,
}

/// Why a stored plan could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PlanError {
    /// The first line is not that of this format's version.
    Version { found: String },
    /// A line is not of the form the format gives it.
    Line { number: usize, text: String },
    /// A line that must be there is not.
    Missing { what: &'static str },
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version { found } => write!(
                f,
                "the plan starts with {found:?}, not with {HEADER:?}: it was written by another \
                 version; find the failure again and save it anew"
            ),
            Self::Line { number, text } => write!(f, "line {number} is not understood: {text:?}"),
            Self::Missing { what } => write!(f, "the plan has no line {what:?}"),
        }
    }
}

impl std::error::Error for PlanError {}

/// The value of a `sched` that lets any other task go on.
pub(crate) const ANY: &str = "*";

/// The number that stands for [`ANY`]; no path has this hash but by an accident of 1 in 2^64.
pub(crate) const ANY_TASK: u64 = 0;

const HEADER: &str = "simoom plan 1";

/// The strategy of a plan whose deviations say it all.
pub(crate) const REPLAY: &str = "replay";

/// What a number after a deviation's `=` may be, or a path for `sched`.
impl Deviation {
    /// The value as a run uses it: a path's hash or a number.
    pub(crate) fn number(&self) -> Option<u64> {
        match self.anchor.kind {
            super::ChoiceKind::Sched if self.value == ANY => Some(ANY_TASK),
            super::ChoiceKind::Sched => parse_path(&self.value).map(|hash| hash.0),
            _ => self.value.parse().ok(),
        }
    }
}

impl Plan {
    pub(crate) fn to_text(&self) -> String {
        let mut text = format!(
            "{HEADER}\nseed {:#018x}\nstrategy {}\nhorizon {}\n",
            self.seed, self.strategy, self.horizon
        );
        if let Some(failure) = &self.failure {
            text.push_str(&format!("failure {}\n", failure.replace('\n', " ")));
        }
        if let Some(Rate { failed, runs }) = self.seen {
            text.push_str(&format!("seen {failed} of {runs}\n"));
        }
        for (family, count) in &self.siblings {
            text.push_str(&format!("equal {family} {count}\n"));
        }
        for deviation in &self.deviations {
            deviation.anchor.write(&mut text);
            text.push_str(" = ");
            text.push_str(&deviation.value);
            if !deviation.story.text.is_empty() {
                text.push_str(" # ");
                text.push_str(&deviation.story.time_ns.to_string());
                text.push(' ');
                text.push_str(&deviation.story.text.replace('\n', " "));
            }
            text.push('\n');
        }
        text
    }

    pub(crate) fn parse(text: &str) -> Result<Self, PlanError> {
        let mut lines = text.lines().enumerate();
        let first = lines.next().map_or("", |(_, line)| line).trim();
        if first != HEADER {
            return Err(PlanError::Version {
                found: first.to_owned(),
            });
        }
        let mut seed = None;
        let mut strategy = None;
        let mut horizon = None;
        let mut failure = None;
        let mut seen = None;
        let mut siblings = BTreeMap::new();
        let mut deviations = Vec::new();
        for (index, line) in lines {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let bad = || PlanError::Line {
                number: index + 1,
                text: line.to_owned(),
            };
            let (word, rest) = line.split_once(' ').ok_or_else(bad)?;
            match word {
                "seed" => seed = Some(parse_seed(rest).ok_or_else(bad)?),
                "strategy" => strategy = Some(rest.to_owned()),
                "horizon" => horizon = Some(rest.parse().map_err(|_| bad())?),
                "failure" => failure = Some(rest.to_owned()),
                "seen" => seen = Some(parse_rate(rest).ok_or_else(bad)?),
                "equal" => siblings.extend([parse_siblings(rest).ok_or_else(bad)?]),
                _ => deviations.push(parse_deviation(line).ok_or_else(bad)?),
            }
        }
        Ok(Self {
            seed: seed.ok_or(PlanError::Missing { what: "seed" })?,
            strategy: strategy.ok_or(PlanError::Missing { what: "strategy" })?,
            horizon: horizon.ok_or(PlanError::Missing { what: "horizon" })?,
            failure,
            seen,
            siblings,
            deviations,
        })
    }
}

fn parse_rate(text: &str) -> Option<Rate> {
    let (failed, runs) = text.split_once(" of ")?;
    let (failed, runs) = (failed.parse().ok()?, runs.parse().ok()?);
    (failed <= runs).then_some(Rate { failed, runs })
}

fn parse_siblings(text: &str) -> Option<(String, u32)> {
    let (family, count) = text.rsplit_once(' ')?;
    parse_path(family).filter(|_| !family.contains(' '))?;
    Some((family.to_owned(), count.parse().ok()?))
}

fn parse_deviation(line: &str) -> Option<Deviation> {
    let (choice, comment) = match line.split_once(" # ") {
        Some((choice, comment)) => (choice, Some(comment)),
        None => (line, None),
    };
    let story = match comment.and_then(|comment| comment.split_once(' ')) {
        Some((time, text)) => match time.parse() {
            Ok(time_ns) => Story {
                time_ns,
                text: text.to_owned(),
            },
            Err(_) => Story::default(),
        },
        None => Story::default(),
    };
    let (anchor, value) = choice.split_once(" = ")?;
    let mut words = anchor.split(' ');
    let anchor = Anchor::parse(&mut words)?;
    if words.next().is_some() || value.contains(' ') {
        return None;
    }
    anchor.hash()?;
    let deviation = Deviation {
        anchor,
        value: value.to_owned(),
        story,
    };
    deviation.number()?;
    Some(deviation)
}

/// A seed in decimal or hexadecimal, with underscores.
pub(crate) fn parse_seed(text: &str) -> Option<u64> {
    let digits = text.trim().replace('_', "");
    match digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))
    {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => digits.parse().ok(),
    }
}

#[cfg(test)]
mod tests;
