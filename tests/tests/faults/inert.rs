//! Faults that do nothing are reported.

use simoom::time::{Duration, sleep};
use simoom_sim::faults::{Target, When};
use simoom_sim::{Config, Failure, Fault, Kind, Plan, Profile, Ratio, Strategy, check};

use crate::config;

/// What the sweep says of `plan` on a program with one node, and one that runs nothing.
fn verdict(config: Config, plan: impl Into<Plan>) -> Option<Vec<String>> {
    let plan = plan.into();
    let report = check(config, move |sim| {
        let plan = plan.clone();
        async move {
            sim.node("server").run(|| async {
                std::future::pending::<()>().await;
            });
            let _idle = sim.node("idle");
            sim.faults(plan);
            sleep(Duration::from_secs(10)).await;
        }
    });
    match report.failure()?.cause() {
        Failure::InertFaults { faults } => Some(faults.clone()),
        other => panic!("{other}"),
    }
}

/// Nothing of that node can be killed.
fn aimless() -> Fault {
    Fault::new(Kind::NodeKilled).target(Target::node("idle"))
}

#[test]
fn a_target_that_cannot_be_hit_fails_a_sweep_of_three() {
    let plan = Plan::from(aimless()).fault(Fault::new(Kind::NodeRestarted));
    let faults = verdict(config(3), plan).unwrap();
    assert_eq!(
        faults,
        ["node.killed target=node:idle: found nothing that it could hit; there was server"]
    );
}

#[test]
fn a_pattern_that_fits_no_file_says_which_there_were() {
    let report = check(config(3), |sim| async move {
        let pattern = Target::path_on("server", "data/*");
        sim.faults(Fault::new(Kind::DiskWriteFailed).target(pattern));
        let server = sim.node("server");
        server
            .spawn(simoom::fs::write("log", "x"))
            .await
            .unwrap()
            .unwrap();
    });
    let text = report.to_string();
    let head = "the sweep of 3 seeds failed\n  every seed passed";
    assert!(text.contains(head), "{text}");
    assert!(
        text.contains("could hit; there was server:/log\n"),
        "{text}"
    );
    assert!(!text.contains("choices"), "no run failed: {text}");
}

#[test]
fn a_time_that_never_comes_fails_a_sweep() {
    let late = Fault::new(Kind::NodeKilled).when(When::After(Duration::from_secs(60)));
    let faults = verdict(config(3), late).unwrap();
    assert!(faults[0].contains("its time never came"), "{faults:?}");
}

#[test]
fn a_budget_that_blocks_all_fails_a_sweep() {
    let plan = Plan::from(Fault::new(Kind::NodeKilled)).at_most(0, ["server"]);
    let faults = verdict(config(3).strategy(Strategy::Random), plan).unwrap();
    assert!(faults[0].contains("blocked by a budget all"), "{faults:?}");
}

#[test]
fn what_may_be_inert_and_what_is_rare_passes() {
    assert_eq!(verdict(config(3), aimless().may_be_inert()), None);
    let rare = Fault::new(Kind::NodeKilled).probability(Ratio::one_in(1_000_000));
    assert_eq!(verdict(config(3), rare), None);
    assert_eq!(verdict(config(3), Profile::hostile()), None);
}

#[test]
fn one_seed_and_calm_sweeps_expect_nothing() {
    let one = Config::default().seed(1).persist(false);
    assert_eq!(verdict(one, aimless()), None);
    assert_eq!(verdict(config(3).strategy(Strategy::Calm), aimless()), None);
}
