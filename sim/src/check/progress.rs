//! One line that says how far a sweep is, or what comes after it, for those who look on.
//!
//! Owns the line and whether there is one. It is drawn between runs, never inside one, and takes
//! part in none.
//!
//! The line stands below what the test harness prints, and the cursor is left where it was: what
//! is printed meanwhile is written as if there were no line, which is drawn anew below it.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use console::Term;
use indicatif::{
    HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, TermLike,
};

use super::environment;
use crate::world::failure::Seconds;

/// Whether a sweep of this process has the line; the others wait for it.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// How long a sweep may take before there is a line.
const QUIET: Duration = Duration::from_secs(1);

/// How often the line is drawn.
const HZ: u8 = 4;

/// How far a sweep is.
pub(crate) struct Progress {
    label: String,
    /// Of how many there are: seeds, replays of one that failed, or runs that explain it.
    seeds: u64,
    template: &'static str,
    since: Instant,
    is_wanted: bool,
    bar: OnceLock<ProgressBar>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    done: AtomicU64,
    failures: AtomicU64,
    /// How many choices are left of a failure.
    left: AtomicU64,
    /// Which of the [`QUESTIONS`] is asked.
    question: AtomicUsize,
    /// Virtual time in milliseconds: years of it fit.
    time_ms: AtomicI64,
}

impl Progress {
    /// Of a sweep over so many seeds.
    pub(crate) fn of(label: &str, seeds: u64) -> Self {
        Self::with(label, seeds, TEMPLATE)
    }

    /// Of shrinking a failure in at most so many replays.
    pub(crate) fn shrinking(label: &str, most: u32) -> Self {
        Self::with(label, u64::from(most), SHRINKING)
    }

    /// Of explaining a failure by at most so many runs.
    pub(crate) fn explaining(label: &str, most: u32) -> Self {
        Self::with(label, u64::from(most), EXPLAINING)
    }

    fn with(label: &str, seeds: u64, template: &'static str) -> Self {
        let is_wanted = environment::progress()
            .unwrap_or_else(|| io::stderr().is_terminal() && !environment::is_ci());
        Self {
            label: label.to_owned(),
            seeds,
            template,
            since: Instant::now(),
            is_wanted,
            bar: OnceLock::new(),
            counts: Arc::default(),
        }
    }

    /// Counts a run that has ended.
    pub(crate) fn count(&self, time_ns: i64, fails: bool) {
        if !self.is_wanted {
            return;
        }
        let counts = &self.counts;
        let done = counts.done.fetch_add(1, Ordering::Relaxed) + 1;
        counts
            .failures
            .fetch_add(u64::from(fails), Ordering::Relaxed);
        counts
            .time_ms
            .fetch_add(time_ns / 1_000_000, Ordering::Relaxed);
        self.show(done);
    }

    /// Says how many replays were made, and how many choices are left.
    pub(crate) fn shrunk(&self, replays: u32, left: usize) {
        if self.is_wanted {
            self.counts.left.store(left as u64, Ordering::Relaxed);
            self.show(u64::from(replays));
        }
    }

    /// Says which of the [`QUESTIONS`] the next runs are for.
    pub(crate) fn ask(&self, question: usize) {
        self.counts.question.store(question, Ordering::Relaxed);
    }

    /// Counts a run that was made to explain.
    pub(crate) fn explained(&self) {
        if self.is_wanted {
            self.show(self.counts.done.fetch_add(1, Ordering::Relaxed) + 1);
        }
    }

    fn show(&self, done: u64) {
        match self.bar.get() {
            Some(bar) => bar.set_position(done),
            None if self.since.elapsed() >= QUIET && !TAKEN.swap(true, Ordering::Relaxed) => {
                self.bar.get_or_init(|| self.bar()).set_position(done);
            }
            None => {}
        }
    }

    fn bar(&self) -> ProgressBar {
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(Line::default()), HZ);
        let counts = self.counts.clone();
        let time = move |_: &ProgressState, text: &mut dyn fmt::Write| {
            let time_ns = counts
                .time_ms
                .load(Ordering::Relaxed)
                .saturating_mul(1_000_000);
            let _ = write!(text, "{}", Seconds(time_ns));
        };
        let counts = self.counts.clone();
        let failures = move |_: &ProgressState, text: &mut dyn fmt::Write| {
            let _ = write!(text, "{}", counts.failures.load(Ordering::Relaxed));
        };
        let (since, seeds) = (self.since, self.seeds);
        let counts = self.counts.clone();
        let pace = move |_: &ProgressState, text: &mut dyn fmt::Write| {
            let done = counts.done.load(Ordering::Relaxed).max(1);
            let took_ms = u64::try_from(since.elapsed().as_millis())
                .unwrap_or(u64::MAX)
                .max(1);
            let left_ms = u128::from(seeds.saturating_sub(done)) * u128::from(took_ms);
            let left_s = left_ms / u128::from(done) / 1_000;
            let tenths = u128::from(done) * 10_000 / u128::from(took_ms);
            let _ = write!(
                text,
                "{}.{} seeds/s, {}",
                tenths / 10,
                tenths % 10,
                HumanDuration(Duration::from_secs(
                    u64::try_from(left_s).unwrap_or(u64::MAX)
                ))
            );
        };
        let counts = self.counts.clone();
        let left = move |_: &ProgressState, text: &mut dyn fmt::Write| {
            let _ = write!(text, "{}", counts.left.load(Ordering::Relaxed));
        };
        let counts = self.counts.clone();
        let question = move |_: &ProgressState, text: &mut dyn fmt::Write| {
            let question = counts.question.load(Ordering::Relaxed);
            let _ = write!(text, "{}", QUESTIONS.get(question).unwrap_or(&""));
        };
        let style = ProgressStyle::with_template(self.template)
            .expect("the template is well-formed")
            .with_key("virtual", time)
            .with_key("failures", failures)
            .with_key("left", left)
            .with_key("question", question)
            .with_key("pace", pace);
        let bar = ProgressBar::with_draw_target(Some(self.seeds), target)
            .with_style(style)
            .with_message(self.label.clone());
        bar.enable_steady_tick(Duration::from_millis(1_000 / u64::from(HZ)));
        bar
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
            TAKEN.store(false, Ordering::Relaxed);
        }
    }
}

const TEMPLATE: &str = "{msg}: {pos} of {len} seeds, {virtual} of virtual time, {failures} failures, \
                        {pace} left";

const SHRINKING: &str = "{msg}: shrinking, {pos} of at most {len} replays, {left} choices are left";

const EXPLAINING: &str = "{msg}: explaining, {pos} of at most {len} runs, {question}";

/// What runs that explain a failure are made for.
pub(crate) const QUESTIONS: [&str; 3] = [
    "when it was decided",
    "which run passes and is the nearest",
    "how often it fails",
];

/// Standard error, one line of it.
#[derive(Debug, Default)]
struct Line(Mutex<String>);

impl Line {
    fn with<R>(&self, f: impl FnOnce(&mut String) -> R) -> R {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl TermLike for Line {
    fn width(&self) -> u16 {
        Term::stderr()
            .size_checked()
            .map_or(DEFAULT_WIDTH, |(_, columns)| columns)
    }

    fn move_cursor_up(&self, _count: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _count: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _count: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _count: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(text)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.with(|line| line.push_str(text));
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.with(String::clear);
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let line = self.with(std::mem::take);
        let line = line.trim();
        let mut errors = io::stderr().lock();
        if !errors.is_terminal() {
            return match line {
                "" => Ok(()),
                line => writeln!(errors, "{line}"),
            };
        }
        // Everything from the cursor on is cleared.
        let mut text = "\x1b[J".to_owned();
        if !line.is_empty() {
            // One line down, scrolling if need be, and up again; the cursor's place is kept, and
            // the line is written below it.
            text.push_str("\x1bD\x1b[A\x1b7\x1b[B\r");
            text.push_str(line);
            text.push_str("\x1b8");
        }
        errors.write_all(text.as_bytes())?;
        errors.flush()
    }
}

const DEFAULT_WIDTH: u16 = 160;
