//! The clocks of a node, as a test sets them.

use std::panic::Location;
use std::time::{Duration, SystemTime};

use super::node::Node;
use super::simulation::with;
use crate::world::failure::Seconds;
use crate::world::{DRIFT_MAX_PPM, World};

/// The clocks of a [`Node`]: how wrong they are.
///
/// Time as [`Sim::elapsed`](crate::Sim::elapsed) counts it is true, and so is the network's; a
/// node's own clocks need not be. What its program measures with `simoom::time::Instant`, and with
/// it sleeps, time-outs and intervals, follows the node's monotonic clock, which may go too fast or
/// too slow, but never back. `simoom::time::system_time` shows its wall clock, which somebody may
/// set at any moment; that moves no timer.
///
/// All clocks of a run begin right and at the same moment, [`Sim::wall_clock`](crate::Sim::wall_clock).
/// They are the machine's: a restart leaves them as they are.
///
/// An `Instant` is a moment of the clock on which it was taken. On another node it is a number that
/// means nothing there, as between real machines.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use simoom::time::{Instant, sleep, system_time};
/// use simoom_sim::{Config, check};
///
/// check(Config::default().seeds(1), |sim| async move {
///     let fast = sim.node("fast");
///     fast.clock().drift(200);
///     fast.clock().step_back(Duration::from_secs(60));
///     fast.spawn(async {
///         let (start, wall) = (Instant::now(), system_time());
///         sleep(Duration::from_millis(1_000_200)).await;
///         let counted = Duration::from_millis(1_000_200);
///         assert_eq!(start.elapsed(), counted);
///         assert_eq!(system_time().duration_since(wall).unwrap(), counted);
///     })
///     .await
///     .unwrap();
///     // Its clocks counted 200 ms too many.
///     assert_eq!(sim.elapsed(), Duration::from_secs(1_000));
///     let behind = sim.wall_clock().duration_since(fast.clock().wall()).unwrap();
///     assert_eq!(behind, Duration::from_millis(59_800));
/// })
/// .unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Clock {
    node: Node,
}

impl Node {
    /// The clocks of the node's machine.
    #[must_use]
    pub fn clock(&self) -> Clock {
        Clock { node: self.clone() }
    }
}

impl Clock {
    fn with<R>(&self, f: impl FnOnce(&mut World) -> R) -> R {
        with(self.node.world, |backend| backend.with(f))
    }

    /// Has both clocks gain `ppm` microseconds in each second of true time from now on, or lose
    /// them if it is negative. 0 makes them go right again; what they were off by stays.
    ///
    /// Crystals in servers are off by up to 100, and some virtual machines by more. Timers that are
    /// armed move with the clock.
    ///
    /// # Panics
    /// If it is more than 500 000 in either direction.
    #[track_caller]
    pub fn drift(&self, ppm: i32) {
        assert!(
            ppm.unsigned_abs() <= DRIFT_MAX_PPM.unsigned_abs(),
            "a clock that drifts by {ppm} parts in a million is broken: at most {DRIFT_MAX_PPM}"
        );
        let how = format!(", {ppm} ppm");
        self.node
            .tell_more("clock.drifted", Location::caller(), &how);
        self.with(|world| world.set_drift(self.node.id, ppm));
    }

    /// Sets the wall clock forward.
    #[track_caller]
    pub fn step_forward(&self, duration: Duration) {
        self.step(nanos(duration), Location::caller());
    }

    /// Sets the wall clock back.
    #[track_caller]
    pub fn step_back(&self, duration: Duration) {
        self.step(-nanos(duration), Location::caller());
    }

    fn step(&self, by_ns: i64, place: &Location<'_>) {
        let way = if by_ns < 0 { "back" } else { "forward" };
        let how = format!(", {way} by {}", Seconds(by_ns.saturating_abs()));
        self.node.tell_more("clock.stepped", place, &how);
        self.with(|world| world.step_wall_clock(self.node.id, by_ns));
    }

    /// Sets the wall clock right, as a time server does. It goes on to drift if it does.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use simoom_sim::{Config, check};
    ///
    /// check(Config::default().seeds(1), |sim| async move {
    ///     let clock = sim.node("late").clock();
    ///     clock.step_back(Duration::from_secs(3600));
    ///     assert!(clock.wall() < sim.wall_clock());
    ///     clock.synchronise();
    ///     assert_eq!(clock.wall(), sim.wall_clock());
    /// })
    /// .unwrap();
    /// ```
    #[track_caller]
    pub fn synchronise(&self) {
        self.node.tell("clock.synchronised", Location::caller());
        self.with(|world| {
            let error_ns = world.wall_clock_error_ns(self.node.id);
            world.step_wall_clock(self.node.id, error_ns.saturating_neg());
        });
    }

    /// What the wall clock shows, as `simoom::time::system_time` returns it on the node.
    #[must_use]
    pub fn wall(&self) -> SystemTime {
        self.with(|world| world.wall_clock(self.node.id))
    }

    /// What the monotonic clock shows: how much time has passed on the node since the run began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.with(|world| {
            let clock = &world.nodes[self.node.id.0 as usize].clock;
            Duration::from_nanos(clock.monotonic_ns(world.now_ns).unsigned_abs())
        })
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
