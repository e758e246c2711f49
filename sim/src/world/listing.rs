//! What a program is told of its tasks when it asks.
//!
//! Owns which tasks are the running node's as that sees it. Knows nothing of reports.

use simoom::backend::with_task;
use simoom::task::TaskInfo;

use super::World;
use super::tasks::{TaskEntry, TaskSlot, Tasks};

impl World {
    /// What there is to say of the running node's tasks, oldest first: as a real runtime has them,
    /// which counts neither the future of its main nor closures on other threads.
    pub(crate) fn live_tasks(&self) -> Vec<TaskInfo> {
        let texts = self.resources.texts(&self.paths);
        let slots = self.tasks.by_birth();
        let info = |slot: TaskSlot| {
            let entry = self.tasks.get(slot)?;
            if !self.is_seen_by_running(slot, entry) {
                return None;
            }
            let info = match &entry.task {
                Some(task) => TaskInfo::of(task.view(), self.tasks.ready_rank(slot).is_some()),
                // It is being polled, on this thread.
                None => with_task(|task| {
                    let is_it = |key| Tasks::slot(key) == Some(slot);
                    let task = task.filter(|it| it.owner() == self.id && is_it(it.key()))?;
                    TaskInfo::of(task, false)
                }),
            }?;
            Some(match entry.at.kind {
                Some(kind) => info.acting_on(kind, || texts.get(&entry.at.resource).cloned()),
                None => info,
            })
        };
        slots.into_iter().filter_map(info).collect()
    }

    fn is_seen_by_running(&self, slot: TaskSlot, entry: &TaskEntry) -> bool {
        /// The first task: the test itself.
        const THE_TEST: u64 = 1;

        let node = self.current_node();
        let process = self.tasks.current().and_then(|running| running.process);
        let is_main = self.nodes[node.0 as usize].main == Some(slot)
            || entry.birth == THE_TEST
            || entry.is_child_main;
        entry.node == node
            && entry.process == process
            && !is_main
            && !entry.is_closure
            && !self.is_dead(entry)
    }
}
