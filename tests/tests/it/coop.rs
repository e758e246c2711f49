//! The budget of a task, for code that brings its own operations.

use std::cell::Cell;
use std::future::{Future, poll_fn, ready};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use simoom::sync::mpsc;
use simoom::task::coop::{
    consume_budget, cooperative, has_budget_remaining, poll_proceed, unconstrained,
};
use simoom::task::{spawn_local, yield_now};
use simoom_tests::both;

/// More than any budget.
const MANY: usize = 1000;

both! {
    async fn a_loop_that_takes_part_lets_others_run() {
        let other = simoom::spawn(async {});
        while !other.is_finished() {
            consume_budget().await;
        }
        let other = simoom::spawn(async {});
        while !other.is_finished() {
            cooperative(ready(())).await;
        }
        let other = simoom::spawn(async {});
        while !other.is_finished() {
            poll_fn(|cx| poll_proceed(cx).map(|budget| budget.made_progress())).await;
        }
    }

    async fn what_waits_still_waits_when_it_takes_part() {
        let (tx, mut rx) = mpsc::channel(1);
        let sender = simoom::spawn(async move {
            yield_now().await;
            tx.send(5).await.unwrap();
        });
        assert_eq!(cooperative(rx.recv()).await, Some(5));
        assert_eq!(unconstrained(rx.recv()).await, None);
        sender.await.unwrap();
    }
}

/// How many ready operations one poll of `future` does, in a task of a real runtime.
fn in_one_poll<F: Future<Output = ()>>(future: impl FnOnce(Rc<Cell<usize>>) -> F) -> usize {
    let rt = simoom::runtime::Runtime::new().unwrap();
    let done = Rc::new(Cell::new(0));
    let future = future(done.clone());
    rt.block_on(async move {
        let mut future = pin!(future);
        poll_fn(|_| {
            let mut cx = Context::from_waker(Waker::noop());
            let _ = future.as_mut().poll(&mut cx);
            Poll::Ready(())
        })
        .await;
    });
    done.get()
}

async fn operations(done: Rc<Cell<usize>>) {
    for _ in 0..MANY {
        consume_budget().await;
        done.set(done.get() + 1);
    }
}

#[test]
fn a_poll_has_a_budget() {
    let most = in_one_poll(operations);
    assert!((1..MANY).contains(&most), "{most}");
    let constrained = in_one_poll(async |done: Rc<Cell<usize>>| {
        while has_budget_remaining() {
            consume_budget().await;
            done.set(done.get() + 1);
        }
    });
    assert_eq!(constrained, most);
}

#[test]
fn what_is_not_constrained_has_none() {
    let all = in_one_poll(|done| unconstrained(operations(done)));
    assert_eq!(all, MANY);
    let then = in_one_poll(async |done: Rc<Cell<usize>>| {
        unconstrained(async {
            operations(Rc::default()).await;
            assert!(has_budget_remaining());
        })
        .await;
        operations(done).await;
    });
    assert_eq!(then, in_one_poll(operations), "the budget is what it was");
}

#[test]
fn an_operation_without_progress_costs_nothing() {
    let most = in_one_poll(operations);
    let then = in_one_poll(async |done: Rc<Cell<usize>>| {
        for _ in 0..MANY {
            poll_fn(|cx| poll_proceed(cx).map(drop)).await;
            let mut never = pin!(cooperative(std::future::pending::<()>()));
            let polled = poll_fn(|cx| Poll::Ready(never.as_mut().poll(cx)));
            assert!(polled.await.is_pending());
        }
        operations(done).await;
    });
    assert_eq!(then, most);
}

#[test]
fn outside_a_task_there_is_no_budget() {
    assert!(has_budget_remaining());
    let rt = simoom::runtime::Runtime::new().unwrap();
    rt.block_on(async { spawn_local(operations(Rc::default())).await.unwrap() });
}

#[test]
fn a_deadline_is_kept_beside_what_spends_the_budget_of_every_poll() {
    use simoom::asyncio::{Stopped, timeout_cancel};
    use simoom::time::{Duration, timeout};
    simoom_tests::real(async || {
        let spends = async {
            loop {
                consume_budget().await;
            }
        };
        let late = timeout_cancel(Duration::from_millis(2), spends);
        let late: Result<(), Stopped> = timeout(Duration::from_secs(20), late).await.unwrap();
        assert_eq!(late, Err(Stopped::Elapsed));
    });
}

#[test]
fn a_limit_of_a_wait_is_kept_beside_what_spends_the_budget_of_every_poll() {
    use simoom::asyncio::wait;
    use simoom::time::{Duration, timeout};
    simoom_tests::real(async || {
        let spends = async {
            loop {
                consume_budget().await;
            }
        };
        let task = simoom::spawn(std::future::pending::<()>());
        let waits = wait([task]).at_most(Duration::from_millis(2));
        let both = async {
            // The one that spends all is polled first.
            simoom::select! {
                biased;
                () = spends => unreachable!("it never ends"),
                waited = waits => waited,
            }
        };
        let waited = timeout(Duration::from_secs(20), both).await.unwrap();
        assert_eq!((waited.done.len(), waited.pending.len()), (0, 1));
    });
}
