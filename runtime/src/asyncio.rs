//! What Python's asyncio has and tokio has no word for.
//!
//! Owns the names, reading by separators, and servers. What else they stand for is in
//! [`sync`](crate::sync) and [`task`](crate::task). All of it works in every world.
//!
//! | Here | In asyncio |
//! | --- | --- |
//! | [`Event`] | `Event` |
//! | [`Condition`] | `Condition`; its lock is a [`Mutex`](crate::sync::Mutex) of yours |
//! | [`BoundedSemaphore`] | `BoundedSemaphore`; `Semaphore` is [`sync::Semaphore`](crate::sync::Semaphore) |
//! | [`Barrier`] | `Barrier`; one that nobody breaks is [`sync::Barrier`](crate::sync::Barrier) |
//! | [`Queue`], [`PriorityQueue`], [`LifoQueue`] | the same |
//! | [`gather`], [`wait`] | the same; [`gather(…).as_values()`](futures::Gather::as_values) is `return_exceptions=True` |
//! | [`as_completed`] | the same; it yields places and outputs |
//! | [`race`] | the first of `wait(…, return_when=FIRST_COMPLETED)`, and the end of the others |
//! | [`timeout_cancel`] | `wait_for`; [`time::timeout`](crate::time::timeout()) drops instead |
//! | [`StreamReader`] | `StreamReader`; a `StreamWriter` is [`AsyncWriteExt`](crate::io::AsyncWriteExt) |
//! | [`serve`], [`Server`] | `start_server`, `Server` |
//!
//! `async with` is [`task::closing`](crate::task::closing), an asynchronous generator is a
//! [`stream`](crate::stream#generators).
//! `TaskGroup` is [`TaskGroup`](crate::TaskGroup), and
//! `shield` is nearest to [`task::shield`](crate::task::shield()), which makes the caller wait for the
//! future and then hands the request on; to leave at once, [`spawn`](crate::spawn) the future.
//! `Lock` is [`sync::Mutex`](crate::sync::Mutex), and a future that somebody settles is
//! [`sync::oneshot`](crate::sync::oneshot).

mod listens;
mod server;
mod stream_reader;

pub use self::listens::Listens;
pub use self::server::{Server, serve};
pub use self::stream_reader::{ReadError, StreamReader};
pub use crate::sync::barrier::breakable::{Barrier, BarrierState, BrokenBarrier};
pub use crate::sync::bounded::{
    BoundExceeded, BoundedPermit, BoundedSemaphore, OwnedBoundedPermit,
};
pub use crate::sync::condition::Condition;
pub use crate::sync::event::Event;
pub use crate::sync::queue::{LifoQueue, PriorityQueue, Queue};
pub use crate::task::cancel::{Stopped, timeout_cancel};
pub use crate::task::gather::{AsCompleted, GatherError, Waited, as_completed, gather, race, wait};

/// Why a queue did not take or give an item.
pub mod error {
    pub use crate::sync::queue::error::{
        NothingToDo, PutError, ShutDown, TryGetError, TryPutError,
    };
}

/// The futures that waiting returns.
pub mod futures {
    pub use crate::sync::barrier::breakable::BreakableWait;
    pub use crate::sync::condition::ConditionWait;
    pub use crate::sync::event::EventWait;
    pub use crate::task::cancel::TimeoutCancel;
    pub use crate::task::gather::{Gather, GatherValues, NextCompleted, Race, Wait};
}
