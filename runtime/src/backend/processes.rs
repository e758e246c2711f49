//! The seam's part for child processes.
//!
//! Owns what a world must offer so that programs can start others. Knows nothing of how it does
//! that.

use std::io;
use std::panic::Location;
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::task::{Context, Poll};

use super::{PipeReceiver, PipeSender, Resource};

/// Where child processes come from.
pub trait Processes {
    /// Starts the program that `command` describes, for the user's line `site`.
    fn spawn_process(
        &self,
        command: &mut Command,
        site: &'static Location<'static>,
    ) -> io::Result<Spawned>;
}

/// A process that was started, and our ends of its pipes.
pub struct Spawned {
    /// The process.
    pub child: Box<dyn ChildProcess>,
    /// What it reads, if that is piped.
    pub stdin: Option<Arc<dyn PipeSender>>,
    /// What it writes, if that is piped.
    pub stdout: Option<Arc<dyn PipeReceiver>>,
    /// What it writes of errors, if that is piped.
    pub stderr: Option<Arc<dyn PipeReceiver>>,
}

/// A process that was started. Dropping this leaves it alone, and its world takes note of its end.
pub trait ChildProcess: Send + Sync {
    /// Its number, which is nobody else's until its end was seen.
    fn id(&self) -> u32;

    /// What waiting for its end acts on.
    fn resource(&self) -> &Resource;

    /// How it ended, if it has.
    fn try_wait(&self) -> io::Result<Option<ExitStatus>>;

    /// `Ready` when it has ended, else keeps the waker in the place of the one before it.
    fn poll_exit(&self, cx: &mut Context<'_>) -> Poll<io::Result<ExitStatus>>;

    /// Sends it a signal. Does nothing to one that has ended and whose end nobody has seen.
    fn signal(&self, signal: i32) -> io::Result<()>;
}
