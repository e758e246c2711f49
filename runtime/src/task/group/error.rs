//! What went wrong in a group, all of it.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::io;
use std::panic::Location;
use std::sync::{Mutex, PoisonError};

use super::child::ChildError;
use crate::context;
use crate::task::{Cancelled, Id, JoinError, Unobserved};

/// Why a group has no output: what failed in it, in the order in which it did, or that it was
/// cancelled.
///
/// As [`Display`](fmt::Display), a line for each failure, with those of groups inside of groups below
/// their own.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use simoom::TaskGroup;
///
/// let error = TaskGroup::run(async |group| {
///     group.spawn(async { Err::<(), _>("no such user") });
///     group.spawn(std::future::pending::<Result<(), _>>());
///     Ok(())
/// })
/// .await
/// .unwrap_err();
/// assert_eq!(error.failures().len(), 1);
/// assert_eq!(error.errors().collect::<Vec<_>>(), [&"no such user"]);
/// assert!(error.to_string().ends_with("no such user"), "{error}");
/// # });
/// ```
#[derive(Debug)]
pub struct GroupError<E> {
    failures: Vec<Failure<E>>,
    cancelled: Option<Cancelled>,
}

/// One thing that went wrong in a group.
#[derive(Debug)]
pub struct Failure<E> {
    /// Which task it was, or `None` for the body of the group.
    pub(super) task: Option<Of>,
    pub(super) cause: Failed<E>,
}

/// How something in a group went wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failed<E> {
    /// It returned an error.
    Error(E),
    /// It panicked.
    Panic(JoinError),
}

/// Of which task of a group something is said, after its end.
#[derive(Clone, Debug)]
pub(super) struct Of {
    pub(super) id: Id,
    pub(super) name: Option<Box<str>>,
    pub(super) location: &'static Location<'static>,
}

/// Tells of an error whether it is of a group that was cancelled, and in which nothing failed.
type IsCancelled = fn(&dyn Any) -> bool;

/// The types that such errors have had: whoever holds one cannot name the error type of another group.
static CANCELLED: Mutex<BTreeMap<TypeId, IsCancelled>> = Mutex::new(BTreeMap::new());

/// Whether `error` is of a group that was cancelled, and in which nothing failed.
pub(super) fn is_cancelled_group<E: 'static>(error: &E) -> bool {
    let cancelled = CANCELLED.lock().unwrap_or_else(PoisonError::into_inner);
    let is_cancelled = cancelled.get(&TypeId::of::<E>()).copied();
    drop(cancelled);
    is_cancelled.is_some_and(|is_cancelled| is_cancelled(error))
}

/// Whether `error` says of a task that it has no output, and nothing else.
pub(super) fn is_lost_child<E: 'static>(error: &E) -> bool {
    let error: &dyn Any = error;
    if let Some(error) = error.downcast_ref::<Box<dyn Error + Send + Sync>>() {
        return error.is::<ChildError>();
    }
    if let Some(error) = error.downcast_ref::<Box<dyn Error>>() {
        return error.is::<ChildError>();
    }
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return error.get_ref().is_some_and(|it| it.is::<ChildError>());
    }
    error.is::<ChildError>()
}

impl<E: 'static> GroupError<E> {
    /// A group that was cancelled, and in which nothing failed.
    pub(super) fn only_cancelled(cancelled: Cancelled) -> Self {
        let is_cancelled: IsCancelled = |error| {
            let error = error.downcast_ref::<Self>();
            error.is_some_and(|it| it.failures.is_empty())
        };
        let mut all = CANCELLED.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(TypeId::of::<Self>(), is_cancelled);
        drop(all);
        Self {
            failures: Vec::new(),
            cancelled: Some(cancelled),
        }
    }
}

impl<E> GroupError<E> {
    pub(super) fn new(failures: Vec<Failure<E>>, cancelled: Option<Cancelled>) -> Self {
        Self {
            failures,
            cancelled,
        }
    }

    /// What went wrong, in the order in which it did; nothing if the group was only cancelled.
    #[must_use]
    pub fn failures(&self) -> &[Failure<E>] {
        &self.failures
    }

    /// As [`failures`](Self::failures), for good.
    #[must_use]
    pub fn into_failures(self) -> Vec<Failure<E>> {
        self.failures
    }

    /// The errors that the body and the tasks returned.
    pub fn errors(&self) -> impl Iterator<Item = &E> {
        self.failures.iter().filter_map(Failure::error)
    }

    /// Whether the group was cancelled: from outside, whatever its body returned, or by
    /// [`TaskGroup::cancel`](super::TaskGroup::cancel) before its body had an output.
    #[must_use]
    pub fn cancelled(&self) -> Option<&Cancelled> {
        self.cancelled.as_ref()
    }
}

impl<E> Failure<E> {
    /// How it went wrong.
    #[must_use]
    pub fn cause(&self) -> &Failed<E> {
        &self.cause
    }

    /// As [`cause`](Self::cause), for good.
    #[must_use]
    pub fn into_cause(self) -> Failed<E> {
        self.cause
    }

    /// Tells whoever wants to know that nobody is told by the group.
    pub(super) fn tell_unobserved(&self) {
        let hook = context::with_current(|backend| backend?.owner().unobserved());
        let (Some(hook), Some(origin)) = (hook, &self.task) else {
            return;
        };
        hook(&Unobserved {
            id: origin.id,
            name: origin.name.as_deref(),
            location: origin.location,
            panic: match &self.cause {
                Failed::Error(_) => None,
                Failed::Panic(error) => Some(error),
            },
        });
    }

    /// The error that was returned, if that is how it went wrong.
    #[must_use]
    pub fn error(&self) -> Option<&E> {
        match &self.cause {
            Failed::Error(error) => Some(error),
            Failed::Panic(_) => None,
        }
    }

    /// The task, or `None` for the body of the group.
    #[must_use]
    pub fn task(&self) -> Option<Id> {
        self.task.as_ref().map(|it| it.id)
    }

    /// The name of the task, if it has one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.task.as_ref()?.name.as_deref()
    }

    /// Where the task was spawned, or `None` for the body of the group.
    #[must_use]
    pub fn location(&self) -> Option<&'static Location<'static>> {
        self.task.as_ref().map(|it| it.location)
    }
}

impl<E: fmt::Display> fmt::Display for GroupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.failures.len(), &self.cancelled) {
            (0, Some(cancelled)) => return write!(f, "the group was {cancelled}"),
            (1, _) => f.write_str("1 failure in a group")?,
            (count, _) => write!(f, "{count} failures in a group")?,
        }
        for failure in &self.failures {
            let text = failure.to_string();
            let mut lines = text.lines();
            write!(f, "\n- {}", lines.next().unwrap_or_default())?;
            for line in lines {
                write!(f, "\n  {line}")?;
            }
        }
        Ok(())
    }
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.task {
            None => f.write_str("its body: ")?,
            Some(Of { id, name, location }) => {
                write!(f, "task {id}")?;
                if let Some(name) = name {
                    write!(f, " ({name})")?;
                }
                write!(f, " at {location}: ")?;
            }
        }
        match &self.cause {
            Failed::Error(error) => error.fmt(f),
            Failed::Panic(error) => error.fmt(f),
        }
    }
}

impl<E: Error + 'static> Error for GroupError<E> {
    /// The first failure's error.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let first = self.failures.first()?;
        Some(match &first.cause {
            Failed::Error(error) => error,
            Failed::Panic(error) => error,
        })
    }
}
