//! `replay`: a failure once more, as its test shows it.

use crate::arguments::Replay;
use crate::exit::{Ended, Exit, Stopped};

/// Replays, prints what the test prints, and ends with its status.
pub(crate) fn replay(arguments: &Replay) -> Ended {
    let picked = arguments.which.pick()?;
    let mut command = picked.test.command();
    command.env("SIMOOM_PERSIST", "0");
    command.envs(picked.variables.iter().map(|(name, value)| (name, value)));
    let status = command
        .status()
        .map_err(|error| Stopped::missing(format!("{}: {error}", picked.test.id())))?;
    Ok(Exit::of_replay(status.code()))
}
