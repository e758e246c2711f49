//! Clocks, sleeps, timeouts and intervals.

use std::future::{pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use futures::future::join_all;
use simoom::pin;
use simoom::sync::oneshot;
use simoom::task::yield_now;
use simoom::time::{
    self, Duration, Instant, MissedTickBehavior, Sleep, SystemTime, interval, interval_at, sleep,
    sleep_until, system_time, timeout, timeout_at,
};
use simoom_tests::{DropFlag, both, panic_text, settle};

const MS: Duration = Duration::from_millis(1);

/// Notes its number when it is woken.
struct Numbered {
    number: usize,
    woken: Arc<Mutex<Vec<usize>>>,
}

impl Wake for Numbered {
    fn wake(self: Arc<Self>) {
        self.woken.lock().unwrap().push(self.number);
    }
}

/// Polls `asleep` until it waits for its deadline, and is not only told to come back.
fn arm(asleep: Pin<&mut Sleep>, number: usize, woken: &Arc<Mutex<Vec<usize>>>) {
    let waker = Waker::from(Arc::new(Numbered {
        number,
        woken: woken.clone(),
    }));
    let mut asleep = asleep;
    loop {
        let before = woken.lock().unwrap().len();
        let polled = asleep.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
        if woken.lock().unwrap().len() == before {
            return;
        }
        woken.lock().unwrap().truncate(before);
    }
}

both! {
    async fn loop_13_a_stopped_clock_is_moved_by_who_waits_and_by_hand() {
        time::pause();
        let start = Instant::now();
        sleep(60_000 * MS).await;
        assert!(start.elapsed() >= 60_000 * MS);
        let asleep = simoom::spawn(sleep(3 * MS));
        settle().await;
        let start = Instant::now();
        time::advance(5 * MS).await;
        assert!(start.elapsed() >= 5 * MS);
        settle().await;
        assert!(asleep.is_finished());
        time::resume();
    }

    async fn loop_13_the_clock_never_goes_back() {
        let mut last = Instant::now();
        for _ in 0..100 {
            let now = Instant::now();
            assert!(now >= last);
            last = now;
            yield_now().await;
        }
    }

    async fn moments_and_durations_add_up() {
        let now = Instant::now();
        let later = now + 5 * MS;
        assert_eq!(later - now, 5 * MS);
        assert_eq!(now - later, Duration::ZERO);
        assert_eq!(later - 5 * MS, now);
        assert_eq!(later.duration_since(now), 5 * MS);
        assert_eq!(now.duration_since(later), Duration::ZERO);
        assert_eq!(now.checked_duration_since(later), None);
        assert_eq!(later.checked_duration_since(now), Some(5 * MS));
        assert_eq!(now.saturating_duration_since(later), Duration::ZERO);
        assert_eq!(now.checked_add(5 * MS), Some(later));
        assert_eq!(now.checked_add(Duration::MAX), None);
        assert_eq!(later.checked_sub(5 * MS), Some(now));
        assert_eq!(now.checked_sub(Duration::MAX), None);
        assert!(now + Duration::MAX > later);
        assert!(later.elapsed() <= Duration::from_secs(1_000));
        assert_eq!(Instant::from_std(later.into_std()), later);
        let mut moved = now;
        moved += MS;
        moved -= MS;
        assert_eq!(moved, now);
    }

    async fn loop_5_a_sleep_is_never_short() {
        for micros in [0, 1, 10, 100, 999, 1_001, 2_500] {
            let duration = Duration::from_micros(micros);
            let start = Instant::now();
            sleep(duration).await;
            assert!(start.elapsed() >= duration, "{duration:?}");
        }
    }

    async fn slp_2_sleeps_add_up() {
        let start = Instant::now();
        sleep(MS).await;
        sleep(2 * MS).await;
        assert!(start.elapsed() >= 3 * MS);
    }

    async fn slp_1_a_sleep_of_zero_or_into_the_past_is_over() {
        let start = Instant::now();
        sleep(Duration::ZERO).await;
        sleep_until(start).await;
        sleep(MS).await;
        sleep_until(start).await;
        sleep_until(start - Duration::from_secs(1)).await;
        assert!(sleep_until(start).is_elapsed());
    }

    async fn a_sleep_without_end_can_be_made_and_dropped() {
        let asleep = sleep(Duration::MAX);
        assert!(asleep.deadline() > Instant::now() + Duration::from_secs(86_400 * 365));
        assert!(timeout(MS, asleep).await.is_err());
        assert!(timeout(MS, sleep(Duration::from_secs(u64::MAX))).await.is_err());
    }

    async fn a_sleep_counts_from_the_call() {
        let start = Instant::now();
        let asleep = sleep(2 * MS);
        assert!(asleep.deadline() >= start + 2 * MS);
        let deadline = asleep.deadline();
        sleep(3 * MS).await;
        assert!(asleep.is_elapsed());
        asleep.await;
        assert!(Instant::now() >= deadline);
    }

    async fn a_sleep_that_is_over_stays_over() {
        let asleep = sleep(MS);
        pin!(asleep);
        (&mut asleep).await;
        (&mut asleep).await;
        assert!(asleep.is_elapsed());
    }

    async fn is_elapsed_does_not_need_a_poll() {
        let asleep = sleep(MS);
        assert!(!sleep(Duration::from_secs(60)).is_elapsed());
        sleep(2 * MS).await;
        assert!(asleep.is_elapsed());
    }

    async fn earlier_deadlines_fire_first() {
        let order = Arc::new(Mutex::new(Vec::new()));
        // Late enough for all to be armed before the first is over, on a busy machine too.
        let base = Instant::now() + 100 * MS;
        let tasks: Vec<_> = [3, 1, 4, 2, 0]
            .into_iter()
            .map(|number| {
                let order = order.clone();
                simoom::spawn(async move {
                    sleep_until(base + MS * number).await;
                    order.lock().unwrap().push(number);
                })
            })
            .collect();
        join_all(tasks).await;
        assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4]);
    }

    async fn loop_2_equal_deadlines_fire_in_the_order_they_were_armed() {
        let woken = Arc::new(Mutex::new(Vec::new()));
        let deadline = Instant::now() + 100 * MS;
        let mut sleeps: Vec<_> = (0..20).map(|_| Box::pin(sleep_until(deadline))).collect();
        for (number, asleep) in sleeps.iter_mut().enumerate() {
            arm(asleep.as_mut(), number, &woken);
        }
        sleep_until(deadline + MS).await;
        assert!((0..20).eq(woken.lock().unwrap().iter().copied()), "{woken:?}");
    }

    async fn loop_3_late_deadlines_fire_by_deadline_too() {
        let woken = Arc::new(Mutex::new(Vec::new()));
        let deadline = Instant::now() + 2 * MS;
        let (mut late, mut soon) = (std::pin::pin!(sleep_until(deadline + MS)), std::pin::pin!(sleep_until(deadline)));
        arm(late.as_mut(), 1, &woken);
        arm(soon.as_mut(), 0, &woken);
        sleep_until(deadline + 2 * MS).await;
        assert_eq!(*woken.lock().unwrap(), [0, 1]);
    }

    async fn loop_4_a_dropped_sleep_wakes_nobody() {
        let woken = Arc::new(Mutex::new(Vec::new()));
        let deadline = Instant::now() + MS;
        {
            let mut asleep = std::pin::pin!(sleep_until(deadline));
            arm(asleep.as_mut(), 0, &woken);
        }
        let mut kept = std::pin::pin!(sleep_until(deadline));
        arm(kept.as_mut(), 1, &woken);
        sleep_until(deadline + MS).await;
        assert_eq!(*woken.lock().unwrap(), [1]);
    }

    async fn loop_4_many_cancelled_sleeps_leave_the_others_on_time() {
        let start = Instant::now();
        let kept = simoom::spawn(sleep(3 * MS));
        for _ in 0..300 {
            let asleep = sleep(Duration::from_secs(1_000));
            pin!(asleep);
            poll_fn(|cx| {
                assert!(asleep.as_mut().poll(cx).is_pending());
                Poll::Ready(())
            })
            .await;
        }
        kept.await.unwrap();
        let took = start.elapsed();
        assert!(took >= 3 * MS && took < Duration::from_secs(900), "{took:?}");
    }

    async fn a_reset_moves_the_deadline_later() {
        let start = Instant::now();
        let asleep = sleep(MS);
        pin!(asleep);
        poll_fn(|cx| {
            assert!(asleep.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        asleep.as_mut().reset(start + 4 * MS);
        assert_eq!(asleep.deadline(), start + 4 * MS);
        asleep.await;
        assert!(start.elapsed() >= 4 * MS);
    }

    async fn a_reset_moves_the_deadline_earlier_without_a_poll() {
        let woken = Arc::new(Mutex::new(Vec::new()));
        let mut asleep = std::pin::pin!(sleep(Duration::from_secs(1_000)));
        arm(asleep.as_mut(), 7, &woken);
        asleep.as_mut().reset(Instant::now() + MS);
        sleep(3 * MS).await;
        assert_eq!(*woken.lock().unwrap(), [7]);
        asleep.await;
    }

    async fn a_reset_starts_a_sleep_that_was_over_again() {
        let asleep = sleep(MS);
        pin!(asleep);
        (&mut asleep).await;
        let again = Instant::now() + MS;
        asleep.as_mut().reset(again);
        assert!(!asleep.is_elapsed() || Instant::now() >= again);
        asleep.await;
        assert!(Instant::now() >= again);
    }

    async fn a_reset_before_the_first_poll_counts() {
        let asleep = sleep(Duration::from_secs(1_000));
        pin!(asleep);
        let deadline = Instant::now() + MS;
        asleep.as_mut().reset(deadline);
        asleep.await;
        assert!(Instant::now() >= deadline);
    }

    async fn a_thousand_sleeps_end() {
        let base = Instant::now();
        let sleeps = (0..1_000_u64).map(|number| async move {
            let deadline = base + Duration::from_micros(number * 7 % 3_000);
            sleep_until(deadline).await;
            assert!(Instant::now() >= deadline);
        });
        join_all(sleeps).await;
    }

    async fn slp_3_an_aborted_sleep_ends_at_once() {
        let start = Instant::now();
        let task = simoom::spawn(sleep(Duration::from_secs(500)));
        settle().await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert!(start.elapsed() < Duration::from_secs(400));
    }

    async fn to_2_a_timeout_gives_the_value_that_is_ready() {
        assert_eq!(timeout(MS, async { 5 }).await, Ok(5));
        assert_eq!(timeout(Duration::ZERO, ready(6)).await, Ok(6));
        assert_eq!(timeout_at(Instant::now() - MS, ready(7)).await, Ok(7));
        assert_eq!(timeout(Duration::MAX, ready(8)).await, Ok(8));
    }

    async fn to_8_a_timeout_passes_errors_on() {
        let failed = timeout(MS, async { Err::<(), _>("inner") }).await;
        assert_eq!(failed, Ok(Err("inner")));
    }

    async fn to_1_a_timeout_ends_a_wait() {
        let start = Instant::now();
        let error = timeout(2 * MS, pending::<()>()).await.unwrap_err();
        assert!(start.elapsed() >= 2 * MS);
        assert_eq!(error.to_string(), "deadline has elapsed");
        let error = std::io::Error::from(error);
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
        assert_eq!(error.to_string(), "deadline has elapsed");
    }

    async fn to_3_4_a_timeout_of_zero_polls_once() {
        let mut polls = 0;
        let waited = timeout(Duration::ZERO, poll_fn(|_| {
            polls += 1;
            Poll::<()>::Pending
        }))
        .await;
        assert!(waited.is_err());
        assert!(polls >= 1);
        assert!(timeout_at(Instant::now() - MS, pending::<()>()).await.is_err());
    }

    async fn a_value_and_a_deadline_at_once_give_the_value() {
        let deadline = Instant::now() + 2 * MS;
        let inner = async {
            sleep_until(deadline).await;
            5
        };
        assert_eq!(timeout_at(deadline, inner).await, Ok(5));
    }

    async fn a_value_that_came_while_the_thread_was_busy_beats_the_deadline() {
        let (sender, receiver) = oneshot::channel();
        let waiting = timeout(MS, receiver);
        sleep(3 * MS).await;
        sender.send(5).unwrap();
        assert_eq!(waiting.await, Ok(Ok(5)));
    }

    async fn the_inner_future_is_dropped_with_the_timeout() {
        let flag = DropFlag::default();
        let held = flag.guard();
        let waited = timeout(MS, async move {
            let _held = held;
            pending::<()>().await;
        })
        .await;
        assert!(waited.is_err());
        assert!(flag.is_set());
    }

    async fn to_7_the_inner_of_two_timeouts_ends_first() {
        let start = Instant::now();
        let outer = timeout(4 * MS, async {
            assert!(timeout(MS, pending::<()>()).await.is_err());
            assert!(start.elapsed() >= MS);
            pending::<()>().await;
        });
        assert!(outer.await.is_err());
        assert!(start.elapsed() >= 4 * MS);
    }

    async fn to_6_the_outer_of_two_timeouts_ends_both() {
        let flag = DropFlag::default();
        let held = flag.guard();
        let inner = timeout(Duration::from_secs(100), async move {
            let _held = held;
            pending::<()>().await;
        });
        assert!(timeout(MS, inner).await.is_err());
        assert!(flag.is_set());
    }

    async fn to_11_after_a_timeout_the_task_goes_on() {
        for _ in 0..3 {
            assert!(timeout(MS, pending::<()>()).await.is_err());
        }
        assert_eq!(simoom::spawn(async { 5 }).await.unwrap(), 5);
    }

    async fn a_timeout_lets_a_future_that_never_waits_be_stopped() {
        let deadline = Instant::now() + 2 * MS;
        // Every poll spends the whole budget.
        let busy = async {
            loop {
                sleep(Duration::ZERO).await;
                if Instant::now() < deadline {
                    sleep(MS).await;
                }
            }
        };
        assert!(timeout_at(deadline, busy).await.is_err());
        assert!(Instant::now() >= deadline);
    }

    async fn a_timeout_takes_what_becomes_a_future() {
        struct Later;
        impl IntoFuture for Later {
            type Output = u8;
            type IntoFuture = std::future::Ready<u8>;
            fn into_future(self) -> Self::IntoFuture {
                ready(3)
            }
        }
        assert_eq!(timeout(MS, Later).await, Ok(3));
        let mut waiting = timeout(MS, ready(4));
        let _: &std::future::Ready<u8> = waiting.get_ref();
        *waiting.get_mut() = ready(5);
        assert_eq!(waiting.into_inner().await, 5);
    }

    async fn an_interval_ticks_at_once_and_then_every_period() {
        let start = Instant::now();
        let mut ticks = interval(2 * MS);
        assert_eq!(ticks.period(), 2 * MS);
        let first = ticks.tick().await;
        assert!(first >= start);
        for number in 1..4 {
            assert_eq!(ticks.tick().await, first + 2 * MS * number);
            assert!(Instant::now() >= first + 2 * MS * number);
        }
    }

    async fn an_interval_starts_where_it_is_told() {
        let start = Instant::now() + 2 * MS;
        let mut ticks = interval_at(start, MS);
        assert_eq!(ticks.tick().await, start);
        assert_eq!(ticks.tick().await, start + MS);
        let past = Instant::now() - 2 * MS;
        let mut ticks = interval_at(past, MS);
        assert_eq!(ticks.tick().await, past);
        assert_eq!(ticks.tick().await, past + MS);
    }

    async fn a_dropped_tick_is_taken_later() {
        let start = Instant::now() + 2 * MS;
        let mut ticks = interval_at(start, 50 * MS);
        assert!(timeout_at(start - MS, ticks.tick()).await.is_err());
        assert_eq!(ticks.tick().await, start);
    }

    async fn missed_ticks_burst() {
        let start = Instant::now();
        let mut ticks = interval_at(start, MS);
        assert_eq!(ticks.missed_tick_behavior(), MissedTickBehavior::Burst);
        sleep_until(start + 10 * MS).await;
        for number in 0..10 {
            assert_eq!(ticks.tick().await, start + MS * number);
        }
    }

    async fn missed_ticks_are_delayed() {
        let start = Instant::now();
        let mut ticks = interval_at(start, 3 * MS);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        sleep_until(start + 10 * MS).await;
        assert_eq!(ticks.tick().await, start);
        let taken = Instant::now();
        let next = ticks.tick().await;
        assert!(next >= start + 13 * MS);
        assert!(next <= taken + 3 * MS);
        // The phase is that of the late tick from here on, unless this one was late too.
        let after = ticks.tick().await;
        assert!(after >= next + 3 * MS);
    }

    async fn missed_ticks_are_skipped() {
        let start = Instant::now();
        let mut ticks = interval_at(start, 3 * MS);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        sleep_until(start + 10 * MS).await;
        assert_eq!(ticks.tick().await, start);
        for _ in 0..2 {
            let due = ticks.tick().await - start;
            assert!(due >= 12 * MS);
            assert_eq!(due.as_nanos() % (3 * MS).as_nanos(), 0);
        }
    }

    async fn a_tick_a_little_late_is_not_missed() {
        let start = Instant::now();
        let mut ticks = interval_at(start, 8 * MS);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        sleep_until(start + MS).await;
        let first = ticks.tick().await;
        let late = Instant::now() - first;
        // On a machine that was busy for 5 ms it counts as missed after all.
        let next = ticks.tick().await;
        assert!(next == start + 8 * MS || late >= 5 * MS);
    }

    async fn an_interval_can_be_reset() {
        let mut ticks = interval(Duration::from_secs(100));
        ticks.tick().await;
        ticks.reset_immediately();
        let now = ticks.tick().await;
        assert!(now <= Instant::now());

        let before = Instant::now();
        ticks.reset_after(2 * MS);
        assert!(ticks.tick().await >= before + 2 * MS);

        let at = Instant::now() + MS;
        ticks.reset_at(at);
        assert_eq!(ticks.tick().await, at);

        let mut ticks = interval(3 * MS);
        ticks.tick().await;
        sleep(MS).await;
        let before = Instant::now();
        ticks.reset();
        assert!(ticks.tick().await >= before + 3 * MS);
    }

    async fn an_interval_can_be_polled() {
        let start = Instant::now() + MS;
        let mut ticks = interval_at(start, MS);
        assert_eq!(poll_fn(|cx| ticks.poll_tick(cx)).await, start);
        assert_eq!(poll_fn(|cx| ticks.poll_tick(cx)).await, start + MS);
    }

    async fn an_interval_of_zero_panics() {
        let caught = catch_unwind(AssertUnwindSafe(|| drop(interval(Duration::ZERO)))).unwrap_err();
        assert!(panic_text(&*caught).contains("must not be zero"));
        let now = Instant::now();
        let made = catch_unwind(AssertUnwindSafe(|| drop(interval_at(now, Duration::ZERO))));
        assert!(made.is_err());
    }

    async fn slp_1_a_sleep_in_another_task_lets_this_one_run() {
        let task = simoom::spawn(sleep(5 * MS));
        assert!(!task.is_finished());
        let mut others = 0;
        while others < 20 {
            yield_now().await;
            others += 1;
        }
        task.await.unwrap();
    }

    async fn the_wall_clock_goes_on_while_a_task_sleeps() {
        let (start, before) = (Instant::now(), system_time());
        assert!(before > SystemTime::UNIX_EPOCH + Duration::from_secs(1_500_000_000));
        sleep(20 * MS).await;
        let after = system_time();
        // Somebody may be setting the real one right a little.
        assert!(after.duration_since(before).unwrap() >= 15 * MS);
        assert!(after.duration_since(before).unwrap() <= start.elapsed() + 5 * MS);
    }

    async fn a_sleep_can_move_to_another_task() {
        let mut asleep = Box::pin(sleep(100 * MS));
        let deadline = asleep.deadline();
        assert!(timeout(MS, &mut asleep).await.is_err());
        simoom::spawn(asleep).await.unwrap();
        assert!(Instant::now() >= deadline);
    }
}
