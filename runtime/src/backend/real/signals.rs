//! The interrupt signal in the real world.
//!
//! Owns the process's one listener for it: a thread that reads the pipe into which the signal
//! handler writes. Both exist from the first request on, and for ever.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};

use super::wakers::wake_all;
use crate::shim::{Mutex, lock};

struct Interrupts {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    count: u64,
    waiting: Vec<Waker>,
}

/// The listener, or the number of the error that kept it from being made.
static INTERRUPTS: OnceLock<Result<&'static Interrupts, i32>> = OnceLock::new();

/// How often the process was interrupted since the first call.
pub(super) fn ctrl_c_count() -> io::Result<u64> {
    Ok(lock(&interrupts()?.state).count)
}

/// `Ready` once the process was interrupted more than `seen` times.
pub(super) fn poll_ctrl_c(cx: &mut Context<'_>, seen: u64) -> Poll<()> {
    let Ok(interrupts) = interrupts() else {
        return Poll::Pending;
    };
    // Cloning and dropping a waker runs foreign code.
    let waker = cx.waker().clone();
    let mut state = lock(&interrupts.state);
    if state.count > seen {
        return Poll::Ready(());
    }
    if state.waiting.iter().any(|kept| kept.will_wake(&waker)) {
        drop(state);
        drop(waker);
    } else {
        state.waiting.push(waker);
    }
    Poll::Pending
}

fn interrupts() -> io::Result<&'static Interrupts> {
    let made = INTERRUPTS
        .get_or_init(|| start().map_err(|error| error.raw_os_error().unwrap_or(libc::EINVAL)));
    (*made).map_err(io::Error::from_raw_os_error)
}

fn start() -> io::Result<&'static Interrupts> {
    let (reader, writer) = UnixStream::pair()?;
    let interrupts: &'static Interrupts = Box::leak(Box::new(Interrupts {
        state: Mutex::new(State::default()),
    }));
    std::thread::Builder::new()
        .name("simoom-ctrl-c".to_owned())
        .spawn(move || interrupts.listen(reader))?;
    signal_hook::low_level::pipe::register(libc::SIGINT, writer)?;
    Ok(interrupts)
}

impl Interrupts {
    fn listen(&self, mut reader: UnixStream) {
        let mut bytes = [0; 64];
        loop {
            match reader.read(&mut bytes) {
                // The other end was dropped: the handler could not be installed.
                Ok(0) => return,
                Ok(interrupts) => self.deliver(interrupts as u64),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => panic!("waiting for an interrupt failed: {error}"),
            }
        }
    }

    fn deliver(&self, interrupts: u64) {
        let mut state = lock(&self.state);
        state.count += interrupts;
        let mut waiting = std::mem::take(&mut state.waiting);
        drop(state);
        wake_all(&mut waiting);
    }
}
