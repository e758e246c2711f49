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

use clap::{CommandFactory, Parser};

use self::arguments::{Cargo, Simoom, Verb};
use self::exit::{Ended, Exit};

/// Reads the command line, does what it says, and ends the process.
pub fn main() -> ! {
    let Cargo::Simoom(Simoom { verb }) = Cargo::parse();
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
            let mut output = std::io::stdout();
            clap_complete::generate(shell, &mut Cargo::command(), "cargo-simoom", &mut output);
            Ok(Exit::Clean)
        }
    };
    let exit = ended.unwrap_or_else(|stopped| {
        eprintln!("cargo simoom: {}", stopped.message);
        stopped.exit
    });
    std::process::exit(exit.status());
}
