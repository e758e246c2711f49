//! Where the failing run and one that passes part, and what each does there.
//!
//! Owns the comparison of two whole records. Who makes the runs is the explainer's business.

use super::words::{Line, Words};
use crate::record::EventKind;
use crate::run::ToldRun;
use crate::world::failure::Seconds;

/// A run that passes and is the nearest to the failing one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Nearest {
    /// In how many choices it differs.
    pub(super) choices: usize,
    /// How many events are the same.
    pub(super) agreed: usize,
    /// When they part.
    pub(super) time_ns: i64,
    /// What each did there, and after that.
    pub(super) fails: Vec<String>,
    pub(super) passes: Vec<String>,
}

/// How many events are told of each after the one in which they part.
const AFTER: usize = 3;

/// Where `passing` parts from `failing`, in so many choices; nothing if nowhere.
pub(super) fn part(failing: &ToldRun, passing: &ToldRun, choices: usize) -> Option<Nearest> {
    let pairs = failing.events.iter().zip(&passing.events);
    let agreed = pairs
        .take_while(|(one, two)| one.event == two.event)
        .count();
    let ended = failing.events.len().max(passing.events.len()) == agreed;
    if ended {
        return None;
    }
    let event = failing.events.get(agreed).or(passing.events.get(agreed))?;
    Some(Nearest {
        choices,
        agreed,
        time_ns: event.event.time_ns,
        fails: story(failing, agreed),
        passes: story(passing, agreed),
    })
}

/// What a run does from the event `from` on.
fn story(run: &ToldRun, from: usize) -> Vec<String> {
    let Some(first) = run.events.get(from) else {
        return vec!["the run ends".to_owned()];
    };
    let words = Words::of(run);
    let first_line = words.line(first);
    let time_ns = first_line.time_ns;
    let later = run.events.iter().skip(from + 1);
    let later = later.filter(|told| is_done(told.event.kind));
    let mut lines = vec![sentence(&first_line, time_ns)];
    lines.extend(
        later
            .take(AFTER)
            .map(|told| format!("then {}", sentence(&words.line(told), time_ns))),
    );
    lines
}

/// Whether something was done, rather than it being decided who does something, or when.
fn is_done(kind: EventKind) -> bool {
    !matches!(
        kind,
        EventKind::ChoiceMade
            | EventKind::EntropyDrawn
            | EventKind::FaultFired
            | EventKind::FaultObserved
            | EventKind::SegmentDelivered
            | EventKind::TaskPolled
            | EventKind::TimeAdvanced
    )
}

/// A line without its time, if that is the time that was told.
fn sentence(line: &Line, time_ns: i64) -> String {
    let late = match line.time_ns {
        same if same == time_ns => String::new(),
        later => format!("at {}, ", Seconds(later)),
    };
    format!("{late}{}", line.sentence())
}
