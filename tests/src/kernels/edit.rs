//! Edits of a program that have nothing to do with its bug.

use simoom::task::yield_now;
use simoom_sim::Sim;

/// What was changed since a failure was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Nothing.
    None,
    /// There is one more task, which uses a lock of its own and gives way now and then.
    Task,
    /// There is one more line of log wherever something happens.
    Log,
    /// One more number is drawn wherever something happens.
    Draw,
}

impl Edit {
    /// All but [`Edit::None`].
    pub const ALL: [Self; 3] = [Self::Task, Self::Log, Self::Draw];

    /// Its name, for tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Task => "task",
            Self::Log => "log",
            Self::Draw => "draw",
        }
    }

    /// What it adds to the beginning of a program.
    pub fn begin(self, sim: &Sim) {
        if self == Self::Task {
            simoom::task::spawn_local(async {
                let lock = simoom::sync::Mutex::new(0);
                for _ in 0..3 {
                    *lock.lock().await += 1;
                    yield_now().await;
                }
            });
        }
        self.note(sim);
    }

    /// What it adds to a place at which something happens.
    pub fn here(self) {
        match self {
            Self::None | Self::Task => {}
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
