//! The list of programs.

use std::pin::Pin;

use simoom_sim::{Config, Report, Sim, check};

use super::edit::Edit;
use super::stored::Program;
use super::{draws, environment, order};

/// A program with a bug.
#[derive(Clone, Copy)]
pub struct Kernel {
    /// What it is called.
    pub name: &'static str,
    /// The fewest choices that differ from calm and show the bug.
    pub optimum: usize,
    /// What its sweeps need.
    settings: fn(Config) -> Config,
    /// What it does.
    body: fn(Sim, Edit) -> Body,
}

impl Kernel {
    /// How a sweep of it is set whose failure is for this process alone.
    pub fn config(&self) -> Config {
        let config = Config::default().persist(false).explain(false);
        (self.settings)(config.doubled(0).processes(0))
    }

    /// One run of it, edited so.
    #[must_use]
    pub fn run(&self, sim: Sim, edit: Edit) -> Body {
        (self.body)(sim, edit)
    }

    /// Sweeps it, edited so.
    pub fn check(&self, config: Config, edit: Edit) -> Report {
        let body = self.body;
        let sweep = move || check(config, move |sim| body(sim, edit));
        // Elsewhere than on a test's thread, no fresh process shows each failure again.
        let swept = std::thread::spawn(sweep).join();
        swept.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Program for Kernel {
    fn name(&self) -> &'static str {
        self.name
    }

    fn config(&self) -> Config {
        self.config()
    }

    fn check(&self, config: Config, edit: Edit) -> Report {
        self.check(config, edit)
    }
}

/// A run of a program.
pub type Body = Pin<Box<dyn Future<Output = ()>>>;

/// Makes a kernel of an `async fn`.
macro_rules! kernel {
    ($name:ident in $room:ident, $optimum:literal) => {
        kernel!($name in $room, $optimum, |config| config)
    };
    ($name:ident in $room:ident, $optimum:literal, $config:expr) => {
        Kernel {
            name: stringify!($name),
            optimum: $optimum,
            settings: $config,
            body: |sim, edit| Box::pin($room::$name(sim, edit)),
        }
    };
}

/// All of them.
pub const KERNELS: [Kernel; 20] = [
    kernel!(lost_update in order, 1),
    kernel!(lost_updates in order, 2),
    kernel!(reorder_10 in order, 1),
    kernel!(twostage_10 in order, 1),
    kernel!(account in order, 1),
    kernel!(bluetooth_driver in order, 1),
    kernel!(crossed_locks in order, 1),
    kernel!(lost_notify in order, 1),
    kernel!(seen_in_turn in order, 3),
    kernel!(select_order in order, 1),
    kernel!(slow_task in order, 1, |config| {
        config.stalls(std::time::Duration::from_millis(50))
    }),
    kernel!(late_segment in environment, 1),
    kernel!(overtaken in environment, 1),
    kernel!(short_read in environment, 1),
    kernel!(lost_datagrams in environment, 2),
    kernel!(failed_writes in environment, 2),
    kernel!(unsynced in environment, 2),
    kernel!(killed_between in environment, 1),
    kernel!(drawn_names in draws, 1, |config| config.shrink_entropy(true)),
    kernel!(fourth_draw in draws, 1, |config| config.shrink_entropy(true)),
];
