//! The simulation, as its test sees it.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use simoom::runtime::Instrument;

use super::net::Net;
use super::node::Node;
use crate::backend::SimBackend;
use crate::intercept::{self, Escape};
use crate::kill;
use crate::world::World;

/// A running simulation, as its test sees it. Cloning is cheap.
///
/// The test itself runs on a node called `test`. Everything of `simoom` works in it: sleeping
/// takes virtual time, and connecting to a node's name reaches that node.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use simoom_sim::{Config, check};
///
/// check(Config::default().seeds(3), |sim| async move {
///     let echo = sim.node("echo").spawn(async { 5 });
///     assert_eq!(echo.await.unwrap(), 5);
///     simoom::time::sleep(Duration::from_secs(3600)).await;
///     assert_eq!(sim.elapsed(), Duration::from_secs(3600));
/// })
/// .unwrap();
/// ```
#[derive(Clone)]
pub struct Sim {
    pub(super) world: u64,
}

impl Sim {
    pub(crate) fn new(world: u64) -> Self {
        Self { world }
    }

    /// The seed of this run.
    #[must_use]
    pub fn seed(&self) -> u64 {
        with(self.world, |backend| backend.with(|world| world.seed))
    }

    /// How much virtual time has passed since the run began.
    ///
    /// This is true time, whatever the [clocks](crate::Clock) of the nodes show.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        with(self.world, |backend| {
            backend.with(|world| Duration::from_nanos(world.now_ns as u64))
        })
    }

    /// What a wall clock that is right shows: 2020-01-01 00:00:00 UTC when the run began, plus
    /// [`elapsed`](Self::elapsed).
    ///
    /// # Examples
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use simoom_sim::{Config, check};
    ///
    /// check(Config::default().seeds(1), |sim| async move {
    ///     let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_577_836_800);
    ///     simoom::time::sleep(Duration::from_secs(5)).await;
    ///     assert_eq!(sim.wall_clock(), start + Duration::from_secs(5));
    ///     assert_eq!(simoom::time::system_time(), sim.wall_clock());
    /// })
    /// .unwrap();
    /// ```
    #[must_use]
    pub fn wall_clock(&self) -> SystemTime {
        with(self.world, |backend| {
            backend.with(|world| world.true_wall_clock())
        })
    }

    /// Takes the power from several machines at one instant, as when a rack loses it.
    ///
    /// See [`Node::power_loss`].
    ///
    /// # Panics
    /// If the node of the test itself is one of them.
    ///
    /// # Examples
    /// ```
    /// use simoom_sim::{Config, check};
    ///
    /// check(Config::default().seeds(3), |sim| async move {
    ///     let rack = ["one", "two", "three"].map(|name| sim.node(name));
    ///     sim.power_loss(&rack);
    ///     assert!(rack.iter().all(|node| !node.is_alive()));
    /// })
    /// .unwrap();
    /// ```
    #[track_caller]
    pub fn power_loss<'a>(&self, nodes: impl IntoIterator<Item = &'a Node>) {
        let mut ids = Vec::new();
        for node in nodes {
            node.assert_not_test();
            ids.push(node.id);
        }
        tell(self.world, "node.power_lost", Location::caller(), |world| {
            let names = ids.iter().map(|id| &*world.nodes[id.0 as usize].name);
            names.collect::<Vec<_>>().join(", ")
        });
        with(self.world, |backend| kill::power_loss(backend, &ids));
    }

    /// The node called `name`, made now if there is none. Other nodes reach it by this name.
    ///
    /// It gets the next address of 10.0.0.0/16.
    ///
    /// # Panics
    /// If `name` is empty, or the simulation has 64 000 nodes.
    #[track_caller]
    #[must_use]
    pub fn node(&self, name: &str) -> Node {
        assert!(!name.is_empty(), "a node needs a name");
        let id = with(self.world, |backend| backend.with(|world| world.node(name)));
        Node::new(self.world, id)
    }

    /// The network between the nodes.
    #[must_use]
    pub fn net(&self) -> Net {
        Net::new(self.world)
    }

    /// Lets `duration` of virtual time pass, as `simoom::time::sleep` does.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn advance(&self, duration: Duration) {
        simoom::time::sleep(duration).await;
    }

    /// Notes what the program did, for the story of a failure and for checks of the history.
    ///
    /// A note is part of what happened: two runs with different notes differ.
    ///
    /// # Examples
    /// ```
    /// use simoom_sim::{Config, check};
    ///
    /// let report = check(Config::default().seeds(1).persist(false), |sim| async move {
    ///     sim.note("set a=1 acknowledged");
    ///     assert_eq!(sim.seed(), 0, "lost it");
    /// });
    /// assert!(report.failure().unwrap().to_string().contains("set a=1 acknowledged"));
    /// ```
    pub fn note(&self, text: &str) {
        with(self.world, |backend| {
            backend.with(|world| world.user_note(text))
        });
    }

    /// Allows simulated code to do `escape` outside the simulation until the end of this run.
    ///
    /// What it does there is real, takes real time, and is not repeated by the seed: that is up to
    /// the test. What was allowed before stays allowed. Default: nothing.
    ///
    /// # Examples
    /// ```
    /// use simoom_sim::{Config, Escape, check};
    ///
    /// check(Config::default().seeds(2), |sim| async move {
    ///     sim.allow(Escape::FILES | Escape::PROCESSES);
    ///     // Several seeds run at once, and the real disk is one.
    ///     let name = format!("simoom-{}-{}", std::process::id(), sim.seed());
    ///     let path = std::env::temp_dir().join(name);
    ///     std::fs::write(&path, "written to the real disk").unwrap();
    ///     std::fs::remove_file(&path).unwrap();
    /// })
    /// .unwrap();
    /// ```
    pub fn allow(&self, escape: Escape) {
        with(self.world, |_backend| intercept::allow(escape));
    }

    /// Tells `instrument` what the simulation does, from now until the test has returned; after those
    /// that were given before.
    ///
    /// Its [`before_run`](Instrument::before_run) is called before this returns. Of tasks that are
    /// there already, such as the test itself, it is told nothing, unless another instrument was there
    /// before them. It changes nothing unless it does what is seen, see [`Instrument`].
    ///
    /// # Examples
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// use simoom::runtime::{Instrument, TaskMeta};
    /// use simoom_sim::{Config, check};
    ///
    /// #[derive(Default)]
    /// struct Steps(AtomicU64);
    ///
    /// impl Instrument for Steps {
    ///     fn after_task_step(&self, _task: &TaskMeta<'_>) {
    ///         self.0.fetch_add(1, Ordering::Relaxed);
    ///     }
    /// }
    ///
    /// check(Config::default().seeds(3), |sim| async move {
    ///     let steps = Arc::new(Steps::default());
    ///     sim.instrument(steps.clone());
    ///     sim.node("server").spawn(async {}).await.unwrap();
    ///     assert!(steps.0.load(Ordering::Relaxed) >= 1);
    /// })
    /// .unwrap();
    /// ```
    pub fn instrument(&self, instrument: Arc<dyn Instrument>) {
        with(self.world, |backend| backend.instrument(instrument));
    }

    /// Waits until `condition` holds, looking every millisecond of virtual time.
    ///
    /// Bound it with `simoom::time::timeout`; unbounded, a condition that never holds ends the run
    /// at its virtual-time limit.
    ///
    /// # Cancel safety
    /// Safe.
    ///
    /// # Examples
    /// ```
    /// # use std::{cell::Cell, rc::Rc, time::Duration};
    /// # use simoom_sim::{Config, check};
    /// check(Config::default().seeds(1), |sim| async move {
    ///     let done = Rc::new(Cell::new(false));
    ///     let flag = done.clone();
    ///     sim.node("worker").spawn(async move {
    ///         simoom::time::sleep(Duration::from_millis(30)).await;
    ///         flag.set(true);
    ///     });
    ///     sim.run_until(|| done.get()).await;
    ///     assert!(sim.elapsed() >= Duration::from_millis(30));
    /// })
    /// .unwrap();
    /// ```
    pub async fn run_until(&self, mut condition: impl FnMut() -> bool) {
        while !condition() {
            simoom::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim").finish_non_exhaustive()
    }
}

/// Tells what the test does itself, for the story of a failure.
pub(super) fn tell(
    world: u64,
    name: &str,
    place: &Location<'_>,
    about: impl FnOnce(&World) -> String,
) {
    with(world, |backend| {
        backend.with(|world| world.tell_act(name, place, about));
    });
}

/// Runs `f` in the world `world`.
///
/// # Panics
/// If this thread is not inside it.
pub(super) fn with<R>(world: u64, f: impl FnOnce(&SimBackend) -> R) -> R {
    SimBackend::current(
        |backend| match backend.filter(|backend| backend.id() == world) {
            Some(backend) => f(backend),
            None => panic!("a simulation's handle was used outside its run"),
        },
    )
}
