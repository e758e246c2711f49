//! Signals in the real world.
//!
//! Owns the process's one listener for them: a thread that reads the pipe into which the handlers
//! write. It exists from the first request on, and for ever; so does every handler.
//!
//! # Invariants
//! 1. A handler sets its signal's flag before it writes into the pipe, and the thread reads the
//!    pipe before it takes the flags: no signal is missed. Several may be taken as one.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use super::orphans;
use super::wakers::wake_all;
use crate::backend::SignalWait;
use crate::shim::{Mutex, lock};

struct Listener {
    state: Mutex<BTreeMap<i32, Known>>,
    /// Where the handlers write.
    writer: UnixStream,
}

/// A signal that someone has asked for.
struct Known {
    /// Set by the handler, taken by the thread.
    came: Arc<AtomicBool>,
    count: u64,
    /// Those who wait, by their places.
    waiting: BTreeMap<u64, Waker>,
}

/// The listener, or the number of the error that kept it from being made.
static LISTENER: OnceLock<Result<&'static Listener, i32>> = OnceLock::new();

/// How often `signal` came since the first call for it.
pub(super) fn signal_count(signal: i32) -> io::Result<u64> {
    let listener = listener()?;
    let mut state = lock(&listener.state);
    if let Some(known) = state.get(&signal) {
        return Ok(known.count);
    }
    let known = listener.install(signal)?;
    state.insert(signal, known);
    Ok(0)
}

/// `Ready` with the count once `signal` came more than `seen` times, else keeps the waker in the
/// place `wait`.
pub(super) fn poll_signal(
    cx: &mut Context<'_>,
    signal: i32,
    seen: u64,
    wait: &mut Option<SignalWait>,
) -> Poll<u64> {
    if wait.as_ref().is_some_and(|wait| wait.world() != WORLD) {
        *wait = None;
    }
    let Ok(listener) = listener() else {
        return Poll::Pending;
    };
    // Cloning and dropping a waker runs foreign code.
    let waker = cx.waker().clone();
    let mut state = lock(&listener.state);
    let Some(known) = state.get_mut(&signal) else {
        return Poll::Pending;
    };
    if known.count > seen {
        return Poll::Ready(known.count);
    }
    let place = wait.get_or_insert_with(|| {
        let key = NEXT.fetch_add(1, Ordering::Relaxed);
        SignalWait::new(WORLD, signal, key, leave)
    });
    let old = known.waiting.insert(place.key(), waker);
    drop(state);
    drop(old);
    Poll::Pending
}

/// The number of the real world: simulated ones are counted from below.
const WORLD: u64 = u64::MAX;

/// The next place.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Gives up a place.
fn leave(wait: &SignalWait) {
    let Ok(listener) = listener() else {
        return;
    };
    let mut state = lock(&listener.state);
    let known = state.get_mut(&wait.signal());
    let old = known.and_then(|known| known.waiting.remove(&wait.key()));
    drop(state);
    drop(old);
}

fn listener() -> io::Result<&'static Listener> {
    let made = LISTENER
        .get_or_init(|| start().map_err(|error| error.raw_os_error().unwrap_or(libc::EINVAL)));
    (*made).map_err(io::Error::from_raw_os_error)
}

fn start() -> io::Result<&'static Listener> {
    let (reader, writer) = UnixStream::pair()?;
    // A full pipe tells as much as one more byte, and must not hold up a handler.
    writer.set_nonblocking(true)?;
    let listener: &'static Listener = Box::leak(Box::new(Listener {
        state: Mutex::new(BTreeMap::new()),
        writer,
    }));
    std::thread::Builder::new()
        .name("simoom-signals".to_owned())
        .spawn(move || listener.listen(reader))?;
    Ok(listener)
}

impl Listener {
    fn install(&self, signal: i32) -> io::Result<Known> {
        let came = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(signal, came.clone())?;
        signal_hook::low_level::pipe::register(signal, self.writer.try_clone()?)?;
        // The signal may have come between the two.
        let _ = (&self.writer).write(&[0]);
        Ok(Known {
            came,
            count: 0,
            waiting: BTreeMap::new(),
        })
    }

    fn listen(&self, mut reader: UnixStream) {
        let mut bytes = [0; 64];
        loop {
            match reader.read(&mut bytes) {
                Ok(_) => self.deliver(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => panic!("waiting for a signal failed: {error}"),
            }
        }
    }

    fn deliver(&self) {
        let mut waiting = Vec::new();
        let mut a_child_ended = false;
        for (&signal, known) in lock(&self.state).iter_mut() {
            if known.came.swap(false, Ordering::SeqCst) {
                known.count += 1;
                waiting.extend(std::mem::take(&mut known.waiting).into_values());
                a_child_ended |= signal == libc::SIGCHLD;
            }
        }
        wake_all(&mut waiting);
        if a_child_ended {
            orphans::reap();
        }
    }
}
