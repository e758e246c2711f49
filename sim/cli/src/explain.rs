//! `explain`: why a failure happens, at length.

use crate::arguments::Explain;
use crate::exit::{Ended, Exit};

/// Explains, and prints all of it.
pub(crate) fn explain(arguments: &Explain) -> Ended {
    let Explain { which, runs, time } = arguments;
    let failure = which.pick()?.failure(&[
        ("SIMOOM_EXPLAIN_RUNS", runs.to_string()),
        ("SIMOOM_EXPLAIN_TIME", format!("{}ns", time.as_nanos())),
    ])?;
    println!("{}\n", failure.message);
    for line in &failure.story {
        println!("{line}");
    }
    match failure.explanation.trim_end() {
        "" => println!("\nnothing was found out: {}", failure.confirmed),
        explanation => println!("\n{explanation}"),
    }
    Ok(Exit::Clean)
}
