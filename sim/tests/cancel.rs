//! Cancelling at every await: what is counted, what is dropped, what it finds.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, VecDeque};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream};
use simoom::sync::{Mutex, Notify, mpsc};
use simoom::task::{spawn_local, yield_now};
use simoom::time::sleep;
use simoom_sim::cancel::{self, Cancels};
use simoom_sim::{Class, Config, Failure, Leaks, Ratio, Sim, Strategy, check};

/// The line of this file that ends with the comment `marker`.
#[track_caller]
fn line_of(marker: &str) -> u32 {
    let comment = format!("// {marker}.");
    let mut lines = include_str!("cancel.rs").lines();
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
    let line = line_of("Thrice");
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

/// A gate with a queue of its own, which lets one pass and wakes the next.
#[derive(Default)]
struct Gate {
    is_open: Cell<bool>,
    waiting: RefCell<VecDeque<(u32, Waker)>>,
    passers: Cell<u32>,
    is_careful: bool,
}

impl Gate {
    fn open(&self) {
        self.is_open.set(true);
        if let Some((_, waker)) = self.waiting.borrow_mut().pop_front() {
            waker.wake();
        }
    }

    async fn pass(&self) {
        let number = self.passers.get();
        self.passers.set(number + 1);
        let mut place = Place {
            gate: self,
            number,
            waits: false,
        };
        poll_fn(|cx| {
            if self.is_open.replace(false) {
                place.waits = false;
                return Poll::Ready(());
            }
            if !place.waits {
                let waker = cx.waker().clone();
                self.waiting.borrow_mut().push_back((number, waker));
            }
            place.waits = true;
            Poll::Pending
        })
        .await;
    }
}

struct Place<'a> {
    gate: &'a Gate,
    number: u32,
    waits: bool,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if !self.waits {
            return;
        }
        let mut waiting = self.gate.waiting.borrow_mut();
        let before = waiting.len();
        waiting.retain(|&(number, _)| number != self.number);
        let was_woken = waiting.len() == before;
        drop(waiting);
        if was_woken && self.gate.is_careful {
            self.gate.open();
        }
    }
}

async fn pass_in_turn(gate: Rc<Gate>) {
    gate.pass().await;
    gate.open();
}

fn passing(is_careful: bool) -> cancel::CancelReport {
    cancel::every_await(config(), move |_| async move {
        let gate = Rc::new(Gate {
            is_careful,
            ..Gate::default()
        });
        let tasks = [(); 2].map(|()| spawn_local(pass_in_turn(gate.clone())));
        sleep(Duration::from_millis(1)).await;
        gate.open();
        for task in tasks {
            drop(task.await);
        }
    })
}

/// The first is woken, and dropped before it can pass on what it was woken for.
#[test]
fn a_wake_up_that_is_lost_with_a_future_is_found() {
    let report = passing(false);
    let found = report.failure().expect("a wake-up is lost");
    assert_eq!(found.cause(), &Failure::Deadlock);
    let story = found.story();
    assert_eq!(story.len(), 1, "{found}");
    assert!(story[0].contains("task.cancelled"), "{found}");
    assert!(
        story[0].ends_with("its 1st, woken and not polled"),
        "{found}"
    );
    assert!(found.is_confirmed(), "{found}");
    let plan = found.plan();
    let text = found.to_string();
    assert!(
        text.contains("\n  replay    cargo test -p simoom-sim --test cancel"),
        "{text}"
    );
    let line = plan.lines().find(|line| line.starts_with("cancel "));
    assert!(line.is_some_and(|line| line.contains(" = 2 # ")), "{plan}");
    assert!(
        found.to_string().contains("lost wake-up: polled once more"),
        "{found}"
    );
}

#[test]
fn a_wake_up_that_is_passed_on_is_not_lost() {
    let report = passing(true);
    assert!(report.cancelled_woken() >= 2, "{report}");
    report.unwrap();
}

/// Passes a notification on that it does not use.
#[test]
fn a_notification_is_not_lost_with_a_future() {
    let report = cancel::every_await(config(), |_| async {
        let gate = Rc::new(Notify::new());
        let pass = |gate: Rc<Notify>| async move {
            gate.notified().await;
            gate.notify_one();
        };
        let tasks = [(); 2].map(|()| spawn_local(pass(gate.clone())));
        sleep(Duration::from_millis(1)).await;
        gate.notify_one();
        for task in tasks {
            drop(task.await);
        }
    });
    assert!(report.cancelled_woken() >= 2, "{report}");
    report.unwrap();
}

/// Moves jobs from a queue into a channel.
async fn forward(jobs: &RefCell<VecDeque<u32>>, send: &mpsc::Sender<u32>, is_careful: bool) {
    loop {
        if is_careful {
            let Ok(permit) = send.reserve().await else {
                return;
            };
            let Some(job) = jobs.borrow_mut().pop_front() else {
                return;
            };
            permit.send(job);
        } else {
            let Some(job) = jobs.borrow_mut().pop_front() else {
                return;
            };
            if send.send(job).await.is_err() {
                return;
            }
        }
    }
}

fn forwarding(is_careful: bool) -> cancel::CancelReport {
    cancel::every_await(config(), move |_| async move {
        let jobs = RefCell::new(VecDeque::from([1, 2, 3, 4]));
        let (send, mut recv) = mpsc::channel(1);
        let forwarding = async {
            cancel::until_done(|| forward(&jobs, &send, is_careful)).await;
            drop(send.clone());
        };
        let mut got = Vec::new();
        let receive = async {
            while got.len() < 4 {
                let next = simoom::time::timeout(Duration::from_secs(1), recv.recv());
                let Ok(Some(job)) = next.await else { break };
                got.push(job);
            }
        };
        simoom::join!(forwarding, receive);
        assert_eq!(got, [1, 2, 3, 4], "a job is lost");
    })
}

#[test]
fn a_send_that_holds_what_it_took_loses_it() {
    let report = forwarding(false);
    let found = report.failure().expect("a job is lost");
    assert!(
        found.cause().to_string().contains("a job is lost"),
        "{found}"
    );
    let story = &found.story()[0];
    assert!(story.contains("future.cancelled"), "{found}");
    assert!(
        story.contains("at the await of send at sim/tests/cancel.rs:"),
        "{found}"
    );
}

#[test]
fn a_slot_that_is_reserved_first_loses_nothing() {
    let report = forwarding(true);
    assert!(report.cancelled() >= 3, "{report}");
    assert!(report.sites().iter().all(|site| site.scope.is_some()));
    report.unwrap();
}

/// Frames of four bytes, read beside something else.
fn reading(is_careful: bool) -> cancel::CancelReport {
    cancel::every_await(config(), move |sim: Sim| async move {
        let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
        let _client = sim.node("client").run(|| async {
            let mut stream = TcpStream::connect("test:80").await.unwrap();
            for half in [b"aa", b"aa", b"bb", b"bb"] {
                stream.write_all(half).await.unwrap();
                sleep(Duration::from_millis(20)).await;
            }
        });
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut frames = Vec::new();
        let mut buffer = Vec::new();
        while frames.len() < 2 {
            if is_careful {
                let read = cancel::scope(stream.read_buf(&mut buffer)).await;
                if let Ok(0) = read.unwrap_or(Ok(1)) {
                    break;
                }
            } else {
                let mut frame = [0; 4];
                match cancel::scope(stream.read_exact(&mut frame)).await {
                    Ok(Ok(_)) => buffer.extend(frame),
                    Ok(Err(_)) => break,
                    Err(_) => {}
                }
            }
            while buffer.len() >= 4 {
                frames.push(buffer.drain(..4).collect::<Vec<_>>());
            }
        }
        assert_eq!(frames, [b"aaaa", b"bbbb"], "a frame is torn");
    })
}

#[test]
fn read_exact_loses_what_it_has_read() {
    let report = reading(false);
    let found = report.failure().expect("half a frame is lost");
    assert!(
        found.cause().to_string().contains("a frame is torn"),
        "{found}"
    );
    assert!(found.story()[0].contains("the await of read"), "{found}");
}

#[test]
fn a_buffer_of_ones_own_loses_nothing() {
    reading(true).unwrap();
}

/// Moves money with a lock held, and waits in between.
async fn transfer(accounts: Rc<Mutex<(i32, i32)>>, is_careful: bool) {
    let mut accounts = accounts.lock().await; // Taken.
    if is_careful {
        yield_now().await; // Held.
        accounts.0 -= 1;
    } else {
        accounts.0 -= 1;
        yield_now().await;
    }
    accounts.1 += 1;
}

fn transferring(is_careful: bool) -> cancel::CancelReport {
    cancel::every_await(config(), move |_| async move {
        let accounts = Rc::new(Mutex::new((5, 5)));
        let tasks = [(); 2].map(|()| spawn_local(transfer(accounts.clone(), is_careful)));
        for task in tasks {
            drop(task.await);
        }
        let (one, two) = *accounts.lock().await;
        assert_eq!(one + two, 10, "money is gone");
    })
}

#[test]
fn a_change_is_left_half_done_under_a_lock() {
    let report = transferring(false);
    let found = report.failure().expect("money is lost");
    assert!(
        found.cause().to_string().contains("money is gone"),
        "{found}"
    );
    assert_eq!(found.deviations(), 1, "{found}");
}

/// It is told all the same: nobody knows whether what the lock guards was half changed.
#[test]
fn locks_held_by_what_is_cancelled_are_told() {
    let report = transferring(true);
    let held = report.held_locks();
    assert_eq!(held.len(), 1, "{report}");
    let taken = ("sim/tests/cancel.rs".to_owned(), line_of("Taken"));
    assert_eq!(held[0].taken, taken);
    assert_eq!(held[0].cancelled.1, line_of("Held"));
    assert!(
        report
            .to_string()
            .contains("cancelled with a lock held: taken at")
    );
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
fn what_failed_is_counted_by_place() {
    let report = transferring(false);
    let first = report.failure().and_then(simoom_sim::Found::position);
    assert_eq!(first, Some(1), "the first that fails is told: {report}");
    let failed: Vec<_> = report.sites().iter().map(|site| site.failed).collect();
    assert_eq!(
        failed.iter().filter(|&&failed| failed > 0).count(),
        1,
        "{report}"
    );
    assert!(
        report.to_string().contains(" runs failed: task "),
        "{report}"
    );
    assert!(
        report
            .sites()
            .iter()
            .all(|site| site.cancelled == site.points)
    );
}

struct AbortOnDrop(simoom::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A task that starts another and ends it, unless it is cancelled before.
fn supervising(is_careful: bool) -> cancel::CancelReport {
    let config = config().leaks(Leaks::none());
    cancel::every_await(config, move |_| async move {
        let parent = spawn_local(async move {
            let child = spawn_local(std::future::pending::<()>());
            let stop = child.abort_handle();
            let _guard = is_careful.then(|| AbortOnDrop(stop.clone()));
            sleep(Duration::from_millis(1)).await;
            stop.abort();
        });
        drop(parent.await);
    })
}

#[test]
fn what_outlives_the_one_that_was_cancelled_is_a_leak() {
    let report = supervising(false);
    let found = report.failure().expect("the child is left behind");
    assert!(matches!(found.cause(), Failure::Leaked { .. }), "{found}");
    assert!(found.story()[0].contains("the await of sleep"), "{found}");
}

#[test]
fn what_ends_with_the_one_that_was_cancelled_is_none() {
    let report = supervising(true);
    assert!(report.cancelled() >= 2, "{report}");
    report.unwrap();
}

/// Whether everything that waits is cancelled is drawn for each seed.
#[test]
fn cancelling_by_chance_is_shrunk_and_shown_by_a_fresh_process() {
    let random = config().cancels(Ratio::one_in(4));
    let report = check(random, |_| async {
        let accounts = Rc::new(Mutex::new((5, 5)));
        let tasks = [(); 3].map(|()| spawn_local(transfer(accounts.clone(), false)));
        for task in tasks {
            drop(task.await);
        }
        let (one, two) = *accounts.lock().await;
        assert_eq!(one + two, 15 - 5, "money is gone");
    });
    let found = report.failure().expect("money is lost");
    assert!(found.is_confirmed(), "{found}");
    let text = found.to_string();
    assert!(text.contains("to 1 cancellation in"), "{text}");
    assert!(found.plan().contains("\ncancel "), "{text}");
}

#[test]
fn seeds_with_cancellations_are_the_same_run_twice() {
    for strategy in [Strategy::Random, Strategy::Pos, Strategy::Pct { depth: 2 }] {
        let random = config()
            .cancels(Ratio::one_in(4))
            .strategy(strategy)
            .doubled(1);
        let report = check(random, |_| async {
            let lock = Rc::new(Mutex::new(0));
            let tasks = [(); 3].map(|()| {
                let lock = lock.clone();
                spawn_local(async move {
                    *lock.lock().await += 1;
                    yield_now().await;
                })
            });
            for task in tasks {
                drop(task.await);
            }
        });
        assert!(report.distinct() > 10, "{strategy}: {}", report.distinct());
        assert_eq!(report.doubled(), 50);
        report.unwrap();
    }
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

/// Two tasks, each of which does what the other leaves undone.
async fn one_of_two_is_enough(_: Sim) {
    let done = Rc::new(Cell::new(false));
    let tasks = [(); 2].map(|()| {
        let done = done.clone();
        spawn_local(async move {
            yield_now().await;
            done.set(true);
        })
    });
    for task in tasks {
        drop(task.await);
    }
    assert!(done.get(), "nobody has done it");
}

#[test]
fn what_needs_two_cancellations_is_found_by_pairs_alone() {
    cancel::every_await(config(), one_of_two_is_enough).unwrap();
    let report = cancel::pairs(config().seeds(1000), one_of_two_is_enough);
    let found = report.failure().expect("both are cancelled");
    assert_eq!(found.deviations(), 2, "{found}");
    assert!(
        found
            .story()
            .iter()
            .all(|line| line.contains("task.cancelled")),
        "{found}"
    );
    let (run, known) = report.pairs().unwrap();
    assert_eq!(run, known);
}

/// The second task notices a first that is cancelled, unless it goes first.
async fn the_first_announces_itself(_: Sim) {
    let (announced, done) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(false)));
    let first = {
        let (announced, done) = (announced.clone(), done.clone());
        spawn_local(async move {
            announced.set(true);
            yield_now().await;
            done.set(true);
        })
    };
    let second = {
        let done = done.clone();
        spawn_local(async move {
            if announced.get() && first.await.is_err() {
                done.set(true);
            }
        })
    };
    drop(second.await);
    sleep(Duration::from_millis(1)).await;
    assert!(done.get(), "nobody has done it");
}

#[test]
fn what_needs_a_cancellation_and_another_order_is_found_by_pairs_alone() {
    let every = cancel::every_await(config(), the_first_announces_itself);
    assert!(every.cancelled() > 0);
    every.unwrap();
    let report = cancel::pairs(config().seeds(1000), the_first_announces_itself);
    let found = report.failure().expect("the second goes first");
    let story = found.story().join("\n");
    assert!(
        story.contains("task.cancelled") && story.contains("task."),
        "{found}"
    );
    assert_eq!(found.deviations(), 2, "{found}");
}

#[test]
fn no_more_pairs_are_run_than_there_are_seeds() {
    let report = cancel::pairs(config().seeds(3), |_| async {
        let tasks = [(); 3].map(|()| spawn_local(yield_now()));
        for task in tasks {
            drop(task.await);
        }
    });
    let (run, known) = report.pairs().unwrap();
    assert_eq!(run, 3);
    assert!(known > 10, "{known}");
    assert_eq!(report.report().runs().len(), 6 + 3);
}

#[test]
fn the_run_of_a_seed_can_be_cancelled_everywhere() {
    let body = |_| async {
        let lock = Rc::new(Mutex::new(0));
        let tasks = [(); 3].map(|()| {
            let lock = lock.clone();
            spawn_local(async move {
                *lock.lock().await += 1;
                yield_now().await;
            })
        });
        for task in tasks {
            drop(task.await);
        }
    };
    let seed = |seed| config().strategy(Strategy::Random).seed(seed);
    let hashes = |report: &cancel::CancelReport| -> Vec<_> {
        report.report().runs().iter().map(|run| run.hash).collect()
    };
    let (one, two) = (
        cancel::every_await(seed(1), body),
        cancel::every_await(seed(2), body),
    );
    assert_eq!(one.cancelled(), one.points(), "{one}");
    assert!(one.points() >= 3, "{one}");
    assert_ne!(hashes(&one), hashes(&two));
    assert_eq!(hashes(&one), hashes(&cancel::every_await(seed(1), body)));
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

/// Three times as it waits for each time when it is woken, about, and never more often than asked.
#[test]
fn cancelling_by_chance_keeps_to_its_odds() {
    let count = |odds| {
        let config = config().seeds(200).cancels(odds).strategy(Strategy::Random);
        let ends = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
        let counted = ends.clone();
        check(config, move |_| {
            let counted = counted.clone();
            async move {
                if spawn_local(yield_now()).await.is_err() {
                    counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                }
            }
        })
        .unwrap();
        ends.load(std::sync::atomic::Ordering::Relaxed)
    };
    assert_eq!(count(Ratio::NEVER), 0);
    assert!(count(Ratio::ALWAYS) >= 200);
    let some = count(Ratio::one_in(10));
    assert!((5..60).contains(&some), "{some}");
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
