//! What every task of a runtime waits for, with its stack of awaits.
//!
//! Owns what a dump holds and how it reads, and what an operation notes of itself while tasks are
//! looked at. Knows nothing of how a world comes by its tasks.

pub(crate) mod collect;
mod frames;
mod graph;
mod taken;
mod text;

pub use self::taken::{Answer, Dump, Leaf, Task, Tasks, Trace};

pub(crate) use self::taken::Found;
