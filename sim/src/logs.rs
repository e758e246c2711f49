//! What a run logs: shown, each line with virtual time, node and task, or kept.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::{Dispatch, Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::backend::SimBackend;
use crate::choice::PathId;
use crate::run::Logged;
use crate::world::World;
use crate::world::failure::Seconds;

/// What shows events on standard output, as `RUST_LOG` says (default `info`).
///
/// Made on another thread than the run's: it makes hash maps, and the keys of a run's own depend on
/// how many its thread made before.
pub(crate) fn shown() -> Dispatch {
    tracing_subscriber::fmt()
        .with_env_filter(filter())
        .fmt_fields(DefaultFields::new())
        .event_format(Lines)
        .with_writer(std::io::stdout)
        .finish()
        .into()
}

/// The lines that a run logged.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<Logged>>>);

impl Log {
    /// What keeps the events that [`shown`] would show. Made on another thread than the run's too.
    pub(crate) fn keeper(&self) -> Dispatch {
        tracing_subscriber::fmt()
            .with_env_filter(filter())
            .fmt_fields(DefaultFields::new())
            .event_format(Keeper(self.clone()))
            .with_writer(std::io::sink)
            .finish()
            .into()
    }

    /// What was logged so far.
    pub(crate) fn take(&self) -> Vec<Logged> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What `RUST_LOG` says, but for what simoom tells of its tasks: they may be told of while the world
/// is held.
fn filter() -> EnvFilter {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let silent = "tokio::task=off".parse().expect("it is a directive");
    filter.add_directive(silent)
}

/// What `place` finds in the world that this thread is inside of, about its running task.
fn of_running<R>(place: impl FnOnce(&World, PathId) -> R) -> Option<R> {
    SimBackend::current(|backend| {
        let backend = backend?;
        Some(backend.with(|world| place(world, world.current_path())))
    })
}

struct Keeper(Log);

impl<S, N> FormatEvent<S, N> for Keeper
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        _writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut text = format!("{} ", event.metadata().level());
        context.format_fields(Writer::new(&mut text), event)?;
        let place = of_running(|world, task| (world.events(), world.paths.hash(task).0));
        let (events, task) = place.unwrap_or_default();
        let mut lines = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(Logged { events, task, text });
        Ok(())
    }
}

struct Lines;

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let place = of_running(|world, task| {
            let now = Seconds(world.now_ns).to_string();
            format!("{now:>9} {}", world.paths.label(task))
        });
        let level = event.metadata().level();
        write!(writer, "{} {level} ", place.unwrap_or_default())?;
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}
