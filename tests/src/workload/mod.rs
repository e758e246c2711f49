//! A workload that uses everything at once, for what must hold of every run.

mod machines;
mod talk;

pub use self::machines::faults;
pub use self::talk::workload;
