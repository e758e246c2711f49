//! Groups that are ended at every one of their polls: dropped there, and asked to end there.

use std::future::poll_fn;
use std::sync::atomic::AtomicBool;
use std::task::Poll;

use simoom::task::{self, spawn_local};
use simoom_sim::{Config, cancel};

use super::*;

/// Longer than anything else in a scenario.
const LONG: Duration = Duration::from_millis(30);

/// How something is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Dropped,
    Asked,
}

/// Runs `future`, and ends it when it has waited so many times. `None` if it was dropped.
async fn end_at<F: Future>(
    form: Form,
    wait: usize,
    is_ended: Arc<AtomicBool>,
    future: F,
) -> Option<F::Output> {
    let mut future = Some(Box::pin(future));
    let mut waits = 0;
    poll_fn(move |cx| {
        let running = future.as_mut().expect("it is polled until it is ready");
        if let Poll::Ready(output) = running.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        waits += 1;
        if waits == wait {
            is_ended.store(true, SeqCst);
            match form {
                Form::Dropped => {
                    future = None;
                    return Poll::Ready(None);
                }
                Form::Asked => {
                    task::current().cancel();
                }
            }
        }
        Poll::Pending
    })
    .await
}

/// Runs a scenario again and again, ended wherever it waits: nobody is left then, and no request is
/// lost.
async fn at_every_poll<F: Future<Output = ()> + 'static>(scenario: fn(Alive) -> F) {
    for form in [Form::Dropped, Form::Asked] {
        for wait in 1.. {
            let (alive, is_ended) = (Alive::default(), Arc::new(AtomicBool::new(false)));
            let (inside, noted) = (alive.clone(), is_ended.clone());
            let task = spawn_local(async move {
                let ended = end_at(form, wait, noted.clone(), scenario(inside.clone()));
                let ended = catch_cancel(ended).await;
                assert_eq!(
                    inside.count(),
                    0,
                    "a child is left: {form:?} at wait {wait}"
                );
                if form == Form::Asked && noted.load(SeqCst) {
                    assert!(is_cancelled());
                    if ended.is_ok() {
                        let next = catch_cancel(sleep(HOUR)).await;
                        assert!(next.is_err(), "the request is lost: at wait {wait}");
                    }
                }
            });
            task.await.unwrap();
            if !is_ended.load(SeqCst) {
                assert!(wait > 2, "the scenario waits");
                break;
            }
        }
    }
}

/// In simulations alone: every task of the scenario is aborted at every await, both as it waits and
/// when it was woken.
fn at_every_await<F: Future<Output = ()> + 'static>(scenario: fn(Alive) -> F) {
    let report = cancel::every_await(Config::default().persist(false), move |_| async move {
        let alive = Alive::default();
        drop(spawn_local(scenario(alive.clone())).await);
        assert_eq!(alive.count(), 0, "a child is left");
    });
    assert!(report.cancelled() > 2, "{report}");
    report.unwrap();
}

async fn two_children(alive: Alive) {
    let ended = TaskGroup::<Bad>::run(async |group| {
        let (one, two) = (alive.one(), alive.one());
        group.spawn(async move {
            let _one = one;
            sleep(2 * MS).await;
            Ok(())
        });
        let child = group.spawn(async move {
            let _two = two;
            yield_now().await;
            Ok(2)
        });
        let _ = child.await;
        sleep(MS).await;
        Ok(())
    });
    drop(ended.await);
}

async fn a_failure(alive: Alive) {
    let notes = Notes::default();
    let ended = TaskGroup::<Bad>::run(async |group| {
        group.spawn(cleans_up(alive.clone(), notes.clone()));
        group.spawn(cleans_up(alive.clone(), notes.clone()));
        group.spawn(fails(2));
        let _one = alive.one();
        if catch_cancel(sleep(LONG)).await.is_err() {
            sleep(2 * MS).await;
        }
        Err::<(), _>(Bad(3))
    });
    let _ = ended.await.map_err(|error| {
        assert!(error.failures().len() <= 2, "{error}");
    });
}

async fn groups_in_groups(alive: Alive) {
    let notes = Notes::default();
    let ended = TaskGroup::<Bad>::run(async |outer| {
        let (one, noted) = (alive.clone(), notes.clone());
        outer.spawn(async move {
            let ended = TaskGroup::<Bad>::run(async |inner| {
                inner.spawn(cleans_up(one.clone(), noted));
                inner.spawn(fails(2));
                sleep(LONG).await;
                Ok(())
            });
            drop(ended.await);
            Ok(())
        });
        let ended = TaskGroup::<Bad>::run(async |inner| {
            let one = alive.one();
            inner.spawn(async move {
                let _one = one;
                sleep(3 * MS).await;
                Ok(())
            });
            yield_now().await;
            Ok(())
        });
        drop(ended.await);
        outer.spawn(fails(1));
        sleep(LONG).await;
        Ok(())
    });
    drop(ended.await);
}

async fn children_of_children(alive: Alive) {
    fn grow(group: &TaskGroup<Bad>, depth: u32, alive: &Alive) {
        let (own, one) = (group.clone(), alive.one());
        group.spawn(async move {
            yield_now().await;
            for _ in 0..depth {
                grow(&own, depth - 1, &one.0);
            }
            drop(catch_cancel(sleep(MS)).await);
            drop(one);
            Ok(())
        });
    }
    let ended = TaskGroup::<Bad>::run(async |group| {
        grow(&group, 2, &alive);
        Ok(())
    });
    drop(ended.await);
}

async fn a_start_and_a_grace(alive: Alive) {
    let ended = TaskGroup::<Bad>::supervise_with(drop, async |group| {
        let one = alive.one();
        let starting = group.start(|started| async move {
            let _one = one;
            sleep(MS).await;
            started.with(());
            let _ = catch_cancel(pending::<()>()).await;
            sleep(LONG).await;
            Ok(())
        });
        let started = starting.await;
        group.spawn(fails(1));
        sleep(2 * MS).await;
        group.cancel_within(3 * MS);
        drop(started);
        Ok(())
    });
    drop(ended.await);
}

both! {
    async fn tg_1_at_every_poll() {
        at_every_poll(two_children).await;
    }

    async fn tg_3_4_9_10_at_every_poll() {
        at_every_poll(a_failure).await;
    }

    async fn tg_8_17_at_every_poll() {
        at_every_poll(groups_in_groups).await;
    }

    async fn tg_13_at_every_poll() {
        at_every_poll(children_of_children).await;
    }

    async fn tg_20_at_every_poll() {
        at_every_poll(a_start_and_a_grace).await;
    }
}

#[test]
fn tg_22_no_child_is_left_at_every_await() {
    at_every_await(two_children);
    at_every_await(a_failure);
    at_every_await(groups_in_groups);
    at_every_await(children_of_children);
    at_every_await(a_start_and_a_grace);
}
