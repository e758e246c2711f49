//! One run: a seed, a world, and the loop that polls its tasks to the end.
//!
//! Owns the loop and the verdict. Knows nothing of other runs.

use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use simoom::backend::{Ended, Inbox, Message, Schedule, Unpark, spawn_local_in};
use simoom_faults::{Kind, Unit};

use crate::backend::{SimBackend, SpawnFor};
use crate::baton::Worker;
use crate::choice::{Anchor, ChoiceKind, Deviation, Plan, Story};
use crate::intercept::{self, Callers, Escaped};
use crate::kill;
use crate::panics;
use crate::record::{EventKind, Kept, Level, Names, Parted, Watch};
use crate::sim::{Exit, Sim};
use crate::strategy::{Choose, Replay, Strategy};
use crate::stuck::{self, Stuck};
use crate::watchdog::Watched;
use crate::world::failure::{Failure, Seconds, THE_TEST};
use crate::world::faults::{Entry, FaultTally};
use crate::world::node::{self, NodeId, OnFailure};
use crate::world::tasks::{TaskEntry, TaskSlot};
use crate::world::{Deviated, World, each};

/// What one run is made of.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    pub(crate) seed: u64,
    pub(crate) choices: Choices,
    pub(crate) limits: Limits,
    pub(crate) level: Level,
    /// Whether it is to be compared with another run.
    pub(crate) watch: Watch,
}

/// Where the environment's choices come from.
#[derive(Clone, Debug)]
pub(crate) enum Choices {
    Strategy { strategy: Strategy, horizon: u64 },
    Plan(Arc<Plan>),
}

/// When a run is ended by force.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) steps: u64,
    pub(crate) time: Duration,
    /// How long one poll may take in real time; zero: for ever.
    pub(crate) watchdog: Duration,
    /// The most a task is held up before an operation.
    pub(crate) stall: Duration,
}

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) failure: Option<Failure>,
    pub(crate) hash: u128,
    pub(crate) events: u64,
    pub(crate) polls: u64,
    pub(crate) scheduled: u64,
    pub(crate) time_ns: i64,
    /// What differed from calm; empty if a strategy's run passed and is not recorded in full.
    pub(crate) deviations: Vec<Deviation>,
    pub(crate) stuck: Vec<Stuck>,
    /// What a test kept from arriving, if nothing could happen any more.
    pub(crate) stopped: Vec<String>,
    /// Wakes and spawns that came from other threads: their timing is not ours.
    pub(crate) foreign: u64,
    /// The record as text, if it was kept.
    pub(crate) record: Vec<String>,
    /// What the user noted, as text.
    pub(crate) history: Vec<String>,
    /// How often each kind of fault came into question.
    pub(crate) faults: FaultTally,
    /// What became of each fault of its plans.
    pub(crate) planned: Vec<Entry>,
    pub(crate) backtrace: Option<String>,
    /// Threads of blocking closures that could not be unwound and are there for ever.
    pub(crate) lost_threads: u64,
    /// What was kept to compare another run with.
    pub(crate) kept: Option<Box<KeptRun>>,
    /// Where it began to be another run than the one it followed.
    pub(crate) parting: Option<Parting>,
}

/// What was kept of a run, and what its hashes stand for.
#[derive(Debug)]
pub(crate) struct KeptRun {
    pub(crate) kept: Kept,
    names: Names,
}

impl KeptRun {
    /// What the run did after its first `agreed` events, in words; `None` if that was not kept.
    pub(crate) fn tell(&self, agreed: u64) -> Option<String> {
        match self.kept.event(agreed + 1) {
            Some((event, detail)) => Some(self.names.tell(&event, detail.as_ref())),
            None if agreed == self.kept.count() => Some(END.to_owned()),
            None => None,
        }
    }
}

const END: &str = "the run ends";

/// Where two runs of the same choices parted, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parting {
    /// How many events agree.
    pub(crate) agreed: u64,
    /// Whether the next one differs; else a later one does.
    pub(crate) is_exact: bool,
    /// What this run did instead.
    pub(crate) next: String,
    /// The last event that is the same.
    pub(crate) before: Option<String>,
}

impl Parting {
    fn of(parted: &Parted, names: &Names) -> Self {
        let next = match &parted.event {
            Some(event) => names.tell(event, parted.detail.as_ref()),
            None => END.to_owned(),
        };
        let before = parted.before.as_ref();
        Self {
            agreed: parted.agreed,
            is_exact: parted.is_exact,
            next,
            before: before.map(|(event, detail)| names.tell(event, detail.as_ref())),
        }
    }
}

impl Choices {
    fn chooser(&self, seed: u64) -> Box<dyn Choose> {
        match self {
            Self::Strategy { strategy, horizon } => strategy.chooser(seed, *horizon),
            Self::Plan(plan) => Box::new(Replay::of(plan)),
        }
    }
}

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
    let mut world = World::new(
        spec.seed,
        owner.id,
        spec.choices.chooser(spec.seed),
        spec.level,
        &spec.watch,
    );
    world.stall_most_ns = u64::try_from(spec.limits.stall.as_nanos()).unwrap_or(u64::MAX);
    let test = world.node("test");
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
            };
            let verdict = run.run_to_its_end(&foreign);
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
    backend.spawning_for(target, || drop(spawn_local_in(backend, task, place)));
    backend.with(|world| world.tasks.by_birth()[0])
}

struct Run<'a> {
    backend: &'a SimBackend,
    spec: &'a Spec,
    watched: Watched,
    main: TaskSlot,
    polls: u64,
}

/// Where a task ran.
#[derive(Clone, Copy)]
struct Home {
    node: NodeId,
    /// It was the node's main.
    is_main: bool,
}

/// What the loop ended with.
struct Verdict {
    foreign: u64,
    backtrace: Option<String>,
}

impl Run<'_> {
    fn run_to_its_end(&mut self, inbox: &Foreign) -> Verdict {
        let limit_ns = i64::try_from(self.spec.limits.time.as_nanos()).unwrap_or(i64::MAX);
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
                self.moving(
                    |world| world.spend(world.true_length(lead_ns)),
                    &mut verdict,
                );
            }
            // A task's own is known by now: this was done on its behalf, or by a destructor.
            self.take_escaped("code outside of every task", &mut verdict);
            if self.backend.with(|world| world.failure.is_some()) {
                return verdict;
            }
            let next = self.backend.with(|world| {
                let slot = world.next_task()?;
                let task = world.tasks.get_mut(slot)?.task.take()?;
                Some((slot, task))
            });
            let Some((slot, task)) = next else {
                if !self.advance(limit_ns, &mut verdict) {
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
            if self.poll(slot, task, &mut verdict) {
                return verdict;
            }
        }
    }

    /// Moves time on; a waker that panics outside every task fails the run.
    fn advance(&mut self, limit_ns: i64, verdict: &mut Verdict) -> bool {
        self.moving(|world| world.advance(limit_ns), verdict)
            .unwrap_or(true)
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
        self.backend.with(|world| {
            world.tasks.running = Some(slot);
            world.tasks.last_order = world.tasks.order(slot);
            world.last_node = world.current_node();
            if let Some(entry) = world.tasks.get_mut(slot) {
                entry.done = 0;
                entry.yielding = false;
                let (path, drawn) = (entry.hash, entry.drawn);
                let event = world.note(EventKind::TaskPolled, path.0, 0);
                world.because_of(event);
                intercept::publish(world.clocks());
                intercept::begin_poll(path, drawn);
            }
        });
        self.backend.set_running_dead(false);
        let polled = self.watched.poll(|| intercept::simulated(|| task.run()));
        self.backend
            .with(|world| world.note_drawn(intercept::drawn()));
        if intercept::has_escaped() {
            let task = self
                .backend
                .with(|world| world.paths.label(world.current_path()));
            self.take_escaped(&task, verdict);
        }
        let steps = self.spec.limits.steps;
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
            self.backend.while_dead(|| drop(task));
        }
        ended_main
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
        let policy = self
            .backend
            .with(|world| world.nodes[node.0 as usize].on_failure);
        match policy {
            OnFailure::Contain if !is_test => {
                if is_main {
                    let how = ended_by_panic();
                    self.backend.with(|world| world.note_end(node, how));
                }
            }
            OnFailure::KillNode if !is_test => kill::end(self.backend, node, ended_by_panic()),
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
            None => ("a task panicked".to_owned(), String::new(), None),
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
    let message = panics::take().map_or_else(|| "a task panicked".to_owned(), |note| note.message);
    node::Ended::Failed { message }
}

/// Describes how the run ended, then takes the world down.
fn finish(backend: &SimBackend, verdict: Verdict, polls: u64, spec: &Spec) -> Outcome {
    let failure = backend.with(|world| world.failure.clone());
    let (hash, events, time_ns, scheduled) =
        backend.with(|world| (world.hash(), world.events(), world.now_ns, world.scheduled));
    // One run deviates as often as it likes, and what a seed that passed deviated in is nobody's
    // question: writing it down took most of such a run.
    let is_read =
        failure.is_some() || spec.level == Level::Full || matches!(spec.choices, Choices::Plan(_));
    let deviations = if is_read {
        backend.with(|world| describe(world))
    } else {
        Vec::new()
    };
    let wants_stacks = spec.level == Level::Full
        && matches!(
            failure,
            Some(
                Failure::Deadlock
                    | Failure::Paused { .. }
                    | Failure::StepLimit { .. }
                    | Failure::TimeLimit { .. }
            )
        );
    let stuck = if wants_stacks {
        stuck::report(backend)
    } else {
        Vec::new()
    };
    let stopped = match failure {
        Some(Failure::Deadlock) if wants_stacks => backend.with(|world| world.stopped_traffic()),
        _ => Vec::new(),
    };
    let recorded = backend.with(World::take_record).into_recorded();
    let tells = recorded.kept.is_some() || recorded.parted.is_some();
    let names = if spec.level == Level::Full || tells {
        backend.with(|world| world.names())
    } else {
        Names::default()
    };
    let record = names.lines(&recorded.events);
    let parted = recorded.parted.as_ref();
    let parting = parted.map(|parted| Parting::of(parted, &names));
    let kept = (recorded.kept).map(|kept| Box::new(KeptRun { kept, names }));
    let (faults, planned) = backend.with(|world| {
        let faults = std::mem::take(&mut world.faults.tally);
        (faults, world.faults.take_entries())
    });
    let history = backend.with(|world| std::mem::take(&mut world.history));
    let history = history
        .into_iter()
        .map(|(time_ns, who, text)| format!("{:>9}  {who}: {text}", Seconds(time_ns).to_string()))
        .collect();
    tear_down(backend);
    Outcome {
        failure,
        hash,
        events,
        polls,
        scheduled,
        time_ns,
        deviations,
        stuck,
        stopped,
        foreign: verdict.foreign,
        record,
        history,
        faults,
        planned,
        backtrace: verdict.backtrace,
        kept,
        parting,
        lost_threads: backend.lost_threads(),
    }
}

/// Drops every task, newest first, in the dead context.
fn tear_down(backend: &SimBackend) {
    loop {
        let doomed = backend.with(|world| {
            let mut doomed = Vec::new();
            for slot in world.tasks.by_birth().into_iter().rev() {
                doomed.extend(world.remove_task(slot));
            }
            doomed
        });
        if doomed.is_empty() {
            break;
        }
        kill::drop_dead(backend, doomed);
    }
    let idle = backend.with(|world| {
        let nodes = (0..world.nodes.len() as u16).map(NodeId);
        nodes
            .flat_map(|node| world.clear_pool(node))
            .collect::<Vec<_>>()
    });
    idle.into_iter().for_each(Worker::end);
    let messages = backend.claim().close();
    let (wakers, boots) = backend.with(World::take_leftovers);
    backend.while_dead(|| {
        let _ = each(messages, drop);
        let _ = each(wakers, drop);
        let _ = each(boots, drop);
    });
}

/// The deviations in the form in which they are stored.
fn describe(world: &World) -> Vec<Deviation> {
    let resources = world.resources.texts(&world.paths);
    let text = |deviated: &Deviated| {
        let resource = match deviated.point.resource {
            crate::choice::ResourceName::NONE => "-".to_owned(),
            name => resources
                .get(&name)
                .cloned()
                .unwrap_or_else(|| "-".to_owned()),
        };
        let subject = match deviated.kind {
            ChoiceKind::Delay | ChoiceKind::Short => "-".to_owned(),
            _ => deviated
                .subject
                .map_or("-".to_owned(), |path| world.paths.text(path)),
        };
        let value = match deviated.chosen {
            Some(path) => world.paths.text(path),
            None => deviated.value.to_string(),
        };
        let anchor = Anchor {
            kind: deviated.kind,
            subject,
            operation: deviated.point.operation.name.to_owned(),
            resource,
            step: deviated.point.step,
            visit: deviated.point.visit,
        };
        let story = Story {
            time_ns: deviated.time_ns,
            text: story(world, deviated),
        };
        Deviation {
            anchor,
            value,
            story,
        }
    };
    world.deviated.iter().map(text).collect()
}

/// How big a fault was, with its unit.
fn size(kind: &str, value: u64) -> String {
    match kind.parse().map(Kind::unit) {
        Ok(Unit::Nanoseconds) => {
            let word = match kind.split('.').next() {
                Some("clock") => "by",
                _ => "for",
            };
            match value {
                ..1_000_000 => format!(", {word} {} us", value.div_ceil(1_000)),
                _ => format!(
                    ", {word} {}",
                    Seconds(i64::try_from(value).unwrap_or(i64::MAX))
                ),
            }
        }
        Ok(Unit::Bytes) => format!("  {value} B"),
        Ok(Unit::PartsPerMillion) => format!("  {value} ppm"),
        _ => String::new(),
    }
}

/// What a deviation did, for people.
fn story(world: &World, deviated: &Deviated) -> String {
    let label = |path: Option<crate::choice::PathId>| {
        path.map_or_else(String::new, |path| world.paths.label(path))
    };
    let operation = deviated.point.operation.name;
    let site = deviated.site.map_or_else(String::new, |site| {
        format!(" at {}:{}", site.file(), site.line())
    });
    let (subject, chosen) = (label(deviated.subject), label(deviated.chosen));
    let link = || world.link_label(deviated.point.resource);
    let (step, value) = (deviated.point.step, deviated.value);
    let (what, how) = match deviated.kind {
        ChoiceKind::Sched if deviated.preempted => (
            "task.preempted".to_owned(),
            format!("{subject} before {operation}{site}; {chosen} goes on"),
        ),
        ChoiceKind::Sched => (
            "task.chosen".to_owned(),
            format!("{chosen} after {subject}"),
        ),
        ChoiceKind::Pick => (
            "select.started".to_owned(),
            format!("{subject} looks at branch {value} first{site}"),
        ),
        ChoiceKind::Delay if world.resources.thing(deviated.point.resource).is_some() => {
            let thing = world.resources.thing(deviated.point.resource);
            (
                format!("disk.{operation}.late"),
                format!(
                    "{} {operation} {step}, by {} us",
                    thing.unwrap_or_default(),
                    value / 1_000
                ),
            )
        }
        ChoiceKind::Delay => (
            format!("net.{operation}.late"),
            format!("{} {operation} {step}, by {} us", link(), value / 1_000),
        ),
        ChoiceKind::Stall => (
            "task.stalled".to_owned(),
            format!(
                "{subject} before {operation}{site}, for {} us",
                value / 1_000
            ),
        ),
        ChoiceKind::Short => (
            format!("net.{operation}.short"),
            format!("{} {operation} {step}, by {value} bytes", link()),
        ),
        ChoiceKind::Fault => {
            let thing = world.resources.thing(deviated.point.resource);
            let thing = match thing {
                Some(thing) => thing.to_owned(),
                None if operation == Kind::NetSegmentLost.name() => {
                    format!("{} segment {step}", link())
                }
                None => link().trim_end_matches(',').to_owned(),
            };
            (
                operation.to_owned(),
                format!("{thing}{}", size(operation, value)),
            )
        }
    };
    format!("{what:<17}  {how}")
}

#[cfg(test)]
mod tests;
