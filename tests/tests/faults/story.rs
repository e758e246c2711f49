//! What a failure under faults is told as.

use std::path::PathBuf;
use std::process::Command;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream};
use simoom::time::{Duration, sleep};
use simoom_sim::faults::Target;
use simoom_sim::{Fault, Kind, OnFailure, Plan, Profile, Ratio, Sim, Strategy, check};

use crate::config;

/// A server that keeps what it acknowledged in memory, and a client that believes it.
async fn forgetful(sim: Sim) {
    sim.node("server").run(serve);
    sim.node("bystander").run(|| async {
        std::future::pending::<()>().await;
    });
    sim.faults(Plan::from(Profile::hostile()));
    let client = sim.node("client").spawn(async {
        let mut acknowledged = 0_u8;
        for _ in 0..20 {
            sleep(Duration::from_secs(1)).await;
            let Ok(count) = add().await else { continue };
            assert!(count > acknowledged, "an acknowledged addition is lost");
            acknowledged = count;
        }
    });
    client.await.unwrap();
}

async fn serve() -> std::io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:80").await?;
    let mut count = 0_u8;
    loop {
        let Ok((mut stream, _)) = listener.accept().await else {
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        count += 1;
        let _ = stream.write_all(&[count]).await;
    }
}

async fn add() -> std::io::Result<u8> {
    let adding = async {
        let mut stream = TcpStream::connect("server:80").await?;
        let mut count = [0];
        stream.read_exact(&mut count).await?;
        Ok(count[0])
    };
    let late = std::io::ErrorKind::TimedOut.into();
    let adding = simoom::time::timeout(Duration::from_secs(5), adding);
    adding.await.unwrap_or(Err(late))
}

#[test]
fn a_failure_under_hostile_shrinks_to_the_fault_that_matters() {
    let report = check(config(200).strategy(Strategy::Random), forgetful);
    let found = report.failure().expect("a restart loses the count");
    assert!(found.raw_deviations() > 10, "{found}");
    assert_eq!(found.deviations(), 1, "{found}");
    let story = found.story();
    let line = &story[0];
    assert!(line.contains("node.") && line.contains("server"), "{line}");
    assert!(found.to_string().contains(" to 1 fault in "), "{found}");
    assert!(
        found
            .to_string()
            .contains("faults of the seed as it was found:"),
        "{found}"
    );
    let text = found.to_string();
    assert!(!text.contains(", fired 0"), "{text}");
    let quiet = " kinds of faults came into question and did not happen\n";
    assert!(text.contains(quiet), "{text}");
    assert!(found.is_confirmed(), "{text}");
}

#[test]
fn a_segment_that_is_lost_and_a_node_that_is_down_are_told_with_their_sizes() {
    let told = |fault: Fault| {
        let report = check(config(50), move |sim| {
            let fault = fault.clone();
            async move {
                sim.node("server").run(serve);
                sim.faults(fault);
                sleep(Duration::from_secs(2)).await;
                let begun = simoom::time::Instant::now();
                let client = sim.node("client");
                client.spawn(add()).await.unwrap().unwrap();
                assert!(begun.elapsed() < Duration::from_millis(150), "late");
            }
        });
        report
            .failure()
            .expect("it shows in one of 50 seeds")
            .story()
            .remove(0)
    };
    let lost = told(Fault::new(Kind::NetSegmentLost).probability(Ratio::one_in(10)));
    let (_, segment) = lost.split_once(", connection 0, segment ").expect(&lost);
    assert!(segment.parse::<u32>().is_ok(), "{lost}");
    let down = Fault::new(Kind::NodeKilled).target(Target::node("server"));
    let down = told(down.probability(Ratio::one_in(2)));
    assert!(down.contains("node.killed        server, for "), "{down}");
}

#[test]
fn every_run_under_a_swarm_repeats() {
    // Whatever goes wrong with it, the program goes on, so that much does.
    let report = check(config(40).doubled(1), |sim| async move {
        for name in ["server", "second", "client"] {
            sim.node(name).on_failure(OnFailure::Contain).run(busy);
        }
        sim.faults(Profile::swarm());
        sleep(Duration::from_secs(30)).await;
        sim.heal();
        sleep(Duration::from_secs(5)).await;
    });
    assert!(report.failure().is_none(), "{report}");
    let fired: u64 = report.faults().iter().map(|(_, counts)| counts.fired).sum();
    assert!(fired > 400, "{report}");
}

/// Serves, and asks another server now and then.
async fn busy() -> std::io::Result<()> {
    simoom::spawn(async {
        loop {
            sleep(Duration::from_millis(300)).await;
            let _ = add().await;
        }
        #[expect(unreachable_code, reason = "gives the block its type")]
        ()
    });
    serve().await
}

const CHILD: &str = "SIMOOM_FAULTS_CHILD";

#[test]
fn a_saved_failure_with_faults_is_replayed_and_replayed_alone() {
    const NAME: &str = "story::a_saved_failure_with_faults_is_replayed_and_replayed_alone";
    if std::env::var_os(CHILD).is_some() {
        check(
            config(200).persist(true).strategy(Strategy::Random),
            forgetful,
        )
        .unwrap();
        return;
    }
    let home = std::env::temp_dir().join(format!("simoom-faults-{}", std::process::id()));
    std::fs::create_dir_all(&home).unwrap();
    let failing = |variables: &[(&str, PathBuf)]| {
        let output = Command::new(std::env::current_exe().unwrap())
            .args([NAME, "--exact", "--nocapture", "--test-threads=1"])
            .env(CHILD, "1")
            .env("CARGO_MANIFEST_DIR", &home)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{text}");
        text
    };
    let first = failing(&[]);
    assert!(first.contains("commit it"), "{first}");
    let mut files = Vec::new();
    let mut folders = vec![home.join("simoom-regressions")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    let [file] = files.try_into().expect("one file is saved");
    let saved = std::fs::read_to_string(&file).unwrap();
    assert_eq!(saved.matches("\nfault - node.").count(), 1, "{saved}");
    let again = failing(&[]);
    assert!(again.contains("failed (saved)"), "{again}");
    let alone = failing(&[("SIMOOM_REPLAY", file)]);
    assert!(alone.contains("failed (saved)"), "{alone}");
    assert!(
        alone.contains("an acknowledged addition is lost"),
        "{alone}"
    );
    std::fs::remove_dir_all(&home).unwrap();
}
