//! What a child process reads and writes from its start.
//!
//! Owns its ends of the pipes until it ends. Knows nothing of who waits for them.

use std::cell::RefCell;
use std::sync::Arc;

use simoom::backend::{PipeReceiver, PipeSender, Standard};

/// The three streams of a child process.
pub(crate) struct Streams {
    input: RefCell<Source>,
    output: RefCell<Sink>,
    error: RefCell<Sink>,
}

/// What is read.
#[derive(Clone)]
pub(crate) enum Source {
    /// It is at its end.
    Empty,
    Pipe(Arc<dyn PipeReceiver>),
}

/// Where what is written goes.
#[derive(Clone)]
pub(crate) enum Sink {
    Nowhere,
    /// To where the test prints.
    Printed(Standard),
    Pipe(Arc<dyn PipeSender>),
    /// It was closed.
    Closed,
}

/// Which of the two streams that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Output,
    Error,
}

impl Streams {
    pub(crate) fn new(input: Source, output: Sink, error: Sink) -> Self {
        Self {
            input: RefCell::new(input),
            output: RefCell::new(output),
            error: RefCell::new(error),
        }
    }

    pub(crate) fn source(&self) -> Source {
        self.input.borrow().clone()
    }

    pub(crate) fn sink(&self, which: Which) -> Sink {
        self.of(which).borrow().clone()
    }

    pub(crate) fn close_source(&self) {
        let before = self.input.replace(Source::Empty);
        drop(before);
    }

    pub(crate) fn close_sink(&self, which: Which) {
        let before = self.of(which).replace(Sink::Closed);
        drop(before);
    }

    /// Closes all three. Must not be called while the world is borrowed.
    pub(crate) fn close(&self) {
        self.close_source();
        self.close_sink(Which::Output);
        self.close_sink(Which::Error);
    }

    fn of(&self, which: Which) -> &RefCell<Sink> {
        match which {
            Which::Output => &self.output,
            Which::Error => &self.error,
        }
    }
}
