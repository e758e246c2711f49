//! Why a run failed, and how two failures are told to be the same.

use std::fmt;

use crate::intercept::Escape;

/// Why a run failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// A task panicked.
    Panic {
        /// The panic's message.
        message: String,
        /// Where it panicked: file, line and column.
        location: String,
        /// The task, as people read it.
        task: String,
    },
    /// A node's main, or the test, returned an error.
    Error {
        /// The node.
        node: String,
        /// The error.
        message: String,
    },
    /// An assertion of the program that is to hold always did not hold, or was come to although it
    /// is not to be: [`assert_always!`](simoom::assert_always) and its kin.
    Assertion {
        /// What it asks, as its macro has it.
        rule: String,
        /// What it says.
        message: String,
        /// Where it stands: file, line and column.
        location: String,
        /// The task, as people read it.
        task: String,
        /// The two numbers that it compared, if it did.
        numbers: Option<(i128, i128)>,
        /// What else the program said of this moment.
        detail: Option<String>,
    },
    /// The test waits for something that can no longer happen.
    Deadlock,
    /// The test waits, and all that could run is on nodes that are paused.
    Paused {
        /// The nodes.
        nodes: Vec<String>,
    },
    /// The test waits for what was handed to a future that is not polled, or is held by one: a
    /// futurelock.
    Futurelock {
        /// The task that waits, as people read it, and where.
        waits: String,
        /// The task of the future that is not polled, and where that future waits or took the lock.
        unpolled: String,
    },
    /// The run took more polls than allowed.
    StepLimit {
        /// The limit.
        steps: u64,
    },
    /// The run took more virtual time than allowed.
    TimeLimit {
        /// The limit in nanoseconds.
        limit_ns: i64,
    },
    /// Simulated code did something outside the simulation, which no seed repeats.
    Escaped {
        /// What it did.
        escape: Escape,
        /// The function of libc that it called, and with what.
        call: String,
        /// The task, as people read it.
        task: String,
        /// The innermost function of the program that led there, and where it stands.
        place: String,
    },
    /// What was to hold once faults had ended did not come to hold in time: a failure of liveness.
    NotConverged {
        /// What did not come to hold.
        what: String,
        /// How long it had, in nanoseconds of virtual time.
        within_ns: i64,
    },
    /// Faults that a plan has never happened in a whole sweep.
    InertFaults {
        /// Each with the reason.
        faults: Vec<String>,
    },
    /// The test passed, and something is left that was to be gone.
    Leaked {
        /// Each with who made it and where.
        leaks: Vec<String>,
    },
    /// The test passed, but something was cancelled and left or tore what
    /// [`Config::cancel_deny`](crate::Config::cancel_deny) denies.
    AfterCancel {
        /// Each with where it was made and where something was cancelled.
        wrongs: Vec<String>,
    },
    /// No run of a whole sweep came to assertions that some run is to come to, or saw them hold.
    Unseen {
        /// Each with what was seen of it.
        assertions: Vec<String>,
    },
    /// A plan of faults names nodes that no run of a whole sweep has.
    UnknownNodes {
        /// Each name, with where the plan says it.
        names: Vec<String>,
        /// The names of the nodes there are.
        nodes: Vec<String>,
    },
    /// Runs that are made at the same time use one thing, such as a lock that is a static: none of
    /// them is what its seed says, and no seed repeats it.
    SharedByRuns {
        /// The task, as people read it.
        task: String,
        /// The operation in which it uses the thing, or the last one before that.
        place: String,
    },
    /// Replaying the same choices gave another run: something outside them decides.
    Nondeterminism {
        /// What differed.
        message: String,
    },
}

/// What sort of failure it is.
///
/// # Examples
/// ```
/// use simoom_sim::{Class, Config, check};
///
/// let config = || Config::default().seeds(1).persist(false);
/// let report = check(config(), |_sim| async { assert_eq!(1 + 1, 3) });
/// assert_eq!(report.failure().unwrap().class(), Class::Correctness);
///
/// let report = check(config(), |sim| async move {
///     let server = sim.node("server");
///     server.spawn(async { panic!("the server fell over") }).await.unwrap();
/// });
/// assert_eq!(report.failure().unwrap().class(), Class::Crash);
///
/// let report = check(config(), |_sim| std::future::pending::<()>());
/// assert_eq!(report.failure().unwrap().class(), Class::Liveness);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Class {
    /// A task of a node other than the test's own panicked, or such a node's main returned an
    /// error: the program fell over.
    Crash,
    /// The test waits for what can no longer happen, or for what did not come to hold in time.
    Liveness,
    /// A task on the test's own node panicked, or the test returned an error: the test found
    /// something wrong; or a plan of faults did nothing, or names what is not there.
    Correctness,
    /// The same choices gave two different runs, or simulated code left the simulation: something
    /// outside of it decides.
    Nondeterminism,
    /// The run took more polls or more virtual time than it may.
    Timeout,
    /// An assertion in the program itself did not hold.
    Assertion,
}

impl Class {
    /// The status with which a process exits that was started for one run and shows such a failure:
    /// 81 to 86, in the order of [`Correctness`](Self::Correctness), [`Crash`](Self::Crash),
    /// [`Liveness`](Self::Liveness), [`Nondeterminism`](Self::Nondeterminism),
    /// [`Timeout`](Self::Timeout) and [`Assertion`](Self::Assertion).
    ///
    /// So exits [`Report::unwrap`](crate::Report::unwrap) under `SIMOOM_SEED` or `SIMOOM_REPLAY`
    /// where the process runs one test alone, by `--exact` and its name, or an example. A run that
    /// passes exits with 0, and a test binary that fails in any other way with 101.
    ///
    /// # Examples
    /// ```
    /// use simoom_sim::Class;
    ///
    /// assert_eq!(Class::Correctness.exit_code(), 81);
    /// assert_eq!(Class::Timeout.exit_code(), 85);
    /// ```
    #[must_use]
    pub fn exit_code(self) -> i32 {
        match self {
            Self::Correctness => 81,
            Self::Crash => 82,
            Self::Liveness => 83,
            Self::Nondeterminism => 84,
            Self::Timeout => 85,
            Self::Assertion => 86,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Crash => "crash",
            Self::Liveness => "liveness",
            Self::Correctness => "correctness",
            Self::Nondeterminism => "nondeterminism",
            Self::Timeout => "timeout",
            Self::Assertion => "assertion",
        })
    }
}

impl Failure {
    /// What sort of failure it is.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Panic { task, .. } if task.starts_with("test/") => Class::Correctness,
            Self::Error { node, .. } if node == THE_TEST => Class::Correctness,
            Self::Panic { .. } | Self::Error { .. } => Class::Crash,
            Self::Deadlock
            | Self::Futurelock { .. }
            | Self::Paused { .. }
            | Self::NotConverged { .. } => Class::Liveness,
            Self::InertFaults { .. } | Self::UnknownNodes { .. } | Self::Unseen { .. } => {
                Class::Correctness
            }
            Self::Leaked { .. } | Self::AfterCancel { .. } => Class::Correctness,
            Self::Assertion { .. } => Class::Assertion,
            Self::StepLimit { .. } | Self::TimeLimit { .. } => Class::Timeout,
            Self::Escaped { .. } | Self::SharedByRuns { .. } | Self::Nondeterminism { .. } => {
                Class::Nondeterminism
            }
        }
    }

    /// What a user may want to do about how the run ended, rather than about what was wrong.
    ///
    /// Nothing where the panic of a node's main ended it.
    pub(crate) fn hint(&self) -> Option<String> {
        let Self::Panic { task, .. } = self else {
            return None;
        };
        let (node, within) = task.split_once('/').filter(|&(node, _)| node != "test")?;
        if within.split('#').next() == Some("main") {
            // Contained, it ends the node's process all the same.
            return None;
        }
        Some(format!(
            "a panic in a task of a node ends the run; if this is one that production survives, \
             say so: with `on_failure(OnFailure::Contain)`, a panic on {node} ends its task alone"
        ))
    }

    /// What makes two failures the same: their kind, file and message without numbers.
    ///
    /// Lines are left out, so that an edit above does not make it another failure; so is how much
    /// white space there is, which a line of a stored plan does not keep.
    pub(crate) fn signature(&self) -> String {
        let text = self.kind_and_message();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn kind_and_message(&self) -> String {
        match self {
            Self::Panic {
                message, location, ..
            } => {
                let file = location.split(':').next().unwrap_or_default();
                format!("panic {file} {}", without_numbers(message))
            }
            Self::Error { node, message } => format!("error {node} {}", without_numbers(message)),
            Self::Assertion {
                rule,
                message,
                location,
                ..
            } => {
                let file = location.split(':').next().unwrap_or_default();
                format!("assertion {file} {rule} {}", without_numbers(message))
            }
            Self::Deadlock => "deadlock".to_owned(),
            Self::Paused { .. } => "paused".to_owned(),
            Self::Futurelock { .. } => "futurelock".to_owned(),
            Self::StepLimit { .. } => "step limit".to_owned(),
            Self::TimeLimit { .. } => "time limit".to_owned(),
            Self::Escaped {
                escape,
                call,
                place,
                ..
            } => {
                // Not the line: an edit above moves it.
                let function = place.split(" at ").next().unwrap_or_default();
                let call = call.split_whitespace().next().unwrap_or_default();
                format!("{escape:?} {call} {function}")
            }
            Self::NotConverged { what, .. } => format!("not converged {}", without_numbers(what)),
            Self::InertFaults { .. } => "inert faults".to_owned(),
            Self::Leaked { leaks } => {
                // Not the lines: an edit above moves them.
                let first = leaks
                    .first()
                    .map_or("", |leak| leak.split(" at ").next().unwrap_or_default());
                format!("leaked {}", without_numbers(first))
            }
            Self::AfterCancel { wrongs } => {
                let first = wrongs.first().map_or("", String::as_str);
                format!("after cancel {}", without_numbers(first))
            }
            Self::Unseen { .. } => "unseen assertions".to_owned(),
            Self::UnknownNodes { .. } => "unknown nodes".to_owned(),
            Self::SharedByRuns { .. } => "shared by runs".to_owned(),
            Self::Nondeterminism { .. } => "nondeterminism".to_owned(),
        }
    }
}

/// The first line of `message` with every number replaced by `N`.
fn without_numbers(message: &str) -> String {
    let mut text = String::new();
    let mut in_number = false;
    // An assertion's values stand on the lines after its first.
    for character in message.lines().next().unwrap_or_default().chars() {
        if character.is_ascii_digit() {
            if !in_number {
                text.push('N');
            }
            in_number = true;
        } else {
            in_number = false;
            text.push(character);
        }
    }
    text
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panic {
                message,
                location,
                task,
            } => {
                write!(f, "task {task} panicked at {location}: {message}")
            }
            Self::Error { node, message } => write!(f, "{node} returned an error: {message}"),
            Self::Assertion {
                rule,
                message,
                location,
                task,
                numbers,
                detail,
            } => {
                let how = match (&**rule, numbers) {
                    ("unreachable", _) => " was come to".to_owned(),
                    (_, Some((left, right))) => format!(" does not hold of {left} and {right}"),
                    _ => " does not hold".to_owned(),
                };
                write!(f, "{rule} {message:?}{how}, in task {task} at {location}")?;
                match detail {
                    Some(detail) => write!(f, ": {detail}"),
                    None => Ok(()),
                }
            }
            Self::Deadlock => f.write_str(
                "deadlock: the test waits, no task can run, and nothing is due to happen (threads \
                 outside the simulation are not waited for)",
            ),
            Self::Paused { nodes } => write!(
                f,
                "deadlock: the test waits, and all that could run is on paused nodes: {} (resume \
                 them with `Node::resume`, or pause them with `Node::pause_for`)",
                nodes.join(", ")
            ),
            Self::Futurelock { waits, unpolled } => write!(
                f,
                "futurelock: task {waits} waits behind a future of task {unpolled}, which nobody polls \
                 any more (a future that is kept must be polled, or dropped, before its task waits \
                 for something else)"
            ),
            Self::StepLimit { steps } => {
                write!(
                    f,
                    "the run took more than {steps} polls (raise it with `steps` of the attribute or of \
                     `Config`)"
                )
            }
            Self::TimeLimit { limit_ns } => write!(
                f,
                "the run took more than {} of virtual time (raise it with `time` of the attribute or \
                 of `Config`)",
                Seconds(*limit_ns)
            ),
            Self::Escaped {
                escape,
                call,
                task,
                place,
            } => write!(
                f,
                "task {task} {}: {call}, called by {place} (use {}; if it is meant, allow it with \
                 `sim.allow({escape:?})`)",
                escape.deed(),
                escape.instead(),
            ),
            Self::NotConverged { what, within_ns } => write!(
                f,
                "not converged after {} of virtual time without faults: {what}",
                Seconds(*within_ns)
            ),
            Self::InertFaults { faults } => {
                f.write_str(
                    "every seed passed, but faults of the plan did nothing (say `may_be_inert` \
                     where that is fine):",
                )?;
                for fault in faults {
                    write!(f, "\n  {fault}")?;
                }
                Ok(())
            }
            Self::Leaked { leaks } => {
                f.write_str("the test passed, but something is left behind:")?;
                for leak in leaks {
                    write!(f, "\n  {leak}")?;
                }
                Ok(())
            }
            Self::AfterCancel { wrongs } => {
                f.write_str("the test passed, but what was cancelled did not end well:")?;
                for wrong in wrongs {
                    write!(f, "\n  {wrong}")?;
                }
                Ok(())
            }
            Self::Unseen { assertions } => {
                f.write_str(
                    "every seed passed, but none saw what some run is to see of the program's \
                     assertions:",
                )?;
                for assertion in assertions {
                    write!(f, "\n  {assertion}")?;
                }
                Ok(())
            }
            Self::UnknownNodes { names, nodes } => {
                f.write_str(
                    "every seed passed, but the plan of faults names nodes that none has:",
                )?;
                for name in names {
                    write!(f, "\n  {name}")?;
                }
                write!(
                    f,
                    "\nthere is {} (a node that only some seeds use is made by `sim.node` in all; a plan \
                     that several tests share is given to each without the names that it lacks)",
                    nodes.join(", ")
                )
            }
            Self::SharedByRuns { task, place } => write!(
                f,
                "runs that are made at the same time share a lock, a channel or the like: task {task} \
                 uses it {place} (make it in the test and pass it in; what is a static is one thing \
                 for all runs of the process, and with `jobs(1)` each still finds what the one before \
                 has left in it)"
            ),
            Self::Nondeterminism { message } => {
                write!(f, "the run is not deterministic: {message}")
            }
        }
    }
}

impl std::error::Error for Failure {}

/// What an error's `node` is if the test itself returned it.
pub(crate) const THE_TEST: &str = "the test";

/// Nanoseconds as seconds with three decimals.
#[derive(Clone, Copy)]
pub(crate) struct Seconds(pub(crate) i64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0 / 1_000;
        let text = format!("{}.{:03} s", micros / 1_000_000, micros / 1_000 % 1_000);
        f.pad(&text)
    }
}
