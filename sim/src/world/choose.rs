//! The points at which the world asks its strategy.
//!
//! Owns what is asked, in which words, and the note of each answer that differs from calm.
//!
//! The calm order of tasks: go on with the current task until its poll ends; then take the next
//! runnable one in path order, around the end. It depends on who ran last and who can run, on no
//! longer history, and it is fair: every runnable task has its turn within one round.

use std::panic::Location;

use simoom::backend::{Access, Op};

use super::World;
use super::cancels::AwaitPlace;
use super::node::Node;
use super::resources::Origin;
use super::tasks::{TaskEntry, TaskSlot, Tasks};
use crate::choice::{
    AnchorHash, ChoiceKind, Operation, PathId, Paths, Point, ResourceName, hash_text,
};
use crate::strategy::{Doing, Look, Scheduling, Thing};

/// A choice that differed from calm, as the run saw it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deviated {
    pub(crate) kind: ChoiceKind,
    pub(crate) point: Point,
    pub(crate) value: u64,
    /// Whose choice point it is, if it is a task's.
    pub(crate) subject: Option<PathId>,
    /// The task that goes on instead, for `sched`.
    pub(crate) chosen: Option<PathId>,
    pub(crate) time_ns: i64,
    pub(crate) site: Option<&'static Location<'static>>,
    /// Whether the subject could have gone on itself.
    pub(crate) preempted: bool,
    /// What it waited for, if it was cancelled.
    pub(crate) awaits: Option<AwaitPlace>,
}

/// How many ready operations a task may do in one poll, as in production.
const BUDGET: u32 = simoom::backend::BUDGET as u32;

/// The most other orders that are listed of one run.
const ORDERS_MAX: usize = 4_096;

/// The most faults and cancellations that are listed of one run.
const SPARED_MAX: usize = 4_096;

/// Whether an operation may be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    /// At once.
    Now,
    /// When the task's next turn comes.
    AfterOthers,
    /// When the task's node goes on.
    WhenResumed,
    /// When so much virtual time has passed.
    AfterStall { stall_ns: u64 },
}

impl World {
    /// Decides before an operation of the running task.
    ///
    /// `waker` is where the waker lies that is to be woken when it may.
    pub(crate) fn may_proceed(&mut self, op: &Op<'_>, waker: usize) -> Leave {
        let leave = self.decide(op, waker);
        if leave != Leave::Now
            && let Some(entry) = self.tasks.current_mut()
        {
            entry.is_cut = true;
        }
        leave
    }

    fn decide(&mut self, op: &Op<'_>, waker: usize) -> Leave {
        if self.park_running() {
            return Leave::WhenResumed;
        }
        if !self.may_go_on(op, waker) {
            return Leave::AfterOthers;
        }
        match self.choose_stall(op) {
            0 => {
                self.tell_tried(op);
                Leave::Now
            }
            stall_ns => Leave::AfterStall { stall_ns },
        }
    }

    /// How long the running task is held up before `op`, in nanoseconds.
    fn choose_stall(&mut self, op: &Op<'_>) -> u64 {
        let most = self.stall_most_ns;
        if most == 0 || op.kind == simoom::backend::OpKind::Yield {
            return 0;
        }
        let resource = self.resource_name(op);
        let Some(entry) = self.tasks.current_mut() else {
            return 0;
        };
        let Some(point) = entry.stall_point(op.kind, resource) else {
            return 0;
        };
        let details = Details {
            subject: Some(entry.path),
            site: Some(op.site),
            ..Details::default()
        };
        let anchor = point.hash(ChoiceKind::Stall);
        let value = self.strategy.stall(anchor, most).min(most);
        self.settle(ChoiceKind::Stall, point, value, details);
        value
    }

    /// Whether no other task goes first.
    fn may_go_on(&mut self, op: &Op<'_>, waker: usize) -> bool {
        let Some(slot) = self.tasks.running else {
            return true;
        };
        let resource = self.resource_name(op);
        let thing = self.numbered(op.resource);
        let Some(entry) = self.tasks.get_mut(slot) else {
            return true;
        };
        let step = entry.completed(op.kind, resource);
        entry.at = super::tasks::At {
            kind: Some(op.kind),
            resource,
            thing,
            writes: op.access == Access::Write,
            is_contained: op.is_contained,
            waker,
            is_done: false,
            site: op.site,
        };
        self.fail_if_shared();
        let Some(entry) = self.tasks.get_mut(slot) else {
            return true;
        };
        if op.kind == simoom::backend::OpKind::Yield {
            entry.yielding = true;
            return true;
        }
        if entry.done >= BUDGET {
            entry.yielding = true;
            return false;
        }
        if self.next.is_some() {
            // It was interrupted in this poll: one interruption is enough.
            return true;
        }
        if entry.granted.take() == Some((op.kind, resource, step)) {
            return true;
        }
        let others = self.tasks.ready().iter().any(|&other| other != slot);
        if !others {
            return true;
        }
        let added = self.tasks.make_ready(slot);
        let rank = added.or_else(|| self.tasks.ready_rank(slot));
        let chosen = self.choose_task(Some(slot), rank, true);
        if Some(chosen) == rank {
            if let Some(rank) = added {
                self.tasks.take_ready(rank);
            }
            return true;
        }
        let chosen = self.tasks.ready()[chosen];
        self.next = Some(chosen);
        if let Some(entry) = self.tasks.get_mut(slot) {
            entry.granted = Some((op.kind, resource, step));
        }
        false
    }

    /// The task to poll now.
    pub(crate) fn next_task(&mut self) -> Option<TaskSlot> {
        let preferred = self
            .next
            .take()
            .and_then(|slot| self.tasks.ready_rank(slot));
        let rank = match (preferred, self.tasks.ready().len()) {
            (Some(rank), _) => rank,
            (None, 0) => return None,
            (None, 1) => 0,
            // A task whose poll has ended gave way, even if it woke itself.
            (None, _) => self.choose_task(self.last, None, false),
        };
        Some(self.tasks.take_ready(rank))
    }

    /// Takes a task out of the world.
    pub(crate) fn remove_task(&mut self, slot: TaskSlot) -> Option<TaskEntry> {
        // The slot may be another's from now on.
        self.next.take_if(|next| *next == slot);
        self.last.take_if(|last| *last == slot);
        self.forget_task(slot);
        self.tasks.remove(slot)
    }

    /// Asks which of the runnable tasks goes on, by rank; `last` ran until now, and has the rank
    /// `current` if it can go on.
    fn choose_task(
        &mut self,
        last: Option<TaskSlot>,
        current: Option<usize>,
        preempting: bool,
    ) -> usize {
        let last = last.filter(|&slot| self.tasks.get(slot).is_some());
        let order = last.map_or(self.tasks.last_order, |slot| self.tasks.order(slot));
        let calm = current.unwrap_or_else(|| self.tasks.successor(order));
        let (point, subject, site) = match last.and_then(|slot| self.tasks.get_mut(slot)) {
            Some(entry) => (entry.point(), Some(entry.path), Some(entry.at.site)),
            None => (self.idle_point(), Some(self.last_path), None),
        };
        let anchor = point.hash(ChoiceKind::Sched);
        let runnable = self.tasks.ready_paths();
        let asked = Scheduling {
            anchor,
            runnable,
            current,
            calm,
            now_ns: self.now_ns,
            look: &Runnable {
                tasks: &self.tasks,
                paths: &self.paths,
                nodes: &self.nodes,
            },
        };
        let rank = self.strategy.sched(&asked);
        let value = runnable[rank];
        self.note_choice(ChoiceKind::Sched, point, value, site);
        self.list_orders(point, calm, subject, site, preempting);
        if rank != calm {
            let path = self
                .tasks
                .get(self.tasks.ready()[rank])
                .map(|entry| entry.path);
            self.deviate(
                ChoiceKind::Sched,
                point,
                value,
                Details {
                    subject,
                    chosen: path,
                    site,
                    preempted: preempting,
                    awaits: None,
                },
            );
        }
        rank
    }

    /// Lists which other tasks than the one of rank `calm` could go on at `point`.
    fn list_orders(
        &mut self,
        point: Point,
        calm: usize,
        subject: Option<PathId>,
        site: Option<&'static Location<'static>>,
        preempted: bool,
    ) {
        let Some(orders) = &mut self.orders else {
            return;
        };
        let others = (0..self.tasks.ready().len()).filter(|&rank| rank != calm);
        for rank in others.take(ORDERS_MAX.saturating_sub(orders.len())) {
            let entry = self.tasks.get(self.tasks.ready()[rank]);
            orders.push(Deviated {
                kind: ChoiceKind::Sched,
                point,
                value: self.tasks.ready_paths()[rank],
                subject,
                chosen: entry.map(|entry| entry.path),
                time_ns: self.now_ns,
                site,
                preempted,
                awaits: None,
            });
        }
    }

    /// The point after a task that has ended.
    fn idle_point(&mut self) -> Point {
        let subject = self.paths.hash(self.last_path).0;
        let visit = self.idle_visits;
        self.idle_visits += 1;
        Point {
            subject,
            operation: Operation::END,
            resource: ResourceName::NONE,
            place: None,
            step: 0,
            visit,
        }
    }

    /// Where the `select!` at `site` of the running task starts to look.
    pub(crate) fn choose_branch(
        &mut self,
        alternatives: u32,
        site: &'static Location<'static>,
    ) -> u32 {
        if alternatives < 2 {
            return 0;
        }
        let Some(entry) = self.tasks.current_mut() else {
            return 0;
        };
        let step = entry.selects;
        entry.selects += 1;
        let subject = entry.path;
        let point = Point {
            subject: entry.hash.0,
            operation: Operation::SELECT,
            resource: ResourceName::NONE,
            place: None,
            step,
            visit: 0,
        };
        let anchor = point.hash(ChoiceKind::Pick);
        let value = self
            .strategy
            .pick(anchor, u64::from(alternatives))
            .min(u64::from(alternatives) - 1);
        let details = Details {
            subject: Some(subject),
            site: Some(site),
            ..Details::default()
        };
        self.settle(ChoiceKind::Pick, point, value, details);
        value as u32
    }

    /// How many nanoseconds above the least the `number`-th segment of a direction, or datagram of
    /// a flow, travels, which was on its way `travels` times before.
    pub(crate) fn choose_delay(
        &mut self,
        operation: Operation,
        direction: ResourceName,
        number: u32,
        travels: u32,
        most: u64,
    ) -> u64 {
        if most == 0 {
            return 0;
        }
        let point = Point {
            subject: 0,
            operation,
            resource: direction,
            place: None,
            step: number,
            visit: travels,
        };
        let value = self
            .strategy
            .delay(point.hash(ChoiceKind::Delay), most)
            .min(most);
        self.settle(ChoiceKind::Delay, point, value, Details::default());
        value
    }

    /// How many nanoseconds above the least the `number`-th `operation` on the thing called `name`
    /// takes, which a program asked for at `site`.
    pub(crate) fn choose_time(
        &mut self,
        operation: Operation,
        name: ResourceName,
        number: u32,
        most: u64,
        site: Option<&'static Location<'static>>,
    ) -> u64 {
        let point = Point {
            subject: 0,
            operation,
            resource: name,
            place: None,
            step: number,
            visit: 0,
        };
        let anchor = point.hash(ChoiceKind::Delay);
        let value = self.strategy.delay(anchor, most).min(most);
        let details = Details {
            site,
            ..Details::default()
        };
        self.settle(ChoiceKind::Delay, point, value, details);
        value
    }

    /// Where the operation stands that the running task is doing.
    pub(crate) fn running_site(&self) -> Option<&'static Location<'static>> {
        let entry = self.tasks.current()?;
        entry.at.kind.map(|_| entry.at.site)
    }

    /// How many of at most `most` bytes the `number`-th read or write of a direction leaves out.
    pub(crate) fn choose_short(
        &mut self,
        operation: Operation,
        direction: ResourceName,
        number: u32,
        most: u64,
    ) -> u64 {
        if most == 0 {
            return 0;
        }
        let point = Point {
            subject: 0,
            operation,
            resource: direction,
            place: None,
            step: number,
            visit: 0,
        };
        let value = self
            .strategy
            .short(point.hash(ChoiceKind::Short), most)
            .min(most);
        let site = self.running_site();
        let details = Details {
            site,
            ..Details::default()
        };
        self.settle(ChoiceKind::Short, point, value, details);
        value
    }

    /// Notes whether a fault happens, for the task `subject` if it is one's, to the operation at
    /// `site` if it is to one.
    pub(super) fn settle_choice_of_fault(
        &mut self,
        point: Point,
        value: u64,
        subject: Option<PathId>,
        site: Option<&'static Location<'static>>,
    ) {
        let details = Details {
            subject,
            site,
            ..Details::default()
        };
        self.settle(ChoiceKind::Fault, point, value, details);
    }

    /// When what waits at `anchor` is to be cancelled; 0: never.
    pub(super) fn choose_cancel(&mut self, anchor: AnchorHash) -> u64 {
        let odds = self.cancel_odds();
        self.strategy.cancel(anchor, &odds)
    }

    /// Notes whether what waits at `place` of the task `subject` is cancelled, and when.
    pub(super) fn settle_choice_of_cancel(
        &mut self,
        point: Point,
        value: u64,
        subject: PathId,
        place: AwaitPlace,
    ) {
        let details = Details {
            subject: Some(subject),
            site: Some(place.site),
            awaits: Some(place),
            ..Details::default()
        };
        self.settle(ChoiceKind::Cancel, point, value, details);
    }

    /// Notes a choice whose calm value is 0.
    pub(super) fn settle(&mut self, kind: ChoiceKind, point: Point, value: u64, details: Details) {
        self.note_choice(kind, point, value, details.site);
        if value != 0 {
            self.deviate(kind, point, value, details);
        } else if matches!(kind, ChoiceKind::Fault | ChoiceKind::Cancel) {
            self.list_spared(kind, point, details);
        }
    }

    /// Lists a fault or a cancellation that could have happened, as if by the least.
    fn list_spared(&mut self, kind: ChoiceKind, point: Point, details: Details) {
        let time_ns = self.now_ns;
        let Some(spared) = &mut self.spared else {
            return;
        };
        if spared.len() < SPARED_MAX {
            spared.push(details.deviated(kind, point, 1, time_ns));
        }
    }

    fn deviate(&mut self, kind: ChoiceKind, point: Point, value: u64, details: Details) {
        let deviated = details.deviated(kind, point, value, self.now_ns);
        self.deviated.push(deviated);
    }

    /// The name of what `op` acts on, given now if it has none.
    pub(super) fn resource_name(&mut self, op: &Op<'_>) -> ResourceName {
        let Some(resource) = op.resource else {
            return ResourceName::NONE;
        };
        if let Some(name) = self.resources.get(self.id, resource) {
            return name;
        }
        let Some(entry) = self.tasks.current_mut() else {
            return ResourceName::NONE;
        };
        let number = entry.resources;
        entry.resources += 1;
        let name = ResourceName::created(entry.hash, number);
        let origin = Origin::Created {
            creator: entry.path,
            number,
        };
        self.resources.name(self.id, resource, name, origin);
        name
    }
}

/// The tasks that can run, as a strategy sees them.
struct Runnable<'a> {
    tasks: &'a Tasks,
    paths: &'a Paths,
    nodes: &'a [Node],
}

impl Look for Runnable<'_> {
    fn doing(&self, rank: usize) -> Doing {
        let entry = self.tasks.ready_entry(rank);
        // What was completed is not what comes next, but what is changed then comes after it.
        let is_done = entry.at.is_done;
        Doing {
            kin: self.paths.kin(entry.path),
            kind: entry.at.kind,
            thing: if is_done { Thing::NONE } else { entry.at.thing },
            writes: entry.at.writes,
            is_contained: entry.at.is_contained,
            site: entry.at.site,
        }
    }

    fn node(&self, rank: usize) -> u64 {
        let node = self.tasks.ready_entry(rank).node;
        hash_text(&self.nodes[node.0 as usize].name)
    }
}

#[derive(Default)]
pub(super) struct Details {
    pub(super) subject: Option<PathId>,
    pub(super) chosen: Option<PathId>,
    pub(super) site: Option<&'static Location<'static>>,
    pub(super) preempted: bool,
    pub(super) awaits: Option<AwaitPlace>,
}

impl Details {
    /// What is written down of a choice at `time_ns`.
    pub(super) fn deviated(
        self,
        kind: ChoiceKind,
        point: Point,
        value: u64,
        time_ns: i64,
    ) -> Deviated {
        let Self {
            subject,
            chosen,
            site,
            preempted,
            awaits,
        } = self;
        Deviated {
            kind,
            point,
            value,
            subject,
            chosen,
            time_ns,
            site,
            preempted,
            awaits,
        }
    }
}
