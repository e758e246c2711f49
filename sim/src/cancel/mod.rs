//! Cancelling at every await: futures dropped where they wait, one at a time or by chance.
//!
//! In Rust a future is cancelled by dropping it: a task by [`abort`](simoom::task::JoinHandle::abort),
//! the loser of a `select!`, what a time-out overtakes. It can happen at every `.await`, and what the
//! future had taken, half done or promised by then is lost with it. [`every_await`] cancels at each of
//! them and runs the test anew each time; [`pairs`] cancels twice, or cancels and changes the order of
//! tasks once; [`Config::cancels`](crate::Config::cancels) does it by chance in ordinary sweeps.
//!
//! # What is cancelled
//! Tasks, as by `abort`: their `JoinHandle` gives an error that is cancelled, and their destructors
//! run in the living world, unlike those of a node that is killed. The test itself, the mains of nodes
//! and blocking closures are not. With [`scope`] any future can be cancelled alone.
//!
//! At each place there are two moments: the future waits; or what it waits for has come, its waker was
//! called, and it is dropped before it is polled. Wake-ups are lost in the second.
//!
//! # Examples
//! ```
//! use std::time::Duration;
//! use simoom::sync::mpsc;
//! use simoom::time::sleep;
//! use simoom_sim::{Config, cancel};
//!
//! async fn work(jobs: &mut mpsc::Receiver<u32>, done: &mut u32) {
//!     while let Some(_job) = jobs.recv().await {
//!         sleep(Duration::from_millis(1)).await;
//!         *done += 1;
//!     }
//! }
//!
//! let report = cancel::every_await(Config::default().persist(false), |_sim| async {
//!     let (send, mut jobs) = mpsc::channel(4);
//!     for job in 1..=3 {
//!         send.send(job).await.unwrap();
//!     }
//!     drop(send);
//!     let mut done = 0;
//!     // What is cancelled begins again, but the job that it had taken is gone.
//!     while cancel::scope(work(&mut jobs, &mut done)).await.is_err() {}
//!     assert_eq!(done, 3, "a job was lost");
//! });
//! let found = report.failure().unwrap();
//! assert!(found.story()[0].contains("at the await of sleep"));
//! ```

mod deny;
mod report;
mod scope;

pub use self::deny::Deny;
pub use self::report::{CancelReport, HeldLock, LeftBehind, Site, TornFrame};
pub use self::scope::{Cancelled, Scope, scope, until_done};
pub use crate::check::{Cancels, every_await, pairs};

pub(crate) use self::deny::Denied;
pub(crate) use self::report::{Coverage, Target, Tried};
