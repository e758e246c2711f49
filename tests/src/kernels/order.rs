//! Bugs that take a certain order of tasks.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use simoom::sync::{Mutex, Notify, mpsc};
use simoom::task::{JoinHandle, yield_now};
use simoom::time::sleep;
use simoom_sim::Sim;

use super::edit::Edit;
use super::spawn::spawn_local;

/// A number that tasks share, each access of which is an operation.
#[derive(Clone, Default)]
pub(super) struct Shared(Rc<(Mutex<()>, Cell<i64>)>);

impl Shared {
    pub(super) async fn load(&self) -> i64 {
        let _guard = self.0.0.lock().await;
        self.0.1.get()
    }

    pub(super) async fn store(&self, value: i64) {
        let _guard = self.0.0.lock().await;
        self.0.1.set(value);
    }

    pub(super) async fn add(&self, value: i64) -> i64 {
        let _guard = self.0.0.lock().await;
        self.0.1.set(self.0.1.get() + value);
        self.0.1.get()
    }
}

pub(super) async fn all(tasks: Vec<JoinHandle<()>>) {
    for task in tasks {
        task.await.unwrap();
    }
}

/// Two tasks add one to a number, in two operations each.
pub(super) async fn lost_update(sim: Sim, edit: Edit) {
    edit.begin(&sim);
    let total = Shared::default();
    let add = || {
        let (total, sim) = (total.clone(), sim.clone());
        spawn_local(async move {
            let seen = total.load().await;
            edit.note(&sim);
            total.store(seen + 1).await;
        })
    };
    all(vec![add(), add()]).await;
    assert_eq!(total.load().await, 2, "an update was lost");
}

/// As above, twice over: both of two numbers have to lack one.
pub(super) async fn lost_updates(sim: Sim, edit: Edit) {
    edit.begin(&sim);
    let totals = [Shared::default(), Shared::default()];
    let add = |total: &Shared| {
        let (total, sim) = (total.clone(), sim.clone());
        spawn_local(async move {
            let seen = total.load().await;
            edit.note(&sim);
            total.store(seen + 1).await;
        })
    };
    for total in &totals {
        all(vec![add(total), add(total)]).await;
    }
    let left = [totals[0].load().await, totals[1].load().await];
    assert!(left != [1, 1], "both updates were lost");
}

/// Ten tasks set two numbers one after the other; one looks whether they belong together.
pub(super) async fn reorder_10(sim: Sim, edit: Edit) {
    edit.begin(&sim);
    let (one, two) = (Shared::default(), Shared::default());
    let set = || {
        let (one, two, sim) = (one.clone(), two.clone(), sim.clone());
        spawn_local(async move {
            one.store(1).await;
            edit.note(&sim);
            two.store(-1).await;
        })
    };
    let mut tasks: Vec<_> = (0..10).map(|_| set()).collect();
    let looks = spawn_local(async move {
        let seen = (one.load().await, two.load().await);
        assert!(
            matches!(seen, (0, 0) | (1, -1)),
            "they do not belong together"
        );
    });
    tasks.push(looks);
    all(tasks).await;
}

/// Ten tasks write in two stages, and ten read both.
pub(super) async fn twostage_10(sim: Sim, edit: Edit) {
    edit.begin(&sim);
    let (first, second) = (Shared::default(), Shared::default());
    let mut tasks = Vec::new();
    for _ in 0..10 {
        let (first, second, sim) = (first.clone(), second.clone(), sim.clone());
        tasks.push(spawn_local(async move {
            first.store(1).await;
            edit.note(&sim);
            let seen = first.load().await;
            second.store(seen + 1).await;
        }));
    }
    for _ in 0..10 {
        let (first, second) = (first.clone(), second.clone());
        tasks.push(spawn_local(async move {
            let one = first.load().await;
            if one > 0 {
                let two = second.load().await;
                assert_eq!(two, one + 1, "the second stage is not there");
            }
        }));
    }
    all(tasks).await;
}

/// One pays in, one takes out, one moves it all elsewhere.
pub(super) async fn account(sim: Sim, edit: Edit) {
    edit.begin(&sim);
    let (balance, other) = (Shared::default(), Shared::default());
    balance.store(100).await;
    let pay = {
        let (balance, sim) = (balance.clone(), sim.clone());
        spawn_local(async move {
            let seen = balance.load().await;
            edit.note(&sim);
            balance.store(seen + 50).await;
        })
    };
    let take = {
        let balance = balance.clone();
        spawn_local(async move {
            balance.add(-30).await;
        })
    };
    let transfer = {
        let (balance, other) = (balance.clone(), other.clone());
        spawn_local(async move {
            balance.add(-10).await;
            other.add(10).await;
        })
    };
    all(vec![pay, take, transfer]).await;
    let sum = balance.load().await + other.load().await;
    assert_eq!(sum, 120, "money was lost or made");
}

/// A driver is stopped while somebody adds to what it does.
pub(super) async fn bluetooth_driver(sim: Sim, edit: Edit) {
    edit.begin(&sim);
    let (stopping, pending, stopped) = (Shared::default(), Shared::default(), Shared::default());
    pending.store(1).await;
    let gone = Rc::new(Notify::new());
    let leave = |pending: Shared, gone: Rc<Notify>| async move {
        if pending.add(-1).await == 0 {
            gone.notify_one();
        }
    };
    let add = {
        let (stopping, pending, stopped) = (stopping.clone(), pending.clone(), stopped.clone());
        let (gone, sim) = (gone.clone(), sim.clone());
        spawn_local(async move {
            if stopping.load().await == 0 {
                edit.note(&sim);
                pending.add(1).await;
                assert_eq!(stopped.load().await, 0, "it is used after it was stopped");
                leave(pending, gone).await;
            }
        })
    };
    let stop = spawn_local(async move {
        stopping.store(1).await;
        leave(pending, gone.clone()).await;
        gone.notified().await;
        stopped.store(1).await;
    });
    all(vec![add, stop]).await;
}

/// Two tasks take two locks in opposite order.
pub(super) async fn crossed_locks(sim: Sim, edit: Edit) {
    edit.begin(&sim);
    let locks = [Rc::new(Mutex::new(())), Rc::new(Mutex::new(()))];
    let take = |first: usize| {
        let (one, two) = (locks[first].clone(), locks[1 - first].clone());
        let sim = sim.clone();
        spawn_local(async move {
            let _one = one.lock().await;
            edit.note(&sim);
            let _two = two.lock().await;
        })
    };
    all(vec![take(0), take(1)]).await;
}

/// One looks whether it has to wait, and then waits for who has told already.
pub(super) async fn lost_notify(sim: Sim, edit: Edit) {
    edit.begin(&sim);
    let (flag, told) = (Shared::default(), Rc::new(Notify::new()));
    let wait = {
        let (flag, told, sim) = (flag.clone(), told.clone(), sim.clone());
        spawn_local(async move {
            if flag.load().await == 0 {
                edit.note(&sim);
                simoom::task::preemption_point().await;
                told.notified().await;
            }
        })
    };
    let tell = spawn_local(async move {
        flag.store(1).await;
        told.notify_waiters();
    });
    all(vec![wait, tell]).await;
}

/// One sees what another one does in passing, at two places one after the other.
pub(super) async fn seen_in_turn(sim: Sim, edit: Edit) {
    edit.begin(&sim);
    let (one, two) = (Shared::default(), Shared::default());
    let passes = {
        let (one, two, sim) = (one.clone(), two.clone(), sim.clone());
        spawn_local(async move {
            for it in [one, two] {
                it.store(1).await;
                edit.note(&sim);
                it.store(0).await;
                yield_now().await;
            }
        })
    };
    let looks = spawn_local(async move {
        let first = one.load().await;
        yield_now().await;
        let second = two.load().await;
        assert!(first == 0 || second == 0, "both were seen");
    });
    all(vec![passes, looks]).await;
}

/// Of two messages, the urgent one is to come first.
pub(super) async fn select_order(sim: Sim, edit: Edit) {
    edit.begin(&sim);
    let (urgent, mut urgently) = mpsc::channel(1);
    let (usual, mut usually) = mpsc::channel(1);
    for round in 0..10 {
        urgent.send(round).await.unwrap();
        usual.send(round).await.unwrap();
        edit.note(&sim);
        simoom::select! {
            _ = urgently.recv() => { usually.recv().await.unwrap(); }
            _ = usually.recv() => panic!("the usual one came first"),
        }
    }
}

/// One says that it is done before it is.
pub(super) async fn slow_task(sim: Sim, edit: Edit) {
    edit.begin(&sim);
    let done = Shared::default();
    let (say, said) = simoom::sync::oneshot::channel();
    let works = {
        let (done, sim) = (done.clone(), sim.clone());
        spawn_local(async move {
            say.send(()).unwrap();
            edit.note(&sim);
            done.store(1).await;
        })
    };
    said.await.unwrap();
    sleep(Duration::from_millis(1)).await;
    assert_eq!(done.load().await, 1, "it is not done");
    works.await.unwrap();
}
