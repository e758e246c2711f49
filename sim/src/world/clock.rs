//! The clocks of a node: how they differ from true time.
//!
//! True time is the world's own. A node's monotonic clock goes at a rate of its own and never back;
//! its wall clock is the monotonic one plus an offset, which may be set at any moment.
//!
//! # Invariants
//! 1. The monotonic clock is a line from each change of its rate to the next, and the lines meet:
//!    it never goes back and never jumps.
//! 2. `true_moment` is the first moment of true time at which the monotonic clock shows a deadline.

use std::time::{Duration, SystemTime};

use simoom::time::Instant;

use super::node::NodeId;
use super::{Due, World};
use crate::intercept::{self, Clocks};
use crate::record::EventKind;

/// What every wall clock shows at the beginning of a run.
const EPOCH_NS: i64 = Clocks::WALL_NS;

/// The most parts in a million by which a clock may be wrong, in either direction.
pub(crate) const DRIFT_MAX_PPM: i32 = 500_000;

const MILLION: i128 = 1_000_000;

/// A node's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    /// Since when the rate holds, in true time.
    since_ns: i64,
    /// What the monotonic clock showed then.
    shown_ns: i64,
    drift_ppm: i32,
    /// How far the wall clock is ahead of the monotonic one, which began at the epoch.
    wall_ahead_ns: i64,
}

impl Clock {
    /// What the monotonic clock shows at `now_ns` of true time.
    pub(crate) fn monotonic_ns(&self, now_ns: i64) -> i64 {
        let passed = now_ns - self.since_ns;
        if self.drift_ppm == 0 {
            return self.shown_ns + passed;
        }
        let rate = MILLION + i128::from(self.drift_ppm);
        let shown = i128::from(self.shown_ns) + (i128::from(passed) * rate).div_euclid(MILLION);
        saturate(shown)
    }

    /// The first moment of true time at which the monotonic clock shows `deadline_ns`.
    fn true_moment(&self, deadline_ns: i64) -> i64 {
        let left = i128::from(deadline_ns) - i128::from(self.shown_ns);
        if self.drift_ppm == 0 {
            return saturate(i128::from(self.since_ns) + left);
        }
        let rate = MILLION + i128::from(self.drift_ppm);
        let passed = -(-left * MILLION).div_euclid(rate);
        saturate(i128::from(self.since_ns) + passed)
    }

    /// What code on the node reads at `now_ns` of true time.
    pub(crate) fn shown(&self, now_ns: i64) -> Clocks {
        Clocks::showing(self.monotonic_ns(now_ns), saturate(self.wall_ns(now_ns)))
    }

    /// What the wall clock shows at `now_ns` of true time, in nanoseconds since the Unix epoch.
    pub(crate) fn wall_ns(&self, now_ns: i64) -> i128 {
        i128::from(EPOCH_NS)
            + i128::from(self.monotonic_ns(now_ns))
            + i128::from(self.wall_ahead_ns)
    }
}

fn saturate(nanoseconds: i128) -> i64 {
    i64::try_from(nanoseconds).unwrap_or(if nanoseconds < 0 { i64::MIN } else { i64::MAX })
}

/// A moment in nanoseconds since the Unix epoch, as the standard library has it.
fn system_time(unix_ns: i128) -> SystemTime {
    let distance = |ns: i128| Duration::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX));
    if unix_ns < 0 {
        SystemTime::UNIX_EPOCH - distance(-unix_ns)
    } else {
        SystemTime::UNIX_EPOCH + distance(unix_ns)
    }
}

/// What every wall clock shows at the beginning of a run.
pub(crate) fn epoch() -> SystemTime {
    system_time(i128::from(EPOCH_NS))
}

impl World {
    /// What the monotonic clock of the running task's node shows.
    pub(crate) fn node_now(&self) -> Instant {
        let clock = &self.nodes[self.current_node().0 as usize].clock;
        Instant::from_nanos(clock.monotonic_ns(self.now_ns))
    }

    /// What the wall clock of `node` shows.
    pub(crate) fn wall_clock(&self, node: NodeId) -> SystemTime {
        system_time(self.nodes[node.0 as usize].clock.wall_ns(self.now_ns))
    }

    /// What a wall clock that is right shows.
    pub(crate) fn true_wall_clock(&self) -> SystemTime {
        system_time(i128::from(EPOCH_NS) + i128::from(self.now_ns))
    }

    /// When `deadline` is reached on the monotonic clock of `node`, in true time.
    pub(crate) fn true_moment(&self, node: NodeId, deadline: Instant) -> Instant {
        let clock = &self.nodes[node.0 as usize].clock;
        let moment = clock.true_moment(deadline.as_nanos());
        Instant::from_nanos(moment.max(self.now_ns))
    }

    /// How much true time passes while the clock of the node whose task ran last counts so much.
    pub(crate) fn true_length(&self, counted_ns: i64) -> i64 {
        let clock = &self.nodes[self.last_node.0 as usize].clock;
        let shown_ns = clock.monotonic_ns(self.now_ns);
        clock.true_moment(shown_ns.saturating_add(counted_ns)) - self.now_ns
    }

    /// Has the clocks of `node` gain so many microseconds each second from now on.
    pub(crate) fn set_drift(&mut self, node: NodeId, ppm: i32) {
        let now_ns = self.now_ns;
        let clock = &mut self.nodes[node.0 as usize].clock;
        clock.shown_ns = clock.monotonic_ns(now_ns);
        clock.since_ns = now_ns;
        clock.drift_ppm = ppm;
        let clock = *clock;
        self.note(EventKind::ClockDrifted, u64::from(node.0), ppm as u64);
        self.timers.reschedule(|due, before| match due {
            Due::Alarm {
                node: of, deadline, ..
            } if *of == node => {
                Instant::from_nanos(clock.true_moment(deadline.as_nanos()).max(now_ns))
            }
            _ => before,
        });
        intercept::publish(self.clocks());
    }

    /// Sets the wall clock of `node` forward, or back.
    pub(crate) fn step_wall_clock(&mut self, node: NodeId, by_ns: i64) {
        let clock = &mut self.nodes[node.0 as usize].clock;
        clock.wall_ahead_ns = clock.wall_ahead_ns.saturating_add(by_ns);
        self.note(EventKind::ClockStepped, u64::from(node.0), by_ns as u64);
        intercept::publish(self.clocks());
    }

    /// How far the wall clock of `node` is ahead of true time.
    pub(crate) fn wall_clock_error_ns(&self, node: NodeId) -> i64 {
        let shown = self.nodes[node.0 as usize].clock.wall_ns(self.now_ns);
        saturate(shown - i128::from(EPOCH_NS) - i128::from(self.now_ns))
    }
}

#[cfg(test)]
mod tests;
