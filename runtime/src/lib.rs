//! An async runtime whose time and I/O are pluggable: the same compiled code runs on epoll or
//! kqueue in production and, in a test, inside a seeded simulator that delays, reorders and breaks
//! things and repeats any failure exactly.
//!
//! Names and meanings follow tokio where tokio has the thing; what is not there yet does not
//! compile. The simulator is the crate `simoom-sim`, a dev-dependency.
//!
//! # Start
//! ```no_run
//! use simoom::io::{AsyncReadExt, AsyncWriteExt};
//! use simoom::net::TcpListener;
//!
//! #[simoom::main]
//! async fn main() -> std::io::Result<()> {
//!     let listener = TcpListener::bind("127.0.0.1:7").await?;
//!     loop {
//!         let (mut stream, _) = listener.accept().await?;
//!         simoom::spawn(async move {
//!             let mut bytes = [0; 1024];
//!             while let Ok(count @ 1..) = stream.read(&mut bytes).await {
//!                 if stream.write_all(&bytes[..count]).await.is_err() {
//!                     return;
//!                 }
//!             }
//!         });
//!     }
//! }
//! ```
//! `#[simoom::test]` runs an `async` test in real time; `#[simoom_sim::test]` runs it in the
//! simulator, once per seed.
//!
//! # What there is
//!
//! | Module | Holds |
//! | --- | --- |
//! | [`task`] | spawning, joining, cancelling and aborting tasks, sets of them, and values that a task has; [`spawn`] and [`TaskGroup`] stand here too |
//! | [`time`] | [`sleep`](time::sleep), [`timeout`](time::timeout()), [`interval`](time::interval()), [`Instant`](time::Instant) |
//! | [`net`] | TCP streams and listeners, UDP sockets, Unix sockets, pipes, names |
//! | [`fs`] | files and directories |
//! | [`io`] | tokio's I/O traits and helpers, which simoom's streams implement |
//! | [`sync`] | [`Mutex`](sync::Mutex), [`RwLock`](sync::RwLock), [`Semaphore`](sync::Semaphore), [`Barrier`](sync::Barrier), [`OnceCell`](sync::OnceCell), [`Notify`](sync::Notify), [`mpsc`](sync::mpsc), [`oneshot`](sync::oneshot), [`watch`](sync::watch), [`broadcast`](sync::broadcast) |
//! | [`asyncio`] | what Python's asyncio has beside that: [`Event`](asyncio::Event), [`Condition`](asyncio::Condition), [`Queue`](asyncio::Queue) and its sisters, a [`Barrier`](asyncio::Barrier) that can be broken, [`gather`](asyncio::gather), [`wait`](asyncio::wait), [`timeout_cancel`](asyncio::timeout_cancel), a [`StreamReader`](asyncio::StreamReader), [servers](asyncio::serve) |
//! | [`stream`] | channels, listeners and the like as streams, and what streams can do in time: merge, timeouts, pauses, chunks |
//! | [`process`] | [`Command`](process::Command): child processes, their pipes, signals and ends |
//! | [`rand`] | random numbers that a simulation repeats |
//! | [`signal`] | `ctrl_c`, and every other signal of a Unix system |
//! | [`runtime`] | [`Runtime`](runtime::Runtime), [`Handle`](runtime::Handle), [`Builder`](runtime::Builder): what the attributes make for you |
//! | [`backend`] | the seam; not for programs, and exempt from semantic versioning |
//!
//! Macros: [`select!`], [`join!`], [`try_join!`], [`pin!`], [`task_local!`], [`buggify!`], [`#[main]`](macro@main),
//! [`#[test]`](macro@test), and assertions that are counted over many simulated runs:
//! [`assert_always!`], [`assert_always_or_unreachable!`], [`assert_sometimes!`],
//! [`assert_reachable!`], [`assert_unreachable!`], [`assert_always_some!`],
//! [`assert_sometimes_all!`], and the numeric ones after [`assert_always_greater_than!`] and
//! [`assert_sometimes_greater_than!`].
//!
//! # One thread
//! A runtime runs its tasks on the thread that is inside
//! [`block_on`](runtime::Runtime::block_on). [`spawn`] asks for `Send` all the same, so that this
//! can change; [`task::spawn_local`] does not. A task must not block its thread: code that does
//! runs in [`task::spawn_blocking`], on threads that every runtime keeps for it.
//!
//! # Features
//! `hyper` adds the module `http`: HTTP servers and clients by hyper. `tracing` has tasks emit the
//! spans that tokio-console expects. Nothing else is optional: production and simulation are told
//! apart at run time.

mod assertion;
pub mod asyncio;
pub mod backend;
mod block;
mod context;
mod coop;
mod dump;
pub mod fs;
#[cfg(feature = "hyper")]
pub mod http;
mod instrument;
pub mod io;
mod macros;
pub mod net;
pub mod process;
pub mod rand;
pub mod runtime;
mod shim;
pub mod signal;
mod site;
pub mod stream;
pub mod sync;
pub mod task;
pub mod time;

pub use self::macros::{main, test};
pub use self::task::{TaskGroup, spawn};

#[doc(hidden)]
pub use self::macros::support as __private;
