//! A research agent: asks several sources at once, thinks about what they say, and tells what it has.
//!
//! It is a program on [`simoom`]: sockets, files, time, tasks and signals come from there and from
//! nowhere else, so the same code asks real servers in production and simulated ones in a test.
//!
//! A failure is a value here. Whoever is asked answers or fails within the client's patience, and
//! what one of them does is nothing to the others.
//!
//! | Module | Owns |
//! | --- | --- |
//! | [`client`] | one request: its deadline, and how many there are at once |
//! | [`sources`] | what to ask a source, and how to read what it says |
//! | [`memory`] | what was found before, in a file |
//! | [`thought`] | what follows from what was found: work for threads |
//! | [`agents`] | several of these beside each other, each with an answer |
//! | [`research`](mod@research) | which of them, and in which order |
//! | [`crawl`](mod@crawl) | many pages, so many at a time |
//! | [`stop`] | how a request to stop reaches all of that |
//!
//! # Examples
//! ```
//! use fetch::{Client, Limits, crawl};
//!
//! #[simoom::main]
//! async fn main() {
//!     let client = Client::new(Limits::default());
//!     // Nobody listens there, which is an answer too.
//!     let pages = crawl(&client, ["http://127.0.0.1:1/".to_owned()]).await;
//!     println!("{}", pages[0]);
//!     assert!(pages[0].came.is_err());
//! }
//! ```

#![forbid(unsafe_code)]

pub mod client;
mod failure;

pub mod memory;
pub mod sources;
pub mod thought;

pub mod agents;
pub mod crawl;
pub mod research;

pub mod stop;

pub use self::agents::Answer;
pub use self::client::{Client, Limits};
pub use self::crawl::crawl;
pub use self::failure::Failure;
pub use self::research::{Research, research};
pub use self::sources::{Finding, Source};
