//! Loss of power.
//!
//! Owns who answers the questions that a disk asks then: chance, and a plan of faults where there
//! is one.

use simoom::backend::OpKind;
use simoom_faults::Kind;

use super::state::{JobId, Phase};
use crate::choice::{hash_text, mix, value};
use crate::disk::{Disk, Loss, Question, Unsynced};
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

impl World {
    /// Tells what is not synced on the disk of `node`, which is about to lose its power. Its process
    /// has ended, so that what it alone had open is nobody's any more.
    pub(crate) fn tell_unsynced(&mut self, node: NodeId) {
        if !self.tells_everything() {
            return;
        }
        let Some(machine) = self.files.machines.get(&node) else {
            return;
        };
        let Unsynced { files, names } = machine.disk.unsynced();
        let files = files
            .iter()
            .map(|(path, pending)| format!("{path} {pending}"));
        let (files, names) = (few(files.collect(), "files"), few(names, "names"));
        let node = self.nodes[node.0 as usize].name.clone();
        for what in [files, names].into_iter().flatten() {
            self.tell("disk.unsynced", &format!("{node}: {what}"));
        }
    }

    /// Tells which syncs the process of `node` has begun and not heard of, as it dies.
    pub(crate) fn tell_syncs_cut_off(&mut self, node: NodeId) {
        if !self.tells_everything() {
            return;
        }
        let syncs: Vec<_> = (self.files.jobs.iter())
            .filter(|(_, job)| job.node == node && job.kind == OpKind::Sync)
            .map(|(slot, job)| {
                let how = match &job.phase {
                    Phase::Waiting => ", which had not begun",
                    Phase::Ending { ended, .. } | Phase::Over(ended) => match &ended.result {
                        Ok(_) => ", which was done and not told",
                        Err(_) => ", which had failed and was not told",
                    },
                    _ => "",
                };
                let site = job.site.map_or_else(String::new, |site| {
                    format!(" at {}:{}", site.file(), site.line())
                });
                let (slot, serial) = (slot as u32, job.serial);
                (JobId { slot, serial }, format!("{site}{how}"))
            })
            .collect();
        let tell = |(id, how): (JobId, String)| format!("{}{how}", self.thing_of(id));
        let syncs: Vec<_> = syncs.into_iter().map(tell).collect();
        let node = self.nodes[node.0 as usize].name.clone();
        if let Some(syncs) = few(syncs, "syncs") {
            self.tell("disk.sync.cut_off", &format!("{node}: {syncs}"));
        }
    }
}

/// The first few of `things`, and how many more there are; `None` if there are none.
fn few(mut things: Vec<String>, what: &str) -> Option<String> {
    let more = things.len().saturating_sub(TOLD);
    things.truncate(TOLD);
    let told = (!things.is_empty()).then(|| things.join("; "));
    told.map(|told| match more {
        0 => told,
        _ => format!("{told}; and {more} more {what}"),
    })
}

/// So many things are told in one line.
const TOLD: usize = 3;

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
