//! Every order of the tasks, in place of seeds.
//!
//! Owns which orders are run and in which sequence: breadth first, by how many choices differ from
//! calm, one after the other. What an alternative does is known once it has run, so that a later one
//! at the same choice need not repeat it. Where orders are bounded, it does so all the same: what it
//! equals may have more deviations than the bound (Coons, Musuvathi, McKinley, OOPSLA 2013). Knows
//! nothing of how a run follows an order.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use super::config::FIRST_SEED;
use super::progress::Progress;
use super::sweep::{Failed, Sweep, Swept, foreign_note, lost_note, summary};
use crate::choice::AnchorHash;
use crate::record::Watch;
use crate::run::Choices;
use crate::strategy::{Explored, Footprint, Learnt, Orders};
use crate::world::faults::merge_entries;

/// An order that is to be run.
struct Pending {
    stored: Vec<(AnchorHash, u64)>,
    /// The choice at which it parts from the run that it was found in.
    fork: Rc<RefCell<Fork>>,
}

/// A choice that could have gone otherwise.
#[derive(Default)]
struct Fork {
    /// What need not go on after another alternative: what was known before, and what the
    /// alternatives that were run did.
    sleeping: BTreeMap<u64, Footprint>,
    /// Whether a task is chosen.
    is_of_tasks: bool,
}

/// Orders that are to be run, and what is known of those that were.
struct Frontier {
    pending: VecDeque<Pending>,
    /// The most deviations that an order may have.
    most: Option<usize>,
    /// How many are not kept, since there are more than will be run.
    beyond: u64,
    asleep: u64,
    /// Some orders are not known: a run was too long to list them, or did not go as it was told.
    is_cut: bool,
}

impl Frontier {
    fn new(most: Option<u32>) -> Self {
        let root = Pending {
            stored: Vec::new(),
            fork: Rc::default(),
        };
        Self {
            pending: VecDeque::from([root]),
            most: most.map(|most| most as usize),
            beyond: 0,
            asleep: 0,
            is_cut: false,
        }
    }

    /// The next order, and what is not to be tried in it.
    fn next(&mut self) -> Option<(Pending, Orders)> {
        let next = self.pending.pop_front()?;
        let mut sleeping = BTreeMap::new();
        if self.most.is_none() {
            sleeping.clone_from(&next.fork.borrow().sleeping);
        }
        let stored = next.stored.clone();
        Some((
            next,
            Orders {
                base: None,
                stored,
                sleeping,
            },
        ))
    }

    /// Takes in what the run of `ran` has shown, and lists what else is to be run, of which no more
    /// than `room` will be.
    fn grow(&mut self, ran: &Pending, explored: Explored, room: u64) {
        self.asleep += explored.asleep;
        self.is_cut |= explored.is_cut;
        if let Some(&(_, task)) = ran.stored.last() {
            let mut fork = ran.fork.borrow_mut();
            if fork.is_of_tasks {
                fork.sleeping.insert(task, explored.first);
            }
        }
        if self.most.is_some_and(|most| ran.stored.len() >= most) {
            return;
        }
        for point in explored.points {
            let mut sleeping = point.sleeping;
            let is_of_tasks = point.calm.is_some();
            sleeping.extend(point.calm);
            let fork = Rc::new(RefCell::new(Fork {
                sleeping,
                is_of_tasks,
            }));
            for other in point.others {
                if self.pending.len() as u64 >= room {
                    self.beyond += 1;
                    continue;
                }
                let mut stored = ran.stored.clone();
                stored.push((point.anchor, other));
                let fork = Rc::clone(&fork);
                self.pending.push_back(Pending { stored, fork });
            }
        }
    }

    /// How far `runs` runs came, the last of them of orders with `depth` deviations.
    fn said(&self, runs: u64, depth: usize) -> String {
        let left_out = match self.asleep {
            0 => String::new(),
            asleep => format!("; {asleep} choices led to an order that is equal to one of them"),
        };
        let left = self.pending.len() as u64 + self.beyond;
        match (left, self.most) {
            (0, _) if self.is_cut => format!(
                "not every order of the tasks was run: {runs} runs, of which some made more choices \
                 than are kept, or did not follow their order{left_out}"
            ),
            (0, None) => format!("every order of the tasks was run: {runs} runs{left_out}"),
            (0, Some(most)) => format!(
                "every order of the tasks with at most {most} deviations from calm was run: {runs} \
                 runs"
            ),
            (left, _) => format!(
                "not every order of the tasks was run: {runs} runs came to orders with {depth} \
                 deviations from calm, and {left} that are known were left{left_out}"
            ),
        }
    }
}

impl Sweep<'_> {
    /// Runs one order after the other, up to the first that fails.
    pub(super) fn explore(&self, deviations: Option<u32>, notes: &mut Vec<String>) -> Swept {
        let mut swept = Swept::default();
        let mut frontier = Frontier::new(deviations);
        let progress = Progress::of(self.identity.label(), self.seeds());
        let (mut runs, mut depth) = (0, 0);
        let (mut foreign, mut lost) = (0, 0);
        while runs < self.seeds()
            && let Some((pending, orders)) = frontier.next()
        {
            depth = pending.stored.len();
            let mut spec = self.spec_of(FIRST_SEED, Choices::Orders(Arc::new(orders)));
            let is_doubled = self.config.doubled > 0 && runs.is_multiple_of(self.config.doubled);
            if is_doubled {
                spec.watch = Watch::Keep { from: 0 };
            }
            let mut outcome = self.run_quietly(spec.clone());
            let kept = outcome.kept.take();
            let differs = match &kept {
                Some(kept) if outcome.failure.is_none() => self.differs(&spec, &outcome, kept),
                _ => None,
            };
            let fails = outcome.failure.is_some() || differs.is_some();
            progress.count(outcome.time_ns, fails);
            swept.doubled += u64::from(is_doubled && !fails);
            swept.ran.summaries.push(summary(spec.seed, &outcome));
            swept.ran.tallies.push(outcome.faults.clone());
            swept.ran.named.add(std::mem::take(&mut outcome.named));
            swept.ran.assertions.add(&outcome.assertions);
            let planned = std::mem::take(&mut outcome.planned);
            merge_entries(&mut swept.ran.planned, planned);
            foreign += outcome.foreign;
            lost += outcome.lost_threads;
            let index = Some(runs);
            runs += 1;
            if fails {
                swept.failed = Some(Failed {
                    index,
                    spec,
                    outcome,
                    differs,
                });
                break;
            }
            if let Learnt::Orders(explored) = std::mem::take(&mut outcome.learnt) {
                frontier.grow(&pending, explored, self.seeds() - runs);
            }
        }
        notes.extend(foreign_note(foreign));
        notes.extend(lost_note(lost));
        if swept.failed.is_none() {
            notes.push(frontier.said(runs, depth));
        }
        swept
    }
}
