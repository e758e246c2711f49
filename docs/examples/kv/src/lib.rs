//! A key-value server that speaks the Redis protocol, in memory or on a disk.
//!
//! It is a program on [`simoom`]: sockets, files, time and locks come from there and from nowhere else,
//! so the same code serves `redis-cli` in production and runs on simulated machines in a test.
//!
//! # Examples
//! ```
//! use kv::{Client, Config, Server};
//!
//! #[simoom::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let server = Server::bind(Config::default().port(0)).await?;
//!     let addr = server.local_addr()?;
//!     simoom::spawn(server.run(std::future::pending()));
//!
//!     let mut client = Client::connect(addr).await?;
//!     client.set("greeting", "hello").await?;
//!     assert_eq!(client.get("greeting").await?.as_deref(), Some(&b"hello"[..]));
//!     assert_eq!(client.incr("visits").await?, 1);
//!     Ok(())
//! }
//! ```

#![forbid(unsafe_code)]

pub mod resp;

pub mod command;
pub mod store;

mod apply;
mod log;
mod transaction;

mod replication;
mod session;

mod connection;
mod connections;
mod phase;
mod process;
mod shared;
mod statistics;
mod status;
mod stop;

pub mod client;
mod config;
mod flags;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod server;

pub use self::client::Client;
pub use self::config::{Config, SyncPolicy};
pub use self::flags::Flags;
pub use self::server::{Server, serve, stop_signal};
