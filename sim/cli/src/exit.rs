//! What the command ends with.

use std::fmt;

/// The exit status, by what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Nothing failed, and what was asked for was done.
    Clean,
    /// `diff`: the two are not the same run.
    Differ,
    /// The command line is not understood.
    Usage,
    /// No test is selected.
    Nothing,
    /// A file, a bundle or a test is not there, or cannot be read.
    Missing,
    /// What was to be worked with does not fail any more.
    Gone,
    /// Failures of several classes.
    Several,
    /// Failures of one class, by the status that its test would have.
    Class(Class),
    /// A test failed outside of every simulation, or ended without an answer.
    Outside,
    /// cargo could not build the tests.
    Build,
}

/// The class of a failure, as the tests name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    Correctness,
    Crash,
    Liveness,
    Nondeterminism,
    Timeout,
    Assertion,
}

const CLASSES: [(&str, Class, i32); 6] = [
    ("correctness", Class::Correctness, 81),
    ("crash", Class::Crash, 82),
    ("liveness", Class::Liveness, 83),
    ("nondeterminism", Class::Nondeterminism, 84),
    ("timeout", Class::Timeout, 85),
    ("assertion", Class::Assertion, 86),
];

impl Exit {
    pub(crate) fn status(self) -> i32 {
        match self {
            Self::Clean => 0,
            Self::Differ => 1,
            Self::Usage => 2,
            Self::Nothing => 4,
            Self::Missing => 5,
            Self::Gone => 6,
            Self::Several => 80,
            Self::Class(class) => CLASSES
                .iter()
                .find_map(|&(_, it, status)| (it == class).then_some(status))
                .unwrap_or(80),
            Self::Outside => 100,
            Self::Build => 101,
        }
    }

    /// Of a process that replayed one test.
    pub(crate) fn of_replay(status: Option<i32>) -> Self {
        let class = CLASSES.iter().find(|&&(_, _, it)| Some(it) == status);
        match (status, class) {
            (Some(0), _) => Self::Clean,
            (_, Some(&(_, class, _))) => Self::Class(class),
            _ => Self::Outside,
        }
    }

    /// Of all failures of a sweep, by the names of their classes. What is not deterministic makes
    /// the others doubtful; what failed outside of a simulation is no finding of it.
    pub(crate) fn of_classes<'a>(classes: impl IntoIterator<Item = &'a str>) -> Self {
        let mut found = Vec::new();
        for name in classes {
            match CLASSES.iter().find(|(it, ..)| *it == name) {
                Some(&(_, class, _)) => found.push(class),
                None => return Self::Outside,
            }
        }
        found.sort_unstable();
        found.dedup();
        match *found {
            [] => Self::Clean,
            [class] => Self::Class(class),
            _ if found.contains(&Class::Nondeterminism) => Self::Class(Class::Nondeterminism),
            _ => Self::Several,
        }
    }
}

/// Why a command could not do its work.
#[derive(Debug)]
pub(crate) struct Stopped {
    pub(crate) exit: Exit,
    pub(crate) message: String,
}

impl Stopped {
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::with(Exit::Usage, message)
    }

    pub(crate) fn missing(message: impl fmt::Display) -> Self {
        Self::with(Exit::Missing, message)
    }

    pub(crate) fn with(exit: Exit, message: impl fmt::Display) -> Self {
        Self {
            exit,
            message: message.to_string(),
        }
    }
}

/// How a command ends.
pub(crate) type Ended = Result<Exit, Stopped>;

#[cfg(test)]
mod tests;
