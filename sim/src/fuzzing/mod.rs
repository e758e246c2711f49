//! Schedules as bytes, for fuzzers: every byte string is one, and small changes of the bytes are
//! small changes of the run.
//!
//! Owns the form of the bytes, how they are changed and mixed, and what a fuzzer is told of a run.
//! Knows no fuzzer: `fuzz/` drives libFuzzer with it.
//!
//! | Item | Is |
//! | --- | --- |
//! | [`Schedule`] | the choices of a run, read from bytes |
//! | [`run`], [`Ran`] | one run, and what came of it |
//! | [`texts`] | what reads texts that others may have written, for checks of the readers |
//!
//! # Form
//! | Bytes | Are |
//! | --- | --- |
//! | 0 | even: the rest is a row of numbers; odd: the rest is records |
//! | 1 | who chooses where nothing is written: 0 calm, 1 a random walk, 2 `pct:3`, 3 `pos`, modulo 4 |
//! | 2, 3 | the seed, little endian |
//! | row | one byte for each choice in turn, 0 for calm, else where between the next to calm and the utmost |
//! | record | 12 bytes, little endian: 8 of where the choice is made, 4 of what is chosen there, as above of 2^32 |
//!
//! Bytes that are missing are 0, and a record that is not whole is none.
//! A choice at a place which the run does not come to has no effect, as in a saved failure: what a
//! place is called depends on the task and on what it did before, not on the other records.
//!
//! # Examples
//! ```
//! use simoom_sim::{Config, fuzzing::{Schedule, run}};
//!
//! let test = |_sim| async {
//!     let flag = std::rc::Rc::new(std::cell::Cell::new(false));
//!     let set = flag.clone();
//!     simoom::task::spawn_local(async move { set.set(true) });
//!     simoom::task::preemption_point().await;
//!     assert!(!flag.get(), "something came between");
//! };
//! let calm = run(&Config::default(), &Schedule::decode(b""), test);
//! assert!(calm.failure().is_none());
//!
//! // Another task at the first choice.
//! let other = run(&Config::default(), &Schedule::decode(&[0, 0, 0, 0, 1]), test);
//! assert!(other.failure().unwrap().to_string().contains("something came between"));
//!
//! // What failed is a plan like any other.
//! let again = simoom_sim::check(Config::default().replay(&other.plan()), test);
//! assert!(again.failure().is_some());
//! ```

mod change;
mod run;
mod schedule;
pub mod texts;

pub use self::change::{crossed, mutated};
pub use self::run::{Ran, run};
pub use self::schedule::Schedule;
