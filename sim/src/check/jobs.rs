//! One limit on how many runs a process does at once, over all its tests.

use std::sync::{Condvar, LazyLock, Mutex, PoisonError};

use super::environment;

struct Jobs {
    free: Mutex<usize>,
    freed: Condvar,
}

static JOBS: LazyLock<Jobs> = LazyLock::new(|| Jobs {
    free: Mutex::new(environment::jobs()),
    freed: Condvar::new(),
});

/// Leave to do one run; returned on drop.
pub(crate) struct Job(());

/// Waits until one more run may start.
pub(crate) fn take() -> Job {
    let mut free = JOBS.free.lock().unwrap_or_else(PoisonError::into_inner);
    while *free == 0 {
        free = JOBS
            .freed
            .wait(free)
            .unwrap_or_else(PoisonError::into_inner);
    }
    *free -= 1;
    Job(())
}

impl Drop for Job {
    fn drop(&mut self) {
        *JOBS.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        JOBS.freed.notify_one();
    }
}
