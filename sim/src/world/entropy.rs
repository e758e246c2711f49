//! What programs draw, made simple where a plan says so.
//!
//! Owns which draws of which tasks are simple, and the count of those that are not. A strategy makes
//! none simple; a plan may. The numbers themselves are those of the intercepted calls.

use std::collections::{BTreeMap, BTreeSet};

use super::World;
use super::choose::{Details, Deviated};
use crate::choice::{
    ChoiceKind, Deviation, Operation, PathHash, PathId, Point, ResourceName, parse_path,
};
use crate::intercept::Draws;

/// The draws of a run.
#[derive(Debug, Default)]
pub(crate) struct Entropy {
    /// Whether all draws are simple.
    everywhere: bool,
    /// From which draw on those of a task are simple, counted from 1, by the hash of its path.
    tasks: BTreeMap<u64, u64>,
    /// Whose draws were simple: 0 for everybody's.
    simplified: BTreeSet<u64>,
    /// How many draws of each task were the seed's, if somebody asks.
    seeded: Option<BTreeMap<PathId, u64>>,
}

impl Entropy {
    /// What `plan` makes simple; `counts`: the rest is to be counted.
    pub(crate) fn of(plan: &[Deviation], counts: bool) -> Self {
        let mut entropy = Self {
            seeded: counts.then(BTreeMap::new),
            ..Self::default()
        };
        for it in plan {
            if it.anchor.kind != ChoiceKind::Entropy {
                continue;
            }
            let from = it.number().filter(|&from| from > 0);
            match (it.anchor.subject.as_str(), from) {
                (_, None) => {}
                ("-", Some(_)) => entropy.everywhere = true,
                (path, Some(from)) => {
                    entropy
                        .tasks
                        .extend(parse_path(path).map(|path| (path.0, from)));
                }
            }
        }
        entropy
    }

    /// What a task of this path has drawn before it begins.
    pub(crate) fn before(&self, path: PathHash) -> Draws {
        let after = match self.tasks.get(&path.0) {
            _ if self.everywhere => 0,
            Some(from) => from - 1,
            None => u64::MAX,
        };
        Draws {
            after,
            ..Draws::NONE
        }
    }

    /// The tasks that drew the seed's numbers, as choices that make all of theirs simple, and how
    /// many these were.
    pub(crate) fn seeded(&self, hash: impl Fn(PathId) -> PathHash) -> Vec<(Deviated, u64)> {
        let seeded = self.seeded.iter().flatten();
        seeded
            .map(|(&path, &count)| (deviated(hash(path).0, Some(path), 1, 0), count))
            .collect()
    }
}

/// That the draws of a task, or of everybody, are simple from the one numbered `from` on.
fn deviated(subject: u64, path: Option<PathId>, from: u64, time_ns: i64) -> Deviated {
    let point = Point {
        subject,
        operation: Operation::DRAW,
        resource: ResourceName::NONE,
        place: None,
        step: 0,
        visit: 0,
    };
    let details = Details {
        subject: path,
        ..Details::default()
    };
    details.deviated(ChoiceKind::Entropy, point, from, time_ns)
}

impl World {
    /// Notes what the running task has drawn since `former`.
    pub(super) fn note_draws(&mut self, former: Draws, draws: Draws) {
        let Some(entry) = self.tasks.current() else {
            return;
        };
        let (path, hash) = (entry.path, entry.hash.0);
        if draws.seeded > former.seeded
            && let Some(seeded) = &mut self.entropy.seeded
        {
            seeded.insert(path, draws.seeded);
        }
        let simple = |draws: Draws| draws.made - draws.seeded;
        if simple(draws) == simple(former) {
            return;
        }
        let (subject, path) = match self.entropy.everywhere {
            true => (0, None),
            false => (hash, Some(path)),
        };
        if self.entropy.simplified.insert(subject) {
            let from = draws.after + 1;
            let deviated = deviated(subject, path, from, self.now_ns);
            self.deviated.push(deviated);
        }
    }
}
