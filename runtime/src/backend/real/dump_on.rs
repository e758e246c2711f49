//! Dumps that a signal asks for.
//!
//! Owns the wait for it, for as long as the runtime lives. Knows nothing of what a dump is.

use std::io;
use std::sync::{Arc, Weak};
use std::task::{Context, Wake, Waker};

use super::shared::Shared;
use super::signals;
use crate::backend::SignalWait;
use crate::dump::Answer;
use crate::shim::{Mutex, lock};

/// Has a runtime print a dump when a signal comes.
pub(super) struct DumpOn {
    shared: Weak<Shared>,
    signal: i32,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    seen: u64,
    wait: Option<SignalWait>,
    is_over: bool,
}

impl DumpOn {
    pub(super) fn start(shared: &Arc<Shared>, signal: i32) -> io::Result<Arc<Self>> {
        let dump_on = Arc::new(Self {
            shared: Arc::downgrade(shared),
            signal,
            state: Mutex::new(State {
                seen: signals::signal_count(signal)?,
                ..State::default()
            }),
        });
        dump_on.wait();
        Ok(dump_on)
    }

    /// Waits for the signal, and asks for a dump each time that it has come.
    fn wait(self: &Arc<Self>) {
        let waker = Waker::from(self.clone());
        let mut cx = Context::from_waker(&waker);
        let mut has_come = false;
        {
            let mut state = lock(&self.state);
            let State {
                seen,
                wait,
                is_over,
            } = &mut *state;
            if *is_over {
                return;
            }
            while let std::task::Poll::Ready(count) =
                signals::poll_signal(&mut cx, self.signal, *seen, wait)
            {
                *seen = count;
                has_come = true;
            }
        }
        if has_come && let Some(shared) = self.shared.upgrade() {
            shared.ask_for_dump(Answer::Print);
        }
    }

    /// Waits no more.
    pub(super) fn stop(&self) {
        let wait = {
            let mut state = lock(&self.state);
            state.is_over = true;
            state.wait.take()
        };
        drop(wait);
    }
}

impl Wake for DumpOn {
    fn wake(self: Arc<Self>) {
        self.wait();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wait();
    }
}
