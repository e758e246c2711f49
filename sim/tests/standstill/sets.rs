//! Tasks that are waited for together: a set, and a group.

use std::rc::Rc;

use simoom::TaskGroup;
use simoom::sync::Mutex;
use simoom::task::JoinSet;
use simoom_sim::check;

use crate::{assert_tells, config, line_in};

fn place(marker: &str) -> String {
    let line = line_in(include_str!("sets.rs"), marker);
    format!(" at sim/tests/standstill/sets.rs:{line}")
}

#[test]
fn whoever_waits_for_a_set_waits_for_each_of_its_tasks() {
    let report = check(config(), |_| async {
        let lock = Rc::new(Mutex::new(()));
        let _held = lock.lock().await; // Held.
        let mut set = JoinSet::new();
        set.spawn(async {});
        let other = lock.clone();
        set.spawn_local(async move { drop(other.lock().await) });
        while set.join_next().await.is_some() {} // Joins.
    });
    assert_tells(
        &report,
        &[
            &format!("join{}", place("Joins")),
            "for the end of task 3 (test/",
            &format!("has the lock, taken{}", place("Held")),
            "cycle",
        ],
    );
}

#[test]
fn tg_24_whoever_waits_for_a_group_waits_for_each_of_its_tasks() {
    let report = check(config(), |_| async {
        let lock = Rc::new(Mutex::new(()));
        let _held = lock.lock().await; // Kept.
        let other = lock.clone();
        let group = TaskGroup::<()>::run(async |group| {
            group.spawn_local(async move {
                drop(other.lock().await);
                Ok(())
            });
            Ok(())
        });
        group.await.unwrap();
    });
    assert_tells(
        &report,
        &[
            "for the end of task 2 (test/",
            &format!("has the lock, taken{}", place("Kept")),
            "cycle",
        ],
    );
}
