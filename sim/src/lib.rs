//! The seeded simulator of simoom: nodes, a network and virtual time for ordinary tests.
//!
//! A program on [`simoom`] runs in here unchanged, on machines that are made by a test. Each run
//! follows from a seed: which task goes first and when it is interrupted, how late a segment is,
//! how few bytes a read returns. A seed that fails is shrunk to the choices that matter, shown
//! once more by a fresh process, and saved beside the sources.
//!
//! # Start
//! Add this crate as a dev-dependency and write a test:
//!
//! ```test_harness
//! use simoom::net::{TcpListener, TcpStream};
//! use simoom_sim::Sim;
//!
//! async fn serve() -> std::io::Result<()> {
//!     let listener = TcpListener::bind("0.0.0.0:80").await?;
//!     loop {
//!         listener.accept().await?;
//!     }
//! }
//!
//! #[simoom_sim::test(seeds = 50)]
//! async fn a_restarted_server_is_found_again(sim: Sim) {
//!     let server = sim.node("server").run(serve);
//!     server.restart();
//!     TcpStream::connect("server:80").await.unwrap();
//! }
//! ```
//! `cargo test` runs it. When it fails, the panic's message is the whole story, and its last lines
//! say how to replay it.
//!
//! # What there is
//!
//! | Item | Is |
//! | --- | --- |
//! | [`#[test]`](macro@test) | a test that runs once per seed |
//! | [`check`], [`Config`], [`Report`], [`Found`] | the function below the attribute, what it is told and what it tells |
//! | [`Explanation`] | why a failure happened: when it was decided, what a run that passes does instead, what led to it |
//! | [`Sim`] | what a test holds: nodes, the clock, notes |
//! | [`Node`], [`OnFailure`], [`Ended`] | a machine: boot, kill, pause, power loss, restart, and what its failure means |
//! | [`Clock`] | how wrong a machine's clocks are |
//! | [`Plan`], [`Fault`], [`Kind`], [`Profile`] | what goes wrong by itself, for [`Sim::faults`]; [`faults`] has the rest of the words |
//! | [`FaultTally`], [`FaultCounts`] | how often it did |
//! | [`AssertionTally`] | what runs saw of `simoom::assert_always!`, `assert_sometimes!` and their kin |
//! | [`Disk`] | what is on a node's disk, its speed and its size |
//! | [`Net`] | cutting and healing links, latencies |
//! | [`History`], [`linear`] | what clients asked for and were answered, and whether one copy could have answered so |
//! | [`Leaks`] | what a run may leave behind |
//! | [`Ledger`] | what was sent, and where it is in the end |
//! | [`Strategy`] | who makes the choices of a run |
//! | [`cancel`] | cancelling at every await |
//! | [`Failure`], [`Class`] | why a run failed, and what sort of failure that is |
//! | [`Escape`] | what code may do outside the simulation if a test allows it |
//! | [`interception`] | whether the clock and the entropy of `std` are simulated in this binary |
//! | [`value`] | the function that every drawn number comes from |
//!
//! [`Config`] lists the variables of the environment, which have the last word.
//!
//! # What is controlled beside simoom
//! On Linux with glibc (x86-64 and AArch64, linked dynamically) this crate stands in for some
//! functions of libc. To the code that a run polls, and to it alone, `std::time::Instant` and
//! `SystemTime` are virtual (a run begins at 2020-01-01T00:00:00Z), and the order of a `HashMap` and
//! the system's entropy follow from the seed. Starting a thread, sleeping, opening a socket, changing
//! a file or starting a process fails the run, unless the test [allows](Sim::allow) it. Elsewhere
//! all of that is real, and [`interception`] says so.
//!
//! # What is not controlled
//! Statics, addresses used as an order, machine instructions and system calls made without libc. One
//! seed in 20 runs [twice](Config::doubled), and a failure is shown by a fresh process: a test that is
//! not the same run twice is reported as such.
//!
//! # Features
//! | Feature | Adds |
//! | --- | --- |
//! | `fuzzing` | the module of this name: schedules as bytes, which a fuzzer changes |
//! | `proptest` | the module of this name: bodies of `proptest!` that are simulations, and faults, schedules and operations that proptest draws |

mod backend;
mod baton;
pub mod cancel;
mod check;
mod checkers;
mod choice;
mod disk;
mod door;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod intercept;
mod kill;
mod logs;
mod native;
mod panics;
#[cfg(feature = "proptest")]
pub mod proptest;
mod record;
mod remote;
mod run;
mod sim;
mod strategy;
mod stuck;
mod watchdog;
mod world;

/// The words for what goes wrong: `simoom_faults`.
pub use simoom_faults as faults;
pub use simoom_faults::{Fault, Kind, Plan, Profile, Ratio};

pub use self::check::{Config, Explanation, Found, Report, RunSummary, check};
pub use self::checkers::history::History;
pub use self::checkers::leaks::{Leak, Leaks};
pub use self::checkers::ledger::Ledger;
pub use self::checkers::{history, ledger, linear};
pub use self::choice::value;
pub use self::intercept::{Escape, Interception, interception};
pub use self::sim::{
    Clock, Converged, Disk, Exit, Hold, Matching, Message, MessageId, Net, Node, NodeIsDown,
    Operation, Process, ProcessInput, ProcessOutput, ProgramExit, Sim, Wait, Workload,
};
pub use self::strategy::{Strategy, UnknownStrategy};
pub use self::world::assertions::{AssertionCounts, AssertionSeen, AssertionTally};
pub use self::world::failure::{Class, Failure};
pub use self::world::faults::{FaultCounts, FaultTally};
pub use self::world::net::{MessageKind, Protocol};
pub use self::world::node::{Ended, OnFailure};

/// Makes a test of an `async fn` that runs in the simulator, once per seed.
///
/// The function takes the [`Sim`], or nothing. It returns nothing, or a `Result` whose error fails
/// the run. Other attributes, such as `#[should_panic]`, are kept.
///
/// | Setting | Means | Default |
/// | --- | --- | --- |
/// | `seeds = 500` | how many seeds | 100 |
/// | `first_seed = 7` | the first of them | `0x5eed_0000_0000_0000` |
/// | `seed = 0x5eed` | this seed and no other | |
/// | `time = "20s"` | the most virtual time of a run; units ns, us, ms, s, min, h, or a `Duration` | one hour |
/// | `stalls = "50ms"` | the most that a slow task is held up before an operation, see [`Config::stalls`] | not at all |
/// | `steps = 10_000` | the most polls of tasks in a run | 1 000 000 |
/// | `watchdog = "1min"` | how long one poll may take in real time | 10 s |
/// | `strategy = Strategy::Random` | who makes the choices, a [`Strategy`] | [`Strategy::Portfolio`] |
/// | `cancels = Cancels::Every` | where tasks are cancelled, see [`Config::cancels`] | nowhere |
/// | `cancel_deny = Deny::all()` | what may not come of cancelling, see [`Config::cancel_deny`] | nothing is denied |
/// | `doubled = 5` | of how many seeds one runs twice, see [`Config::doubled`] | 20 |
/// | `processes = 0` | how many of those run in a fresh process, see [`Config::processes`] | 1 |
/// | `cover = "kv"` | the crate or module whose assertions all runs together must see, see [`Config::cover`] | none |
/// | `leaks = Leaks::none()` | what a run may leave behind, see [`Config::leaks`] | anything |
/// | `shrink = false` | whether a failure is shrunk | `true` |
/// | `shrink_replays = 1_000` | the most replays that it takes | 200 |
/// | `shrink_time = "1min"` | the most real time | 5 minutes |
/// | `shrink_entropy = true` | whether what the program draws becomes simple | `false` |
/// | `explain = false` | whether a failure is explained, see [`Config::explain`] | `true` |
/// | `explain_runs = 100` | the most runs that it takes | 600 |
/// | `explain_time = "1s"` | the most real time | 10 s |
/// | `persist = false` | whether a failure is saved beside the sources | `true` |
/// | `regressions = "tests/failures"` | the folder in which it is, see [`Config::regressions`] | `simoom-regressions` |
/// | `replay = include_str!("failure.txt")` | replays these plans and nothing else, see [`Config::replay`] | |
/// | `notes = 100` | how many lines of [`Sim::note`] a report shows, the last ones | 20 |
/// | `jobs = 1` | how many runs side by side | one for each processor |
/// | `crate = "path"` | where this crate is, if not at `::simoom_sim` | |
///
/// These are the methods of [`Config`]. [`check`] does the same to a closure, and returns a
/// [`Report`].
///
/// # Panics
/// The test fails with the story of the first failing seed.
///
/// # Examples
/// ```test_harness
/// use std::time::Duration;
///
/// #[simoom_sim::test(seeds = 20, time = "2h")]
/// async fn an_hour_passes(sim: simoom_sim::Sim) {
///     simoom::time::sleep(Duration::from_secs(3600)).await;
///     assert_eq!(sim.elapsed(), Duration::from_secs(3600));
/// }
/// ```
pub use simoom_macros::sim_test as test;

/// What the macros of this crate expand to.
#[doc(hidden)]
pub mod __private {
    use std::future::Future;
    use std::panic::Location;

    use crate::Config;
    use crate::check::{Identity, check_as};
    use crate::sim::{Exit, Sim};

    /// Runs a test made by the attribute.
    ///
    /// `mark` is how programs that look at the binary know that it holds the test: the module and
    /// the name, see `cargo simoom list`.
    #[track_caller]
    pub fn run_test<F, M>(
        config: Config,
        mark: &'static str,
        file: &str,
        manifest_dir: &str,
        package: &str,
        test: M,
    ) where
        M: Fn(Sim) -> F + Send + Sync + 'static,
        F: Future + 'static,
        F::Output: Exit,
    {
        // Or the compiler might leave out of the binary what nobody looks at.
        let mut parts = std::hint::black_box(mark).split('\u{1}').skip(2);
        let (module, name) = (
            parts.next().unwrap_or_default(),
            parts.next().unwrap_or_default(),
        );
        let identity = Identity::of_attribute(
            module,
            name,
            file,
            manifest_dir,
            package,
            Location::caller(),
        );
        check_as(identity, config, test).unwrap();
    }
}
