//! Waiting for deadlines on the real clock.
//!
//! Nothing here asserts that something happens soon, save against the minute that stands for never.

use std::cell::Cell;
use std::future::{Future, pending, poll_fn, ready};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use simoom::runtime::Runtime;
use simoom::task::yield_now;
use simoom::time::error::Elapsed;
use simoom::time::{
    Duration, Instant, MissedTickBehavior, interval, interval_at, sleep, sleep_until, timeout,
    timeout_at,
};

const MINUTE: Duration = Duration::from_secs(60);

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Polls once, with the waker of the surrounding task.
async fn poll_once<F: Future + ?Sized>(mut future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

mod sleeping {
    use super::*;

    #[simoom::test]
    async fn a_sleep_never_ends_early() {
        for duration in [Duration::from_nanos(1), Duration::from_micros(300), ms(3)] {
            let start = Instant::now();
            sleep(duration).await;
            assert!(start.elapsed() >= duration);
        }
    }

    #[simoom::test]
    async fn sleeps_end_in_the_order_of_their_deadlines() {
        let order = std::cell::RefCell::new(Vec::new());
        let start = Instant::now();
        let wake_at = |delay| {
            let order = &order;
            async move {
                sleep_until(start + ms(delay)).await;
                order.borrow_mut().push(delay);
            }
        };
        simoom::join!(wake_at(9), wake_at(3), wake_at(6));
        assert_eq!(*order.borrow(), [3, 6, 9]);
    }

    #[simoom::test]
    async fn no_duration_is_no_wait() {
        let mut sleep = pin!(sleep(Duration::ZERO));
        assert!(poll_once(sleep.as_mut()).await.is_ready());
        assert!(poll_once(sleep_until_past().as_mut()).await.is_ready());
    }

    fn sleep_until_past() -> std::pin::Pin<Box<dyn Future<Output = ()>>> {
        Box::pin(sleep_until(Instant::now() - MINUTE))
    }

    #[simoom::test]
    async fn no_wait_spends_the_budget() {
        let other = simoom::spawn(async {});
        let mut count = 0_u32;
        while !other.is_finished() {
            sleep(Duration::ZERO).await;
            count += 1;
        }
        assert!(
            count > 1,
            "a sleep of zero gives way no more than once in a budget"
        );
    }

    #[simoom::test]
    async fn an_elapsed_sleep_stays_elapsed() {
        let mut sleep = pin!(sleep(ms(30)));
        assert!(!sleep.is_elapsed());
        sleep.as_mut().await;
        assert!(sleep.is_elapsed());
        assert!(poll_once(sleep.as_mut()).await.is_ready());
    }

    #[simoom::test]
    async fn a_far_future_saturates() {
        for duration in [Duration::MAX, Duration::from_secs(1 << 40)] {
            let mut sleep = pin!(sleep(duration));
            assert!(sleep.deadline() > Instant::now() + Duration::from_secs(86_400 * 365 * 50));
            assert!(poll_once(sleep.as_mut()).await.is_pending());
            yield_now().await;
            assert!(poll_once(sleep.as_mut()).await.is_pending());
        }
        assert!(timeout(Duration::MAX, yield_now()).await.is_ok());
        let mut ticks = interval(Duration::MAX);
        ticks.tick().await;
        assert!(timeout(ms(1), ticks.tick()).await.is_err());
    }

    #[simoom::test]
    async fn a_reset_moves_the_deadline_both_ways() {
        let start = Instant::now();
        let mut sleep = pin!(sleep(MINUTE));
        assert!(poll_once(sleep.as_mut()).await.is_pending());
        sleep.as_mut().reset(start + ms(2));
        assert_eq!(sleep.deadline(), start + ms(2));
        sleep.as_mut().await;

        let later = Instant::now() + ms(40);
        sleep.as_mut().reset(Instant::now() + ms(30));
        assert!(poll_once(sleep.as_mut()).await.is_pending());
        sleep.as_mut().reset(later);
        sleep.as_mut().await;
        assert!(Instant::now() >= later);
        assert!(start.elapsed() < MINUTE);
    }

    #[simoom::test]
    async fn a_reset_after_the_poll_wakes_whoever_polled() {
        let mut sleep = pin!(sleep(MINUTE));
        let mut is_first = true;
        poll_fn(|cx| {
            if is_first {
                is_first = false;
                assert!(sleep.as_mut().poll(cx).is_pending());
                sleep.as_mut().reset(Instant::now() + ms(2));
                return Poll::Pending;
            }
            sleep.as_mut().poll(cx)
        })
        .await;
    }

    #[test]
    fn a_reset_outside_the_runtime_wakes_whoever_polled() {
        let runtime = Runtime::new().unwrap();
        let count = Arc::new(Count::default());
        let waker = Waker::from(count.clone());
        let mut sleep = pin!(sleep(MINUTE));
        runtime.block_on(async {
            assert!(
                sleep
                    .as_mut()
                    .poll(&mut Context::from_waker(&waker))
                    .is_pending()
            );
        });
        assert_eq!(count.0.load(Ordering::Relaxed), 0);
        sleep.as_mut().reset(Instant::now() + ms(1));
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        runtime.block_on(sleep.as_mut());
    }

    #[simoom::test]
    async fn a_dropped_sleep_wakes_nobody() {
        let count = Arc::new(Count::default());
        let waker = Waker::from(count.clone());
        for is_dropped in [true, false] {
            let mut sleep = Box::pin(sleep(ms(30)));
            assert!(
                sleep
                    .as_mut()
                    .poll(&mut Context::from_waker(&waker))
                    .is_pending()
            );
            let kept = (!is_dropped).then_some(sleep);
            simoom::time::sleep(ms(35)).await;
            assert_eq!(count.0.load(Ordering::Relaxed), usize::from(!is_dropped));
            drop(kept);
        }
        // The queue has let go of both wakers.
        drop(waker);
        assert_eq!(Arc::strong_count(&count), 1);
    }

    #[simoom::test]
    async fn the_last_to_poll_is_woken() {
        let (first, second) = (Arc::new(Count::default()), Arc::new(Count::default()));
        let mut sleep = pin!(sleep(ms(30)));
        for count in [&first, &second] {
            let waker = Waker::from(count.clone());
            assert!(
                sleep
                    .as_mut()
                    .poll(&mut Context::from_waker(&waker))
                    .is_pending()
            );
        }
        simoom::time::sleep(ms(35)).await;
        assert_eq!(first.0.load(Ordering::Relaxed), 0);
        assert_eq!(second.0.load(Ordering::Relaxed), 1);
    }

    #[simoom::test]
    async fn a_reset_keeps_to_the_last_to_poll() {
        let (first, second) = (Arc::new(Count::default()), Arc::new(Count::default()));
        let mut sleep = pin!(sleep(MINUTE));
        for count in [&first, &second] {
            let waker = Waker::from(count.clone());
            assert!(
                sleep
                    .as_mut()
                    .poll(&mut Context::from_waker(&waker))
                    .is_pending()
            );
        }
        sleep.as_mut().reset(Instant::now() + ms(1));
        simoom::time::sleep(ms(5)).await;
        assert_eq!(first.0.load(Ordering::Relaxed), 0);
        assert_eq!(second.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_sleep_may_move_from_one_runtime_to_another() {
        let mut sleep = Box::pin(sleep(ms(50)));
        let deadline = sleep.deadline();
        let first = Runtime::new().unwrap();
        assert!(first.block_on(poll_once(sleep.as_mut())).is_pending());
        Runtime::new().unwrap().block_on(sleep.as_mut());
        assert!(Instant::now() >= deadline);
    }

    #[test]
    #[should_panic(expected = "was polled outside a simoom runtime")]
    fn outside_a_runtime_a_sleep_says_what_to_do() {
        let sleep = sleep(ms(1));
        futures::executor::block_on(sleep);
    }

    #[test]
    fn a_sleep_may_be_sent_and_shared() {
        fn check<T: Send + Sync>(_: T) {}
        check(sleep(ms(1)));
        check(timeout(ms(1), ready(())));
        check(interval(ms(1)));
    }
}

mod deadlines {
    use super::*;

    #[simoom::test]
    async fn a_value_comes_before_the_deadline() {
        assert_eq!(timeout(MINUTE, async { 5 }).await, Ok(5));
        let slow = async {
            sleep(ms(1)).await;
            6
        };
        assert_eq!(timeout(MINUTE, slow).await, Ok(6));
    }

    #[simoom::test]
    async fn the_deadline_comes_before_the_value() {
        let start = Instant::now();
        let error = timeout(ms(2), pending::<()>()).await.unwrap_err();
        assert!(start.elapsed() >= ms(2));
        assert_eq!(error.to_string(), "deadline has elapsed");
        let error = std::io::Error::from(error);
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
        assert!(error.get_ref().unwrap().is::<Elapsed>());
    }

    #[simoom::test]
    async fn a_future_that_is_ready_wins_over_a_deadline_that_has_passed() {
        assert_eq!(timeout(Duration::ZERO, ready(1)).await, Ok(1));
        assert_eq!(timeout_at(Instant::now() - MINUTE, ready(2)).await, Ok(2));
        assert!(timeout(Duration::ZERO, yield_now()).await.is_err());

        let mut both = pin!(timeout(ms(30), sleep(ms(30))));
        assert!(poll_once(both.as_mut()).await.is_pending());
        std::thread::sleep(ms(35));
        assert_eq!(both.await, Ok(()));
    }

    #[test]
    fn a_ready_future_needs_no_runtime() {
        let ready = futures::executor::block_on(timeout(ms(1), async { 5 }));
        assert_eq!(ready, Ok(5));
    }

    #[simoom::test]
    async fn a_future_that_spends_every_budget_meets_its_deadline() {
        let busy = async {
            loop {
                sleep(Duration::ZERO).await;
            }
        };
        let late: Result<(), Elapsed> = timeout(ms(5), busy).await;
        assert!(late.is_err());
    }

    #[simoom::test]
    async fn deadlines_that_have_passed_let_others_run() {
        let other = simoom::spawn(async {});
        while !other.is_finished() {
            assert!(timeout(Duration::ZERO, pending::<()>()).await.is_err());
        }
    }

    #[simoom::test]
    async fn of_nested_deadlines_the_earlier_is_reported_where_it_stands() {
        let outer = timeout(MINUTE, timeout(ms(1), pending::<()>())).await;
        assert!(matches!(outer, Ok(Err(_))));
        let outer = timeout(ms(1), timeout(MINUTE, pending::<()>())).await;
        assert!(outer.is_err());
    }

    #[simoom::test]
    async fn an_outer_deadline_lasts_beyond_an_inner_one() {
        let inner_count = Cell::new(0);
        let outer = timeout(ms(40), async {
            loop {
                assert!(timeout(ms(1), pending::<()>()).await.is_err());
                inner_count.set(inner_count.get() + 1);
            }
        });
        let outer: Result<(), Elapsed> = outer.await;
        assert!(outer.is_err());
        assert!(inner_count.get() >= 1);
    }

    #[simoom::test]
    async fn the_future_can_be_reached_and_taken_out() {
        let mut timeout = timeout(MINUTE, ready(5));
        assert_eq!(timeout.get_ref().clone().into_inner(), 5);
        *timeout.get_mut() = ready(6);
        assert_eq!(timeout.into_inner().into_inner(), 6);
    }

    #[simoom::test]
    async fn a_deadline_is_reached_for_what_can_become_a_future() {
        struct Five;
        impl std::future::IntoFuture for Five {
            type Output = u32;
            type IntoFuture = std::future::Ready<u32>;
            fn into_future(self) -> Self::IntoFuture {
                ready(5)
            }
        }
        assert_eq!(timeout(MINUTE, Five).await, Ok(5));
    }
}

mod ticking {
    use super::*;

    #[simoom::test]
    async fn the_first_tick_is_at_once_and_the_others_a_period_apart() {
        let mut ticks = interval(ms(2));
        let first = ticks.tick().await;
        assert!(first <= Instant::now());
        for count in 1..4 {
            let tick = ticks.tick().await;
            assert_eq!(tick - first, count * ms(2));
            assert!(Instant::now() >= tick);
        }
        assert_eq!(ticks.period(), ms(2));
    }

    #[simoom::test]
    async fn the_first_tick_may_be_later() {
        let start = Instant::now() + ms(3);
        let mut ticks = interval_at(start, MINUTE);
        assert_eq!(ticks.tick().await, start);
        assert!(Instant::now() >= start);
    }

    #[simoom::test]
    async fn skipped_ticks_keep_the_phase() {
        let start = Instant::now();
        let mut ticks = interval_at(start, ms(10));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        assert_eq!(ticks.tick().await, start);
        std::thread::sleep(ms(38));
        assert_eq!(ticks.tick().await, start + ms(10));
        let next = ticks.tick().await - start;
        assert!(next >= ms(40), "{next:?}");
        assert_eq!(next.as_nanos() % ms(10).as_nanos(), 0, "{next:?}");
    }

    #[simoom::test]
    async fn a_late_tick_delays_the_next_by_a_period() {
        let start = Instant::now();
        let mut ticks = interval_at(start, ms(10));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        std::thread::sleep(ms(38));
        let before = Instant::now();
        ticks.tick().await;
        let after = Instant::now();
        let next = ticks.tick().await;
        assert!(next >= before + ms(10) && next <= after + ms(10));
    }

    #[simoom::test]
    async fn missed_ticks_burst_by_default() {
        let start = Instant::now() - 2 * MINUTE;
        let mut ticks = interval_at(start, MINUTE);
        assert_eq!(ticks.missed_tick_behavior(), MissedTickBehavior::Burst);
        assert_eq!(ticks.tick().await, start);
        assert_eq!(ticks.tick().await, start + MINUTE);
        assert_eq!(ticks.tick().await, start + 2 * MINUTE);
        assert!(timeout(ms(1), ticks.tick()).await.is_err());
    }

    #[simoom::test]
    async fn a_dropped_wait_loses_no_tick() {
        let start = Instant::now() + ms(40);
        let mut ticks = interval_at(start, MINUTE);
        let mut tries = 0;
        let tick = loop {
            tries += 1;
            if let Ok(tick) = timeout(ms(1), ticks.tick()).await {
                break tick;
            }
        };
        assert_eq!(tick, start);
        assert!(tries > 1);
    }

    #[simoom::test]
    async fn resets_move_the_next_tick() {
        let mut ticks = interval(ms(3));
        ticks.tick().await;

        let before = Instant::now();
        ticks.reset();
        let after = Instant::now();
        let tick = ticks.tick().await;
        assert!(tick >= before + ms(3) && tick <= after + ms(3));

        let before = Instant::now();
        ticks.reset_immediately();
        let tick = ticks.tick().await;
        assert!(tick >= before && tick <= Instant::now());

        let before = Instant::now();
        ticks.reset_after(ms(1));
        let after = Instant::now();
        let tick = ticks.tick().await;
        assert!(tick >= before + ms(1) && tick <= after + ms(1));

        let at = Instant::now() + ms(2);
        ticks.reset_at(at);
        assert_eq!(ticks.tick().await, at);
        assert_eq!(ticks.tick().await, at + ms(3));
    }

    #[test]
    #[should_panic(expected = "the period of an interval must not be zero")]
    fn a_period_of_zero_is_refused() {
        let _ = interval(Duration::ZERO);
    }
}
