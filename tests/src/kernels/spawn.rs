//! Tasks of the programs, and those that an edit adds beside them.
//!
//! Owns who gets an equal sibling. Knows nothing of what the programs do.

use std::any::type_name;
use std::cell::RefCell;
use std::collections::BTreeSet;

use simoom::sync::Mutex;
use simoom::task::{Builder, JoinHandle, yield_now};

use super::edit::Edit;

thread_local! {
    /// Each run has a thread of its own.
    static EDITED: RefCell<Edited> = const { RefCell::new(Edited { edit: Edit::None, names: BTreeSet::new() }) };
}

struct Edited {
    edit: Edit,
    /// Which names have been given a sibling.
    names: BTreeSet<&'static str>,
}

/// Lets the tasks of this run have the siblings that `edit` adds.
pub(super) fn edited(edit: Edit) {
    let names = BTreeSet::new();
    EDITED.set(Edited { edit, names });
}

/// As [`simoom::task::spawn_local`], beside what the run's edit adds.
#[track_caller]
pub(crate) fn spawn_local<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    beside(type_name::<F>(), || simoom::task::spawn_local(future))
}

/// As [`simoom::spawn`], beside what the run's edit adds.
#[track_caller]
pub(crate) fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    beside(type_name::<F>(), || simoom::spawn(future))
}

fn beside<T>(name: &'static str, spawn: impl FnOnce() -> T) -> T {
    let edit = EDITED.with_borrow_mut(|it| match it.edit {
        Edit::EqualBefore | Edit::EqualAfter if it.names.insert(name) => it.edit,
        _ => Edit::None,
    });
    if edit == Edit::EqualBefore {
        sibling(name);
    }
    let spawned = spawn();
    if edit == Edit::EqualAfter {
        sibling(name);
    }
    spawned
}

/// One more task called `name`, with a lock of its own.
fn sibling(name: &str) {
    let added = Builder::new().name(name).spawn_local(busy());
    drop(added.expect("a task can be spawned"));
}

/// What an added task does.
pub(super) async fn busy() {
    let lock = Mutex::new(0);
    for _ in 0..3 {
        *lock.lock().await += 1;
        yield_now().await;
    }
}
