//! Ends a process one of whose polls never returns.
//!
//! A thread outside every world looks at the runs' counters. A poll that lasts too long is most
//! likely a blocking call or an endless loop in user code, which nothing inside the world can
//! interrupt: the stuck thread is made to print where it is, and the process is ended.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::native::{self, ThreadId};

/// The heartbeat of one run.
pub(crate) struct Beat {
    /// Odd while a task is being polled.
    count: AtomicU64,
    /// The thread that runs. Locked while it is being ended, so that it is there meanwhile.
    thread: Mutex<ThreadId>,
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
            thread: Mutex::new(native::this_thread()),
            seed,
            limit,
        });
        beats().push(beat.clone());
        BEAT.set(Some(beat.clone()));
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
        BEAT.set(None);
    }
}

thread_local! {
    /// The heartbeat of the run on this thread.
    static BEAT: RefCell<Option<Arc<Beat>>> = const { RefCell::new(None) };
}

/// Until it is dropped, what is stuck is another thread, for which this one waits.
pub(crate) struct Elsewhere {
    beat: Option<Arc<Beat>>,
    here: ThreadId,
}

/// Says that this run goes on on `thread`, and that this thread waits for it.
pub(crate) fn watch_instead(thread: &JoinHandle<()>) -> Elsewhere {
    let here = native::this_thread();
    let beat = BEAT.with_borrow(Clone::clone);
    if let Some(beat) = &beat {
        beat.runs_on(native::thread_of(thread));
    }
    Elsewhere { beat, here }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        if let Some(beat) = &self.beat {
            beat.runs_on(self.here);
        }
    }
}

impl Beat {
    fn runs_on(&self, thread: ThreadId) {
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = thread;
    }

    fn end(&self) -> ! {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        native::end_with_stack(*thread, self.seed)
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
                Some(known) if !beat.limit.is_zero() && now - known.2 >= beat.limit => beat.end(),
                Some(_) => {}
            }
        }
    }
}
