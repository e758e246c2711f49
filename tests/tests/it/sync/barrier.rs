//! Waiting for each other.

use std::panic::catch_unwind;
use std::sync::Arc;

use futures::future::join_all;
use simoom::asyncio::{Barrier, BarrierState, BrokenBarrier};
use simoom::sync::BarrierWaitResult;
use simoom::task::{JoinHandle, yield_now};
use simoom::time::{Duration, timeout};
use simoom_tests::{both, settle};

const MS: Duration = Duration::from_millis(1);

type Passed = Result<BarrierWaitResult, BrokenBarrier>;

/// Starts tasks that wait, each in line before the next.
async fn waiters(barrier: &Arc<Barrier>, count: usize) -> Vec<JoinHandle<Passed>> {
    let mut tasks = Vec::new();
    for _ in 0..count {
        let barrier = barrier.clone();
        tasks.push(simoom::spawn(async move { barrier.wait().await }));
        settle().await;
    }
    tasks
}

async fn passed(tasks: Vec<JoinHandle<Passed>>) -> Vec<Option<usize>> {
    let ended = join_all(tasks).await;
    let index = |passed: Passed| passed.ok().map(|passed| passed.index());
    ended.into_iter().map(|it| index(it.unwrap())).collect()
}

both! {
    async fn bar_1_one_passes_a_barrier_for_one_again_and_again() {
        assert!(catch_unwind(|| drop(Barrier::new(0))).is_err());
        let barrier = Barrier::new(1);
        for _ in 0..3 {
            assert!(barrier.wait().await.unwrap().is_leader());
        }
        for parties in [0, 1] {
            let barrier = simoom::sync::Barrier::new(parties);
            for _ in 0..3 {
                assert!(barrier.wait().await.is_leader());
            }
        }
    }

    async fn bar_2_a_group_passes_together_and_each_has_a_number() {
        let barrier = Arc::new(Barrier::new(3));
        let tasks = waiters(&barrier, 2).await;
        assert_eq!((barrier.waiting(), barrier.parties()), (2, 3));
        assert!(tasks.iter().all(|task| !task.is_finished()));
        let last = barrier.wait().await.unwrap();
        assert!(last.is_leader());
        assert_eq!(last.index(), 2);
        assert_eq!(passed(tasks).await, [Some(0), Some(1)]);
    }

    async fn bar_2_numbers_are_different_after_one_went_away() {
        let barrier = Arc::new(Barrier::new(3));
        let mut tasks = waiters(&barrier, 2).await;
        tasks.remove(0).abort();
        settle().await;
        tasks.extend(waiters(&barrier, 2).await);
        assert_eq!(passed(tasks).await, [Some(0), Some(1), Some(2)]);
    }

    async fn bar_2_one_of_each_group_leads() {
        let barrier = Arc::new(simoom::sync::Barrier::new(3));
        let tasks: Vec<_> = (0..9)
            .map(|_| {
                let barrier = barrier.clone();
                simoom::spawn(async move { barrier.wait().await })
            })
            .collect();
        let ended = join_all(tasks).await;
        let mut numbers: Vec<_> = ended.iter().map(|it| it.as_ref().unwrap().index()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [0, 0, 0, 1, 1, 1, 2, 2, 2]);
        let leaders = ended.iter().filter(|it| it.as_ref().unwrap().is_leader());
        assert_eq!(leaders.count(), 3);
    }

    async fn bar_3_the_same_tasks_meet_again() {
        let barrier = Arc::new(Barrier::new(3));
        let met = Arc::new(simoom::sync::Mutex::new([0; 5]));
        let tasks: Vec<_> = (0..3)
            .map(|_| {
                let (barrier, met) = (barrier.clone(), met.clone());
                simoom::spawn(async move {
                    for round in 0..5 {
                        met.lock().await[round] += 1;
                        barrier.wait().await.unwrap();
                        assert_eq!(met.lock().await[round], 3, "not all have come");
                    }
                })
            })
            .collect();
        for task in join_all(tasks).await {
            task.unwrap();
        }
        assert_eq!(barrier.state(), BarrierState::Filling);
    }

    async fn bar_3_more_than_a_group_pass_in_groups() {
        let barrier = Arc::new(Barrier::new(2));
        let tasks: Vec<_> = (0..6)
            .map(|_| {
                let barrier = barrier.clone();
                simoom::spawn(async move { barrier.wait().await })
            })
            .collect();
        let mut numbers = passed(tasks).await;
        numbers.sort_unstable();
        assert_eq!(numbers, [Some(0), Some(0), Some(0), Some(1), Some(1), Some(1)]);
    }

    async fn bar_4_one_that_goes_away_has_to_be_replaced() {
        let barrier = Arc::new(Barrier::new(3));
        let mut tasks = waiters(&barrier, 2).await;
        tasks.pop().unwrap().abort();
        settle().await;
        assert_eq!((barrier.waiting(), barrier.is_broken()), (1, false));
        assert!(timeout(MS, barrier.wait()).await.is_err());
        assert_eq!(barrier.waiting(), 1, "what timed out went away too");
        tasks.extend(waiters(&barrier, 2).await);
        assert!(passed(tasks).await.iter().all(Option::is_some));
    }

    async fn bar_5_reset_tells_those_who_wait() {
        let barrier = Arc::new(Barrier::new(3));
        let tasks = waiters(&barrier, 2).await;
        barrier.reset();
        assert!(!barrier.is_broken());
        assert_eq!(passed(tasks).await, [None, None]);
        assert_eq!((barrier.state(), barrier.waiting()), (BarrierState::Filling, 0));
        let tasks = waiters(&barrier, 3).await;
        assert_eq!(passed(tasks).await, [Some(0), Some(1), Some(2)]);
        barrier.reset();
        assert_eq!(barrier.state(), BarrierState::Filling);
    }

    async fn bar_5_reset_does_not_concern_who_was_let_through() {
        let barrier = Arc::new(Barrier::new(2));
        let tasks = waiters(&barrier, 1).await;
        barrier.wait().await.unwrap();
        barrier.reset();
        assert_eq!(passed(tasks).await, [Some(0)]);
    }

    async fn bar_6_abort_tells_everybody_until_it_is_reset() {
        let barrier = Arc::new(Barrier::new(3));
        let tasks = waiters(&barrier, 2).await;
        barrier.abort();
        assert_eq!(barrier.state(), BarrierState::Broken);
        assert_eq!(passed(tasks).await, [None, None]);
        let error = barrier.wait().await.unwrap_err();
        assert_eq!(error.to_string(), "the barrier is broken");
        barrier.reset();
        let tasks = waiters(&barrier, 3).await;
        assert_eq!(passed(tasks).await, [Some(0), Some(1), Some(2)]);
    }

    async fn bar_7_nobody_counts_while_a_group_leaves() {
        let barrier = Arc::new(Barrier::new(2));
        let mut first = Box::pin(barrier.wait());
        let mut next = Box::pin(barrier.wait());
        assert!(timeout(MS, &mut first).await.is_err());
        barrier.wait().await.unwrap();
        assert_eq!(barrier.state(), BarrierState::Draining);
        assert!(timeout(MS, &mut next).await.is_err());
        assert_eq!(barrier.waiting(), 0);
        first.await.unwrap();
        assert_eq!((barrier.state(), barrier.waiting()), (BarrierState::Filling, 1));
        yield_now().await;
        let (one, two) = simoom::join!(next, barrier.wait());
        assert_eq!(one.unwrap().index() + two.unwrap().index(), 1);
    }
}
