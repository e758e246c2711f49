//! Stopping the clock of a runtime, for tests.

use std::time::Duration;

use crate::backend::{Advanced, Backend};
use crate::context;
use crate::task::yield_now;

/// Stops the clock of the current runtime.
///
/// [`Instant::now`](super::Instant::now) shows the same moment from now on, until
/// [`advance`] moves it. When all tasks wait, and no closure of
/// [`spawn_blocking`](crate::task::spawn_blocking) and no operation on files is under way, the clock
/// jumps to the next deadline that something waits for: a test that sleeps for a day takes no time.
/// Bytes that are under way between sockets are no reason to wait, so a timeout around an operation
/// of the network may be over at once.
///
/// `#[simoom::test(start_paused = true)]` and
/// [`Builder::start_paused`](crate::runtime::Builder::start_paused) start a runtime so. The wall
/// clock, [`system_time`](super::system_time), goes on.
///
/// # Panics
/// If the clock stands already, and outside a runtime.
///
/// # Under simulation
/// Does nothing, however often: time is virtual anyway, and jumps when all wait.
///
/// # Examples
/// ```
/// use simoom::time::{self, Duration, Instant};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// time::pause();
/// let start = Instant::now();
/// time::sleep(Duration::from_secs(60)).await;
/// assert_eq!(start.elapsed(), Duration::from_secs(60));
/// # });
/// ```
#[track_caller]
pub fn pause() {
    assert!(
        inside("pause", |backend| backend.pause()),
        "the clock of this runtime stands already: `time::resume` has it go on"
    );
}

/// Has the clock of the current runtime go on from the moment that it shows.
///
/// # Panics
/// If it runs, and outside a runtime.
///
/// # Under simulation
/// Does nothing, as [`pause`].
///
/// # Examples
/// ```
/// use simoom::time::{self, Duration, Instant};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// time::pause();
/// let start = Instant::now();
/// time::resume();
/// std::thread::sleep(Duration::from_millis(1));
/// assert!(start.elapsed() >= Duration::from_millis(1));
/// # });
/// ```
#[track_caller]
pub fn resume() {
    assert!(
        inside("resume", |backend| backend.resume()),
        "the clock of this runtime runs: `time::pause` stops it"
    );
}

/// Moves the clock of the current runtime forward by `duration`, and gives way to other tasks once.
///
/// All timers that are due then are woken, in the order of their deadlines, and each sees the
/// moment that the clock shows at last, not its own. The tasks that wait for them are in line before
/// the caller; what they wait for next, they may not have come to when this returns.
///
/// # Panics
/// If the clock runs: [`pause`] it first. Outside a runtime.
///
/// # Cancel safety
/// Once polled, the clock was moved.
///
/// # Under simulation
/// The same as [`sleep`](super::sleep): time passes, and timers on the way fire at their moments.
///
/// # Examples
/// ```
/// use simoom::time::{self, Duration};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// time::pause();
/// let asleep = simoom::spawn(time::sleep(Duration::from_secs(60)));
/// simoom::task::yield_now().await;
/// time::advance(Duration::from_secs(61)).await;
/// assert!(asleep.is_finished());
/// # });
/// ```
pub async fn advance(duration: Duration) {
    match inside("advance", |backend| backend.advance(duration)) {
        Advanced::Moved => yield_now().await,
        Advanced::Passes => super::sleep(duration).await,
        Advanced::Runs => {
            panic!(
                "the clock of this runtime runs: `time::pause` stops it, so that it can be moved"
            )
        }
    }
}

#[track_caller]
fn inside<R>(call: &str, f: impl FnOnce(&dyn Backend) -> R) -> R {
    context::with_current(|backend| match backend {
        Some(backend) => f(backend),
        None => panic!("`time::{call}` was called outside a simoom runtime, which it is about"),
    })
}
