//! A small client.
//!
//! Owns one connection and the matching of replies to requests. Knows nothing of the server's
//! insides: it works with any server that speaks the protocol.

mod connection;
mod error;
mod pipeline;
mod requests;

pub use self::error::ClientError;
pub use self::pipeline::Pipeline;
pub use self::requests::Client;
