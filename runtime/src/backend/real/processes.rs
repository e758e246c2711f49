//! Child processes of the real world.
//!
//! Owns how their ends are heard of: from a descriptor of the process where there is one (Linux, see
//! `pidfd_open(2)`), from SIGCHLD elsewhere. Knows nothing of what becomes of those that nobody waits
//! for.
//!
//! # Invariants
//! 1. Nobody but this file and `orphans` takes the end of a child from the operating system. So its
//!    number is its own until we have seen its end, and no signal goes to another process.

use std::cell::Cell;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::Location;
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustix::process::{Pid, Signal, kill_process};

use super::local::Local;
use super::shared::Shared;
#[cfg(any(target_os = "linux", target_os = "android"))]
use super::source::READABLE;
#[cfg(any(target_os = "linux", target_os = "android"))]
use super::watched::Watched;
use super::{orphans, signals};
#[cfg(any(target_os = "linux", target_os = "android"))]
use crate::backend::Direction;
use crate::backend::{
    ChildProcess, PipeAccess, PipeReceiver, PipeSender, Pipes, Processes, Resource, SignalWait,
    Spawned,
};
use crate::shim::{Mutex, lock};

/// A child.
struct RealChild {
    id: u32,
    /// There until this is dropped.
    child: Mutex<Option<Child>>,
    exit: Exit,
    resource: Resource,
}

/// How its end is heard of.
enum Exit {
    /// By a descriptor that can be read from when it has ended.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    Descriptor(Watched<OwnedFd>),
    /// By the signal that tells of every child's.
    Signal(Mutex<Told>),
}

/// What is known of SIGCHLD.
struct Told {
    /// How often it had come before we looked last.
    seen: u64,
    wait: Option<SignalWait>,
}

thread_local! {
    static USES_PIDFD: Cell<bool> = const { Cell::new(true) };
}

/// Runs `f`; the children that it starts on this thread are heard of by SIGCHLD, as on systems that
/// have no descriptors of processes.
///
/// For tests of that.
pub fn without_pidfd<R>(f: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            USES_PIDFD.set(self.0);
        }
    }
    let _restore = Restore(USES_PIDFD.replace(false));
    f()
}

impl Exit {
    fn of(child: &Child, shared: &Arc<Shared>) -> io::Result<Self> {
        if USES_PIDFD.get()
            && let Some(exit) = Self::by_descriptor(child, shared)
        {
            return Ok(exit);
        }
        // Counted before anybody looks whether it has ended.
        let seen = signals::signal_count(libc::SIGCHLD)?;
        Ok(Self::Signal(Mutex::new(Told { seen, wait: None })))
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn by_descriptor(child: &Child, shared: &Arc<Shared>) -> Option<Self> {
        use rustix::process::{PidfdFlags, pidfd_open};

        let pid = pid(child)?;
        // Old kernels have none, some sandboxes forbid it.
        let descriptor = pidfd_open(pid, PidfdFlags::empty()).ok()?;
        let watched = Watched::new(descriptor, shared.clone(), READABLE).ok()?;
        Some(Self::Descriptor(watched))
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn by_descriptor(_child: &Child, _shared: &Arc<Shared>) -> Option<Self> {
        None
    }
}

fn pid(child: &Child) -> Option<Pid> {
    let pid = i32::try_from(child.id()).ok()?;
    Pid::from_raw(pid)
}

impl RealChild {
    fn with<R>(&self, f: impl FnOnce(&mut Child) -> R) -> R {
        let mut child = lock(&self.child);
        f(child.as_mut().expect("it is there until the drop"))
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn poll_descriptor(
        &self,
        cx: &mut Context<'_>,
        watched: &Watched<OwnedFd>,
    ) -> Poll<io::Result<ExitStatus>> {
        loop {
            let attempt = watched.attempt(Direction::Read, |_| match self.try_wait()? {
                Some(status) => Ok((status, false)),
                None => Err(io::ErrorKind::WouldBlock.into()),
            });
            match attempt {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(watched.poll_ready(cx, Direction::Read, None))?;
                }
                outcome => return Poll::Ready(outcome),
            }
        }
    }

    fn poll_signal(
        &self,
        cx: &mut Context<'_>,
        told: &Mutex<Told>,
    ) -> Poll<io::Result<ExitStatus>> {
        loop {
            if let Some(status) = self.try_wait()? {
                return Poll::Ready(Ok(status));
            }
            // Waiting runs foreign code.
            let (seen, mut wait) = {
                let mut told = lock(told);
                (told.seen, told.wait.take())
            };
            let polled = signals::poll_signal(cx, libc::SIGCHLD, seen, &mut wait);
            let mut told = lock(told);
            told.wait = wait;
            told.seen = ready!(polled);
        }
    }
}

impl ChildProcess for RealChild {
    fn id(&self) -> u32 {
        self.id
    }

    fn resource(&self) -> &Resource {
        &self.resource
    }

    fn try_wait(&self) -> io::Result<Option<ExitStatus>> {
        self.with(Child::try_wait)
    }

    fn poll_exit(&self, cx: &mut Context<'_>) -> Poll<io::Result<ExitStatus>> {
        match &self.exit {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Exit::Descriptor(watched) => self.poll_descriptor(cx, watched),
            Exit::Signal(told) => self.poll_signal(cx, told),
        }
    }

    fn signal(&self, signal: i32) -> io::Result<()> {
        let Some(signal) = Signal::from_named_raw(signal) else {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        };
        self.with(|child| {
            // Where the parent ignores SIGCHLD the system reaps, and the number may be another's: that
            // is an error here.
            if child.try_wait()?.is_some() {
                return Ok(());
            }
            #[cfg(any(target_os = "linux", target_os = "android"))]
            if let Exit::Descriptor(watched) = &self.exit {
                return Ok(rustix::process::pidfd_send_signal(watched.io(), signal)?);
            }
            let pid = pid(child).ok_or(io::ErrorKind::InvalidInput)?;
            Ok(kill_process(pid, signal)?)
        })
    }
}

impl Drop for RealChild {
    fn drop(&mut self) {
        if let Some(child) = lock(&self.child).take() {
            orphans::adopt(child);
        }
    }
}

impl Processes for Shared {
    fn spawn_process(
        &self,
        command: &mut Command,
        _site: &'static Location<'static>,
    ) -> io::Result<Spawned> {
        let mut child = command.spawn()?;
        let spawned = self.ends(&mut child).and_then(|ends| {
            let exit = Exit::of(&child, &self.this())?;
            Ok((ends, exit))
        });
        let (ends, exit) = match spawned {
            Ok(spawned) => spawned,
            Err(error) => {
                // Nobody will ever have heard of it.
                let _ = child.kill();
                orphans::adopt(child);
                return Err(error);
            }
        };
        let Ends {
            stdin,
            stdout,
            stderr,
        } = ends;
        let child = RealChild {
            id: child.id(),
            child: Mutex::new(Some(child)),
            exit,
            resource: Resource::new(),
        };
        Ok(Spawned {
            child: Box::new(child),
            stdin,
            stdout,
            stderr,
        })
    }
}

impl Processes for Local {
    fn spawn_process(
        &self,
        command: &mut Command,
        site: &'static Location<'static>,
    ) -> io::Result<Spawned> {
        self.shared().spawn_process(command, site)
    }
}

/// Our ends of a child's pipes.
struct Ends {
    stdin: Option<Arc<dyn PipeSender>>,
    stdout: Option<Arc<dyn PipeReceiver>>,
    stderr: Option<Arc<dyn PipeReceiver>>,
}

impl Shared {
    fn ends(&self, child: &mut Child) -> io::Result<Ends> {
        let stdin = child.stdin.take().map(|end| self.sender(end.into()));
        let stdout = child.stdout.take().map(|end| self.receiver(end.into()));
        let stderr = child.stderr.take().map(|end| self.receiver(end.into()));
        Ok(Ends {
            stdin: stdin.transpose()?,
            stdout: stdout.transpose()?,
            stderr: stderr.transpose()?,
        })
    }

    fn sender(&self, end: OwnedFd) -> io::Result<Arc<dyn PipeSender>> {
        let end = self.check_pipe(end, PipeAccess::Write)?;
        self.adopt_pipe_sender(end)
    }

    fn receiver(&self, end: OwnedFd) -> io::Result<Arc<dyn PipeReceiver>> {
        let end = self.check_pipe(end, PipeAccess::Read)?;
        self.adopt_pipe_receiver(end)
    }
}
