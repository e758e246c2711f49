//! A failure with its story.
//!
//! Owns what is known of it, and the text that tells it. Knows nothing of how that was found out.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::explain::Explanation;
use super::process::Witness;
use super::shrink::{Pass, Without, is_preemption};
use crate::choice::{ChoiceKind, Deviation, Plan, REPLAY};
use crate::world::StoryLine;
use crate::world::failure::{Class, Failure, Seconds};
use crate::world::faults::FaultTally;

/// A failure with its story.
///
/// Its text is the report, which `cargo test` prints. Whoever has a failing seed and wants to know
/// why it fails reads, in this order:
///
/// 1. [`cause`](Self::cause): what went wrong, where;
/// 2. [`story`](Self::story): the few choices, left after shrinking, without which it does not;
/// 3. [`explanation`](Self::explanation): when it was decided, what the nearest run that passes does
///    instead, and what led to it;
/// 4. the files of its [`bundle`](Self::bundle), with every event of the run.
///
/// # Examples
/// ```
/// use simoom_sim::{Config, Sim, check};
///
/// // Of a failing sweep; with a seed at hand, `Config::default().seed(0x5eed)` runs that one alone.
/// let report = check(Config::default().persist(false), |sim: Sim| async move {
///     sim.note("before");
///     assert_eq!(1, 2, "it is wrong");
/// });
/// let found = report.failure().unwrap();
/// assert!(found.cause().to_string().contains("it is wrong"));
/// // It fails undisturbed: no choice is to blame.
/// assert_eq!((found.deviations(), found.story().len()), (0, 0));
/// assert_eq!(found.explanation().moment().unwrap(), "it fails whatever follows its start");
/// ```
#[derive(Debug)]
pub struct Found {
    pub(crate) label: String,
    pub(crate) seed: u64,
    pub(crate) position: Position,
    pub(crate) failure: Failure,
    pub(crate) polls: u64,
    pub(crate) time_ns: i64,
    /// What the seed deviated in.
    pub(crate) raw: Vec<Deviation>,
    pub(crate) plan: Plan,
    pub(crate) shrunk: Option<Shrinking>,
    pub(crate) confirmed: Confirmation,
    pub(crate) witness: Witness,
    pub(crate) saved: Option<PathBuf>,
    pub(crate) replay: String,
    pub(crate) notes: Vec<String>,
    /// How many of the user's notes are shown.
    pub(crate) notes_shown: usize,
    /// How often each kind of fault came into question in the run that was found.
    pub(crate) faults: FaultTally,
    /// Where every event of the shrunk run is written down.
    pub(crate) record: Option<PathBuf>,
    pub(crate) explanation: Explanation,
    /// The folder in which all there is to know of it is kept.
    pub(crate) bundle: Option<PathBuf>,
    /// Which operations of the workloads are left, in words.
    pub(crate) operations: Vec<String>,
    /// Other failures that were met when it was shrunk.
    pub(crate) met: Vec<Aside>,
}

/// A failure that was met when another was shrunk.
#[derive(Debug)]
pub(crate) struct Aside {
    /// Its first line.
    pub(crate) what: String,
    /// The command that replays it, if it could be saved.
    pub(crate) replay: String,
}

/// Which run of a sweep a failure is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    /// That of a seed, counted from 1, of so many.
    Seed(u64, u64),
    /// That of an order of the tasks, counted from 1, of at most so many.
    Order(u64, u64),
    /// A run with something cancelled, counted from 1.
    Cancelled(u64),
    /// The one in which nothing is disturbed.
    Undisturbed,
    /// That of a saved failure.
    Saved,
    /// That of the choices that failed with another input.
    Carried,
}

/// How a failure was shrunk.
#[derive(Debug)]
pub(crate) struct Shrinking {
    pub(crate) replays: u32,
    pub(crate) minimal: bool,
    pub(crate) took: Duration,
    /// What the run does without each of the choices that are left.
    pub(crate) without: Vec<Without>,
    pub(crate) passes: Vec<Pass>,
}

impl Shrinking {
    /// What the run does without all of the choices that are left but one, if it is the same of
    /// each.
    fn without_any(&self) -> Option<&Without> {
        let (first, rest) = self.without.split_first()?;
        let is_told = *first != Without::Unknown && rest.iter().all(|it| it == first);
        is_told.then_some(first)
    }
}

/// Whether a fresh process shows the failure too.
#[derive(Debug)]
pub(crate) enum Confirmation {
    Yes,
    No(String),
    NotTried(String),
}

impl Found {
    /// The failing seed.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Which of the sweep's seeds failed, or of its orders if it was exhaustive, counted from 1; `None` for a saved failure, and for the
    /// undisturbed run that every sweep begins with, and where the choices are those that failed with
    /// another input.
    #[must_use]
    pub fn position(&self) -> Option<u64> {
        match self.position {
            Position::Seed(position, _)
            | Position::Order(position, _)
            | Position::Cancelled(position) => Some(position),
            Position::Undisturbed | Position::Saved | Position::Carried => None,
        }
    }

    /// Why the run failed, in the words of the shrunk run.
    #[must_use]
    pub fn cause(&self) -> &Failure {
        &self.failure
    }

    /// What sort of failure it is.
    #[must_use]
    pub fn class(&self) -> Class {
        self.failure.class()
    }

    /// How often each kind of fault came into question, fired and was seen in the run of the seed,
    /// before anything was shrunk.
    #[must_use]
    pub fn faults(&self) -> &FaultTally {
        &self.faults
    }

    /// How many choices of the failing seed differed from a calm run.
    #[must_use]
    pub fn raw_deviations(&self) -> usize {
        count(&self.raw)
    }

    /// How many choices that differ from a calm run still make it fail.
    #[must_use]
    pub fn deviations(&self) -> usize {
        count(&self.plan.deviations)
    }

    /// How many replays shrinking took.
    #[must_use]
    pub fn replays(&self) -> u32 {
        self.shrunk.as_ref().map_or(0, |shrunk| shrunk.replays)
    }

    /// Whether none of the choices that are left can go, one at a time; false if the budget of
    /// shrinking ended it, or nothing was shrunk.
    #[must_use]
    pub fn is_minimal(&self) -> bool {
        self.shrunk.as_ref().is_some_and(|it| it.minimal)
    }

    /// Whether a fresh process showed the same failure.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        matches!(self.confirmed, Confirmation::Yes)
    }

    /// Why it happened, as far as other runs and its own record show.
    ///
    /// Empty where [`Config::explain`](crate::Config::explain) is off, and of failures that are not
    /// one run's or that no fresh process has shown.
    #[must_use]
    pub fn explanation(&self) -> &Explanation {
        &self.explanation
    }

    /// The plan as it is saved: the seed and the choices that make it fail.
    #[must_use]
    pub fn plan(&self) -> String {
        self.plan.to_text()
    }

    /// The folder that holds the plan, the record, this report and what else there is to know of
    /// the failure, below the target directory.
    ///
    /// `None` if it could not be written, and in an example of documentation. The folder is
    /// `target/simoom/PACKAGE/CRATE/TEST/SEED`, with the files
    ///
    /// | file | what is in it |
    /// | --- | --- |
    /// | `plan.txt` | the seed and the choices that make it fail; `SIMOOM_REPLAY` takes it |
    /// | `verdict.txt` | the failure's class and signature, whether a fresh process showed it, the message |
    /// | `build.txt` | versions, profile, features and the revision of the sources |
    /// | `record.txt` | every event of the run |
    /// | `timeline.html` | the run as a page to look at, beside the nearest one that passes |
    /// | `report.txt` | the report as it is printed, and all of its [explanation](Self::explanation) |
    /// | `replay.sh` | the command that replays the plan |
    /// | `shrink.txt` | what each pass of shrinking tried and kept |
    /// | `met-1.txt` … | plans of other failures that shrinking met |
    ///
    /// # Examples
    /// ```no_run
    /// use simoom_sim::{Config, check};
    ///
    /// let report = check(Config::default(), |_sim| async { assert_eq!(1, 2, "always") });
    /// let folder = report.failure().unwrap().bundle().unwrap();
    /// println!("{}", std::fs::read_to_string(folder.join("record.txt")).unwrap());
    /// ```
    #[must_use]
    pub fn bundle(&self) -> Option<&Path> {
        self.bundle.as_deref()
    }

    /// What other failures were met when this one was shrunk, the first line of each.
    ///
    /// They are other failures by their signatures, and were not followed up.
    pub fn met(&self) -> impl Iterator<Item = &str> {
        self.met.iter().map(|it| &*it.what)
    }

    /// What happened, in the order of time: one line for each choice that differs from a calm
    /// run, one for each thing that the test did itself to nodes, the network or faults, one for
    /// each main that ended, and up to three for what was not synced when a node lost its power.
    #[must_use]
    pub fn story(&self) -> Vec<String> {
        lines(&self.plan.deviations, &self.witness.acts, |_| None)
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_head(f)?;
        writeln!(f, "  {}", self.failure.to_string().replace('\n', "\n  "))?;
        for stuck in &self.witness.stuck {
            writeln!(f, "  {}", stuck.replace('\n', "\n  "))?;
        }
        if self.is_of_a_run() {
            self.write_story(f)?;
        }
        for line in self.explanation.short() {
            writeln!(f, "  {line}")?;
        }
        let history = &self.witness.history;
        let shown = self.notes_shown;
        if !history.is_empty() && shown > 0 {
            match history.len() {
                all if all <= shown => writeln!(f, "  notes:")?,
                all => writeln!(f, "  the last {shown} of {all} notes:")?,
            }
            for note in &history[history.len().saturating_sub(shown)..] {
                writeln!(f, "  {note}")?;
            }
        }
        self.write_faults(f)?;
        for note in self.failure.hint().iter().chain(&self.notes) {
            writeln!(f, "  note      {note}")?;
        }
        for Aside { what, replay, .. } in &self.met {
            writeln!(
                f,
                "  met on the way, another failure: {what}\n    replay  {replay}"
            )?;
        }
        match &self.confirmed {
            _ if !self.is_of_a_run() => {}
            Confirmation::Yes => {}
            Confirmation::No(why) => writeln!(f, "  not confirmed by a fresh process: {why}")?,
            Confirmation::NotTried(why) => writeln!(f, "  not tried in a fresh process: {why}")?,
        }
        if let Some(saved) = &self.saved {
            writeln!(
                f,
                "  saved     {}  (commit it: it is replayed before new seeds)",
                saved.display()
            )?;
        }
        if let Some(record) = &self.record {
            writeln!(f, "  record    {}", record.display())?;
        } else if let Some(bundle) = &self.bundle {
            writeln!(f, "  bundle    {}", bundle.display())?;
        }
        write!(f, "  replay    {}", self.replay)?;
        if !self.witness.output.is_empty() {
            let output = self.witness.output.trim_end().replace('\n', "\n    ");
            write!(f, "\n  output of the failing run\n    {output}")?;
        }
        if let Some(backtrace) = &self.witness.backtrace {
            write!(
                f,
                "\n  stack of the {}\n    {}",
                match self.failure {
                    Failure::Escaped { .. } => "call",
                    Failure::Assertion { .. } => "assertion",
                    _ => "panic",
                },
                backtrace.replace('\n', "\n    ")
            )?;
        }
        Ok(())
    }
}

impl Found {
    /// Whether one run shows it, not all of a sweep together.
    fn is_of_a_run(&self) -> bool {
        !matches!(
            self.failure,
            Failure::InertFaults { .. }
                | Failure::UnknownNodes { .. }
                | Failure::Unseen { .. }
                | Failure::SharedByRuns { .. }
        )
    }

    fn write_head(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Position::Seed(_, seeds) if !self.is_of_a_run() => {
                return writeln!(f, "{}: the sweep of {seeds} seeds failed", self.label);
            }
            Position::Undisturbed => write!(f, "{}: the undisturbed run failed", self.label)?,
            Position::Seed(position, seeds) => write!(
                f,
                "{}: seed {} failed (seed {position} of {seeds})",
                self.label,
                Seed(self.seed)
            )?,
            Position::Order(position, most) => write!(
                f,
                "{}: order {position} of at most {most} failed",
                self.label
            )?,
            Position::Cancelled(position) => write!(
                f,
                "{}: run {position} of those with something cancelled failed",
                self.label
            )?,
            Position::Saved => {
                write!(f, "{}: seed {} failed (saved)", self.label, Seed(self.seed))?;
            }
            Position::Carried => write!(
                f,
                "{}: seed {} failed, with the choices that failed with another input",
                self.label,
                Seed(self.seed)
            )?,
        }
        writeln!(
            f,
            ", {} step{}, {} of virtual time",
            Grouped(self.polls),
            if self.polls == 1 { "" } else { "s" },
            Seconds(self.time_ns)
        )
    }

    /// The kinds that happened, or would have but for a budget.
    fn write_faults(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (told, quiet) = self.faults.split();
        if !told.is_empty() {
            let told = told.to_string().replace('\n', "\n    ");
            writeln!(f, "  faults of the seed as it was found:\n    {told}")?;
        }
        match quiet {
            0 => Ok(()),
            1 => writeln!(f, "  1 kind of fault came into question and did not happen"),
            _ => writeln!(
                f,
                "  {quiet} kinds of faults came into question and did not happen"
            ),
        }
    }

    fn write_story(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = Counted(&self.plan.deviations);
        let shrinking = self.shrunk.as_ref();
        match &self.shrunk {
            _ if self.plan.strategy != REPLAY => {
                writeln!(
                    f,
                    "  its choices do not repeat it: there is nothing to shrink"
                )?;
            }
            _ if self.deviations() == 0 => writeln!(f, "  it fails undisturbed too")?,
            Some(shrinking) => writeln!(
                f,
                "  shrunk from {} to {left} in {} replays and {:.1} s{}:",
                Counted(&self.raw),
                shrinking.replays,
                shrinking.took.as_secs_f64(),
                if shrinking.minimal {
                    ""
                } else {
                    " (the budget ended it)"
                }
            )?,
            None => writeln!(f, "  with {left}:")?,
        }
        // What led to the failure is near its end; of choices, all had a part in it.
        let deviations = events(&self.plan.deviations).cloned().collect::<Vec<_>>();
        let acts = &self.witness.acts;
        let (more, earlier) = (
            deviations.len().saturating_sub(SHOWN),
            acts.len().saturating_sub(SHOWN),
        );
        if earlier > 0 {
            writeln!(f, "  … {earlier} earlier lines, and:")?;
        }
        let without_any = shrinking.and_then(Shrinking::without_any);
        let without = |index: usize| {
            let without = shrinking?.without.get(index)?;
            without_any.is_none().then(|| without.words()).flatten()
        };
        for line in lines(
            &deviations[..deviations.len() - more],
            &acts[earlier..],
            without,
        ) {
            writeln!(f, "  {line}")?;
        }
        if more > 0 {
            writeln!(f, "  … and {more} more")?;
        }
        if let Some(words) = without_any.and_then(Without::words) {
            let any = if deviations.len() > 1 {
                "any one of them"
            } else {
                "it"
            };
            writeln!(f, "  without {any}, the run {words}")?;
        }
        for line in &self.operations {
            writeln!(f, "  {line}")?;
        }
        Ok(())
    }
}

/// The lines of a story. What the test does comes before what happens at the same time.
///
/// `without` says in words what the run does without a deviation, by its number.
fn lines(
    deviations: &[Deviation],
    acts: &[StoryLine],
    without: impl Fn(usize) -> Option<String>,
) -> Vec<String> {
    let acts = acts.iter().map(|act| (act.time_ns, &act.text, None));
    let deviations = (events(deviations).enumerate())
        .map(|(index, it)| (it.story.time_ns, &it.story.text, without(index)));
    let mut lines: Vec<_> = acts.chain(deviations).collect();
    lines.sort_by_key(|&(time_ns, ..)| time_ns);
    let line = |(time_ns, text, without): (i64, &String, Option<String>)| {
        let without = without.map(|words| format!("  (without it, the run {words})"));
        let without = without.unwrap_or_default();
        format!("{:>9}  {text}{without}", Seconds(time_ns).to_string())
    };
    lines.into_iter().map(line).collect()
}

/// What happened: all but the operations that did not, and the draws that are simple.
fn events(deviations: &[Deviation]) -> impl Iterator<Item = &Deviation> {
    let happened = |it: &&Deviation| it.anchor.kind.is_event();
    deviations.iter().filter(happened)
}

fn count(deviations: &[Deviation]) -> usize {
    events(deviations).count()
}

/// How many lines of a kind a report shows.
const SHOWN: usize = 20;

/// A seed as people read and type it.
#[derive(Clone, Copy)]
pub(crate) struct Seed(pub(crate) u64);

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |shift: u32| (self.0 >> shift) & 0xffff;
        write!(
            f,
            "0x{:04x}_{:04x}_{:04x}_{:04x}",
            part(48),
            part(32),
            part(16),
            part(0)
        )
    }
}

/// A number with its thousands apart.
pub(crate) struct Grouped(pub(crate) u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                f.write_str(" ")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

/// Deviations counted by what they are.
struct Counted<'a>(&'a [Deviation]);

impl fmt::Display for Counted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |kind: ChoiceKind| self.0.iter().filter(|it| it.anchor.kind == kind).count();
        let preemptions = self.0.iter().filter(|it| is_preemption(it)).count();
        let parts = [
            (count(ChoiceKind::Fault), "fault"),
            (count(ChoiceKind::Cancel), "cancellation"),
            (preemptions, "preemption"),
            (count(ChoiceKind::Sched) - preemptions, "task order"),
            (count(ChoiceKind::Pick), "select order"),
            (count(ChoiceKind::Delay), "delay"),
            (count(ChoiceKind::Short), "short read or write"),
            (count(ChoiceKind::Stall), "stall"),
        ];
        let mut first = true;
        for (count, name) in parts.into_iter().filter(|&(count, _)| count > 0) {
            if !first {
                f.write_str(", ")?;
            }
            first = false;
            let name = match (count, name) {
                (1, _) => name.to_owned(),
                (_, "short read or write") => "short reads or writes".to_owned(),
                _ => format!("{name}s"),
            };
            write!(f, "{} {name}", Grouped(count as u64))?;
        }
        if first {
            f.write_str("nothing")
        } else {
            Ok(())
        }
    }
}
