//! An in-memory key-value server that speaks the Redis protocol.

#![forbid(unsafe_code)]

pub mod resp;

pub mod command;
pub mod store;
