//! The command line: what can be said, and the help that says so.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::text::{At, Part, parse_duration, parse_seed};

/// What cargo calls: `cargo-simoom simoom …`.
#[derive(Debug, Parser)]
#[command(name = "cargo", bin_name = "cargo", disable_help_subcommand = true)]
pub(crate) enum Cargo {
    Simoom(Simoom),
}

/// Sweeps simulated tests over many seeds, and works with the failures that they find.
#[derive(Debug, Args)]
#[command(
    version,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = STATUSES
)]
pub(crate) struct Simoom {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Shown below the help.
const STATUSES: &str = "\
Exit status:
    0  nothing failed, and what was asked for was done
    1  diff: the two are not the same run
    2  the command line is not understood
    4  no test is selected
    5  a file, a bundle or a test is not there, or cannot be read
    6  what was to be explained, minimized or saved does not fail any more
   80  failures of several classes
   81  correctness     82  crash       83  liveness
   84  nondeterminism  85  timeout     86  assertion
  100  a test failed outside of every simulation, or ended without an answer
  101  cargo could not build the tests

With several classes, the status is 80; 84 if one of them is nondeterminism, which makes the \
others doubtful.";

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Run simulated tests, seed after seed, until the budget is spent
    #[command(after_help = STATUSES)]
    Run(Run),
    /// Unite the states that several machines have written, and sum them up
    Merge(Merge),
    /// Replay a failure
    Replay(Replay),
    /// Stop a run at one moment and show every node and every task
    Inspect(Inspect),
    /// Shrink a failure once more, with a larger budget
    Minimize(Minimize),
    /// Tell why a failure happens
    Explain(Explain),
    /// Print where the page is that shows a failure over time, beside the nearest run that passes
    Timeline(Timeline),
    /// Show the first event in which two runs differ
    Diff(Diff),
    /// List simulated tests, and the failures that are kept in the target directory
    List(List),
    /// Keep a failure beside the sources, where `cargo test` replays it
    Save(Save),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// What cargo builds, and how.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Building")]
pub(crate) struct Build {
    /// Build this package; may be repeated
    #[arg(short, long = "package", value_name = "NAME")]
    pub(crate) package: Vec<String>,
    /// Build all packages of the workspace
    #[arg(long)]
    pub(crate) workspace: bool,
    /// Leave out this package of the workspace; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) exclude: Vec<String>,
    /// Build the library's own tests
    #[arg(long)]
    pub(crate) lib: bool,
    /// Build this test target; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) test: Vec<String>,
    /// Features, as cargo takes them
    #[arg(short = 'F', long, value_name = "FEATURES")]
    pub(crate) features: Vec<String>,
    /// All features
    #[arg(long)]
    pub(crate) all_features: bool,
    /// No default features
    #[arg(long)]
    pub(crate) no_default_features: bool,
    /// Build with optimisations
    #[arg(short, long, conflicts_with = "profile")]
    pub(crate) release: bool,
    /// Build with this profile
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Build for this platform
    #[arg(long, value_name = "TRIPLE")]
    pub(crate) target: Option<String>,
    /// The folder for what is built
    #[arg(long, value_name = "FOLDER")]
    pub(crate) target_dir: Option<PathBuf>,
    /// The manifest of the package or workspace
    #[arg(long, value_name = "PATH")]
    pub(crate) manifest_path: Option<PathBuf>,
    /// Do not touch the network
    #[arg(long)]
    pub(crate) offline: bool,
    /// Do not change Cargo.lock
    #[arg(long)]
    pub(crate) locked: bool,
}

/// Which tests.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Selecting tests")]
pub(crate) struct Select {
    /// Tests whose names contain one of these
    #[arg(value_name = "FILTER")]
    pub(crate) names: Vec<String>,
    /// A filterset in nextest's words; may be repeated, any of them selects
    ///
    /// test(), package(), binary(), kind(), all() and none(), with not, and, or, - and
    /// parentheses. A name is `=exact`, `~contained`, `/regex/` or `#glob`; alone, it is contained
    /// in a test, a glob of a package or binary, and exactly a kind.
    #[arg(short = 'E', long = "filterset", value_name = "EXPRESSION")]
    pub(crate) filtersets: Vec<String>,
    /// Ignored tests too
    #[arg(long)]
    pub(crate) include_ignored: bool,
    /// Ordinary tests too, which may call `check` themselves: each is started to see
    #[arg(long)]
    pub(crate) calls: bool,
}

/// How what was found is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Human,
    /// Lines of JSON on standard output
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) select: Select,
    /// How many seeds each test runs; without --time too, as many as it asks for itself
    #[arg(long, value_name = "COUNT", help_heading = "Budget")]
    pub(crate) seeds: Option<u64>,
    /// How long all tests run, such as 10m; in all, if --state goes on with an earlier run
    #[arg(long, value_name = "TIME", value_parser = parse_duration, help_heading = "Budget")]
    pub(crate) time: Option<Duration>,
    /// The part of the seeds that this machine runs, such as count:1/4
    #[arg(
        long,
        value_name = "count:I/N",
        default_value = "count:1/1",
        help_heading = "Budget"
    )]
    pub(crate) partition: Part,
    /// Write down here what was done, and go on from there if the file exists
    #[arg(long, value_name = "FILE", help_heading = "Budget")]
    pub(crate) state: Option<PathBuf>,
    /// How many runs at once [default: one for each processor]
    #[arg(short, long, value_name = "COUNT", help_heading = "Runs")]
    pub(crate) jobs: Option<u64>,
    /// The strategy, such as pct:3 or random, in place of the test's
    #[arg(long, value_name = "NAME", help_heading = "Runs")]
    pub(crate) strategy: Option<String>,
    /// The faults, a profile or a plan, in place of the test's
    #[arg(long, value_name = "FAULTS", help_heading = "Runs")]
    pub(crate) faults: Option<String>,
    /// Do not find out why failures happen
    #[arg(long, help_heading = "Runs")]
    pub(crate) no_explain: bool,
    /// How what is found is told
    #[arg(
        long,
        value_enum,
        value_name = "FORMAT",
        default_value_t,
        help_heading = "Output"
    )]
    pub(crate) message_format: Format,
    /// Write a JUnit report
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) junit: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) build: Build,
}

#[derive(Debug, Args)]
pub(crate) struct Merge {
    /// The states
    #[arg(value_name = "FILE", required = true)]
    pub(crate) states: Vec<PathBuf>,
    /// Where the united state is written
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// How what was found is told
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(crate) message_format: Format,
    /// Write a JUnit report
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
}

/// Which failure.
#[derive(Clone, Debug, Args)]
pub(crate) struct Which {
    /// A bundle, a file of saved failures, or a test
    #[arg(value_name = "BUNDLE|TEST")]
    pub(crate) what: String,
    /// The seed, if a test is named; decimal or hexadecimal, with underscores if you like
    #[arg(value_name = "SEED", value_parser = parse_seed)]
    pub(crate) seed: Option<u64>,
    #[command(flatten)]
    pub(crate) build: Build,
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    #[command(flatten)]
    pub(crate) which: Which,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    #[command(flatten)]
    pub(crate) which: Which,
    /// When: a moment of virtual time such as 0.812s, or a step such as step:1204
    #[arg(long, value_name = "TIME|STEP")]
    pub(crate) at: At,
    /// How it is shown
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(crate) message_format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Minimize {
    #[command(flatten)]
    pub(crate) which: Which,
    /// The most replays
    #[arg(long, value_name = "COUNT", default_value_t = 2_000)]
    pub(crate) replays: u64,
    /// The most time
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "10m")]
    pub(crate) time: Duration,
    /// Make what the program draws at random simple, too, as far as the failure does not take it
    #[arg(long)]
    pub(crate) entropy: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    #[command(flatten)]
    pub(crate) which: Which,
    /// The most runs
    #[arg(long, value_name = "COUNT", default_value_t = 2_000)]
    pub(crate) runs: u64,
    /// The most time
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "60s")]
    pub(crate) time: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct Timeline {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Open it in the browser
    #[arg(long)]
    pub(crate) open: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// A bundle or a record; alone, the bundle is compared with the nearest run that passes
    #[arg(value_name = "A")]
    pub(crate) one: PathBuf,
    /// Another one
    #[arg(value_name = "B")]
    pub(crate) two: Option<PathBuf>,
    /// How many events are shown before the first that differs, and after it
    #[arg(short = 'U', long, value_name = "COUNT", default_value_t = 5)]
    pub(crate) context: usize,
    #[command(flatten)]
    pub(crate) build: Build,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) select: Select,
    /// Only tests
    #[arg(long, conflicts_with = "bundles")]
    pub(crate) tests: bool,
    /// Only failures; builds nothing
    #[arg(long)]
    pub(crate) bundles: bool,
    /// How it is shown
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(crate) message_format: Format,
    #[command(flatten)]
    pub(crate) build: Build,
}

#[derive(Debug, Args)]
pub(crate) struct Save {
    /// A bundle, or a plan
    #[arg(value_name = "BUNDLE")]
    pub(crate) bundle: PathBuf,
    #[command(flatten)]
    pub(crate) build: Build,
}
