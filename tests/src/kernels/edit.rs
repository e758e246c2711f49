//! Edits of a program that have nothing to do with its bug.

use simoom_sim::Sim;

use super::spawn::{busy, edited};

/// What was changed since a failure was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Nothing.
    None,
    /// There is one more task, which uses a lock of its own and gives way now and then.
    Task,
    /// Before the first task of each name there is one more of that name, which does as that one.
    EqualBefore,
    /// After the first task of each name there is one more of that name, before any others of it.
    EqualAfter,
    /// There is one more line of log wherever something happens.
    Log,
    /// One more number is drawn wherever something happens.
    Draw,
}

impl Edit {
    /// All but [`Edit::None`].
    pub const ALL: [Self; 5] = [
        Self::Task,
        Self::EqualBefore,
        Self::EqualAfter,
        Self::Log,
        Self::Draw,
    ];

    /// Its name, for tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Task => "task",
            Self::EqualBefore => "equal_before",
            Self::EqualAfter => "equal_after",
            Self::Log => "log",
            Self::Draw => "draw",
        }
    }

    /// What it adds to the beginning of a program.
    pub fn begin(self, sim: &Sim) {
        edited(self);
        if self == Self::Task {
            simoom::task::spawn_local(busy());
        }
        self.note(sim);
    }

    /// What it adds to a place at which something happens.
    pub fn here(self) {
        match self {
            Self::None | Self::Task | Self::EqualBefore | Self::EqualAfter => {}
            Self::Log => tracing::info!("something happens"),
            Self::Draw => {
                let _ = simoom::rand::below(10);
            }
        }
    }

    /// The same with the simulation at hand.
    pub fn note(self, sim: &Sim) {
        if self == Self::Log {
            sim.note("something happens");
        }
        self.here();
    }
}
