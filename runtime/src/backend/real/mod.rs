//! The real world: one thread at a time runs the tasks, over epoll or kqueue.
//!
//! Owns the loop, the run queue, the timers, the reactor and the sockets of production. Knows
//! nothing of the public types above the seam.

mod chance;
mod clock;
mod descriptor;
mod driver;
mod dump_on;
mod engine;
mod files;
mod local;
mod named;
mod options;
mod orphans;
mod pipe;
mod pool;
mod processes;
mod queue;
mod reactor;
mod resolve;
mod root;
mod shared;
mod signals;
mod source;
mod sys;
mod tcp;
mod tcp_socket;
mod timers;
mod udp;
mod unix;
mod wakers;
mod watched;

pub(crate) use self::engine::Real;
pub(crate) use self::pool::PoolSettings;
pub use self::processes::without_pidfd;
