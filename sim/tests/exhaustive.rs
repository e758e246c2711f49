//! Every order of the tasks of small programs.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex as StdMutex};

use simoom::sync::{Mutex, Notify, mpsc};
use simoom_sim::{Config, Report, Sim, Strategy, check};

/// What the runs of a sweep came to, each once.
type Seen = Arc<StdMutex<BTreeSet<String>>>;

fn exhaustive(deviations: Option<u32>, runs: u64) -> Config {
    Config::default()
        .persist(false)
        .seeds(runs)
        .strategy(Strategy::Exhaustive { deviations })
}

fn note(report: &Report) -> String {
    report.notes().join("\n")
}

/// Runs tasks that take a lock each time and write down whose turn it was.
fn turns(config: Config, tasks: &'static [u32], locks: usize) -> (Report, BTreeSet<String>) {
    let seen = Seen::default();
    let shared = seen.clone();
    let report = check(config, move |_sim: Sim| {
        let seen = shared.clone();
        async move {
            let locks: Vec<_> = (0..locks)
                .map(|_| Arc::new(Mutex::new(String::new())))
                .collect();
            let handles: Vec<_> = (tasks.iter().enumerate())
                .map(|(task, &turns)| {
                    let lock = locks[task % locks.len()].clone();
                    simoom::spawn(async move {
                        for _ in 0..turns {
                            lock.lock().await.push_str(&task.to_string());
                        }
                    })
                })
                .collect();
            for handle in handles {
                handle.await.unwrap();
            }
            let mut came_to = Vec::new();
            for lock in &locks {
                came_to.push(lock.lock().await.clone());
            }
            seen.lock().unwrap().insert(came_to.join(" "));
        }
    });
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    (report, seen)
}

#[test]
fn every_order_of_turns_at_one_lock_is_met() {
    let (report, seen) = turns(exhaustive(None, 100_000), &[2, 2], 1);
    assert!(
        note(&report).starts_with("every order of the tasks was run"),
        "{}",
        note(&report)
    );
    // Two of four turns are the first task's.
    assert_eq!(seen.len(), 6, "{seen:?}");
    let (report, seen) = turns(exhaustive(None, 100_000), &[2, 1, 1], 1);
    assert!(
        note(&report).starts_with("every order of the tasks was run"),
        "{}",
        note(&report)
    );
    assert_eq!(seen.len(), 12, "{seen:?}");
    assert_eq!(
        report.runs().len(),
        report.distinct(),
        "no run is made twice"
    );
}

#[test]
fn orders_that_differ_in_independent_steps_are_run_once() {
    let (shared, _) = turns(exhaustive(None, 100_000), &[3, 3], 1);
    let (apart, seen) = turns(exhaustive(None, 100_000), &[3, 3], 2);
    assert_eq!(seen.len(), 1);
    let (shared, apart) = (shared.runs().len(), apart.runs().len());
    assert!(
        apart * 4 < shared,
        "{apart} runs where nothing is shared, {shared} where a lock is"
    );
}

#[test]
fn fewer_deviations_come_first_and_can_be_all() {
    let calm = turns(exhaustive(Some(0), 100_000), &[2, 2], 1);
    assert_eq!((calm.0.runs().len(), calm.1.len()), (1, 1));
    let (one, seen) = turns(exhaustive(Some(1), 100_000), &[2, 2], 1);
    assert!(
        note(&one).contains("with at most 1 deviations from calm was run"),
        "{}",
        note(&one)
    );
    assert!((2..6).contains(&seen.len()), "{seen:?}");
    let (cut, _) = turns(exhaustive(None, 5), &[2, 2], 1);
    assert_eq!(cut.runs().len(), 5);
    assert!(
        note(&cut).starts_with("not every order of the tasks was run: 5 runs"),
        "{}",
        note(&cut)
    );
}

#[test]
fn what_is_known_of_alternatives_is_made_use_of() {
    // Three tasks that share nothing, and three that take one lock in turn, one of them twice. If
    // runs that turn out to be equal to others were gone on with, or nothing were known of what
    // alternatives at one choice do, it would take more runs.
    for (tasks, locks, most) in [(&[1, 1, 1], 3, 43), (&[2, 1, 1], 1, 116)] {
        let (report, _) = turns(exhaustive(None, 100_000), tasks, locks);
        assert!(report.runs().len() <= most, "{}", note(&report));
    }
}

#[test]
fn the_orders_with_the_fewest_deviations_are_run_first() {
    let (one, seen) = turns(exhaustive(Some(1), 100_000), &[3, 3], 1);
    let runs = one.runs().len() as u64;
    let (first, seen_first) = turns(exhaustive(None, runs), &[3, 3], 1);
    assert_eq!(seen_first, seen);
    let hashes =
        |report: &Report| -> Vec<u128> { report.runs().iter().map(|run| run.hash).collect() };
    assert_eq!(hashes(&first), hashes(&one));
}

#[test]
fn orders_around_marked_places_are_all_run() {
    let seen = Seen::default();
    let shared = seen.clone();
    let report = check(exhaustive(None, 100_000), move |_sim: Sim| {
        let seen = shared.clone();
        async move {
            // What no operation of simoom protects.
            let turns = Arc::new(StdMutex::new(String::new()));
            let tasks = ["a", "b"].map(|name| {
                let turns = turns.clone();
                simoom::spawn(async move {
                    for _ in 0..2 {
                        simoom::task::preemption_point().await;
                        turns.lock().unwrap().push_str(name);
                    }
                })
            });
            for task in tasks {
                task.await.unwrap();
            }
            seen.lock().unwrap().insert(turns.lock().unwrap().clone());
        }
    });
    report.unwrap();
    assert_eq!(seen.lock().unwrap().len(), 6, "{seen:?}");
}

#[test]
fn a_failure_of_one_order_is_found_and_shrunk() {
    // A value is taken twice out of a channel by whoever comes first: one order alone is wrong.
    let report = check(exhaustive(None, 10_000), |_sim| async {
        let (send, mut receive) = mpsc::unbounded_channel();
        let first = send.clone();
        let one = simoom::spawn(async move {
            simoom::task::preemption_point().await;
            first.send(1).unwrap();
        });
        let two = simoom::spawn(async move {
            simoom::task::preemption_point().await;
            send.send(2).unwrap();
        });
        one.await.unwrap();
        two.await.unwrap();
        let came = (receive.recv().await, receive.recv().await);
        assert_eq!(came, (Some(1), Some(2)));
    });
    let found = report.failure().expect("one order is wrong");
    assert_eq!(found.deviations(), 1, "{found}");
    let text = found.to_string();
    assert!(text.contains("of at most 10000"), "{text}");
    assert!(!text.contains("SIMOOM_SEED="), "no seed repeats it: {text}");
}

#[test]
fn every_branch_of_a_select_is_the_first() {
    let seen = Seen::default();
    let shared = seen.clone();
    let report = check(exhaustive(None, 1_000), move |_sim| {
        let seen = shared.clone();
        async move {
            let branch = simoom::select! {
                () = std::future::ready(()) => "one",
                () = std::future::ready(()) => "two",
                () = std::future::ready(()) => "three",
            };
            seen.lock().unwrap().insert(branch.to_owned());
        }
    });
    report.unwrap();
    assert_eq!(seen.lock().unwrap().len(), 3);
}

/// What a task of a random program does.
#[derive(Clone, Copy, Debug)]
enum Does {
    /// Takes a lock and writes its number into what that protects.
    Write(usize),
    /// Writes the numbers it finds behind one lock behind another.
    Copy(usize, usize),
    /// Sends its number.
    Send,
    /// Keeps a lock while it takes another, unless that is taken.
    Try(usize, usize),
    /// Lets others go first.
    Yield,
    /// Keeps a lock while it waits for one that is taken inside of others alone.
    Hold(usize),
    /// Notifies whoever waits, or leaves that to the next.
    Ring,
    /// Writes down whether it was notified.
    Listen(usize),
    /// Sends its number if there is room.
    Offer(usize),
    /// Writes down how many are on their way to be received.
    Count(usize),
}

/// A few tasks of a few steps, drawn from `seed`.
fn program(seed: u64) -> Vec<Vec<Does>> {
    let mut drawn = 0;
    let mut draw = |bound: u64| {
        drawn += 1;
        simoom_sim::value(seed, 0x7072_6f67, drawn) % bound
    };
    let tasks = 2 + draw(2);
    (0..tasks)
        .map(|_| {
            let steps = 1 + draw(2);
            (0..steps)
                .map(|_| {
                    let (one, two) = (draw(2) as usize, draw(2) as usize);
                    match draw(12) {
                        0 | 1 => Does::Write(one),
                        2 => Does::Copy(one, two),
                        3 => Does::Send,
                        4 => Does::Try(one, 1 - one),
                        5 | 6 => Does::Hold(one),
                        7 => Does::Ring,
                        8 => Does::Listen(one),
                        9 => Does::Offer(one),
                        10 => Does::Count(one),
                        _ => Does::Yield,
                    }
                })
                .collect()
        })
        .collect()
}

/// What the tasks of a random program share.
struct Shared {
    /// The last is taken inside of the others alone.
    locks: [Mutex<String>; 3],
    send: mpsc::UnboundedSender<usize>,
    offer: mpsc::Sender<usize>,
    notify: Notify,
}

async fn carry_out(number: usize, steps: Vec<Does>, shared: Arc<Shared>) {
    let Shared {
        locks,
        send,
        offer,
        notify,
    } = &*shared;
    for step in steps {
        match step {
            Does::Write(lock) => locks[lock].lock().await.push_str(&number.to_string()),
            Does::Copy(from, to) => {
                let found = locks[from].lock().await.clone();
                locks[to].lock().await.push_str(&format!("({found})"));
            }
            Does::Send => send.send(number).unwrap(),
            Does::Try(held, other) => {
                let mut held = locks[held].lock().await;
                match locks[other].try_lock() {
                    Ok(mut other) => other.push('t'),
                    Err(_) => held.push('f'),
                }
            }
            Does::Yield => simoom::task::yield_now().await,
            Does::Hold(lock) => {
                let mut held = locks[lock].lock().await;
                let inner = locks[2].lock().await;
                held.push_str(&format!("h{number}"));
                drop(inner);
            }
            Does::Ring => notify.notify_one(),
            Does::Listen(lock) => {
                let rang = simoom::select! {
                    biased;
                    () = notify.notified() => 'r',
                    () = std::future::ready(()) => 'q',
                };
                locks[lock].lock().await.push(rang);
            }
            Does::Offer(lock) => {
                let full = offer.try_send(number).is_err();
                locks[lock].lock().await.push(if full { 'x' } else { 'o' });
            }
            Does::Count(lock) => {
                let room = offer.capacity();
                locks[lock].lock().await.push_str(&format!("c{room}"));
            }
        }
    }
}

fn outcomes(config: Config, program: &[Vec<Does>]) -> (Report, BTreeSet<String>) {
    let seen = Seen::default();
    let shared = seen.clone();
    let program = program.to_vec();
    let report = check(config, move |_sim: Sim| {
        let (seen, program) = (shared.clone(), program.clone());
        async move {
            let (send, mut receive) = mpsc::unbounded_channel();
            let (offer, mut taken) = mpsc::channel(1);
            let shared = Arc::new(Shared {
                locks: Default::default(),
                send,
                offer,
                notify: Notify::new(),
            });
            let handles: Vec<_> = (program.into_iter().enumerate())
                .map(|(number, steps)| simoom::spawn(carry_out(number, steps, shared.clone())))
                .collect();
            for handle in handles {
                handle.await.unwrap();
            }
            let mut came_to = String::new();
            for lock in &shared.locks {
                came_to.push_str(&lock.lock().await);
                came_to.push(' ');
            }
            drop(shared);
            while let Some(number) = receive.recv().await {
                came_to.push_str(&number.to_string());
            }
            while let Some(number) = taken.recv().await {
                came_to.push_str(&format!(" {number}"));
            }
            seen.lock().unwrap().insert(came_to);
        }
    });
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    (report, seen)
}

#[test]
fn no_outcome_that_other_strategies_meet_is_missing() {
    let (mut complete, mut several) = (0, 0);
    for seed in 0..80 {
        let program = program(seed);
        let (report, every) = outcomes(exhaustive(None, 4_000), &program);
        if !note(&report).starts_with("every order of the tasks was run") {
            continue;
        }
        complete += 1;
        several += usize::from(every.len() > 2);
        let config = Config::default().persist(false).seeds(400);
        let (_, met) = outcomes(config, &program);
        let missing: Vec<_> = met.difference(&every).collect();
        assert!(
            missing.is_empty(),
            "{program:?}: {missing:?} of {met:?}, not among {every:?}"
        );
    }
    assert!(
        complete > 20 && several > 10,
        "{complete} programs of which {several} vary"
    );
}

#[test]
fn who_waits_in_line_is_not_forgotten() {
    // The lock is held while three tasks come for it: it is given to them in the order in which they
    // came, which is every order.
    let seen = Seen::default();
    let shared = seen.clone();
    let report = check(exhaustive(None, 100_000), move |_sim: Sim| {
        let seen = shared.clone();
        async move {
            let lock = Arc::new(Mutex::new(String::new()));
            let (open, gate) = simoom::sync::oneshot::channel::<()>();
            let held = lock.clone().lock_owned().await;
            let holder = simoom::spawn(async move {
                gate.await.unwrap();
                drop(held);
            });
            let handles = [0, 1, 2].map(|number| {
                let lock = lock.clone();
                simoom::spawn(async move { lock.lock().await.push_str(&number.to_string()) })
            });
            open.send(()).unwrap();
            holder.await.unwrap();
            for handle in handles {
                handle.await.unwrap();
            }
            let order = lock.lock().await.clone();
            seen.lock().unwrap().insert(order);
        }
    });
    assert!(
        note(&report).starts_with("every order"),
        "{}",
        note(&report)
    );
    assert_eq!(seen.lock().unwrap().len(), 6, "{seen:?}");
}

#[test]
fn a_bound_leaves_no_order_to_one_with_more_deviations() {
    // Every order with at most two deviations, counted without leaving any out.
    let (bounded, seen) = turns(exhaustive(Some(2), 100_000), &[1, 1, 1], 2);
    assert!(
        note(&bounded).contains("at most 2 deviations"),
        "{}",
        note(&bounded)
    );
    assert!(
        !note(&bounded).contains("equal to one"),
        "{}",
        note(&bounded)
    );
    let (all, every) = turns(exhaustive(None, 100_000), &[1, 1, 1], 2);
    assert!(note(&all).contains("equal to one"), "{}", note(&all));
    assert_eq!(seen, every);
}

#[test]
fn datagrams_of_two_senders_arrive_in_every_order() {
    let seen = Seen::default();
    let shared = seen.clone();
    let report = check(exhaustive(None, 20_000), move |_sim: Sim| {
        let seen = shared.clone();
        async move {
            let receiver = simoom::net::UdpSocket::bind("127.0.0.1:9").await.unwrap();
            let handles = [1, 2].map(|number: u8| {
                simoom::spawn(async move {
                    let socket = simoom::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
                    socket.send_to(&[number], "127.0.0.1:9").await.unwrap();
                })
            });
            for handle in handles {
                handle.await.unwrap();
            }
            let mut came = String::new();
            for _ in 0..2 {
                let mut byte = [0];
                receiver.recv(&mut byte).await.unwrap();
                came.push_str(&byte[0].to_string());
            }
            seen.lock().unwrap().insert(came);
        }
    });
    assert!(report.failure().is_none(), "{report}");
    assert_eq!(seen.lock().unwrap().len(), 2, "{seen:?}");
}
