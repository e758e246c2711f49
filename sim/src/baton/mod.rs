//! Blocking closures: threads that take turns with the run's own.
//!
//! A closure of `spawn_blocking` is a task of the world like any other: it has a path, it is chosen
//! among the runnable, and its operations pass the same point. What is polled is a [`Carrier`],
//! which lends the world to a thread of the operating system and waits until it comes back: because
//! the closure waits, because it has ended, or because it wants something done that only the run's
//! thread may do. So exactly one thread of a world runs at any time, and which one is a choice of
//! the seed.
//!
//! ```text
//!   run's thread                                 guest
//!   Carrier::poll --- Job, GoOn --------------->  runs the closure
//!        |   ^                                      |
//!        |   '------- Waits, Done, Asks ------------'   block_on, the end, kill
//!   Carrier::drop --- TakeBack ---------------->  unwinds from where it waits
//!            ^------- Done, Lost -----------------'
//! ```

mod carrier;
mod gate;
mod guest;
mod worker;

pub(crate) use self::carrier::Carrier;
pub(crate) use self::guest::{ask, assert_at_home, block_on, is_guest};
pub(crate) use self::worker::Worker;
