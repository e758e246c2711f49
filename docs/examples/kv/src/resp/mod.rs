//! The Redis serialization protocol, version 2.
//!
//! Owns how requests and replies look as bytes, and how much of them a peer may send. Knows
//! nothing of what a command means, and never waits: bytes come in as they arrive.

mod error;
mod number;

mod request;

mod replies;
mod reply;

pub use self::error::ProtocolError;
pub use self::number::parse_integer;
pub use self::replies::Replies;
pub use self::reply::{Reply, ReplyDecoder};
pub use self::request::{Args, Limits, RequestDecoder, encode_request};
