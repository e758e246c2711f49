//! The seam between the runtime and the world it runs in.
//!
//! Owns the traits that a world implements: who runs next, what time it is, where sockets come
//! from, and what chance decides. Everything above the seam (tasks, timers, streams, locks) is the
//! same code in every world.
//!
//! This module is exempt from semantic versioning: only crates of this project implement it.

use std::any::Any;
use std::future::Future;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use tokio::io::ReadBuf;

pub use self::blocking::{Blocking, Job, TakenBack};
pub use self::files::{
    Completion, Entry, FileJob, FileOp, Files, OpenFile, OpenHow, Outcome, PathOp, Place, Standard,
    Stat, Submitted, file_type,
};
pub use self::pipe::{PipeAccess, PipeReceiver, PipeSender, Pipes, receiver_of, sender_of};
pub use self::polled::{Direction, Polled, ReadBytes, Seat, Signs, WriteBytes};
pub use self::processes::{ChildProcess, Processes, Spawned};
pub use self::real::without_pidfd;
pub use self::unix::{
    Credentials, Unix, UnixDatagram, UnixKind, UnixListener, UnixSocket, UnixStream,
};
pub use crate::assertion::{ASSERTIONS, Assertion, Rule, Seen, Side, place as assertion_place};
pub use crate::context::{enter, enter_guest, owner, set_budget, set_watched, with_current};
pub use crate::coop::{
    Access, BUDGET, News, Op, OpKind, Progress, QueuePlace, Resource, proceed, touch,
};
pub use crate::dump::Answer;
pub use crate::instrument::{Watch, WatchedRun};
pub use crate::task::cell::{
    Ended, SendTask, Task, TaskRef, WokenTask, current::with as with_task,
};
pub use crate::task::inbox::{Claim, Inbox, Message, Owner, Unpark};
use crate::task::{Id, TaskInfo};
pub use crate::task::{Origin, end_all_at, spawn_in, spawn_local_in};
use crate::time::Instant;
pub use crate::time::queue::{TimerKey, TimerQueue};

mod blocking;
mod datagram;
mod descriptor;
mod files;
mod pipe;
mod polled;
mod processes;
mod signal_wait;
mod socket_option;
mod tcp_socket;
mod waiters;

pub use self::datagram::{Datagram, DatagramNet, Interface};
pub use self::descriptor::{Descriptor, Descriptors};
pub use self::signal_wait::SignalWait;
pub use self::socket_option::SocketOption;
pub use self::tcp_socket::{TcpSockets, UnusedTcp};
pub use self::waiters::Waiters;

pub(crate) mod park;
pub(crate) mod real;
pub(crate) mod system;
mod unix;

/// The folder of this package, by which a stack tells its own frames.
pub const PACKAGE: &str = env!("CARGO_MANIFEST_DIR");

/// A world, as the thread that runs it sees it.
pub trait Backend:
    Schedule
    + Clock
    + Net
    + DatagramNet
    + TcpSockets
    + Unix
    + Pipes
    + Processes
    + Descriptors
    + Files
    + Chance
    + Signals
    + Blocking
    + Any
{
    /// The world's name for its tasks' wakes.
    fn owner(&self) -> Owner;

    /// A handle to this world that any thread may keep.
    fn remote(&self) -> Arc<dyn Remote>;

    /// For a world that must find itself again behind the trait.
    fn as_any(&self) -> &dyn Any;

    /// Who is told of what it does, if anybody is. Asked when a thread enters it, and again each time
    /// that something is to be told.
    fn watch(&self) -> Option<Arc<Watch>> {
        None
    }

    /// Has its tasks looked at as soon as none is polled; gives `answer` back if it does not do so.
    ///
    /// # Errors
    /// The answer.
    fn dump(&self, answer: Answer) -> Result<(), Answer> {
        Err(answer)
    }

    /// The running code has come to an assertion. Told to a world that wants changes alone.
    fn asserted(&self, seen: &Seen<'_>) {
        let _ = seen;
    }
}

/// A world, as any thread may hold it.
pub trait Remote: Send + Sync {
    /// The world's name for its tasks' wakes.
    fn owner(&self) -> Owner;

    /// The part of the world that works on any thread.
    fn view(&self) -> &dyn Backend;

    /// Tells it from others, for people.
    fn number(&self) -> u64 {
        self.owner().id
    }
}

/// A world that a thread can run, one thread at a time.
pub(crate) trait Engine: Send + Sync {
    /// A handle to this world that any thread may keep.
    fn remote(&self) -> Arc<dyn Remote>;

    /// Runs the world on this thread until `root` is ready.
    ///
    /// If another thread runs it, only `root` is polled here, until that thread leaves.
    fn block_on(&self, root: &mut dyn FnMut(&mut Context<'_>) -> Poll<()>);

    /// Whether this thread may run the world now, if no other does.
    fn may_run_here(&self) -> bool;

    /// Ends the world, and waits for blocking work that runs: at most `timeout`, or for as long as
    /// it takes. Does nothing the second time.
    #[track_caller]
    fn shut_down(&self, timeout: Option<Duration>);
}

/// Who runs next.
pub trait Schedule {
    /// The id of the next task to be spawned.
    fn next_id(&self) -> Id;

    /// Takes a new task and makes it runnable. Called on the thread that holds the world only.
    fn spawn(&self, task: Task);

    /// Takes a new task from any thread.
    fn spawn_send(&self, task: SendTask);

    /// Makes a task runnable that was not. Called on the thread that holds the world only.
    fn schedule(&self, task: TaskRef<'_>);

    /// Decides whether the running task may try `op` now.
    ///
    /// Returns `Pending` after waking `cx` when the task must let others run first.
    fn proceed(&self, cx: &mut Context<'_>, op: &Op<'_>) -> Poll<()>;

    /// `op` of the running task completed.
    fn completed(&self, op: &Op<'_>);

    /// `op` of the running task is about to complete, with an error. For people to read: most worlds
    /// have no use for it.
    fn failed(&self, _op: &Op<'_>, _error: &io::Error) {}

    /// What it counts.
    fn census(&self) -> Census;

    /// What there is to say of its tasks, oldest first; `None` on a thread that does not run it.
    fn tasks(&self) -> Option<Vec<TaskInfo>> {
        None
    }

    /// Whether the running task may do a ready operation before it must yield, as far as that is a
    /// matter of a budget.
    fn has_budget(&self) -> bool {
        true
    }

    /// Whether it wants to know what tasks change without waiting. Asked when a thread enters it.
    fn wants_changes(&self) -> bool {
        false
    }

    /// The running code is about to change or to look at `resource` without having waited for
    /// anything.
    fn touched(&self, resource: &Resource, access: Access) {
        let _ = (resource, access);
    }

    /// Who has `resource`, or waits for it, has changed. Told to a world that wants changes alone,
    /// also while the primitive is locked: nothing may be woken.
    fn told(&self, resource: &Resource, news: News<'_>) {
        let _ = (resource, news);
    }
}

/// What a world counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Tasks that have not ended.
    pub alive: usize,
    /// Tasks that can run and wait for their turn.
    pub runnable: usize,
    /// How often it waited for an event or a timer, having nothing to do.
    pub parks: u64,
    /// How often it had something to do after that.
    pub unparks: u64,
    /// How often a task had its turn.
    pub polls: u64,
    /// Tasks that there ever were.
    pub spawned: u64,
    /// How often a task had to give way, as its budget was spent.
    pub forced_yields: u64,
    /// How long its thread did not wait, if that is measured.
    pub busy: Duration,
    /// Of its threads for blocking work.
    pub blocking: BlockingCensus,
}

/// What a world counts of its threads for blocking work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockingCensus {
    /// Threads that there are.
    pub threads: usize,
    /// Those of them that have nothing to do.
    pub idle: usize,
    /// Closures that wait for a thread.
    pub queued: usize,
}

/// What time it is, and what waits for which.
pub trait Clock {
    /// The current time of this world.
    fn now(&self) -> Instant;

    /// What the wall clock of this world shows.
    fn system_time(&self) -> SystemTime;

    /// Wakes `waker` when `deadline` has passed.
    fn arm(&self, deadline: Instant, waker: &Waker) -> TimerKey;

    /// `Ready` if the timer fired, else replaces its waker. A timer of another world has fired.
    fn poll_timer(&self, key: TimerKey, waker: &Waker) -> Poll<()>;

    /// Forgets the timer, whether it fired or not.
    fn disarm(&self, key: TimerKey);

    /// Stops the clock, if this one can be stopped: it then moves by [`advance`](Self::advance),
    /// and to the next deadline once nothing else can happen. False if it stands already.
    fn pause(&self) -> bool {
        true
    }

    /// Has a stopped clock go on. False if it runs.
    fn resume(&self) -> bool {
        true
    }

    /// Moves a stopped clock forward.
    fn advance(&self, by: Duration) -> Advanced {
        let _ = by;
        Advanced::Passes
    }
}

/// How a stopped clock was moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advanced {
    /// It shows a later moment.
    Moved,
    /// It runs, and was not.
    Runs,
    /// Time passes here as fast as it is waited for: one waits.
    Passes,
}

/// What chance decides.
pub trait Chance {
    /// One of `alternatives`, counted from 0. Decides where the `select!` at `site` starts to look.
    fn pick(&self, alternatives: u32, site: &'static Location<'static>) -> u32;

    /// As [`pick`](Self::pick), where production has an order of its own, which starts with 0.
    fn turn(&self, alternatives: u32, site: &'static Location<'static>) -> u32 {
        let _ = (alternatives, site);
        0
    }

    /// Fills `bytes` with random bytes for the user.
    fn fill(&self, bytes: &mut [u8]);

    /// Whether the place that the program marked as `label` is to do what it does rarely
    /// otherwise, with the probability `odds`, a part of a whole, if it says one. Never in
    /// production.
    fn buggify(&self, label: &'static str, odds: Option<(u32, u32)>) -> bool {
        let _ = (label, odds);
        false
    }
}

/// Signals of the operating system.
pub trait Signals {
    /// How often `signal` came since the first call for it, which ends what it does by default.
    fn signal_count(&self, signal: i32) -> io::Result<u64>;

    /// `Ready` with the count once `signal` came more than `seen` times, else keeps the waker in the
    /// place `wait`, and takes one if there is none.
    fn poll_signal(
        &self,
        cx: &mut Context<'_>,
        signal: i32,
        seen: u64,
        wait: &mut Option<SignalWait>,
    ) -> Poll<u64>;
}

/// Where sockets and names come from.
pub trait Net {
    /// Listens on `addr`; port 0 asks for a free one. `backlog` bounds waiting connections.
    fn tcp_listen(&self, addr: SocketAddr, backlog: u32) -> io::Result<Arc<dyn Listener>>;

    /// Starts to connect to `addr`; the stream turns writable when the outcome is known, which
    /// [`Polled::take_error`] then tells.
    fn tcp_connect(&self, addr: SocketAddr) -> io::Result<Arc<dyn Stream>>;

    /// Takes over a listener of the standard library, which must be in non-blocking mode.
    fn adopt_listener(&self, listener: std::net::TcpListener) -> io::Result<Arc<dyn Listener>>;

    /// Takes over a stream of the standard library, which must be in non-blocking mode.
    fn adopt_stream(&self, stream: std::net::TcpStream) -> io::Result<Arc<dyn Stream>>;

    /// Looks up the addresses of `host`.
    fn resolve(&self, host: &str, port: u16) -> Resolving;
}

/// A name being looked up.
pub type Resolving = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + Sync>>;

/// A listening socket. Dropping it closes it.
pub trait Listener: Polled {
    /// Takes a waiting connection; `WouldBlock` if there is none.
    fn try_accept(&self) -> io::Result<(Arc<dyn Stream>, SocketAddr)>;

    /// The address it listens on.
    fn local_addr(&self) -> io::Result<SocketAddr>;

    /// The time to live of its packets.
    fn ttl(&self) -> io::Result<u32>;

    /// Sets the time to live of its packets.
    fn set_ttl(&self, ttl: u32) -> io::Result<()>;

    /// A second handle of the standard library to the same socket.
    fn to_std(&self) -> io::Result<std::net::TcpListener>;
}

/// A connected stream. Dropping it closes it.
pub trait Stream: ReadBytes + WriteBytes {
    /// As [`try_read`](ReadBytes::try_read), leaving the bytes where they are.
    fn try_peek(&self, buf: &mut ReadBuf<'_>) -> io::Result<usize>;

    /// Closes one direction or both.
    fn shutdown(&self, how: Shutdown) -> io::Result<()>;

    /// The address of this end.
    fn local_addr(&self) -> io::Result<SocketAddr>;

    /// The address of the other end.
    fn peer_addr(&self) -> io::Result<SocketAddr>;

    /// The value of a setting.
    fn option(&self, option: SocketOption) -> io::Result<u32>;

    /// Changes a setting.
    fn set_option(&self, option: SocketOption, value: u32) -> io::Result<()>;

    /// How long closing waits for unsent bytes.
    fn linger(&self) -> io::Result<Option<Duration>>;

    /// Sets how long closing waits for unsent bytes; zero resets the connection.
    fn set_linger(&self, linger: Option<Duration>) -> io::Result<()>;

    /// A second handle of the standard library to the same socket.
    fn to_std(&self) -> io::Result<std::net::TcpStream>;
}
