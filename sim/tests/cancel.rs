//! Cancelling at every await: what is counted, what is dropped, what it finds.

#[path = "cancel/denied.rs"]
mod denied;
#[path = "cancel/finds.rs"]
mod finds;
#[path = "cancel/more.rs"]
mod more;
#[path = "cancel/oracles.rs"]
mod oracles;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream};
use simoom::sync::{Mutex, Notify, mpsc};
use simoom::task::{spawn_local, yield_now};
use simoom::time::sleep;
use simoom_sim::cancel::{self, Cancels};
use simoom_sim::{Class, Config, Sim, Strategy, check};

/// The line of the file `text` that ends with the comment `marker`.
#[track_caller]
fn line_in(text: &str, marker: &str) -> u32 {
    let comment = format!("// {marker}.");
    let mut lines = text.lines();
    let index = lines.position(|line| line.trim().ends_with(&comment) && line.trim() != comment);
    index.expect("there is such a line") as u32 + 1
}

fn config() -> Config {
    Config::default().persist(false).seeds(50)
}

async fn three_times(note: Rc<Cell<u32>>) {
    for _ in 0..3 {
        yield_now().await; // Thrice.
        note.set(note.get() + 1);
    }
}

#[test]
fn every_await_of_a_task_is_cancelled_at_both_moments() {
    let line = line_in(include_str!("cancel.rs"), "Thrice");
    let report = cancel::every_await(config(), |_| async {
        let note = Rc::new(Cell::new(0));
        let ended = spawn_local(three_times(note.clone())).await;
        assert_eq!(ended.is_err(), note.get() < 3);
        if let Err(error) = ended {
            assert!(error.is_cancelled());
        }
    });
    let counts = (
        report.points(),
        report.cancelled(),
        report.cancelled_woken(),
    );
    assert_eq!(counts, (3, 3, 3), "{report}");
    let [site] = report.sites() else {
        panic!("{report}")
    };
    assert_eq!((&*site.file, site.line), ("sim/tests/cancel.rs", line));
    assert_eq!(
        (&*site.operation, site.points, site.failed),
        ("yield", 3, 0)
    );
    let runs: BTreeSet<_> = report.report().runs().iter().map(|run| run.hash).collect();
    assert_eq!(runs.len(), 6, "each of the runs is another");
    let text = report.to_string();
    let head = "3 of 3 await points cancelled, at 1 site; 3 of 3 when woken\n";
    assert!(text.contains(head), "{text}");
    report.unwrap();
}

#[test]
fn what_is_not_woken_is_cancelled_as_it_waits_alone() {
    let report = cancel::every_await(config(), |_| async {
        let (_send, mut recv) = mpsc::channel::<()>(1);
        let _task = spawn_local(async move { recv.recv().await });
        sleep(Duration::from_millis(1)).await;
    });
    let counts = (
        report.points(),
        report.cancelled(),
        report.cancelled_woken(),
    );
    assert_eq!(counts, (1, 1, 0), "{report}");
    let text = report.to_string();
    assert!(text.contains("1 of them were not woken again"), "{text}");
}

/// An operation that is not simoom's says nothing of itself.
#[test]
fn an_await_of_something_unknown_is_told_by_what_came_before() {
    let report = cancel::every_await(config(), |_| async {
        let (send, recv) = futures::channel::oneshot::channel::<()>();
        let task = spawn_local(async move {
            sleep(Duration::from_millis(1)).await;
            let _ = recv.await;
        });
        sleep(Duration::from_millis(2)).await;
        drop(send);
        drop(task.await);
    });
    let operations: Vec<_> = report.sites().iter().map(|it| &*it.operation).collect();
    assert_eq!(operations, ["sleep", "after sleep"], "{report}");
    report.unwrap();
}

#[test]
fn mains_and_the_test_itself_are_not_cancelled() {
    let report = cancel::every_await(config(), |sim: Sim| async move {
        let node = sim.node("server").run(|| async {
            yield_now().await;
            sleep(Duration::from_millis(5)).await;
        });
        yield_now().await;
        drop(node.wait().await);
    });
    assert_eq!(report.points(), 0, "{report}");
    assert!(report.report().runs().is_empty());
    report.unwrap();
}

#[test]
fn blocking_closures_are_not_cancelled() {
    let report = cancel::every_await(config(), |_| async {
        let (send, mut recv) = mpsc::channel(1);
        let waits = simoom::task::spawn_blocking(move || recv.blocking_recv());
        sleep(Duration::from_millis(1)).await;
        send.send(5).await.unwrap();
        assert_eq!(waits.await.unwrap(), Some(5));
    });
    assert_eq!(report.points(), 0, "{report}");
    report.unwrap();
}

struct Noted(Rc<Cell<bool>>);

impl Drop for Noted {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

/// Unlike what is killed, it says goodbye.
#[test]
fn destructors_of_what_is_cancelled_run_in_the_living_world() {
    let report = cancel::every_await(config(), |sim: Sim| async move {
        let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
        let dropped = Rc::new(Cell::new(false));
        let noted = Noted(dropped.clone());
        let client = sim.node("client").spawn(async move {
            let _noted = noted;
            let mut stream = TcpStream::connect("test:80").await.unwrap();
            stream.read_u8().await
        });
        let accepted = simoom::time::timeout(Duration::from_secs(1), listener.accept()).await;
        if let Ok(Ok((mut server, _))) = accepted {
            let mut byte = [0];
            let read = simoom::time::timeout(Duration::from_secs(1), server.read(&mut byte)).await;
            assert_eq!(read.is_ok(), dropped.get(), "its peer is told");
            if read.is_err() {
                drop(server.write_all(b"x").await);
            }
        }
        drop(client.await);
        assert!(dropped.get());
    });
    assert!(report.cancelled() >= 2, "{report}");
    report.unwrap();
}

/// Something that has to be asked four times.
#[test]
fn a_place_is_counted_anew_each_time_it_is_come_to() {
    let report = cancel::every_await(config(), |_| async {
        let mut asked = 0;
        let task = spawn_local(poll_fn(move |cx| {
            asked += 1;
            cx.waker().wake_by_ref();
            if asked < 4 {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        }));
        drop(task.await);
    });
    let counts = (
        report.points(),
        report.cancelled(),
        report.cancelled_woken(),
    );
    assert_eq!(counts, (3, 3, 3), "{report}");
    assert_eq!(report.report().distinct(), 6, "{report}");
    report.unwrap();
}

#[test]
fn a_sweep_cancels_nothing_unless_it_is_told_to() {
    let report = check(config(), |_| async {
        let note = Rc::new(Cell::new(0));
        spawn_local(three_times(note.clone())).await.unwrap();
        cancel::scope(three_times(note)).await.unwrap();
    });
    report.unwrap();
}

/// A task that was made to let others go first does not wait.
#[test]
fn what_was_interrupted_is_no_place() {
    let body = |_| async {
        let lock = Rc::new(Mutex::new(0));
        let tasks = [(); 3].map(|()| {
            let lock = lock.clone();
            spawn_local(async move {
                for _ in 0..10 {
                    *lock.try_lock().unwrap() += 1;
                    simoom::task::preemption_point().await;
                }
            })
        });
        for task in tasks {
            drop(task.await);
        }
    };
    let config = || config().strategy(Strategy::Random);
    let polls = check(config(), body)
        .runs()
        .iter()
        .map(|run| run.polls)
        .max();
    assert!(polls > Some(10), "some of them are interrupted: {polls:?}");
    for seed in 0..20 {
        let report = cancel::every_await(config().seed(seed), body);
        assert_eq!(report.points(), 0, "{report}");
    }
}

/// What a failure was stored with happens, whatever its test has come to ask for since.
#[test]
fn a_stored_cancellation_happens_in_a_sweep_that_makes_none() {
    const NAME: &str = "a_stored_cancellation_happens_in_a_sweep_that_makes_none";
    async fn body(_: Sim) {
        let task = spawn_local(yield_now());
        assert!(task.await.is_ok(), "it was cancelled");
    }
    let folder = std::env::temp_dir().join(format!("simoom-{NAME}-{}", std::process::id()));
    let report = cancel::every_await(config(), body);
    let plan = report.failure().unwrap().plan();
    std::fs::create_dir_all(folder.join("cancel")).unwrap();
    // The second sweep of this test.
    let file = folder.join("cancel").join(format!("{NAME}-2.txt"));
    std::fs::write(&file, format!("test cancel::{NAME} 2\n\n{plan}")).unwrap();
    let report = check(config().seeds(1).regressions(&folder), body);
    std::fs::remove_dir_all(&folder).unwrap();
    let found = report.failure().expect("what is stored fails");
    assert!(found.story()[0].contains("task.cancelled"), "{found}");
    assert!(found.to_string().contains("failed (saved)"), "{found}");
}

#[test]
fn what_fails_undisturbed_is_reported_as_that() {
    let report = cancel::every_await(config(), |_| async {
        drop(spawn_local(yield_now()).await);
        assert_eq!(1 + 1, 3, "always");
    });
    let found = report.failure().unwrap();
    assert!(
        found.to_string().contains("the undisturbed run failed"),
        "{found}"
    );
    assert_eq!(report.cancelled(), 0);
}

#[test]
fn a_panic_in_a_destructor_of_what_is_cancelled_fails_the_run() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("not defused");
        }
    }
    let report = cancel::every_await(config(), |_| async {
        let task = spawn_local(async {
            let bomb = Bomb;
            yield_now().await;
            std::mem::forget(bomb);
        });
        drop(task.await);
    });
    let found = report.failure().expect("the bomb goes off");
    assert!(found.cause().to_string().contains("not defused"), "{found}");
    assert_eq!(found.class(), Class::Correctness);
}

/// What is cancelled leaves the rest of its task alone, and waits in one place while that is polled.
#[test]
fn a_scope_ends_alone() {
    let report = cancel::every_await(config(), |_| async {
        let notify = Notify::new();
        let mut got = 0;
        let part = cancel::scope(async {
            notify.notified().await;
            5
        });
        let other = async {
            sleep(Duration::from_millis(1)).await;
            sleep(Duration::from_millis(1)).await;
            notify.notify_one();
            sleep(Duration::from_millis(1)).await;
            7
        };
        let (one, two) = simoom::join!(part, other);
        got += one.unwrap_or(0) + two;
        assert!(got == 7 || got == 12, "{got}");
    });
    let counts = (
        report.points(),
        report.cancelled(),
        report.cancelled_woken(),
    );
    assert_eq!(counts, (1, 1, 1), "{report}");
    report.unwrap();
}

#[simoom_sim::test(cancels = Cancels::Every)]
async fn the_attribute_cancels_everywhere() {
    let note = Rc::new(Cell::new(0));
    let ended = spawn_local(three_times(note.clone())).await;
    assert_eq!(ended.is_err(), note.get() < 3);
}
