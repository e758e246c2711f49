//! Tasks of one thread that are waited for together.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;

use simoom::sync::oneshot;
use simoom::task::{LocalSet, spawn_local, yield_now};
use simoom::time::{Duration, sleep, timeout};
use simoom_tests::{DropFlag, both, settle};

const MS: Duration = Duration::from_millis(1);

both! {
    async fn awaiting_a_set_waits_for_all_of_its_tasks() {
        let set = LocalSet::new();
        let seen = Rc::new(RefCell::new(Vec::new()));
        for ms in [3, 1, 2] {
            let seen = seen.clone();
            set.spawn_local(async move {
                sleep(ms * MS).await;
                seen.borrow_mut().push(ms);
            });
        }
        assert!(format!("{set:?}").contains("left: 3"));
        set.await;
        assert_eq!(seen.take().len(), 3);
    }

    async fn what_is_spawned_inside_belongs_to_the_set() {
        let set = LocalSet::new();
        let ended = Rc::new(Cell::new(0));
        let count = ended.clone();
        set.run_until(async move {
            let inner = count.clone();
            spawn_local(async move {
                // A task of the set: what it spawns belongs to it too.
                spawn_local(async move {
                    sleep(2 * MS).await;
                    inner.set(inner.get() + 1);
                });
                count.set(count.get() + 1);
            });
        })
        .await;
        set.await;
        assert_eq!(ended.get(), 2);
    }

    async fn what_is_spawned_outside_does_not() {
        let set = LocalSet::new();
        let (_keep, forever) = oneshot::channel::<()>();
        let other = spawn_local(forever);
        drop(set.enter());
        set.run_until(yield_now()).await;
        let after = spawn_local(pending::<()>());
        timeout(1000 * MS, set).await.unwrap();
        assert!(!other.is_finished() && !after.is_finished());
        other.abort();
        after.abort();
    }

    async fn an_entered_set_takes_what_is_spawned() {
        let (outer, inner) = (LocalSet::new(), LocalSet::new());
        let guard = outer.enter();
        let first = {
            let _inner = inner.enter();
            spawn_local(pending::<()>())
        };
        let second = spawn_local(yield_now());
        drop(guard);
        outer.await;
        assert!(second.is_finished() && !first.is_finished());
        drop(inner);
        assert!(first.await.unwrap_err().is_cancelled());
    }

    async fn dropping_a_set_aborts_what_is_left() {
        let dropped = DropFlag::default();
        let flag = dropped.guard();
        let set = LocalSet::new();
        let task = set.spawn_local(async move {
            let _flag = flag;
            pending::<()>().await;
        });
        settle().await;
        assert!(!dropped.is_set());
        drop(set);
        assert!(task.await.unwrap_err().is_cancelled());
        assert!(dropped.is_set());
    }

    async fn a_task_that_was_aborted_has_ended() {
        let set = LocalSet::new();
        let polled = set.spawn_local(pending::<()>());
        settle().await;
        let never_polled = set.spawn_local(pending::<()>());
        polled.abort();
        never_polled.abort();
        timeout(1000 * MS, set).await.unwrap();
    }

    async fn a_set_that_is_empty_is_over() {
        LocalSet::default().await;
    }
}

#[test]
fn a_set_can_be_run_to_the_end_of_a_future() {
    let rt = simoom::runtime::Runtime::new().unwrap();
    let set = LocalSet::new();
    let seen = Rc::new(Cell::new(0));
    let count = seen.clone();
    set.block_on(&rt, async {
        spawn_local(async move {
            sleep(MS).await;
            count.set(1);
        });
    });
    assert_eq!(seen.get(), 0);
    rt.block_on(set);
    assert_eq!(seen.get(), 1);
}
