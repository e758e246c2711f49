//! The spans that tokio-console expects of tasks, with the feature `tracing`; else nothing at all.
//!
//! Owns their names and fields, which are those of tokio 1. Knows nothing of who listens.

pub(super) use self::imp::Trace;

/// What sort of task it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It may move to another thread.
    Task,
    /// It stays on its thread.
    Local,
    /// It is a closure that may block.
    Blocking,
}

#[cfg(feature = "tracing")]
mod imp {
    use std::cell::Cell;
    use std::panic::Location;

    use tracing::Span;
    use tracing::span::EnteredSpan;

    use super::Kind;
    use crate::task::id::Id;

    /// A task's span, from its spawn to its end.
    pub(in crate::task) struct Trace {
        /// Touched as the cell's flags are: by the thread that holds the task's world.
        span: Cell<Option<Span>>,
        /// The span's number; 0 where nobody listens. Wakers say it, on any thread.
        id: u64,
    }

    impl Trace {
        pub(in crate::task) fn new(
            kind: Kind,
            name: &str,
            id: Id,
            location: &'static Location<'static>,
        ) -> Self {
            let kind = match kind {
                Kind::Task => "task",
                Kind::Local => "local",
                Kind::Blocking => "blocking",
            };
            let span = tracing::trace_span!(
                target: "tokio::task",
                parent: None,
                "runtime.spawn",
                kind,
                task.name = name,
                task.id = id.number(),
                loc.file = location.file(),
                loc.line = location.line(),
                loc.col = location.column(),
            );
            let id = span.id().map_or(0, |id| id.into_u64());
            Self {
                span: Cell::new(Some(span)),
                id,
            }
        }

        /// Enters the span for a poll.
        pub(in crate::task) fn enter(&self) -> Entered {
            Entered(self.span.take().map(Span::entered))
        }

        /// Keeps the span until the next poll. Where it is dropped instead, it ends.
        pub(in crate::task) fn leave(&self, entered: Entered) {
            self.span.set(entered.0.map(EnteredSpan::exit));
        }

        /// Tells what is done with one of the task's wakers.
        pub(in crate::task) fn waker(&self, op: &'static str) {
            if self.id != 0 {
                tracing::trace!(target: "tokio::task::waker", op, task.id = self.id);
            }
        }
    }

    /// A span that this thread is inside of.
    pub(in crate::task) struct Entered(Option<EnteredSpan>);
}

#[cfg(not(feature = "tracing"))]
mod imp {
    use std::panic::Location;

    use super::Kind;
    use crate::task::id::Id;

    /// Nothing.
    pub(in crate::task) struct Trace;

    impl Trace {
        #[inline]
        pub(in crate::task) fn new(
            _kind: Kind,
            _name: &str,
            _id: Id,
            _location: &'static Location<'static>,
        ) -> Self {
            Self
        }

        #[inline]
        pub(in crate::task) fn enter(&self) -> Entered {
            Entered
        }

        #[inline]
        pub(in crate::task) fn leave(&self, _entered: Entered) {}

        #[inline]
        pub(in crate::task) fn waker(&self, _op: &'static str) {}
    }

    /// Nothing, which has an end.
    pub(in crate::task) struct Entered;

    impl Drop for Entered {
        #[inline]
        fn drop(&mut self) {}
    }
}
