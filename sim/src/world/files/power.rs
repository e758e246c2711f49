//! Loss of power.
//!
//! Owns who answers the questions that a disk asks then: chance, and a plan of faults where there
//! is one.

use simoom_faults::Kind;

use crate::choice::{hash_text, mix, value};
use crate::disk::{Disk, Loss, Question};
use crate::record::EventKind;
use crate::world::World;
use crate::world::faults::{FaultPoint, LossOdds};
use crate::world::node::NodeId;

impl World {
    /// The machine of `node` loses power: what was not synced is lost, kept or torn.
    ///
    /// Its process must be dead.
    pub(crate) fn disk_power_loss(&mut self, node: NodeId) {
        debug_assert!(
            !self.nodes[node.0 as usize].alive,
            "a process outlives its machine"
        );
        let Some(machine) = self.files.machines.get_mut(&node) else {
            return;
        };
        let number = machine.losses;
        machine.losses += 1;
        // The world answers the questions, so the disk is out of it meanwhile.
        let mut disk = std::mem::replace(&mut machine.disk, Disk::new(0));
        self.note(
            EventKind::DiskPowerLost,
            u64::from(node.0),
            u64::from(number),
        );
        let stream = mix(LOSSES, hash_text(&self.nodes[node.0 as usize].name));
        let odds = LossOdds::drawn(value(self.seed, stream, u64::from(number)));
        let mut loss = ByChance {
            world: self,
            node,
            odds,
        };
        disk.lose_power(&mut loss);
        if let Some(machine) = self.files.machines.get_mut(&node) {
            machine.disk = disk;
        }
    }
}

const LOSSES: u64 = 0x006c_6f73_7365_7300;

/// Lets choices say what is lost.
struct ByChance<'a> {
    world: &'a mut World,
    node: NodeId,
    odds: LossOdds,
}

impl Loss for ByChance<'_> {
    fn lost(&mut self, what: &str, question: Question, most: u64) -> u64 {
        let detail = match question {
            Question::Sectors { first, last } if first == last => format!(" sector {first}"),
            Question::Sectors { first, last } => format!(" sectors {first} to {last}"),
            Question::Length => " length".to_owned(),
            Question::Mode => " permissions".to_owned(),
            Question::Entry => String::new(),
        };
        let at = FaultPoint::file(self.node, what);
        let usual = self.odds.lost(most);
        let kind = Kind::DiskUnsyncedLost;
        self.world.choose_loss(kind, at, &detail, most, usual)
    }

    fn torn(&mut self, what: &str, sector: u64) -> u64 {
        let at = FaultPoint::file(self.node, what);
        let detail = format!(" sector {sector}");
        let (kind, usual) = (Kind::DiskSectorTorn, self.odds.torn());
        self.world.choose_loss(kind, at, &detail, 511, usual)
    }
}
