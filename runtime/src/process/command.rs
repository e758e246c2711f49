//! What to start, and how.

use std::ffi::OsStr;
use std::future::Future;
use std::io;
use std::os::unix::process::CommandExt;
use std::panic::Location;
use std::path::Path;
use std::process::{Command as StdCommand, ExitStatus, Output, Stdio};

use super::child::Child;
use crate::context;

/// A program to start, with its arguments, its environment and what it reads and writes.
///
/// By default a child has the environment and the folder of its parent, and its standard streams
/// too. Dropping the [`Child`] leaves it running, unless [`kill_on_drop`](Self::kill_on_drop) says
/// otherwise; it is reaped in either case.
///
/// # Under simulation
/// The program is one that the test registered with `Sim::program`, found by the name or by the last
/// part of the path. Starting another is `NotFound`. Users, groups and `arg0` mean nothing there; the
/// environment of the test's own process is not seen.
///
/// # Examples
/// ```
/// use simoom::process::Command;
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let output = Command::new("echo").arg("hello").output().await?;
/// assert!(output.status.success());
/// assert_eq!(output.stdout, b"hello\n");
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct Command {
    std: StdCommand,
    kill_on_drop: bool,
}

impl Command {
    /// The program `program`, without arguments. A name without a slash is looked for in `PATH`.
    pub fn new<S: AsRef<OsStr>>(program: S) -> Self {
        Self::from(StdCommand::new(program))
    }

    /// The command of the standard library that this is made of.
    #[must_use]
    pub fn as_std(&self) -> &StdCommand {
        &self.std
    }

    /// As [`as_std`](Self::as_std), to change it.
    pub fn as_std_mut(&mut self) -> &mut StdCommand {
        &mut self.std
    }

    /// The command of the standard library. Whether it is killed on drop is forgotten.
    #[must_use]
    pub fn into_std(self) -> StdCommand {
        self.std
    }

    /// Adds an argument.
    pub fn arg<S: AsRef<OsStr>>(&mut self, arg: S) -> &mut Self {
        self.std.arg(arg);
        self
    }

    /// Adds arguments.
    pub fn args<I, S>(&mut self, args: I) -> &mut Self
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        self.std.args(args);
        self
    }

    /// Sets the name by which the program is told it was called. Its path by default.
    pub fn arg0<S: AsRef<OsStr>>(&mut self, arg: S) -> &mut Self {
        self.std.arg0(arg);
        self
    }

    /// Sets a variable of its environment.
    pub fn env<K: AsRef<OsStr>, V: AsRef<OsStr>>(&mut self, key: K, val: V) -> &mut Self {
        self.std.env(key, val);
        self
    }

    /// Sets variables of its environment.
    pub fn envs<I, K, V>(&mut self, vars: I) -> &mut Self
    where
        I: IntoIterator<Item = (K, V)>,
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        self.std.envs(vars);
        self
    }

    /// Takes a variable out of its environment.
    pub fn env_remove<K: AsRef<OsStr>>(&mut self, key: K) -> &mut Self {
        self.std.env_remove(key);
        self
    }

    /// Has it inherit nothing of the environment, and forgets what was set so far.
    pub fn env_clear(&mut self) -> &mut Self {
        self.std.env_clear();
        self
    }

    /// Sets the folder in which it starts.
    pub fn current_dir<P: AsRef<Path>>(&mut self, dir: P) -> &mut Self {
        self.std.current_dir(dir);
        self
    }

    /// Sets what it reads. Inherited by default, also by [`output`](Self::output).
    pub fn stdin<T: Into<Stdio>>(&mut self, cfg: T) -> &mut Self {
        self.std.stdin(cfg);
        self
    }

    /// Sets where it writes. Inherited by default; [`output`](Self::output) pipes it in any case.
    pub fn stdout<T: Into<Stdio>>(&mut self, cfg: T) -> &mut Self {
        self.std.stdout(cfg);
        self
    }

    /// Sets where it writes errors. Inherited by default; [`output`](Self::output) pipes it in any case.
    pub fn stderr<T: Into<Stdio>>(&mut self, cfg: T) -> &mut Self {
        self.std.stderr(cfg);
        self
    }

    /// Sets the user that it runs as.
    pub fn uid(&mut self, id: u32) -> &mut Self {
        self.std.uid(id);
        self
    }

    /// Sets the group that it runs as.
    pub fn gid(&mut self, id: u32) -> &mut Self {
        self.std.gid(id);
        self
    }

    /// Sets its process group; 0 is a new one of its own number. That of its parent by default.
    ///
    /// A child in a group of its own gets no SIGINT from a Ctrl-C in the terminal.
    pub fn process_group(&mut self, pgroup: i32) -> &mut Self {
        self.std.process_group(pgroup);
        self
    }

    /// Sets whether it is killed (SIGKILL) when its [`Child`] is dropped before its end was seen. Off
    /// by default.
    ///
    /// # Examples
    /// A time limit that kills:
    /// ```
    /// use std::time::Duration;
    /// use simoom::process::Command;
    /// use simoom::time::timeout;
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let mut slow = Command::new("sleep");
    /// slow.arg("600").kill_on_drop(true);
    /// let limited = timeout(Duration::from_millis(20), slow.output()).await;
    /// assert!(limited.is_err());
    /// # });
    /// ```
    pub fn kill_on_drop(&mut self, kill_on_drop: bool) -> &mut Self {
        self.kill_on_drop = kill_on_drop;
        self
    }

    /// Whether it is killed when its [`Child`] is dropped.
    #[must_use]
    pub fn get_kill_on_drop(&self) -> bool {
        self.kill_on_drop
    }

    /// Starts the program.
    ///
    /// # Errors
    /// `NotFound` if there is no such program, `PermissionDenied` if it may not be run; those of
    /// `fork(2)` and `pipe(2)`; outside a runtime. Nothing is left open then, and nothing runs.
    ///
    /// # Under simulation
    /// `NotFound` if the test has registered no program of this name. Streams that were given another
    /// descriptor than a pipe are `Unsupported`.
    ///
    /// # Examples
    /// ```
    /// use std::process::Stdio;
    /// use simoom::io::{AsyncReadExt, AsyncWriteExt};
    /// use simoom::process::Command;
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let mut child = Command::new("cat")
    ///     .stdin(Stdio::piped())
    ///     .stdout(Stdio::piped())
    ///     .spawn()?;
    /// let mut stdin = child.stdin.take().unwrap();
    /// stdin.write_all(b"hello").await?;
    /// drop(stdin);
    /// let mut text = String::new();
    /// child.stdout.take().unwrap().read_to_string(&mut text).await?;
    /// assert_eq!(text, "hello");
    /// assert!(child.wait().await?.success());
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[track_caller]
    pub fn spawn(&mut self) -> io::Result<Child> {
        let site = Location::caller();
        let spawned = context::with_current(|backend| match backend {
            Some(backend) => backend.spawn_process(&mut self.std, site),
            None => Err(outside()),
        })?;
        Ok(Child::new(spawned, self.kill_on_drop, site))
    }

    /// Starts the program now, and waits for its end when awaited. Its pipes are closed.
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn) and [`Child::wait`].
    ///
    /// # Cancel safety
    /// Dropping the future leaves the program running, unless [`kill_on_drop`](Self::kill_on_drop)
    /// was set.
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let status = simoom::process::Command::new("true").status().await?;
    /// assert!(status.success());
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[track_caller]
    pub fn status(&mut self) -> impl Future<Output = io::Result<ExitStatus>> + use<> {
        let child = self.spawn();
        async {
            let mut child = child?;
            // So that it is not kept waiting by pipes that nobody reads.
            child.stdin.take();
            child.stdout.take();
            child.stderr.take();
            child.wait().await
        }
    }

    /// Starts the program now, and collects what it writes until its end when awaited.
    ///
    /// Its output and its errors are piped whatever was set. Its input is inherited unless set.
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn) and [`Child::wait_with_output`].
    ///
    /// # Cancel safety
    /// Dropping the future leaves the program running, unless [`kill_on_drop`](Self::kill_on_drop)
    /// was set; what it wrote is lost.
    ///
    /// # Examples
    /// See [`Command`].
    #[track_caller]
    pub fn output(&mut self) -> impl Future<Output = io::Result<Output>> + use<> {
        self.std.stdout(Stdio::piped());
        self.std.stderr(Stdio::piped());
        let child = self.spawn();
        async { child?.wait_with_output().await }
    }
}

impl From<StdCommand> for Command {
    fn from(std: StdCommand) -> Self {
        Self {
            std,
            kill_on_drop: false,
        }
    }
}

fn outside() -> io::Error {
    io::Error::other(
        "there is no simoom runtime here: start processes inside `Runtime::block_on`, \
         `#[simoom::main]` or `#[simoom::test]`, or keep the guard of `Handle::enter`",
    )
}
