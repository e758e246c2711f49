//! The kernels as programs of shuttle, and its runs of them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler, UrwRandomScheduler};
use shuttle::sync::atomic::{AtomicI64, Ordering::SeqCst};
use shuttle::sync::{Mutex, MutexGuard};
use shuttle::thread::{JoinHandle, spawn};
use shuttle::{FailurePersistence, Runner};

use crate::trial::{Limits, Trial, ensure};

macro_rules! program {
    ($(#[$meta:meta])* fn $name:ident($($argument:ident: $kind:ty),*) $body:block) => {
        $(#[$meta])*
        fn $name($($argument: $kind),*) $body
    };
}

macro_rules! visible {
    ($operation:expr) => {
        $operation
    };
}

macro_rules! task {
    ($body:block) => {
        spawn(move || $body)
    };
}

include!("kernels.rs");

/// shuttle may switch before each reading and writing of an atomic.
struct Cell(AtomicI64);

impl Cell {
    fn new(value: i64) -> Self {
        Self(AtomicI64::new(value))
    }

    fn read(&self) -> i64 {
        self.0.load(SeqCst)
    }

    fn write(&self, value: i64) {
        self.0.store(value, SeqCst);
    }
}

struct Lock(Mutex<()>);

impl Lock {
    fn new((): ()) -> Self {
        Self(Mutex::new(()))
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.0.lock().expect("what panics ends the execution")
    }
}

fn join(thread: JoinHandle<()>) {
    thread
        .join()
        .expect("what it finds fails the execution before");
}

/// Runs until the first failing execution.
pub fn trial(kernel: &str, scheduler: &str, limits: Limits) -> Trial {
    let most = limits.most as usize;
    match scheduler.split_once(':') {
        Some(("pct", depth)) => {
            let depth = depth.parse().expect("a depth");
            run_under(
                PctScheduler::new_from_seed(limits.seed, depth, most),
                kernel,
            )
        }
        None if scheduler == "random" => {
            run_under(RandomScheduler::new_from_seed(limits.seed, most), kernel)
        }
        None if scheduler == "urw" => {
            run_under(UrwRandomScheduler::new_from_seed(limits.seed, most), kernel)
        }
        _ => panic!("shuttle has no scheduler {scheduler}"),
    }
}

fn run_under(scheduler: impl Scheduler + 'static, kernel: &str) -> Trial {
    let mut config = shuttle::Config::new();
    config.failure_persistence = FailurePersistence::None;
    let executions = Arc::new(AtomicU64::new(0));
    let (count, kernel) = (executions.clone(), kernel.to_owned());
    let begin = Instant::now();
    let ended = catch_unwind(AssertUnwindSafe(|| {
        Runner::new(scheduler, config).run(move || {
            count.fetch_add(1, Relaxed);
            run(&kernel);
        })
    }));
    Trial {
        executions: executions.load(Relaxed),
        is_found: ended.is_err(),
        wall: begin.elapsed(),
    }
}
