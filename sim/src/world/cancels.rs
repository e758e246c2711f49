//! Where tasks wait, and which of them are cancelled there.
//!
//! Owns the question and the list of places at which it was asked. A task that is cancelled is
//! dropped as by [`abort`](simoom::task::JoinHandle::abort): its destructors run in the living world.
//! Knows nothing of who decides, or how a task is dropped.
//!
//! A place is a poll that ended because the task has to wait, not because the simulator interrupted
//! it. At each there are two moments, which share an anchor: the task waits, or what it waits for has
//! come, its waker was called and it is not polled any more. Wake-ups are lost in the second.

use std::collections::BTreeMap;
use std::panic::Location;
use std::sync::Arc;

use simoom_faults::Ratio;

use super::World;
use super::framing::Torn;
use super::remains::Remains;
use super::tasks::{Await, TaskSlot};
use crate::cancel::Denied;
use crate::choice::{AnchorHash, Operation, PathHash, PathId, Point, ResourceName};
use crate::strategy::Odds;

/// What is asked of a run about cancelling.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cancelling {
    /// How probable it is at each place.
    pub(crate) odds: Option<Ratio>,
    /// What is cancelled whatever the strategy says, and at which moment.
    pub(crate) targets: Arc<Vec<(AnchorHash, Moment)>>,
    /// Whether the places are listed.
    pub(crate) lists: bool,
    /// Whether what is there at the end is counted.
    pub(crate) counts: bool,
    /// What fails a run in which something is cancelled.
    pub(crate) denied: Option<Denied>,
}

/// When what waits is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Moment {
    /// As it waits, right after the poll that left it there.
    Waiting = 1,
    /// When it was woken, before it is polled.
    Woken = 2,
}

/// A place at which a task or a future waited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AwaitPoint {
    pub(crate) anchor: AnchorHash,
    pub(crate) place: AwaitPlace,
    /// The task, as people read it.
    pub(crate) task: String,
    /// It was woken there in the run.
    pub(crate) woken: bool,
}

/// Where in the program something waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AwaitPlace {
    pub(crate) site: &'static Location<'static>,
    pub(crate) operation: &'static str,
    /// It waits for something that says nothing of itself, after that operation.
    pub(crate) is_after: bool,
    /// The future that can be cancelled alone, if it is one of these.
    pub(crate) scope: Option<&'static Location<'static>>,
}

/// A lock that was given back by the destructor of what was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Interrupted {
    /// Where the lock was taken.
    pub(crate) lock: &'static Location<'static>,
    /// Where it was held.
    pub(crate) place: AwaitPlace,
}

/// A future that can be cancelled alone, by its first poll.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScopeName {
    task: PathId,
    hash: PathHash,
    number: u32,
}

/// The state of it in a world.
#[derive(Debug)]
pub(crate) struct Cancels {
    is_asked: bool,
    odds: Odds,
    targets: BTreeMap<AnchorHash, Moment>,
    listed: Option<Vec<AwaitPoint>>,
    /// How many places were listed when something was first cancelled.
    first: Option<usize>,
    /// Where that was.
    place: Option<AwaitPlace>,
    interrupted: Vec<Interrupted>,
    denied: Option<Denied>,
}

impl Default for Cancels {
    fn default() -> Self {
        Self {
            is_asked: false,
            odds: Odds::NEVER,
            targets: BTreeMap::new(),
            listed: None,
            first: None,
            place: None,
            interrupted: Vec::new(),
            denied: None,
        }
    }
}

/// What a run has shown of its places.
#[derive(Debug, Default)]
pub(crate) struct Awaits {
    /// Each place, if they were to be listed, in the order in which they were come to.
    pub(crate) listed: Vec<AwaitPoint>,
    /// How many of them came before the first cancellation, if there was one.
    pub(crate) first: Option<usize>,
    pub(crate) interrupted: Vec<Interrupted>,
    pub(crate) torn: Vec<Torn>,
    /// Where the first cancellation was.
    pub(crate) place: Option<AwaitPlace>,
    /// What there was at the end, if that was to be counted.
    pub(crate) remains: Remains,
}

impl Cancels {
    /// Whether anybody asks for cancellations.
    pub(crate) fn asks(&self) -> bool {
        self.is_asked
    }

    pub(crate) fn of(cancelling: &Cancelling) -> Self {
        let odds = cancelling.odds.map_or(Odds::NEVER, |ratio| {
            let (part, whole) = ratio.parts();
            Odds {
                part: part.into(),
                whole: whole.into(),
                least: Moment::Waiting as u64,
                most: Moment::Woken as u64,
            }
        });
        Self {
            is_asked: true,
            odds,
            targets: cancelling.targets.iter().copied().collect(),
            listed: cancelling.lists.then(Vec::new),
            denied: cancelling.denied.clone(),
            ..Self::default()
        }
    }

    /// What is denied, and where something was cancelled first, if it was.
    pub(crate) fn denied(&self) -> Option<(Denied, AwaitPlace)> {
        Some((self.denied.clone()?, self.place?))
    }

    fn take_awaits(&mut self) -> Awaits {
        Awaits {
            listed: self.listed.take().unwrap_or_default(),
            first: self.first,
            interrupted: std::mem::take(&mut self.interrupted),
            place: self.place,
            ..Awaits::default()
        }
    }
}

impl World {
    /// What the run has shown of its places, at its end.
    pub(crate) fn take_awaits(&mut self) -> Awaits {
        Awaits {
            torn: self.framing.take_torn(),
            remains: self.take_remains(),
            ..self.cancels.take_awaits()
        }
    }

    /// Whether the running task is cancelled where its poll, which has ended, leaves it.
    pub(crate) fn cancels_waiting(&mut self) -> bool {
        if !self.cancels.is_asked {
            return false;
        }
        let Some(slot) = self
            .tasks
            .running
            .filter(|&slot| self.may_be_cancelled(slot))
        else {
            return false;
        };
        let Some(entry) = self.tasks.get_mut(slot).filter(|entry| !entry.is_cut) else {
            return false;
        };
        let awaits = entry.await_now();
        entry.awaits = Some(awaits);
        self.ask_task(&awaits, Moment::Waiting)
    }

    /// Whether the running task, which was woken, is cancelled instead of being polled.
    pub(crate) fn cancels_woken(&mut self) -> bool {
        if !self.cancels.is_asked {
            return false;
        }
        let awaits = self.tasks.current_mut().and_then(|it| it.awaits.take());
        awaits.is_some_and(|awaits| self.ask_task(&awaits, Moment::Woken))
    }

    fn ask_task(&mut self, awaits: &Await, moment: Moment) -> bool {
        let place = AwaitPlace {
            site: awaits.site,
            operation: awaits.point.operation.name,
            is_after: awaits.is_after,
            scope: None,
        };
        self.ask_cancel(awaits.point, place, moment, self.current_path())
    }

    /// Not the mains of processes, nor a closure that a thread runs: nobody can abort those.
    fn may_be_cancelled(&self, slot: TaskSlot) -> bool {
        let Some(entry) = self.tasks.get(slot) else {
            return false;
        };
        let is_main = entry.is_child_main || self.nodes[entry.node.0 as usize].main == Some(slot);
        let is_closure =
            entry.on_thread || entry.at.kind == Some(simoom::backend::OpKind::Blocking);
        !is_main && !is_closure && !self.is_dead(entry)
    }

    /// Names a future that the running task polls for the first time.
    pub(crate) fn name_scope(&mut self) -> Option<ScopeName> {
        if !self.cancels.is_asked {
            return None;
        }
        let entry = self.tasks.current_mut()?;
        let number = entry.scopes;
        entry.scopes += 1;
        Some(ScopeName {
            task: entry.path,
            hash: entry.hash,
            number,
        })
    }

    /// Whether the poll of a future that has just ended was interrupted by the simulator, so that
    /// it is no place.
    pub(crate) fn was_cut_short(&self) -> bool {
        self.tasks.current().is_none_or(|entry| entry.is_cut)
    }

    /// Whether the future `scope`, made at `made`, is cancelled at its `visit`-th place.
    pub(crate) fn cancels_scope(
        &mut self,
        scope: ScopeName,
        made: &'static Location<'static>,
        visit: u32,
        moment: Moment,
    ) -> bool {
        let Some(entry) = self.tasks.current().filter(|_| !self.is_running_dead()) else {
            return false;
        };
        let (at, started) = (entry.at, entry.location);
        let place = AwaitPlace {
            site: if at.kind.is_some() { at.site } else { started },
            operation: at.kind.map_or(Operation::START, Operation::of).name,
            is_after: at.is_done || at.kind.is_none(),
            scope: Some(made),
        };
        let place = match moment {
            Moment::Waiting => place,
            // What was polled meanwhile is another part of the task.
            Moment::Woken => self.listed_place(scope, visit).unwrap_or(place),
        };
        self.ask_cancel(scope.point(visit), place, moment, scope.task)
    }

    fn listed_place(&self, scope: ScopeName, visit: u32) -> Option<AwaitPlace> {
        let anchor = scope.point(visit).hash(crate::choice::ChoiceKind::Cancel);
        let mut listed = self.cancels.listed.iter().flatten().rev();
        listed.find(|it| it.anchor == anchor).map(|it| it.place)
    }

    fn ask_cancel(
        &mut self,
        point: Point,
        place: AwaitPlace,
        moment: Moment,
        subject: PathId,
    ) -> bool {
        let anchor = point.hash(crate::choice::ChoiceKind::Cancel);
        self.list(anchor, place, moment, subject);
        let chosen = match self.cancels.targets.get(&anchor) {
            Some(&moment) => moment as u64,
            None => self.choose_cancel(anchor),
        };
        let is_chosen = chosen == moment as u64;
        if is_chosen {
            let listed = self.cancels.listed.as_ref().map_or(0, Vec::len);
            self.cancels.first.get_or_insert(listed);
            self.cancels.place.get_or_insert(place);
        }
        let value = if is_chosen { chosen } else { 0 };
        self.settle_choice_of_cancel(point, value, subject, place);
        is_chosen
    }

    fn list(&mut self, anchor: AnchorHash, place: AwaitPlace, moment: Moment, subject: PathId) {
        let Some(listed) = &mut self.cancels.listed else {
            return;
        };
        match moment {
            Moment::Waiting if listed.len() < POINTS_MAX => listed.push(AwaitPoint {
                anchor,
                place,
                task: self.paths.label(subject),
                woken: false,
            }),
            Moment::Waiting => {}
            Moment::Woken => {
                let mut before = listed.iter_mut().rev();
                if let Some(point) = before.find(|it| it.anchor == anchor) {
                    point.woken = true;
                }
            }
        }
    }

    /// How probable a cancellation is at each place.
    pub(super) fn cancel_odds(&self) -> Odds {
        self.cancels.odds
    }

    /// Has an eye on what the destructors of what is cancelled now give back.
    pub(crate) fn cancel_begins(&mut self) {
        self.watch_locks();
    }

    /// What waited in the running task, and was cancelled last, is dropped.
    pub(crate) fn cancel_ends(&mut self) {
        let locks = self.locks_given_back();
        // What its destructors did may have called for choices, too.
        let mut latest = self.deviated.iter().rev();
        let cancelled = latest.find_map(|it| Some((it.subject?, it.awaits?)));
        let Some((task, place)) = cancelled else {
            return;
        };
        self.cut_writes(task, place);
        for holder in locks {
            let lock = holder.site;
            self.cancels.interrupted.push(Interrupted { lock, place });
        }
    }
}

impl ScopeName {
    fn point(self, visit: u32) -> Point {
        Point {
            subject: self.hash.0,
            operation: Operation::SCOPE,
            resource: ResourceName::NONE,
            place: None,
            step: self.number,
            visit,
        }
    }
}

/// The most places that one run lists: it may have any number of them.
const POINTS_MAX: usize = 1 << 16;
