//! Failures that nobody waits for.
//!
//! Owns what is said of one, and to whom. Knows nothing of when a handle is dropped.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use super::error::JoinError;
use super::id::Id;

/// A failure of a task that nobody will ever be told of by a handle: given to whoever asked by
/// [`Builder::on_unobserved_failure`](crate::runtime::Builder::on_unobserved_failure).
#[derive(Clone, Copy)]
pub struct Unobserved<'a> {
    pub(in crate::task) id: Id,
    pub(in crate::task) name: Option<&'a str>,
    pub(in crate::task) location: &'static Location<'static>,
    /// None if it returned an error.
    pub(in crate::task) panic: Option<&'a JoinError>,
}

/// Whom a runtime tells of them.
pub(crate) type Hook = Arc<dyn Fn(&Unobserved<'_>) + Send + Sync>;

impl Unobserved<'_> {
    /// The task.
    #[must_use]
    pub fn id(&self) -> Id {
        self.id
    }

    /// The task's name, if it was given one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name
    }

    /// Where the task was spawned.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }

    /// Its panic; `None` if it returned an error, as a task of a group whose body panicked.
    #[must_use]
    pub fn panic(&self) -> Option<&JoinError> {
        self.panic
    }
}

impl fmt::Display for Unobserved<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.panic {
            Some(error) => error.fmt(f)?,
            None => write!(f, "task {} returned an error", self.id)?,
        }
        if let Some(name) = self.name {
            write!(f, " ({name})")?;
        }
        write!(f, ", spawned at {}", self.location)
    }
}

impl fmt::Debug for Unobserved<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unobserved")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("location", &self.location)
            .field("panic", &self.panic)
            .finish()
    }
}
