//! What was found out about a failure, and how it is told.
//!
//! Owns the words of a report's `why`. Knows nothing of how it was found out.

use std::fmt;

use super::curve::{Curve, RUNS, Shape};
use super::nearest::Nearest;
use crate::check::found::Grouped;
use crate::choice::{Plan, Rate};
use crate::world::failure::Seconds;

/// Why a failure happened, as far as other runs and its own record show.
///
/// After a failure was shrunk, simoom makes more runs to learn what decides it, see
/// [`Config::explain`](crate::Config::explain):
///
/// - The beginning of the failing run is kept and its rest is drawn anew, for more and more of the
///   beginning: where the failure becomes likely is its [`moment`](Self::moment).
/// - The run that passes and is the nearest to the failing one shows the
///   [`difference`](Self::difference) between the two.
/// - Seeds that have nothing to do with the failing one show how often it happens, and so
///   [how many](Self::clean_seeds_needed) must pass before it is believed to be gone.
/// - The record of the failing run has the [`events`](Self::events) that led to it.
///
/// Its text is all of this; a report has the most important lines.
///
/// # Examples
/// ```
/// use std::{cell::Cell, rc::Rc};
/// use simoom::sync::Mutex;
/// use simoom_sim::{Config, check};
///
/// async fn add(counter: Rc<Cell<u32>>, lock: Rc<Mutex<()>>) {
///     let seen = counter.get();
///     drop(lock.lock().await);
///     counter.set(seen + 1);
/// }
///
/// let report = check(Config::default().persist(false), |_sim| async {
///     let (counter, lock) = (Rc::default(), Rc::new(Mutex::new(())));
///     let one = simoom::task::spawn_local(add(Rc::clone(&counter), lock.clone()));
///     let two = simoom::task::spawn_local(add(Rc::clone(&counter), lock.clone()));
///     one.await.unwrap();
///     two.await.unwrap();
///     assert_eq!(counter.get(), 2);
/// });
/// let why = report.failure().unwrap().explanation();
/// assert!(why.moment().unwrap().contains("is interrupted before lock"));
/// assert!(why.difference().unwrap().contains("goes on with lock"));
/// assert!(why.events().iter().any(|event| event.contains("is interrupted before lock")));
/// assert!(why.clean_seeds_needed().is_some());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    pub(super) moment: Option<Moment>,
    pub(super) nearest: Option<Nearest>,
    pub(super) rate: Option<Rate>,
    /// What the sweep tries in turn, if it is not chance that found it.
    pub(in crate::check) tried: Option<Tried>,
    /// The events that led to it, as lines.
    pub(super) events: Vec<String>,
    /// The same, the most important ones.
    pub(super) few: Vec<String>,
    /// How many events happened before it in the tasks that had part in it, and how many in all.
    pub(super) counts: (usize, usize),
}

/// What a sweep tries one after the other, without chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::check) enum Tried {
    /// The orders of the tasks, with at most so many deviations from calm.
    Orders(Option<u32>),
    /// Every point at which one run can be cancelled.
    Points,
    /// These, and two of them or one with another order.
    Pairs,
}

/// Where the failure is decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) curve: Curve,
    /// When each level of the curve ends.
    pub(super) times_ns: Vec<i64>,
    /// The event at the jump: when, after how many polls, and in words.
    pub(super) event: Option<Place>,
}

/// An event of the failing run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) time_ns: i64,
    pub(super) polls: u64,
    pub(super) words: String,
}

impl Explanation {
    /// Where the failure is decided, in one sentence; `None` where that was not found out.
    ///
    /// Such as `inevitable from 0.812 s on (step 1 204): server/main is interrupted before recv at
    /// src/x.rs:41; client/main goes on`.
    #[must_use]
    pub fn moment(&self) -> Option<String> {
        self.moment.as_ref()?.sentence()
    }

    /// The table behind the [`moment`](Self::moment): how much of the failing run was kept, as virtual
    /// time in nanoseconds, how many runs failed then, and of how many.
    pub fn curve(&self) -> impl Iterator<Item = (i64, u32, u32)> {
        self.moment.iter().flat_map(|moment| {
            let levels = moment.curve.levels.iter().zip(&moment.times_ns);
            levels.map(|(level, &time_ns)| (time_ns, level.failed, RUNS))
        })
    }

    /// In what the nearest run that passes differs, in a few lines; `None` if there is none.
    #[must_use]
    pub fn difference(&self) -> Option<String> {
        self.nearest.as_ref().map(Nearest::to_string)
    }

    /// The events that led to the failure, those that passed from one task to another first of all:
    /// at most 25 lines, in order.
    #[must_use]
    pub fn events(&self) -> &[String] {
        &self.events
    }

    /// How many seeds failed like this one, and of how many; `None` where it is not a seed's.
    #[must_use]
    pub fn rate(&self) -> Option<(u64, u64)> {
        self.rate.map(|rate| (rate.failed, rate.runs))
    }

    /// How many seeds in a row must pass before one may say, with 95 % confidence, that the failure
    /// is gone.
    ///
    /// By the lower confidence bound of the [`rate`](Self::rate): a failure that was seen once in 40
    /// seeds may be much rarer.
    #[must_use]
    pub fn clean_seeds_needed(&self) -> Option<u64> {
        self.rate?.clean_needed()
    }

    /// The lines of a report.
    pub(in crate::check) fn short(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(moment) = &self.moment {
            lines.extend(moment.sentence().map(|it| format!("why       {it}")));
            lines.extend(moment.odds().map(|it| format!("          {it}")));
        }
        if let Some(nearest) = &self.nearest {
            lines.extend(nearest.to_string().lines().map(str::to_owned));
        }
        if !self.few.is_empty() {
            lines.push("what led to it:".to_owned());
            lines.extend(self.few.iter().cloned());
        }
        lines.extend(self.seeds());
        lines
    }

    /// What has to pass before it may be called fixed.
    fn seeds(&self) -> Option<String> {
        if let Some(tried) = self.tried {
            return Some(tried.to_string());
        }
        let rate = self.rate?;
        let needed = rate.clean_needed()?;
        Some(format!(
            "fails in  {rate}; {} clean seed{} in a row mean with 95 % confidence that it is gone",
            Grouped(needed),
            if needed == 1 { "" } else { "s" }
        ))
    }
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (found, gone) = match self {
            Self::Orders(None) => ("order", "every order of the tasks".to_owned()),
            Self::Orders(Some(most)) => (
                "order",
                format!("every order of the tasks with at most {most} deviations from calm"),
            ),
            Self::Points => (
                "point",
                "every point at which this run can be cancelled".to_owned(),
            ),
            Self::Pairs => (
                "point",
                "every point at which this run can be cancelled, and every pair that is tried,"
                    .to_owned(),
            ),
        };
        write!(
            f,
            "no chance found this {found}, so no number of seeds is needed: it is gone, as far as \
             this sweep goes, when {gone} has passed"
        )
    }
}

/// What a sweep without chance says of a saved failure that passes: what it `tried`.
pub(in crate::check) fn tried_note(plan: &Plan, tried: &str) -> String {
    let failure = plan.failure.as_deref().unwrap_or("unknown");
    format!(
        "a saved failure passes, and so does what was tried after it without chance: {tried} ({failure})"
    )
}

/// What `clean` seeds in a row say of a saved failure that passes, if it is known how often it was
/// seen.
pub(in crate::check) fn clean_note(plan: &Plan, clean: u64) -> Option<String> {
    let rate = plan.seen?;
    let needed = rate.clean_needed()?;
    let failure = plan.failure.as_deref().unwrap_or("unknown");
    let verdict = match needed.checked_sub(clean) {
        None | Some(0) => "it is gone, with 95 % confidence".to_owned(),
        Some(_) => format!(
            "{} would mean with 95 % confidence that it is gone: SIMOOM_SEEDS={needed}",
            Grouped(needed)
        ),
    };
    Some(format!(
        "a saved failure passes, and so do {} seeds in a row; it was seen in {rate}; {verdict} \
         ({failure})",
        Grouped(clean)
    ))
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(moment) = &self.moment {
            if let Some(sentence) = moment.sentence() {
                writeln!(f, "{sentence}\n")?;
            }
            writeln!(f, "{moment}")?;
        }
        if let Some(nearest) = &self.nearest {
            writeln!(f, "{nearest}\n")?;
        }
        if !self.events.is_empty() {
            let (some, all) = self.counts;
            writeln!(
                f,
                "what led to it ({} of the run's {} events happened before it in the tasks that had \
                 part in it):",
                Grouped(some as u64),
                Grouped(all as u64)
            )?;
            for event in &self.events {
                writeln!(f, "{event}")?;
            }
            writeln!(f)?;
        }
        match self.seeds() {
            Some(seeds) => writeln!(f, "{seeds}"),
            None => Ok(()),
        }
    }
}

impl Moment {
    fn sentence(&self) -> Option<String> {
        let (before, after) = match self.curve.shape()? {
            Shape::Always => return Some("it fails whatever follows its start".to_owned()),
            Shape::Jump { before, after } => (before, after),
        };
        let Place {
            time_ns,
            polls,
            words,
        } = self.event.as_ref()?;
        let from = match after.failed {
            _ if after.kept == self.end() && before.failed < RUNS / 2 => {
                "decided by its last choice, at".to_owned()
            }
            RUNS => "inevitable from".to_owned(),
            failed => format!(
                "fails in {failed} of {RUNS} runs instead of {} from",
                before.failed
            ),
        };
        let on = if from.ends_with("from") { " on" } else { "" };
        let (time, polls) = (Seconds(*time_ns), Grouped(*polls));
        let near = if after.kept - before.kept > 1 {
            ", or shortly before that"
        } else {
            ""
        };
        Some(format!("{from} {time}{on} (step {polls}){near}: {words}"))
    }

    /// How many choices the failing run made.
    fn end(&self) -> u64 {
        self.curve.levels.last().map_or(0, |level| level.kept)
    }

    /// The curve in one line.
    fn odds(&self) -> Option<String> {
        // A run without any choice was made once.
        let levels = Some(&self.curve.levels).filter(|levels| levels.len() > 1)?;
        let first = levels.first().filter(|level| level.kept == 0)?;
        let with_nothing = format!(
            "with nothing of this run kept and the rest drawn anew, {} of {RUNS} runs fail",
            first.failed
        );
        Some(match self.curve.shape()? {
            Shape::Always => with_nothing,
            Shape::Jump { before, after } if before.kept == 0 => {
                format!("{with_nothing}; from there on, {}", after.failed)
            }
            Shape::Jump { before, after } => format!(
                "{with_nothing}; with all kept before this, {}; with this too, {}",
                before.failed, after.failed
            ),
        })
    }
}

impl fmt::Display for Moment {
    /// The curve as a table.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "kept until   choices  runs that fail if the rest is drawn anew"
        )?;
        for (level, &time_ns) in self.curve.levels.iter().zip(&self.times_ns) {
            let bar = "#".repeat(level.failed as usize);
            let time = Seconds(time_ns).to_string();
            writeln!(
                f,
                "{time:>10} {:>9}  {:>2} of {RUNS} {bar}",
                level.kept, level.failed
            )?;
        }
        if !self.curve.is_whole {
            writeln!(f, "(the budget ended it)")?;
        }
        Ok(())
    }
}

impl fmt::Display for Nearest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            choices,
            agreed,
            time_ns,
            fails,
            passes,
        } = self;
        write!(
            f,
            "the nearest run that passes differs in {} choice{}; the first {} events are the same, \
             and at {}:",
            Grouped(*choices as u64),
            if *choices == 1 { "" } else { "s" },
            Grouped(*agreed as u64),
            Seconds(*time_ns)
        )?;
        for (name, lines) in [("fails", fails), ("passes", passes)] {
            for (index, line) in lines.iter().enumerate() {
                let name = if index == 0 { name } else { "" };
                write!(f, "\n  {name:<7} {line}")?;
            }
        }
        Ok(())
    }
}
