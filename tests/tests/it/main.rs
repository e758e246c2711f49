//! What simoom promises, in both worlds: one body for each promise.

mod macros;
mod net;
mod rand;
mod runtime;
mod signal;
mod sync;
mod task;
mod time;
