//! What a run may leave behind.
//!
//! Owns what is allowed. Knows nothing of how leaks are found.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

/// What a run may leave behind at its end, for [`Sim::leaks`](crate::Sim::leaks) and
/// [`Config::leaks`](crate::Config::leaks).
///
/// # Examples
/// See [`Sim::leaks`](crate::Sim::leaks).
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Leaks {
    allowed: BTreeSet<Leak>,
    nodes: BTreeSet<String>,
    pub(crate) settle: Duration,
}

/// What can be left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Leak {
    /// A task that has not ended.
    Task,
    /// A blocking closure that has not returned.
    Blocking,
    /// A socket of whatever kind, a listener, or an end of a pipe.
    Socket,
    /// An open file.
    File,
    /// A timer that nobody waits for who is still there.
    Timer,
    /// A file below `/tmp`.
    TempFile,
    /// A lock whose guard was never dropped.
    Lock,
    /// Messages in a channel of `mpsc` that nobody has received, also if its receiver was dropped.
    Messages,
}

impl Leaks {
    /// Nothing may be left behind.
    pub fn none() -> Self {
        Self {
            allowed: BTreeSet::new(),
            nodes: BTreeSet::new(),
            settle: Duration::from_secs(10),
        }
    }

    /// What is of this kind may.
    pub fn allow(mut self, leak: Leak) -> Self {
        self.allowed.insert(leak);
        self
    }

    /// Whatever is on the node of this name may.
    pub fn allow_on(mut self, node: &str) -> Self {
        self.nodes.insert(node.to_owned());
        self
    }

    /// How much virtual time what is under way has to end by itself once the test has returned
    /// (default 10 s). The run goes on for as long, or until nothing is due any more.
    pub fn settle(mut self, time: Duration) -> Self {
        self.settle = time;
        self
    }

    pub(crate) fn allows(&self, leak: Leak) -> bool {
        self.allowed.contains(&leak)
    }

    pub(crate) fn allows_on(&self, node: &str) -> bool {
        self.nodes.contains(node)
    }
}

/// The kind's name, in lower case.
impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Task => "task",
            Self::Blocking => "blocking closure",
            Self::Socket => "socket",
            Self::File => "file",
            Self::Timer => "timer",
            Self::TempFile => "temporary file",
            Self::Lock => "lock",
            Self::Messages => "messages",
        })
    }
}
