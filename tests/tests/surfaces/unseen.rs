//! What simulated code reads as it is on this machine, and what nobody notices.

use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime};

use simoom_sim::{Sim, check};

use crate::config;

#[test]
fn the_process_and_its_surroundings_are_real() {
    let about = || {
        (
            std::env::var_os("PATH"),
            std::env::current_dir().ok(),
            std::process::id(),
            std::env::args_os().collect::<Vec<_>>(),
            std::thread::available_parallelism().ok(),
        )
    };
    let outside = about();
    check(config().seeds(2), move |_| {
        let outside = outside.clone();
        async move { assert_eq!(about(), outside) }
    })
    .unwrap();
}

#[test]
fn files_can_be_read() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    check(config().seeds(2), move |_| async move {
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.contains("simoom-tests"));
        assert!(std::fs::metadata(file).unwrap().modified().is_ok());
    })
    .unwrap();
}

/// A pool that runs already is entered without starting a thread.
#[test]
fn a_pool_that_runs_already_is_not_noticed() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let pool = std::sync::Arc::new(pool.expect("the system has room for a thread"));
    check(config().seeds(2), move |_| {
        let pool = pool.clone();
        async move {
            let inside = pool.install(SystemTime::now);
            let year_s = 365 * 24 * 3_600;
            let since = inside.duration_since(SystemTime::now()).unwrap();
            assert!(
                since > Duration::from_secs(year_s),
                "the pool's clock is the real one"
            );
        }
    })
    .unwrap();
}

/// Nobody is to end these waits: what they took passes on the virtual clock too.
#[test]
fn timed_waits_of_std_take_real_and_virtual_time() {
    let real = Instant::now();
    check(config().seeds(1), |sim: Sim| async move {
        let start = Instant::now();
        let (_sender, receiver) = mpsc::channel::<()>();
        let waited = receiver.recv_timeout(Duration::from_millis(20));
        assert_eq!(waited, Err(mpsc::RecvTimeoutError::Timeout));
        std::thread::park_timeout(Duration::from_millis(30));
        assert_eq!(start.elapsed(), Duration::from_millis(50));
        simoom::task::yield_now().await;
        assert_eq!(sim.elapsed(), Duration::from_millis(50));
    })
    .unwrap();
    // A calm run, the seed, and the seed once more.
    assert!(real.elapsed() >= Duration::from_millis(150));
}
