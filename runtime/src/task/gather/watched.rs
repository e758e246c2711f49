//! Tasks by their places, and which of them have ended.
//!
//! Owns the handles of those that have not. Knows nothing of what becomes of them.

use std::sync::Arc;

use crate::task::set::Ended;
use crate::task::{Id, JoinError, JoinHandle};

/// Those that have not ended, by their places.
pub(super) struct Watched<T> {
    tasks: Vec<Option<JoinHandle<T>>>,
    pub(super) left: usize,
    pub(super) ended: Arc<Ended>,
}

impl<T> Watched<T> {
    pub(super) fn new(tasks: impl IntoIterator<Item = JoinHandle<T>>) -> Self {
        let tasks: Vec<_> = tasks.into_iter().map(Some).collect();
        let ended = Arc::<Ended>::default();
        for (key, task) in (0..).zip(tasks.iter().flatten()) {
            ended.watch(key, task);
            ended.tell_collected(task);
        }
        Self {
            left: tasks.len(),
            tasks,
            ended,
        }
    }

    /// Those that have not ended, or were not taken out since.
    pub(super) fn ids(&self) -> impl Iterator<Item = Id> {
        self.tasks.iter().flatten().map(JoinHandle::id)
    }

    /// Takes out the task of `key`, which has ended.
    pub(super) fn take(&mut self, key: u64) -> (usize, Result<T, JoinError>) {
        let place = usize::try_from(key).expect("a key is a place");
        let task = self.tasks[place].take().expect("a task ends once");
        self.left -= 1;
        self.ended.tell_parted(&task);
        (place, task.into_output())
    }

    /// Takes out those that have not.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = (usize, JoinHandle<T>)> {
        self.left = 0;
        let tasks = std::mem::take(&mut self.tasks).into_iter().enumerate();
        tasks.filter_map(|(place, task)| {
            let task = task?;
            self.ended.tell_parted(&task);
            Some((place, task))
        })
    }
}

impl<T> Drop for Watched<T> {
    fn drop(&mut self) {
        self.take_all().for_each(drop);
    }
}
