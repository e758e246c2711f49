//! What no seed decides, and is seen as soon as it decides something.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::FutureExt as _;

use simoom_sim::{Failure, check};

use crate::{config, is_caught};

#[test]
fn a_static_counter_is_caught() {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    is_caught(|| COUNTER.fetch_add(1, Ordering::Relaxed).to_string());
}

/// Runs that are made at the same time, on a machine that has room for two, meet in it.
#[test]
fn a_static_lock_is_caught() {
    static LOCK: simoom::sync::Mutex<()> = simoom::sync::Mutex::const_new(());
    if std::thread::available_parallelism().is_ok_and(|count| count.get() > 1) {
        static CAME: AtomicU64 = AtomicU64::new(0);
        let report = check(config().seeds(400).jobs(4), |_| async {
            drop(LOCK.lock().await);
            // The first is the calm run, which is made alone; then two wait for each other.
            let mut patience = 0..5_000_000;
            if CAME.fetch_add(1, Ordering::SeqCst) > 0 {
                while CAME.load(Ordering::SeqCst) < 3 && patience.next().is_some() {
                    std::thread::yield_now();
                }
            }
            drop(LOCK.lock().await);
        });
        let found = report.failure().expect("two runs meet in the lock");
        let cause = found.cause();
        assert!(matches!(cause, Failure::SharedByRuns { .. }), "{found}");
    }
}

/// Two runs of one process find the same value: a fresh process makes it itself.
#[test]
fn a_value_that_is_made_once_shows_in_a_fresh_process() {
    static MADE: OnceLock<u64> = OnceLock::new();
    let report = check(config().seeds(3), |_| async {
        let mut is_first = false;
        MADE.get_or_init(|| {
            is_first = true;
            7
        });
        assert!(is_first, "somebody made it before");
    });
    let found = report.failure().expect("the calm run made the value");
    assert!(!found.is_confirmed(), "{found}");
    let text = found.to_string();
    assert!(text.contains("not confirmed by a fresh process"), "{text}");
}

#[test]
fn ids_of_uuid_v7_are_caught() {
    // A static remembers the last moment it has seen, and counts on while time does not pass it.
    is_caught(|| uuid::Uuid::now_v7().to_string());
}

#[test]
fn thread_ids_are_caught() {
    is_caught(|| format!("{:?}", std::thread::current().id()));
}

#[test]
fn addresses_are_caught() {
    // What is never freed has an address of its own in every run.
    is_caught(|| format!("{:p}", Box::leak(Box::new(7_u64))));
}

fn first_ready_of_futures() -> String {
    let mut seen = String::new();
    for _ in 0..64 {
        let (mut one, mut two) = (std::future::ready(()).fuse(), std::future::ready(()).fuse());
        let both = async {
            futures::select! {
                () = one => '1',
                () = two => '2',
            }
        };
        seen.push(both.now_or_never().expect("both are ready"));
    }
    seen
}

#[test]
fn select_of_futures_is_caught() {
    is_caught(first_ready_of_futures);
}

fn first_ready_of_tokio() -> String {
    let mut seen = String::new();
    for _ in 0..64 {
        let both = async {
            tokio::select! {
                () = std::future::ready(()) => '1',
                () = std::future::ready(()) => '2',
            }
        };
        seen.push(both.now_or_never().expect("both are ready"));
    }
    seen
}

#[test]
fn select_of_tokio_is_caught() {
    is_caught(first_ready_of_tokio);
}

#[test]
fn span_ids_are_caught() {
    // As the subscriber of a whole process does, this one goes on from run to run.
    static SUBSCRIBER: OnceLock<tracing::Dispatch> = OnceLock::new();
    is_caught(|| {
        let subscriber = SUBSCRIBER.get_or_init(|| tracing_subscriber::registry().into());
        let id = tracing::dispatcher::with_default(subscriber, || tracing::info_span!("one").id());
        format!("{id:?}")
    });
}

#[test]
fn entropy_of_a_raw_system_call_is_caught() {
    is_caught(|| {
        let mut bytes = [0_u8; 16];
        let _ = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
        format!("{bytes:?}")
    });
}

#[test]
fn the_clock_of_a_raw_system_call_is_caught() {
    is_caught(|| {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        format!("{now:?}")
    });
}
