//! What simoom promises, in both worlds: one body for each promise.
//!
//! # Where the worlds differ
//! A body cannot tell them apart. What it could tell them apart by is left out, and is this:
//! 1. Which of several ready tasks goes first. The real world keeps the order of waking, and has
//!    tests of its own for that; the simulator explores every order.
//! 2. Virtual time stands still while a task can run: a loop of `yield_now` until a deadline ends
//!    in the real world alone.
//! 3. A new socket of the real world may seem readable until the first attempt to read. One of the
//!    simulator never seems what it is not.
//! 4. `from_std`, `into_std` and descriptors are of the real world alone.
//! 5. How many bytes a connection holds before its writer waits: megabytes in the real world,
//!    128 KiB in the simulator. Unix sockets hold as much in both.
//!
//! What `linux-conformance` finds beyond that, between hosts and on failing disks:
//! 1. The simulator has no routing tables and no routers: every node reaches every other, so
//!    nobody meets a route that refuses, or an ICMP error but that of a closed port.
//! 2. What a cut link held travels when it heals (docs/decisions/0007); Linux sends it with its
//!    next retransmission, up to the time-out later.
//! 3. A lost segment in the midst of others is as late as the last one (docs/decisions/0015);
//!    Linux repairs it within a round trip.
//! 4. File systems are always mounted for writing: nobody meets `EROFS`.

mod as_completed;
mod assertions;
mod blocking;
mod cancel;
mod coop;
mod debug;
mod end_all;
mod ended;
mod fairness;
mod fs;
mod gather;
mod group;
mod io;
mod join_set;
mod local_set;
mod macros;
mod net;
mod process;
mod promises;
mod rand;
mod runtime;
mod scope;
mod server;
mod signal;
mod stream;
mod stream_reader;
mod sync;
mod task;
mod task_info;
mod time;
