//! Files behind the seam.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use simoom::backend::{
    Backend, Completion, FileJob, FileOp, Files, OpenFile, Outcome, PathOp, Resource, Standard,
    Submitted,
};

use super::inside::{enter, inside, inside_to_close};
use super::standard::SimStandard;
use crate::backend::SimBackend;
use crate::checkers::leaks::Leak;
use crate::remote::SimRemote;
use crate::world::files::{Ended, Found, HandleId, JobId};

impl Files for SimBackend {
    fn submit(&self, op: PathOp) -> io::Result<Box<dyn Submitted>> {
        self.refuse_dead()?;
        let job = self.with(|world| world.submit_on_path(op));
        Ok(Box::new(SimSubmitted {
            world: self.id(),
            job,
        }))
    }

    fn hand_over(&self, _job: &mut Option<FileJob>) -> io::Result<()> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "a file of the operating system cannot enter a simulation: open it inside it, or read \
             it by `std::fs`",
        ))
    }

    fn standard(&self, which: Standard) -> Arc<dyn OpenFile> {
        Arc::new(SimStandard(which))
    }

    fn file_system(&self) -> Option<Arc<Resource>> {
        if self.is_dead() {
            return None;
        }
        Some(self.with(|world| {
            let node = world.current_node();
            let wall_ns = world.wall_of(node);
            world.files.machine(node, wall_ns).resource.clone()
        }))
    }
}

/// The world of a handle that another thread may keep.
impl Files for SimRemote {
    fn submit(&self, op: PathOp) -> io::Result<Box<dyn Submitted>> {
        inside(self.owner().id, |backend| backend.submit(op))
    }

    fn hand_over(&self, job: &mut Option<FileJob>) -> io::Result<()> {
        inside(self.owner().id, |backend| backend.hand_over(job))
    }

    fn standard(&self, which: Standard) -> Arc<dyn OpenFile> {
        Arc::new(SimStandard(which))
    }

    fn file_system(&self) -> Option<Arc<Resource>> {
        inside(self.owner().id, |backend| Ok(backend.file_system())).unwrap_or(None)
    }
}

/// An open file of a world.
pub(crate) struct SimFile {
    world: u64,
    id: HandleId,
    resource: Arc<Resource>,
    /// Its number in the books of what programs hold, or 0.
    number: u64,
}

impl OpenFile for SimFile {
    fn submit(&self, op: FileOp) -> io::Result<Box<dyn Submitted>> {
        inside(self.world, |backend| {
            let job = backend.with(|world| world.submit_on_file(self.id, op))?;
            Ok(Box::new(SimSubmitted {
                world: self.world,
                job,
            }) as _)
        })
    }

    fn resource(&self) -> Option<Arc<Resource>> {
        Some(self.resource.clone())
    }

    fn into_std(self: Arc<Self>) -> Result<std::fs::File, Arc<dyn OpenFile>> {
        Err(self)
    }

    #[cfg(unix)]
    fn descriptor(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        None
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        // Elsewhere its world closes it by itself.
        inside_to_close(self.world, |backend| {
            backend.with(|world| {
                world.strike_out(self.number);
                world.close_file(self.id);
            });
        });
    }
}

impl fmt::Debug for SimFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimFile")
            .field("node", &self.id.node.0)
            .finish_non_exhaustive()
    }
}

/// An operation of a world on its way.
struct SimSubmitted {
    world: u64,
    job: JobId,
}

impl Submitted for SimSubmitted {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Completion> {
        let waker = cx.waker().clone();
        let polled = inside(self.world, |backend| {
            Ok(backend.with(|world| world.poll_job(self.job, waker)))
        });
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(Some(ended))) => Poll::Ready(self.completion(ended)),
            Ok(Poll::Ready(None)) => Poll::Ready(Completion::of(Err(io::Error::other(
                "the file's node was killed",
            )))),
            Err(error) => Poll::Ready(Completion::of(Err(error))),
        }
    }
}

impl SimSubmitted {
    fn completion(&self, ended: Ended) -> Completion {
        let outcome = |found| match found {
            Found::Plain(outcome) => outcome,
            Found::Opened(id, resource) => Outcome::File(Arc::new(SimFile {
                world: self.world,
                id,
                resource,
                number: enter(self.world, Leak::File, "open file"),
            })),
        };
        Completion {
            buf: ended.buf,
            ..Completion::of(ended.result.map(outcome))
        }
    }
}

impl Drop for SimSubmitted {
    fn drop(&mut self) {
        let _ = inside(self.world, |backend| {
            backend.with(|world| world.abandon_job(self.job));
            Ok(())
        });
    }
}
