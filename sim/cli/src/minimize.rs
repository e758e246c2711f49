//! `minimize`: a failure is shrunk once more.

use crate::arguments::Minimize;
use crate::exit::{Ended, Exit};
use crate::text::count;

/// Shrinks, and prints the report of what is left. The bundle holds it.
pub(crate) fn minimize(arguments: &Minimize) -> Ended {
    let Minimize {
        which,
        replays,
        time,
        entropy,
    } = arguments;
    let mut variables = vec![
        ("SIMOOM_MINIMIZE", "1".to_owned()),
        ("SIMOOM_SHRINK_REPLAYS", replays.to_string()),
        ("SIMOOM_SHRINK_TIME", format!("{}ns", time.as_nanos())),
        ("SIMOOM_EXPLAIN", "0".to_owned()),
    ];
    if *entropy {
        variables.push(("SIMOOM_SHRINK_ENTROPY", "1".to_owned()));
    }
    let failure = which.pick()?.failure(&variables)?;
    println!("{}\n", failure.report);
    println!(
        "{} before, {} left after {}{}",
        count(failure.raw_deviations, "choice", "choices"),
        failure.deviations,
        count(failure.replays, "replay", "replays"),
        match failure.minimal {
            true => ": none of them can go",
            false => ", when the budget ended it",
        }
    );
    if let Some(bundle) = &failure.bundle {
        println!("bundle {}", bundle.display());
    }
    Ok(Exit::Clean)
}
