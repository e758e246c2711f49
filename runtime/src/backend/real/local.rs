//! The core: the loop that runs tasks, and the world as the thread that runs the loop sees it.
//!
//! Owns the run queue and the turn of the driver. Knows nothing of sockets, and of other threads
//! only what the shared part tells it.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::panic::Location;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, SystemTime};

use super::driver::Driver;
use super::queue::Tasks;
use super::root::Root;
use super::shared::Shared;
use super::wakers::wake_all;
use super::{chance, shared};
use crate::backend::{
    Advanced, Answer, BUDGET, Backend, Blocking, BlockingCensus, Census, Chance, Claim, Clock, Id,
    Job, Listener, Message, Net, Op, Owner, Remote, Resolving, Schedule, SendTask, SignalWait,
    Signals, Stream, Task, TaskRef, TimerKey, Watch,
};
use crate::context;
use crate::dump::Dump;
use crate::dump::collect::{looking, note};
use crate::instrument::Busy;
use crate::task::TaskInfo;
use crate::time::Instant;

/// The core of the real world.
pub(super) struct Local {
    shared: Arc<Shared>,
    claim: Claim,
    tasks: Tasks,
    driver: RefCell<Driver>,
    /// How many polls there are between two turns of the driver at most.
    event_interval: u32,
    watch: Option<Arc<Watch>>,
    /// How long the thread did not wait, if times are kept.
    busy: Busy,
    forced_yields: Cell<u64>,
    /// Somebody waits for a dump.
    is_dump_due: Cell<bool>,
    /// How often the running task was refused an operation since it was polled.
    refusals: Cell<u32>,
    parks: Cell<u64>,
    /// Kept for their memory.
    messages: Cell<Vec<Message>>,
    wakers: Cell<Vec<Waker>>,
}

/// After so many refusals in one poll the task must be inside an executor of its own that asks
/// again and again: it gets a new budget, or it would ask for ever.
const REFUSALS_MAX: u32 = 1024;

impl Local {
    pub(super) fn new(
        shared: Arc<Shared>,
        claim: Claim,
        driver: Driver,
        event_interval: u32,
        watch: Option<Arc<Watch>>,
    ) -> Self {
        Self {
            tasks: Tasks::new(shared.owner().id),
            shared,
            claim,
            driver: RefCell::new(driver),
            event_interval,
            watch,
            busy: Busy::default(),
            forced_yields: Cell::new(0),
            is_dump_due: Cell::new(false),
            refusals: Cell::new(0),
            parks: Cell::new(0),
            messages: Cell::default(),
            wakers: Cell::default(),
        }
    }

    /// The part of the world that all threads share.
    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The right to run this world.
    pub(super) fn claim(&self) -> &Claim {
        &self.claim
    }

    /// Whether it owns tasks that must not leave this thread.
    pub(super) fn is_bound(&self) -> bool {
        self.tasks.bound() > 0
    }

    /// Runs tasks until `poll` is ready, which is called like a task's when `root` was woken.
    pub(super) fn run(
        &self,
        root: &Arc<Root>,
        cx: &mut Context<'_>,
        poll: &mut dyn FnMut(&mut Context<'_>) -> Poll<()>,
    ) {
        let _watched = self.watch.as_ref().map(Watch::run);
        let _busy = self.keeps_times().then(|| BusyRun::begin(&self.busy));
        // What was spawned from outside before this call is ahead of what the root will spawn.
        if self.shared.alarm().take() {
            self.receive();
        }
        // How many tasks are to run before the root's turn, once it was woken.
        let mut before_root = Some(0);
        loop {
            for _ in 0..self.event_interval {
                if before_root.is_none() && root.is_woken() {
                    before_root = Some(self.tasks.runnable());
                }
                if before_root == Some(0) {
                    before_root = None;
                    root.take_wake();
                    self.begin_poll();
                    if self.poll_root(|| poll(cx)).is_ready() {
                        return;
                    }
                    continue;
                }
                self.begin_poll();
                if !self.tasks.run_next() {
                    break;
                }
                before_root = before_root.map(|tasks| tasks - 1);
            }
            self.turn(before_root.is_none() && !root.is_woken());
            if self.is_dump_due.take() && self.dump(cx, poll).is_ready() {
                return;
            }
        }
    }

    /// Looks at the future of `block_on` and at every task, for all who want to know.
    #[cold]
    fn dump(
        &self,
        cx: &mut Context<'_>,
        poll: &mut dyn FnMut(&mut Context<'_>) -> Poll<()>,
    ) -> Poll<()> {
        let answers = self.shared.take_dumps();
        let (root, polled) = looking(|| poll(cx));
        let root = polled.is_pending().then_some(root);
        let dump = Dump::of(root, self.tasks.look());
        for answer in answers {
            answer.give(&dump);
        }
        polled
    }

    /// Polls the future of `block_on`.
    fn poll_root(&self, poll: impl FnOnce() -> Poll<()>) -> Poll<()> {
        struct Over<'a>(&'a Watch);
        impl Drop for Over<'_> {
            fn drop(&mut self) {
                self.0.after_root();
            }
        }
        let _over = self.watch.as_deref().map(|watch| {
            watch.before_root();
            Over(watch)
        });
        poll()
    }

    /// What the loop counts.
    fn counts(&self) -> Census {
        Census {
            alive: self.tasks.alive(),
            runnable: self.tasks.runnable(),
            parks: self.parks.get(),
            unparks: self.parks.get(),
            polls: self.tasks.polls(),
            spawned: self.tasks.spawned(),
            forced_yields: self.forced_yields.get(),
            busy: self.busy.total(),
            blocking: BlockingCensus::default(),
        }
    }

    fn keeps_times(&self) -> bool {
        self.watch.as_ref().is_some_and(|it| it.keeps_times())
    }

    /// Drops every task and ends the world. `away` says that this is not the thread on which tasks
    /// that are not `Send` may be dropped.
    pub(super) fn close(&self, away: bool) {
        self.begin_poll();
        self.tasks.clear(away);
        // Spawning was possible until here, from other threads and from destructors.
        let messages = self.claim.close();
        drop(messages);
        self.tasks.clear(away);
        let mut wakers = self.wakers.take();
        self.shared.close(&mut wakers);
        wake_all(&mut wakers);
    }

    fn begin_poll(&self) {
        self.refusals.set(0);
        context::set_budget(BUDGET);
    }

    /// Looks at what happened outside; waits for something to happen if the root has nothing to do
    /// and no task has either.
    fn turn(&self, root_waits: bool) {
        let may_sleep = root_waits && self.tasks.runnable() == 0 && !self.is_dump_due.get();
        let mut wakers = self.wakers.take();
        if may_sleep {
            self.parks.set(self.parks.get() + 1);
            self.shared.tell(self.counts());
            self.sleep(&mut wakers);
        } else if !self.shared.reactor().is_idle() {
            self.wait(Some(Duration::ZERO), &mut wakers);
        }
        self.shared
            .timers()
            .fire(|| self.shared.clock().now(), &mut wakers);
        wake_all(&mut wakers);
        self.wakers.set(wakers);
        if self.shared.alarm().take() {
            self.receive();
        }
    }

    fn sleep(&self, wakers: &mut Vec<Waker>) {
        let alarm = self.shared.alarm();
        let (timeout, deadline) = if alarm.fall_asleep() {
            let deadline = self.shared.timers().fall_asleep();
            (self.wait_for(deadline), deadline)
        } else {
            (Some(Duration::ZERO), None)
        };
        if timeout != Some(Duration::ZERO) || !self.shared.reactor().is_idle() {
            match &self.watch {
                None => self.wait(timeout, wakers),
                Some(watch) => self.wait_watched(watch, timeout, wakers),
            }
        }
        alarm.wake_up();
        self.shared.tell_unparked();
        if let Some(deadline) = deadline
            && timeout == Some(Duration::ZERO)
            && wakers.is_empty()
            && !alarm.is_notified()
        {
            // Where the clock stands, nothing but time can happen.
            self.shared.clock().reach(deadline);
        }
    }

    /// How long to wait for events at most before `deadline` is due.
    fn wait_for(&self, deadline: Option<Instant>) -> Option<Duration> {
        /// How often work on other threads is asked after, for which a clock that stands waits.
        const LOOK_AGAIN: Duration = Duration::from_millis(1);

        let deadline = deadline?;
        let clock = self.shared.clock();
        Some(if !clock.stands() {
            deadline.saturating_duration_since(clock.now())
        } else if self.shared.pool().is_busy() {
            LOOK_AGAIN
        } else {
            Duration::ZERO
        })
    }

    fn wait(&self, timeout: Option<Duration>, wakers: &mut Vec<Waker>) {
        let mut driver = self.driver.borrow_mut();
        driver.wait(timeout, self.shared.reactor(), wakers);
    }

    #[cold]
    fn wait_watched(&self, watch: &Watch, timeout: Option<Duration>, wakers: &mut Vec<Waker>) {
        watch.before_io_wait(timeout);
        if watch.keeps_times() {
            self.busy.end();
        }
        self.wait(timeout, wakers);
        if watch.keeps_times() {
            self.busy.begin();
        }
        watch.after_io_wait(timeout);
    }

    /// Takes in what other threads sent.
    fn receive(&self) {
        let mut messages = self.messages.take();
        self.claim.receive(&mut messages);
        for message in messages.drain(..) {
            match message {
                Message::Wake(woken) => woken.receive(|task| self.tasks.enqueue(task)),
                Message::Spawn(task) => self.tasks.adopt(task.into_task()),
            }
        }
        self.messages.set(messages);
        if self.shared.is_dump_wanted() {
            self.is_dump_due.set(true);
        }
    }
}

/// The thread runs the world.
struct BusyRun<'a>(&'a Busy);

impl<'a> BusyRun<'a> {
    fn begin(busy: &'a Busy) -> Self {
        busy.begin();
        Self(busy)
    }
}

impl Drop for BusyRun<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl std::fmt::Debug for Local {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Local")
            .field("tasks", &self.tasks)
            .finish_non_exhaustive()
    }
}

impl Backend for Local {
    fn owner(&self) -> Owner {
        self.shared.owner()
    }

    fn remote(&self) -> Arc<dyn Remote> {
        self.shared.clone()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn dump(&self, answer: Answer) -> Result<(), Answer> {
        self.shared.dump(answer)
    }

    fn watch(&self) -> Option<Arc<Watch>> {
        self.watch.clone()
    }
}

impl Schedule for Local {
    fn next_id(&self) -> Id {
        shared::next_id()
    }

    fn spawn(&self, task: Task) {
        self.tasks.adopt(task);
    }

    fn spawn_send(&self, task: SendTask) {
        self.shared.spawn_send(task);
    }

    fn schedule(&self, task: TaskRef<'_>) {
        self.tasks.enqueue(task);
    }

    fn proceed(&self, cx: &mut Context<'_>, op: &Op<'_>) -> Poll<()> {
        ready!(note(cx, op));
        if context::is_unconstrained() {
            context::set_budget(BUDGET);
            return Poll::Ready(());
        }
        let refusals = self.refusals.get() + 1;
        if refusals > REFUSALS_MAX {
            self.begin_poll();
            return Poll::Ready(());
        }
        self.refusals.set(refusals);
        if refusals == 1 {
            self.forced_yields.set(self.forced_yields.get() + 1);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn completed(&self, _op: &Op<'_>) {}

    fn census(&self) -> Census {
        Census {
            blocking: self.shared.pool().census(),
            ..self.counts()
        }
    }

    fn tasks(&self) -> Option<Vec<TaskInfo>> {
        Some(self.tasks.infos())
    }

    fn has_budget(&self) -> bool {
        context::has_budget() || context::is_unconstrained()
    }
}

impl Clock for Local {
    fn now(&self) -> Instant {
        self.shared.clock().now()
    }

    fn system_time(&self) -> SystemTime {
        SystemTime::now()
    }

    fn arm(&self, deadline: Instant, waker: &Waker) -> TimerKey {
        // This thread is awake, and looks at the timers before it sleeps.
        self.shared.timers().arm(deadline, waker).0
    }

    fn poll_timer(&self, key: TimerKey, waker: &Waker) -> Poll<()> {
        self.shared.timers().poll(key, waker)
    }

    fn disarm(&self, key: TimerKey) {
        self.shared.timers().disarm(key);
    }

    fn pause(&self) -> bool {
        self.shared.pause()
    }

    fn resume(&self) -> bool {
        self.shared.resume()
    }

    fn advance(&self, by: Duration) -> Advanced {
        let advanced = self.shared.advance(by);
        if advanced == Advanced::Moved {
            let mut wakers = self.wakers.take();
            self.shared.timers().fire(|| self.now(), &mut wakers);
            wake_all(&mut wakers);
            self.wakers.set(wakers);
        }
        advanced
    }
}

impl Chance for Local {
    fn pick(&self, alternatives: u32, _site: &'static Location<'static>) -> u32 {
        chance::pick(alternatives)
    }

    fn fill(&self, bytes: &mut [u8]) {
        chance::fill(bytes);
    }
}

impl Signals for Local {
    fn signal_count(&self, signal: i32) -> io::Result<u64> {
        self.shared.signal_count(signal)
    }

    fn poll_signal(
        &self,
        cx: &mut Context<'_>,
        signal: i32,
        seen: u64,
        wait: &mut Option<SignalWait>,
    ) -> Poll<u64> {
        self.shared.poll_signal(cx, signal, seen, wait)
    }
}

impl Blocking for Local {
    fn run_blocking(&self, job: Job) {
        self.shared.run_blocking(job);
    }
}

impl Net for Local {
    fn tcp_listen(&self, addr: SocketAddr, backlog: u32) -> io::Result<Arc<dyn Listener>> {
        self.shared.tcp_listen(addr, backlog)
    }

    fn tcp_connect(&self, addr: SocketAddr) -> io::Result<Arc<dyn Stream>> {
        self.shared.tcp_connect(addr)
    }

    fn adopt_listener(&self, listener: std::net::TcpListener) -> io::Result<Arc<dyn Listener>> {
        self.shared.adopt_listener(listener)
    }

    fn adopt_stream(&self, stream: std::net::TcpStream) -> io::Result<Arc<dyn Stream>> {
        self.shared.adopt_stream(stream)
    }

    fn resolve(&self, host: &str, port: u16) -> Resolving {
        self.shared.resolve(host, port)
    }
}
