//! The state of one simulated world: tasks, clocks, nodes, a network, and what happened so far.
//!
//! State, not policy: who runs next is the strategy's answer, what a failure means is the run's.
//! Nothing in here calls foreign code. Wakers to wake and to drop are put into [`Effects`] and
//! handled by the caller once the world is released.

pub(crate) mod alive;
pub(crate) mod assertions;
pub(crate) mod cancels;
mod choose;
mod clock;
mod effects;
pub(crate) mod entropy;
pub(crate) mod failure;
pub(crate) mod faults;
pub(crate) mod files;
pub(crate) mod framing;
mod leaks;
mod listing;
pub(crate) mod locks;
mod names;
pub(crate) mod net;
pub(crate) mod node;
mod pause;
pub(crate) mod pool;
pub(crate) mod processes;
pub(crate) mod remains;
pub(crate) mod resources;
mod sheets;
pub(crate) mod sight;
mod signals;
mod steps;
pub(crate) mod streams;
pub(crate) mod tasks;
mod work;

use std::panic::Location;

use simoom::backend::TimerQueue;
use simoom::time::Instant;
use simoom_faults::Kind;

use crate::choice::{ChoiceKind, PathId, Paths, Point, ResourceName, hash_text};
use crate::intercept::{self, Clocks, Draws};
use crate::record::{Detail, Event, EventKind, Level, Names, Recorder, Watch};
use crate::strategy::{Choose, Learnt};

use self::assertions::AssertionTally;
use self::cancels::Cancels;
pub(crate) use self::choose::{Deviated, Leave};
pub(crate) use self::clock::{DRIFT_MAX_PPM, epoch};
pub(crate) use self::effects::{Effects, each};
use self::entropy::Entropy;
use self::failure::Failure;
use self::faults::Faults;
use self::files::Files;
use self::framing::Framing;
use self::leaks::{Books, Origin};
use self::locks::Locks;
use self::net::Network;
use self::node::{Node, NodeId};
use self::processes::Processes;
use self::remains::Remains;
use self::resources::Resources;
use self::sheets::Sheet;
use self::tasks::{TaskSlot, Tasks};
pub(crate) use self::work::Work;
use self::work::Works;

/// One world.
pub(crate) struct World {
    pub(crate) seed: u64,
    /// The world's number, never reused in this process.
    pub(crate) id: u64,
    /// True time: how much has passed since the run began.
    pub(crate) now_ns: i64,
    pub(crate) timers: TimerQueue<Due>,
    pub(crate) tasks: Tasks,
    pub(crate) nodes: Vec<Node>,
    pub(crate) net: Network,
    pub(crate) faults: Faults,
    pub(crate) files: Files,
    pub(crate) processes: Processes,
    pub(crate) locks: Locks,
    pub(crate) cancels: Cancels,
    pub(crate) framing: Framing,
    pub(crate) paths: Paths,
    pub(crate) resources: Resources,
    pub(crate) effects: Effects,
    /// How many places were taken among those who wait for signals.
    signal_places: u64,
    pub(crate) deviated: Vec<Deviated>,
    /// Every other way in which the tasks' order could have gone on, if somebody asks.
    pub(crate) orders: Option<Vec<Deviated>>,
    /// Every fault and cancellation that was in question and did not happen, if somebody asks.
    pub(crate) spared: Option<Vec<Deviated>>,
    /// The workloads of the test.
    pub(crate) works: Works,
    /// What programs draw, and what of it is simple.
    pub(crate) entropy: Entropy,
    /// What the user noted: when, who, what.
    pub(crate) history: Vec<(i64, String, String)>,
    /// What the test did itself, and what else a story tells.
    pub(crate) acts: Vec<StoryLine>,
    /// What the test wrote down for checkers.
    sheets: Vec<Sheet>,
    /// What programs hold, once somebody looks for leaks.
    books: Option<Box<Books>>,
    /// What there was when leaks were judged, which closes the books.
    remains: Option<Remains>,
    /// What was seen of the program's assertions.
    pub(crate) assertions: AssertionTally,
    pub(crate) failure: Option<Failure>,
    /// Where the program was when an assertion did not hold.
    pub(crate) failure_stack: Option<String>,
    /// The most a task is held up before an operation.
    pub(crate) stall_most_ns: u64,
    /// The task that an interrupted one gives way to.
    next: Option<TaskSlot>,
    /// The task that ran last, unless it has ended.
    pub(crate) last: Option<TaskSlot>,
    /// The path of the task that ended last, and the choices made since.
    pub(crate) last_path: PathId,
    pub(crate) idle_visits: u32,
    /// The node whose task ran last.
    pub(crate) last_node: NodeId,
    strategy: Box<dyn Choose>,
    /// Whether the strategy wants to be told of what tasks do.
    listens: bool,
    record: Recorder,
    /// The event that caused what happens now.
    cause: u64,
}

/// A line of a story that is no deviation: what the test did itself, how a main ended, what was
/// not on the disk when that mattered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoryLine {
    pub(crate) time_ns: i64,
    pub(crate) text: String,
}

/// What a timer does when it fires.
#[derive(Debug)]
pub(crate) enum Due {
    /// Wakes a task that is held up.
    Wake(std::task::Waker),
    /// Wakes whoever waits for a time on its node's clock.
    Alarm {
        node: NodeId,
        /// On the node's clock; the queue holds true time.
        deadline: Instant,
        waker: std::task::Waker,
        /// Who armed it.
        origin: Origin,
    },
    /// A paused node goes on.
    Resume { node: NodeId },
    /// A segment arrives.
    Segment {
        connection: net::ConnectionId,
        to: usize,
        number: u32,
    },
    /// A connection attempt has taken too long.
    ConnectTimeout {
        connection: net::ConnectionId,
        error: std::io::ErrorKind,
    },
    /// A segment has waited too long for its link to heal.
    HeldTimeout {
        connection: net::ConnectionId,
        end: usize,
    },
    /// An end says again what found no room at a listener.
    Knock {
        connection: net::ConnectionId,
        end: usize,
    },
    /// An end hears that its last small segment has arrived.
    Acknowledged {
        connection: net::ConnectionId,
        end: usize,
    },
    /// The last probe of an idle connection goes unanswered.
    KeepAlive {
        connection: net::ConnectionId,
        end: usize,
    },
    /// A datagram arrives.
    Datagram { id: u64 },
    /// A sender hears that nobody is bound at its target.
    Unreachable {
        socket: net::UdpId,
        target: std::net::SocketAddr,
    },
    /// An operation on files happens or ends.
    File { job: files::JobId },
    /// A fault that was to last so long is over.
    FaultEnds { number: u64 },
    /// A process that has failed is started again, unless somebody has done so.
    Restart { node: NodeId, incarnation: u32 },
}

impl World {
    pub(crate) fn new(
        seed: u64,
        owner: u64,
        strategy: Box<dyn Choose>,
        level: Level,
        watch: &Watch,
    ) -> Self {
        Self {
            seed,
            id: owner,
            now_ns: 0,
            timers: TimerQueue::new(owner),
            tasks: Tasks::default(),
            nodes: Vec::new(),
            net: Network::default(),
            faults: Faults::default(),
            files: Files::default(),
            processes: Processes::default(),
            locks: Locks::default(),
            cancels: Cancels::default(),
            framing: Framing::default(),
            paths: Paths::default(),
            resources: Resources::default(),
            effects: Effects::default(),
            signal_places: 0,
            deviated: Vec::new(),
            orders: None,
            spared: None,
            works: Works::default(),
            entropy: Entropy::default(),
            history: Vec::new(),
            acts: Vec::new(),
            sheets: Vec::new(),
            books: None,
            remains: None,
            assertions: AssertionTally::default(),
            failure: None,
            failure_stack: None,
            stall_most_ns: 0,
            next: None,
            last: None,
            last_path: PathId(0),
            idle_visits: 0,
            last_node: NodeId::TEST,
            listens: strategy.listens(),
            strategy,
            record: Recorder::new(level, watch),
            cause: 0,
        }
    }

    /// The current moment of true time.
    pub(crate) fn now(&self) -> Instant {
        Instant::from_nanos(self.now_ns)
    }

    /// Notes that something happened, and returns the event's number.
    pub(crate) fn note(&mut self, kind: EventKind, one: u64, two: u64) -> u64 {
        let (node, task) = match self.tasks.current() {
            Some(entry) => (entry.node.0, entry.hash.0),
            None => (0, 0),
        };
        let (time_ns, cause) = (self.now_ns, self.cause);
        let number = self.record.push(Event {
            time_ns,
            kind,
            node,
            task,
            one,
            two,
            cause,
        });
        if self.record.wants_end() {
            // Whoever compares says in what the two runs differ.
            let message = String::new();
            self.fail(Failure::Nondeterminism { message });
        }
        number
    }

    /// Notes a choice.
    pub(crate) fn note_choice(
        &mut self,
        kind: ChoiceKind,
        point: Point,
        value: u64,
        site: Option<&'static Location<'static>>,
    ) {
        self.record.explain(Detail::Choice { kind, point, site });
        self.note(EventKind::ChoiceMade, point.hash(kind).0, value);
    }

    /// Says what the numbers of the event stand for that is noted next, where the record is read.
    pub(crate) fn say(&mut self, words: impl FnOnce(&Self) -> String) {
        if self.tells_everything() {
            let words = words(self);
            self.record.say(words);
        }
    }

    /// The running task sees what happened in `event`, by its number: what it does next comes after
    /// that. Makes no difference but to what is told of a run.
    pub(crate) fn sees(&mut self, event: u64) {
        if self.tells_everything()
            && let Some(task) = self.tasks.current().map(|entry| entry.hash.0)
        {
            self.record.sees(task, event);
        }
    }

    /// Says on which node the event happens that is noted next, where the record is read.
    pub(crate) fn place(&mut self, node: NodeId) {
        self.record.place(node.0);
    }

    /// Whether every event is kept, for people to read.
    pub(crate) fn tells_everything(&self) -> bool {
        self.record.keeps_everything()
    }

    /// Keeps what people call the thing `name` where somebody will read it: a choice about it
    /// differs from calm, or every event is kept.
    pub(crate) fn keep_name(&mut self, name: ResourceName, value: u64, text: String) {
        if value > 0 || self.spared.is_some() || self.tells_everything() {
            self.resources.name_thing(name, text);
        }
    }

    /// Takes a note of the user's.
    pub(crate) fn user_note(&mut self, text: &str) {
        self.note(EventKind::UserNoted, hash_text(text), 0);
        if self.record.keeps_notes() {
            let who = self.paths.label(self.current_path());
            self.history.push((self.now_ns, who, text.to_owned()));
        }
    }

    /// Tells what the test does itself at `place`, where the run is recorded in full: `name` as
    /// events are called, and what it concerns.
    ///
    /// Events say that something happened, not who wanted it.
    pub(crate) fn tell_act(
        &mut self,
        name: &str,
        place: &Location<'_>,
        about: impl FnOnce(&Self) -> String,
    ) {
        self.disturb();
        if !self.tells_everything() {
            return;
        }
        let about = about(self);
        let (file, line) = (place.file(), place.line());
        let gap = if about.is_empty() { "" } else { ", " };
        self.tell(name, &format!("{about}{gap}by the test at {file}:{line}"));
    }

    /// Tells what nobody chose, where the run is recorded in full: `name` as events are called, and
    /// what there is to know of it.
    pub(crate) fn tell(&mut self, name: &str, what: &str) {
        if self.tells_everything() {
            self.acts.push(StoryLine {
                time_ns: self.now_ns,
                text: format!("{name:<17}  {what}"),
            });
        }
    }

    /// What the hashes in the record stand for.
    pub(crate) fn names(&self) -> Names {
        let mut names = Names::default();
        for (hash, path) in self.paths.all() {
            names.insert(hash.0, path);
        }
        for (name, text) in self.resources.texts(&self.paths) {
            names.insert(name.0, text);
        }
        for (name, text) in self.resources.connections(&self.paths) {
            names.insert(name.0, text);
        }
        for (_, _, text) in &self.history {
            names.insert(hash_text(text), text.clone());
        }
        for title in self.sheets.iter().map(Sheet::title) {
            names.insert(hash_text(&title), title);
        }
        for kind in Kind::ALL {
            names.insert(hash_text(kind.name()), kind.name().to_owned());
        }
        for node in &self.nodes {
            names.node(node.name.clone());
        }
        names
    }

    /// Adds what people call the tasks.
    pub(crate) fn label_tasks(&self, names: &mut Names) {
        for (hash, label) in self.paths.labels() {
            names.label_task(hash.0, label);
        }
    }

    /// Makes `event` the cause of what happens until the next call.
    pub(crate) fn because_of(&mut self, event: u64) {
        self.cause = event;
    }

    /// Moves the clock to the next deadline and lets everything due then happen.
    ///
    /// False if nothing is due, ever, or not before `limit_ns`.
    pub(crate) fn advance(&mut self, limit_ns: i64) -> bool {
        match self.timers.next_deadline() {
            Some(deadline) => self.come_to(deadline.as_nanos(), limit_ns),
            None => false,
        }
    }

    /// Does the same although tasks can run, whose time passes in any case: nothing need be due
    /// for faults to have their opportunities.
    pub(crate) fn catch_up(&mut self, until_ns: i64) -> bool {
        let deadline = self.timers.next_deadline();
        self.come_to(deadline.map_or(i64::MAX, Instant::as_nanos), until_ns)
    }

    /// Moves the clock to `deadline_ns`, or an opportunity of a fault before; false if that is
    /// after `limit_ns`.
    fn come_to(&mut self, deadline_ns: i64, limit_ns: i64) -> bool {
        let next = deadline_ns.max(self.now_ns);
        let opportunity = self.next_opportunity_ns(next);
        let next = opportunity.map_or(next, |at| at.max(self.now_ns));
        if next > limit_ns {
            return false;
        }
        if next > self.now_ns {
            let event = self.note(EventKind::TimeAdvanced, self.now_ns as u64, next as u64);
            self.because_of(event);
            self.now_ns = next;
        }
        intercept::publish(self.clocks());
        if opportunity.is_some() {
            self.have_opportunity();
            return true;
        }
        while let Some((_, due)) = self.timers.pop(Instant::from_nanos(next)) {
            self.happen(due);
        }
        true
    }

    /// Lets time pass in which nothing is due.
    pub(crate) fn pass_until(&mut self, until_ns: i64) {
        if until_ns > self.now_ns {
            self.note(EventKind::TimeAdvanced, self.now_ns as u64, until_ns as u64);
            self.now_ns = until_ns;
        }
    }

    /// What the clocks of the system show where code runs now.
    pub(crate) fn clocks(&self) -> Clocks {
        let clock = &self.nodes[self.current_node().0 as usize].clock;
        clock.shown(self.now_ns)
    }

    /// Notes that the running task has drawn the system's entropy, `drawn` values so far.
    ///
    /// `draws` is what it drew of either source.
    pub(crate) fn note_drawn(&mut self, drawn: u64, draws: Draws) {
        let Some(entry) = self.tasks.current_mut() else {
            return;
        };
        let former = std::mem::replace(&mut entry.draws, draws);
        if former != draws {
            self.note_draws(former, draws);
        }
        let Some(entry) = self.tasks.current_mut() else {
            return;
        };
        let (stream, before) = (entry.hash.0, std::mem::replace(&mut entry.drawn, drawn));
        if drawn != before {
            self.note(EventKind::EntropyDrawn, stream, 8 * (drawn - before));
        }
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Wake(waker) | Due::Alarm { waker, .. } => self.effects.wake(waker),
            Due::Resume { node } => self.resume(node),
            Due::Segment {
                connection,
                to,
                number,
            } => self.arrive(connection, to, number),
            Due::ConnectTimeout { connection, error } => self.connect_timed_out(connection, error),
            Due::HeldTimeout { connection, end } => self.held_timed_out(connection, end),
            Due::File { job } => self.file_job_due(job),
            Due::Knock { connection, end } => self.knock(connection, end),
            Due::Acknowledged { connection, end } => self.small_acknowledged(connection, end),
            Due::KeepAlive { connection, end } => self.probed(connection, end),
            Due::Datagram { id } => self.land(id),
            Due::Unreachable { socket, target } => self.unreachable(socket, target),
            Due::FaultEnds { number } => self.fault_ends(number),
            Due::Restart { node, incarnation } => self.restart_is_due(node, incarnation),
        }
    }

    /// Tells the strategy that the task `parent` has spawned `child`.
    pub(crate) fn tell_spawned(&mut self, parent: PathId, child: PathId) {
        if self.listens {
            let (parent, child) = (self.paths.hash(parent), self.paths.hash(child));
            self.strategy.spawned(parent.0, child.0);
        }
    }

    /// What the strategy has learnt of the run, if that was what it was for.
    pub(crate) fn learnt(&mut self) -> Learnt {
        self.strategy.learnt()
    }

    /// Fails the run, unless it has failed already.
    pub(crate) fn fail(&mut self, failure: Failure) {
        if self.failure.is_none() {
            self.failure = Some(failure);
        }
    }

    /// Fails the run with what came before every other failure of the same poll.
    pub(crate) fn fail_first(&mut self, failure: Failure) {
        self.failure = Some(failure);
    }

    /// The path of the running task, or of the node of the test itself.
    pub(crate) fn current_path(&self) -> PathId {
        self.tasks
            .current()
            .map_or(self.nodes[0].root, |entry| entry.path)
    }

    /// The node whose task is running; the test's own outside any.
    pub(crate) fn current_node(&self) -> NodeId {
        self.tasks
            .current()
            .map_or(NodeId::TEST, |entry| entry.node)
    }

    /// The hash of the record so far.
    pub(crate) fn hash(&self) -> u128 {
        self.record.hash()
    }

    /// How many events happened so far.
    pub(crate) fn events(&self) -> u64 {
        self.record.count()
    }

    /// The kept events, at the end.
    pub(crate) fn take_record(&mut self) -> Recorder {
        std::mem::replace(
            &mut self.record,
            Recorder::new(Level::Hash, &Watch::Nothing),
        )
    }

    /// Marks a task runnable, once its node goes on if that stands still; false if it is unknown or its node is dead.
    pub(crate) fn make_ready(&mut self, slot: TaskSlot) -> bool {
        let Some(entry) = self.tasks.get(slot) else {
            return false;
        };
        if self.is_dead(entry) {
            return false;
        }
        let node = entry.node;
        if let Some(pause) = &mut self.nodes[node.0 as usize].pause {
            pause.parked.insert(slot);
            return true;
        }
        self.tasks.make_ready(slot);
        true
    }
}
