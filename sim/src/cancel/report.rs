//! What came of cancelling at every place.
//!
//! Owns the count of places by where they stand in the program, and its words. Knows nothing of runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::check::{Found, Report};
use crate::world::cancels::{AwaitPlace, AwaitPoint, Interrupted, Moment};
use crate::world::framing::Torn;
use crate::world::remains::{Remains, Remnant};

/// What came of [`every_await`](super::every_await) or [`pairs`](super::pairs): which places were
/// cancelled, and the first failure if there was one.
///
/// # Examples
/// ```
/// use simoom_sim::{Config, cancel};
///
/// let report = cancel::every_await(Config::default(), |_sim| async {
///     let task = simoom::spawn(simoom::task::yield_now());
///     drop(task.await);
/// });
/// assert_eq!((report.points(), report.cancelled(), report.sites().len()), (1, 1, 1));
/// assert!(report.to_string().contains("1 of 1 await points cancelled, at 1 site"));
/// report.unwrap();
/// ```
#[derive(Debug)]
#[must_use = "a report that is not looked at hides its failure; call `unwrap`"]
pub struct CancelReport {
    pub(crate) report: Report,
    pub(crate) coverage: Coverage,
}

/// A place in the program at which something waited.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Site {
    /// The file, as the compiler names it.
    pub file: String,
    /// The line of the operation that is waited for.
    pub line: u32,
    /// The operation, such as `recv`; where something is waited for that is not one of simoom's,
    /// the last before it, after the word `after`.
    pub operation: String,
    /// Where the [`scope`](super::scope) stands that was cancelled, if it was no task.
    pub scope: Option<(String, u32)>,
    /// How often something waited here in the undisturbed run.
    pub points: usize,
    /// How often it was woken here.
    pub woken: usize,
    /// At how many of these it was cancelled as it waited.
    pub cancelled: usize,
    /// At how many of these it was cancelled when it was woken.
    pub cancelled_woken: usize,
    /// How many of these runs failed.
    pub failed: usize,
}

/// A lock that was held by what was cancelled: what it guards may be left half changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeldLock {
    /// The file and the line at which the lock was taken.
    pub taken: (String, u32),
    /// The file and the line of the await at which the future was cancelled.
    pub cancelled: (String, u32),
}

/// A stream that took only the first bytes of a write, whose future was cancelled, and then was given
/// something else: its other end reads neither.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TornFrame {
    /// The file and the line of the write that was begun.
    pub begun: (String, u32),
    /// The file and the line of the await at which it was cancelled.
    pub cancelled: (String, u32),
    /// The file and the line of the write after it.
    pub next: (String, u32),
}

/// What runs that were cancelled in one place had left at their end, and the undisturbed run had not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeftBehind {
    /// What it is, such as `task`, `TCP stream`, `lock` or `timer`.
    pub what: String,
    /// The file and the line at which it was made, or of the operation before that, if it was made
    /// by a task.
    pub made: Option<(String, u32)>,
    /// The file and the line of the await at which something was cancelled.
    pub cancelled: (String, u32),
    /// In how many runs.
    pub runs: usize,
}

/// What was tried, by place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Coverage {
    pub(crate) points: Vec<AwaitPoint>,
    pub(crate) tried: Vec<Tried>,
    /// How many pairs were run of how many that are known.
    pub(crate) pairs: Option<(usize, usize)>,
    pub(crate) interrupted: BTreeSet<Interrupted>,
    pub(crate) torn: BTreeSet<Torn>,
    /// What there was at the end of the undisturbed run.
    pub(crate) remains: Remains,
    /// In how many runs there was more of something, and where these were cancelled.
    pub(crate) left: BTreeMap<(Remnant, AwaitPlace), usize>,
    sites: Vec<Site>,
}

/// What is cancelled, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Which of the points.
    pub(crate) point: usize,
    pub(crate) moment: Moment,
}

/// What came of a target.
#[derive(Clone, Debug)]
pub(crate) struct Tried {
    pub(crate) target: Target,
    /// It was cancelled there.
    pub(crate) reached: bool,
    /// What failed the run, if it failed.
    pub(crate) failure: Option<String>,
}

impl CancelReport {
    /// How many await points there are: how often a task, or a future that can be cancelled alone,
    /// waited in the undisturbed run.
    #[must_use]
    pub fn points(&self) -> usize {
        self.coverage.points.len()
    }

    /// At how many of them it was cancelled as it waited.
    #[must_use]
    pub fn cancelled(&self) -> usize {
        self.coverage.count(Moment::Waiting)
    }

    /// At how many of them it was cancelled when it was woken, before it was polled.
    #[must_use]
    pub fn cancelled_woken(&self) -> usize {
        self.coverage.count(Moment::Woken)
    }

    /// The places in the program, in the order of files and lines.
    #[must_use]
    pub fn sites(&self) -> &[Site] {
        &self.coverage.sites
    }

    /// The locks of `simoom::sync` that were held by what was cancelled.
    ///
    /// That is no failure. A lock is given back in good order, but what it guards is as the future
    /// left it: see that it holds there what is to hold between two locks.
    #[must_use]
    pub fn held_locks(&self) -> Vec<HeldLock> {
        let interrupted = self.coverage.interrupted.iter();
        interrupted
            .map(|it| HeldLock {
                taken: place(it.lock),
                cancelled: place(it.place.site),
            })
            .collect()
    }

    /// What runs that passed had left when the test ended, and the undisturbed run had not, or less
    /// of it: tasks, blocking closures, sockets, files, locks, reserved slots, places in queues,
    /// timers, and messages in channels, told apart by the line at which they were made.
    ///
    /// That is no failure: what is left may be about to go, or be in the place of what was
    /// cancelled. [`Config::cancel_deny`](crate::Config::cancel_deny) makes it one, and
    /// [`Config::leaks`](crate::Config::leaks) fails for what stays in any run.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use simoom::time::sleep;
    /// use simoom_sim::{Config, cancel};
    ///
    /// let report = cancel::every_await(Config::default(), |_sim| async {
    ///     let parent = simoom::spawn(async {
    ///         let child = simoom::spawn(std::future::pending::<()>());
    ///         sleep(Duration::from_millis(1)).await;
    ///         child.abort();
    ///     });
    ///     drop(parent.await);
    ///     sleep(Duration::from_millis(1)).await;
    /// });
    /// let left = report.left_behind();
    /// assert_eq!((left.len(), &*left[0].what, left[0].runs), (1, "task", 2));
    /// report.unwrap();
    /// ```
    #[must_use]
    pub fn left_behind(&self) -> Vec<LeftBehind> {
        let left = self.coverage.left.iter();
        left.map(|((remnant, cancelled), &runs)| LeftBehind {
            what: remnant.what.to_owned(),
            made: remnant.site.map(place),
            cancelled: place(cancelled.site),
            runs,
        })
        .collect()
    }

    /// The streams on which a write was cut off by a cancellation and something else was written
    /// after it.
    ///
    /// What was handed to a stream at once counts as one frame: a write that takes a part of its
    /// bytes is to be followed by the others, whoever writes them. That is no failure, since a
    /// protocol may find its frames again; few do. Where yours does not, make it one with
    /// [`Config::cancel_deny`](crate::Config::cancel_deny).
    /// A frame that is written in several pieces, and cut between two of them, is not seen.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use simoom::io::{AsyncReadExt, AsyncWriteExt};
    /// use simoom::net::{TcpListener, TcpStream};
    /// use simoom::time::sleep;
    /// use simoom_sim::{Config, Sim, cancel};
    ///
    /// let report = cancel::every_await(Config::default(), |sim: Sim| async move {
    ///     let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
    ///     let _reader = sim.node("reader").run(|| async {
    ///         let mut stream = TcpStream::connect("test:80").await.unwrap();
    ///         sleep(Duration::from_secs(1)).await;
    ///         drop(stream.read_to_end(&mut Vec::new()).await);
    ///     });
    ///     let (mut stream, _) = listener.accept().await.unwrap();
    ///     // More than its buffers take: it waits in the middle.
    ///     let big = vec![b'a'; 1 << 20];
    ///     if cancel::scope(stream.write_all(&big)).await.is_err() {
    ///         stream.write_all(b"the next").await.unwrap();
    ///     }
    /// });
    /// assert_eq!(report.torn_frames().len(), 1);
    /// assert!(report.to_string().contains("torn frame: "));
    /// report.unwrap();
    /// ```
    #[must_use]
    pub fn torn_frames(&self) -> Vec<TornFrame> {
        let torn = self.coverage.torn.iter();
        torn.map(|it| TornFrame {
            begun: place(it.begun),
            cancelled: place(it.cancelled.site),
            next: place(it.next),
        })
        .collect()
    }

    /// How many pairs were run and how many are known, if these were asked for.
    #[must_use]
    pub fn pairs(&self) -> Option<(usize, usize)> {
        self.coverage.pairs
    }

    /// The first failure, if there was one.
    #[must_use]
    pub fn failure(&self) -> Option<&Found> {
        self.report.failure()
    }

    /// The runs: the undisturbed one is not among them.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Returns if nothing failed.
    ///
    /// # Panics
    /// With the whole story of the first failure, if there was one.
    #[track_caller]
    pub fn unwrap(self) {
        self.report.unwrap();
    }
}

impl fmt::Display for CancelReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.report.label, self.coverage)?;
        match self.failure() {
            Some(found) => write!(f, "\n{found}"),
            None => Ok(()),
        }
    }
}

impl Coverage {
    /// Counts what was tried by place.
    pub(crate) fn add_up(&mut self) {
        let mut sites: BTreeMap<AwaitPlace, Site> = BTreeMap::new();
        let mut place = |point: &AwaitPoint, count: &dyn Fn(&mut Site)| {
            let site = sites
                .entry(point.place)
                .or_insert_with(|| Site::of(&point.place));
            count(site);
        };
        for point in &self.points {
            place(point, &|site| {
                site.points += 1;
                site.woken += usize::from(point.woken);
            });
        }
        for tried in &self.tried {
            let reached = usize::from(tried.reached);
            place(&self.points[tried.target.point], &|site| {
                match tried.target.moment {
                    Moment::Waiting => site.cancelled += reached,
                    Moment::Woken => site.cancelled_woken += reached,
                }
                site.failed += usize::from(tried.failure.is_some());
            });
        }
        self.sites = sites.into_values().collect();
    }

    fn count(&self, moment: Moment) -> usize {
        let tried = self.tried.iter();
        tried
            .filter(|it| it.reached && it.target.moment == moment)
            .count()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (points, sites) = (self.points.len(), self.sites.len());
        let woken = self.points.iter().filter(|point| point.woken).count();
        write!(
            f,
            "{} of {points} await points cancelled, at {sites} site{}; {} of {woken} when woken",
            self.count(Moment::Waiting),
            if sites == 1 { "" } else { "s" },
            self.count(Moment::Woken),
        )?;
        if let Some((run, known)) = self.pairs {
            write!(f, "; {run} of {known} pairs")?;
        }
        for site in &self.sites {
            write!(f, "\n  {site}")?;
        }
        if woken < points {
            let left = points - woken;
            write!(
                f,
                "\n  {left} of them were not woken again before the test ended"
            )?;
        }
        let missed: Vec<_> = self.tried.iter().filter(|tried| !tried.reached).collect();
        if let Some(first) = missed.first() {
            let why = first.failure.as_deref().unwrap_or("the run ended");
            write!(f, "\n  {} were not come to: {why}", missed.len())?;
        }
        let failed = self.tried.iter().filter_map(|tried| tried.failure.as_ref());
        let mut ways: BTreeMap<&String, usize> = BTreeMap::new();
        failed.for_each(|failure| *ways.entry(failure).or_default() += 1);
        for (failure, count) in ways {
            write!(f, "\n  {count} runs failed: {failure}")?;
        }
        for Interrupted { lock, place } in &self.interrupted {
            write!(
                f,
                "\n  cancelled with a lock held: taken at {}:{}, cancelled at {}:{}",
                lock.file(),
                lock.line(),
                place.site.file(),
                place.site.line()
            )?;
        }
        let mut left: BTreeMap<&Remnant, (usize, &AwaitPlace)> = BTreeMap::new();
        for ((remnant, cancelled), runs) in &self.left {
            left.entry(remnant).or_insert((0, cancelled)).0 += runs;
        }
        for (remnant, (runs, cancelled)) in left {
            write!(f, "\n  left behind: {}", remnant.told())?;
            let (file, line) = (cancelled.site.file(), cancelled.site.line());
            let plural = if runs == 1 { "" } else { "s" };
            write!(
                f,
                ", by {runs} run{plural}, as when cancelled at {file}:{line}"
            )?;
        }
        for torn in &self.torn {
            write!(f, "\n  {}", super::deny::tear(torn))?;
        }
        Ok(())
    }
}

fn place(location: &std::panic::Location<'_>) -> (String, u32) {
    (location.file().to_owned(), location.line())
}

impl Site {
    fn of(place: &AwaitPlace) -> Self {
        let operation = place.operation;
        Self {
            file: place.site.file().to_owned(),
            line: place.site.line(),
            operation: match place.is_after {
                true => format!("after {operation}"),
                false => operation.to_owned(),
            },
            scope: place.scope.map(|it| (it.file().to_owned(), it.line())),
            points: 0,
            woken: 0,
            cancelled: 0,
            cancelled_woken: 0,
            failed: 0,
        }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            operation,
            points,
            cancelled,
            cancelled_woken,
            woken,
            ..
        } = self;
        write!(
            f,
            "{file}:{line}  {operation}  {cancelled} of {points}, {cancelled_woken} of {woken} when woken"
        )?;
        if let Some((file, line)) = &self.scope {
            write!(f, ", of the future at {file}:{line}")?;
        }
        match self.failed {
            0 => Ok(()),
            1 => f.write_str("; 1 run failed"),
            failed => write!(f, "; {failed} runs failed"),
        }
    }
}
