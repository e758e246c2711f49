//! What a simulated process reads and writes from its start: nothing, and what the test prints.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;
use std::task::{Context, Poll};

use simoom::backend::{Completion, FileOp, OpenFile, Outcome, Resource, Standard, Submitted};

/// One of the three files of a simulated process.
pub(super) struct SimStandard(pub(super) Standard);

impl OpenFile for SimStandard {
    /// Is over at once: nothing of a run may depend on who reads what it prints.
    fn submit(&self, op: FileOp) -> io::Result<Box<dyn Submitted>> {
        let completion = match (self.0, op) {
            (Standard::Input, FileOp::Read { mut buf, .. }) => {
                buf.clear();
                Completion {
                    buf,
                    ..Completion::of(Ok(Outcome::Count(0)))
                }
            }
            (Standard::Output, FileOp::Write { buf, .. }) => printed(buf, io::stdout().lock()),
            (Standard::Error, FileOp::Write { buf, .. }) => printed(buf, io::stderr().lock()),
            (which, op) => Completion::of(Err(io::Error::new(
                io::ErrorKind::Unsupported,
                format!("{op:?} of the standard {which:?} is not possible"),
            ))),
        };
        Ok(Box::new(Over(Some(completion))))
    }

    fn resource(&self) -> Option<Arc<Resource>> {
        None
    }

    fn into_std(self: Arc<Self>) -> Result<std::fs::File, Arc<dyn OpenFile>> {
        Err(self)
    }

    fn descriptor(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        None
    }
}

impl fmt::Debug for SimStandard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Prints, whoever reads it. That nobody does is no matter of the simulated program.
fn printed(mut buf: Vec<u8>, mut to: impl Write) -> Completion {
    let _ = to.write_all(&buf).and_then(|()| to.flush());
    let count = buf.len() as u64;
    buf.clear();
    Completion {
        buf,
        ..Completion::of(Ok(Outcome::Count(count)))
    }
}

/// An operation that is over.
struct Over(Option<Completion>);

impl Submitted for Over {
    fn poll(&mut self, _cx: &mut Context<'_>) -> Poll<Completion> {
        Poll::Ready(self.0.take().expect("it is not polled after it was ready"))
    }
}
