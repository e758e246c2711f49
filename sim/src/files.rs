//! Files behind the seam: handles are plain numbers.

use std::io;
use std::sync::Arc;

use simoom::backend::{Files, PathOp, Resource, Submitted};

use crate::backend::SimBackend;
use crate::remote::SimRemote;

fn no_disk() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "simulated nodes have no disks yet",
    )
}

impl Files for SimBackend {
    fn submit(&self, _op: PathOp) -> io::Result<Box<dyn Submitted>> {
        Err(no_disk())
    }

    fn hand_over(&self, _job: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        Err(no_disk())
    }

    fn file_system(&self) -> Option<Arc<Resource>> {
        None
    }
}

impl Files for SimRemote {
    fn submit(&self, _op: PathOp) -> io::Result<Box<dyn Submitted>> {
        Err(no_disk())
    }

    fn hand_over(&self, _job: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        Err(no_disk())
    }

    fn file_system(&self) -> Option<Arc<Resource>> {
        None
    }
}
