//! `cargo simoom`: sweeps simulated tests, and works with the failures that they find.
//!
//! A program: as a library it has its `main`, and what a fuzzer looks at.
//!
//! Drives ordinary test binaries that cargo builds, by their command line, the environment and the
//! lines of JSON that they answer with. Knows nothing of how a run is simulated.

#![forbid(unsafe_code)]

mod arguments;
mod bundle;
mod cargo;
mod completions;
mod diff;
mod exit;
mod explain;
mod filter;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod inspect;
mod junit;
mod list;
mod merge;
mod minimize;
mod pick;
mod plans;
mod process;
mod replay;
mod run;
mod save;
mod state;
mod summary;
mod text;
mod timeline;

use clap::Parser;

use self::arguments::{Cargo, Simoom, Verb};
use self::exit::{Ended, Exit};

/// Reads the command line, does what it says, and ends the process.
pub fn main() -> ! {
    let mut words: Vec<_> = std::env::args_os().collect();
    if words.get(1).is_none_or(|word| word != "simoom") {
        // It was called by its own name.
        words.insert(words.len().min(1), "simoom".into());
    }
    let Cargo::Simoom(Simoom { verb }) = Cargo::parse_from(words);
    let ended: Ended = match verb {
        Verb::Run(arguments) => run::run(&arguments),
        Verb::Merge(arguments) => merge::merge(&arguments),
        Verb::Replay(arguments) => replay::replay(&arguments),
        Verb::Inspect(arguments) => inspect::inspect(&arguments),
        Verb::Minimize(arguments) => minimize::minimize(&arguments),
        Verb::Explain(arguments) => explain::explain(&arguments),
        Verb::Timeline(arguments) => timeline::timeline(&arguments),
        Verb::Diff(arguments) => diff::diff(&arguments),
        Verb::List(arguments) => list::list(&arguments),
        Verb::Save(arguments) => save::save(&arguments),
        Verb::Completions { shell } => {
            // Whoever reads it may have read enough.
            let _ = completions::write(shell, &mut std::io::stdout());
            Ok(Exit::Clean)
        }
    };
    let exit = ended.unwrap_or_else(|stopped| {
        eprintln!("cargo simoom: {}", stopped.message);
        stopped.exit
    });
    std::process::exit(exit.status());
}
