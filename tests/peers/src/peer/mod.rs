//! The runtimes that are compared, each with its own names for the same things.

pub mod floor;
pub mod monoio;
pub mod raw;
pub mod simoom;
pub mod tokio;
