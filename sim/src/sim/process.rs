//! A simulated child process, as its program sees it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{self, Write};
use std::panic::Location;
use std::path::Path;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use simoom::backend::{Direction, Op, OpKind, Seat, Standard, proceed};
use simoom::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::world::net::os;
use crate::world::processes::Description;
use crate::world::streams::{Sink, Source, Streams, Which};

/// What a simulated program gets: what it was started with.
///
/// # Examples
/// ```
/// use simoom::io::AsyncWriteExt;
/// use simoom::process::Command;
/// use simoom_sim::{Config, check};
///
/// check(Config::default().seeds(1), |sim| async move {
///     sim.program("greet", |mut process| async move {
///         let name = process.args()[0].to_string_lossy().into_owned();
///         let greeting = process.env("GREETING").unwrap().to_string_lossy().into_owned();
///         process.stdout.write_all(format!("{greeting} {name}").as_bytes()).await
///     });
///     let output = Command::new("greet").arg("ann").env("GREETING", "hi").output();
///     assert_eq!(output.await.unwrap().stdout, b"hi ann");
/// })
/// .unwrap();
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Process {
    /// What it reads.
    pub stdin: ProcessInput,
    /// Where it writes.
    pub stdout: ProcessOutput,
    /// Where it writes errors.
    pub stderr: ProcessOutput,
    id: u32,
    program: OsString,
    args: Vec<OsString>,
    environment: BTreeMap<OsString, OsString>,
    directory: Option<std::path::PathBuf>,
}

impl Process {
    pub(super) fn new(
        id: u32,
        description: Description,
        streams: &Rc<Streams>,
        site: &'static Location<'static>,
    ) -> Self {
        let output = |which| ProcessOutput {
            streams: streams.clone(),
            which,
            seat: Seat::default(),
            site,
        };
        Self {
            stdin: ProcessInput {
                streams: streams.clone(),
                seat: Seat::default(),
                site,
            },
            stdout: output(Which::Output),
            stderr: output(Which::Error),
            id,
            program: description.program,
            args: description.args,
            environment: description.environment,
            directory: description.directory,
        }
    }

    /// Its number on its node: 1001 for the first child, then one more for each.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The name or path by which it was called.
    #[must_use]
    pub fn program(&self) -> &OsStr {
        &self.program
    }

    /// Its arguments, without the program's name.
    #[must_use]
    pub fn args(&self) -> &[OsString] {
        &self.args
    }

    /// A variable of its environment: what the command set, and what the parent has if that is a
    /// simulated child itself. Nothing of the environment of the test's process.
    #[must_use]
    pub fn env<K: AsRef<OsStr>>(&self, key: K) -> Option<&OsStr> {
        self.environment.get(key.as_ref()).map(OsString::as_os_str)
    }

    /// Every variable of its environment, by name.
    pub fn envs(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        let all = self.environment.iter();
        all.map(|(key, value)| (key.as_os_str(), value.as_os_str()))
    }

    /// The folder in which it was started, if the command or one further up has set it.
    #[must_use]
    pub fn current_dir(&self) -> Option<&Path> {
        self.directory.as_deref()
    }
}

/// What a simulated child reads: the other end of its parent's
/// [`ChildStdin`](simoom::process::ChildStdin), or nothing.
///
/// Dropping it leaves the pipe open until the process ends, as in a real process; see
/// [`close`](Self::close).
///
/// # Examples
/// See [`Sim::program`](crate::Sim::program).
pub struct ProcessInput {
    streams: Rc<Streams>,
    seat: Seat,
    /// Where the process was started: what reports name when no line of the user's is known.
    site: &'static Location<'static>,
}

/// Where a simulated child writes: the other end of its parent's
/// [`ChildStdout`](simoom::process::ChildStdout) or `ChildStderr`, where the test prints, or nowhere.
///
/// Dropping it leaves the pipe open until the process ends, as in a real process; see
/// [`close`](Self::close).
///
/// # Examples
/// See [`Sim::program`](crate::Sim::program).
pub struct ProcessOutput {
    streams: Rc<Streams>,
    which: Which,
    seat: Seat,
    /// Where the process was started: what reports name when no line of the user's is known.
    site: &'static Location<'static>,
}

impl ProcessInput {
    /// Closes the process's descriptor: once nobody else has it, writing is `BrokenPipe` for the parent.
    pub fn close(&mut self) {
        self.streams.close_source();
    }
}

impl ProcessOutput {
    pub(super) fn of(process: &Process, which: Which) -> Self {
        Self {
            streams: process.stdout.streams.clone(),
            which,
            seat: Seat::default(),
            site: process.stdout.site,
        }
    }

    /// Closes the process's descriptor: once nobody else has it, the parent reads the end.
    pub fn close(&mut self) {
        self.streams.close_sink(self.which);
    }
}

impl AsyncRead for ProcessInput {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Source::Pipe(pipe) = self.streams.source() else {
            return Poll::Ready(Ok(()));
        };
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let op = Op::write(OpKind::Read, pipe.resource(Direction::Read), self.site);
        let progress = ready!(proceed(cx, &op));
        loop {
            match pipe.try_read(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(pipe.poll_ready(cx, Direction::Read, Some(&mut self.seat)))?;
                }
                outcome => {
                    progress.done();
                    return Poll::Ready(outcome.map(drop));
                }
            }
        }
    }
}

impl AsyncWrite for ProcessOutput {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let pipe = match self.streams.sink(self.which) {
            Sink::Pipe(pipe) => pipe,
            Sink::Nowhere => return Poll::Ready(Ok(bytes.len())),
            Sink::Printed(standard) => return Poll::Ready(Ok(print(standard, bytes))),
            Sink::Closed => return Poll::Ready(Err(os(libc::EBADF))),
        };
        let op = Op::write(OpKind::Write, pipe.resource(Direction::Write), self.site);
        let progress = ready!(proceed(cx, &op));
        loop {
            match pipe.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(pipe.poll_ready(cx, Direction::Write, Some(&mut self.seat)))?;
                }
                outcome => {
                    progress.done();
                    return Poll::Ready(outcome);
                }
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// The end of what is written is the end of the process, or [`close`](Self::close).
    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for ProcessInput {
    fn drop(&mut self) {
        if let Source::Pipe(pipe) = self.streams.source() {
            pipe.leave(&mut self.seat);
        }
    }
}

impl Drop for ProcessOutput {
    fn drop(&mut self) {
        if let Sink::Pipe(pipe) = self.streams.sink(self.which) {
            pipe.leave(&mut self.seat);
        }
    }
}

/// Prints where the test does, whoever reads it.
fn print(standard: Standard, bytes: &[u8]) -> usize {
    let _ = match standard {
        Standard::Error => io::stderr().lock().write_all(bytes),
        _ => io::stdout().lock().write_all(bytes),
    };
    bytes.len()
}

impl fmt::Debug for ProcessInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessInput").finish_non_exhaustive()
    }
}

impl fmt::Debug for ProcessOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessOutput").finish_non_exhaustive()
    }
}
