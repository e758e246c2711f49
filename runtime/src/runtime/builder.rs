//! How a runtime is configured.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::Runtime;
use super::{Instrument, TaskMeta};
use crate::backend::Watch;
use crate::backend::real::{PoolSettings, Real};
use crate::instrument::{Closures, Debug, SlowHook, SlowPoll};
use crate::signal::unix::SignalKind;
use crate::task::{Hook, Shutdown, Unobserved};

/// Configures a [`Runtime`] before it starts.
///
/// # Examples
/// ```
/// let rt = simoom::runtime::Builder::new_current_thread()
///     .enable_all()
///     .build()
///     .unwrap();
/// assert_eq!(rt.block_on(async { 2 + 2 }), 4);
/// ```
#[derive(Clone)]
pub struct Builder {
    event_interval: u32,
    pool: PoolSettings,
    start_paused: bool,
    unobserved: Option<Hook>,
    at_drop: AtDrop,
    instruments: Vec<Arc<dyn Instrument>>,
    closures: Closures,
    debug: Option<bool>,
    slow_poll: Option<Duration>,
    on_slow_poll: Option<SlowHook>,
    task_times: bool,
    dump_on: Option<SignalKind>,
}

/// What a runtime does with its tasks when it is dropped.
#[derive(Clone, Default)]
pub(super) struct AtDrop {
    pub(super) bound: Duration,
    tell: Option<Tell>,
}

/// Who is told of a shutdown.
type Tell = Arc<dyn Fn(&Shutdown) + Send + Sync>;

impl AtDrop {
    pub(super) fn tell(&self, shutdown: &Shutdown) {
        match &self.tell {
            Some(tell) => tell(shutdown),
            None if shutdown.is_clean() => {}
            None => eprintln!("simoom: {shutdown}"),
        }
    }
}

/// Few enough that sockets are served while tasks are busy, many enough that asking for events is
/// a small part of the work.
const EVENT_INTERVAL: u32 = 61;

/// As asyncio has it.
const SLOW_POLL: Duration = Duration::from_millis(100);

/// Whether the environment asks for debug mode.
fn is_debugging_wanted() -> bool {
    std::env::var_os("SIMOOM_DEBUG").is_some_and(|value| value == "1")
}

impl Builder {
    /// A runtime that runs its tasks on the one thread that is inside
    /// [`block_on`](Runtime::block_on).
    #[must_use]
    pub fn new_current_thread() -> Self {
        Self {
            event_interval: EVENT_INTERVAL,
            pool: PoolSettings::default(),
            start_paused: false,
            unobserved: None,
            at_drop: AtDrop::default(),
            instruments: Vec::new(),
            closures: Closures::default(),
            debug: None,
            slow_poll: None,
            on_slow_poll: None,
            task_times: false,
            dump_on: None,
        }
    }

    /// Changes nothing: sockets and timers are always enabled.
    pub fn enable_all(&mut self) -> &mut Self {
        self
    }

    /// Changes nothing: sockets are always enabled.
    pub fn enable_io(&mut self) -> &mut Self {
        self
    }

    /// Changes nothing: timers are always enabled.
    pub fn enable_time(&mut self) -> &mut Self {
        self
    }

    /// After how many polls of tasks the runtime looks for events even if tasks are waiting to
    /// run. 61 by default.
    ///
    /// # Panics
    /// If `polls` is 0.
    #[track_caller]
    pub fn event_interval(&mut self, polls: u32) -> &mut Self {
        assert!(polls > 0, "the event interval must be greater than 0");
        self.event_interval = polls;
        self
    }

    /// How many threads there are at most for
    /// [`spawn_blocking`](crate::task::spawn_blocking). 512 by default.
    ///
    /// They are started as they are needed. With all of them busy, closures wait their turn.
    ///
    /// # Panics
    /// If `threads` is 0.
    ///
    /// # Under simulation
    /// A simulated node has its own limit, set by the test: `Node::max_blocking_threads` of the
    /// simulator.
    ///
    /// # Examples
    /// ```
    /// use simoom::runtime::Builder;
    ///
    /// let rt = Builder::new_current_thread()
    ///     .max_blocking_threads(1)
    ///     .build()
    ///     .unwrap();
    /// let first = rt.spawn_blocking(|| std::thread::current().id());
    /// let second = rt.spawn_blocking(|| std::thread::current().id());
    /// let (first, second) = rt.block_on(async { (first.await, second.await) });
    /// assert_eq!(first.unwrap(), second.unwrap());
    /// ```
    #[track_caller]
    pub fn max_blocking_threads(&mut self, threads: usize) -> &mut Self {
        assert!(
            threads > 0,
            "the most blocking threads must be greater than 0"
        );
        self.pool.threads_max = threads;
        self
    }

    /// How long a thread for blocking work waits for more before it ends. 10 s by default.
    pub fn thread_keep_alive(&mut self, duration: Duration) -> &mut Self {
        self.pool.keep_alive = duration;
        self
    }

    /// The name of the threads for blocking work. `simoom-blocking` by default.
    ///
    /// # Examples
    /// ```
    /// let rt = simoom::runtime::Builder::new_current_thread()
    ///     .thread_name("compress")
    ///     .build()
    ///     .unwrap();
    /// let name = rt.spawn_blocking(|| std::thread::current().name().map(str::to_owned));
    /// assert_eq!(rt.block_on(name).unwrap().as_deref(), Some("compress"));
    /// ```
    pub fn thread_name(&mut self, name: impl Into<String>) -> &mut Self {
        let name = name.into();
        self.thread_name_fn(move || name.clone())
    }

    /// Names each thread for blocking work by a call of `name`, which must not use the runtime.
    pub fn thread_name_fn<F>(&mut self, name: F) -> &mut Self
    where
        F: Fn() -> String + Send + Sync + 'static,
    {
        self.pool.name = Arc::new(name);
        self
    }

    /// The stack size, in bytes, of the threads for blocking work. That of the standard library
    /// by default.
    pub fn thread_stack_size(&mut self, bytes: usize) -> &mut Self {
        self.pool.stack_size = Some(bytes);
        self
    }

    /// Calls `f` on each thread for blocking work when it starts.
    pub fn on_thread_start<F>(&mut self, f: F) -> &mut Self
    where
        F: Fn() + Send + Sync + 'static,
    {
        self.pool.on_start = Some(Arc::new(f));
        self
    }

    /// Calls `f` on each thread for blocking work when it stops.
    pub fn on_thread_stop<F>(&mut self, f: F) -> &mut Self
    where
        F: Fn() + Send + Sync + 'static,
    {
        self.pool.on_stop = Some(Arc::new(f));
        self
    }

    /// Whether the runtime's clock stands from the start, as after
    /// [`time::pause`](crate::time::pause). It does not by default.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use simoom::time::{Instant, sleep};
    ///
    /// let rt = simoom::runtime::Builder::new_current_thread()
    ///     .start_paused(true)
    ///     .build()
    ///     .unwrap();
    /// rt.block_on(async {
    ///     let start = Instant::now();
    ///     sleep(Duration::from_secs(3600)).await;
    ///     assert_eq!(start.elapsed(), Duration::from_secs(3600));
    /// });
    /// ```
    pub fn start_paused(&mut self, start_paused: bool) -> &mut Self {
        self.start_paused = start_paused;
        self
    }

    /// Calls `f` once for each task that panics and that nobody waits for: when it ends, if its
    /// handle is gone, else when the handle is dropped.
    ///
    /// Nothing is said of tasks that were joined or that were aborted, of blocking closures, nor when
    /// the runtime has ended. The panic itself has been printed by the panic hook in any case; `f` is
    /// told which task it was. What `f` panics with is dropped.
    ///
    /// # Under simulation
    /// There is no such function: a task that panics fails the run, whether or not it is joined.
    ///
    /// # Examples
    /// ```
    /// use std::sync::{Arc, Mutex};
    /// use simoom::runtime::Builder;
    ///
    /// let told = Arc::new(Mutex::new(Vec::new()));
    /// let log = told.clone();
    /// let rt = Builder::new_current_thread()
    ///     .on_unobserved_failure(move |failure| log.lock().unwrap().push(failure.to_string()))
    ///     .build()
    ///     .unwrap();
    /// rt.block_on(async {
    ///     drop(simoom::spawn(async { panic!("nobody looks") }));
    ///     simoom::task::yield_now().await;
    /// });
    /// let told = told.lock().unwrap();
    /// assert!(told[0].contains("panicked with message \"nobody looks\", spawned at "), "{told:?}");
    /// ```
    pub fn on_unobserved_failure<F>(&mut self, f: F) -> &mut Self
    where
        F: Fn(&Unobserved<'_>) + Send + Sync + 'static,
    {
        self.unobserved = Some(Arc::new(f));
        self
    }

    /// Tells `instrument` what the runtime does, after those that were given before.
    ///
    /// # Under simulation
    /// `Sim::instrument` of the simulator does so.
    ///
    /// # Examples
    /// See [`Instrument`].
    pub fn instrument(&mut self, instrument: Arc<dyn Instrument>) -> &mut Self {
        self.instruments.push(instrument);
        self
    }

    /// Calls `f` for each new task, as [`Instrument::task_spawned`], after all instruments. A second
    /// call replaces the first, as with all that follow.
    ///
    /// # Examples
    /// ```
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    /// use simoom::runtime::Builder;
    ///
    /// static SPAWNED: AtomicUsize = AtomicUsize::new(0);
    /// let rt = Builder::new_current_thread()
    ///     .on_task_spawn(|_task| {
    ///         SPAWNED.fetch_add(1, Ordering::Relaxed);
    ///     })
    ///     .build()
    ///     .unwrap();
    /// rt.block_on(async { simoom::spawn(async {}).await.unwrap() });
    /// assert_eq!(SPAWNED.load(Ordering::Relaxed), 1);
    /// ```
    pub fn on_task_spawn<F>(&mut self, f: F) -> &mut Self
    where
        F: Fn(&TaskMeta<'_>) + Send + Sync + 'static,
    {
        self.closures.spawn = Some(Arc::new(f));
        self
    }

    /// Calls `f` before each poll of a task, as [`Instrument::before_task_step`].
    pub fn on_before_task_poll<F>(&mut self, f: F) -> &mut Self
    where
        F: Fn(&TaskMeta<'_>) + Send + Sync + 'static,
    {
        self.closures.before_poll = Some(Arc::new(f));
        self
    }

    /// Calls `f` after each poll of a task, as [`Instrument::after_task_step`].
    pub fn on_after_task_poll<F>(&mut self, f: F) -> &mut Self
    where
        F: Fn(&TaskMeta<'_>) + Send + Sync + 'static,
    {
        self.closures.after_poll = Some(Arc::new(f));
        self
    }

    /// Calls `f` for each task that has ended, as [`Instrument::task_exited`].
    pub fn on_task_terminate<F>(&mut self, f: F) -> &mut Self
    where
        F: Fn(&TaskMeta<'_>) + Send + Sync + 'static,
    {
        self.closures.terminate = Some(Arc::new(f));
        self
    }

    /// Calls `f` before the thread waits because no task can run.
    ///
    /// # Examples
    /// ```
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    /// use std::time::Duration;
    /// use simoom::runtime::Builder;
    ///
    /// static WAITS: AtomicUsize = AtomicUsize::new(0);
    /// let rt = Builder::new_current_thread()
    ///     .on_thread_park(|| {
    ///         WAITS.fetch_add(1, Ordering::Relaxed);
    ///     })
    ///     .build()
    ///     .unwrap();
    /// rt.block_on(simoom::time::sleep(Duration::from_millis(2)));
    /// assert!(WAITS.load(Ordering::Relaxed) > 0);
    /// ```
    pub fn on_thread_park<F>(&mut self, f: F) -> &mut Self
    where
        F: Fn() + Send + Sync + 'static,
    {
        self.closures.park = Some(Arc::new(f));
        self
    }

    /// Calls `f` when the thread has waited.
    pub fn on_thread_unpark<F>(&mut self, f: F) -> &mut Self
    where
        F: Fn() + Send + Sync + 'static,
    {
        self.closures.unpark = Some(Arc::new(f));
        self
    }

    /// Whether the runtime finds out what is wrong with a program, at some cost: it tells of
    /// [slow polls](Self::slow_poll), also while they go on, keeps [times](Self::task_times) of every
    /// task, and prints [what all tasks do](Self::dump_on) when it gets SIGUSR1.
    ///
    /// A program that is built with debug assertions also tells, once for each line, of operations that
    /// a task has made and dropped without a poll, for want of an `.await`: of sleeping, giving way,
    /// channels, queues, locks, permits, events, and the next of a set of tasks. Branches of this crate's
    /// `select!` and `try_join!` need no poll; those of other crates' are told of, as is what is made for
    /// later and then not needed.
    ///
    /// Not by default, unless the environment variable `SIMOOM_DEBUG` is `1`: that is for programs
    /// that do not call this.
    ///
    /// # Under simulation
    /// There is no such mode: no time passes while a task is polled, and a run that goes on for too long
    /// is ended and reported in any case.
    ///
    /// # Examples
    /// ```
    /// use simoom::runtime::Builder;
    ///
    /// let rt = Builder::new_current_thread().debug(true).build().unwrap();
    /// rt.block_on(async {
    ///     let task = simoom::spawn(async { simoom::task::current().times().unwrap().polls() });
    ///     // The poll that goes on does not count yet.
    ///     assert_eq!(task.await.unwrap(), 0);
    /// });
    /// ```
    pub fn debug(&mut self, debug: bool) -> &mut Self {
        self.debug = Some(debug);
        self
    }

    /// Tells of each poll that takes longer than `duration`, and so keeps all other tasks waiting: of
    /// its task, where that was spawned, and how long it took. One that takes ten times as long is told
    /// of while it goes on, with what its thread does, as far as the system says that. 100 ms by
    /// default in [debug mode](Self::debug); never by default otherwise.
    ///
    /// It is a line on the standard error; with the feature `tracing` a warning at the target `simoom`;
    /// or a call, with [`on_slow_poll`](Self::on_slow_poll). Code that may take so long belongs into
    /// [`spawn_blocking`](crate::task::spawn_blocking), or should give way
    /// [in between](crate::task::yield_now). The future of `block_on` is looked after like a task's.
    ///
    /// Costs two readings of the clock for each poll, and a thread that looks now and then.
    ///
    /// # Under simulation
    /// There is none.
    pub fn slow_poll(&mut self, duration: Duration) -> &mut Self {
        self.slow_poll = Some(duration);
        self
    }

    /// Calls `f` of each [slow poll](Self::slow_poll), instead of printing it. Of one that goes on, it
    /// is called on another thread.
    ///
    /// # Examples
    /// ```
    /// use std::sync::{Arc, Mutex};
    /// use std::time::Duration;
    /// use simoom::runtime::Builder;
    ///
    /// let told = Arc::new(Mutex::new(Vec::new()));
    /// let log = told.clone();
    /// let rt = Builder::new_current_thread()
    ///     .slow_poll(Duration::from_millis(5))
    ///     .on_slow_poll(move |slow| {
    ///         if !slow.is_going_on() {
    ///             log.lock().unwrap().push(slow.to_string());
    ///         }
    ///     })
    ///     .build()
    ///     .unwrap();
    /// rt.block_on(async {
    ///     let task = simoom::task::Builder::new().name("careless");
    ///     let task = task.spawn(async { std::thread::sleep(Duration::from_millis(10)) });
    ///     task.unwrap().await.unwrap();
    /// });
    /// let told = told.lock().unwrap();
    /// assert!(told.iter().any(|it| it.contains("(careless), spawned at ")), "{told:?}");
    /// ```
    pub fn on_slow_poll<F>(&mut self, f: F) -> &mut Self
    where
        F: Fn(&SlowPoll<'_>) + Send + Sync + 'static,
    {
        self.on_slow_poll = Some(Arc::new(f));
        self
    }

    /// Whether it is counted and measured what each task does; [`TaskTimes`](super::TaskTimes) says
    /// what. Not by default, but in [debug mode](Self::debug). Costs memory for each task, and three
    /// readings of the clock for each poll.
    ///
    /// It also has
    /// [`worker_total_busy_duration`](super::RuntimeMetrics::worker_total_busy_duration) measured.
    ///
    /// # Under simulation
    /// There are no times.
    pub fn task_times(&mut self, task_times: bool) -> &mut Self {
        self.task_times = task_times;
        self
    }

    /// Prints a [dump](super::Handle::dump) on the standard error whenever the process gets `signal`,
    /// from the moment on at which the runtime is built. SIGUSR1 by default in
    /// [debug mode](Self::debug), none otherwise.
    ///
    /// The tasks are looked at between two polls: while one blocks there is no dump, and its being slow
    /// is told. Of several runtimes of a process each prints its own.
    ///
    /// # Under simulation
    /// There is none.
    ///
    /// # Examples
    /// ```
    /// use simoom::runtime::Builder;
    /// use simoom::signal::unix::SignalKind;
    ///
    /// let rt = Builder::new_current_thread()
    ///     .dump_on(SignalKind::user_defined1())
    ///     .build()
    ///     .unwrap();
    /// // From now on: kill -USR1 $(pidof program)
    /// # drop(rt);
    /// ```
    pub fn dump_on(&mut self, signal: SignalKind) -> &mut Self {
        self.dump_on = Some(signal);
        self
    }

    fn is_debugging(&self) -> bool {
        self.debug.unwrap_or_else(is_debugging_wanted)
    }

    /// Who is to be told of what the runtime does.
    fn watch(&self) -> Option<Arc<Watch>> {
        let closures = self.closures.is_some().then(|| self.closures.clone());
        let closures = closures.map(|it| Arc::new(it) as Arc<dyn Instrument>);
        let instruments = self.instruments.iter().cloned().chain(closures);
        let is_debugging = self.is_debugging();
        let is_asked = is_debugging || self.slow_poll.is_some() || self.on_slow_poll.is_some();
        let debug = Debug {
            unpolled: is_debugging,
            times: is_debugging || self.task_times,
            slow_poll: is_asked.then(|| self.slow_poll.unwrap_or(SLOW_POLL)),
            on_slow_poll: self.on_slow_poll.clone(),
        };
        Watch::debugging(instruments, debug)
    }

    /// When the runtime is dropped, its tasks are asked to end, and it runs them until they have,
    /// `bound` at most; see [`Runtime::shutdown_within`]. Zero, the default, drops them where they are,
    /// as tokio does.
    ///
    /// What had to be dropped all the same is listed on the standard error, or given to
    /// [`on_shutdown`](Self::on_shutdown). A drop inside a runtime, or on a thread that must not run
    /// tasks of [`spawn_local`](crate::task::spawn_local) that are left, asks nobody.
    ///
    /// # Under simulation
    /// `Node::shutdown_within` of the simulator.
    ///
    /// # Examples
    /// ```
    /// use std::sync::{Arc, Mutex};
    /// use std::time::Duration;
    /// use simoom::task::catch_cancel;
    ///
    /// let rt = simoom::runtime::Builder::new_current_thread()
    ///     .shutdown_within(Duration::from_secs(5))
    ///     .build()
    ///     .unwrap();
    /// let log = Arc::new(Mutex::new(""));
    /// let written = log.clone();
    /// rt.block_on(async move {
    ///     drop(simoom::spawn(async move {
    ///         let _ = catch_cancel(std::future::pending::<()>()).await;
    ///         simoom::time::sleep(Duration::from_millis(1)).await;
    ///         *written.lock().unwrap() = "all written";
    ///     }));
    ///     simoom::task::yield_now().await;
    /// });
    /// drop(rt);
    /// assert_eq!(*log.lock().unwrap(), "all written");
    /// ```
    pub fn shutdown_within(&mut self, bound: Duration) -> &mut Self {
        self.at_drop.bound = bound;
        self
    }

    /// Calls `f` with what came of the tasks that were left when the runtime was dropped, if it was
    /// built to [ask them](Self::shutdown_within). What `f` panics with is dropped.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// let rt = simoom::runtime::Builder::new_current_thread()
    ///     .shutdown_within(Duration::from_secs(5))
    ///     .on_shutdown(|shutdown| assert!(shutdown.is_clean()))
    ///     .build()
    ///     .unwrap();
    /// rt.block_on(async {});
    /// ```
    pub fn on_shutdown<F>(&mut self, f: F) -> &mut Self
    where
        F: Fn(&Shutdown) + Send + Sync + 'static,
    {
        self.at_drop.tell = Some(Arc::new(f));
        self
    }

    /// Makes the runtime.
    ///
    /// # Errors
    /// When the operating system has no descriptors left; when [`dump_on`](Self::dump_on) names what is
    /// no signal that a program may have.
    pub fn build(&mut self) -> io::Result<Runtime> {
        let mut real = Real::new(
            self.event_interval,
            self.pool.clone(),
            self.unobserved.clone(),
            self.watch(),
        )?;
        if self.start_paused {
            real.pause();
        }
        let by_default = self.is_debugging().then(SignalKind::user_defined1);
        if let Some(signal) = self.dump_on.or(by_default) {
            real.dump_on(signal.as_raw_value())?;
        }
        let at_drop = Some(self.at_drop.clone()).filter(|it| !it.bound.is_zero());
        Ok(Runtime::new_in(Box::new(real), at_drop))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("event_interval", &self.event_interval)
            .field("max_blocking_threads", &self.pool.threads_max)
            .field("thread_keep_alive", &self.pool.keep_alive)
            .field("thread_stack_size", &self.pool.stack_size)
            .field("start_paused", &self.start_paused)
            .field("shutdown_within", &self.at_drop.bound)
            .field("debug", &self.debug)
            .field("slow_poll", &self.slow_poll)
            .field("task_times", &self.task_times)
            .finish_non_exhaustive()
    }
}
