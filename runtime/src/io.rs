//! Traits and helpers for reading and writing: all of `tokio::io` that needs no runtime.
//!
//! simoom's streams implement [`AsyncRead`] and [`AsyncWrite`], so that every codec, buffer and
//! adapter written for these traits works on them.

pub use tokio::io::*;

pub use crate::net::{Interest, Ready};
