//! The world as any thread sees it.
//!
//! Owns what every thread may use of the real world: the inbox's name, the timers, the reactor.
//! Knows nothing of the core.

use std::any::Any;
use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use super::clock::StopClock;
use super::driver::Alarm;
use super::pool::{Pool, PoolSettings};
use super::reactor::Reactor;
use super::tcp::{RealListener, RealStream};
use super::timers::Timers;
use super::{chance, resolve, signals};
use crate::backend::{
    Advanced, Answer, Backend, Blocking, Census, Chance, Claim, Clock, Id, Inbox, Job, Listener,
    Message, Net, Op, Owner, Remote, Resolving, Schedule, SendTask, SignalWait, Signals, Stream,
    Task, TaskRef, TimerKey, Unpark,
};
use crate::shim::{Mutex, lock};
use crate::time::Instant;

/// The part of the real world that all threads share.
pub(super) struct Shared {
    this: Weak<Self>,
    owner: Owner,
    alarm: Arc<Alarm>,
    clock: StopClock,
    timers: Timers,
    reactor: Reactor,
    pool: Pool,
    /// What the loop counted when it had nothing to do last.
    alive: AtomicUsize,
    parks: AtomicU64,
    unparks: AtomicU64,
    polls: AtomicU64,
    spawned: AtomicU64,
    forced_yields: AtomicU64,
    busy_ns: AtomicU64,
    /// Who waits for a dump; none once the world has ended.
    dumps: Mutex<Option<Vec<Answer>>>,
}

impl Shared {
    pub(super) fn new(reactor: Reactor, alarm: Alarm, pool: PoolSettings) -> (Arc<Self>, Claim) {
        let alarm = Arc::new(alarm);
        let claim = Inbox::open(alarm.clone());
        let owner = claim.owner();
        let shared = Arc::new_cyclic(|this| Self {
            this: this.clone(),
            owner,
            alarm,
            clock: StopClock::new(),
            timers: Timers::new(owner.id),
            reactor,
            pool: Pool::new(pool),
            alive: AtomicUsize::new(0),
            parks: AtomicU64::new(0),
            unparks: AtomicU64::new(0),
            polls: AtomicU64::new(0),
            spawned: AtomicU64::new(0),
            forced_yields: AtomicU64::new(0),
            busy_ns: AtomicU64::new(0),
            dumps: Mutex::new(Some(Vec::new())),
        });
        (shared, claim)
    }

    pub(super) fn owner(&self) -> Owner {
        self.owner
    }

    pub(super) fn alarm(&self) -> &Arc<Alarm> {
        &self.alarm
    }

    pub(super) fn clock(&self) -> &StopClock {
        &self.clock
    }

    pub(super) fn timers(&self) -> &Timers {
        &self.timers
    }

    pub(super) fn reactor(&self) -> &Reactor {
        &self.reactor
    }

    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// The loop has nothing to do, and has counted.
    pub(super) fn tell(&self, census: Census) {
        self.alive.store(census.alive, Ordering::Relaxed);
        self.parks.store(census.parks, Ordering::Relaxed);
        self.polls.store(census.polls, Ordering::Relaxed);
        self.spawned.store(census.spawned, Ordering::Relaxed);
        self.forced_yields
            .store(census.forced_yields, Ordering::Relaxed);
        let busy_ns = u64::try_from(census.busy.as_nanos()).unwrap_or(u64::MAX);
        self.busy_ns.store(busy_ns, Ordering::Relaxed);
    }

    /// The loop has something to do again.
    pub(super) fn tell_unparked(&self) {
        let parks = self.parks.load(Ordering::Relaxed);
        self.unparks.store(parks, Ordering::Relaxed);
    }

    /// Has the loop look at its tasks when it can.
    pub(super) fn ask_for_dump(&self, answer: Answer) {
        let refused = match lock(&self.dumps).as_mut() {
            Some(dumps) => {
                dumps.push(answer);
                None
            }
            None => Some(answer),
        };
        // Whoever waits for it is told so by that.
        drop(refused);
        self.alarm.unpark();
    }

    /// Whether anybody waits for a dump.
    pub(super) fn is_dump_wanted(&self) -> bool {
        lock(&self.dumps).as_ref().is_some_and(|it| !it.is_empty())
    }

    /// Who waits for a dump.
    pub(super) fn take_dumps(&self) -> Vec<Answer> {
        let mut dumps = lock(&self.dumps);
        dumps.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The world has ended: whoever waits for it is moved to `wakers`.
    pub(super) fn close(&self, wakers: &mut Vec<Waker>) {
        let dumps = lock(&self.dumps).take();
        drop(dumps);
        self.reactor.close(wakers);
        self.timers.close(wakers);
    }

    pub(super) fn this(&self) -> Arc<Self> {
        self.this
            .upgrade()
            .expect("`self` is borrowed from its `Arc`")
    }
}

/// The next task id of this process.
///
/// A thread takes ids in blocks, so that a spawn needs no atomic operation.
pub(super) fn next_id() -> Id {
    const BLOCK: u64 = 1024;
    static BLOCKS: AtomicU64 = AtomicU64::new(0);
    thread_local! {
        static LAST: Cell<u64> = const { Cell::new(0) };
    }

    let mut last = LAST.get();
    if last.is_multiple_of(BLOCK) {
        last = BLOCKS.fetch_add(1, Ordering::Relaxed) * BLOCK;
    }
    LAST.set(last + 1);
    Id::from_number(last + 1)
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("owner", &self.owner.id)
            .finish_non_exhaustive()
    }
}

impl Remote for Shared {
    fn owner(&self) -> Owner {
        self.owner
    }

    fn view(&self) -> &dyn Backend {
        self
    }
}

impl Backend for Shared {
    fn owner(&self) -> Owner {
        self.owner
    }

    fn remote(&self) -> Arc<dyn Remote> {
        self.this()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn dump(&self, answer: Answer) -> Result<(), Answer> {
        self.ask_for_dump(answer);
        Ok(())
    }
}

impl Schedule for Shared {
    fn next_id(&self) -> Id {
        next_id()
    }

    fn spawn(&self, _task: Task) {
        unreachable!("a thread without the core spawns by `spawn_send`")
    }

    fn spawn_send(&self, task: SendTask) {
        self.owner.send(Message::Spawn(task));
    }

    fn schedule(&self, _task: TaskRef<'_>) {
        unreachable!("a thread without the core wakes through the inbox")
    }

    /// A thread that only visits the runtime has no other task to give way to.
    fn proceed(&self, _cx: &mut Context<'_>, _op: &Op<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn completed(&self, _op: &Op<'_>) {}

    fn census(&self) -> Census {
        Census {
            alive: self.alive.load(Ordering::Relaxed),
            runnable: 0,
            parks: self.parks.load(Ordering::Relaxed),
            unparks: self.unparks.load(Ordering::Relaxed),
            polls: self.polls.load(Ordering::Relaxed),
            spawned: self.spawned.load(Ordering::Relaxed),
            forced_yields: self.forced_yields.load(Ordering::Relaxed),
            busy: Duration::from_nanos(self.busy_ns.load(Ordering::Relaxed)),
            blocking: self.pool.census(),
        }
    }
}

impl Clock for Shared {
    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn system_time(&self) -> SystemTime {
        SystemTime::now()
    }

    fn arm(&self, deadline: Instant, waker: &Waker) -> TimerKey {
        let (key, earlier) = self.timers.arm(deadline, waker);
        if earlier {
            self.alarm.unpark();
        }
        key
    }

    fn poll_timer(&self, key: TimerKey, waker: &Waker) -> Poll<()> {
        self.timers.poll(key, waker)
    }

    fn disarm(&self, key: TimerKey) {
        self.timers.disarm(key);
    }

    fn pause(&self) -> bool {
        self.clock.stop()
    }

    fn resume(&self) -> bool {
        let started = self.clock.start();
        // The loop may be waiting as long as a clock that stands lets it.
        self.alarm.unpark();
        started
    }

    fn advance(&self, by: Duration) -> Advanced {
        if self.clock.advance(by) {
            // What is due now is due to the loop.
            self.alarm.unpark();
            Advanced::Moved
        } else {
            Advanced::Runs
        }
    }
}

impl Chance for Shared {
    fn pick(&self, alternatives: u32, _site: &'static Location<'static>) -> u32 {
        chance::pick(alternatives)
    }

    fn fill(&self, bytes: &mut [u8]) {
        chance::fill(bytes);
    }
}

impl Signals for Shared {
    fn signal_count(&self, signal: i32) -> io::Result<u64> {
        signals::signal_count(signal)
    }

    fn poll_signal(
        &self,
        cx: &mut Context<'_>,
        signal: i32,
        seen: u64,
        wait: &mut Option<SignalWait>,
    ) -> Poll<u64> {
        signals::poll_signal(cx, signal, seen, wait)
    }
}

impl Blocking for Shared {
    fn run_blocking(&self, job: Job) {
        // A job that is refused is dropped without the lock.
        let _ = self.pool.run(&self.this(), job);
    }
}

impl Net for Shared {
    fn tcp_listen(&self, addr: SocketAddr, backlog: u32) -> io::Result<Arc<dyn Listener>> {
        Ok(Arc::new(RealListener::bind(self.this(), addr, backlog)?))
    }

    fn tcp_connect(&self, addr: SocketAddr) -> io::Result<Arc<dyn Stream>> {
        Ok(Arc::new(RealStream::connect(self.this(), addr)?))
    }

    fn adopt_listener(&self, listener: std::net::TcpListener) -> io::Result<Arc<dyn Listener>> {
        Ok(Arc::new(RealListener::adopt(self.this(), listener)?))
    }

    fn adopt_stream(&self, stream: std::net::TcpStream) -> io::Result<Arc<dyn Stream>> {
        Ok(Arc::new(RealStream::adopt(self.this(), stream)?))
    }

    fn resolve(&self, host: &str, port: u16) -> Resolving {
        resolve::resolve(host, port)
    }
}
