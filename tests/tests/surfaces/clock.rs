//! Clocks: virtual, whoever reads them.

use std::time::{Duration, Instant, SystemTime};

use simoom::time::sleep;
use simoom_sim::{Sim, check};

use crate::{config, follows_from_the_seed};

/// 2020-01-01T00:00:00Z.
const EPOCH: Duration = Duration::from_secs(1_577_836_800);

fn wall() -> Duration {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.expect("2020 is after 1970")
}

#[test]
fn std_instant_is_virtual() {
    check(config().seeds(3), |_| async {
        let (before, ours) = (Instant::now(), simoom::time::Instant::now());
        assert_eq!(Instant::now(), before, "no virtual time has passed");
        sleep(Duration::from_secs(3_000)).await;
        assert_eq!(before.elapsed(), Duration::from_secs(3_000));
        assert_eq!(ours.elapsed(), before.elapsed());
    })
    .unwrap();
    let distinct = follows_from_the_seed("clock::std_instant_is_virtual", || {
        format!("{:?}", Instant::now())
    });
    assert_eq!(distinct, 1, "it begins at the same moment under every seed");
}

#[test]
fn system_time_starts_in_2020() {
    check(config().seeds(3), |sim: Sim| async move {
        assert_eq!(wall(), EPOCH);
        sleep(Duration::from_millis(1_500)).await;
        assert_eq!(wall(), EPOCH + sim.elapsed());
    })
    .unwrap();
}

#[test]
fn chrono_reads_the_virtual_wall_clock() {
    check(config().seeds(3), |_| async {
        sleep(Duration::from_secs(60)).await;
        assert_eq!(chrono::Utc::now().to_rfc3339(), "2020-01-01T00:01:00+00:00");
    })
    .unwrap();
}

#[test]
fn a_loop_that_waits_for_the_clock_ends() {
    check(config().seeds(3), |sim: Sim| async move {
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(10) {
            std::hint::spin_loop();
        }
        assert_eq!(start.elapsed(), Duration::from_micros(10_001));
        // What was due meanwhile happens, and no clock goes back.
        sleep(Duration::from_millis(1)).await;
        assert!(sim.elapsed() >= Duration::from_millis(11));
        assert_eq!(start.elapsed(), sim.elapsed());
    })
    .unwrap();
}

#[test]
fn a_timed_wait_of_parking_lot_takes_real_and_virtual_time() {
    check(config().seeds(2), |sim: Sim| async move {
        let start = Instant::now();
        let lock = parking_lot::Mutex::new(());
        let held = lock.lock();
        assert!(lock.try_lock_for(Duration::from_millis(2)).is_none());
        assert_eq!(start.elapsed(), Duration::from_millis(2));
        drop(held);
        assert!(lock.try_lock().is_some());
        simoom::task::yield_now().await;
        assert_eq!(sim.elapsed(), Duration::from_millis(2));
    })
    .unwrap();
}
