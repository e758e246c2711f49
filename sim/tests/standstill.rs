//! Why nothing goes on: cycles of locks, futurelocks, lost wake-ups, and waits for outside.

#[path = "standstill/classes.rs"]
mod classes;
#[path = "standstill/company.rs"]
mod company;
#[path = "standstill/ends.rs"]
mod ends;
#[path = "standstill/outside.rs"]
mod outside;
#[path = "standstill/permits.rs"]
mod permits;
#[path = "standstill/sets.rs"]
mod sets;
#[path = "standstill/slots.rs"]
mod slots;

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::{FuturesOrdered, FuturesUnordered};
use simoom::sync::{Mutex, Notify, mpsc};
use simoom::task::spawn_local;
use simoom::time::sleep;
use simoom_sim::{Class, Config, Failure, Report, check};

fn config() -> Config {
    Config::default()
        .persist(false)
        .shrink(false)
        .explain(false)
        .seeds(5)
}

#[track_caller]
fn line_of(marker: &str) -> u32 {
    line_in(include_str!("standstill.rs"), marker)
}

/// The line of the file `text` that ends with the comment `marker`.
#[track_caller]
fn line_in(text: &str, marker: &str) -> u32 {
    let comment = format!("// {marker}.");
    let mut lines = text.lines();
    let index = lines.position(|line| line.trim().ends_with(&comment) && line.trim() != comment);
    index.expect("there is such a line") as u32 + 1
}

const MS: Duration = Duration::from_millis(1);

#[track_caller]
fn assert_tells(report: &Report, parts: &[&str]) {
    let text = report.to_string();
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

#[track_caller]
fn assert_futurelock(report: &Report, waits: &str, unpolled: &str) {
    let place = |marker| format!(" at sim/tests/standstill.rs:{}", line_of(marker));
    assert_futurelock_at(report, &place(waits), &place(unpolled));
}

#[track_caller]
fn assert_futurelock_at(report: &Report, waits: &str, unpolled: &str) {
    let found = report.failure().expect("it stands still");
    let Failure::Futurelock {
        waits: one,
        unpolled: two,
    } = found.cause()
    else {
        panic!("{found}");
    };
    assert!(one.ends_with(waits), "{found}");
    assert!(two.ends_with(unpolled), "{found}");
    assert_eq!(found.class(), Class::Liveness);
    assert!(!found.to_string().contains("/rustc/"), "{found}");
    assert_tells(report, &["      futurelock: "]);
}

async fn both(one: Rc<Mutex<()>>, two: Rc<Mutex<()>>) {
    let _one = one.lock().await; // First.
    sleep(MS).await;
    let _two = two.lock().await;
}

#[test]
fn a_cycle_of_locks_is_told_from_both_sides() {
    let report = check(config(), |_| async {
        let (a, b) = (Rc::new(Mutex::new(())), Rc::new(Mutex::new(())));
        let one = spawn_local(both(a.clone(), b.clone()));
        let two = spawn_local(both(b, a));
        drop(one.await);
        drop(two.await);
    });
    assert_eq!(report.failure().unwrap().cause(), &Failure::Deadlock);
    let line = line_of("First");
    let taken = format!("has the lock, taken at sim/tests/standstill.rs:{line}");
    let text = report.to_string();
    assert_eq!(text.matches(&taken).count(), 2, "{text}");
    assert_eq!(text.matches("lock cycle: task ").count(), 2, "{text}");
    // The test waits for one of them, and so for the cycle.
    assert_tells(&report, &["lock cycle: for the end of task 2 (test/"]);
}

#[test]
fn a_lock_taken_twice_is_told() {
    let report = check(config(), |_| async {
        let lock = Mutex::new(());
        let _held = lock.try_lock().unwrap(); // Tried.
        drop(lock.lock().await);
    });
    assert_eq!(report.failure().unwrap().cause(), &Failure::Deadlock);
    let line = line_of("Tried");
    assert_tells(
        &report,
        &[&format!(
            "lock cycle: this task has the lock, taken at sim/tests/standstill.rs:{line} (perhaps"
        )],
    );
}

#[test]
fn a_guard_that_outlives_its_task_is_told() {
    let report = check(config(), |_| async {
        let lock = std::sync::Arc::new(Mutex::new(()));
        let taken = spawn_local(lock.clone().lock_owned());
        let _guard = taken.await.unwrap();
        drop(lock.lock().await);
    });
    assert_tells(
        &report,
        &["kept guard: the lock is in a guard that outlives its task"],
    );
}

/// RFD 609: the future that is kept is next in the queue, and its task waits behind it.
#[test]
fn a_future_that_is_kept_by_reference_is_a_futurelock() {
    let report = check(config(), |_| async {
        let lock = Rc::new(Mutex::new(()));
        let held = lock.clone();
        let _task = spawn_local(async move {
            let _held = held.lock().await;
            sleep(5 * MS).await;
        });
        sleep(MS / 100).await;
        sleep(MS).await;
        let mut kept = pin!(lock.lock()); // Kept.
        simoom::select! {
            biased;
            _guard = &mut kept => {}
            () = sleep(MS) => drop(lock.lock().await), // Behind.
        }
    });
    assert_futurelock(&report, "Behind", "Kept");
}

/// The same, dropped in time.
#[test]
fn a_future_that_is_dropped_in_time_is_none() {
    let report = check(config(), |_| async {
        let lock = Rc::new(Mutex::new(()));
        let held = lock.clone();
        let _task = spawn_local(async move {
            let _held = held.lock().await;
            sleep(5 * MS).await;
        });
        sleep(MS / 100).await;
        sleep(MS).await;
        simoom::select! {
            biased;
            _guard = lock.lock() => {}
            () = sleep(MS) => drop(lock.lock().await),
        }
    });
    report.unwrap();
}

/// It was handed over before, and taken by whom it was handed to.
#[test]
fn what_was_handed_over_and_taken_is_no_futurelock() {
    let report = check(config(), |_| async {
        let lock = Rc::new(Mutex::new(()));
        let _before = spawn_local(hold_for_a_while(lock.clone()));
        sleep(MS / 100).await;
        drop(lock.lock().await);
        let forever = lock.clone();
        let _task = spawn_local(async move {
            let _held = forever.lock().await;
            std::future::pending::<()>().await;
        });
        sleep(MS).await;
        drop(lock.lock().await);
    });
    assert_eq!(report.failure().unwrap().cause(), &Failure::Deadlock);
    assert_tells(&report, &["foreign wait: task 3 (test/"]);
}

async fn hold_for_a_while(lock: Rc<Mutex<()>>) {
    let _held = lock.lock().await; // Part.
    sleep(MS).await;
}

/// The stream runs two at a time, and none while its body runs.
#[test]
fn the_body_of_a_buffered_stream_is_a_futurelock() {
    let report = check(config(), |_| async {
        let lock = Rc::new(Mutex::new(()));
        let futures = [(); 3].map(|()| hold_for_a_while(lock.clone()));
        let mut stream = futures::stream::iter(futures).buffered(2);
        while let Some(()) = stream.next().await {
            drop(lock.lock().await); // Buffered.
        }
    });
    assert_futurelock(&report, "Buffered", "Part");
}

#[test]
fn the_body_of_futures_ordered_is_a_futurelock() {
    let report = check(config(), |_| async {
        let lock = Rc::new(Mutex::new(()));
        let futures = [(); 3].map(|()| hold_for_a_while(lock.clone()));
        let mut ordered: FuturesOrdered<_> = futures.into_iter().collect();
        while let Some(()) = ordered.next().await {
            drop(lock.lock().await); // Ordered.
        }
    });
    assert_futurelock(&report, "Ordered", "Part");
}

/// The part that has the lock sleeps, and is not polled when it was woken.
#[test]
fn a_part_that_has_the_lock_and_is_not_polled_is_a_futurelock() {
    let report = check(config(), |_| async {
        let lock = Rc::new(Mutex::new(()));
        let long = lock.clone();
        let parts: [futures::future::LocalBoxFuture<'_, ()>; 2] = [
            Box::pin(sleep(MS)),
            Box::pin(async move {
                let _held = long.lock().await; // Long.
                sleep(5 * MS).await;
            }),
        ];
        let mut stream = futures::stream::iter(parts).buffered(2);
        while let Some(()) = stream.next().await {
            drop(lock.lock().await); // Body.
        }
    });
    assert_futurelock(&report, "Body", "Long");
    assert_tells(
        &report,
        &["futurelock: a future of this task has the lock, taken at"],
    );
}

/// The future that has the lock is polled with its task's waker: it could be any part of the task.
#[test]
fn a_lock_in_a_future_that_is_kept_is_a_cycle_with_a_hint() {
    let report = check(config(), |_| async {
        let lock = Rc::new(Mutex::new(()));
        let mut kept = pin!(hold_for_a_while(lock.clone()));
        simoom::select! {
            biased;
            () = &mut kept => {}
            () = sleep(MS / 2) => drop(lock.lock().await),
        }
    });
    assert_eq!(report.failure().unwrap().cause(), &Failure::Deadlock);
    let line = line_of("Part");
    assert_tells(
        &report,
        &[&format!(
            "lock cycle: this task has the lock, taken at sim/tests/standstill.rs:{line} (perhaps in a \
         future that it does not poll any more)"
        )],
    );
}

/// What others wait for is not why the test takes so long.
#[test]
fn a_futurelock_beside_the_test_does_not_name_its_end() {
    let report = check(config().time(Duration::from_secs(1)), |_| async {
        let _aside = spawn_local(async {
            let lock = Rc::new(Mutex::new(()));
            let futures = [(); 3].map(|()| hold_for_a_while(lock.clone()));
            let mut stream = futures::stream::iter(futures).buffered(2);
            while let Some(()) = stream.next().await {
                drop(lock.lock().await);
            }
        });
        sleep(Duration::from_secs(60)).await;
    });
    let cause = report.failure().unwrap().cause();
    assert!(matches!(cause, Failure::TimeLimit { .. }), "{cause}");
    assert_tells(
        &report,
        &["futurelock: it was handed to a future of this task"],
    );
    assert!(!report.to_string().contains("timer: "));
}

/// A slot of a channel is handed over as a lock is.
#[test]
fn a_slot_that_nobody_takes_is_a_futurelock() {
    let report = check(config(), |_| async {
        let (send, mut recv) = mpsc::channel(1);
        send.send(1).await.unwrap();
        let mut kept = pin!(send.send(2)); // Slot.
        simoom::select! {
            biased;
            _sent = &mut kept => {}
            () = sleep(MS) => {}
        }
        recv.recv().await.unwrap();
        sleep(MS).await;
        let _ = send.send(3).await; // Third.
    });
    assert_futurelock(&report, "Third", "Slot");
}

/// As a slot is that was reserved and not used.
#[test]
fn a_slot_that_is_given_back_to_nobody_is_a_futurelock() {
    let report = check(config(), |_| async {
        let (send, _recv) = mpsc::channel(1);
        let permit = send.reserve().await.unwrap();
        let mut kept = pin!(send.send(2)); // Given.
        assert!(futures::poll!(kept.as_mut()).is_pending());
        drop(permit);
        sleep(MS).await;
        let _ = send.send(3).await; // Next.
    });
    assert_futurelock(&report, "Next", "Given");
}

#[test]
fn a_lock_handed_to_a_future_that_is_gone_is_none() {
    let report = check(config(), |_| async {
        let lock = Rc::new(Mutex::new(()));
        let _before = spawn_local(hold_for_a_while(lock.clone()));
        sleep(MS / 100).await;
        let mut kept = Box::pin(lock.lock());
        assert!(futures::poll!(kept.as_mut()).is_pending());
        sleep(3 * MS).await;
        drop(kept);
        let forever = lock.clone();
        let _task = spawn_local(async move {
            let _held = forever.lock().await;
            std::future::pending::<()>().await;
        });
        sleep(MS).await;
        drop(lock.lock().await);
    });
    assert_eq!(report.failure().unwrap().cause(), &Failure::Deadlock);
}

#[test]
fn a_slot_handed_to_a_future_that_is_gone_or_took_it_is_none() {
    for is_taken in [true, false] {
        let report = check(config(), move |_| async move {
            let (send, mut recv) = mpsc::channel(1);
            send.send(1).await.unwrap();
            let mut kept = Box::pin(send.send(2));
            assert!(futures::poll!(kept.as_mut()).is_pending());
            recv.recv().await.unwrap();
            sleep(MS).await;
            if is_taken {
                kept.await.unwrap();
            } else {
                drop(kept);
                send.send(2).await.unwrap();
            }
            sleep(MS).await;
            let _ = send.send(3).await;
        });
        let cause = report.failure().unwrap().cause();
        assert_eq!(cause, &Failure::Deadlock, "{is_taken}");
    }
}

/// While it is behind the lock, something else goes on for ever.
#[test]
fn a_futurelock_is_seen_at_the_end_of_the_time() {
    let report = check(config().time(Duration::from_secs(1)), |_| async {
        let _ticking = spawn_local(async {
            loop {
                sleep(10 * MS).await;
            }
        });
        let lock = Rc::new(Mutex::new(()));
        let futures = [(); 3].map(|()| hold_for_a_while(lock.clone()));
        let mut stream = futures::stream::iter(futures).buffered(2);
        while let Some(()) = stream.next().await {
            drop(lock.lock().await);
        }
    });
    assert!(matches!(
        report.failure().unwrap().cause(),
        Failure::Futurelock { .. }
    ));
}

/// Each of the parts is polled when it is woken: one waits for what never comes, with the lock.
#[test]
fn parts_that_are_polled_are_no_futurelock_and_are_all_seen() {
    let report = check(config(), |_| async {
        let lock = Rc::new(Mutex::new(()));
        let never = Rc::new(Notify::new());
        let (_send, mut recv) = mpsc::channel::<()>(1);
        let holder = {
            let (lock, never) = (lock.clone(), never.clone());
            async move {
                let _held = lock.lock().await;
                never.notified().await;
            }
        };
        let second = async move { drop(lock.lock().await) };
        let third = async move {
            let _ = recv.recv().await;
        };
        let mut parts: FuturesUnordered<futures::future::LocalBoxFuture<'_, ()>> =
            FuturesUnordered::new();
        parts.push(Box::pin(holder));
        parts.push(Box::pin(second));
        parts.push(Box::pin(third));
        while parts.next().await.is_some() {}
    });
    assert_eq!(report.failure().unwrap().cause(), &Failure::Deadlock);
    assert_tells(
        &report,
        &[
            "no notification: nobody notifies",
            "no message: nobody sends, and not all senders are gone",
        ],
    );
}

#[test]
fn parts_of_a_join_are_all_seen() {
    let report = check(config(), |_| async {
        let never = Notify::new();
        let (_send, mut recv) = mpsc::channel::<()>(1);
        simoom::join!(never.notified(), recv.recv());
    });
    assert_tells(
        &report,
        &[
            "no notification: nobody notifies",
            "no message: nobody sends, and not all senders are gone",
        ],
    );
}

/// It waits for a flag and tells nobody.
async fn wait_for(flag: Rc<Cell<bool>>) {
    poll_fn(|_cx| {
        if flag.get() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

#[test]
fn a_wake_up_that_never_comes_is_told() {
    let report = check(config(), |_| async {
        let flag = Rc::new(Cell::new(false));
        let task = spawn_local(wait_for(flag.clone()));
        sleep(MS / 100).await;
        sleep(MS).await;
        flag.set(true);
        drop(task.await);
    });
    assert_eq!(report.failure().unwrap().cause(), &Failure::Deadlock);
    let text = report.to_string();
    let mut tasks = text.split("\n  task ");
    let task = tasks.find(|task| task.starts_with("2 (test/standstill::wait_for)"));
    let is_told =
        task.is_some_and(|task| task.contains("lost wake-up: polled once more, it goes on"));
    assert!(is_told, "{text}");
}

/// What waits for a peer that says nothing is no wake-up that was lost.
#[test]
fn a_wait_for_outside_is_told() {
    let report = check(config(), |_| async {
        let listener = simoom::net::TcpListener::bind("0.0.0.0:80").await.unwrap();
        drop(listener.accept().await);
    });
    assert_tells(&report, &["no caller: nobody connects to 0.0.0.0:80"]);
    assert!(!report.to_string().contains("lost wake-up"));
}

/// The stack of the future that is not polled, from where it was polled last.
#[test]
fn where_the_unpolled_future_waits_is_told() {
    let report = check(config(), |_| async {
        let lock = Rc::new(Mutex::new(()));
        let futures = [(); 3].map(|()| hold_for_a_while(lock.clone()));
        let mut stream = futures::stream::iter(futures).buffered(2);
        while let Some(()) = stream.next().await {
            drop(lock.lock().await);
        }
    });
    assert_tells(
        &report,
        &["the future that is not polled waits\n        in "],
    );
}
