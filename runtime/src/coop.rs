//! The point that every operation of the runtime passes before it does anything.
//!
//! Owns what an operation says of itself ([`Op`]) and the cooperative budget's accounting.
//! In production the point costs a decrement and makes a task yield when its budget is spent; in
//! the simulator it is where the scheduler may switch tasks although the operation was ready.

use std::io;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use crate::context;
use crate::task::cell::current;

/// How many ready operations one poll may do in production before it must yield.
pub const BUDGET: u8 = 128;

/// What sort of operation a task is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum OpKind {
    /// Giving up the processor of its own accord.
    Yield,
    /// Waiting for a deadline.
    Sleep,
    /// Waiting for a task.
    Join,
    /// Taking a lock.
    Lock,
    /// Waiting for a notification.
    Notified,
    /// Sending into a channel, or a datagram.
    Send,
    /// Receiving from a channel, or a datagram.
    Recv,
    /// Accepting a connection.
    Accept,
    /// Opening a connection.
    Connect,
    /// Reading from a stream or a file.
    Read,
    /// Writing to a stream or a file, or changing what is said of a file.
    Write,
    /// Looking up a name.
    Resolve,
    /// Waiting for a signal of the operating system.
    Signal,
    /// Opening a file.
    Open,
    /// Waiting until something is on the disk.
    Sync,
    /// Asking what a file or directory is, or moving in it.
    Stat,
    /// Giving or taking a name in a directory.
    Link,
    /// Waiting for a thread that may block.
    Blocking,
    /// Passing a place that the program has marked, and nothing else.
    Point,
    /// Taking permits of a semaphore.
    Acquire,
    /// Waiting for others to come.
    Meet,
}

impl OpKind {
    /// The name under which stored choices know this kind. Never changes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Yield => "yield",
            Self::Sleep => "sleep",
            Self::Join => "join",
            Self::Lock => "lock",
            Self::Notified => "notified",
            Self::Send => "send",
            Self::Recv => "recv",
            Self::Accept => "accept",
            Self::Connect => "connect",
            Self::Read => "read",
            Self::Write => "write",
            Self::Resolve => "resolve",
            Self::Signal => "signal",
            Self::Open => "open",
            Self::Sync => "sync",
            Self::Stat => "stat",
            Self::Link => "link",
            Self::Blocking => "blocking",
            Self::Point => "point",
            Self::Acquire => "acquire",
            Self::Meet => "meet",
        }
    }
}

/// Whether two operations on one resource can be told apart by their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Observes the resource.
    Read,
    /// Changes the resource.
    Write,
}

/// What an operation says of itself before it runs.
#[derive(Clone, Copy, Debug)]
pub struct Op<'a> {
    /// What sort of operation it is.
    pub kind: OpKind,
    /// What it acts on, if other tasks can act on it too.
    pub resource: Option<&'a Resource>,
    /// How it acts.
    pub access: Access,
    /// Whether all that it does, it does to its resource: another task whose operations act on other
    /// resources cannot tell when it was done.
    pub is_contained: bool,
    /// The user's line.
    pub site: &'static Location<'static>,
}

impl<'a> Op<'a> {
    /// The same, of which all that it does is done to its resource.
    #[must_use]
    pub fn contained(self) -> Self {
        Self {
            is_contained: true,
            ..self
        }
    }

    /// An operation that changes `resource`.
    #[must_use]
    pub fn write(kind: OpKind, resource: &'a Resource, site: &'static Location<'static>) -> Self {
        Self {
            kind,
            resource: Some(resource),
            access: Access::Write,
            is_contained: false,
            site,
        }
    }

    /// An operation that observes `resource`.
    #[must_use]
    pub fn read(kind: OpKind, resource: &'a Resource, site: &'static Location<'static>) -> Self {
        Self {
            kind,
            resource: Some(resource),
            access: Access::Read,
            is_contained: false,
            site,
        }
    }

    /// An operation that no other task can observe.
    #[must_use]
    pub fn private(kind: OpKind, site: &'static Location<'static>) -> Self {
        Self {
            kind,
            resource: None,
            access: Access::Read,
            is_contained: false,
            site,
        }
    }
}

/// The name of something that several tasks can act on: one word, given by the simulator when it
/// is first used, and never in production.
#[derive(Debug, Default)]
pub struct Resource(AtomicU64);

impl Resource {
    /// A resource without a name.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// The name, or 0.
    #[must_use]
    pub fn name(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Names the resource.
    pub fn set_name(&self, name: u64) {
        self.0.store(name, Ordering::Relaxed);
    }
}

/// Passes the point before an operation: `Ready` when it may try, `Pending` when the task must
/// yield first (its waker has then been woken).
///
/// Outside a runtime every operation may try.
#[inline]
pub fn proceed<'a>(cx: &mut Context<'_>, op: &Op<'a>) -> Poll<Progress<'a>> {
    if context::take_budget() {
        return Poll::Ready(Progress {
            op: *op,
            paid: Paid::Budget,
        });
    }
    proceed_slow(cx, op)
}

#[cold]
fn proceed_slow<'a>(cx: &mut Context<'_>, op: &Op<'a>) -> Poll<Progress<'a>> {
    context::with_current(|backend| match backend {
        None => Poll::Ready(Progress {
            op: *op,
            paid: Paid::Nothing,
        }),
        Some(backend) => {
            ready!(backend.proceed(cx, op));
            Poll::Ready(Progress {
                op: *op,
                paid: Paid::Asked,
            })
        }
    })
}

/// Says that the running task changes `resource` without waiting for anything: it gives back a
/// lock, takes one that is free, sends where there is room, notifies.
///
/// No point at which another task may go first: a world that wants to know which tasks depend on
/// each other is told, and no other. Called before the change is made.
#[inline]
pub fn touch(resource: &Resource) {
    if context::is_told_of_changes() {
        touch_slow(resource, Access::Write);
    }
}

/// As [`touch`], where the running task sees what another may change.
#[inline]
pub(crate) fn observe(resource: &Resource) {
    if context::is_told_of_changes() {
        touch_slow(resource, Access::Read);
    }
}

#[cold]
fn touch_slow(resource: &Resource, access: Access) {
    context::with_current(|backend| {
        if let Some(backend) = backend {
            backend.touched(resource, access);
        }
    });
}

/// As [`touch`], where what changes is that whoever had `resource` gives it back.
#[inline]
pub(crate) fn release(resource: &Resource) {
    if context::is_told_of_changes() {
        touch_slow(resource, Access::Write);
        tell_slow(resource, News::Released { amount: 1 });
    }
}

/// Tells a world that wants to know who has `resource`, or waits for it. Never a point at which
/// another task may go first.
#[inline]
pub(crate) fn tell(resource: &Resource, news: News<'_>) {
    if context::is_told_of_changes() {
        tell_slow(resource, news);
    }
}

#[cold]
fn tell_slow(resource: &Resource, news: News<'_>) {
    context::with_current(|backend| {
        if let Some(backend) = backend {
            backend.told(resource, news);
        }
    });
}

/// A place in a queue: the same for as long as one future waits in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuePlace(usize);

impl QueuePlace {
    /// The place that is `pinned`, which does not move while it is one.
    pub(crate) fn of<T>(pinned: &T) -> Self {
        Self::at(std::ptr::from_ref(pinned))
    }

    /// The place at this address.
    pub(crate) fn at<T>(pointer: *const T) -> Self {
        Self(pointer.addr())
    }
}

/// Who has a thing that tasks share, and who waits for it.
///
/// A thing may have several holders, each of which has some of it: a lock one, a lock for readers one
/// for each of them, whoever holds slots as many as it holds. A primitive says of each amount that
/// it was taken and that it was released; that an operation of the kind
/// [`Lock`](OpKind::Lock) has completed says itself that one was taken.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum News<'a> {
    /// The running task has some of it.
    Taken {
        /// What one does to get it.
        kind: OpKind,
        /// How much.
        amount: usize,
        /// The operation that it came to last got it; else it was there without one.
        is_awaited: bool,
        /// The user's line.
        site: &'static Location<'static>,
    },
    /// So much of it was given back: what the running task has, if it has some, else what
    /// another has.
    Released {
        /// How much.
        amount: usize,
    },
    /// A future that the running task polls waits for it.
    Waits {
        /// Where.
        place: QueuePlace,
        /// To do what.
        kind: OpKind,
        /// The user's line.
        site: &'static Location<'static>,
    },
    /// It was handed to the future that waits in `place`, which is to be polled.
    Granted {
        /// Where.
        place: QueuePlace,
    },
    /// The future that waited in `place` has it, or does without it.
    Left {
        /// Where.
        place: QueuePlace,
    },
    /// It holds so many messages now that nobody has taken.
    Holds {
        /// How many.
        messages: usize,
        /// The running task has sent one of them, or else taken some.
        is_more: bool,
    },
    /// It is a set of tasks that are waited for together, and has one more.
    Collected {
        /// What whoever joins the task waits for.
        task: &'a Resource,
    },
    /// It is a set of tasks, and one of them has left it.
    Parted {
        /// As above.
        task: &'a Resource,
    },
    /// The running task has dropped it, with so many messages that nobody will take.
    Abandoned {
        /// How many.
        messages: usize,
    },
}

/// Leave to try one operation.
///
/// Call [`done`](Self::done) when the operation completed; dropping it says that nothing happened.
#[must_use = "call `done` when the operation completed"]
#[derive(Debug)]
pub struct Progress<'a> {
    op: Op<'a>,
    paid: Paid,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Paid {
    Nothing,
    Budget,
    Asked,
}

impl Progress<'_> {
    /// The operation completed, and was none in production: it takes nothing from the budget.
    #[inline]
    pub(crate) fn free(mut self) {
        match std::mem::replace(&mut self.paid, Paid::Nothing) {
            Paid::Nothing => {}
            Paid::Budget => context::return_budget(),
            Paid::Asked => {
                self.paid = Paid::Asked;
                self.done();
            }
        }
    }

    /// The operation completed.
    #[inline]
    pub fn done(self) {
        self.end(None);
    }

    /// The operation completed, with this result.
    #[inline]
    pub(crate) fn done_with<T>(self, result: &io::Result<T>) {
        self.end(result.as_ref().err());
    }

    #[inline]
    fn end(mut self, error: Option<&io::Error>) {
        if self.paid == Paid::Asked {
            context::with_current(|backend| {
                if let Some(backend) = backend {
                    if let Some(error) = error {
                        backend.failed(&self.op, error);
                    }
                    backend.completed(&self.op);
                }
            });
        }
        self.paid = Paid::Nothing;
    }
}

impl Drop for Progress<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.paid != Paid::Nothing {
            self.refused();
        }
    }
}

impl Progress<'_> {
    /// The operation was not ready: it costs nothing, and the task is said to wait for it.
    fn refused(&self) {
        if self.paid == Paid::Budget {
            context::return_budget();
        }
        current::with(|task| {
            if let Some(task) = task {
                task.refuse(self.op.kind, self.op.site);
            }
        });
    }
}
