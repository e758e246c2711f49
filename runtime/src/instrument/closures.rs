//! Hooks that are closures, as tokio's builder takes them.
//!
//! Owns which of them there are. Knows nothing of who calls them.

use std::sync::Arc;
use std::time::Duration;

use super::{Instrument, TaskEnd, TaskMeta};

type OnTask = Option<Arc<dyn Fn(&TaskMeta<'_>) + Send + Sync>>;
type OnThread = Option<Arc<dyn Fn() + Send + Sync>>;

/// The closures that a builder was given.
#[derive(Clone, Default)]
pub(crate) struct Closures {
    pub(crate) spawn: OnTask,
    pub(crate) before_poll: OnTask,
    pub(crate) after_poll: OnTask,
    pub(crate) terminate: OnTask,
    pub(crate) park: OnThread,
    pub(crate) unpark: OnThread,
}

impl Closures {
    /// Whether there are any.
    pub(crate) fn is_some(&self) -> bool {
        let on_task = [
            &self.spawn,
            &self.before_poll,
            &self.after_poll,
            &self.terminate,
        ];
        let on_thread = [&self.park, &self.unpark];
        on_task.into_iter().any(Option::is_some) || on_thread.into_iter().any(Option::is_some)
    }
}

impl Instrument for Closures {
    fn task_spawned(&self, task: &TaskMeta<'_>) {
        call(&self.spawn, task);
    }

    fn before_task_step(&self, task: &TaskMeta<'_>) {
        call(&self.before_poll, task);
    }

    fn after_task_step(&self, task: &TaskMeta<'_>) {
        call(&self.after_poll, task);
    }

    fn task_exited(&self, task: &TaskMeta<'_>, _how: TaskEnd) {
        call(&self.terminate, task);
    }

    fn before_io_wait(&self, _timeout: Option<Duration>) {
        if let Some(park) = &self.park {
            park();
        }
    }

    fn after_io_wait(&self, _timeout: Option<Duration>) {
        if let Some(unpark) = &self.unpark {
            unpark();
        }
    }
}

fn call(closure: &OnTask, task: &TaskMeta<'_>) {
    if let Some(closure) = closure {
        closure(task);
    }
}
