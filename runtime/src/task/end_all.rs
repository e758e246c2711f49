//! The end of all tasks of a runtime.
//!
//! Owns who is asked, how long is waited, and the list of those that had to be dropped. Knows nothing
//! of how a runtime ends.

use std::fmt;
use std::future::poll_fn;
use std::panic::Location;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use super::id::{Id, try_id};
use super::info::{TaskInfo, all_at};
use super::set::Ended;
use crate::coop::{Op, OpKind, proceed};
use crate::dump::collect::note_members;
use crate::time::{Instant, timeout_at};

/// Asks all tasks of the running runtime to end, waits at most `bound` until they have, and drops those
/// that have not.
///
/// Each is asked once, as by [`cancel`](super::JoinHandle::cancel), for the reason
/// [`Shutdown::REASON`]. What they spawn while they clean up is asked when they have ended. The task
/// that calls this is left alone, and so are closures of
/// [`spawn_blocking`](super::spawn_blocking).
///
/// Last thing in a program, it is what `asyncio.run` does; it is done by
/// [`Runtime::shutdown_within`](crate::runtime::Runtime::shutdown_within), by a runtime that was
/// [built so](crate::runtime::Builder::shutdown_within) and by `#[simoom::main(shutdown = "5s")]`.
///
/// # Panics
/// As [`all`](super::all).
///
/// # Cancel safety
/// Those that were asked stay so; nothing is dropped. The time counts from the first poll.
///
/// # Under simulation
/// The tasks of the running node, without its main.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use simoom::task::{self, catch_cancel};
/// use simoom::time::{Duration, sleep};
///
/// let clean = simoom::spawn(async {
///     let _ = catch_cancel(std::future::pending::<()>()).await;
///     sleep(Duration::from_millis(1)).await;
///     "all written"
/// });
/// let stubborn = async { task::shield(std::future::pending::<()>()).await };
/// drop(task::Builder::new().name("stubborn").spawn(stubborn).unwrap());
/// task::yield_now().await;
///
/// let shutdown = task::end_all(Duration::from_millis(20)).await;
/// assert_eq!(clean.await.unwrap(), "all written");
/// assert_eq!(shutdown.dropped()[0].name(), Some("stubborn"));
/// # });
/// ```
#[track_caller]
pub fn end_all(bound: Duration) -> impl Future<Output = Shutdown> + Send {
    end_all_at(bound, Location::caller())
}

/// As [`end_all`], called at `site`. The time counts from the first poll.
#[doc(hidden)]
pub async fn end_all_at(bound: Duration, site: &'static Location<'static>) -> Shutdown {
    let deadline = Instant::now().checked_add(bound);
    loop {
        let tasks = others(site);
        if tasks.is_empty() {
            return Shutdown { dropped: tasks };
        }
        let asked = ask(&tasks, site);
        let is_late = match deadline {
            Some(deadline) => timeout_at(deadline, asked).await.is_err(),
            None => {
                asked.await;
                false
            }
        };
        if is_late {
            let dropped = others(site);
            for task in &dropped {
                task.abort_handle().abort_now();
            }
            return Shutdown { dropped };
        }
    }
}

/// The tasks but the one that runs this code.
fn others(site: &Location<'_>) -> Vec<TaskInfo> {
    let this: Option<Id> = try_id();
    let mut tasks = all_at("end_all", site);
    tasks.retain(|task| Some(task.id()) != this);
    tasks
}

/// Asks `tasks` to end. Ready when they have.
fn ask(tasks: &[TaskInfo], site: &'static Location<'static>) -> impl Future<Output = ()> + use<> {
    let ended = Arc::<Ended>::default();
    let reason: Arc<str> = Shutdown::REASON.into();
    for (key, task) in (0..).zip(tasks) {
        task.abort_handle().cancel_for(Some(reason.clone()));
        ended.watch_end(key, task.abort_handle());
    }
    let mut left = tasks.len();
    let ids: Vec<_> = tasks.iter().map(TaskInfo::id).collect();
    poll_fn(move |cx| {
        while left > 0 {
            let op = Op::write(OpKind::Join, &ended.resource, site).contained();
            let Poll::Ready(progress) = proceed(cx, &op) else {
                note_members(ids.iter().copied());
                return Poll::Pending;
            };
            ready!(ended.poll(cx));
            progress.done();
            left -= 1;
        }
        Poll::Ready(())
    })
}

/// How the tasks of a runtime came to their end.
///
/// Its text lists what was dropped, one task a line.
///
/// # Examples
/// See [`end_all`].
#[derive(Clone, Debug)]
#[must_use = "it says which tasks were dropped before they had ended"]
#[non_exhaustive]
pub struct Shutdown {
    dropped: Vec<TaskInfo>,
}

impl Shutdown {
    /// Why tasks are asked to end:
    /// [`Cancelled::reason`](super::Cancelled::reason) and
    /// [`JoinError::cancel_reason`](super::JoinError::cancel_reason) say so.
    pub const REASON: &'static str = "the runtime is shut down";

    /// Those that had not ended in time and were dropped, oldest first, as they were then.
    #[must_use]
    pub fn dropped(&self) -> &[TaskInfo] {
        &self.dropped
    }

    /// Whether all tasks ended by themselves.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.dropped.is_empty()
    }
}

impl fmt::Display for Shutdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.dropped.len() {
            0 => return f.write_str("all tasks have ended"),
            1 => f.write_str("1 task was dropped before it had ended")?,
            count => write!(f, "{count} tasks were dropped before they had ended")?,
        }
        for task in &self.dropped {
            write!(f, "\n  {task}")?;
        }
        Ok(())
    }
}
