//! Runs that fail for what cancellations leave or tear, where that is denied.

use std::time::Duration;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::UnixStream;
use simoom::task::spawn_local;
use simoom::time::sleep;
use simoom_sim::cancel::{self, CancelReport, Cancels, Deny};
use simoom_sim::{Class, Failure, Leak, Ratio, Sim, Strategy, check};

use crate::{config, line_in};

const FILE: &str = "sim/tests/cancel/denied.rs";

const MS: Duration = Duration::from_millis(1);

fn line(marker: &str) -> u32 {
    line_in(include_str!("denied.rs"), marker)
}

#[track_caller]
fn wrongs(report: &CancelReport) -> Vec<String> {
    let found = report.failure().expect("it is denied");
    let Failure::AfterCancel { wrongs } = found.cause() else {
        panic!("{found}");
    };
    wrongs.clone()
}

/// A parent that ends its child, unless it is cancelled before; the child ends by itself after
/// `lives`.
async fn parent(lives: Duration) {
    let child = spawn_local(sleep(lives)); // Child.
    sleep(MS).await; // Parent.
    child.abort();
}

const LONG: Duration = Duration::from_secs(1_000);

async fn leaves(_: Sim) {
    drop(spawn_local(parent(LONG)).await);
}

#[test]
fn what_is_left_fails_the_run_and_is_told_as_any_failure() {
    let report = cancel::every_await(config().cancel_deny(Deny::all()), leaves);
    let (child, parent) = (line("Child"), line("Parent"));
    let cancelled = format!("cancelled at {FILE}:{parent}");
    let left = format!("left behind: task, of {FILE}:{child}, {cancelled}");
    assert_eq!(wrongs(&report)[0], left, "{report}");
    let found = report.failure().unwrap();
    assert_eq!(found.class(), Class::Correctness);
    assert_eq!(found.deviations(), 1, "{found}");
    assert!(found.story()[0].contains("task.cancelled"), "{found}");
    assert!(found.is_confirmed(), "{found}");
    // It is listed all the same.
    assert!(!report.left_behind().is_empty(), "{report}");
    // What is stored fails again, in a sweep of its own.
    let again = config().cancel_deny(Deny::all()).replay(&found.plan());
    let report = cancel::every_await(again, leaves);
    assert_eq!(wrongs(&report)[0], left, "{report}");
}

#[test]
fn what_is_left_passes_where_it_is_not_denied() {
    let others = [Leak::File, Leak::Socket, Leak::Lock];
    for deny in [
        Deny::none(),
        Deny::none().torn_frames(),
        Deny::none().left_behind(others),
    ] {
        let report = cancel::every_await(config().cancel_deny(deny), leaves);
        assert!(report.cancelled() > 0);
        assert!(!report.left_behind().is_empty(), "{report}");
        report.unwrap();
    }
}

/// It is under way to its end, and has time.
#[test]
fn what_goes_by_itself_in_time_is_not_left() {
    let run = |settle: Duration| {
        let deny = Deny::none().left_behind([Leak::Task]).settle(settle);
        cancel::every_await(config().cancel_deny(deny), |_| async {
            drop(spawn_local(parent(100 * MS)).await);
        })
    };
    let report = run(Duration::from_secs(1));
    assert!(report.cancelled() > 0);
    assert_eq!(report.left_behind(), []);
    report.unwrap();
    assert!(!wrongs(&run(MS)).is_empty());
}

#[test]
fn what_the_undisturbed_run_leaves_too_is_not_denied() {
    for seed in [None, Some(3)] {
        let mut config = config().cancel_deny(Deny::all());
        if let Some(seed) = seed {
            config = config.seed(seed).strategy(Strategy::Random);
        }
        let report = cancel::pairs(config, |_| async {
            let _aside = spawn_local(std::future::pending::<()>());
            let _file = simoom::fs::File::create("/kept").await.unwrap();
            drop(spawn_local(sleep(MS)).await);
        });
        assert!(report.cancelled() > 0);
        report.unwrap();
    }
}

/// Two frames, of which the first may be cut off; whoever is careful goes on with its rest.
async fn frames(is_careful: bool) {
    let (mut reader, mut writer) = UnixStream::pair().unwrap();
    let reads = async move {
        sleep(5 * MS).await;
        let _ = reader.read_to_end(&mut Vec::new()).await;
    };
    let writes = async move {
        let mut first = std::io::Cursor::new(vec![1; 1 << 20]);
        let written = cancel::scope(writer.write_all_buf(&mut first)).await;
        if written.is_err() && is_careful {
            writer.write_all_buf(&mut first).await.unwrap();
        }
        writer.write_all(&[2; 100]).await.unwrap();
    };
    simoom::join!(reads, writes);
}

#[test]
fn a_torn_frame_fails_the_run() {
    let deny = Deny::none().torn_frames();
    let torn = cancel::every_await(config().cancel_deny(deny.clone()), |_| frames(false));
    let wrongs = wrongs(&torn);
    assert!(wrongs[0].starts_with("torn frame: begun at "), "{torn}");
    assert_eq!(wrongs.len(), 1, "{torn}");
    let whole = cancel::every_await(config().cancel_deny(deny), |_| frames(true));
    assert!(whole.cancelled() > 0);
    whole.unwrap();
}

/// There is no run to compare with, but a frame is torn in any.
#[test]
fn by_chance_frames_alone_are_denied() {
    let random = || {
        config()
            .cancels(Ratio::one_in(2))
            .strategy(Strategy::Random)
    };
    let report = check(random().cancel_deny(Deny::all()), |_| frames(false));
    let found = report.failure().expect("one is torn");
    let text = found.cause().to_string();
    assert!(text.contains("\n  torn frame: "), "{found}");
    check(random().cancel_deny(Deny::all()), leaves).unwrap();
}

#[simoom_sim::test(cancels = Cancels::Every, cancel_deny = Deny::all())]
async fn the_attribute_denies() {
    let done = spawn_local(async {
        let (mut one, mut other) = UnixStream::pair().unwrap();
        one.write_all(b"ping").await.unwrap();
        other.read_exact(&mut [0; 4]).await.unwrap();
    });
    drop(done.await);
}
