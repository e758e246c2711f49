//! Work that blocks its thread, and threads that may be blocked.
//!
//! Owns what the seam says of both: a job for a thread that may block, and the wait of such a
//! thread for a future. Knows nothing of where the threads come from.

use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::task::{Context, Poll};

use super::Resource;
use crate::block;
use crate::task::cell::{Ended, SendTask};

/// Threads that may block.
pub trait Blocking {
    /// Runs `job` on a thread that may block, when one is free; in the order in which they came.
    ///
    /// A world that has ended drops the job.
    fn run_blocking(&self, job: Job);

    /// Polls until ready, and blocks this thread in between. Called on a thread that may block.
    fn block_on(&self, poll: &mut dyn FnMut(&mut Context<'_>) -> Poll<()>) {
        block::park_until(poll);
    }
}

/// Something to do on a thread that may block. Dropping it says that it will not be done.
pub struct Job {
    work: Work,
    name: &'static str,
    location: &'static Location<'static>,
}

enum Work {
    /// Somebody may wait for its output, and it may be aborted before it starts.
    Task(SendTask),
    /// Somebody was promised that it will be done.
    Promised(Box<dyn FnOnce() + Send>),
}

impl Job {
    /// A closure whose output somebody may wait for, behind a task's handle.
    pub(crate) fn task(
        task: SendTask,
        name: &'static str,
        location: &'static Location<'static>,
    ) -> Self {
        Self {
            work: Work::Task(task),
            name,
            location,
        }
    }

    /// Work that is done even if the runtime is dropped before it has started.
    ///
    /// A panic in it is caught and goes nowhere.
    #[track_caller]
    pub fn promised<F: FnOnce() + Send + 'static>(work: F) -> Self {
        Self {
            work: Work::Promised(Box::new(work)),
            name: std::any::type_name::<F>(),
            location: Location::caller(),
        }
    }

    /// Its work, if somebody was promised that it will be done.
    pub(crate) fn into_promised(self) -> Option<Box<dyn FnOnce() + Send>> {
        match self.work {
            Work::Task(_) => None,
            Work::Promised(work) => Some(work),
        }
    }

    /// Whether it is done even if the runtime is dropped before it has started.
    #[must_use]
    pub fn is_promised(&self) -> bool {
        matches!(self.work, Work::Promised(_))
    }

    /// What whoever waits for its output waits for, if somebody may.
    #[must_use]
    pub fn resource(&self) -> Option<&Resource> {
        match &self.work {
            Work::Task(task) => Some(task.resource()),
            Work::Promised(_) => None,
        }
    }

    /// The type of the closure.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Where the user asked for it.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }

    /// Does it, here and now, and says how it ended. Panics are caught.
    pub fn run(self) -> Ended {
        match self.work {
            Work::Task(task) => task.run_detached(),
            Work::Promised(work) => match catch_unwind(AssertUnwindSafe(work)) {
                Ok(()) => Ended::Returned,
                Err(payload) => {
                    // Its destructor could panic in turn.
                    std::mem::forget(payload);
                    Ended::Panicked
                }
            },
        }
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What a world unwinds a blocked thread with when it takes it back: whoever waits for the closure
/// is told that it was cancelled.
#[derive(Debug)]
pub struct TakenBack;
