//! Where the loop waits for the world.
//!
//! Owns the wait for events, its end by another thread, and how exactly it ends on time. Knows
//! nothing of tasks.

use std::io;
use std::task::Waker;
use std::time::Duration;

use mio::{Events, Poll};

use super::reactor::{ALARM, Reactor};
use super::sys;
use crate::backend::Unpark;
use crate::shim::{AtomicBool, Ordering};

/// Ends the loop's wait, from any thread.
///
/// # Invariants
/// 1. Who notifies sets `notified` before it looks at `asleep`; the loop sets `asleep` before it
///    looks at `notified`. Both in the one order of `SeqCst`, so that one of them sees the other.
pub(super) struct Alarm {
    notified: AtomicBool,
    asleep: AtomicBool,
    waker: mio::Waker,
}

impl Alarm {
    /// Whether anybody asked for the loop's attention since the last call.
    pub(super) fn take(&self) -> bool {
        // A look first: the swap is dear, and the answer is nearly always no.
        self.notified.load(Ordering::Relaxed) && self.notified.swap(false, Ordering::AcqRel)
    }

    /// Whether anybody asked for the loop's attention, which is still to be taken.
    pub(super) fn is_notified(&self) -> bool {
        self.notified.load(Ordering::Acquire)
    }

    /// The loop is about to sleep. False if it must not, because somebody asked for it.
    pub(super) fn fall_asleep(&self) -> bool {
        self.asleep.store(true, Ordering::SeqCst);
        !self.notified.load(Ordering::SeqCst)
    }

    /// The loop is awake.
    pub(super) fn wake_up(&self) {
        self.asleep.store(false, Ordering::Relaxed);
    }
}

impl Unpark for Alarm {
    fn unpark(&self) {
        // If it was set, the thread that set it has woken the loop, or will.
        if !self.notified.swap(true, Ordering::SeqCst) && self.asleep.load(Ordering::SeqCst) {
            // The only error is a closed descriptor, and this one is open.
            let _ = self.waker.wake();
        }
    }
}

/// The one place that waits for events.
pub(super) struct Driver {
    poll: Poll,
    events: Events,
}

/// How many events one wait can return.
const EVENTS_MAX: usize = 1024;

impl Driver {
    pub(super) fn new() -> io::Result<(Self, Reactor, Alarm)> {
        let poll = Poll::new()?;
        let reactor = Reactor::new(poll.registry().try_clone()?);
        let alarm = Alarm {
            notified: AtomicBool::new(false),
            asleep: AtomicBool::new(false),
            waker: mio::Waker::new(poll.registry(), ALARM)?,
        };
        let driver = Self {
            poll,
            events: Events::with_capacity(EVENTS_MAX),
        };
        Ok((driver, reactor, alarm))
    }

    /// Waits for events for as long as `timeout`, for ever without one, and delivers them.
    ///
    /// May return early, and without any.
    pub(super) fn wait(
        &mut self,
        timeout: Option<Duration>,
        reactor: &Reactor,
        wakers: &mut Vec<Waker>,
    ) {
        let polled = match timeout {
            None => self.poll.poll(&mut self.events, None),
            Some(timeout) => self.wait_exactly(timeout),
        };
        match polled {
            Ok(()) => reactor.dispatch(&self.events, wakers),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => panic!("waiting for events failed: {error}"),
        }
    }

    /// `epoll_wait` counts in milliseconds. Up to a limit the wait is done by `ppoll`, which
    /// counts in nanoseconds but needs a second call to fetch events; above it the whole
    /// milliseconds are waited for first, so that a server whose next timer is far away pays one
    /// call per wait.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn wait_exactly(&mut self, timeout: Duration) -> io::Result<()> {
        use std::os::fd::AsFd;

        const EXACT_MAX: Duration = Duration::from_millis(10);

        if timeout > EXACT_MAX {
            let whole = timeout - Duration::from_nanos(timeout.subsec_nanos() as u64 % 1_000_000);
            return self.poll.poll(&mut self.events, Some(whole));
        }
        if !timeout.is_zero() && !sys::wait_readable(self.poll.registry().as_fd(), timeout)? {
            self.events.clear();
            return Ok(());
        }
        self.poll.poll(&mut self.events, Some(Duration::ZERO))
    }

    /// `kevent` takes nanoseconds.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn wait_exactly(&mut self, timeout: Duration) -> io::Result<()> {
        self.poll.poll(&mut self.events, Some(timeout))
    }
}
