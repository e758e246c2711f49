//! Runtimes, and tasks as they see them.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use simoom::runtime::Builder;
use simoom::task::{self, JoinHandle, yield_now};
use simoom::time::{Instant, sleep};
use simoom_sim::{Config, Failure, check};
use simoom_tests::{both, settle};

use super::{HOUR, MS};

both! {
    async fn tsk_9_each_of_several_tasks_knows_which_it_is() {
        let tasks: Vec<_> = (0..3)
            .map(|number| {
                let name = format!("task {number}");
                let own = name.clone();
                let body = async move {
                    for _ in 0..4 {
                        assert_eq!(task::current().name(), Some(&*own));
                        yield_now().await;
                    }
                    task::current().id()
                };
                task::Builder::new().name(&name).spawn(body).unwrap()
            })
            .collect();
        for task in tasks {
            let id = task.id();
            assert_eq!(task.await.unwrap(), id);
        }
    }

    async fn loop_6_a_closure_on_another_thread_wakes_a_task() {
        let (send, receive) = simoom::sync::oneshot::channel();
        let task = simoom::spawn(receive);
        settle().await;
        simoom::task::spawn_blocking(move || send.send(5).unwrap()).await.unwrap();
        assert_eq!(task.await.unwrap(), Ok(5));
    }

    async fn loop_1_what_is_woken_in_a_turn_runs_in_a_later_one() {
        let turns = Arc::new(Mutex::new(Vec::new()));
        let noted = turns.clone();
        let task = simoom::spawn(async move {
            let inside = noted.clone();
            let child = simoom::spawn(async move { inside.lock().unwrap().push("child") });
            noted.lock().unwrap().push("parent");
            child.await.unwrap();
        });
        task.await.unwrap();
        assert_eq!(*turns.lock().unwrap(), ["parent", "child"]);
    }

    async fn slp_1_a_yield_gives_the_others_a_turn() {
        let ran = Arc::new(AtomicUsize::new(0));
        let counted = ran.clone();
        let task = simoom::spawn(async move { counted.fetch_add(1, SeqCst) });
        while !task.is_finished() {
            yield_now().await;
        }
        assert_eq!(ran.load(SeqCst), 1);
    }
}

/// In the real world alone: nobody makes the runtime of a simulation.
#[test]
fn run_15_a_runtime_is_made_as_asked() {
    let runtime = Builder::new_current_thread()
        .start_paused(true)
        .thread_name("worker of its own")
        .build()
        .unwrap();
    let begun = std::time::Instant::now();
    runtime.block_on(async {
        let virtual_begin = Instant::now();
        sleep(HOUR).await;
        assert!(virtual_begin.elapsed() >= HOUR);
        let name = || std::thread::current().name().map(str::to_owned);
        let name = task::spawn_blocking(name).await.unwrap();
        assert_eq!(name.as_deref(), Some("worker of its own"));
    });
    assert!(begun.elapsed() < HOUR);
}

/// In the real world alone: a panic fails a simulated run.
#[test]
fn loop_8_a_callback_that_panics_ends_nobody() {
    let told = Arc::new(AtomicUsize::new(0));
    let count = told.clone();
    let runtime = Builder::new_current_thread()
        .on_unobserved_failure(move |_| {
            count.fetch_add(1, SeqCst);
            panic!("the callback is broken");
        })
        .build()
        .unwrap();
    runtime.block_on(async {
        let other = simoom::spawn(async {
            sleep(2 * MS).await;
            5
        });
        for _ in 0..2 {
            drop(simoom::spawn(async { panic!("a task is broken") }));
            settle().await;
        }
        assert_eq!(other.await.unwrap(), 5);
    });
    assert_eq!(told.load(SeqCst), 2);
}

/// In simulations alone: in the real world it waits for ever.
#[test]
fn tsk_4_a_task_that_waits_for_itself_is_told() {
    let report = check(Config::default().persist(false).seeds(5), |_sim| async {
        let (send, receive) = simoom::sync::oneshot::channel::<JoinHandle<()>>();
        let task = simoom::spawn(async move {
            let own = receive.await.unwrap();
            assert_eq!(own.id(), task::id());
            own.await.unwrap();
        });
        send.send(task).unwrap();
        pending::<()>().await;
    });
    let found = report.failure().unwrap();
    assert_eq!(found.cause(), &Failure::Deadlock);
    let text = found.to_string();
    assert!(text.contains("waits in join"), "{text}");
}

/// In the real world alone: nobody makes the runtime of a simulation.
#[test]
fn tsk_6_a_task_that_is_left_is_told_of() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let note = told.clone();
    let runtime = Builder::new_current_thread()
        .on_task_terminate(move |task| {
            let name = task.name().map(str::to_owned);
            note.lock().unwrap().push((name, task.spawned_at().line()));
        })
        .build()
        .unwrap();
    let line = runtime.block_on(async {
        let left = task::Builder::new().name("left").spawn(pending::<()>());
        drop(left.unwrap());
        yield_now().await;
        line!() - 3
    });
    assert!(told.lock().unwrap().is_empty());
    drop(runtime);
    assert_eq!(*told.lock().unwrap(), [(Some("left".to_owned()), line)]);
}

/// In the real world alone: nobody makes the runtime of a simulation.
#[test]
fn tsk_14_whoever_asks_is_told_of_each_task_that_is_made() {
    let made = Arc::new(Mutex::new(Vec::new()));
    let note = made.clone();
    let runtime = Builder::new_current_thread()
        .on_task_spawn(move |task| note.lock().unwrap().push(task.id()))
        .build()
        .unwrap();
    runtime.block_on(async {
        let (one, two) = (simoom::spawn(async {}), task::spawn_local(async {}));
        let ids = [one.id(), two.id()];
        one.await.unwrap();
        two.await.unwrap();
        assert_eq!(made.lock().unwrap()[..], ids);
    });
}
