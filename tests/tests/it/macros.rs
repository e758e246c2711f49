//! `select!`, `join!`, `try_join!`, `pin!` and `buggify!`.

use std::cell::Cell;
use std::future::{pending, poll_fn, ready};
use std::sync::Arc;
use std::task::Poll;

use simoom::sync::{Notify, mpsc, oneshot};
use simoom::task::yield_now;
use simoom::time::{Duration, Instant, interval, sleep, timeout};
use simoom::{join, select, try_join};
use simoom_tests::{DropFlag, both};

const MS: Duration = Duration::from_millis(1);

/// A future that counts its polls and never ends.
async fn counts(polls: &Cell<u32>) {
    poll_fn(|_| {
        polls.set(polls.get() + 1);
        Poll::<()>::Pending
    })
    .await;
}

/// How a function with `?` in a handler ends.
async fn question(failing: bool) -> Result<u32, String> {
    let value = select! {
        value = async { if failing { Err("inner".to_owned()) } else { Ok(3) } } => value?,
        () = pending() => 0,
    };
    Ok(value + 1)
}

/// A function that returns from a handler.
async fn returns() -> &'static str {
    select! {
        () = ready(()) => return "from the handler",
        () = pending() => {}
    }
    "from the end"
}

both! {
    async fn select_takes_the_branch_that_is_ready() {
        let value = select! {
            value = async { 1 } => value,
            () = pending::<()>() => 2,
        };
        assert_eq!(value, 1);
        let value = select! {
            () = pending::<()>() => 1,
            value = async { yield_now().await; 2 } => value,
        };
        assert_eq!(value, 2);
    }

    async fn select_waits_for_the_first() {
        let start = Instant::now();
        let value = select! {
            () = sleep(Duration::from_secs(100)) => "slow",
            () = sleep(2 * MS) => "fast",
        };
        assert_eq!(value, "fast");
        assert!(start.elapsed() >= 2 * MS);
        assert!(start.elapsed() < Duration::from_secs(100));
    }

    async fn select_of_one_branch_waits_for_it() {
        let value = select! { value = async { yield_now().await; 5 } => value };
        assert_eq!(value, 5);
    }

    async fn select_drops_the_losers_before_the_handler() {
        let flag = DropFlag::default();
        let held = flag.guard();
        select! {
            () = async move { let _held = held; pending::<()>().await } => unreachable!(),
            () = ready(()) => assert!(flag.is_set()),
        }
    }

    async fn select_frees_what_the_futures_borrowed() {
        let mut text = String::from("a");
        select! {
            () = async { text.push('b'); pending::<()>().await } => unreachable!(),
            () = yield_now() => text.push('c'),
        }
        assert!(text == "ac" || text == "abc", "{text}");
    }

    async fn select_polls_every_branch_again() {
        let polls = Cell::new(0);
        select! {
            biased;
            () = counts(&polls) => unreachable!(),
            () = async { for _ in 0..3 { yield_now().await } } => {}
        }
        assert!(polls.get() >= 3, "polled {} times", polls.get());
    }

    async fn select_with_biased_prefers_the_first() {
        for _ in 0..20 {
            let value = select! {
                biased;
                () = ready(()) => 1,
                () = ready(()) => 2,
            };
            assert_eq!(value, 1);
        }
    }

    async fn select_without_biased_starves_nobody() {
        let mut wins = [0; 3];
        for _ in 0..2_000 {
            let winner = select! {
                () = ready(()) => 0,
                () = ready(()) => 1,
                () = ready(()) => 2,
            };
            wins[winner] += 1;
            if !wins.contains(&0) {
                return;
            }
        }
        // A calm simulation always begins with the first branch: that it is some is promised.
        assert_eq!(wins.iter().sum::<u32>(), 2_000);
    }

    async fn select_patterns_disable_what_does_not_match() {
        let value = select! {
            Some(value) = ready(None::<u32>) => value,
            Ok(value) = async { yield_now().await; Ok::<u32, ()>(7) } => value,
        };
        assert_eq!(value, 7);
        let value = select! {
            (1, value) = ready((2, "no")) => value,
            (2, value) = ready((2, "yes")) => value,
        };
        assert_eq!(value, "yes");
    }

    async fn select_else_stands_in_when_all_are_disabled() {
        let value = select! {
            Some(value) = ready(None::<u32>) => value,
            value = ready(1), if false => value,
            else => 9,
        };
        assert_eq!(value, 9);
    }

    async fn select_without_an_enabled_branch_panics() {
        let task = simoom::spawn(async {
            select! {
                Some(()) = ready(None::<()>) => {}
                () = ready(()), if false => {}
            }
        });
        assert!(task.await.unwrap_err().is_panic());
    }

    async fn select_conditions_come_before_futures() {
        let log = std::cell::RefCell::new(Vec::new());
        let note = |what: &'static str, value: bool| {
            log.borrow_mut().push(what);
            value
        };
        select! {
            biased;
            () = { note("first future", true); pending() }, if note("first condition", false) => {}
            () = { note("second future", true); ready(()) }, if note("second condition", true) => {}
        }
        assert_eq!(
            *log.borrow(),
            ["first condition", "second condition", "first future", "second future"]
        );
    }

    async fn select_does_not_poll_a_disabled_branch() {
        let polls = Cell::new(0);
        select! {
            biased;
            () = counts(&polls), if false => unreachable!(),
            () = yield_now() => {}
        }
        assert_eq!(polls.get(), 0);
    }

    async fn select_handlers_may_wait() {
        let (sender, mut receiver) = mpsc::channel(1);
        let value = select! {
            () = ready(()) => {
                sender.send(4).await.unwrap();
                sleep(MS).await;
                receiver.recv().await
            }
            () = pending() => None,
        };
        assert_eq!(value, Some(4));
    }

    async fn select_handlers_may_fail_and_return() {
        assert_eq!(question(false).await, Ok(4));
        assert_eq!(question(true).await, Err("inner".to_owned()));
        assert_eq!(returns().await, "from the handler");
    }

    async fn select_handlers_may_break_and_continue() {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        for number in 0..10 {
            sender.send(number).unwrap();
        }
        let mut seen = Vec::new();
        let last = 'outer: loop {
            for _ in 0..3 {
                select! {
                    Some(number) = receiver.recv() => {
                        if number % 2 == 0 {
                            continue;
                        }
                        if number == 7 {
                            break 'outer number;
                        }
                        seen.push(number);
                    }
                    else => break 'outer 0,
                }
            }
        };
        assert_eq!(last, 7);
        assert_eq!(seen, [1, 3, 5]);
    }

    async fn select_keeps_a_pinned_future_across_a_loop() {
        let start = Instant::now();
        let end = sleep(5 * MS);
        simoom::pin!(end);
        let mut ticks = interval(MS);
        let mut count = 0;
        loop {
            select! {
                biased;
                () = &mut end => break,
                _ = ticks.tick() => count += 1,
            }
        }
        assert!(start.elapsed() >= 5 * MS);
        assert!(count > 0);
    }

    async fn select_loses_no_value_of_a_channel() {
        let (sender, mut receiver) = mpsc::channel(2);
        let task = simoom::spawn(async move {
            for number in 0..10 {
                sender.send(number).await.unwrap();
                yield_now().await;
            }
        });
        let mut seen = Vec::new();
        loop {
            select! {
                value = receiver.recv() => match value {
                    Some(number) => seen.push(number),
                    None => break,
                },
                () = yield_now() => {}
            }
        }
        assert!((0..10).eq(seen));
        task.await.unwrap();
    }

    async fn select_loses_no_notification() {
        let notify = Arc::new(Notify::new());
        let theirs = notify.clone();
        let task = simoom::spawn(async move {
            for _ in 0..5 {
                theirs.notify_one();
                yield_now().await;
            }
        });
        let mut taken = 0;
        while !task.is_finished() {
            select! {
                () = notify.notified() => taken += 1,
                () = yield_now() => {}
            }
        }
        // What was not taken is kept, once.
        if taken == 0 {
            timeout(Duration::from_secs(5), notify.notified()).await.unwrap();
        }
    }

    async fn select_takes_many_branches_and_nests() {
        let value = select! {
            () = pending() => 0,
            () = pending() => 1,
            () = pending() => 2,
            () = pending() => 3,
            () = pending() => 4,
            value = async {
                select! {
                    () = pending() => 50,
                    value = ready(51) => value,
                }
            } => value,
            () = pending() => 6,
            () = pending() => 7,
        };
        assert_eq!(value, 51);
    }

    async fn join_returns_all_outputs_in_order() {
        let start = Instant::now();
        let slow = async {
            sleep(3 * MS).await;
            "slow"
        };
        let fast = async {
            sleep(MS).await;
            "fast"
        };
        assert_eq!(join!(slow, fast, ready(3)), ("slow", "fast", 3));
        assert!(start.elapsed() >= 3 * MS);
        assert_eq!(join!(ready(1)), (1,));
        assert_eq!(join!(biased; ready(1), ready(2),), (1, 2));
    }

    async fn join_runs_its_futures_at_once() {
        let (one, first) = oneshot::channel();
        let (two, second) = oneshot::channel();
        let left = async {
            one.send(1).unwrap();
            second.await.unwrap()
        };
        let right = async {
            two.send(2).unwrap();
            first.await.unwrap()
        };
        assert_eq!(join!(left, right), (2, 1));
    }

    async fn join_drops_a_future_as_soon_as_it_is_done() {
        let flag = DropFlag::default();
        let held = flag.guard();
        let short = async move {
            let _held = held;
            yield_now().await;
        };
        let long = async {
            while !flag.is_set() {
                yield_now().await;
            }
            "seen"
        };
        assert_eq!(join!(short, long).1, "seen");
    }

    async fn join_lets_no_future_starve_another() {
        let stop = Cell::new(false);
        let mutex = simoom::sync::Mutex::new(());
        let busy = async {
            while !stop.get() {
                drop(mutex.lock().await);
            }
        };
        let other = async {
            yield_now().await;
            stop.set(true);
        };
        join!(busy, other);
        assert!(stop.get());
    }

    async fn join_borrows_locals() {
        let total = Cell::new(0);
        let add = async |number: u32| {
            yield_now().await;
            total.set(total.get() + number);
        };
        join!(add(1), add(2), add(3));
        assert_eq!(total.get(), 6);
    }

    async fn try_join_returns_all_values_in_order() {
        let joined = try_join!(
            async {
                yield_now().await;
                Ok::<_, String>(1)
            },
            ready(Ok("two")),
        );
        assert_eq!(joined, Ok((1, "two")));
    }

    async fn try_join_stops_at_the_first_error() {
        let flag = DropFlag::default();
        let held = flag.guard();
        let waiting = async move {
            let _held = held;
            pending::<()>().await;
            Ok::<(), &str>(())
        };
        let failing = async {
            sleep(MS).await;
            Err::<(), _>("no")
        };
        assert_eq!(try_join!(waiting, failing), Err("no"));
        assert!(flag.is_set());
    }

    async fn try_join_drops_the_values_of_the_others() {
        let flag = DropFlag::default();
        let value = flag.guard();
        let failing = async {
            yield_now().await;
            Err::<(), _>("no")
        };
        let joined = try_join!(ready(Ok::<_, &str>(value)), failing);
        assert_eq!(joined.map(drop), Err("no"));
        assert!(flag.is_set());
    }

    async fn a_dropped_join_drops_everything() {
        let (one, two) = (DropFlag::default(), DropFlag::default());
        let (held, output) = (one.guard(), two.guard());
        let both = async move {
            join!(
                async move {
                    let _held = held;
                    pending::<()>().await;
                },
                async move { output },
            )
        };
        assert!(timeout(MS, both).await.is_err());
        assert!(one.is_set() && two.is_set());
    }

    async fn pinned_futures_are_awaited_by_reference() {
        let (first, second) = (sleep(MS), async { 5 });
        simoom::pin!(first, second);
        (&mut first).await;
        assert!(first.is_elapsed());
        assert_eq!(second.await, 5);
        simoom::pin! {
            let third = async { 6 };
            let fourth = async { 7 };
        }
        assert_eq!((third.await, fourth.await), (6, 7));
    }

    async fn nothing_is_buggified_unless_faults_are_asked_for() {
        for _ in 0..100 {
            assert!(!simoom::buggify!("rare"));
            assert!(!simoom::buggify!("rarer", 1 / 2));
            assert!(!simoom::buggify!("always", 1 / 1,));
        }
    }
}
