//! Threads that read and write shared cells one step at a time, for asking strategies.
//!
//! Knows nothing of worlds: what a strategy makes of a program is to be seen without one.

use std::collections::BTreeMap;
use std::panic::Location;

use simoom::backend::OpKind;

use crate::choice::{AnchorHash, mix, value};
use crate::strategy::profile::Profiler;
use crate::strategy::{Choose, Doing, Learnt, Look, Profile, Scheduling, Step, Strategy, Thing};

/// Tasks of which nothing is known.
pub(super) const NOTHING: Nothing = Nothing;

pub(super) struct Nothing;

impl Look for Nothing {
    #[track_caller]
    fn doing(&self, rank: usize) -> Doing {
        Doing {
            kin: rank as u64,
            kind: None,
            thing: Thing::NONE,
            writes: false,
            is_contained: false,
            site: Location::caller(),
        }
    }

    fn node(&self, _rank: usize) -> u64 {
        u64::MAX
    }
}

/// What a thread does, one step after the other: the thing, and whether it writes.
type Steps = Vec<(u64, bool)>;

/// A program of threads.
pub(super) struct Toy {
    /// Each thread's steps, by its kin: those of one kin are equal.
    threads: Vec<(u64, Steps)>,
    /// Which thread is spawned by which in its first step, if not all are there at first.
    spawned: Option<(u64, u64)>,
    /// A thread that changes something of its own with each step, beside what it does.
    touching: Option<u64>,
    /// Whether a run that did these steps met the bug.
    bug: fn(&[Did]) -> bool,
}

/// A step that was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Did {
    pub(super) thread: u64,
    pub(super) thing: u64,
    writes: bool,
}

impl Toy {
    /// Threads of different kin, without a bug.
    pub(super) fn of<const N: usize>(threads: [Steps; N]) -> Self {
        Self {
            spawned: None,
            touching: None,
            threads: (1..).zip(threads).collect(),
            bug: |_| false,
        }
    }

    /// The same, but that `child` is there once `parent` has made its first step.
    pub(super) fn spawned(self, parent: u64, child: u64) -> Self {
        Self {
            spawned: Some((parent, child)),
            ..self
        }
    }

    /// The same, but that `thread` changes something of its own with each step.
    pub(super) fn touching(self, thread: u64) -> Self {
        Self {
            touching: Some(thread),
            ..self
        }
    }

    /// Runs it to its end.
    pub(super) fn run(&self, choose: &mut dyn Choose) -> Vec<Did> {
        let mut places: BTreeMap<u64, usize> = (1..=self.threads.len() as u64)
            .map(|thread| (thread, 0))
            .collect();
        for &thread in places.keys() {
            if self.spawned.is_none_or(|(_, child)| thread != child) {
                choose.spawned(0, thread);
            }
        }
        if let Some((_, child)) = self.spawned {
            places.remove(&child);
        }
        let (mut trace, mut last) = (Vec::new(), None);
        while !places.is_empty() {
            let runnable: Vec<u64> = places.keys().copied().collect();
            let doing: Vec<Doing> = (places.iter())
                .map(|(&thread, &place)| self.doing(thread, place))
                .collect();
            let current = last.and_then(|last| runnable.iter().position(|&it| it == last));
            let rank = match runnable.len() {
                1 => 0,
                _ => choose.sched(&Scheduling {
                    anchor: AnchorHash(value(0, 0, trace.len() as u64)),
                    runnable: &runnable,
                    current,
                    calm: current.unwrap_or(0),
                    now_ns: 0,
                    look: &All(&doing),
                }),
            };
            let (thread, did) = (runnable[rank], doing[rank]);
            if choose.listens() {
                let task = thread;
                choose.completed(&Step {
                    task,
                    did,
                    is_beside: false,
                });
                if self.touching == Some(thread) {
                    let thing = Thing(7);
                    choose.completed(&Step {
                        task,
                        did: Doing { thing, ..did },
                        is_beside: true,
                    });
                }
            }
            trace.push(Did {
                thread,
                thing: u64::from(did.thing.0),
                writes: did.writes,
            });
            last = Some(thread);
            let place = places.get_mut(&thread).unwrap();
            *place += 1;
            let is_first = *place == 1;
            if *place == self.threads[thread as usize - 1].1.len() {
                places.remove(&thread);
            }
            if let Some((parent, child)) = self.spawned
                && is_first
                && thread == parent
            {
                choose.spawned(parent, child);
                places.insert(child, 0);
            }
        }
        trace
    }

    /// Whether the run of `seed` meets the bug.
    pub(super) fn meets(&self, seed: u64, strategy: Strategy, profile: &Profile) -> bool {
        (self.bug)(&self.run(&mut *strategy.chooser(seed, profile, u64::MAX)))
    }

    /// What a calm run shows.
    pub(super) fn profile(&self) -> Profile {
        let mut profiler = Profiler::default();
        self.run(&mut profiler);
        match profiler.learnt() {
            Learnt::Profile(profile) => profile,
            other => panic!("{other:?}"),
        }
    }

    fn doing(&self, thread: u64, place: usize) -> Doing {
        let (kin, steps) = &self.threads[thread as usize - 1];
        let (thing, writes) = steps[place];
        Doing {
            kin: mix(*kin, place as u64),
            kind: Some(OpKind::Point),
            thing: Thing(thing as u32),
            writes,
            is_contained: true,
            site: site(2 * thing + u64::from(writes)),
        }
    }
}

/// Tasks of which it is known what they do.
pub(super) struct All<'a>(pub(super) &'a [Doing]);

impl Look for All<'_> {
    fn doing(&self, rank: usize) -> Doing {
        self.0[rank]
    }

    fn node(&self, _rank: usize) -> u64 {
        u64::MAX
    }
}

/// A place for each of a few numbers.
pub(super) fn site(number: u64) -> &'static Location<'static> {
    #[track_caller]
    fn here() -> &'static Location<'static> {
        Location::caller()
    }
    match number {
        0 => here(),
        1 => here(),
        2 => here(),
        3 => here(),
        _ => here(),
    }
}

/// `n` threads set a to 1 and then b to -1; another reads a and then b, and finds a set
/// alone (SCTBench, after Lu and others, ASPLOS 2008).
pub(super) fn reorder(n: usize) -> Toy {
    let setters = vec![(1, vec![(0, true), (1, true)]); n];
    let checker = (2, vec![(0, false), (1, false)]);
    Toy {
        threads: [setters, vec![checker]].concat(),
        spawned: None,
        touching: None,
        bug: |trace| {
            let set = |thing: u64| {
                let read = |did: &Did| !did.writes && did.thing == thing;
                let read = trace.iter().position(read).unwrap();
                trace[..read]
                    .iter()
                    .any(|did| did.writes && did.thing == thing)
            };
            set(0) && !set(1)
        },
    }
}

/// `n` threads set one datum and then, in a second critical section, another that is to follow it;
/// another reads both in two sections and finds the first set, the second not (SCTBench).
pub(super) fn twostage(n: usize) -> Toy {
    let writers = vec![(1, vec![(0, true), (1, true)]); n];
    let reader = (2, vec![(0, true), (1, true)]);
    Toy {
        threads: [writers, vec![reader]].concat(),
        spawned: None,
        touching: None,
        bug: |trace| {
            let reader = trace.iter().map(|did| did.thread).max().unwrap();
            let set = |thing: u64| {
                let read = |did: &Did| did.thread == reader && did.thing == thing;
                let read = trace.iter().position(read).unwrap();
                trace[..read].iter().any(|did| did.thing == thing)
            };
            set(0) && !set(1)
        },
    }
}

/// The mean number of runs until the bug is met, in 30 trials of at most `most`.
pub(super) fn mean_runs(toy: &Toy, strategy: Strategy, most: u64) -> u64 {
    let profile = toy.profile();
    let trials = 30;
    let total: u64 = (0..trials)
        .map(|trial| {
            let seeds = (0..most).map(|run| value(trial, 0x0074_7269_616c, run));
            let meets = |seed| toy.meets(seed, strategy, &profile);
            let met = seeds.map(meets).position(|met| met);
            met.map_or(most, |run| run as u64 + 1)
        })
        .sum();
    total / trials
}
