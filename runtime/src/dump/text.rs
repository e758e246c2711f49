//! How a dump reads.
//!
//! Owns the layout, which is asyncio's. Knows nothing of how the stacks came about.

use std::fmt;
use std::io::Write;

use super::taken::{Dump, Leaf, Task, Trace};
use crate::task::Id;

impl Dump {
    /// Writes it to the standard error, on another thread: the names of functions take time.
    pub(super) fn print(&self) {
        let dump = self.clone();
        let print = move || {
            // Who has closed it does not want to know.
            let _ = write!(std::io::stderr(), "simoom: {dump}");
        };
        let thread = std::thread::Builder::new().name("simoom-dump".to_owned());
        if let Err(error) = thread.spawn(print) {
            let _ = writeln!(std::io::stderr(), "simoom: no dump: {error}");
        }
    }

    fn called(&self, id: Id) -> Called<'_> {
        Called(id, self.task(id))
    }
}

impl fmt::Display for Dump {
    /// Each task: what it is, its stacks of awaits, and who waits for its end, and for theirs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.tasks().iter().count();
        writeln!(
            f,
            "dump of {count} task{}",
            if count == 1 { "" } else { "s" }
        )?;
        if let Some(root) = self.root() {
            writeln!(f, "* The future of `block_on`")?;
            write!(f, "{root}")?;
        }
        for task in self.tasks().iter() {
            writeln!(f, "* {}", self.called(task.id()))?;
            writeln!(f, "  {}", Doing(task))?;
            write!(f, "{}", task.trace())?;
            if !task.awaited_by().is_empty() {
                writeln!(f, "  + Awaited by:")?;
                self.awaited_by(f, task, 1, &mut vec![task.id()])?;
            }
        }
        for cycle in self.cycles() {
            f.write_str("cycle: ")?;
            for id in &cycle {
                write!(f, "{} awaits ", self.called(*id))?;
            }
            writeln!(f, "{}", self.called(cycle[0]))?;
        }
        Ok(())
    }
}

impl Dump {
    fn awaited_by(
        &self,
        f: &mut fmt::Formatter<'_>,
        task: &Task,
        depth: usize,
        path: &mut Vec<Id>,
    ) -> fmt::Result {
        for &id in task.awaited_by() {
            let is_cycle = path.contains(&id);
            let end = if is_cycle { ", in a cycle" } else { "" };
            let indent = " ".repeat(4 * depth);
            writeln!(f, "{indent}* {}{end}", self.called(id))?;
            if let Some(task) = self.task(id).filter(|_| !is_cycle) {
                path.push(id);
                self.awaited_by(f, task, depth + 1, path)?;
                path.pop();
            }
        }
        Ok(())
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for leaf in self.leaves() {
            writeln!(f, "  + Call stack of {leaf}:")?;
            for frame in leaf.frames() {
                writeln!(f, "  |   {frame}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.operation(), self.site())?;
        for (index, id) in self.awaits().iter().enumerate() {
            let before = if index == 0 { ", of task" } else { "," };
            write!(f, "{before} {id}")?;
        }
        Ok(())
    }
}

/// A task by its number and its name.
struct Called<'a>(Id, Option<&'a Task>);

impl fmt::Display for Called<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Task {}", self.0)?;
        match self.1 {
            Some(task) => write!(
                f,
                " ({})",
                task.info().name().unwrap_or(task.info().type_name())
            ),
            None => Ok(()),
        }
    }
}

/// Where a task was spawned, and what it does.
struct Doing<'a>(&'a Task);

impl fmt::Display for Doing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::task::TaskState;

        let info = self.0.info();
        write!(f, "spawned at {}, ", info.spawned_at())?;
        match (info.state(), info.waits_for()) {
            (TaskState::Running, _) => f.write_str("runs"),
            (TaskState::Runnable, _) => f.write_str("can run"),
            (TaskState::Waiting, Some(waits_for)) => write!(f, "waits in {waits_for}"),
            (TaskState::Waiting, None) => f.write_str("waits for something that is not simoom's"),
        }
    }
}
