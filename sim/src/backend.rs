//! The front door: a world behind the runtime's seam.
//!
//! Owns the borrow of the world. Every call borrows it for as long as it takes to change state,
//! releases it, and only then runs foreign code.
//!
//! # Invariants
//! 1. No waker is woken, cloned or dropped, no future polled or dropped, and no user code called
//!    while the world is borrowed.
//! 2. In the dead context (a killed node's tasks being dropped) every call fails or does nothing:
//!    no effect, no draw, no event.

use std::any::Any;
use std::backtrace::Backtrace;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::panic::Location;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use simoom::backend::{
    Access, Backend, Blocking, Census, Chance, Claim, Clock, Job, Listener, Net, News, Op, Owner,
    Remote, Resolving, Resource, Schedule, Seen, SendTask, SignalWait, Signals, Stream, Task,
    TaskRef, TimerKey, Watch, spawn_in,
};
use simoom::task::{Id, TaskInfo};
use simoom::time::Instant;

use crate::baton::{self, Carrier};
use crate::choice::{PathHash, mix, value};
use crate::door::{SimListener, SimStream};
use crate::intercept;
use crate::kill;
use crate::record::EventKind;
use crate::remote::SimRemote;
use crate::stuck;
use crate::stuck::{Parts, Traced};
use crate::world::node::NodeId;
use crate::world::processes::ProcessId;
use crate::world::tasks::{TaskEntry, Tasks};
use crate::world::{Due, Effects, Leave, World};

mod standing;
mod watching;

use self::watching::Watching;

/// A world, as its thread sees it.
pub(crate) struct SimBackend {
    this: Weak<Self>,
    world: RefCell<World>,
    owner: Owner,
    claim: Claim,
    remote: Arc<SimRemote>,
    dead: Cell<bool>,
    /// What is dropped in the dead context is closed: its machine lives, and its process has ended.
    closing: Cell<bool>,
    /// The running task's node was killed under it.
    running_dead: Cell<bool>,
    next_id: Cell<u64>,
    /// Whose task the next spawn starts, if not the running task's.
    spawn_for: RefCell<Option<SpawnFor>>,
    /// Which child process the next spawn starts.
    start_child: Cell<Option<ProcessId>>,
    /// Collects where a task waits that is stuck.
    tracing: RefCell<Option<Tracing>>,
    probing: Cell<Probing>,
    /// Empty, with the room that earlier effects took.
    spare_effects: Cell<Effects>,
    /// What the next task is called, if not after its future.
    name_next: Cell<Option<&'static str>>,
    lost_threads: Cell<u64>,
    /// The task that is polled, to tell its waker from those that others make for parts of it.
    own_waker: Cell<usize>,
    /// Wakers of parts of tasks: what polls its parts only when they were woken is asked in vain
    /// where it is stuck, unless they are.
    parts: RefCell<Parts>,
    watching: Watching,
}

/// What a task that is polled in vain comes to.
#[derive(Debug)]
struct Tracing {
    with_stacks: bool,
    traced: Vec<Traced>,
}

/// Whether a task is polled after the run, to see if it goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Probing {
    #[default]
    No,
    /// Until it completes an operation.
    Yes,
    /// It has.
    Over,
}

/// Where a task is spawned from outside its node.
#[derive(Clone, Debug)]
pub(crate) struct SpawnFor {
    pub(crate) node: NodeId,
    pub(crate) name: Option<&'static str>,
}

impl SimBackend {
    pub(crate) fn new(world: World, claim: Claim) -> Arc<Self> {
        let owner = claim.owner();
        Arc::new_cyclic(|this| Self {
            this: this.clone(),
            world: RefCell::new(world),
            owner,
            claim,
            remote: Arc::new(SimRemote::new(owner)),
            dead: Cell::new(false),
            closing: Cell::new(false),
            running_dead: Cell::new(false),
            next_id: Cell::new(0),
            spawn_for: RefCell::new(None),
            start_child: Cell::new(None),
            tracing: RefCell::new(None),
            probing: Cell::default(),
            spare_effects: Cell::default(),
            name_next: Cell::new(None),
            lost_threads: Cell::new(0),
            own_waker: Cell::new(0),
            parts: RefCell::default(),
            watching: Watching::default(),
        })
    }

    /// A share in the world, for a thread that it is lent to.
    pub(crate) fn to_shared(&self) -> Arc<Self> {
        self.this
            .upgrade()
            .expect("`self` is borrowed from its `Arc`")
    }

    /// A thread that was lent the world will never end.
    pub(crate) fn count_lost_thread(&self) {
        self.lost_threads.set(self.lost_threads.get() + 1);
    }

    /// How many threads that were lent the world will never end.
    pub(crate) fn lost_threads(&self) -> u64 {
        self.lost_threads.get()
    }

    /// Whether tasks are polled only to see where they are stuck.
    pub(crate) fn is_tracing_stacks(&self) -> bool {
        self.tracing.borrow().is_some()
    }

    /// Whether the run is over, and tasks are polled only to see what is the matter with them.
    pub(crate) fn is_over(&self) -> bool {
        self.is_tracing_stacks() || self.probing.get() != Probing::No
    }

    /// Changes the world, then runs what that set off.
    pub(crate) fn with<R>(&self, change: impl FnOnce(&mut World) -> R) -> R {
        let mut world = self.world.borrow_mut();
        let result = change(&mut world);
        if world.effects.is_empty() {
            return result;
        }
        // What the effects set off in turn finds the spare ones gone and makes do with new ones.
        let spare = self.spare_effects.take();
        let mut effects = std::mem::replace(&mut world.effects, spare);
        drop(world);
        for (node, how) in effects.take_ends() {
            kill::end(self, node, how);
        }
        for (child, status) in effects.take_child_ends() {
            kill::end_child(self, child, status);
        }
        intercept::simulated(|| effects.run());
        self.spare_effects.set(effects);
        result
    }

    /// Runs `f` with the world's backend that this thread is inside of.
    pub(crate) fn current<R>(f: impl FnOnce(Option<&Self>) -> R) -> R {
        simoom::backend::with_current(|backend| {
            f(backend.and_then(|backend| backend.as_any().downcast_ref::<Self>()))
        })
    }

    /// The right to run the world.
    pub(crate) fn claim(&self) -> &Claim {
        &self.claim
    }

    /// The world's number.
    pub(crate) fn id(&self) -> u64 {
        self.owner.id
    }

    /// The node that runs, for people.
    pub(crate) fn node_number(&self) -> u64 {
        self.world.borrow().current_node().0.into()
    }

    /// Runs `f` in the dead context.
    pub(crate) fn while_dead<R>(&self, f: impl FnOnce() -> R) -> R {
        struct Restore<'a>(&'a SimBackend, bool);
        impl Drop for Restore<'_> {
            fn drop(&mut self) {
                self.0.dead.set(self.1);
                intercept::set_dead(self.0.is_dead());
            }
        }
        let _restore = Restore(self, self.dead.replace(true));
        intercept::set_dead(true);
        // What is dropped here is the user's.
        intercept::simulated(f)
    }

    /// Runs `f`, which drops what a child process leaves behind, in the dead context. What it had open is
    /// closed by its operating system, and nothing else that destructors do has any effect.
    pub(crate) fn while_closing<R>(&self, f: impl FnOnce() -> R) -> R {
        struct Restore<'a>(&'a Cell<bool>, bool);
        impl Drop for Restore<'_> {
            fn drop(&mut self) {
                self.0.set(self.1);
            }
        }
        let _restore = Restore(&self.closing, self.closing.replace(true));
        self.while_dead(f)
    }

    /// Whether dropping a handle has an effect.
    pub(crate) fn closes(&self) -> bool {
        self.closing.get() || !self.is_dead()
    }

    /// Spawns with `spawn`, as the main of a child process.
    pub(crate) fn starting(&self, child: ProcessId, spawn: impl FnOnce()) {
        self.start_child.set(Some(child));
        spawn();
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.dead.get() || self.running_dead.get()
    }

    /// Says whether the running task's node was killed under it.
    pub(crate) fn set_running_dead(&self, dead: bool) {
        self.running_dead.set(dead);
        intercept::set_dead(self.is_dead());
    }

    /// Spawns with `spawn`, as a task of another node.
    pub(crate) fn spawning_for<R>(&self, target: SpawnFor, spawn: impl FnOnce() -> R) -> R {
        let before = self.spawn_for.replace(Some(target));
        let result = spawn();
        self.spawn_for.replace(before);
        result
    }

    /// The running task's name, unless the world is in use this very moment.
    pub(crate) fn describe_running(&self) -> Option<String> {
        let world = self.world.try_borrow().ok()?;
        Some(world.paths.label(world.current_path()))
    }

    pub(crate) fn refuse_dead(&self) -> io::Result<()> {
        if self.is_dead() {
            return Err(io::Error::other("the node was killed"));
        }
        Ok(())
    }
}

impl Backend for SimBackend {
    fn owner(&self) -> Owner {
        self.owner
    }

    fn remote(&self) -> Arc<dyn Remote> {
        self.remote.clone()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn watch(&self) -> Option<Arc<Watch>> {
        self.watching_now()
    }

    fn asserted(&self, seen: &Seen<'_>) {
        if self.is_dead() || self.is_over() {
            return;
        }
        let is_broken = !seen.holds && seen.assertion.rule.is_always();
        let stack = (is_broken && self.world.borrow().tells_everything())
            .then(|| intercept::outside(|| Backtrace::force_capture().to_string()));
        let stack = stack.map(|stack| stuck::user_frames(&stack).join("\n"));
        self.with(|world| world.asserted(seen, stack));
    }
}

impl Schedule for SimBackend {
    fn next_id(&self) -> Id {
        let id = self.next_id.get() + 1;
        self.next_id.set(id);
        Id::from_number(id)
    }

    fn spawn(&self, task: Task) {
        let target = self.spawn_for.borrow_mut().take();
        let name_next = self.name_next.take();
        // Nothing else is named so.
        let is_closure = name_next.is_some();
        let child = self.start_child.take();
        // A killed task may still boot its node anew, in its last poll.
        if self.dead.get() || (target.is_none() && self.is_dead()) {
            // The task is cancelled by being dropped.
            return self.while_dead(|| drop(task));
        }
        let view = task.view();
        let queued = view.queue();
        debug_assert!(queued, "a new task is not queued yet");
        let name = target.as_ref().and_then(|target| target.name).or(name_next);
        // Whatever else is called so.
        let is_main = name == Some("main");
        let name = match (name, view.name()) {
            (Some(name), _) => Cow::Borrowed(name),
            (None, Some(name)) => Cow::Owned(name.to_owned()),
            (None, None) => Cow::Borrowed(view.type_name()),
        };
        self.with(|world| {
            let (node, parent) = match &target {
                Some(target) => (target.node, world.nodes[target.node.0 as usize].root),
                None => (world.current_node(), world.current_path()),
            };
            let path = world.paths.child(Some(parent), name);
            let (hash, order) = (world.paths.hash(path), world.paths.order(path));
            let birth = world.tasks.next_birth();
            let deaths = world.nodes[node.0 as usize].deaths;
            let parent_hash = world.paths.hash(parent);
            world.note(EventKind::TaskSpawned, hash.0, parent_hash.0);
            world.tell_spawned(parent, path);
            // Whether or not a strategy listens, things have the same numbers.
            world.numbered(Some(task.view().resource()));
            let mut entry = TaskEntry::new(task, path, hash, order, (node, deaths), birth);
            entry.draws = world.entropy.before(hash);
            entry.is_closure = is_closure;
            let running = world.tasks.current().and_then(|it| it.process);
            entry.process = child.or(running.filter(|_| target.is_none()));
            entry.is_child_main = child.is_some();
            let slot = world.tasks.insert(entry);
            world.make_ready(slot);
            if let Some(child) = child {
                world.note_child(child, hash.0);
            }
            if is_main {
                world.nodes[node.0 as usize].main = Some(slot);
            }
        });
    }

    fn spawn_send(&self, task: SendTask) {
        self.spawn(task.into_task());
    }

    fn schedule(&self, task: TaskRef<'_>) {
        if let Some(slot) = Tasks::slot(task.key()) {
            self.with(|world| world.make_ready(slot));
        }
    }

    fn wants_changes(&self) -> bool {
        true
    }

    fn touched(&self, resource: &Resource, access: Access) {
        if !self.is_dead() && !self.is_tracing_stacks() {
            self.with(|world| world.touched(resource, access));
        }
    }

    /// Also in the dead context, where locks are given back without a word to anybody else.
    fn told(&self, resource: &Resource, news: News<'_>) {
        let is_of_messages = matches!(news, News::Holds { .. } | News::Abandoned { .. });
        if is_of_messages && !self.world.borrow().looks_for_leaks() {
            return;
        }
        if !self.is_tracing_stacks() {
            let news = match news {
                // What a killed process leaves unread is no loss of its program's.
                News::Abandoned { .. } if self.is_dead() => News::Abandoned { messages: 0 },
                news => news,
            };
            self.keep_stack_of(&news);
            self.with(|world| world.told(resource, news));
        }
    }

    fn proceed(&self, cx: &mut Context<'_>, op: &Op<'_>) -> Poll<()> {
        if self.trace(cx, op) {
            return Poll::Pending;
        }
        match self.probing.get() {
            Probing::No => {}
            Probing::Yes => return Poll::Ready(()),
            Probing::Over => return Poll::Pending,
        }
        if self.is_dead() {
            // A killed node's operation never returns.
            return Poll::Pending;
        }
        let waker = cx.waker().data().addr();
        // Only where it stands in a queue of locks or channels: a kept waker lives on, and programs may
        // count on it that a socket lets go of theirs.
        if op.is_contained && waker != self.own_waker.get() {
            self.keep_part_waker(cx.waker());
        }
        match self.with(|world| world.may_proceed(op, waker)) {
            Leave::Now => return Poll::Ready(()),
            Leave::WhenResumed => {}
            Leave::AfterOthers => cx.waker().wake_by_ref(),
            Leave::AfterStall { stall_ns } => {
                let waker = cx.waker().clone();
                self.with(|world| {
                    let until = world.now() + Duration::from_nanos(stall_ns);
                    world.timers.insert(until, Due::Wake(waker));
                });
            }
        }
        Poll::Pending
    }

    fn census(&self) -> Census {
        let world = self.world.borrow();
        Census {
            alive: world.tasks.alive(),
            runnable: world.tasks.runnable(),
            ..Census::default()
        }
    }

    fn tasks(&self) -> Option<Vec<TaskInfo>> {
        Some(self.world.borrow().live_tasks())
    }

    fn completed(&self, op: &Op<'_>) {
        if self.probing.get() != Probing::No {
            self.probing.set(Probing::Over);
        } else if !self.is_dead() {
            self.with(|world| world.complete_op(op));
        }
    }

    fn failed(&self, _op: &Op<'_>, error: &io::Error) {
        if !self.is_dead() {
            self.with(|world| world.say_of_completion(error));
        }
    }
}

impl Clock for SimBackend {
    fn now(&self) -> Instant {
        self.world.borrow().node_now() + lead()
    }

    fn system_time(&self) -> SystemTime {
        let world = self.world.borrow();
        world.wall_clock(world.current_node()) + lead()
    }

    fn arm(&self, deadline: Instant, waker: &Waker) -> TimerKey {
        let (waker, dead) = (waker.clone(), self.is_dead());
        self.with(|world| {
            let node = world.current_node();
            let at = world.true_moment(node, deadline);
            let due = Due::Alarm {
                node,
                deadline,
                waker,
                origin: world.origin(),
            };
            let key = world.timers.insert(at, due);
            if dead && let Some(Due::Alarm { waker, .. }) = world.timers.remove(key) {
                // The key names a timer that has fired: nothing waits.
                world.effects.drop(waker);
            }
            key
        })
    }

    fn poll_timer(&self, key: TimerKey, waker: &Waker) -> Poll<()> {
        if key.owner != self.owner.id {
            return Poll::Ready(());
        }
        let known = self.with(|world| match world.timers.get_mut(key) {
            Some(Due::Alarm { waker: kept, .. }) => Some(kept.will_wake(waker)),
            _ => None,
        });
        match known {
            None => Poll::Ready(()),
            Some(true) => Poll::Pending,
            Some(false) => {
                let waker = waker.clone();
                self.with(|world| {
                    if let Some(Due::Alarm { waker: kept, .. }) = world.timers.get_mut(key) {
                        let previous = std::mem::replace(kept, waker);
                        world.effects.drop(previous);
                    }
                });
                Poll::Pending
            }
        }
    }

    fn disarm(&self, key: TimerKey) {
        if key.owner == self.owner.id {
            self.with(|world| {
                if let Some(Due::Alarm { waker, .. }) = world.timers.remove(key) {
                    world.effects.drop(waker);
                }
            });
        }
    }
}

impl Chance for SimBackend {
    fn pick(&self, alternatives: u32, site: &'static Location<'static>) -> u32 {
        if self.is_dead() || self.is_tracing_stacks() {
            return 0;
        }
        self.with(|world| world.choose_branch(alternatives, site))
    }

    fn turn(&self, alternatives: u32, site: &'static Location<'static>) -> u32 {
        self.pick(alternatives, site)
    }

    fn buggify(&self, label: &'static str, odds: Option<(u32, u32)>) -> bool {
        if self.is_dead() || self.is_tracing_stacks() {
            return false;
        }
        self.with(|world| world.choose_buggified(label, odds))
    }

    fn fill(&self, bytes: &mut [u8]) {
        if self.is_dead() {
            bytes.fill(0);
            return;
        }
        self.with(|world| {
            let seed = world.seed;
            let count = bytes.len() as u64;
            let stream = match world.tasks.current_mut() {
                Some(entry) => {
                    let hash = entry.hash;
                    if !bytes.is_empty()
                        && let Some(word) = intercept::draw_simple()
                    {
                        fill_simply(bytes, word);
                        world.note(EventKind::EntropyDrawn, hash.0, count);
                        return;
                    }
                    entry
                        .rng
                        .get_or_insert_with(|| Box::new(task_rng(seed, hash)))
                        .fill_bytes(bytes);
                    hash
                }
                None => {
                    task_rng(seed, PathHash(0)).fill_bytes(bytes);
                    PathHash(0)
                }
            };
            world.note(EventKind::EntropyDrawn, stream.0, count);
        });
    }
}

/// Makes of `bytes` the number `word`, in as many as eight of them; it is not 0.
fn fill_simply(bytes: &mut [u8], word: u64) {
    let width = bytes.len().min(8);
    let most = match width {
        8 => u64::MAX,
        width => (1 << (8 * width)) - 1,
    };
    let small = 1 + (word - 1) % most;
    bytes.fill(0);
    bytes[..width].copy_from_slice(&small.to_le_bytes()[..width]);
}

/// The random bytes of one task: a stream of its own, so that no other task's draws move it.
fn task_rng(seed: u64, task: PathHash) -> ChaCha12Rng {
    let mut key = [0; 32];
    for (index, part) in key.chunks_mut(8).enumerate() {
        part.copy_from_slice(
            &value(seed, mix(0x0065_6e74_726f_7079, task.0), index as u64).to_le_bytes(),
        );
    }
    ChaCha12Rng::from_seed(key)
}

/// Gives up the place of one who waits for a signal, if this thread is inside its world.
fn leave_signal(wait: &SignalWait) {
    SimBackend::current(|backend| {
        if let Some(backend) = backend.filter(|backend| backend.id() == wait.world()) {
            backend.with(|world| world.leave_signal(wait.signal(), wait.key()));
        }
    });
}

impl Signals for SimBackend {
    fn signal_count(&self, signal: i32) -> io::Result<u64> {
        self.refuse_dead()?;
        if signal > SIGNAL_MAX {
            // What sigaction(2) says of numbers that are no signals.
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        Ok(self.with(|world| world.signal_count(signal)))
    }

    fn poll_signal(
        &self,
        cx: &mut Context<'_>,
        signal: i32,
        seen: u64,
        wait: &mut Option<SignalWait>,
    ) -> Poll<u64> {
        if let Some(count) = self.with(|world| world.signal_came(signal, seen)) {
            return Poll::Ready(count);
        }
        let world = self.id();
        if wait.as_ref().is_some_and(|wait| wait.world() != world) {
            *wait = None;
        }
        let place = wait.get_or_insert_with(|| {
            let key = self.with(World::signal_place);
            SignalWait::new(world, signal, key, leave_signal)
        });
        let waker = cx.waker().clone();
        self.with(|world| world.wait_for_signal(signal, place.key(), waker));
        Poll::Pending
    }
}

impl Blocking for SimBackend {
    fn run_blocking(&self, job: Job) {
        if self.is_dead() {
            return self.while_dead(|| drop(job));
        }
        let ticket = self.with(World::pool_ticket);
        let (name, site) = (job.name(), job.location());
        self.name_next.set(Some(name));
        drop(spawn_in(self, Carrier::new(ticket, job), site.into()));
    }

    fn block_on(&self, poll: &mut dyn FnMut(&mut Context<'_>) -> Poll<()>) {
        baton::block_on(poll);
    }
}
/// How far reading the clocks of the system has moved them.
fn lead() -> Duration {
    Duration::from_nanos(intercept::lead().unsigned_abs())
}

/// The last signal of Linux.
const SIGNAL_MAX: i32 = 64;

impl Net for SimBackend {
    fn tcp_listen(&self, address: SocketAddr, backlog: u32) -> io::Result<Arc<dyn Listener>> {
        self.refuse_dead()?;
        let id = self.with(|world| world.listen(address, backlog as usize))?;
        Ok(Arc::new(SimListener::of(self.owner.id, id)))
    }

    fn tcp_connect(&self, address: SocketAddr) -> io::Result<Arc<dyn Stream>> {
        self.refuse_dead()?;
        let id = self.with(|world| world.connect(address))?;
        Ok(Arc::new(SimStream::new(self, id, 0)))
    }

    fn adopt_listener(&self, _listener: std::net::TcpListener) -> io::Result<Arc<dyn Listener>> {
        Err(real_socket())
    }

    fn adopt_stream(&self, _stream: std::net::TcpStream) -> io::Result<Arc<dyn Stream>> {
        Err(real_socket())
    }

    fn resolve(&self, host: &str, port: u16) -> Resolving {
        let found = self.refuse_dead().and_then(|()| {
            let ips = self.with(|world| world.lookup(host));
            if ips.is_empty() {
                return Err(io::Error::other(format!(
                    "failed to lookup address information: no node is called {host:?}"
                )));
            }
            let with_port = |ip| SocketAddr::new(ip, port);
            Ok(ips.into_iter().map(with_port).collect())
        });
        Box::pin(std::future::ready(found))
    }
}

/// Why a socket of the operating system is refused.
pub(crate) fn real_socket() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "a socket of the operating system cannot enter a simulation: bind or connect inside it",
    )
}
