//! Outputs as they come, and the first of several. The numbers are those of what asyncio promises.

use std::collections::BTreeSet;
use std::future::{Ready, pending, poll_fn, ready};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use futures::{FutureExt, Stream, StreamExt};
use simoom::asyncio::{AsCompleted, as_completed, race};
use simoom::time::{Duration, Instant, sleep, timeout, timeout_at};
use simoom_tests::{DropFlag, both, settle};

const MS: Duration = Duration::from_millis(1);

async fn after(ms: u32) -> u32 {
    sleep(ms * MS).await;
    ms
}

both! {
    async fn ac_4_outputs_come_as_they_end() {
        let mut all = as_completed([60, 5, 30].map(after));
        let mut seen = Vec::new();
        while let Some((place, output)) = all.next().await {
            seen.push((place, output.unwrap()));
        }
        assert_eq!(seen, [(1, 5), (2, 30), (0, 60)]);
        assert!(all.next().await.is_none());
    }

    async fn ac_4_a_loop_that_is_left_can_be_gone_on_with() {
        let mut all = as_completed([30, 5, 60].map(after));
        for _ in 0..1 {
            let (place, _) = all.next().await.unwrap();
            assert_eq!(place, 1);
        }
        // They go on while nobody waits.
        sleep(80 * MS).await;
        let rest = [all.next().now_or_never(), all.next().now_or_never()];
        // What is ready may still have to let others run first.
        let mut rest: Vec<_> = rest.into_iter().flatten().flatten().map(|(it, _)| it).collect();
        while let Some((place, _)) = all.next().await {
            rest.push(place);
        }
        assert_eq!(rest, [0, 2]);
    }

    async fn ac_4_a_deadline_leaves_the_rest_where_they_are() {
        let mut all = as_completed([5, 400].map(after));
        let deadline = Instant::now() + 50 * MS;
        assert!(timeout_at(deadline, all.next()).await.is_ok());
        assert!(timeout_at(deadline, all.next()).await.is_err());
        let (place, output) = all.next().await.unwrap();
        assert_eq!((place, output.unwrap()), (1, 400));
    }

    async fn ac_4_it_is_a_stream() {
        let all = as_completed([30, 5, 60].map(after));
        assert_eq!(all.size_hint(), (3, Some(3)));
        let places: Vec<_> = all.map(|(place, _)| place).collect().await;
        assert_eq!(places, [1, 0, 2]);
        let nothing: [Ready<()>; 0] = [];
        assert!(as_completed(nothing).collect::<Vec<_>>().await.is_empty());
    }

    async fn ac_4_dropped_it_ends_those_that_are_left() {
        let flag = DropFlag::default();
        let held = flag.guard();
        let slow = async move {
            let _held = held;
            pending::<()>().await;
        };
        let mut all = as_completed([slow.boxed(), ready(()).boxed()]);
        assert_eq!(all.next().await.unwrap().0, 1);
        assert!(!flag.is_set());
        drop(all);
        assert!(flag.is_set(), "before the drop returns");
    }

    async fn ac_4_tasks_that_run_already_are_taken_over() {
        let tasks = [simoom::spawn(pending()), simoom::spawn(after(3))];
        let stop = tasks[0].abort_handle();
        let mut all = AsCompleted::of_tasks(tasks);
        let (place, output) = all.next().await.unwrap();
        assert_eq!((place, output.unwrap()), (1, 3));
        drop(all);
        assert!(stop.is_finished());
    }

    async fn ac_4_a_panic_and_a_cancellation_are_what_came_of_a_task() {
        let panics = async { panic!("on purpose") };
        let ends_itself = async {
            simoom::task::current().cancel();
            pending().await
        };
        let mut all = as_completed([panics.boxed(), ends_itself.boxed(), after(1).boxed()]);
        let mut seen = [const { None }; 3];
        while let Some((place, output)) = all.next().await {
            seen[place] = Some(output);
        }
        let [panicked, cancelled, fine] = seen.map(Option::unwrap);
        assert!(panicked.unwrap_err().is_panic());
        assert!(cancelled.unwrap_err().is_cancelled());
        assert_eq!(fine.unwrap(), 1);
    }

    async fn the_first_output_wins_and_the_others_are_dropped() {
        let flag = DropFlag::default();
        let held = flag.guard();
        let slow = async move {
            let _held = held;
            pending::<u32>().await
        };
        let lasting = 5;
        // They may borrow: they are no tasks.
        let quick = async { after(lasting).await };
        let mut race_of_two = race([slow.boxed_local(), quick.boxed_local()]);
        assert_eq!((&mut race_of_two).await, Some(5));
        assert!(flag.is_set(), "before the output is returned");
        let nobody: [Ready<()>; 0] = [];
        assert_eq!(race(nobody).await, None);
        assert_eq!(timeout(10 * MS, race([pending::<()>()])).await.ok(), None);
    }

    async fn a_task_whose_handle_loses_goes_on() {
        let flag = DropFlag::default();
        let held = flag.guard();
        let slow = simoom::spawn(async move {
            let _held = held;
            after(20).await
        });
        let won = race([slow, simoom::spawn(after(1))]).await.unwrap();
        assert_eq!(won.unwrap(), 1);
        settle().await;
        assert!(!flag.is_set());
        sleep(40 * MS).await;
        assert!(flag.is_set());
    }

    async fn any_of_those_that_are_ready_may_win_and_one_race_keeps_to_its_order() {
        let mut winners = BTreeSet::new();
        for _ in 0..100 {
            winners.extend(race([0, 1, 2].map(ready)).await);
        }
        assert!(winners.iter().all(|it| *it < 3));
        // The order of polls is the same in each poll of one race.
        let polls = Mutex::new(Vec::new());
        let noted = |place: usize| {
            let polls = &polls;
            poll_fn(move |cx| {
                let mut polls = polls.lock().unwrap();
                polls.push(place);
                if polls.len() < 9 {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(())
            })
        };
        race((0..3).map(noted)).await;
        let polls = polls.into_inner().unwrap();
        assert_eq!(polls[..3], polls[3..6]);
        assert_eq!(polls[..3], polls[6..]);
    }
}

/// Who of three that are ready wins one race, in each of several runs.
fn winners(run: impl Fn(Arc<Mutex<BTreeSet<u32>>>)) -> BTreeSet<u32> {
    let winners = Arc::new(Mutex::new(BTreeSet::new()));
    run(winners.clone());
    winners.lock().unwrap().clone()
}

#[test]
fn a_simulator_chooses_who_wins_a_race() {
    let winners = winners(|winners| {
        simoom_tests::simulated(move || {
            let winners = winners.clone();
            async move {
                let won = race([0, 1, 2].map(ready)).await.unwrap();
                winners.lock().unwrap().insert(won);
            }
        });
    });
    assert_eq!(winners.len(), 3, "{winners:?}");
}

#[test]
fn chance_decides_who_wins_a_race_in_production() {
    let winners = winners(|winners| {
        simoom_tests::real(move || async move {
            for _ in 0..200 {
                let won = race([0, 1, 2].map(ready)).await.unwrap();
                winners.lock().unwrap().insert(won);
            }
        });
    });
    assert_eq!(winners.len(), 3, "{winners:?}");
}

#[test]
fn a_race_that_is_over_is_not_polled_again() {
    let mut over = race([ready(1), ready(2)]);
    assert_eq!(
        (&mut over).now_or_never(),
        Some(Some(1)),
        "outside a runtime the first"
    );
    let again = std::panic::AssertUnwindSafe(|| (&mut over).now_or_never());
    std::panic::catch_unwind(again).unwrap_err();
}
