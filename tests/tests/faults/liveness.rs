//! Failures of liveness: what has to come to hold once faults have ended.
//!
//! A toy of a replicated log: a writer wants each entry acknowledged by enough of three replicas.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream};
use simoom::time::{Duration, sleep, timeout};
use simoom_sim::{Failure, Fault, Kind, Plan, Ratio, Report, Sim, Strategy, check};

use crate::config;

const REPLICAS: [&str; 3] = ["replica-1", "replica-2", "replica-3"];

/// What is wrong with the writer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bug {
    None,
    /// It asks a replica that failed three times no more.
    GivesUp,
    /// It waits for all replicas, where two of three would do.
    WaitsForAll,
}

async fn replica() -> std::io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:80").await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        simoom::task::spawn_local(async move {
            let mut entry = [0];
            if stream.read_exact(&mut entry).await.is_ok() {
                let _ = stream.write_all(&entry).await;
            }
        });
    }
}

async fn ask(replica: &str) -> bool {
    let asking = async {
        let mut stream = TcpStream::connect(format!("{replica}:80")).await?;
        stream.write_all(&[1]).await?;
        stream.read_exact(&mut [0]).await.map(drop)
    };
    matches!(
        timeout(Duration::from_millis(300), asking).await,
        Ok(Ok(()))
    )
}

async fn write(bug: Bug, committed: Rc<Cell<u32>>) {
    let mut failures = BTreeMap::<&str, u32>::new();
    loop {
        sleep(Duration::from_millis(100)).await;
        let mut acknowledged = 0;
        for replica in REPLICAS {
            let failures = failures.entry(replica).or_default();
            if bug == Bug::GivesUp && *failures >= 3 {
                continue;
            }
            if ask(replica).await {
                acknowledged += 1;
                *failures = 0;
            } else {
                *failures += 1;
            }
        }
        let enough = if bug == Bug::WaitsForAll { 3 } else { 2 };
        if acknowledged >= enough {
            committed.set(committed.get() + 1);
        }
    }
}

#[derive(Clone, Copy)]
enum End {
    Heal,
    Freeze,
}

/// A sweep in which replicas are killed for 20 s, then no longer.
fn sweep(bug: Bug, end: End) -> Report {
    let config = config(24).strategy(Strategy::Random).shrink(false);
    check(config, move |sim: Sim| async move {
        for name in REPLICAS {
            sim.node(name).run(replica);
        }
        let committed = Rc::new(Cell::new(0));
        let count = committed.clone();
        sim.node("writer").spawn(write(bug, count));
        let seconds = Duration::from_secs(2)..=Duration::from_secs(8);
        let killed = Fault::new(Kind::NodeKilled)
            .probability(Ratio::one_in(4))
            .lasting(seconds);
        let cut = Fault::new(Kind::NetLinkCut).probability(Ratio::one_in(20));
        sim.faults(
            Plan::from(killed)
                .fault(cut)
                .spare(["writer"])
                .at_most(1, REPLICAS),
        );
        sleep(Duration::from_secs(20)).await;
        match end {
            End::Heal => sim.heal(),
            End::Freeze => {
                let mut core = sim.draw_core(2, &REPLICAS);
                core.push("writer".to_owned());
                sim.freeze(&core);
            }
        }
        let before = committed.get();
        sim.converge(Duration::from_secs(10), || match committed.get() - before {
            0 => Err("the writer commits nothing"),
            _ => Ok(()),
        })
        .await;
    })
}

#[track_caller]
fn check_that(bug: Bug, end: End, is_found: bool) {
    let report = sweep(bug, end);
    let found = report.failure().map(|found| found.cause().clone());
    match found {
        None => assert!(!is_found, "the bug is missed: {report}"),
        Some(Failure::NotConverged { what, .. }) => {
            assert!(is_found, "{report}");
            assert_eq!(what, "the writer commits nothing");
        }
        Some(_) => panic!("{report}"),
    }
}

#[test]
fn a_sound_writer_converges() {
    check_that(Bug::None, End::Heal, false);
    check_that(Bug::None, End::Freeze, false);
}

#[test]
fn a_writer_that_gives_up_is_found_after_healing() {
    check_that(Bug::GivesUp, End::Heal, true);
}

#[test]
fn a_writer_that_waits_for_all_is_found_by_a_frozen_core_alone() {
    check_that(Bug::WaitsForAll, End::Heal, false);
    check_that(Bug::WaitsForAll, End::Freeze, true);
}

#[test]
fn a_failure_names_a_condition_without_words_by_its_place() {
    let report = check(config(1), |sim| async move {
        sim.converge(Duration::from_millis(5), || false).await;
    });
    let text = report.failure().unwrap().to_string();
    assert!(text.contains("not converged after 0.005 s"), "{text}");
    assert!(
        text.contains("the condition at tests/tests/faults/liveness.rs:"),
        "{text}"
    );
}

#[test]
fn healing_ends_all_that_faults_did_and_only_that() {
    check(config(10).strategy(Strategy::Random), |sim| async move {
        let idle = || async {
            std::future::pending::<()>().await;
        };
        let (one, two) = (sim.node("one").run(idle), sim.node("two").run(idle));
        let third = sim.node("third").run(idle);
        third.kill();
        sim.net().partition(&one, &two);
        let often = Duration::from_millis(10);
        let plan = Plan::from(Fault::new(Kind::NodeKilled).every(often))
            .fault(Fault::new(Kind::NetLinkClogged).every(often).may_be_inert())
            .fault(
                Fault::new(Kind::NodePaused)
                    .every(often)
                    .magnitude(1_000_000_000_000..=1_000_000_000_000)
                    .may_be_inert(),
            );
        sim.faults(plan);
        sleep(Duration::from_secs(1)).await;
        sim.heal();
        assert!(one.is_alive() && two.is_alive());
        assert!(!third.is_alive(), "the test killed it");
        let fired = sim.fault_counts(Kind::NodeKilled).fired;
        two.spawn(async {
            TcpListener::bind("0.0.0.0:80")
                .await?
                .accept()
                .await
                .map(drop)
        });
        sleep(Duration::from_millis(1)).await;
        let connected = one.spawn(TcpStream::connect("two:80"));
        connected.await.unwrap().expect("every link is whole");
        sleep(Duration::from_secs(10)).await;
        assert_eq!(fired, sim.fault_counts(Kind::NodeKilled).fired);
    })
    .unwrap();
}
