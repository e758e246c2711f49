//! The request to stop that a terminal sends.

use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::listen::{count, poll_count};
use super::unix::SignalKind;
use crate::backend::SignalWait;

/// Waits until the process is asked to stop, as by Ctrl-C in its terminal: until SIGINT.
///
/// The first call replaces what the signal does by default, which is to end the process, for good:
/// from then on it only completes the futures of this function, and wakes those who listen for
/// [`SignalKind::interrupt`]. A signal counts for every future that was made before it, polled or
/// not.
///
/// # Errors
/// Outside a runtime; when the signal cannot be listened for.
///
/// # Cancel safety
/// Safe, but a signal that comes after a future was dropped and before the next one is made has no
/// effect.
///
/// # Under simulation
/// Waits for the simulated node to be interrupted; signals of the real process are not seen.
///
/// # Examples
/// ```no_run
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// simoom::signal::ctrl_c().await.unwrap();
/// println!("stopping");
/// # });
/// ```
#[track_caller]
pub fn ctrl_c() -> CtrlC {
    CtrlC {
        seen: Some(count(SignalKind::interrupt().as_raw_value())),
        wait: None,
        site: Location::caller(),
    }
}

/// The future of [`ctrl_c`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct CtrlC {
    /// How many requests there were before; taken when the future has ended.
    seen: Option<io::Result<u64>>,
    /// Its place among those who wait.
    wait: Option<SignalWait>,
    site: &'static Location<'static>,
}

impl Future for CtrlC {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let seen = match this.seen.take() {
            Some(Ok(seen)) => seen,
            Some(Err(error)) => return Poll::Ready(Err(error)),
            None => panic!("`ctrl_c` was polled after it had returned"),
        };
        let signal = SignalKind::interrupt().as_raw_value();
        let polled = poll_count(cx, signal, seen, &mut this.wait, this.site);
        if polled.is_pending() {
            this.seen = Some(Ok(seen));
        }
        polled.map_ok(|_| ())
    }
}
