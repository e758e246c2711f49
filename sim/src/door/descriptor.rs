//! Descriptors of the operating system, which a simulated program has none of.

use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;

use simoom::backend::{Descriptor, Descriptors};

use crate::backend::SimBackend;
use crate::remote::SimRemote;

impl Descriptors for SimBackend {
    fn watch_descriptor(&self, _descriptor: RawFd) -> io::Result<Arc<dyn Descriptor>> {
        Err(refused())
    }
}

impl Descriptors for SimRemote {
    fn watch_descriptor(&self, _descriptor: RawFd) -> io::Result<Arc<dyn Descriptor>> {
        Err(refused())
    }
}

fn refused() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "a descriptor of the operating system cannot be waited for in a simulation: use the sockets \
         and pipes of `simoom::net`, which are simulated",
    )
}
