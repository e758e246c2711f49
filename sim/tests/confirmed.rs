//! Failures that come again: confirmed by a fresh process, saved, and replayed.
//!
//! Tests that are a child's do nothing unless they are one.

mod child;

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use simoom::sync::Mutex;
use simoom::task::{spawn_local, yield_now};
use simoom::time::sleep;
use simoom_sim::{Config, Sim, check};

use crate::child::{child, child_with, is_child, text};

fn config() -> Config {
    Config::default().persist(false).seeds(20)
}

/// Two tasks that lose an update when one is interrupted between its read and its write.
async fn lost_update(_: Sim) {
    let counter = Rc::new(std::cell::Cell::new(0));
    let lock = Rc::new(Mutex::new(()));
    let add = |counter: Rc<std::cell::Cell<u32>>, lock: Rc<Mutex<()>>| async move {
        let seen = counter.get();
        drop(lock.lock().await);
        counter.set(seen + 1);
    };
    let one = spawn_local(add(counter.clone(), lock.clone()));
    let two = spawn_local(add(counter.clone(), lock));
    one.await.unwrap();
    two.await.unwrap();
    assert_eq!(counter.get(), 2, "an update was lost");
}

#[test]
fn a_failure_of_its_own_is_confirmed_by_a_fresh_process() {
    if is_child() {
        let report = check(config(), lost_update);
        let found = report.failure().unwrap();
        println!(
            "confirmed: {}, left: {}",
            found.is_confirmed(),
            found.deviations()
        );
        return;
    }
    let output = child("a_failure_of_its_own_is_confirmed_by_a_fresh_process", &[]);
    assert!(
        text(&output).contains("confirmed: true, left: "),
        "{}",
        text(&output)
    );
}

#[test]
fn a_calm_failure_is_confirmed_by_a_fresh_process() {
    let report = check(config().seeds(0), |_| async { Err::<(), _>("always") });
    let found = report.failure().unwrap();
    assert!(found.is_confirmed(), "{found}");
}

#[test]
fn outside_a_test_the_report_says_why_no_process_was_asked() {
    let elsewhere = std::thread::spawn(|| check(config(), lost_update).to_string());
    let text = elsewhere.join().unwrap();
    assert!(
        text.contains("not tried in a fresh process: `check` was called neither"),
        "{text}"
    );
}

#[test]
fn a_failure_that_needs_earlier_runs_is_not_confirmed() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    if is_child() {
        let report = check(config().jobs(1), |_| async {
            assert!(RUNS.fetch_add(1, Ordering::Relaxed) < 5, "later runs fail");
        });
        println!("{report}");
        return;
    }
    let output = child("a_failure_that_needs_earlier_runs_is_not_confirmed", &[]);
    let text = text(&output);
    assert!(
        text.contains("not confirmed by a fresh process: there, it passes"),
        "{text}"
    );
}

#[test]
fn a_failure_is_saved_replayed_first_and_replayed_alone() {
    const NAME: &str = "a_failure_is_saved_replayed_first_and_replayed_alone";
    if is_child() {
        check(config().persist(true), lost_update).unwrap();
        return;
    }
    let folder = Folder(std::env::temp_dir().join(format!("simoom-it-{}", std::process::id())));
    let home = folder.0.to_str().unwrap();
    let file = folder
        .0
        .join("simoom-regressions/confirmed")
        .join(format!("{NAME}.txt"));
    std::fs::create_dir_all(&folder.0).unwrap();
    let failing = |variables: &[(&str, &str)]| {
        let mut all = vec![("CARGO_MANIFEST_DIR", home)];
        all.extend(variables);
        let output = child(NAME, &all);
        assert!(!output.status.success(), "{}", text(&output));
        text(&output)
    };
    let off = failing(&[("SIMOOM_PERSIST", "0")]);
    assert!(!file.exists(), "{off}");
    let first = failing(&[]);
    assert!(
        first.contains("(commit it: it is replayed before new seeds)"),
        "{first}"
    );
    let saved = std::fs::read_to_string(&file).unwrap();
    assert!(
        (1..=2).contains(&saved.matches("\nsched ").count()),
        "{saved}"
    );
    let again = failing(&[]);
    assert!(again.contains("failed (saved)"), "{again}");
    // A fresh process has shown it, and said so by writing the record.
    assert!(again.contains("  record  "), "{again}");
    assert!(!again.contains("in a fresh process"), "{again}");
    assert!(!again.contains("by a fresh process"), "{again}");
    let replayed = failing(&[("SIMOOM_REPLAY", file.to_str().unwrap())]);
    assert!(replayed.contains("failed (saved)"), "{replayed}");
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        saved,
        "the file is as it was"
    );
    // What cannot be read is said, and does not hide the failure.
    std::fs::write(&file, "simoom plan 2\n").unwrap();
    let unread = failing(&[]);
    assert!(
        unread.contains("saved failures were not replayed"),
        "{unread}"
    );
    assert!(unread.contains("an update was lost"), "{unread}");
}

#[test]
fn a_replay_has_the_faults_of_its_test_and_says_so() {
    const NAME: &str = "a_replay_has_the_faults_of_its_test_and_says_so";
    if is_child() {
        check(config().persist(true).shrink(false), |sim| async move {
            let server = sim.node("server").run(std::future::pending::<()>);
            sleep(Duration::from_secs(10)).await;
            assert!(server.incarnation() > 1, "it was not restarted");
        })
        .unwrap();
        return;
    }
    let name = format!("simoom-faults-{}", std::process::id());
    let folder = Folder(std::env::temp_dir().join(name));
    std::fs::create_dir_all(&folder.0).unwrap();
    let home = folder.0.to_str().unwrap();
    let output = child(NAME, &[("CARGO_MANIFEST_DIR", home)]);
    assert!(!output.status.success(), "{}", text(&output));
    let file = format!("{home}/simoom-regressions/confirmed/{NAME}.txt");
    let variables = [
        ("CARGO_MANIFEST_DIR", home),
        ("SIMOOM_REPLAY", &file),
        ("SIMOOM_FAULTS", "node.restarted every=1s"),
    ];
    // Without `--nocapture`: what the harness has caught goes down with the process.
    let output = child_with(&[], NAME, &variables);
    let text = text(&output);
    assert_eq!(output.status.code(), Some(81), "{text}");
    assert!(text.contains("failed (saved)"), "{text}");
    // One with other faults would not have run alike.
    assert!(!text.contains("fresh process"), "{text}");
    assert!(text.contains("SIMOOM_FAULTS is ignored"), "{text}");
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Two sweeps in one test: the process that shows the second one's failure runs the first as well.
#[test]
fn a_sweep_before_the_failing_one_is_whole_in_the_process_that_confirms() {
    let config = || Config::default().seeds(3).persist(false);
    let first = check(config(), |_| async { yield_now().await });
    assert_eq!(first.runs().len(), 3, "an earlier sweep was left out");
    let second = check(config(), |sim: Sim| async move {
        assert_eq!(sim.seed(), 0, "fails under every seed");
    });
    let found = second.failure().unwrap();
    assert!(found.is_confirmed(), "{found}");
    let text = found.to_string();
    // With the features that it was built with in between.
    let command = text.lines().find(|line| line.starts_with("  replay"));
    let (_, rest) = command.unwrap().split_once(" --test confirmed ").unwrap();
    assert!(rest.contains("-- --exact a_sweep_before"), "{text}");
}

#[test]
fn sweeps_of_one_test_save_their_failures_apart_and_replay_them_alone() {
    const NAME: &str = "sweeps_of_one_test_save_their_failures_apart_and_replay_them_alone";
    if is_child() {
        // The same line twice, which only their order tells apart.
        for message in ["the first sweep's", "the second sweep's"] {
            let report = check(config().persist(true).shrink(false), move |_| async move {
                Err::<(), _>(message)
            });
            println!("{report}\n---");
        }
        return;
    }
    let folder = Folder(std::env::temp_dir().join(format!("simoom-two-{}", std::process::id())));
    let home = folder.0.to_str().unwrap();
    std::fs::create_dir_all(&folder.0).unwrap();
    let run = |variables: &[(&str, &str)]| {
        let mut all = vec![("CARGO_MANIFEST_DIR", home)];
        all.extend(variables);
        text(&child(NAME, &all))
    };
    let found = run(&[]);
    assert!(!found.contains("not confirmed"), "{found}");
    let saved = folder.0.join("simoom-regressions/confirmed");
    let files = [
        saved.join(format!("{NAME}.txt")),
        saved.join(format!("{NAME}-2.txt")),
    ];
    for (file, message) in files.iter().zip(["the first", "the second"]) {
        let plans = std::fs::read_to_string(file).unwrap();
        assert_eq!(plans.matches("simoom plan").count(), 1, "{plans}");
        assert!(plans.contains(message), "{plans}");
        assert!(
            plans.contains(&format!("\ntest confirmed::{NAME}")),
            "{plans}"
        );
    }
    let again = run(&[]);
    assert_eq!(again.matches("failed (saved)").count(), 2, "{again}");
    // The replay of one leaves the other to its seeds.
    let second = run(&[("SIMOOM_REPLAY", files[1].to_str().unwrap())]);
    let (one, two) = second.split_once("---").unwrap();
    assert!(two.contains("failed (saved)"), "{second}");
    assert!(two.contains("the second sweep's"), "{second}");
    assert!(one.contains("the first sweep's"), "{second}");
}

#[test]
fn a_file_of_another_test_is_not_replayed() {
    if is_child() {
        check(config(), |_| async {}).unwrap();
        return;
    }
    let name = "a_file_of_another_test_is_not_replayed";
    let folder = Folder(std::env::temp_dir().join(format!("simoom-other-{}", std::process::id())));
    std::fs::create_dir_all(&folder.0).unwrap();
    let file = folder.0.join("other.txt");
    let plan = "simoom plan 1\nseed 1\nstrategy replay\nhorizon 2\n";
    let replay = |owner: &str| {
        std::fs::write(&file, format!("{owner}{plan}")).unwrap();
        let output = child(name, &[("SIMOOM_REPLAY", file.to_str().unwrap())]);
        (output.status.success(), text(&output))
    };
    let (passed, refused) = replay("test confirmed::module::another_test\n");
    assert!(!passed, "{refused}");
    assert!(
        refused.contains("holds failures of confirmed::module::another_test, not of confirmed::a_"),
        "{refused}"
    );
    assert!(
        refused.contains("`-- --exact module::another_test`"),
        "{refused}"
    );
    let (passed, own) = replay(&format!("test confirmed::{name}\n"));
    assert!(passed, "{own}");
    let (passed, nobodys) = replay("");
    assert!(passed, "{nobodys}");
}
