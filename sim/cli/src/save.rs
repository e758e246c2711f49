//! `save`: a failure is kept beside the sources.

use crate::arguments::Save;
use crate::bundle;
use crate::exit::{Ended, Exit, Stopped};
use crate::pick;
use crate::plans::Plans;

/// Replays, so that nothing is saved that does not fail, and adds the plan to those that are kept.
pub(crate) fn save(arguments: &Save) -> Ended {
    let plan = bundle::plan_of(&arguments.bundle)?;
    let picked = pick::plan(&plan, &arguments.build)?;
    let mut found = Plans::load(&plan)?;
    let failure = picked.failure(&[("SIMOOM_EXPLAIN", "0".to_owned())])?;
    let Some(path) = failure.saved_at else {
        return Err(Stopped::missing(format!(
            "{} has no place for its failures",
            picked.test.id()
        )));
    };
    let mut kept = match path.exists() {
        true => Plans::load(&path)?,
        false => Plans::default(),
    };
    kept.owner = failure.owner.or(kept.owner);
    let mut is_replaced = false;
    for plan in found.plans.drain(..) {
        is_replaced |= kept.add(&plan);
    }
    kept.write(&path)
        .map_err(|error| Stopped::missing(format!("{}: {error}", path.display())))?;
    println!(
        "{} {}; `cargo test` replays it before new seeds",
        match is_replaced {
            true => "replaced in",
            false => "saved in",
        },
        path.display()
    );
    Ok(Exit::Clean)
}
