//! What simulated code gets where it goes around simoom: each row of the book's table of surfaces.
//!
//! `docs/book/src/determinism.md` says of every surface what becomes of it and names the test here
//! that shows it; `page.rs` sees that it does.

#![cfg(all(target_os = "linux", target_env = "gnu"))]

mod called;
mod caught;
mod clock;
mod entropy;
mod glibc;
mod hash;
mod page;
mod refused;
mod unseen;

use std::process::Command;

use simoom_sim::{Config, Escape, Failure, Report, Sim, check};

/// Set in a process that is asked what its runs of one test come to.
const CHILD: &str = "SIMOOM_SURFACES_CHILD";

/// What a line with a hash begins with, in such a process.
const MARK: &str = "simoom-surfaces";

fn config() -> Config {
    Config::default().persist(false).shrink(false)
}

/// Runs `body` under ten seeds, and notes what it returns.
fn noted(body: fn() -> String) -> Report {
    check(config().seeds(10), move |sim: Sim| async move {
        sim.note(&body());
    })
}

/// Asserts that what `body` returns follows from the seed: in two sweeps, and in another process,
/// whose addresses are others. Returns how many of ten seeds differ in it.
///
/// `test` is the path of the calling test.
#[track_caller]
fn follows_from_the_seed(test: &str, body: fn() -> String) -> usize {
    let hashes = || -> Vec<u128> {
        let report = noted(body);
        assert!(report.failure().is_none(), "{report}");
        report.runs().iter().map(|run| run.hash).collect()
    };
    let first = hashes();
    if std::env::var_os(CHILD).is_some() {
        for hash in &first {
            println!("{MARK} {hash}");
        }
        return first.len();
    }
    assert_eq!(hashes(), first, "a second sweep");
    let output = Command::new(std::env::current_exe().expect("a test knows its binary"))
        .args([test, "--exact", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .expect("the process starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let theirs: Vec<u128> = (text.lines())
        .filter_map(|line| line.split_once(MARK)?.1.trim().parse().ok())
        .collect();
    assert_eq!(theirs, first, "another process, which printed:\n{text}");
    let distinct: std::collections::BTreeSet<_> = first.iter().collect();
    distinct.len()
}

/// Asserts that a run in which `body` decides something is said not to be deterministic.
#[track_caller]
fn is_caught(body: fn() -> String) {
    let report = noted(body);
    let cause = report.failure().expect("the runs differ").cause();
    assert!(matches!(cause, Failure::Nondeterminism { .. }), "{cause}");
    let text = report.to_string();
    assert!(text.contains("user.noted"), "it says where: {text}");
}

/// Asserts that `body` fails the run by `escape`, that the failure names this folder and
/// the function of libc, and that it goes on once that is allowed.
#[track_caller]
fn is_refused(escape: Escape, call: &str, body: fn()) {
    let report = check(config().seeds(1), move |_| async move { body() });
    let found = report.failure().expect("the run fails");
    let Failure::Escaped {
        escape: what,
        call: called,
        place,
        task,
        ..
    } = found.cause()
    else {
        panic!("another failure: {found}");
    };
    assert_eq!(*what, escape);
    assert_eq!(called.split(' ').next(), Some(call), "{called}");
    assert!(place.contains("tests/surfaces/"), "{found}");
    assert_eq!(task, "test/main");
    assert!(
        found
            .to_string()
            .contains(&format!("sim.allow({escape:?})")),
        "{found}"
    );

    let all_but = [
        Escape::THREADS,
        Escape::SLEEP,
        Escape::FILES,
        Escape::SOCKETS,
        Escape::PROCESSES,
    ]
    .into_iter()
    .filter(|other| *other != escape)
    .fold(Escape::NONE, |all, one| all | one);
    let report = check(config().seeds(1), move |sim| async move {
        sim.allow(all_but);
        body();
    });
    assert!(report.failure().is_some(), "another kind was allowed");
    let report = check(config().seeds(1), move |sim| async move {
        sim.allow(escape);
        body();
    });
    assert!(report.failure().is_none(), "{report}");
}
