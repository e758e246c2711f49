//! Every order of the tasks, in place of seeds.
//!
//! Owns which orders are run and in which sequence: breadth first, by how many choices differ from
//! calm, one after the other. What an alternative does is known once it has run, so that a later one
//! at the same choice need not repeat it. Knows nothing of how a run follows an order.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::config::FIRST_SEED;
use super::progress::Progress;
use super::sweep::{Failed, Sweep, Swept, summary};
use crate::choice::AnchorHash;
use crate::run::Choices;
use crate::strategy::{Explored, Footprint, Learnt, Orders};
use crate::world::faults::merge_entries;

/// An order that is to be run.
struct Pending {
    stored: Vec<(AnchorHash, u64)>,
    /// What need not go on at the last choice, as far as it was known before.
    sleeping: BTreeMap<u64, Footprint>,
    /// The choice at which it parts from the run that it was found in, and the earlier alternatives
    /// there.
    fork: (usize, Vec<u64>),
}

/// Orders that are to be run, and what is known of those that were.
struct Frontier {
    pending: VecDeque<Pending>,
    forks: usize,
    /// What the first step of an alternative did, by fork and task.
    known: BTreeMap<(usize, u64), Footprint>,
    asleep: u64,
}

impl Frontier {
    fn new() -> Self {
        let root = Pending {
            stored: Vec::new(),
            sleeping: BTreeMap::new(),
            fork: (0, Vec::new()),
        };
        Self {
            pending: VecDeque::from([root]),
            forks: 0,
            known: BTreeMap::new(),
            asleep: 0,
        }
    }

    /// The next order, and what is not to be tried in it.
    fn next(&mut self) -> Option<(Pending, Orders)> {
        let mut next = self.pending.pop_front()?;
        let (fork, before) = &next.fork;
        for &task in before {
            if let Some(did) = self.known.get(&(*fork, task)) {
                next.sleeping.insert(task, did.clone());
            }
        }
        let orders = Orders {
            stored: next.stored.clone(),
            sleeping: next.sleeping.clone(),
        };
        Some((next, orders))
    }

    /// Takes in what the run of `ran` has shown, and lists what else is to be run.
    fn grow(&mut self, ran: &Pending, explored: Explored, most: usize) {
        self.asleep += explored.asleep;
        if let Some(&(_, task)) = ran.stored.last() {
            self.known.insert((ran.fork.0, task), explored.first);
        }
        if ran.stored.len() >= most {
            return;
        }
        for point in explored.points {
            self.forks += 1;
            let mut sleeping = point.sleeping;
            let chooses_task = point.calm.is_some();
            sleeping.extend(point.calm);
            let mut before = Vec::new();
            for other in point.others {
                let mut stored = ran.stored.clone();
                stored.push((point.anchor, other));
                self.pending.push_back(Pending {
                    stored,
                    sleeping: sleeping.clone(),
                    fork: (self.forks, before.clone()),
                });
                if chooses_task {
                    before.push(other);
                }
            }
        }
    }
}

impl Sweep<'_> {
    /// Runs one order after the other, up to the first that fails.
    pub(super) fn explore(&self, deviations: Option<u32>, notes: &mut Vec<String>) -> Swept {
        let most = deviations.map_or(usize::MAX, |most| most as usize);
        let mut swept = Swept::default();
        let mut frontier = Frontier::new();
        let progress = Progress::of(self.identity.label(), self.seeds());
        let mut runs = 0;
        let mut depth = 0;
        while runs < self.seeds()
            && let Some((pending, orders)) = frontier.next()
        {
            depth = pending.stored.len();
            let spec = self.spec_of(FIRST_SEED, Choices::Orders(Arc::new(orders)));
            let mut outcome = self.run_quietly(spec.clone());
            progress.count(outcome.time_ns, outcome.failure.is_some());
            swept.ran.summaries.push(summary(spec.seed, &outcome));
            swept.ran.tallies.push(outcome.faults.clone());
            swept.ran.named.add(std::mem::take(&mut outcome.named));
            swept.ran.assertions.add(&outcome.assertions);
            let planned = std::mem::take(&mut outcome.planned);
            merge_entries(&mut swept.ran.planned, planned);
            let index = Some(runs);
            runs += 1;
            if outcome.failure.is_some() {
                swept.failed = Some(Failed {
                    index,
                    spec,
                    outcome,
                    differs: None,
                });
                return swept;
            }
            if let Learnt::Orders(explored) = std::mem::take(&mut outcome.learnt) {
                frontier.grow(&pending, explored, most);
            }
        }
        let left_out = match frontier.asleep {
            0 => String::new(),
            asleep => format!("; {asleep} choices led to an order that is equal to one of them"),
        };
        notes.push(match (frontier.pending.len(), deviations) {
            (0, None) => format!("every order of the tasks was run: {runs} runs{left_out}"),
            (0, Some(most)) => format!(
                "every order of the tasks with at most {most} deviations from calm was run: {runs} \
                 runs{left_out}"
            ),
            (waiting, _) => format!(
                "not every order of the tasks was run: {runs} runs came to orders with {depth} \
                 deviations from calm, and {waiting} that are known were left{left_out}"
            ),
        });
        swept
    }
}
