//! Tasks with a name.
//!
//! Owns what may be said of a task before it is spawned.

use std::future::Future;
use std::io;
use std::panic::Location;

use super::blocking::spawn_blocking_in;
use super::join::JoinHandle;
use super::local_set::spawn_in_current;
use super::spawn::{Origin, outside, spawn_in};
use crate::context;
use crate::runtime::Handle;

/// Spawns a task of which something is said: its name.
///
/// # Under simulation
/// The name stands in reports and in stored failures instead of the type of the future. A stored
/// failure goes on to fit while the name and those of the tasks that led to it stay the same.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let task = simoom::task::Builder::new()
///     .name("greeter")
///     .spawn(async { simoom::task::current().name().map(str::to_owned) })
///     .unwrap();
/// assert_eq!(task.name(), Some("greeter"));
/// assert_eq!(task.await.unwrap().as_deref(), Some("greeter"));
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "a builder spawns nothing by itself"]
pub struct Builder<'a> {
    name: Option<&'a str>,
}

impl<'a> Builder<'a> {
    /// Says nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The task's name, which need not be its alone.
    pub fn name(self, name: &'a str) -> Self {
        Self { name: Some(name) }
    }

    fn origin(self, location: &'static Location<'static>) -> Origin<'a> {
        Origin {
            location,
            name: self.name,
            future: None,
        }
    }

    /// Spawns as [`spawn`](super::spawn()) does.
    ///
    /// # Errors
    /// None today: the result is there as with tokio.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> io::Result<JoinHandle<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Ok(self.spawn_at(future, Location::caller()))
    }

    pub(crate) fn spawn_at<F>(
        self,
        future: F,
        location: &'static Location<'static>,
    ) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let origin = self.origin(location);
        context::with_current(|backend| match backend {
            Some(backend) => spawn_in(backend, future, origin),
            None => outside("Builder::spawn", origin.location),
        })
    }

    /// Spawns in the runtime of `handle`, from any thread, as [`Handle::spawn`] does.
    ///
    /// # Errors
    /// None today.
    #[track_caller]
    pub fn spawn_on<F>(self, future: F, handle: &Handle) -> io::Result<JoinHandle<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Ok(handle.spawn_from(future, self.origin(Location::caller())))
    }

    /// Spawns as [`spawn_local`](super::spawn_local) does.
    ///
    /// # Errors
    /// None today.
    ///
    /// # Panics
    /// As [`spawn_local`](super::spawn_local) does.
    #[track_caller]
    pub fn spawn_local<F>(self, future: F) -> io::Result<JoinHandle<F::Output>>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        Ok(spawn_in_current(future, self.origin(Location::caller())))
    }

    /// Runs a closure as [`spawn_blocking`](super::spawn_blocking) does.
    ///
    /// # Errors
    /// None today.
    ///
    /// # Panics
    /// As [`spawn_blocking`](super::spawn_blocking) does.
    #[track_caller]
    pub fn spawn_blocking<F, R>(self, f: F) -> io::Result<JoinHandle<R>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let origin = self.origin(Location::caller());
        context::with_current(|backend| match backend {
            Some(backend) => Ok(spawn_blocking_in(backend, f, origin)),
            None => outside("Builder::spawn_blocking", origin.location),
        })
    }

    /// Runs a closure in the runtime of `handle`, from any thread, as [`Handle::spawn_blocking`] does.
    ///
    /// # Errors
    /// None today.
    #[track_caller]
    pub fn spawn_blocking_on<F, R>(self, f: F, handle: &Handle) -> io::Result<JoinHandle<R>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        Ok(handle.spawn_blocking_from(f, self.origin(Location::caller())))
    }
}
