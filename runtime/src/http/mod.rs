//! HTTP by [`hyper`], over the streams, the tasks and the clock of this runtime. Behind the feature
//! `hyper`.
//!
//! Owns the adapters that hyper asks of a runtime, a server loop and a connector. Knows nothing of
//! HTTP itself, and nothing of where streams come from.
//!
//! | Item | Is for |
//! | --- | --- |
//! | [`serve`] | a tower service, as an `axum::Router` is one, at a listener |
//! | [`client`] | requests, over connections that are kept |
//! | [`Io`], [`Executor`], [`Timer`] | hyper itself, and what is built on it |

mod accept;
mod client;
mod connections;
mod executor;
mod io;
mod noted;
mod requests;
mod serve;
mod timer;

pub use self::accept::Listener;
pub use self::client::{Client, Connector, client, client_builder};
pub use self::executor::Executor;
pub use self::io::Io;
pub use self::serve::{Peer, Serve, serve};
pub use self::timer::Timer;
