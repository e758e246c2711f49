//! What the server tells over HTTP: a page for people, metrics for Prometheus, and its health.
//!
//! Owns the listener and what is said there. Knows nothing of requests for data, and takes no lock
//! that they take for longer than it takes to read a number.

mod snapshot;

mod metrics;
mod page;

mod answers;
mod serve;

pub(crate) use self::serve::Status;
