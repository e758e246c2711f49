//! Handles of child processes.
//!
//! Owns how a command becomes one: who its program is, what it inherits, its pipes. Knows nothing of
//! what a process does.

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::panic::Location;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use simoom::backend::{
    ChildProcess, PipeReceiver, PipeSender, Pipes, Processes, Resource, Spawned, Standard,
    spawn_local_in,
};
use simoom::task::Origin;

use super::command::{Setting, Settings};
use super::inside::{inside, inside_to_close};
use crate::backend::SimBackend;
use crate::baton;
use crate::remote::SimRemote;
use crate::sim::child_main;
use crate::world::World;
use crate::world::net::os;
use crate::world::processes::{Description, ProcessId, Program, Starting};
use crate::world::streams::{Sink, Source, Streams, Which};

/// A child process of a world.
struct SimChild {
    world: u64,
    id: ProcessId,
    pid: u32,
    resource: Resource,
}

impl Processes for SimBackend {
    fn spawn_process(
        &self,
        command: &mut Command,
        site: &'static Location<'static>,
    ) -> io::Result<Spawned> {
        self.refuse_dead()?;
        let (name, program) = self.program(command.get_program())?;
        let settings = Settings::of(command);
        let (environment, directory, inherited) = self.with(|world| world.inherited());
        let mut environment = environment;
        if settings.clears_environment {
            environment.clear();
        }
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => environment.insert(key.to_owned(), value.to_owned()),
                None => environment.remove(key),
            };
        }
        let description = Description {
            program: command.get_program().to_owned(),
            args: command.get_args().map(OsStr::to_owned).collect(),
            environment,
            directory: command.get_current_dir().map(Path::to_owned).or(directory),
        };
        let inherited = inherited.as_deref();
        let (stdin, source) = self.input(settings.stdin, inherited)?;
        let (stdout, output) = self.output(settings.stdout, inherited, Which::Output)?;
        let (stderr, error) = self.output(settings.stderr, inherited, Which::Error)?;
        let starting = Starting {
            program,
            description,
            streams: Rc::new(Streams::new(source, output, error)),
        };
        let (id, pid) = self.with(|world| world.add_child(name, starting));
        start(self, id, site);
        Ok(Spawned {
            child: Box::new(SimChild {
                world: self.id(),
                id,
                pid,
                resource: Resource::new(),
            }),
            stdin,
            stdout,
            stderr,
        })
    }
}

/// Spawns the main of a child.
fn start(backend: &SimBackend, id: ProcessId, site: &'static Location<'static>) {
    if baton::is_guest() {
        return baton::ask(move |backend| start(backend, id, site));
    }
    let Some((starting, name, pid)) = backend.with(|world| world.take_starting(id)) else {
        return;
    };
    let main = child_main(id, pid, starting, site);
    let origin = Origin {
        name: Some(&name),
        ..site.into()
    };
    backend.starting(id, || drop(spawn_local_in(backend, main, origin)));
}

impl SimBackend {
    /// The program that is called by `path`, and its name.
    fn program(&self, path: &OsStr) -> io::Result<(String, Program)> {
        let whole = path.to_string_lossy().into_owned();
        let last = Path::new(path).file_name().map(OsStr::to_string_lossy);
        let found = self.with(|world| {
            let mut names = [Some(whole.clone()), last.map(|name| name.into_owned())]
                .into_iter()
                .flatten();
            names.find_map(|name| Some((name.clone(), world.processes.program(&name)?)))
        });
        found.ok_or_else(|| {
            let known = self.with(|world| {
                let names: Vec<_> = world.processes.programs().collect();
                names.join(", ")
            });
            let known = match &*known {
                "" => "none is",
                known => known,
            };
            io::Error::new(
                io::ErrorKind::NotFound,
                format!(
                    "no program {whole:?} is registered: a simulation starts no real processes, so \
                     give it one with `Sim::program` (registered: {known})"
                ),
            )
        })
    }

    fn input(
        &self,
        setting: Setting,
        inherited: Option<&Streams>,
    ) -> io::Result<(Option<Arc<dyn PipeSender>>, Source)> {
        Ok(match setting {
            Setting::Null => (None, Source::Empty),
            Setting::Inherited => (None, inherited.map_or(Source::Empty, Streams::source)),
            Setting::Piped => {
                let (sender, receiver) = self.pipe()?;
                (Some(sender), Source::Pipe(receiver))
            }
            Setting::Other(what) => return Err(unsupported(&what)),
        })
    }

    fn output(
        &self,
        setting: Setting,
        inherited: Option<&Streams>,
        which: Which,
    ) -> io::Result<(Option<Arc<dyn PipeReceiver>>, Sink)> {
        let printed = Sink::Printed(match which {
            Which::Output => Standard::Output,
            Which::Error => Standard::Error,
        });
        Ok(match setting {
            Setting::Null => (None, Sink::Nowhere),
            Setting::Inherited => (None, inherited.map_or(printed, |it| it.sink(which))),
            Setting::Piped => {
                let (sender, receiver) = self.pipe()?;
                (Some(receiver), Sink::Pipe(sender))
            }
            Setting::Other(what) => return Err(unsupported(&what)),
        })
    }
}

impl Processes for SimRemote {
    fn spawn_process(
        &self,
        command: &mut Command,
        site: &'static Location<'static>,
    ) -> io::Result<Spawned> {
        self.inside_or_fail(|backend| backend.spawn_process(command, site))
    }
}

impl SimChild {
    fn with<R>(&self, f: impl FnOnce(&mut World) -> R) -> io::Result<R> {
        inside(self.world, |backend| Ok(backend.with(f)))
    }
}

impl ChildProcess for SimChild {
    fn id(&self) -> u32 {
        self.pid
    }

    fn resource(&self) -> &Resource {
        &self.resource
    }

    fn try_wait(&self) -> io::Result<Option<ExitStatus>> {
        let status = self.with(|world| world.child_status(self.id))?;
        Ok(status.map(ExitStatus::from_raw))
    }

    fn poll_exit(&self, cx: &mut Context<'_>) -> Poll<io::Result<ExitStatus>> {
        if let Some(status) = self.try_wait()? {
            return Poll::Ready(Ok(status));
        }
        let is_kept = self.with(|world| world.is_kept_for_child(self.id, cx.waker()))?;
        if is_kept {
            return Poll::Pending;
        }
        // Cloning a waker runs foreign code, which may have ended the child.
        let waker = cx.waker().clone();
        self.with(|world| world.wait_for_child(self.id, waker))?;
        match self.try_wait()? {
            Some(status) => Poll::Ready(Ok(status)),
            None => Poll::Pending,
        }
    }

    fn signal(&self, signal: i32) -> io::Result<()> {
        if !(1..=31).contains(&signal) {
            return Err(os(libc::EINVAL));
        }
        self.with(|world| world.signal_child(self.id, signal))?
    }
}

impl Drop for SimChild {
    fn drop(&mut self) {
        inside_to_close(self.world, |backend| {
            backend.with(|world| world.release_child(self.id));
        });
    }
}

fn unsupported(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        format!(
            "a simulated child has pipes, nothing or what its parent has as its streams, and no {what}"
        ),
    )
}
