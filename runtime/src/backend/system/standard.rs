//! What the process reads and writes from its start.
//!
//! Owns the calls of the standard library, whose locks and buffers are used, so that what is printed
//! by other means does not come in between. Knows nothing of the thread that makes them.

use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use super::file::hand_over;
use super::lane::Lane;
use crate::backend::{Completion, FileOp, OpenFile, Outcome, Resource, Standard, Submitted};

/// One of the three.
#[derive(Debug)]
pub(crate) struct StandardFile {
    lane: Lane,
    which: Standard,
}

impl StandardFile {
    pub(crate) fn new(which: Standard) -> Arc<Self> {
        Arc::new(Self {
            lane: Lane::default(),
            which,
        })
    }
}

impl OpenFile for StandardFile {
    fn submit(&self, op: FileOp) -> io::Result<Box<dyn Submitted>> {
        let (which, may_overlap) = (self.which, op.may_overlap());
        self.lane
            .submit(may_overlap, move || carry_out(which, op), hand_over)
    }

    fn resource(&self) -> Option<Arc<Resource>> {
        None
    }

    fn into_std(self: Arc<Self>) -> Result<fs::File, Arc<dyn OpenFile>> {
        Err(self)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

/// Carries out an operation by the means of the standard library.
pub(crate) fn carry_out(which: Standard, op: FileOp) -> Completion {
    match (which, op) {
        (Standard::Input, FileOp::Read { mut buf, most, .. }) => {
            buf.resize(most, 0);
            let count = io::stdin().read(&mut buf);
            buf.truncate(*count.as_ref().unwrap_or(&0));
            Completion {
                buf,
                ..Completion::of(count.map(|count| Outcome::Count(count as u64)))
            }
        }
        (Standard::Output, FileOp::Write { buf, .. }) => written(buf, io::stdout().lock()),
        (Standard::Error, FileOp::Write { buf, .. }) => written(buf, io::stderr().lock()),
        (which, op) => {
            let text = format!("{op:?} of the standard {which:?} is not possible");
            Completion::of(Err(io::Error::new(io::ErrorKind::Unsupported, text)))
        }
    }
}

fn written(mut buf: Vec<u8>, mut to: impl Write) -> Completion {
    let written = to.write_all(&buf).and_then(|()| to.flush());
    let result = written.map(|()| Outcome::Count(buf.len() as u64));
    buf.clear();
    Completion {
        buf,
        ..Completion::of(result)
    }
}
