//! Files: those of the operating system.

use std::io;
use std::sync::Arc;

use super::local::Local;
use super::shared::Shared;
use crate::backend::{Blocking, Files, Job, PathOp, Resource, Submitted, system};

impl Files for Local {
    fn submit(&self, op: PathOp) -> io::Result<Box<dyn Submitted>> {
        Ok(system::submit(self, op))
    }

    fn hand_over(&self, job: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        self.run_blocking(Job::promised(job));
        Ok(())
    }

    fn file_system(&self) -> Option<Arc<Resource>> {
        None
    }
}

impl Files for Shared {
    fn submit(&self, op: PathOp) -> io::Result<Box<dyn Submitted>> {
        Ok(system::submit(self, op))
    }

    fn hand_over(&self, job: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        self.run_blocking(Job::promised(job));
        Ok(())
    }

    fn file_system(&self) -> Option<Arc<Resource>> {
        None
    }
}
