//! Properties whose bodies are simulations: proptest draws what goes in, seeds draw the rest.
//!
//! Owns what the two share: inputs that speak of schedules, and what is carried from one input to
//! the next. Knows nothing of how either of them shrinks.
//!
//! | Item | Is |
//! | --- | --- |
//! | [`run`] | the body of a `proptest!` as a sweep of simulated runs |
//! | [`operations`], [`Operations`] | what a test does, one thing after another |
//! | [`schedules`], [`Schedule`] | a strategy and a seed |
//! | [`faults`] | faults, and plans and profiles of them |
//!
//! # Who shrinks what
//! proptest shrinks the input. Each smaller input is first run under the choices that failed with
//! the one before, and under the sweep's seeds if it does not fail under them. Choices are named by
//! the task that makes them, so that they mean the same with a smaller input. Of each input that
//! fails, this crate shrinks the choices: the order of tasks, faults, delays. So both get smaller in
//! turn, and the message of the failed property has the smallest input and the story of its run.
//!
//! A smaller input that fails in another way counts as one that does not fail.
//!
//! # Examples
//! ```
//! use proptest::prelude::*;
//! use simoom::sync::Mutex;
//! use simoom_sim::Config;
//! use std::sync::Arc;
//!
//! proptest! {
//!     #![proptest_config(ProptestConfig::with_cases(10))]
//!     fn all_of_it_arrives(amounts in prop::collection::vec(0..100_u32, 0..5)) {
//!         let config = Config::default().seeds(5);
//!         simoom_sim::proptest::run(config, amounts, |_sim, amounts| async move {
//!             let sum = Arc::new(Mutex::new(0));
//!             let mut tasks = Vec::new();
//!             for amount in amounts.clone() {
//!                 let sum = sum.clone();
//!                 tasks.push(simoom::spawn(async move { *sum.lock().await += amount }));
//!             }
//!             for task in tasks {
//!                 task.await.unwrap();
//!             }
//!             assert_eq!(*sum.lock().await, amounts.iter().sum::<u32>());
//!         })?;
//!     }
//! }
//! all_of_it_arrives();
//! ```

mod operations;
mod run;
mod schedule;

/// Faults that proptest draws: `simoom_faults::proptest`.
pub use simoom_faults::proptest as faults;

pub use self::operations::{Operations, operations};
pub use self::run::run;
pub use self::schedule::{Schedule, schedules};
