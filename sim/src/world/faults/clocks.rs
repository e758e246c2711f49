//! Faults of clocks.
//!
//! Owns what the size of such a fault means: odd sizes go ahead, even ones behind. Whether a program
//! looks at a clock that is wrong is not known: these faults count as observed where a process runs
//! that could.

use simoom_faults::Kind;

use super::FaultPoint;
use crate::world::World;
use crate::world::node::NodeId;

impl World {
    /// Asks what is wrong with the clocks of a node from the start.
    pub(crate) fn set_clocks_by_faults(&mut self, node: NodeId) {
        if node == NodeId::TEST {
            return;
        }
        let skew = self.choose_fault(Kind::ClockSkewed, FaultPoint::node(node), u64::MAX);
        if skew > 0 {
            self.fault_observed(Kind::ClockSkewed);
            self.step_wall_clock(node, signed(skew));
        }
        let drift = self.choose_fault(Kind::ClockDrifted, FaultPoint::node(node), DRIFT_MAX_PPM);
        if drift > 0 {
            self.fault_observed(Kind::ClockDrifted);
            self.set_drift(node, signed(drift) as i32);
        }
    }

    /// Lets a node's wall clock jump.
    pub(super) fn step_clock_by_fault(&mut self, node: NodeId, size: u64) {
        if self.nodes[node.0 as usize].alive {
            self.fault_observed(Kind::ClockStepped);
        }
        self.step_wall_clock(node, signed(size));
    }
}

/// Ahead if odd, behind if even.
fn signed(size: u64) -> i64 {
    let length = i64::try_from(size).unwrap_or(i64::MAX);
    if size.is_multiple_of(2) {
        -length
    } else {
        length
    }
}

/// The most that a clock of a node may drift.
const DRIFT_MAX_PPM: u64 = crate::world::DRIFT_MAX_PPM as u64;
