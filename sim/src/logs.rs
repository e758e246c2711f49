//! What a shown run logs: each line with virtual time, node and task.

use std::fmt;

use tracing::{Dispatch, Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::backend::SimBackend;
use crate::world::failure::Seconds;

/// What shows events on standard output, as `RUST_LOG` says (default `info`).
///
/// Made on another thread than the run's: it makes hash maps, and the keys of a run's own depend on
/// how many its thread made before.
pub(crate) fn shown() -> Dispatch {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .fmt_fields(DefaultFields::new())
        .event_format(Lines)
        .with_writer(std::io::stdout)
        .finish()
        .into()
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
        let place = SimBackend::current(|backend| {
            backend.map(|backend| {
                backend.with(|world| {
                    let task = world.paths.label(world.current_path());
                    format!("{:>9} {task}", Seconds(world.now_ns).to_string())
                })
            })
        });
        let level = event.metadata().level();
        write!(writer, "{} {level} ", place.unwrap_or_default())?;
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}
