//! `merge`: the states of several machines become one.

use crate::arguments::Merge;
use crate::exit::{Ended, Stopped};
use crate::junit;
use crate::state::State;
use crate::summary;

/// Unites the states, writes and sums them up, and ends as one sweep over all of it would.
pub(crate) fn merge(arguments: &Merge) -> Ended {
    let mut states = Vec::new();
    for path in &arguments.states {
        let state = State::load(path)?;
        let missing = || Stopped::missing(format!("there is no file {}", path.display()));
        states.push(state.ok_or_else(missing)?);
    }
    let mut states = states.into_iter();
    let mut united = states.next().unwrap_or_default();
    for state in states {
        united.unite(state)?;
    }
    if let Some(path) = &arguments.output {
        united.save(path)?;
    }
    if let Some(path) = &arguments.junit {
        junit::write(&united, path)?;
    }
    summary::print(&united, arguments.message_format);
    Ok(united.exit())
}
