//! An in-memory key-value server that speaks the Redis protocol.
