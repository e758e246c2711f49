//! The hooks as spans of `tracing`.
//!
//! Owns their names and fields. Knows nothing of who listens.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::{Span, debug_span, trace, trace_span};

use super::{Instrument, TaskEnd, TaskMeta};
use crate::task::Id;

/// An [`Instrument`] that tells `tracing`: at the target `simoom`, a span for each task, one inside it
/// for each poll, and one for each wait of the thread.
///
/// | Span | Level | From, to | Fields |
/// | --- | --- | --- | --- |
/// | `run` | debug | `before_run`, `after_run` | |
/// | `task` | debug | `task_spawned`, `task_exited` | `id`, `name`, `location`, `end` |
/// | `step` in `task` | trace | `before_task_step`, `after_task_step`; it is entered | |
/// | `io_wait` in `run` | trace | `before_io_wait`, `after_io_wait`; it is entered | `timeout_ns` |
///
/// What a task says while it is polled stands in its `step`. The hook `task_scheduled` is the event
/// `scheduled` in `task`. The spans that tokio-console wants are others: the feature `tracing` has
/// tasks emit those.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use simoom::runtime::{Builder, Spans};
///
/// let rt = Builder::new_current_thread()
///     .instrument(Arc::new(Spans::default()))
///     .build()
///     .unwrap();
/// rt.block_on(async { simoom::spawn(async {}).await.unwrap() });
/// ```
#[derive(Debug, Default)]
pub struct Spans {
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    run: Option<Span>,
    wait: Option<Span>,
    tasks: BTreeMap<Id, Task>,
}

#[derive(Debug)]
struct Task {
    span: Span,
    step: Option<Span>,
}

impl Spans {
    /// Poisoned by a subscriber that panicked, it is as good as before.
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn task(&self, task: &TaskMeta<'_>) -> Option<Span> {
        self.open().tasks.get(&task.id()).map(|it| it.span.clone())
    }
}

impl Instrument for Spans {
    fn before_run(&self) {
        self.open().run = Some(debug_span!(target: "simoom", "run"));
    }

    fn after_run(&self) {
        let ended = self.open().run.take();
        drop(ended);
    }

    fn task_spawned(&self, task: &TaskMeta<'_>) {
        let span = debug_span!(
            target: "simoom",
            parent: None,
            "task",
            id = task.id().number(),
            name = task.name().unwrap_or(task.type_name()),
            location = %task.spawned_at(),
            end = tracing::field::Empty,
        );
        self.open()
            .tasks
            .insert(task.id(), Task { span, step: None });
    }

    fn task_scheduled(&self, task: &TaskMeta<'_>) {
        if let Some(span) = self.task(task) {
            trace!(target: "simoom", parent: &span, "scheduled");
        }
    }

    fn before_task_step(&self, task: &TaskMeta<'_>) {
        let Some(span) = self.task(task) else {
            return;
        };
        let step = trace_span!(target: "simoom", parent: &span, "step");
        enter(&step);
        if let Some(task) = self.open().tasks.get_mut(&task.id()) {
            task.step = Some(step);
        }
    }

    fn after_task_step(&self, task: &TaskMeta<'_>) {
        let step = (self.open().tasks.get_mut(&task.id())).and_then(|task| task.step.take());
        if let Some(step) = step {
            exit(&step);
        }
    }

    fn task_exited(&self, task: &TaskMeta<'_>, how: TaskEnd) {
        let ended = self.open().tasks.remove(&task.id());
        if let Some(ended) = ended {
            let end = match how {
                TaskEnd::Returned => "returned",
                TaskEnd::Panicked => "panicked",
                TaskEnd::Cancelled => "cancelled",
            };
            ended.span.record("end", end);
        }
    }

    fn before_io_wait(&self, timeout: Option<Duration>) {
        let timeout_ns =
            timeout.map(|timeout| u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX));
        let run = self.open().run.clone();
        let parent = run.and_then(|run| run.id());
        let wait = trace_span!(target: "simoom", parent: parent, "io_wait", timeout_ns);
        enter(&wait);
        self.open().wait = Some(wait);
    }

    fn after_io_wait(&self, _timeout: Option<Duration>) {
        let wait = self.open().wait.take();
        if let Some(wait) = wait {
            exit(&wait);
        }
    }
}

/// Enters a span that is left by [`exit`], on the same thread.
fn enter(span: &Span) {
    span.with_subscriber(|(id, subscriber)| subscriber.enter(id));
}

fn exit(span: &Span) {
    span.with_subscriber(|(id, subscriber)| subscriber.exit(id));
}
