//! A program that was started.
//!
//! Owns that its end is seen once and remembered, and that no signal is sent after that. Knows nothing
//! of how an end is heard of.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::process::{ExitStatus, Output};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::stdio::{ChildStderr, ChildStdin, ChildStdout};
use crate::backend::{ChildProcess, Op, OpKind, Spawned, receiver_of, sender_of};
use crate::coop::proceed;
use crate::io::{AsyncRead, AsyncReadExt};
use crate::signal::unix::SignalKind;
use crate::time::timeout;

/// A program that was started by [`Command::spawn`](super::Command::spawn).
///
/// Dropping it leaves the program running, unless
/// [`kill_on_drop`](super::Command::kill_on_drop) was set. Either way no zombie remains: the end of
/// a child that nobody waits for is taken from the operating system all the same.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use simoom::process::Command;
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let mut child = Command::new("sleep").arg("600").spawn()?;
/// assert!(child.try_wait()?.is_none());
/// let status = child.terminate(Duration::from_secs(5)).await?;
/// assert!(!status.success());
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub struct Child {
    state: State,
    /// What it reads, if that is piped. [`wait`](Self::wait) drops it.
    pub stdin: Option<ChildStdin>,
    /// What it writes, if that is piped.
    pub stdout: Option<ChildStdout>,
    /// What it writes of errors, if that is piped.
    pub stderr: Option<ChildStderr>,
}

enum State {
    Runs(Guard),
    Done(ExitStatus),
}

/// A child whose end was not seen.
struct Guard {
    process: Box<dyn ChildProcess>,
    kill_on_drop: bool,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.kill_on_drop {
            // One that is gone needs no killing.
            let _ = self.process.signal(libc::SIGKILL);
        }
    }
}

impl Child {
    pub(super) fn new(
        spawned: Spawned,
        kill_on_drop: bool,
        site: &'static Location<'static>,
    ) -> Self {
        let Spawned {
            child,
            stdin,
            stdout,
            stderr,
        } = spawned;
        let reading = |end| receiver_of(end, site);
        Self {
            state: State::Runs(Guard {
                process: child,
                kill_on_drop,
            }),
            stdin: stdin.map(|end| ChildStdin::new(sender_of(end, site))),
            stdout: stdout.map(|end| ChildStdout::new(reading(end))),
            stderr: stderr.map(|end| ChildStderr::new(reading(end))),
        }
    }

    /// Its number, or `None` once its end was seen: the number may be another's from then on.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        match &self.state {
            State::Runs(guard) => Some(guard.process.id()),
            State::Done(_) => None,
        }
    }

    /// Waits until it has ended, and returns how. Drops [`stdin`](Self::stdin) first, so that a child
    /// that reads to the end of its input gets there.
    ///
    /// Only the process itself is waited for: others may have inherited its pipes and keep them open.
    /// Once it was returned the status is known for good. A child that writes more than a pipe holds
    /// (64 KiB on Linux) waits for somebody to read it: then use
    /// [`wait_with_output`](Self::wait_with_output), or read beside waiting.
    ///
    /// # Errors
    /// `ECHILD` if the process ignores SIGCHLD, so that the operating system keeps no ends.
    ///
    /// # Cancel safety
    /// Safe: the status is returned by the next call. The input stays closed.
    ///
    /// # Under simulation
    /// Waits for the registered function's end.
    ///
    /// # Examples
    /// ```
    /// use simoom::process::Command;
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let mut child = Command::new("sh").args(["-c", "exit 7"]).spawn()?;
    /// assert_eq!(child.wait().await?.code(), Some(7));
    /// assert_eq!(child.wait().await?.code(), Some(7));
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[track_caller]
    pub fn wait(&mut self) -> Wait<'_> {
        Wait {
            child: self,
            site: Location::caller(),
        }
    }

    /// How it ended, or `None` if it has not.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        let guard = match &self.state {
            State::Runs(guard) => guard,
            &State::Done(status) => return Ok(Some(status)),
        };
        let ended = guard.process.try_wait()?;
        if let Some(status) = ended {
            self.see_end(status);
        }
        Ok(ended)
    }

    /// Waits until it has ended, and collects what it writes meanwhile, if that is piped. Drops its
    /// input first.
    ///
    /// The pipes are read to their ends, which come when whoever has inherited them has closed them
    /// too. The bytes are kept in memory, however many there are.
    ///
    /// # Errors
    /// As [`wait`](Self::wait); of reading.
    ///
    /// # Cancel safety
    /// Not safe: the child is dropped with the future, and what was read is lost.
    ///
    /// # Examples
    /// ```
    /// use std::process::Stdio;
    /// use simoom::process::Command;
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let child = Command::new("echo").arg("hi").stdout(Stdio::piped()).spawn()?;
    /// assert_eq!(child.wait_with_output().await?.stdout, b"hi\n");
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn wait_with_output(mut self) -> io::Result<Output> {
        let (stdout, stderr) = (self.stdout.take(), self.stderr.take());
        let (status, stdout, stderr) =
            crate::try_join!(self.wait(), read_to_end(stdout), read_to_end(stderr))?;
        Ok(Output {
            status,
            stdout,
            stderr,
        })
    }

    /// Sends it SIGKILL. Does nothing once its end was seen.
    ///
    /// # Errors
    /// Those of `kill(2)`.
    pub fn start_kill(&mut self) -> io::Result<()> {
        let State::Runs(guard) = &mut self.state else {
            return Ok(());
        };
        guard.process.signal(libc::SIGKILL)?;
        guard.kill_on_drop = false;
        Ok(())
    }

    /// Sends it SIGKILL, and waits until it has ended.
    ///
    /// # Errors
    /// As [`start_kill`](Self::start_kill) and [`wait`](Self::wait).
    ///
    /// # Cancel safety
    /// A dropped future that was polled has sent the signal.
    ///
    /// # Examples
    /// ```
    /// use simoom::process::Command;
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let mut child = Command::new("sleep").arg("600").spawn()?;
    /// child.kill().await?;
    /// assert_eq!(child.id(), None);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn kill(&mut self) -> io::Result<()> {
        self.start_kill()?;
        self.wait().await?;
        Ok(())
    }

    /// Sends it a signal.
    ///
    /// A child that has ended and whose end was not seen yet takes it without effect. After that no
    /// signal is sent: the number may be another process's.
    ///
    /// # Errors
    /// `InvalidInput` if its end was seen, or if the signal has no name (real-time signals have none);
    /// those of `kill(2)`.
    ///
    /// # Under simulation
    /// A child that does not listen for the signal does what a process does by default: most signals
    /// end it. What would stop it, as SIGSTOP, is `Unsupported`.
    ///
    /// # Examples
    /// ```
    /// use std::os::unix::process::ExitStatusExt;
    /// use simoom::process::Command;
    /// use simoom::signal::unix::SignalKind;
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let mut child = Command::new("sleep").arg("600").spawn()?;
    /// child.signal(SignalKind::hangup())?;
    /// assert_eq!(child.wait().await?.signal(), Some(1));
    /// assert!(child.signal(SignalKind::hangup()).is_err());
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn signal(&self, signal: SignalKind) -> io::Result<()> {
        match &self.state {
            State::Runs(guard) => guard.process.signal(signal.as_raw_value()),
            State::Done(_) => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the process has ended: no signal reaches it",
            )),
        }
    }

    /// Has it end: sends SIGTERM, waits for at most `grace`, sends SIGKILL if it runs on, and waits for
    /// its end. Returns how it ended; at once if that is known.
    ///
    /// With a `grace` of zero it is killed unless it has ended. What it wrote stays in its pipes and can
    /// be read afterwards. Its input is closed.
    ///
    /// # Errors
    /// As [`signal`](Self::signal) and [`wait`](Self::wait).
    ///
    /// # Cancel safety
    /// A dropped future that was polled has sent SIGTERM, and will not send SIGKILL. It may be called
    /// again.
    ///
    /// # Examples
    /// A time limit that leaves the program time to stop, and keeps what it wrote:
    /// ```
    /// use std::process::Stdio;
    /// use std::time::Duration;
    /// use simoom::io::AsyncReadExt;
    /// use simoom::process::Command;
    /// use simoom::time::timeout;
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let mut child = Command::new("sh")
    ///     .args(["-c", "echo begun; exec sleep 600"])
    ///     .stdout(Stdio::piped())
    ///     .spawn()?;
    /// if timeout(Duration::from_millis(200), child.wait()).await.is_err() {
    ///     child.terminate(Duration::from_secs(5)).await?;
    /// }
    /// let mut text = String::new();
    /// child.stdout.take().unwrap().read_to_string(&mut text).await?;
    /// assert_eq!(text, "begun\n");
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn terminate(&mut self, grace: Duration) -> io::Result<ExitStatus> {
        if let Some(status) = self.try_wait()? {
            return Ok(status);
        }
        self.signal(SignalKind::terminate())?;
        if let Ok(waited) = timeout(grace, self.wait()).await {
            return waited;
        }
        self.start_kill()?;
        self.wait().await
    }

    fn see_end(&mut self, status: ExitStatus) {
        if let State::Runs(guard) = &mut self.state {
            guard.kill_on_drop = false;
        }
        self.state = State::Done(status);
    }
}

async fn read_to_end<R: AsyncRead + Unpin>(pipe: Option<R>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Child");
        match &self.state {
            State::Runs(guard) => debug.field("id", &guard.process.id()),
            State::Done(status) => debug.field("ended", status),
        };
        debug.finish_non_exhaustive()
    }
}

/// The future of [`Child::wait`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct Wait<'a> {
    child: &'a mut Child,
    site: &'static Location<'static>,
}

impl Future for Wait<'_> {
    type Output = io::Result<ExitStatus>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        drop(this.child.stdin.take());
        let process = match &this.child.state {
            State::Runs(guard) => &guard.process,
            &State::Done(status) => return Poll::Ready(Ok(status)),
        };
        let op = Op::read(OpKind::Join, process.resource(), this.site);
        let progress = ready!(proceed(cx, &op));
        let waited = ready!(process.poll_exit(cx));
        progress.done_with(&waited);
        if let Ok(status) = waited {
            this.child.see_end(status);
        }
        Poll::Ready(waited)
    }
}
