//! What runs in a child between `fork` and `exec`.
//!
//! This file holds `unsafe`: what a caller promises of that code.

#![expect(unsafe_code, reason = "code between fork and exec")]

use std::io;
use std::os::unix::process::CommandExt;

use super::Command;

impl Command {
    /// Has the child call `f` before it becomes the program, after its descriptors, its folder and its
    /// users were set.
    ///
    /// An error of `f` is one of [`spawn`](Self::spawn). See
    /// [`std::os::unix::process::CommandExt::pre_exec`].
    ///
    /// # Safety
    /// `f` runs in a copy of the process that has this thread alone: it must not allocate, take locks
    /// or do anything else that `fork(2)` forbids there.
    ///
    /// # Under simulation
    /// `f` is not called: there is no such moment.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn run() -> std::io::Result<()> {
    /// let mut command = simoom::process::Command::new("server");
    /// // SAFETY: the function does nothing.
    /// unsafe { command.pre_exec(|| Ok(())) };
    /// command.status().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub unsafe fn pre_exec<F>(&mut self, f: F) -> &mut Self
    where
        F: FnMut() -> io::Result<()> + Send + Sync + 'static,
    {
        // SAFETY: the caller promises of `f` what the standard library asks for.
        unsafe { self.as_std_mut().pre_exec(f) };
        self
    }
}
