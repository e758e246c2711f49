//! What holds for whole runs, over workloads that use everything at once.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream};
use simoom::sync::{Mutex, Notify, mpsc, oneshot};
use simoom::task::{spawn_local, yield_now};
use simoom::time::{sleep, timeout};

use super::{Choices, Limits, Outcome, Rest, Spec, run};
use crate::choice::Plan;
use crate::record::{Level, Watch};
use crate::sim::Sim;
use crate::strategy::{Profile, Strategy};

const LIMITS: Limits = Limits {
    steps: 200_000,
    time: Duration::from_secs(3_600),
    watchdog: Duration::ZERO,
    stall: Duration::ZERO,
};

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

type Workload = fn(Sim) -> std::pin::Pin<Box<dyn Future<Output = ()>>>;

/// Tasks that lock, notify, send, join, yield, select and draw.
async fn tasks(_sim: Sim) {
    let lock = Rc::new(Mutex::new(0_u64));
    let notify = Rc::new(Notify::new());
    let (sender, mut receiver) = mpsc::channel(2);
    let mut handles = Vec::new();
    for index in 0..4_u64 {
        let (lock, notify, sender) = (lock.clone(), notify.clone(), sender.clone());
        handles.push(spawn_local(async move {
            for round in 0..4 {
                *lock.lock().await += simoom::rand::random::<u8>() as u64;
                yield_now().await;
                simoom::select! {
                    () = sleep(ms(index + 1)) => {}
                    () = notify.notified() => {}
                    sent = sender.send(index * 10 + round) => sent.unwrap(),
                }
                notify.notify_one();
                simoom::join!(sleep(ms(1)), yield_now(), async { drop(lock.lock().await) });
            }
            index
        }));
    }
    drop(sender);
    let doomed = spawn_local(std::future::pending::<()>());
    let (once, answer) = oneshot::channel();
    spawn_local(async move { once.send(7) });
    while receiver.recv().await.is_some() {}
    for handle in handles {
        handle.await.unwrap();
    }
    doomed.abort();
    assert!(doomed.await.unwrap_err().is_cancelled());
    answer.await.unwrap();
}

async fn echo() -> std::io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:80").await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        spawn_local(async move {
            let mut bytes = [0; 100];
            while let Ok(count @ 1..) = stream.read(&mut bytes).await {
                if stream.write_all(&bytes[..count]).await.is_err() {
                    break;
                }
            }
        });
    }
}

async fn ask(count: usize) -> std::io::Result<()> {
    let mut stream = TcpStream::connect("server:80").await?;
    let (mut reader, mut writer) = stream.split();
    let bytes = vec![7; count];
    let mut back = vec![0; count];
    let (wrote, read) = simoom::join!(writer.write_all(&bytes), reader.read_exact(&mut back));
    wrote.and(read.map(drop))
}

/// Three clients of one server.
async fn network(sim: Sim) {
    sim.node("server").run(echo);
    sleep(ms(1)).await;
    let clients: Vec<_> = ["a", "b", "c"]
        .map(|name| {
            sim.node(name).spawn(async {
                for count in [1, 300, 5_000] {
                    ask(count).await.unwrap();
                }
            })
        })
        .into();
    for client in clients {
        client.await.unwrap();
    }
}

/// Clients that go on through kills, restarts and partitions.
async fn disasters(sim: Sim) {
    let server = sim.node("server").run(echo);
    let clients: Vec<_> = ["a", "b", "c"].map(|name| sim.node(name)).into();
    let handles: Vec<_> = (clients.iter())
        .map(|node| {
            node.spawn(async {
                for count in [10, 2_000, 30, 4_000] {
                    let _ = timeout(ms(300), ask(count)).await;
                    sleep(ms(simoom::rand::random::<u8>() as u64 / 8)).await;
                }
            })
        })
        .collect();
    sleep(ms(4)).await;
    sim.net().partition(&server, &clients[0]);
    sleep(ms(7)).await;
    sim.net().partition_one_way(&server, &clients[1]);
    sleep(ms(6)).await;
    sim.net().heal(&server, &clients[0]);
    sleep(ms(2)).await;
    server.restart();
    sleep(ms(9)).await;
    sim.net().partition(&server, &clients[0]);
    clients[2].kill();
    sleep(ms(20)).await;
    sim.net().heal_all();
    sleep(ms(30)).await;
    server.kill();
    sleep(ms(30)).await;
    server.restart();
    sleep(ms(5)).await;
    sim.net().partition(&server, &clients[1]);
    sleep(ms(3)).await;
    sim.net().heal_all();
    for handle in handles {
        let _ = handle.await;
    }
    sim.node("late").spawn(ask(5)).await.unwrap().unwrap();
}

const WORKLOADS: [(&str, Workload); 3] = [
    ("tasks", |sim| Box::pin(tasks(sim))),
    ("network", |sim| Box::pin(network(sim))),
    ("disasters", |sim| Box::pin(disasters(sim))),
];

const STRATEGIES: [Strategy; 9] = [
    Strategy::Calm,
    Strategy::Random,
    Strategy::Pct { depth: 1 },
    Strategy::Pct { depth: 3 },
    Strategy::Pos,
    Strategy::Surw,
    Strategy::ReadsFrom,
    Strategy::Starvation,
    Strategy::Portfolio,
];

/// What a calm run of `workload` shows.
fn profile_of(workload: Workload) -> Arc<Profile> {
    let mut outcome = run_with(1, Choices::Profile, Level::Hash, workload);
    Arc::new(outcome.take_profile())
}

fn run_with(seed: u64, choices: Choices, level: Level, workload: Workload) -> Outcome {
    let spec = Spec {
        seed,
        choices,
        limits: LIMITS,
        level,
        cancels: None,
        watch: Watch::Nothing,
        lists_others: false,
        counts_draws: false,
        leaks: None,
        stop: None,
        faults: None,
    };
    run(&spec, Location::caller(), workload)
}

fn run_seed(
    seed: u64,
    strategy: Strategy,
    profile: &Arc<Profile>,
    level: Level,
    workload: Workload,
) -> Outcome {
    let profile = profile.clone();
    run_with(
        seed,
        Choices::Strategy { strategy, profile },
        level,
        workload,
    )
}

/// A plan that says the same as `outcome` deviated in, by way of its text.
fn plan_of(seed: u64, outcome: &Outcome) -> Arc<Plan> {
    let plan = Plan {
        seed,
        strategy: "replay".to_owned(),
        horizon: 256,
        failure: None,
        seen: None,
        siblings: BTreeMap::new(),
        deviations: outcome.deviations.clone(),
    };
    let text = plan.to_text();
    let parsed = Plan::parse(&text).unwrap();
    assert_eq!(parsed, plan, "a plan is read back as it was written");
    Arc::new(parsed)
}

#[test]
fn replaying_only_the_deviations_gives_the_same_run() {
    for (name, workload) in WORKLOADS {
        let profile = profile_of(workload);
        for seed in 0..90 {
            let strategy = STRATEGIES[seed as usize % STRATEGIES.len()];
            let first = run_seed(seed, strategy, &profile, Level::Full, workload);
            assert_eq!(first.failure, None, "{name} under {strategy}, seed {seed}");
            let plan = Choices::Plan(plan_of(seed, &first));
            let again = run_with(seed, plan, Level::Full, workload);
            let parted = (first.record.iter())
                .zip(&again.record)
                .find(|(one, two)| one != two);
            assert_eq!(parted, None, "{name} under {strategy}, seed {seed}");
            assert_eq!(
                again.hash, first.hash,
                "{name} under {strategy}, seed {seed}"
            );
            assert_eq!(again.deviations.len(), first.deviations.len());
        }
    }
}

#[test]
fn replaying_only_the_deviations_gives_the_same_run_with_slow_tasks() {
    let limits = Limits {
        stall: ms(20),
        ..LIMITS
    };
    let run_slowly = |seed, choices, workload: Workload| {
        let spec = Spec {
            seed,
            choices,
            limits,
            level: Level::Full,
            cancels: None,
            watch: Watch::Nothing,
            lists_others: false,
            counts_draws: false,
            leaks: None,
            stop: None,
            faults: None,
        };
        run(&spec, Location::caller(), workload)
    };
    let mut stalls = 0;
    // The tasks of one node: what a slow machine does to time-outs of others is not its promise.
    let (_, workload) = WORKLOADS[0];
    let known = profile_of(workload);
    for seed in 0..90 {
        let strategy = STRATEGIES[seed as usize % STRATEGIES.len()];
        let profile = known.clone();
        let first = run_slowly(seed, Choices::Strategy { strategy, profile }, workload);
        stalls += (first.deviations.iter())
            .filter(|it| it.anchor.kind == crate::choice::ChoiceKind::Stall)
            .count();
        let again = run_slowly(seed, Choices::Plan(plan_of(seed, &first)), workload);
        assert_eq!(again.hash, first.hash, "{strategy}, seed {seed}");
    }
    assert!(stalls > 50, "tasks were held up: {stalls}");
}

/// What is listed as a fault or a cancellation that did not happen does happen where a plan says so.
#[test]
fn what_a_run_was_spared_can_strike() {
    let faults = Arc::new(simoom_faults::Plan::from(simoom_faults::Profile::hostile()));
    let list = |choices, workload: Workload| {
        let spec = Spec {
            seed: 1,
            choices,
            limits: LIMITS,
            level: Level::Full,
            cancels: None,
            watch: Watch::Nothing,
            lists_others: true,
            counts_draws: false,
            stop: None,
            leaks: None,
            faults: Some(faults.clone()),
        };
        run(&spec, Location::caller(), workload)
    };
    let mut struck = BTreeMap::new();
    for (name, workload) in WORKLOADS {
        let calm =
            Arc::new(Plan::parse("simoom plan 1\nseed 1\nstrategy replay\nhorizon 256\n").unwrap());
        let spared = list(Choices::Plan(calm.clone()), workload).spared;
        let silent = run_with(1, Choices::Plan(calm.clone()), Level::Full, workload);
        assert_eq!(silent.spared, [], "nobody asks");
        for it in spared.iter().step_by(spared.len().div_ceil(30).max(1)) {
            let plan = Plan {
                deviations: vec![it.clone()],
                ..Plan::clone(&calm)
            };
            let text = plan.to_text();
            let plan = Arc::new(Plan::parse(&text).unwrap());
            let outcome = list(Choices::Plan(plan), workload);
            let first = outcome.deviations.first().map(|it| &it.anchor);
            assert_eq!(first, Some(&it.anchor), "{name}: {}", it.story.text);
            *struck.entry(it.anchor.kind.name()).or_insert(0) += 1;
        }
    }
    let kinds: Vec<_> = struck.keys().copied().collect();
    assert_eq!(kinds, ["cancel", "fault"], "{struck:?}");
    assert!(struck.values().all(|&count| count >= 20), "{struck:?}");
}

#[test]
fn no_two_choices_of_a_run_have_the_same_anchor() {
    for (name, workload) in WORKLOADS {
        let profile = profile_of(workload);
        for seed in 0..90 {
            let strategy = STRATEGIES[seed as usize % STRATEGIES.len()];
            let outcome = run_seed(seed, strategy, &profile, Level::Full, workload);
            let mut seen = BTreeMap::new();
            for line in &outcome.record {
                let Some((_, choice)) = line.split_once("  choice.made  ") else {
                    continue;
                };
                let (anchor, _) = choice.split_once(" = ").unwrap();
                if let Some(before) = seen.insert(anchor.to_owned(), line) {
                    panic!("{name} under {strategy}, seed {seed}:\n{before}\n{line}");
                }
            }
            assert!(!seen.is_empty(), "{name} makes choices");
        }
    }
}

/// Where the choices of a run are in its record, and the record up to each of them.
fn choices_of(outcome: &Outcome) -> Vec<usize> {
    let is_choice =
        |(place, line): (usize, &String)| (line.contains("  choice.made  ")).then_some(place);
    (outcome.record.iter().enumerate())
        .filter_map(is_choice)
        .collect()
}

#[test]
fn a_prefix_is_kept_to_the_choice_and_no_further() {
    for (name, workload) in WORKLOADS {
        let profile = profile_of(workload);
        for seed in 0..18 {
            let strategy = STRATEGIES[seed as usize % STRATEGIES.len()];
            let first = run_seed(seed, strategy, &profile, Level::Full, workload);
            let plan = plan_of(seed, &first);
            let choices = choices_of(&first);
            let total = choices.len() as u64;
            let mut parted = 0;
            for kept in [0, 1, total / 3, total - 1, total] {
                let rest = Rest {
                    kept,
                    strategy: Strategy::Random,
                    profile: profile.clone(),
                    seed: seed + 1_000,
                };
                let choices_now = Choices::Prefix(plan.clone(), rest);
                let again = run_with(seed, choices_now, Level::Full, workload);
                let agreed = (first.record.iter().zip(&again.record))
                    .take_while(|(one, two)| one == two)
                    .count();
                let what = format!("{name} under {strategy}, seed {seed}, {kept} of {total}");
                // What lies between the last kept choice and the next one is the same.
                let until = choices.get(kept as usize).copied();
                assert!(
                    agreed >= until.unwrap_or(first.record.len()),
                    "{what}: {agreed}"
                );
                if kept == total {
                    assert_eq!(again.hash, first.hash, "{what}");
                } else {
                    parted += u32::from(again.hash != first.hash);
                }
            }
            assert!(
                parted > 0,
                "{name} under {strategy}, seed {seed}: it ends otherwise"
            );
        }
    }
}

/// Two tasks that take a lock twice each and notify somebody after each time.
async fn locks(_sim: Sim) {
    let lock = Rc::new(Mutex::new(()));
    let notify = Rc::new(Notify::new());
    let (other, waits) = (
        notify.clone(),
        spawn_local(async move { notify.notified().await }),
    );
    let tasks = [(); 2].map(|()| {
        let (lock, notify) = (lock.clone(), other.clone());
        spawn_local(async move {
            for _ in 0..2 {
                let guard = lock.lock().await;
                yield_now().await;
                drop(guard);
                notify.notify_one();
            }
        })
    });
    for task in tasks {
        task.await.unwrap();
    }
    waits.await.unwrap();
}

#[test]
fn a_profile_of_a_program_has_its_locks_and_notifications_and_no_joins() {
    let profile = profile_of(|sim| Box::pin(locks(sim)));
    // The places where the lock is taken; where one waits for a notification, and what stands
    // before it is given.
    let sizes: Vec<usize> = profile.shared.iter().map(BTreeSet::len).collect();
    assert_eq!(sizes.len(), 2, "{profile:?}");
    assert!(sizes.contains(&1) && sizes.contains(&2), "{profile:?}");
    let mut counts: Vec<u64> = profile.counts.values().copied().collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 2, 2], "notified, and each taking the lock");
}
