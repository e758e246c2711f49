//! Requests, shields, time limits, gathering and groups: nothing of what they run is left.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use simoom::TaskGroup;
use simoom::asyncio::{self, Stopped};
use simoom::sync::Mutex;
use simoom::task::{self, catch_cancel, yield_now};
use simoom::time::{self, Duration, sleep};

use super::Parties;
use super::injection::{Outcome, ends};
use crate::settle;

const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3_600);

/// Counts how many are alive.
#[derive(Clone, Default)]
struct Alive(Arc<AtomicUsize>);

struct One(Alive);

impl Alive {
    fn one(&self) -> One {
        self.0.fetch_add(1, SeqCst);
        One(self.clone())
    }

    #[track_caller]
    fn is_none(&self) {
        assert_eq!(self.0.load(SeqCst), 0, "somebody is left");
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, SeqCst);
    }
}

pub(super) async fn cancel(parties: Parties) {
    let alive = Alive::default();
    let nested = parties.start({
        let alive = alive.clone();
        async move {
            let _one = alive.one();
            let outer = catch_cancel(async {
                let inner = catch_cancel(sleep(MS)).await;
                let cleaned_up = catch_cancel(sleep(MS)).await;
                (inner.is_ok(), cleaned_up.is_ok())
            });
            let ended = outer.await;
            // One request at most was answered, and by one scope.
            let answers = match ended {
                Ok((one, two)) => usize::from(!one) + usize::from(!two),
                Err(_) => 1,
            };
            assert!(answers <= 1);
            sleep(MS).await;
            answers
        }
    });
    let branches = parties.start({
        let alive = alive.clone();
        async move {
            let _one = alive.one();
            let branch = async |long| catch_cancel(sleep(long)).await.is_err();
            simoom::join!(branch(MS), branch(2 * MS))
        }
    });
    let taken_back = parties.start(async {
        sleep(MS).await;
        // What it asks of itself it takes back itself; nobody else's request is undone by that.
        if !task::is_cancelled() {
            task::current().cancel();
            assert!(task::uncancel());
        }
        sleep(MS).await;
    });
    nested.end().await;
    branches.end().await;
    taken_back.end().await;
    alive.is_none();
}

pub(super) async fn shield(parties: Parties) {
    let alive = Alive::default();
    let (begun, done) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(false)));
    let shielded = parties.start({
        let (alive, begun, done) = (alive.clone(), begun.clone(), done.clone());
        async move {
            let _one = alive.one();
            yield_now().await;
            task::shield(async {
                begun.set(true);
                sleep(MS).await;
                let undisturbed = catch_cancel(sleep(MS)).await;
                assert!(undisturbed.is_ok());
                done.set(true);
            })
            .await;
            sleep(MS).await;
        }
    });
    let outcome = shielded.outcome().await;
    alive.is_none();
    if parties.is_asked() && outcome != Outcome::Aborted {
        assert_eq!(begun.get(), done.get(), "what is shielded was ended");
    }
}

pub(super) async fn timeout(parties: Parties) {
    let alive = Alive::default();
    let lock = Rc::new(Mutex::new(()));
    let held = lock.lock().await;
    let limited = |limit| {
        let (alive, lock) = (alive.clone(), lock.clone());
        parties.start(async move {
            let one = alive.one();
            let locked = async {
                let _one = one;
                let _guard = lock.lock().await;
                yield_now().await;
            };
            time::timeout(limit, locked).await.is_ok()
        })
    };
    let (late, kept) = (limited(MS), limited(HOUR));
    let nested = parties.start({
        let alive = alive.clone();
        async move {
            let inner = time::timeout(MS, async {
                let _one = alive.one();
                pending::<()>().await;
            });
            time::timeout(HOUR, inner).await
        }
    });
    assert_ne!(late.end().await, Some(true), "the lock was held");
    drop(held);
    assert_ne!(kept.end().await, Some(false));
    if let Some(ended) = nested.end().await {
        assert!(ended.expect("the outer one is not over").is_err());
    }
    alive.is_none();
    assert!(lock.try_lock().is_ok(), "nobody holds it");
}

pub(super) async fn timeout_cancel(parties: Parties) {
    let alive = Alive::default();
    let cleans_up = |limit, long| {
        let alive = alive.clone();
        parties.start(async move {
            let _one = alive.one();
            let work = async {
                let _one = alive.one();
                let ended = catch_cancel(sleep(long)).await;
                // Nothing disturbs it.
                sleep(MS).await;
                ended.is_ok()
            };
            asyncio::timeout_cancel(limit, work).await
        })
    };
    let (late, in_time) = (cleans_up(MS, HOUR), cleans_up(HOUR, 3 * MS));
    let dropped = parties.start(asyncio::timeout_cancel(MS, pending::<()>()));
    assert!(matches!(late.end().await, None | Some(Ok(false))));
    let in_time = in_time.end().await;
    assert!(matches!(in_time, None | Some(Ok(_))));
    if let Some(ended) = dropped.end().await {
        assert!(matches!(
            ended,
            Err(Stopped::Elapsed | Stopped::Cancelled(_))
        ));
    }
    alive.is_none();
}

pub(super) async fn gather(parties: Parties) {
    let alive = Alive::default();
    let all = |alive: &Alive| {
        [3, 1, 2].map(|number| {
            let one = alive.one();
            async move {
                let _one = one;
                let ended = catch_cancel(sleep(number * MS)).await;
                yield_now().await;
                ended.map(|()| number).map_err(|_| 0)
            }
        })
    };
    let gathering = parties.start({
        let alive = alive.clone();
        async move {
            let ended = asyncio::gather(all(&alive)).as_values().await;
            assert_eq!(ended.len(), 3);
            alive.is_none();
            let ended: Vec<_> = ended.into_iter().map(Result::ok).collect();
            for (got, number) in ended.into_iter().zip([3, 1, 2]) {
                assert!(got.is_none_or(|got| got == number), "not in their order");
            }
        }
    });
    gathering.end().await;
    alive.is_none();
    // The first failure is told, and then the others go on by themselves.
    let gathering = parties.start({
        let alive = alive.clone();
        async move { asyncio::gather(all(&alive)).await }
    });
    if let Some(Ok(numbers)) = gathering.end().await {
        assert_eq!(numbers, [3, 1, 2]);
    }
    while alive.0.load(SeqCst) > 0 {
        settle().await;
    }
}

pub(super) async fn group(parties: Parties) {
    let alive = Alive::default();
    let grouping = [false, true].map(|fails| {
        let alive = alive.clone();
        parties.start(async move {
            let of_it = Alive::default();
            let ended = TaskGroup::<u32>::run(async |group| {
                for number in 1..=2 {
                    let (one, two) = (alive.one(), of_it.one());
                    group.spawn(async move {
                        let (_one, _two) = (one, two);
                        drop(catch_cancel(sleep(number * MS)).await);
                        yield_now().await;
                        if fails { Err(number) } else { Ok(()) }
                    });
                }
                let _one = of_it.one();
                sleep(3 * MS).await;
                Ok(())
            });
            drop(ended.await);
            of_it.is_none();
        })
    });
    ends(grouping.into()).await;
    alive.is_none();
}
