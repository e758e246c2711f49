//! What simulated code does outside the simulation.
//!
//! Owns the kinds of such acts and the words for them. Knows nothing of how they are noticed.

use std::backtrace::Backtrace;
use std::fmt;
use std::ops::{BitOr, BitOrAssign};

/// Kinds of things that simulated code does outside the simulation, where nothing is repeated.
///
/// Each of them fails the run ([`Failure::Escaped`](crate::Failure::Escaped)), and the call itself
/// is refused, unless the test allows its kind with [`Sim::allow`](crate::Sim::allow).
///
/// # Examples
/// ```
/// use simoom_sim::{Config, Escape, check};
///
/// check(Config::default().seeds(3), |sim| async move {
///     sim.allow(Escape::THREADS);
///     let sum = std::thread::spawn(|| (1..=100).sum::<u64>()).join().unwrap();
///     assert_eq!(sum, 5050);
/// })
/// .unwrap();
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Escape(u8);

impl Escape {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Starting a thread of the operating system. The run does not wait for it, and it is not
    /// simulated: the clock and the entropy it sees are the real ones.
    pub const THREADS: Self = Self(1);
    /// Sleeping in real time. As much virtual time passes, for the whole world.
    pub const SLEEP: Self = Self(1 << 1);
    /// Changing real files: opening one to write to it, creating, renaming, deleting. Reading is
    /// no escape.
    pub const FILES: Self = Self(1 << 2);
    /// Sockets of the operating system, and looking up names in its network.
    pub const SOCKETS: Self = Self(1 << 3);
    /// Starting a process.
    pub const PROCESSES: Self = Self(1 << 4);
    /// All of them.
    pub const ALL: Self = Self((1 << 5) - 1);

    /// Whether every kind of `other` is among these.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// What was done, after the name of a task.
    pub(crate) fn deed(self) -> &'static str {
        match self {
            Self::THREADS => "started a thread of the operating system",
            Self::SLEEP => "slept in real time",
            Self::FILES => "changed a real file",
            Self::SOCKETS => "went to the real network",
            _ => "started a process",
        }
    }

    /// What to do instead.
    pub(crate) fn instead(self) -> &'static str {
        match self {
            Self::THREADS => "simoom::spawn or simoom::task::spawn_blocking",
            Self::SLEEP => "simoom::time::sleep",
            Self::FILES => "simoom::fs",
            Self::SOCKETS => "simoom::net",
            _ => "a node of the simulation",
        }
    }

    fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES
            .into_iter()
            .filter(move |&(escape, _)| self.contains(escape))
            .map(|(_, name)| name)
    }
}

const NAMES: [(Escape, &str); 5] = [
    (Escape::THREADS, "THREADS"),
    (Escape::SLEEP, "SLEEP"),
    (Escape::FILES, "FILES"),
    (Escape::SOCKETS, "SOCKETS"),
    (Escape::PROCESSES, "PROCESSES"),
];

impl BitOr for Escape {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Escape {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

impl fmt::Debug for Escape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NONE {
            return f.write_str("Escape::NONE");
        }
        for (index, name) in self.names().enumerate() {
            let between = if index == 0 { "" } else { " | " };
            write!(f, "{between}Escape::{name}")?;
        }
        Ok(())
    }
}

/// One thing that was done, or tried.
#[derive(Debug)]
pub(crate) struct Escaped {
    pub(crate) escape: Escape,
    /// The function of libc.
    pub(crate) call: &'static str,
    /// What it was called with, if that says more.
    pub(crate) argument: Option<String>,
    pub(crate) stack: Backtrace,
}

#[cfg(test)]
mod tests {
    use super::Escape;

    #[test]
    fn kinds_combine_and_name_themselves() {
        let both = Escape::FILES | Escape::THREADS;
        assert!(both.contains(Escape::FILES));
        assert!(both.contains(Escape::NONE));
        assert!(!both.contains(Escape::FILES | Escape::SLEEP));
        assert!(Escape::ALL.contains(both | Escape::SLEEP | Escape::SOCKETS | Escape::PROCESSES));
        assert_eq!(format!("{both:?}"), "Escape::THREADS | Escape::FILES");
        assert_eq!(format!("{:?}", Escape::default()), "Escape::NONE");
    }
}
