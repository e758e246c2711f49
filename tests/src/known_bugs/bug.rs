//! What is known of a bug, and how its program is run.

use std::pin::Pin;

use simoom_sim::{Config, Report, Sim, check};

use crate::kernels::{self, Edit};

/// A program that fails only by one bug, which some software had.
#[derive(Clone, Copy)]
pub struct Bug {
    /// What it is called.
    pub name: &'static str,
    /// Where the bug is described: the address of an issue, a change or a paper.
    pub source: &'static str,
    /// What went wrong there, in a sentence or two.
    pub story: &'static str,
    /// What sort of bug it is.
    pub family: Family,
    /// Words that its failure says, and no other.
    pub fails: &'static str,
    /// Within how many seeds the default strategy finds it.
    pub seeds: u64,
    /// What its sweeps need beyond the defaults.
    pub settings: fn(Config) -> Config,
    /// What it does.
    pub program: fn(Sim, Twin) -> Program,
}

/// A run of a program.
pub type Program = Pin<Box<dyn Future<Output = ()>>>;

impl Bug {
    /// How a sweep of it is set whose failure is for this process alone.
    #[must_use]
    pub fn config(&self) -> Config {
        let config = Config::default().persist(false).explain(false);
        (self.settings)(config.doubled(0).processes(0)).seeds(self.seeds)
    }

    /// Sweeps one of its programs.
    pub fn check(&self, config: Config, twin: Twin) -> Report {
        let program = self.program;
        let sweep = move || {
            check(config, move |sim| async move {
                twin.edit.begin(&sim);
                program(sim, twin).await;
            })
        };
        // Elsewhere than on a test's thread, no fresh process shows each failure again.
        let swept = std::thread::spawn(sweep).join();
        swept.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl kernels::Program for Bug {
    fn name(&self) -> &'static str {
        self.name
    }

    fn config(&self) -> Config {
        self.config()
    }

    fn check(&self, config: Config, edit: Edit) -> Report {
        self.check(config, Twin::BUGGY.edited(edit))
    }
}

/// What sort of bug it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Something is looked at, and is not so any more when that is acted on.
    Atomicity,
    /// Something happens before what it needs.
    Order,
    /// A future is dropped half way, and what it had begun is left so.
    Cancellation,
    /// Tasks, or the futures of one task, wait for each other.
    Deadlock,
    /// Somebody waits for what has happened already.
    LostWakeup,
    /// A message, or what was written, is nowhere in the end.
    Loss,
    /// Something that is to be given back is not.
    Leak,
    /// A clock or a time-out is trusted with more than it says.
    Timeout,
}

impl Family {
    /// Its name, for tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Atomicity => "atomicity",
            Self::Order => "order",
            Self::Cancellation => "cancellation",
            Self::Deadlock => "deadlock",
            Self::LostWakeup => "lost wake-up",
            Self::Loss => "loss",
            Self::Leak => "leak",
            Self::Timeout => "time-out",
        }
    }
}

/// Which of the two programs is run, and what was edited in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Twin {
    is_fixed: bool,
    edit: Edit,
}

impl Twin {
    /// The one with the bug.
    pub const BUGGY: Self = Self::new(false);

    /// The one without.
    pub const FIXED: Self = Self::new(true);

    const fn new(is_fixed: bool) -> Self {
        let edit = Edit::None;
        Self { is_fixed, edit }
    }

    /// The same with an edit.
    #[must_use]
    pub fn edited(self, edit: Edit) -> Self {
        Self { edit, ..self }
    }

    /// Whether it is the one without the bug.
    #[must_use]
    pub fn is_fixed(self) -> bool {
        self.is_fixed
    }

    /// A place in the middle of a program, where edits add what they add.
    pub fn here(self) {
        self.edit.here();
    }
}

/// Makes a bug of an `async fn` of the same name.
macro_rules! bug {
    (
        $name:ident, $family:ident, $fails:literal, seeds: $seeds:literal,
        $(settings: $settings:expr,)?
        $source:literal, $story:literal $(,)?
    ) => {
        $crate::known_bugs::Bug {
            name: stringify!($name),
            source: $source,
            story: $story,
            family: $crate::known_bugs::Family::$family,
            fails: $fails,
            seeds: $seeds,
            settings: $crate::known_bugs::bug::bug!(@ $($settings)?),
            program: |sim, twin| Box::pin($name(sim, twin)),
        }
    };
    (@) => { |config| config };
    (@ $settings:expr) => { $settings };
}
pub(super) use bug;
