//! What happens on its own, and when.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use simoom::sync::Notify;
use simoom::time::{Duration, sleep, timeout};
use simoom_sim::faults::{Family, Target, When};
use simoom_sim::{Config, Failure, Fault, Kind, Plan, Profile, Ratio, Sim, Strategy, check};

use crate::config;

async fn idle() {
    std::future::pending::<()>().await;
}

/// The moments at which node `name` was down for the first time in each run of some seeds.
fn deaths(plan: Plan, name: &'static str) -> Vec<Duration> {
    let deaths = Arc::new(Mutex::new(Vec::new()));
    let seen = deaths.clone();
    let config = config(12).strategy(Strategy::Random).jobs(1);
    let report = check(config, move |sim| {
        let (plan, seen) = (plan.clone(), seen.clone());
        async move {
            let node = sim.node(name).run(idle);
            sim.node("other").run(idle);
            sim.faults(plan);
            let death = sim.run_until(|| !node.is_alive());
            if timeout(Duration::from_secs(60), death).await.is_ok() {
                seen.lock().unwrap().push(sim.elapsed());
            }
        }
    });
    assert!(report.failure().is_none(), "{report}");
    let deaths = deaths.lock().unwrap().clone();
    assert!(deaths.len() > 6, "most runs have a death: {deaths:?}");
    deaths
}

fn killed() -> Fault {
    Fault::new(Kind::NodeKilled).probability(Ratio::one_in(10))
}

#[test]
fn leaving_a_kind_out_moves_no_other() {
    let alone = deaths(killed().into(), "server");
    let crowd = Plan::new()
        .fault(Fault::new(Kind::NetLinkClogged).probability(Ratio::one_in(3)))
        .fault(killed())
        .fault(Fault::new(Kind::NetLinkCut).probability(Ratio::one_in(5)));
    assert_eq!(alone, deaths(crowd, "server"));
}

#[test]
fn seeds_differ_in_when_a_fault_happens() {
    let deaths = deaths(killed().into(), "server");
    let different: BTreeSet<_> = deaths.iter().collect();
    assert!(different.len() > deaths.len() / 2, "{deaths:?}");
}

#[test]
fn a_world_with_nothing_but_opportunities_is_dead() {
    let report = check(config(3), |sim| async move {
        sim.node("server").run(idle);
        sim.faults(Profile::hostile());
        Notify::new().notified().await;
    });
    assert_eq!(report.failure().unwrap().cause(), &Failure::Deadlock);
    let run = report.runs().last().unwrap();
    assert_eq!(run.time, Duration::ZERO, "no time passes");
}

#[test]
fn a_restart_to_come_is_something_to_wait_for() {
    let fault = Fault::new(Kind::NodeKilled)
        .when(When::Nth(0))
        .lasting(Duration::from_secs(5)..=Duration::from_secs(5));
    // The calm run never sees the second boot.
    let config = Config::default()
        .seed(7)
        .strategy(Strategy::Random)
        .persist(false);
    check(config, move |sim| {
        let fault = fault.clone();
        async move {
            let booted = Rc::new(Notify::new());
            let told = booted.clone();
            sim.node("server").run(move || {
                told.notify_one();
                idle()
            });
            booted.notified().await;
            sim.faults(fault);
            // Up to the opportunity, which keeps nothing alive.
            sleep(Duration::from_secs(1)).await;
            assert!(!sim.node("server").is_alive());
            booted.notified().await;
            let second = Duration::from_secs(1);
            assert!((second * 5..second * 6).contains(&sim.elapsed()));
        }
    })
    .unwrap();
}

#[test]
fn a_group_is_never_down_in_greater_number_than_the_plan_says() {
    let names = ["a", "b", "c"];
    let report = check(
        config(20).strategy(Strategy::Random),
        move |sim| async move {
            for name in names {
                sim.node(name).run(idle);
            }
            let fault = Fault::new(Kind::NodeKilled).probability(Ratio::new(1, 2));
            sim.faults(Plan::from(fault).at_most(1, names));
            for _ in 0..1_000 {
                sleep(Duration::from_millis(10)).await;
                let down = names
                    .iter()
                    .filter(|name| !sim.node(name).is_alive())
                    .count();
                assert!(down <= 1, "{down} are down");
            }
        },
    );
    assert!(report.failure().is_none(), "{report}");
    let counts = report.faults().of(Kind::NodeKilled);
    assert!(counts.fired > 20 && counts.blocked > 20, "{counts:?}");
}

#[test]
fn a_fault_keeps_to_its_times_and_its_target() {
    let report = check(config(10).strategy(Strategy::Random), |sim| async move {
        let boots = Rc::new(RefCell::new(Vec::new()));
        for name in ["a", "b"] {
            let boots = boots.clone();
            sim.node(name).run(move || {
                boots.borrow_mut().push(name);
                idle()
            });
        }
        let fault = Fault::new(Kind::NodeRestarted)
            .target(Target::node("b"))
            .times(2);
        sim.faults(fault.every(Duration::from_millis(10)).may_be_inert());
        sleep(Duration::from_secs(1)).await;
        let a = boots.borrow().iter().filter(|name| **name == "a").count();
        let b = boots.borrow().iter().filter(|name| **name == "b").count();
        assert_eq!(a, 1);
        assert!(b <= 3);
    });
    assert!(report.failure().is_none(), "{report}");
    let counts = report.faults().of(Kind::NodeRestarted);
    assert_eq!(counts.fired, 20);
    assert!(counts.blocked > 100, "{counts:?}");
}

#[test]
fn the_node_of_the_test_and_spared_ones_are_never_hit() {
    check(config(20).strategy(Strategy::Random), |sim| async move {
        let spared = sim.node("spared").run(idle);
        let hit = sim.node("hit").run(idle);
        let plan = Plan::from(Fault::new(Kind::NodeKilled).every(Duration::from_millis(10)));
        sim.faults(
            plan.spare(["spared"])
                .merge(Fault::new(Kind::NetLinkCut).may_be_inert()),
        );
        for _ in 0..100 {
            sleep(Duration::from_millis(10)).await;
            assert!(spared.is_alive());
        }
        let _ = hit;
    })
    .unwrap();
}

#[test]
fn faults_wait_for_the_end_of_the_set_up_where_the_plan_says_so() {
    let report = check(config(5).strategy(Strategy::Random), |sim| async move {
        let node = sim.node("server").run(idle);
        let fault = Fault::new(Kind::NodeKilled).every(Duration::from_millis(10));
        sim.faults(Plan::from(fault).after_setup());
        sleep(Duration::from_secs(10)).await;
        assert_eq!(sim.fault_counts(Kind::NodeKilled).offered, 0);
        assert!(node.is_alive());
        sim.setup_complete();
        sleep(Duration::from_millis(100)).await;
        assert!(sim.fault_counts(Kind::NodeKilled).offered > 0);
    });
    assert!(report.failure().is_none(), "{report}");
    assert!(report.faults().of(Kind::NodeKilled).fired > 0);
}

#[test]
fn a_swarm_has_about_half_of_the_families_in_each_run() {
    // Of 200 runs, each family is there in some and not in others, and not always together.
    let report = check(config(200).strategy(Strategy::Random), |sim| async move {
        sim.node("a").run(idle);
        sim.node("b").run(idle);
        let plan = Plan::new()
            .fault(Fault::new(Kind::NodeRestarted))
            .fault(Fault::new(Kind::NetLinkClogged));
        sim.faults(plan.swarm());
        sleep(Duration::from_secs(20)).await;
    });
    assert!(report.failure().is_none(), "{report}");
    let has = |kind: Kind| -> Vec<bool> {
        let runs = report.faults_of_runs().iter();
        runs.map(|tally| tally.of(kind).armed > 0).collect()
    };
    let (node, net) = (has(Kind::NodeRestarted), has(Kind::NetLinkClogged));
    for family in [&node, &net] {
        let count = family.iter().filter(|has| **has).count();
        assert!((60..140).contains(&count), "{count} of 200");
    }
    let both = node
        .iter()
        .zip(&net)
        .filter(|(one, two)| **one && **two)
        .count();
    assert!((20..80).contains(&both), "{both} of 200 have both");
}

#[test]
fn a_place_is_buggified_in_some_runs_and_then_now_and_then() {
    let counts = Arc::new(Mutex::new(Vec::new()));
    let kept = counts.clone();
    let report = check(config(200).strategy(Strategy::Random).jobs(1), move |sim| {
        let kept = kept.clone();
        async move {
            sim.faults(Plan::from(Profile::hostile()).only(Family::User));
            let program = async {
                let count = Rc::new(Cell::new(0));
                for _ in 0..100 {
                    if simoom::buggify!("rare path") {
                        count.set(count.get() + 1);
                    }
                }
                count.get()
            };
            let count = sim.node("program").spawn(program).await.unwrap();
            kept.lock().unwrap().push(count);
        }
    });
    assert!(report.failure().is_none(), "{report}");
    // The first of the runs is the calm one, the last the first seed's again.
    let counts: Vec<u32> = counts.lock().unwrap()[1..201].to_vec();
    let active: Vec<_> = counts.into_iter().filter(|count| *count > 0).collect();
    assert!(
        (30..70).contains(&active.len()),
        "{} of 200 runs",
        active.len()
    );
    let mean = active.iter().sum::<u32>() / active.len() as u32;
    assert!((20..30).contains(&mean), "{mean} of 100 visits");
}

#[test]
#[should_panic(expected = "fault 1 (node.killed): its least magnitude is 0")]
fn a_plan_that_cannot_be_carried_out_is_refused() {
    check(config(1), |sim: Sim| async move {
        sim.faults(Fault::new(Kind::NodeKilled).magnitude(0..=1));
    })
    .unwrap();
}
