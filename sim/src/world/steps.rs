//! What is told of the steps that tasks have made: to the strategy, and in the record.
//!
//! Owns the words for a step. Knows nothing of what is chosen.

use std::io;
use std::panic::Location;

use simoom::backend::{Access, Op, OpKind, Resource};

use super::World;
use crate::choice::ResourceName;
use crate::record::{Detail, EventKind};
use crate::strategy::{Doing, Step, Thing};
use crate::world::failure::Failure;

impl World {
    /// Says of the next event, which is that an operation of the running task has completed, with
    /// what error it did.
    pub(crate) fn say_of_completion(&mut self, error: &io::Error) {
        if self.tasks.current().is_some() {
            self.say(|_| format!(", failed: {error}"));
        }
    }

    /// The number of what is acted on.
    pub(crate) fn numbered(&mut self, resource: Option<&Resource>) -> Thing {
        resource.map_or(Thing::NONE, |resource| {
            self.resources.thing(self.id, resource)
        })
    }

    /// What the running task does to `thing`, for the strategy.
    fn step(&self, did: Did) -> Option<Step> {
        let entry = self.tasks.current()?;
        Some(Step {
            task: entry.hash.0,
            did: Doing {
                kin: self.paths.kin(entry.path),
                kind: did.kind,
                thing: did.thing,
                writes: did.writes,
                is_contained: did.is_contained,
                site: did.site.unwrap_or(entry.at.site),
            },
            is_beside: did.site.is_none(),
        })
    }

    /// Tells the strategy what the running task has done.
    fn tell_step(&mut self, did: Did) {
        if self.listens
            && let Some(step) = self.step(did)
        {
            self.strategy.completed(&step);
        }
    }

    /// Tells the strategy what the running task tries.
    pub(super) fn tell_tried(&mut self, op: &Op<'_>) {
        if !self.listens {
            return;
        }
        let thing = self.numbered(op.resource);
        if let Some(step) = self.step(Did::op(op, thing)) {
            self.strategy.tried(&step);
        }
    }

    /// The running task is polled, which depends on whether another has aborted it: that is seen in
    /// `resource`, as is its end.
    pub(crate) fn polls(&mut self, resource: &Resource) {
        if !self.listens {
            return;
        }
        let thing = self.numbered(Some(resource));
        let did = Did::beside(Some(OpKind::Join), thing, false);
        if let Some(step) = self.step(did) {
            self.strategy.tried(&step);
        }
    }

    /// The running task has ended, which whoever joins it sees in `resource`: its number.
    pub(crate) fn ended(&mut self, resource: &Resource) -> u64 {
        let thing = self.numbered(Some(resource));
        self.tell_step(Did::beside(Some(OpKind::Join), thing, true));
        u64::from(thing.0)
    }

    /// The blocking closure that the running task stands for has ended, which whoever joins it sees.
    pub(crate) fn closure_ended(&mut self, thing: Thing) {
        self.tell_step(Did::beside(Some(OpKind::Join), thing, true));
        self.note(EventKind::ResourceTouched, u64::from(thing.0), 0);
    }

    /// Notes that the running task changes `resource` without having waited, or looks at it.
    pub(crate) fn touched(&mut self, resource: &Resource, access: Access) {
        let thing = self.numbered(Some(resource));
        let writes = access == Access::Write;
        // As if the operation that it did last had done it.
        let kind = self.tasks.current().and_then(|entry| entry.at.kind);
        let did = Did::beside(kind, thing, writes);
        if writes {
            self.tell_step(did);
            let name = self.resources.get(self.id, resource);
            let name = name.unwrap_or(ResourceName::NONE);
            self.note(EventKind::ResourceTouched, u64::from(thing.0), name.0);
        } else if self.listens
            && let Some(step) = self.step(did)
        {
            self.strategy.tried(&step);
        }
        self.fail_if_shared();
    }

    /// Fails the run if the running task uses what a run on another thread uses at the same time.
    pub(super) fn fail_if_shared(&mut self) {
        if !self.resources.take_shared() {
            return;
        }
        let Some(entry) = self.tasks.current() else {
            return;
        };
        let (at, started) = (entry.at, entry.location);
        let line = |site: &Location<'_>| format!("{}:{}", site.file(), site.line());
        let place = match at.kind {
            Some(kind) if at.is_done => format!("after {} at {}", kind.name(), line(at.site)),
            Some(kind) => format!("in {} at {}", kind.name(), line(at.site)),
            None => format!("before its first operation, spawned at {}", line(started)),
        };
        let task = self.paths.label(entry.path);
        self.fail_first(Failure::SharedByRuns { task, place });
    }

    /// Tells the strategy that something was done that any task may depend on.
    pub(crate) fn disturb(&mut self) {
        if self.listens {
            self.strategy.disturbed();
        }
    }

    /// Counts a completed operation of the running task.
    pub(crate) fn complete_op(&mut self, op: &Op<'_>) {
        let resource = self.resource_name(op);
        let thing = self.numbered(op.resource);
        if let Some(entry) = self.tasks.current_mut() {
            entry.done += 1;
            entry.complete(op.kind, resource);
            if op.kind == OpKind::Lock {
                self.take(thing, op.kind, 1, true, op.site);
            }
            self.tell_step(Did::op(op, thing));
            self.record.explain(Detail::Operation {
                name: op.kind.name(),
                site: op.site,
            });
            if self.tells_everything() && self.files.is_used_by(op.resource) {
                self.record.of_file();
            }
            let one = u64::from(thing.0) << 8 | op.kind as u64;
            self.note(EventKind::OpCompleted, one, resource.0);
        }
    }
}

/// What a task does to a thing.
#[derive(Clone, Copy)]
struct Did {
    kind: Option<OpKind>,
    thing: Thing,
    writes: bool,
    is_contained: bool,
    /// `None` if it does so beside its last operation.
    site: Option<&'static Location<'static>>,
}

impl Did {
    fn op(op: &Op<'_>, thing: Thing) -> Self {
        Self {
            kind: Some(op.kind),
            thing,
            writes: op.access == Access::Write,
            is_contained: op.is_contained,
            site: Some(op.site),
        }
    }

    fn beside(kind: Option<OpKind>, thing: Thing, writes: bool) -> Self {
        Self {
            kind,
            thing,
            writes,
            is_contained: true,
            site: None,
        }
    }
}
