//! What Python's asyncio has and tokio has no word for.
//!
//! Owns the names. What they stand for is in [`sync`](crate::sync), and works in every world.

pub use crate::sync::barrier::breakable::{Barrier, BarrierState, BrokenBarrier};

/// The futures that waiting returns.
pub mod futures {
    pub use crate::sync::barrier::breakable::BreakableWait;
}
