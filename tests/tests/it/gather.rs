//! Gathering, and deadlines that ask. The numbers are those of what asyncio promises of its own.

use std::future::{pending, ready};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use simoom::asyncio::{GatherError, Stopped, gather, timeout_cancel, wait};
use simoom::task::{catch_cancel, is_cancelled, shield, yield_now};
use simoom::time::{Duration, Instant, sleep, timeout, timeout_at};
use simoom_tests::{DropFlag, both, settle};

const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3_600);

type Result<T> = std::result::Result<T, u32>;

/// Returns its number after so many milliseconds, or fails with it if that is odd.
async fn after(number: u32) -> Result<u32> {
    sleep(number * MS).await;
    if number.is_multiple_of(2) {
        Ok(number)
    } else {
        Err(number)
    }
}

/// Waits until it is asked to end, cleans up, and counts that.
async fn until_asked(count: Arc<AtomicUsize>) -> Result<u32> {
    let ended = catch_cancel(pending::<()>()).await;
    sleep(2 * MS).await;
    count.fetch_add(1, SeqCst);
    ended.map(|()| 0).map_err(|_| 99)
}

both! {
    async fn gat_1_outputs_come_in_the_order_of_the_input() {
        let ended = Arc::new(Mutex::new(Vec::new()));
        let futures = [6, 2, 4].map(|number| {
            let ended = ended.clone();
            async move {
                let output = after(number * 5).await;
                ended.lock().unwrap().push(number);
                output.map(|_| number)
            }
        });
        assert_eq!(gather(futures).await.unwrap(), [6, 2, 4]);
        assert_eq!(*ended.lock().unwrap(), [2, 4, 6]);
    }

    async fn gat_2_nothing_is_gathered_at_once() {
        let nothing: [std::future::Ready<Result<u32>>; 0] = [];
        assert!(gather(nothing).await.unwrap().is_empty());
        let nothing: [std::future::Ready<Result<u32>>; 0] = [];
        assert!(gather(nothing).as_values().await.is_empty());
    }

    async fn gat_3_the_first_failure_is_told_and_the_others_go_on() {
        let begun = Instant::now();
        let went_on = Arc::new(AtomicUsize::new(0));
        let futures = [3_u32, 60, 80].map(|number| {
            let went_on = went_on.clone();
            async move {
                sleep(number * MS).await;
                went_on.fetch_add(1, SeqCst);
                if number == 80 { Ok(()) } else { Err(number) }
            }
        });
        let error = gather(futures).await.unwrap_err();
        assert!(matches!(error, GatherError::Error(3)));
        assert!(went_on.load(SeqCst) < 3, "it does not wait for the others");
        while went_on.load(SeqCst) < 3 {
            sleep(5 * MS).await;
        }
        assert!(begun.elapsed() >= 80 * MS);
    }

    async fn gat_4_failures_are_values() {
        let all = gather([1, 2, 3, 4].map(after)).as_values().await;
        let seen: Vec<_> = all
            .iter()
            .map(|it| it.as_ref().map_err(|error| *error.error().unwrap()).copied())
            .collect();
        assert_eq!(seen, [Err(1), Ok(2), Err(3), Ok(4)]);
        assert_eq!(all[0].as_ref().unwrap_err().to_string(), "1");
    }

    async fn gat_5_one_that_is_cancelled_by_itself_is_a_failure() {
        let ends_itself = || async {
            simoom::task::current().cancel_with("enough");
            pending::<Result<u32>>().await
        };
        let error = gather([ends_itself()]).await.unwrap_err();
        assert!(error.is_cancelled());
        assert!(!is_cancelled());
        let all = gather([ends_itself()]).as_values().await;
        let GatherError::Join(error) = all[0].as_ref().unwrap_err() else {
            panic!("{all:?}");
        };
        assert_eq!(error.cancel_reason(), Some("enough"));
    }

    async fn gat_6_a_request_goes_to_all() {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = count.clone();
        let task = simoom::spawn(async move {
            let all = gather([(); 3].map(|()| until_asked(counted.clone())));
            let error = all.await.unwrap_err();
            assert_eq!(counted.load(SeqCst), 3, "all have cleaned up");
            (*error.error().unwrap(), catch_cancel(sleep(HOUR)).await.is_err())
        });
        settle().await;
        task.cancel();
        assert_eq!(task.await.unwrap(), (99, true));
    }

    async fn gat_6_what_is_dropped_drops_all() {
        let flags = [(); 3].map(|()| DropFlag::default());
        let futures = flags.clone().map(|flag| async move {
            let _held = flag.guard();
            pending::<Result<()>>().await
        });
        assert!(timeout(2 * MS, gather(futures)).await.is_err());
        assert!(flags.iter().all(DropFlag::is_set));
    }

    async fn gat_7_what_has_returned_counts() {
        let task = simoom::spawn(gather([2, 4].map(after)));
        while !task.is_finished() {
            sleep(MS).await;
        }
        assert!(!task.cancel());
        assert_eq!(task.await.unwrap().unwrap(), [2, 4]);
    }

    async fn gat_8_values_do_not_swallow_a_request() {
        let task = simoom::spawn(async move {
            let rounds = catch_cancel(async {
                loop {
                    let all = gather([after(2), after(1)]).as_values().await;
                    assert_eq!(all.len(), 2);
                    yield_now().await;
                }
            });
            rounds.await.map(|(): ()| ())
        });
        sleep(5 * MS).await;
        task.cancel();
        assert!(task.await.unwrap().is_err());
    }

    async fn gat_11_what_is_shielded_is_not_asked() {
        let task = simoom::spawn(async move {
            let all = shield(gather([20, 2].map(after)));
            (all.await.unwrap(), catch_cancel(sleep(HOUR)).await.is_err())
        });
        settle().await;
        task.cancel();
        assert_eq!(task.await.unwrap(), (vec![20, 2], true));
        let task = simoom::spawn(async move {
            let all = gather([shield(after(20)), shield(after(2))]);
            all.await.unwrap()
        });
        settle().await;
        task.cancel();
        // It waits for them, and then for nothing more.
        assert_eq!(task.await.unwrap(), [20, 2]);
    }

    async fn a_panic_of_what_is_gathered_is_a_failure() {
        let all = gather([(); 1].map(|()| async {
            if Instant::now().elapsed() < HOUR {
                panic!("fixed text");
            }
            Ok::<_, u32>(())
        }));
        let GatherError::Join(error) = all.await.unwrap_err() else {
            panic!("it panicked");
        };
        assert!(error.is_panic());
    }

    async fn wait_3_all_the_first_and_the_first_failure() {
        let spawn = |numbers: &[u32]| -> Vec<_> {
            numbers.iter().map(|&number| simoom::spawn(after(number))).collect()
        };
        let all = wait(spawn(&[6, 2, 4])).await;
        let places: Vec<_> = all.done.iter().map(|(place, _)| *place).collect();
        assert_eq!((places.len(), all.pending.len()), (3, 0));
        let first = wait(spawn(&[400, 2, 600])).first().await;
        assert_eq!(first.done.len(), 1);
        let (place, output) = &first.done[0];
        assert_eq!((*place, output.as_ref().unwrap()), (1, &Ok(2)));
        let places: Vec<_> = first.pending.iter().map(|(place, _)| *place).collect();
        assert_eq!(places, [0, 2]);
        let failed = wait(spawn(&[2, 400, 61])).first_where(|ended| !matches!(ended, Ok(Ok(_))));
        let failed = failed.await;
        assert_eq!(failed.done.len(), 2);
        assert_eq!(*failed.done[1].1.as_ref().unwrap(), Err(61));
        assert_eq!(failed.pending.len(), 1);
        assert!(wait(spawn(&[])).first().await.done.is_empty());
    }

    async fn wait_3_it_ends_nothing() {
        let flag = DropFlag::default();
        let held = flag.guard();
        let task = simoom::spawn(async move {
            let _held = held;
            sleep(40 * MS).await;
            5
        });
        // Neither does its limit, nor a drop, nor a request to whoever waits.
        let late = wait([task]).at_most(2 * MS).await;
        assert!(late.done.is_empty());
        let (_, task) = late.pending.into_iter().next().unwrap();
        let stop = task.abort_handle();
        let waiting = simoom::spawn(async move { wait([task]).await.done.len() });
        settle().await;
        waiting.cancel();
        assert!(waiting.await.unwrap_err().is_cancelled());
        assert!(!flag.is_set());
        while !stop.is_finished() {
            sleep(5 * MS).await;
        }
        assert!(flag.is_set());
    }

    async fn wait_3_what_has_ended_is_done() {
        let tasks: Vec<_> = (0..5).map(|number| simoom::spawn(async move { number })).collect();
        settle().await;
        let mut done = wait(tasks).first().await.done;
        done.sort_by_key(|(place, _)| *place);
        let outputs: Vec<_> = done.into_iter().map(|(_, output)| output.unwrap()).collect();
        assert_eq!(outputs, [0, 1, 2, 3, 4]);
    }

    async fn wf_1_what_is_done_in_time_is_returned() {
        assert_eq!(timeout_cancel(HOUR, after(2)).await, Ok(Ok(2)));
        assert_eq!(timeout_cancel(HOUR, after(1)).await, Ok(Err(1)));
        assert_eq!(timeout_cancel(Duration::ZERO, ready(5)).await, Ok(5));
        assert_eq!(timeout_cancel(Duration::ZERO, sleep(HOUR)).await, Err(Stopped::Elapsed));
    }

    async fn wf_4_a_deadline_asks_and_waits_for_the_cleaning_up() {
        let count = Arc::new(AtomicUsize::new(0));
        let begun = Instant::now();
        let ended = timeout_cancel(3 * MS, until_asked(count.clone())).await;
        // What it makes of the request is what is returned.
        assert_eq!(ended, Ok(Err(99)));
        assert_eq!(count.load(SeqCst), 1);
        assert!(begun.elapsed() >= 5 * MS);
        assert!(!is_cancelled());
    }

    async fn wf_6_a_value_in_spite_of_the_request_is_returned() {
        let ended = timeout_cancel(MS, async {
            let ended = catch_cancel(sleep(HOUR)).await;
            // What comes after the answer is not disturbed.
            let undisturbed = catch_cancel(sleep(2 * MS)).await;
            (ended.is_err(), undisturbed.is_ok(), 42)
        });
        assert_eq!(ended.await, Ok((true, true, 42)));
    }

    async fn wf_8_a_request_to_the_task_goes_inside_and_is_waited_for() {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = count.clone();
        let task = simoom::spawn(async move {
            let inside = timeout_cancel(HOUR, until_asked(counted)).await;
            let next = timeout_cancel(HOUR, sleep(HOUR)).await;
            (inside, next, catch_cancel(sleep(HOUR)).await.is_err())
        });
        settle().await;
        task.cancel_with("enough");
        let (inside, next, last) = task.await.unwrap();
        assert_eq!(inside, Ok(Err(99)));
        assert_eq!(count.load(SeqCst), 1);
        let Err(Stopped::Cancelled(cancelled)) = next else {
            panic!("{next:?}");
        };
        assert_eq!(cancelled.reason(), Some("enough"));
        assert!(last, "the request is left to what is around");
    }

    async fn wf_10_what_is_shielded_goes_on_after_the_deadline() {
        let kept = timeout_cancel(MS, shield(after(10))).await;
        assert_eq!(kept, Ok(Ok(10)));
    }

    async fn to_16_a_request_wins_over_a_deadline_of_zero() {
        let task = simoom::spawn(async {
            simoom::task::current().cancel_with("before");
            let ended = timeout_cancel(Duration::ZERO, sleep(HOUR)).await;
            (ended, catch_cancel(sleep(HOUR)).await.is_err())
        });
        let (ended, pending) = task.await.unwrap();
        assert!(matches!(ended, Err(Stopped::Cancelled(_))), "{ended:?}");
        assert!(pending);
    }

    async fn a_deadline_that_passed_before_anybody_asked_is_what_is_told() {
        let task = simoom::spawn(async {
            let kept = async {
                shield(sleep(30 * MS)).await;
                pending::<()>().await;
            };
            let ended = timeout_cancel(5 * MS, kept).await;
            (ended, is_cancelled())
        });
        sleep(15 * MS).await;
        assert!(task.cancel());
        let (ended, is_asked) = task.await.unwrap();
        assert_eq!(ended, Err(Stopped::Elapsed));
        assert!(is_asked, "the request is left to what is around");
    }

    async fn to_12_a_deadline_is_moved() {
        let begun = Instant::now();
        let mut late = pin!(timeout(HOUR, pending::<()>()));
        assert!(late.deadline() >= begun + HOUR);
        let soon = Instant::now() + 2 * MS;
        late.as_mut().reset(soon);
        assert_eq!(late.deadline(), soon);
        assert!(late.as_mut().await.is_err());
        // Later than what is inside takes.
        let mut kept = pin!(timeout_at(Instant::now(), sleep(5 * MS)));
        kept.as_mut().reset(Instant::now() + HOUR);
        assert!(kept.await.is_ok());
        // Into the past.
        let mut past = pin!(timeout(HOUR, pending::<()>()));
        past.as_mut().reset(begun);
        assert!(past.await.is_err());
    }
}
