//! Workloads: what a test does again and again, one operation after the other.
//!
//! Owns which operations were done, so that others can be tried without some of them. A strategy
//! leaves none out; a plan may.

use std::collections::BTreeMap;
use std::panic::Location;

use super::World;
use super::choose::{Details, Deviated};
use crate::choice::{ChoiceKind, Operation, Point, ResourceName};

/// The workloads of a run.
#[derive(Debug, Default)]
pub(crate) struct Works {
    /// How often one of each name was begun.
    begun: BTreeMap<ResourceName, u32>,
    /// The operations that were done, as choices that leave them out.
    pub(crate) done: Vec<Deviated>,
}

/// A workload that was begun.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    name: ResourceName,
    /// How many of its name were begun before.
    visit: u32,
}

impl World {
    /// Begins a workload called `name`.
    pub(crate) fn begin_work(&mut self, name: &str) -> Work {
        let text = name.to_owned();
        let name = ResourceName::thing(name);
        self.resources.name_thing(name, text);
        let begun = self.works.begun.entry(name).or_default();
        let visit = *begun;
        *begun += 1;
        Work { name, visit }
    }

    /// Whether the operation `number` of a workload is left out.
    pub(crate) fn leaves_out(
        &mut self,
        work: Work,
        number: u32,
        site: &'static Location<'static>,
    ) -> bool {
        let point = Point {
            subject: 0,
            operation: Operation::WORK,
            resource: work.name,
            place: None,
            step: number,
            visit: work.visit,
        };
        let value = self.strategy.work(point.hash(ChoiceKind::Work)).min(1);
        let site = Some(site);
        let details = Details {
            site,
            ..Details::default()
        };
        self.settle(ChoiceKind::Work, point, value, details);
        if value == 0 {
            self.works.done.push(Deviated {
                kind: ChoiceKind::Work,
                point,
                value: 1,
                subject: None,
                chosen: None,
                time_ns: self.now_ns,
                site,
                preempted: false,
                awaits: None,
            });
        }
        value > 0
    }
}
