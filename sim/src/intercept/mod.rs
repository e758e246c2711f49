//! What simulated code asks of the system past simoom: the clock, entropy, and what it must not do.
//!
//! While a run polls its tasks, the functions of libc that `std` and other crates call answer from
//! thread-local cells which the world fills: virtual time, and bytes that follow from the seed. What
//! would leave the simulation (a thread, a socket, a file to write, a process, a sleep) is refused
//! and fails the run. On every other thread, and on the run's own while the simulator itself works,
//! the same functions lead to the system.
//!
//! Knows nothing of the world: the world tells it the time and asks it what was done.

mod caller;
mod escape;
#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    not(target_feature = "crt-static"),
    not(miri)
))]
mod libc;
mod state;
mod support;

pub(crate) use self::caller::Callers;
pub use self::escape::Escape;
pub(crate) use self::escape::Escaped;
pub(crate) use self::state::{
    Carried, Clocks, Draws, absorb_lead, allow, begin_poll, carry, draw_simple, drawn, draws,
    during, has_escaped, lead, outside, publish, set_dead, simulated, take_escaped,
};
pub(crate) use self::support::seed_thread;
pub use self::support::{Interception, interception};
