//! The loop that polls the tasks of a world to the end.
//!
//! Owns the order of what happens between two polls. Knows nothing of other runs, nor of how a run
//! is described afterwards.

use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use simoom::backend::{Ended, Inbox, Message, Schedule, Unpark, spawn_local_in};

use super::finish::finish;
use super::outcome::Outcome;
use super::spec::{Spec, Stop};
use crate::backend::{SimBackend, SpawnFor};
use crate::intercept::{self, Callers, Escaped};
use crate::kill;
use crate::panics;
use crate::record::EventKind;
use crate::sim::{Exit, Sim};
use crate::watchdog::Watched;
use crate::world::World;
use crate::world::alive::Alive;
use crate::world::cancels::Cancels;
use crate::world::failure::{Failure, THE_TEST};
use crate::world::node::{self, Left, NodeId, OnFailure};
use crate::world::tasks::{TaskEntry, TaskSlot};

/// Counts foreign wakes; the run never waits for one, so nobody is to be woken.
#[derive(Default)]
struct Foreign(AtomicU64);

impl Unpark for Foreign {
    fn unpark(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Runs `main` in a world of its own, on this thread.
pub(crate) fn run<F, M>(spec: &Spec, place: &'static Location<'static>, main: M) -> Outcome
where
    M: FnOnce(Sim) -> F,
    F: Future + 'static,
    F::Output: Exit,
{
    intercept::during(spec.seed, || run_here(spec, place, main))
}

fn run_here<F, M>(spec: &Spec, place: &'static Location<'static>, main: M) -> Outcome
where
    M: FnOnce(Sim) -> F,
    F: Future + 'static,
    F::Output: Exit,
{
    let foreign = Arc::new(Foreign::default());
    let claim = Inbox::open(foreign.clone());
    let owner = claim.owner();
    let _alive = Alive::new(owner.id);
    let mut world = World::new(
        spec.seed,
        owner.id,
        spec.choices.chooser(spec.seed, spec.limits.steps),
        spec.level,
        &spec.watch,
    );
    world.stall_most_ns = u64::try_from(spec.limits.stall.as_nanos()).unwrap_or(u64::MAX);
    world.orders = spec.lists_others.then(Vec::new);
    world.spared = spec.lists_others.then(Vec::new);
    world.entropy = spec.entropy();
    if let Some(plan) = &spec.faults {
        world.follow_instead(plan.clone());
    }
    if let Some(cancelling) = spec.cancelling() {
        world.cancels = Cancels::of(&cancelling);
    }
    let test = world.node("test");
    if let Some(leaks) = &spec.leaks {
        world.look_for_leaks(leaks.clone());
    }
    if let Some(cancels) = spec.cancels.as_ref().filter(|it| it.counts) {
        let denied = cancels.denied.as_ref();
        world.count_remains(denied.and_then(|it| it.deny.settles()));
    }
    debug_assert_eq!(test, NodeId::TEST, "the test runs on the first node");
    let backend = SimBackend::new(world, claim);
    panics::capture(|| {
        simoom::backend::enter(&*backend, Some(backend.claim()), || {
            let main = main(Sim::new(owner.id));
            let slot = start(&backend, place, main);
            let mut run = Run {
                backend: &backend,
                spec,
                watched: Watched::start(spec.seed, spec.limits.watchdog),
                main: slot,
                polls: 0,
                settle_until_ns: i64::MAX,
                settle_polls: u64::MAX,
            };
            let verdict = run.run_to_its_end(&foreign);
            backend.end_watch();
            finish(&backend, verdict, run.polls, spec)
        })
    })
}

/// Spawns the test's own task.
fn start<F>(backend: &SimBackend, place: &'static Location<'static>, main: F) -> TaskSlot
where
    F: Future + 'static,
    F::Output: Exit,
{
    let task = async move {
        if let Err(message) = main.await.exit() {
            SimBackend::current(|backend| {
                if let Some(backend) = backend {
                    let failure = Failure::Error {
                        node: THE_TEST.to_owned(),
                        message,
                    };
                    backend.with(|world| world.fail(failure));
                }
            });
        }
    };
    let target = SpawnFor {
        node: NodeId::TEST,
        name: Some("main"),
    };
    backend.spawning_for(target, || drop(spawn_local_in(backend, task, place.into())));
    backend.with(|world| world.tasks.by_birth()[0])
}

struct Run<'a> {
    backend: &'a SimBackend,
    spec: &'a Spec,
    watched: Watched,
    main: TaskSlot,
    polls: u64,
    /// Until when what is under way may end, once the test has returned.
    settle_until_ns: i64,
    settle_polls: u64,
}

/// Where a task ran.
#[derive(Clone, Copy)]
struct Home {
    node: NodeId,
    /// It was the node's main.
    is_main: bool,
}

/// What the loop ended with.
pub(super) struct Verdict {
    pub(super) foreign: u64,
    pub(super) backtrace: Option<String>,
}

impl Run<'_> {
    fn run_to_its_end(&mut self, inbox: &Foreign) -> Verdict {
        let mut limit_ns = i64::try_from(self.spec.limits.time.as_nanos()).unwrap_or(i64::MAX);
        if let Some(Stop::Time(time_ns)) = self.spec.stop {
            limit_ns = limit_ns.min(time_ns);
        }
        let mut verdict = Verdict {
            foreign: 0,
            backtrace: None,
        };
        loop {
            if inbox.0.swap(0, Ordering::Relaxed) > 0 {
                verdict.foreign += self.receive();
            }
            let lead_ns = intercept::absorb_lead();
            if lead_ns > 0 {
                self.catch_up(lead_ns, &mut verdict);
            }
            // A task's own is known by now: this was done on its behalf, or by a destructor.
            self.take_escaped("code outside of every task", &mut verdict);
            if self.backend.with(|world| world.failure.is_some()) {
                return verdict;
            }
            let is_spent = self.polls >= self.settle_polls;
            let next = self.backend.with(|world| {
                if is_spent {
                    return None;
                }
                let slot = world.next_task()?;
                let task = world.tasks.get_mut(slot)?.task.take()?;
                Some((slot, task))
            });
            let Some((slot, task)) = next else {
                if is_spent || !self.advance(limit_ns.min(self.settle_until_ns), &mut verdict) {
                    if self.is_settling() {
                        self.judge_leaks();
                        return verdict;
                    }
                    self.backend.with(|world| {
                        let failure = match world.timers.next_deadline() {
                            Some(_) => Failure::TimeLimit { limit_ns },
                            None => world.deadlock(),
                        };
                        world.fail(failure);
                    });
                    return verdict;
                }
                continue;
            };
            if self.poll(slot, task, &mut verdict) && !self.settles() {
                return verdict;
            }
        }
    }

    /// Whether the run goes on although the test has returned, so that what is under way ends.
    fn settles(&mut self) -> bool {
        let settling = self.backend.with(|world| {
            let settle_ns = world.settle_ns().filter(|_| world.failure.is_none())?;
            Some(world.now_ns.saturating_add(settle_ns))
        });
        let Some(until_ns) = settling else {
            return false;
        };
        // What never ends by itself, nor waits, is none of what is under way.
        self.settle_polls = self.polls.saturating_add(SETTLE_POLLS);
        self.settle_until_ns = until_ns;
        // Its slot may be given to another.
        self.main = TaskSlot(u32::MAX);
        true
    }

    fn is_settling(&self) -> bool {
        self.settle_polls < u64::MAX
    }

    /// Fails the run if something is left behind.
    fn judge_leaks(&self) {
        self.backend.with(|world| {
            let leaks = world.leaks();
            if !leaks.is_empty() {
                world.fail(Failure::Leaked { leaks });
            }
        });
    }

    /// Moves time on; a waker that panics outside every task fails the run.
    fn advance(&self, limit_ns: i64, verdict: &mut Verdict) -> bool {
        let moving = || self.moving(|world| world.advance(limit_ns), verdict);
        self.backend.io_wait(moving).unwrap_or(true)
    }

    /// Lets the time pass that a task has taken, `lead_ns` on its node's clock.
    ///
    /// What is due meanwhile happens at its moment, with all that follows from it: a node that a
    /// fault kills is dead from then on.
    fn catch_up(&self, lead_ns: i64, verdict: &mut Verdict) {
        let until_ns = self
            .backend
            .with(|world| world.now_ns.saturating_add(world.true_length(lead_ns)));
        while let Some(true) = self.moving(|world| world.catch_up(until_ns), verdict) {}
        self.backend.with(|world| world.pass_until(until_ns));
    }

    /// Changes the world by what wakes tasks; `None` after a panic, which fails the run.
    fn moving<R>(&self, change: impl FnOnce(&mut World) -> R, verdict: &mut Verdict) -> Option<R> {
        panics::forget();
        let change = || self.backend.with(change);
        let changed = catch_unwind(AssertUnwindSafe(change)).ok();
        if changed.is_none() {
            self.fail_with_panic("a waker".to_owned(), verdict);
        }
        kill::carry_out(self.backend);
        changed
    }

    /// Fails the run if something was done outside of it.
    fn take_escaped(&self, task: &str, verdict: &mut Verdict) {
        let Some(escaped) = intercept::take_escaped() else {
            return;
        };
        let Escaped {
            escape,
            call,
            argument,
            stack,
        } = escaped;
        let Callers { place, frames } = Callers::of(call, &stack.to_string());
        verdict.backtrace = Some(frames.join("\n"));
        let call = match argument {
            Some(argument) => format!("{call} of {argument}"),
            None => call.to_owned(),
        };
        let task = task.to_owned();
        self.backend.with(|world| {
            world.fail_first(Failure::Escaped {
                escape,
                call,
                task,
                place,
            });
        });
    }

    /// Polls one task; true if the test has ended.
    fn poll(&mut self, slot: TaskSlot, task: simoom::backend::Task, verdict: &mut Verdict) -> bool {
        self.polls += 1;
        panics::forget();
        let mut is_cancelled = false;
        self.backend.with(|world| {
            world.tasks.running = Some(slot);
            world.tasks.last_order = world.tasks.order(slot);
            world.last_node = world.current_node();
            if let Some(entry) = world.tasks.get_mut(slot) {
                entry.done = 0;
                entry.polls += 1;
                entry.is_cut = false;
                entry.yielding = false;
                let (path, drawn, draws) = (entry.hash, entry.drawn, entry.draws);
                let event = world.note(EventKind::TaskPolled, path.0, 0);
                world.because_of(event);
                world.polls(task.view().resource());
                intercept::publish(world.clocks());
                intercept::begin_poll(path, drawn, draws);
            }
            is_cancelled = world.cancels_woken();
        });
        self.backend.set_running_dead(false);
        self.backend.set_running(&task);
        self.backend.publish_watched();
        let mut polled = Poll::Pending;
        if !is_cancelled {
            polled = self.watched.poll(|| intercept::simulated(|| task.run()));
            let is_pending = polled.is_pending();
            is_cancelled = self.backend.with(|world| {
                world.note_drawn(intercept::drawn(), intercept::draws());
                is_pending && world.cancels_waiting()
            });
        }
        if is_cancelled {
            polled = self.cancel(&task);
        }
        if intercept::has_escaped() {
            let task = self
                .backend
                .with(|world| world.paths.label(world.current_path()));
            self.take_escaped(&task, verdict);
        }
        let steps = match self.spec.stop {
            Some(Stop::Step(step)) => step.saturating_sub(1),
            _ => self.spec.limits.steps,
        };
        let polls = self.polls;
        let (doomed, home, dead) = self.backend.with(|world| {
            if polls > steps {
                world.fail(Failure::StepLimit { steps });
            }
            let dead = world.is_running_dead();
            let node = world.current_node();
            let is_main = world.nodes[node.0 as usize].main == Some(slot);
            let home = Home { node, is_main };
            match polled {
                Poll::Pending if !dead => {
                    if let Some(entry) = world.tasks.get_mut(slot) {
                        entry.task = Some(task);
                    }
                    world.tasks.running = None;
                    world.last = Some(slot);
                    (None, home, dead)
                }
                _ => {
                    let how = match polled {
                        Poll::Ready(how) => how as u64,
                        Poll::Pending => Ended::Cancelled as u64,
                    };
                    let ended = world.ended(task.view().resource());
                    let how = how | ended << 8;
                    (Some((self.retire(world, slot, how), task)), home, dead)
                }
            }
        });
        let Some((entry, task)) = doomed else {
            return false;
        };
        let ended_main = slot == self.main;
        let panicked = match polled {
            Poll::Ready(Ended::Panicked) => true,
            // The destructors of an aborted task can panic too.
            Poll::Ready(Ended::Cancelled) => panics::any(),
            _ => false,
        };
        // What a killed task still does in its last poll is without effect.
        if panicked && !dead {
            self.task_panicked(&entry, home, ended_main, verdict);
        }
        if polled.is_ready() {
            drop(task);
        } else {
            kill::drop_running(self.backend, &entry, task);
        }
        ended_main
    }

    /// Drops the running task where it waits, as if it had been aborted.
    fn cancel(&self, task: &simoom::backend::Task) -> Poll<Ended> {
        // What it caught itself is nobody's business.
        panics::forget();
        self.backend.with(World::cancel_begins);
        self.watched.poll(|| intercept::simulated(|| task.cancel()));
        self.backend.with(|world| {
            world.note_drawn(intercept::drawn(), intercept::draws());
            world.cancel_ends();
        });
        Poll::Ready(Ended::Cancelled)
    }

    /// Takes a task that has ended out of the world.
    fn retire(&self, world: &mut World, slot: TaskSlot, how: u64) -> TaskEntry {
        let entry = world
            .remove_task(slot)
            .expect("the running task is in the table");
        world.note(EventKind::TaskFinished, entry.hash.0, how);
        world.last = None;
        world.last_path = entry.path;
        world.idle_visits = 0;
        entry
    }

    fn task_panicked(&self, entry: &TaskEntry, home: Home, is_test: bool, verdict: &mut Verdict) {
        let Home { node, is_main } = home;
        let policy = self.backend.with(|world| {
            if is_main && !is_test {
                let message = panics::last_message().unwrap_or_else(|| NO_MESSAGE.to_owned());
                world.note_exit(node, Left::Panicking(&message));
            }
            world.nodes[node.0 as usize].on_failure
        });
        match policy {
            OnFailure::Contain if !is_test => {
                if is_main {
                    let how = ended_by_panic();
                    self.backend.with(|world| world.note_end(node, how));
                }
            }
            OnFailure::KillNode if !is_test => kill::end(self.backend, node, ended_by_panic()),
            OnFailure::Restart { after, at_most } if !is_test => {
                kill::end(self.backend, node, ended_by_panic());
                let restart = |world: &mut World| world.restart_later(node, after, at_most);
                self.backend.with(restart);
            }
            _ => {
                let task = self.backend.with(|world| world.paths.label(entry.path));
                self.fail_with_panic(task, verdict);
            }
        }
    }

    /// Fails the run with the last panic of this thread.
    fn fail_with_panic(&self, task: String, verdict: &mut Verdict) {
        let (message, location, backtrace) = match panics::take() {
            Some(note) => (note.message, note.location, note.backtrace),
            None => (NO_MESSAGE.to_owned(), String::new(), None),
        };
        if self.backend.with(|world| world.failure.is_some()) {
            // What failed first may have caused this.
            return;
        }
        verdict.backtrace = backtrace;
        self.backend.with(|world| {
            world.fail(Failure::Panic {
                message,
                location,
                task,
            });
        });
    }

    /// Takes in what other threads sent, and returns how much.
    fn receive(&self) -> u64 {
        let mut messages = Vec::new();
        self.backend.claim().receive(&mut messages);
        let count = messages.len() as u64;
        for message in messages {
            match message {
                Message::Wake(woken) => woken.receive(|task| self.backend.schedule(task)),
                Message::Spawn(task) => self.backend.spawn(task.into_task()),
            }
        }
        count
    }
}

/// How a process ends that panics, with the last panic of this thread.
fn ended_by_panic() -> node::Ended {
    let message = panics::take().map_or_else(|| NO_MESSAGE.to_owned(), |note| note.message);
    node::Ended::Failed { message }
}

/// So many polls end what is under way once the test has returned, or it is none.
const SETTLE_POLLS: u64 = 10_000;

/// What is said of a panic that left no message.
const NO_MESSAGE: &str = "a task panicked";
