//! Files: those of the operating system.

use std::io;
use std::sync::Arc;

use super::local::Local;
use super::shared::Shared;
use crate::backend::system::{self, StandardFile};
use crate::backend::{FileJob, Files, Job, OpenFile, PathOp, Resource, Standard, Submitted};

impl Files for Local {
    fn submit(&self, op: PathOp) -> io::Result<Box<dyn Submitted>> {
        Ok(system::submit(self, op))
    }

    fn hand_over(&self, job: &mut Option<FileJob>) -> io::Result<()> {
        self.shared().hand_over(job)
    }

    fn standard(&self, which: Standard) -> Arc<dyn OpenFile> {
        StandardFile::new(which)
    }

    fn file_system(&self) -> Option<Arc<Resource>> {
        None
    }
}

impl Files for Shared {
    fn submit(&self, op: PathOp) -> io::Result<Box<dyn Submitted>> {
        Ok(system::submit(self, op))
    }

    fn hand_over(&self, job: &mut Option<FileJob>) -> io::Result<()> {
        let Some(work) = job.take() else {
            return Ok(());
        };
        match self.pool().run(&self.this(), Job::promised(work)) {
            Ok(()) => Ok(()),
            Err(refused) => {
                *job = refused.into_promised();
                Err(gone())
            }
        }
    }

    fn standard(&self, which: Standard) -> Arc<dyn OpenFile> {
        StandardFile::new(which)
    }

    fn file_system(&self) -> Option<Arc<Resource>> {
        None
    }
}

/// What an operation on a file says whose runtime was dropped.
#[cold]
fn gone() -> io::Error {
    io::Error::other(
        "the simoom runtime of this file operation is gone: keep the `Runtime` for as long as \
         its files are used",
    )
}
