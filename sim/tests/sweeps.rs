//! What holds for sweeps as a whole: their names, their seeds, their faults from the environment.
//!
//! Tests that are a child's do nothing unless they are one.

mod child;

use std::sync::Arc;
use std::time::Duration;

use simoom::sync::Mutex;
use simoom::task::yield_now;
use simoom::time::sleep;
use simoom_sim::faults::Target;
use simoom_sim::{Class, Config, Failure, Fault, Kind, Plan, Ratio, Report, Sim, Strategy, check};

use crate::child::{child, is_child, text};

fn config() -> Config {
    Config::default().persist(false).seeds(20)
}

async fn idle() {
    std::future::pending::<()>().await;
}

/// What a sweep whose runs follow `plan` on the nodes `server` and `client` names that is unknown.
fn unknown(plan: impl Into<Plan>) -> Option<(Vec<String>, Vec<String>)> {
    let plan = plan.into();
    let report = check(config().seeds(4), move |sim| {
        let plan = plan.clone();
        async move {
            sim.node("server").run(idle);
            sim.node("client").run(idle);
            sim.faults(plan);
            sleep(Duration::from_secs(1)).await;
        }
    });
    let found = report.failure()?;
    assert_eq!(found.class(), Class::Correctness);
    match found.cause() {
        Failure::UnknownNodes { names, nodes } => Some((names.clone(), nodes.clone())),
        other => panic!("{other}"),
    }
}

fn rare(target: Target) -> Fault {
    Fault::new(Kind::NodePaused)
        .probability(Ratio::one_in(1000))
        .target(target)
}

#[test]
fn a_name_that_no_node_has_fails_the_sweep() {
    let there_is = ["client", "server", "test"].map(str::to_owned).to_vec();
    let check_one = |plan: Plan, expected: &str| {
        let (names, nodes) = unknown(plan).expect(expected);
        assert_eq!(names, [expected]);
        assert_eq!(nodes, there_is);
    };
    check_one(Plan::new().spare(["cleint"]), "\"cleint\" in `spare`");
    check_one(
        Plan::new().at_most(1, ["server", "replica"]),
        "\"replica\" in `at_most 1`",
    );
    check_one(
        rare(Target::Node("sever".to_owned())).into(),
        "\"sever\" in `node.paused target=node:sever probability=1/1000`",
    );
    let link = Target::Link {
        from: "server".to_owned(),
        to: "clint".to_owned(),
    };
    let fault = Fault::new(Kind::NetDatagramLost).target(link).if_reached();
    check_one(
        fault.into(),
        "\"clint\" in `net.datagram.lost target=link:server>clint if_reached`",
    );
    let path = Target::Path {
        node: Some("disk".to_owned()),
        pattern: "/*".to_owned(),
    };
    let fault = Fault::new(Kind::DiskReadFailed).target(path).if_reached();
    let (names, _) = unknown(fault).expect("the node of a path");
    assert!(
        names[0].starts_with("\"disk\" in `disk.read.failed"),
        "{names:?}"
    );
}

#[test]
fn the_message_lists_every_name_and_what_there_is() {
    let plan = Plan::new().spare(["cleint"]).at_most(1, ["replica"]);
    let report = check(config().seeds(2), move |sim| {
        let plan = plan.clone();
        async move {
            let _client = sim.node("client");
            sim.faults(plan);
        }
    });
    let text = report.failure().unwrap().to_string();
    for part in [
        "the sweep of 2 seeds failed",
        "\"cleint\" in `spare`",
        "\"replica\" in `at_most 1`",
        "there is client, test",
        "a node that only some seeds use is made by `sim.node` in all",
        "a plan that several tests share is given to each without the names that it lacks",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
}

/// Runs end in whatever order.
#[test]
fn of_the_places_that_say_a_name_the_first_is_told_whichever_run_ends_first() {
    for first in [0, 1] {
        let report = check(
            config().jobs(1).first_seed(first).seeds(2),
            |sim| async move {
                let plan = match sim.seed() {
                    1 => Plan::new().spare(["cleint"]),
                    _ => Plan::new().at_most(1, ["cleint"]),
                };
                sim.faults(plan);
            },
        );
        let text = report.failure().unwrap().to_string();
        assert!(text.contains("\"cleint\" in `at_most 1`"), "{text}");
        assert!(!text.contains("`spare`"), "{text}");
    }
}

#[test]
fn names_of_nodes_that_are_there_are_fine() {
    assert_eq!(unknown(Plan::new().spare(["client", "test"])), None);
    assert_eq!(unknown(Plan::new().at_most(1, ["client", "server"])), None);
    let fault = rare(Target::Node("nobody".to_owned())).may_be_inert();
    assert_eq!(unknown(fault), None);
}

#[test]
fn a_node_that_is_made_late_or_in_some_seeds_alone_is_there() {
    let spared = |sim: &Sim| sim.faults(Plan::new().spare(["late"]));
    check(config(), move |sim| async move {
        spared(&sim);
        sleep(Duration::from_secs(1)).await;
        let _late = sim.node("late");
    })
    .unwrap();
    check(config(), move |sim| async move {
        spared(&sim);
        if sim.seed() % 8 == 3 {
            let _late = sim.node("late");
        }
    })
    .unwrap();
}

/// A plan of one run proves nothing: another seed may have the node.
#[test]
fn the_run_of_one_seed_may_name_what_it_does_not_have() {
    check(config().seed(1), |sim| async move {
        sim.faults(Plan::new().spare(["nobody"]));
    })
    .unwrap();
}

/// How many choices there are is drawn.
async fn of_many_sizes(_sim: Sim) {
    let lock = Arc::new(Mutex::new(()));
    let rounds = 1 + simoom::rand::random::<u32>() % 400;
    let tasks = (0..3).map(|_| {
        let lock = lock.clone();
        simoom::spawn(async move {
            for _ in 0..rounds {
                drop(lock.lock().await);
                yield_now().await;
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

#[test]
fn what_a_seed_does_depends_on_the_seed_alone() {
    let config = || {
        let pct = Strategy::Pct { depth: 3 };
        Config::default().persist(false).doubled(0).strategy(pct)
    };
    let hashes = |report: &Report| -> Vec<_> {
        let runs = report.runs().iter();
        runs.map(|run| (run.seed, run.hash)).collect()
    };
    let sweep = |first| hashes(&check(config().first_seed(first).seeds(8), of_many_sizes));
    let all = sweep(1000);
    assert_eq!(sweep(1003)[..5], all[3..]);
    for &(seed, hash) in &all {
        let alone = check(config().seed(seed), of_many_sizes);
        assert_eq!(hashes(&alone), [(seed, hash)]);
        let alone = check(config().seed(seed).first_seed(77), of_many_sizes);
        assert_eq!(hashes(&alone), [(seed, hash)]);
    }
}

/// The same line for every sweep, and other sweeps in the process that confirms.
#[test]
fn a_failure_is_confirmed_by_its_own_sweep() {
    fn sweep<F: Future<Output = Result<(), String>> + 'static>(
        test: impl Fn(Sim) -> F + Send + Sync + 'static,
    ) -> Report {
        check(config(), test)
    }
    // As a test may do whose earlier sweep finds something else in another process.
    if std::env::var_os("SIMOOM_CHILD").is_some() {
        let other = sweep(|_| async { Err("of the other sweep".to_owned()) });
        assert!(other.failure().is_some());
        let passing = sweep(|_| async { Ok(()) });
        assert!(passing.failure().is_none());
    }
    let report = sweep(|_| async { Err("of this sweep".to_owned()) });
    let found = report.failure().unwrap();
    assert!(found.is_confirmed(), "{found}");
    assert!(found.to_string().contains("of this sweep"), "{found}");
}

/// Nothing names a thread that a test starts: no process of its name would come to its sweep.
#[test]
fn a_sweep_on_a_thread_of_the_test_is_not_taken_for_the_test() {
    const NAME: &str = "a_sweep_on_a_thread_of_the_test_is_not_taken_for_the_test";
    if !is_child() {
        // With its exact name alone, as some runners do it.
        let output = child(NAME, &[]);
        assert!(output.status.success(), "{}", text(&output));
        return;
    }
    for message in ["one", "two"] {
        let sweep = move || check(config(), move |_| async move { Err::<(), _>(message) });
        let report = std::thread::spawn(sweep).join().unwrap();
        let found = report.failure().unwrap();
        let text = found.to_string();
        assert!(text.contains(&format!("an error: {message:?}")), "{text}");
        assert!(text.contains("not tried in a fresh process"), "{text}");
    }
}

#[test]
fn the_environment_sets_the_faults_of_a_sweep() {
    const NAME: &str = "the_environment_sets_the_faults_of_a_sweep";
    async fn restarted(sim: Sim) {
        let server = sim.node("server").run(idle);
        let node = sim.node("a server").run(idle);
        if std::env::var_os("WITH_A_PLAN").is_some() {
            sim.faults(Fault::new(Kind::NodeRestarted));
        }
        sleep(Duration::from_secs(10)).await;
        assert_eq!(server.incarnation(), 1, "it was restarted");
        assert_eq!(node.incarnation(), 1, "the other was restarted");
    }
    if is_child() {
        return check(config(), restarted).unwrap();
    }
    let run = |variables: &[(&str, &str)]| {
        let output = child(NAME, variables);
        (output.status.success(), text(&output))
    };
    let (passed, out) = run(&[]);
    assert!(passed, "{out}");
    let (passed, out) = run(&[("WITH_A_PLAN", "1")]);
    assert!(!passed, "the test's own plan restarts it: {out}");
    assert!(!out.contains("SIMOOM_FAULTS"), "{out}");
    // In its place, by a profile's name.
    let (passed, out) = run(&[("WITH_A_PLAN", "1"), ("SIMOOM_FAULTS", "calm")]);
    assert!(passed, "{out}");
    // By text, with and without the first line of a plan, where the test has none and where it has.
    let texts = [
        "node.restarted target=node:a%20server",
        "simoom faults 1\nnode.restarted target=node:a%20server\n",
        "spare server; node.restarted",
    ];
    for faults in texts {
        for variables in [
            &[("SIMOOM_FAULTS", faults)][..],
            &[("SIMOOM_FAULTS", faults), ("WITH_A_PLAN", "1")],
        ] {
            let (passed, out) = run(variables);
            assert!(!passed, "{out}");
            assert!(out.contains("the other was restarted"), "{out}");
            let shown = faults.trim().replace('\n', "; ");
            let shown = format!("SIMOOM_FAULTS='{shown}' SIMOOM_SEED=");
            assert!(out.contains(&shown), "{shown} is not in {out}");
            assert!(!out.contains("not confirmed"), "{out}");
        }
    }
    // The command that is shown repeats it.
    let variables = [
        ("SIMOOM_FAULTS", "spare server; node.restarted"),
        ("SIMOOM_SEED", "7"),
    ];
    let (passed, out) = run(&variables);
    assert!(!passed && out.contains("the other was restarted"), "{out}");
}

#[test]
fn faults_of_the_environment_that_make_no_sense_are_refused() {
    const NAME: &str = "faults_of_the_environment_that_make_no_sense_are_refused";
    if is_child() {
        return check(config(), |_| async {}).unwrap();
    }
    let refused = |faults: &str, parts: &[&str]| {
        let output = child(NAME, &[("SIMOOM_FAULTS", faults)]);
        let out = text(&output);
        assert!(!output.status.success(), "{out}");
        for part in parts {
            assert!(out.contains(part), "{part:?} is not in {out}");
        }
    };
    refused(
        "hostle",
        &[
            "SIMOOM_FAULTS is \"hostle\"",
            "calm, lossy, hostile, swarm",
            "\"hostle\"",
        ],
    );
    refused(
        "node.killed probability=2/1",
        &["SIMOOM_FAULTS", "probability"],
    );
    refused("node.killed times=0", &["SIMOOM_FAULTS: ", "0 times"]);
}

/// One plan is for all tests of a command, which do not all have the same nodes.
#[test]
fn faults_of_the_environment_that_do_nothing_are_notes() {
    const NAME: &str = "faults_of_the_environment_that_do_nothing_are_notes";
    if is_child() {
        return check(config(), |_| async {}).unwrap();
    }
    let faults = "spare nobody; node.killed target=node:somebody";
    let output = child(NAME, &[("SIMOOM_FAULTS", faults)]);
    let out = text(&output);
    assert!(output.status.success(), "{out}");
    for part in [
        "the faults are those of SIMOOM_FAULTS: saved failures are not replayed",
        "SIMOOM_FAULTS names nodes that no seed has: ",
        "\"nobody\" in `spare`",
        "there is test",
        "a fault of SIMOOM_FAULTS did nothing: node.killed target=node:somebody: ",
    ] {
        assert!(out.contains(part), "{part:?} is not in {out}");
    }
}

/// The classes, and how the test of this name fails by each.
const CLASSES: [(&str, Class); 5] = [
    ("correctness", Class::Correctness),
    ("crash", Class::Crash),
    ("liveness", Class::Liveness),
    ("nondeterminism", Class::Nondeterminism),
    ("timeout", Class::Timeout),
];

async fn failing_by(sim: Sim) {
    let class = std::env::var("FAIL_BY").unwrap();
    let node = sim.node("server");
    match &*class {
        "correctness" => panic!("wrong"),
        "crash" => drop(node.spawn(async { panic!("fell over") })),
        "liveness" => idle().await,
        "nondeterminism" => drop(std::thread::Builder::new().spawn(|| ())),
        "timeout" => sleep(Duration::from_secs(86_400)).await,
        _ => return,
    }
    sleep(Duration::from_secs(1)).await;
}

#[test]
fn a_replay_exits_with_the_status_of_the_class() {
    const NAME: &str = "a_replay_exits_with_the_status_of_the_class";
    if is_child() {
        check(config(), failing_by).unwrap();
        return;
    }
    for (name, class) in CLASSES {
        let replay = child(NAME, &[("FAIL_BY", name), ("SIMOOM_SEED", "7")]);
        let out = text(&replay);
        assert_eq!(replay.status.code(), Some(class.exit_code()), "{out}");
        assert!(out.contains(&format!("{NAME}: seed 0x")), "{out}");
        let line = format!("status {}, {name}", class.exit_code());
        assert!(out.contains(&line), "{out}");
        // A sweep fails as tests do.
        let sweep = child(NAME, &[("FAIL_BY", name), ("SIMOOM_SEEDS", "2")]);
        assert_eq!(sweep.status.code(), Some(101), "{}", text(&sweep));
    }
    let passes = child(NAME, &[("FAIL_BY", "nothing"), ("SIMOOM_SEED", "7")]);
    assert_eq!(passes.status.code(), Some(0), "{}", text(&passes));
}

/// Only the run in which nothing is disturbed has this seed.
#[test]
fn the_replay_of_a_calm_run_says_that_it_was_calm() {
    let report = check(config().first_seed(50).seeds(2), |sim| async move {
        assert!(sim.seed() < 100, "calm fails");
    });
    let text = report.failure().unwrap().to_string();
    let replay = "SIMOOM_STRATEGY=calm SIMOOM_SEED=0x5eed_0000_0000_0000 ";
    assert!(text.contains(replay), "{text}");
    assert!(text.contains(": the undisturbed run failed, "), "{text}");
    assert_eq!(report.failure().unwrap().position(), None);
}
