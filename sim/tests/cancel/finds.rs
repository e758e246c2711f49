//! What cancelling finds: tests in pairs, of something broken and of its fixed twin.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream};
use simoom::sync::{Mutex, Notify, mpsc};
use simoom::task::{spawn_local, yield_now};
use simoom::time::sleep;
use simoom_sim::cancel;
use simoom_sim::{Failure, Leaks, Sim};

use crate::{config, line_in};

const FILE: &str = "sim/tests/cancel/finds.rs";

fn line_of(marker: &str) -> u32 {
    line_in(include_str!("finds.rs"), marker)
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
        story.contains(&format!("at the await of send at {FILE}:")),
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
pub(crate) async fn transfer(accounts: Rc<Mutex<(i32, i32)>>, is_careful: bool) {
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
    let taken = (FILE.to_owned(), line_of("Taken"));
    assert_eq!(held[0].taken, taken);
    assert_eq!(held[0].cancelled.1, line_of("Held"));
    assert!(
        report
            .to_string()
            .contains("cancelled with a lock held: taken at")
    );
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
