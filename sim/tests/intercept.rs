//! What simulated code gets from the system, and what it gets for trying more.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

use simoom::time::sleep;
use simoom_sim::{Config, Escape, Failure, Report, Sim, check};

fn config() -> Config {
    Config::default().persist(false).shrink(false).seeds(3)
}

#[test]
fn instants_are_virtual() {
    check(config(), |_| async {
        let (before, ours) = (Instant::now(), simoom::time::Instant::now());
        assert_eq!(Instant::now(), before, "no virtual time has passed");
        sleep(Duration::from_secs(3_600)).await;
        assert_eq!(before.elapsed(), Duration::from_secs(3_600));
        assert_eq!(before.elapsed(), ours.elapsed());
    })
    .unwrap();
}

#[test]
fn the_wall_clock_starts_in_2020() {
    check(config(), |_| async {
        let now = || {
            SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap()
        };
        assert_eq!(now(), Duration::from_secs(1_577_836_800));
        sleep(Duration::from_millis(1_500)).await;
        assert_eq!(now(), Duration::from_millis(1_577_836_801_500));
    })
    .unwrap();
}

#[test]
fn hash_order_follows_from_the_seed() {
    check(config(), |sim: Sim| async move {
        let map: HashMap<u32, ()> = (0..100).map(|n| (n, ())).collect();
        sim.note(&format!("{:?}", map.keys().collect::<Vec<_>>()));
    })
    .unwrap();
}

fn escaped(report: &Report) -> (Escape, String, String) {
    let found = report.failure().expect("the run escapes");
    println!("{found}");
    let Failure::Escaped {
        escape,
        call,
        place,
        ..
    } = found.cause()
    else {
        panic!("{}", found.cause());
    };
    (*escape, call.clone(), place.clone())
}

#[test]
fn starting_a_thread_fails_the_run() {
    let report = check(config(), |_| async {
        let _ = std::thread::spawn(|| ()).join();
    });
    assert_eq!(escaped(&report).0, Escape::THREADS);
}

#[test]
fn opening_a_socket_fails_the_run() {
    let report = check(config(), |_| async {
        let _ = std::net::TcpListener::bind("127.0.0.1:0");
    });
    assert_eq!(escaped(&report).0, Escape::SOCKETS);
}

#[test]
fn processes_fail_the_run() {
    let report = check(config(), |_| async {
        let _ = std::process::Command::new("true").status();
    });
    assert_eq!(escaped(&report).0, Escape::PROCESSES);
}

#[test]
fn files_fail_the_run() {
    let report = check(config(), |_| async {
        std::fs::write("/tmp/simoom-should-not-exist", "x").unwrap();
    });
    assert_eq!(escaped(&report).0, Escape::FILES);
}

#[test]
fn sleeping_fails_the_run() {
    let report = check(config(), |_| async {
        std::thread::sleep(Duration::from_secs(100));
    });
    assert_eq!(escaped(&report).0, Escape::SLEEP);
}
