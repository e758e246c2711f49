//! The tasks of one world: which it owns, and which are to run next.
//!
//! Owns the places of tasks in two intrusive lists. Knows nothing of what makes a task runnable.
//!
//! This file holds `unsafe`: intrusive lists of task cells.
//!
//! # Invariants
//! 1. Every header in the owned list holds the world's reference to its task, which `link` took
//!    from a [`Task`] and `unlink` gives back once.
//! 2. Every header in the run queue is in the owned list too, until it leaves the queue.
//! 3. A header is in the run queue at most once: its flag says that it is there.
//! 4. Only the thread that holds the world touches either list.

#![expect(unsafe_code, reason = "intrusive lists of task cells")]

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use crate::dump::Found;
use crate::dump::collect::{looking, place_of};
use crate::task::TaskInfo;
use crate::task::cell::{Header, Task, TaskRef};

/// Every task of one world.
pub(super) struct Tasks {
    owner: u64,
    /// The owned list, newest first.
    newest: Cell<Option<NonNull<Header>>>,
    /// The run queue, oldest first.
    first: Cell<Option<NonNull<Header>>>,
    last: Cell<Option<NonNull<Header>>>,
    runnable: Cell<usize>,
    alive: Cell<usize>,
    /// How many owned tasks must be dropped on the thread that spawned them.
    bound: Cell<usize>,
    /// How many there ever were.
    spawned: Cell<u64>,
    /// How often one had its turn.
    polls: Cell<u64>,
    /// The world is being dropped: nothing is queued any more.
    closing: Cell<bool>,
}

// SAFETY: only the thread that holds the world has access (invariant 4), and a world that owns
// tasks which are not `Send` stays with its thread: `Engine` sees to both.
unsafe impl Send for Tasks {}

impl Tasks {
    /// No tasks of the world `owner`.
    pub(super) fn new(owner: u64) -> Self {
        Self {
            owner,
            newest: Cell::new(None),
            first: Cell::new(None),
            last: Cell::new(None),
            runnable: Cell::new(0),
            alive: Cell::new(0),
            bound: Cell::new(0),
            spawned: Cell::new(0),
            polls: Cell::new(0),
            closing: Cell::new(false),
        }
    }

    /// Owns a new task and queues it.
    pub(super) fn adopt(&self, task: Task) {
        debug_assert_eq!(task.view().owner(), self.owner, "a task of another world");
        let header = self.link(task);
        // SAFETY: the task was just linked, so it is alive (invariant 1).
        let task = unsafe { TaskRef::from_raw(header) };
        if task.queue() {
            self.enqueue(task);
        }
    }

    /// Queues a task whose flag was just set: it becomes the last to run.
    pub(super) fn enqueue(&self, task: TaskRef<'_>) {
        debug_assert_eq!(task.owner(), self.owner, "a task of another world");
        if self.closing.get() {
            return;
        }
        let header = task.raw();
        match self.last.replace(Some(header)) {
            None => self.first.set(Some(header)),
            Some(last) => {
                // SAFETY: a queued header is alive (invariants 1 and 2).
                let last = unsafe { last.as_ref() };
                last.links.queue_next.set(Some(header));
            }
        }
        self.runnable.set(self.runnable.get() + 1);
    }

    /// Runs the task that has waited longest; false if none waits.
    pub(super) fn run_next(&self) -> bool {
        let Some(header) = self.dequeue() else {
            return false;
        };
        self.polls.set(self.polls.get() + 1);
        // SAFETY: a queued header is owned (invariant 2). The list keeps its reference: this one is
        // only borrowed from it and never dropped.
        let task = ManuallyDrop::new(unsafe { Task::from_raw(header) });
        // A task that woke itself in its last poll is in the queue again, which still needs it.
        if task.run().is_ready() && !task.view().is_queued() {
            drop(self.unlink(header));
        }
        true
    }

    /// How many tasks are queued.
    pub(super) fn runnable(&self) -> usize {
        self.runnable.get()
    }

    /// How many tasks are owned.
    pub(super) fn alive(&self) -> usize {
        self.alive.get()
    }

    /// Looks at each task that has not ended, oldest first, and returns what it came to.
    pub(super) fn look(&self) -> Vec<Found> {
        let mut headers = Vec::with_capacity(self.alive.get());
        let mut next = self.newest.get();
        while let Some(header) = next {
            headers.push(header);
            // SAFETY: a linked header is alive (invariant 1).
            next = unsafe { header.as_ref() }.links.next.get();
        }
        let mut found = Vec::with_capacity(headers.len());
        for header in headers.into_iter().rev() {
            // SAFETY: the header was linked, and none leaves the list but by this loop: tasks that end
            // meanwhile stay in it until they have their turn. The list keeps its reference, which is
            // only borrowed.
            let task = ManuallyDrop::new(unsafe { Task::from_raw(header) });
            let Some(info) = TaskInfo::of(task.view(), task.view().is_queued()) else {
                continue;
            };
            let (seen, polled) = looking(|| task.look());
            if polled.is_pending() {
                let end = place_of(task.view().resource());
                found.push(Found { info, end, seen });
            } else if !task.view().is_queued() {
                drop(self.unlink(header));
            }
        }
        found
    }

    /// How many were ever owned.
    pub(super) fn spawned(&self) -> u64 {
        self.spawned.get()
    }

    /// How often one had its turn.
    pub(super) fn polls(&self) -> u64 {
        self.polls.get()
    }

    /// What there is to say of those that have not ended, oldest first.
    pub(super) fn infos(&self) -> Vec<TaskInfo> {
        let mut infos = Vec::with_capacity(self.alive.get());
        let mut next = self.newest.get();
        while let Some(header) = next {
            // SAFETY: a linked header is alive (invariant 1), and nothing leaves the list here.
            let task = unsafe { TaskRef::from_raw(header) };
            infos.extend(TaskInfo::of(task, task.is_queued()));
            // SAFETY: as above.
            next = unsafe { header.as_ref() }.links.next.get();
        }
        infos.reverse();
        infos
    }

    /// How many owned tasks must not leave this thread.
    pub(super) fn bound(&self) -> usize {
        self.bound.get()
    }

    /// Drops every task, newest first, and those that their destructors spawn.
    ///
    /// With `leak_bound`, tasks that must not be dropped on this thread are leaked instead.
    pub(super) fn clear(&self, leak_bound: bool) {
        self.closing.set(true);
        while self.dequeue().is_some() {}
        while let Some(header) = self.newest.get() {
            let task = self.unlink(header);
            if leak_bound && !task.view().is_send() {
                let _leaked = task.into_raw();
            } else {
                drop(task);
            }
        }
        debug_assert!(
            self.first.get().is_none(),
            "nothing is queued in a world that is being dropped"
        );
    }

    fn dequeue(&self) -> Option<NonNull<Header>> {
        let header = self.first.get()?;
        // SAFETY: a queued header is alive (invariants 1 and 2).
        let next = unsafe { header.as_ref() }.links.queue_next.take();
        self.first.set(next);
        if next.is_none() {
            self.last.set(None);
        }
        self.runnable.set(self.runnable.get() - 1);
        Some(header)
    }

    fn link(&self, task: Task) -> NonNull<Header> {
        self.alive.set(self.alive.get() + 1);
        self.spawned.set(self.spawned.get() + 1);
        if !task.view().is_send() {
            self.bound.set(self.bound.get() + 1);
        }
        let header = task.into_raw();
        let next = self.newest.replace(Some(header));
        // SAFETY: the list owns the task from here on (invariant 1).
        unsafe { header.as_ref() }.links.next.set(next);
        if let Some(next) = next {
            // SAFETY: a linked header is alive (invariant 1).
            unsafe { next.as_ref() }.links.previous.set(Some(header));
        }
        header
    }

    /// Takes an owned header out of the list. The caller has seen that it is linked.
    fn unlink(&self, header: NonNull<Header>) -> Task {
        self.alive.set(self.alive.get() - 1);
        // SAFETY: a linked header is alive (invariant 1).
        let links = &unsafe { header.as_ref() }.links;
        let (previous, next) = (links.previous.take(), links.next.take());
        match previous {
            None => self.newest.set(next),
            // SAFETY: the neighbour of a linked header is linked, so it is alive (invariant 1).
            Some(previous) => unsafe { previous.as_ref() }.links.next.set(next),
        }
        if let Some(next) = next {
            // SAFETY: as above.
            unsafe { next.as_ref() }.links.previous.set(previous);
        }
        // SAFETY: the header came out of `into_raw` in `link`, and has just left the list.
        let task = unsafe { Task::from_raw(header) };
        if !task.view().is_send() {
            self.bound.set(self.bound.get() - 1);
        }
        task
    }
}

impl std::fmt::Debug for Tasks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tasks")
            .field("runnable", &self.runnable.get())
            .finish_non_exhaustive()
    }
}
