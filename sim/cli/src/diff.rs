//! `diff`: where two runs part.

use crate::arguments::Diff;
use crate::bundle::record_of;
use crate::exit::{Ended, Exit, Stopped};
use crate::pick;
use crate::text::grouped;

/// Compares two records, or a failure with the nearest run that passes.
pub(crate) fn diff(arguments: &Diff) -> Ended {
    let Some(two) = &arguments.two else {
        return with_passing(arguments);
    };
    let (one_text, two_text) = (record_of(&arguments.one)?, record_of(two)?);
    let one: Vec<_> = one_text.lines().collect();
    let other: Vec<_> = two_text.lines().collect();
    match part(&one, &other, arguments.context) {
        None => {
            println!("the same run: {} events", grouped(one.len() as u64));
            Ok(Exit::Clean)
        }
        Some(lines) => {
            println!("--- {}\n+++ {}", arguments.one.display(), two.display());
            println!("{}", lines.join("\n"));
            Ok(Exit::Differ)
        }
    }
}

fn with_passing(arguments: &Diff) -> Ended {
    let picked = pick::plan(&arguments.one, &arguments.build)?;
    let failure = picked.failure(&[])?;
    match failure.difference {
        Some(difference) => {
            println!("{difference}");
            Ok(Exit::Differ)
        }
        None => Err(Stopped::missing(format!(
            "no run of {} was found that passes and is near to this one",
            picked.test.id()
        ))),
    }
}

/// The first event that differs, with those around it; nothing if there is none.
pub(crate) fn part(one: &[&str], two: &[&str], context: usize) -> Option<Vec<String>> {
    let pairs = one.iter().zip(two);
    let agreed = pairs.take_while(|(one, two)| one == two).count();
    if agreed == one.len() && agreed == two.len() {
        return None;
    }
    let mut lines = vec![format!(
        "the first {} events are the same; event {} differs:",
        grouped(agreed as u64),
        grouped(agreed as u64 + 1)
    )];
    let before = &one[agreed.saturating_sub(context)..agreed];
    lines.extend(before.iter().map(|line| format!("  {line}")));
    for (sign, run) in [('-', one), ('+', two)] {
        let after = run.iter().skip(agreed).take(context.saturating_add(1));
        lines.extend(after.map(|line| format!("{sign} {line}")));
        if run.len() == agreed {
            lines.push(format!("{sign} the run ends"));
        }
    }
    Some(lines)
}

#[cfg(test)]
mod tests;
