//! Ends a process one of whose polls never returns.
//!
//! A thread outside every world looks at the runs' counters. A poll that lasts too long is most
//! likely a blocking call or an endless loop in user code, which nothing inside the world can
//! interrupt: the stuck thread is made to print where it is, and the process is ended.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use crate::native::{self, ThreadId};

/// The heartbeat of one run.
pub(crate) struct Beat {
    /// Odd while a task is being polled.
    count: AtomicU64,
    thread: ThreadId,
    seed: u64,
    /// How long a poll may take; zero: as long as it likes.
    limit: Duration,
}

static BEATS: Mutex<Vec<Arc<Beat>>> = Mutex::new(Vec::new());
static START: Once = Once::new();

/// Watches this thread's polls while it lives.
pub(crate) struct Watched(Arc<Beat>);

impl Watched {
    pub(crate) fn start(seed: u64, limit: Duration) -> Self {
        START.call_once(|| {
            native::install_stack_printer();
            let thread = std::thread::Builder::new().name("simoom watchdog".to_owned());
            // Without room for a thread there is no watchdog; the runs themselves are unaffected.
            let _ = thread.spawn(watch);
        });
        let beat = Arc::new(Beat {
            count: AtomicU64::new(0),
            thread: native::this_thread(),
            seed,
            limit,
        });
        beats().push(beat.clone());
        Self(beat)
    }

    /// Runs one poll.
    pub(crate) fn poll<R>(&self, poll: impl FnOnce() -> R) -> R {
        let count = self.0.count.load(Ordering::Relaxed);
        self.0.count.store(count + 1, Ordering::Relaxed);
        let result = poll();
        self.0.count.store(count + 2, Ordering::Relaxed);
        result
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        beats().retain(|beat| !Arc::ptr_eq(beat, &self.0));
    }
}

/// How often the counters are looked at.
const PAUSE: Duration = Duration::from_millis(50);

fn beats() -> std::sync::MutexGuard<'static, Vec<Arc<Beat>>> {
    BEATS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn watch() {
    let mut seen: Vec<(Arc<Beat>, u64, Instant)> = Vec::new();
    loop {
        std::thread::sleep(PAUSE);
        let now = Instant::now();
        let beats = beats();
        seen.retain(|(beat, ..)| beats.iter().any(|other| Arc::ptr_eq(other, beat)));
        for beat in beats.iter() {
            let count = beat.count.load(Ordering::Relaxed);
            match seen.iter_mut().find(|(other, ..)| Arc::ptr_eq(other, beat)) {
                None => seen.push((beat.clone(), count, now)),
                Some(known) if known.1 != count || count % 2 == 0 => {
                    *known = (beat.clone(), count, now)
                }
                Some(known) if !beat.limit.is_zero() && now - known.2 >= beat.limit => {
                    native::end_with_stack(beat.thread, beat.seed)
                }
                Some(_) => {}
            }
        }
    }
}
