//! The comparison of networks.

use std::collections::VecDeque;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use simoom::runtime::Runtime;
use simoom::time::timeout;
use simoom_sim::{Config, check};

use super::cases::{CASES, Case};
use super::told::{Missing, Outcome, Request, Summary, Told, quoted};
use super::two::Two;

/// How many cases wait at the same time in the real world: they do little else.
const AT_ONCE: usize = 12;
/// How long a case may take in the real world.
const REAL_MAX: Duration = Duration::from_secs(1_000);
/// How often a case is run again that a busy machine may have answered late.
const REPEATS_MAX: u64 = 2;

/// Runs every case that `request` asks for, on namespaces of its own and in the simulator, and
/// prints a JSON line for each.
///
/// # Errors
/// If the machine has no such namespaces or devices, or does not let this process make them.
pub fn net(request: &Request) -> Result<Summary, Missing> {
    probe()?;
    let cases = CASES.iter().enumerate();
    let chosen = cases
        .filter(|(_, case)| {
            case.name.contains(&request.filter) && (case.is_quick || !request.is_quick)
        })
        .collect::<Vec<_>>();
    let (alone, chosen): (Vec<_>, Vec<_>) = chosen.into_iter().partition(|(_, it)| it.is_alone);
    let chosen = VecDeque::from(chosen);
    let waiting = Mutex::new(chosen);
    let summary = Mutex::new(Summary::default());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = lock(&waiting).pop_front();
                    let Some((number, case)) = next else {
                        return;
                    };
                    one(case, number as u64, request.seeds, &summary);
                }
            });
        }
    });
    for (number, case) in alone {
        one(case, number as u64, request.seeds, &summary);
    }
    let summary = *lock(&summary);
    Ok(summary)
}

/// Makes two hosts once, to know whether that works.
fn probe() -> Result<(), Missing> {
    let terms = CASES[0].terms;
    let made = std::thread::spawn(move || Two::real(terms, 1).map(drop)).join();
    match made {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Missing(format!(
            "network namespaces with TUN devices, which take root or `unshare -Urn`: {error}"
        ))),
        Err(_) => Err(Missing("threads".to_owned())),
    }
}

fn one(case: &'static Case, number: u64, seeds: u64, summary: &Mutex<Summary>) {
    let mut real = really(case, number);
    let (mut runs, mut simulated) = simulate(case, &real, seeds);
    let mut repeats = 0;
    while repeats < REPEATS_MAX && case.listed.is_none() && !agrees(&real, &simulated) {
        repeats += 1;
        real = really(case, number + 1_000 * repeats);
        if !agrees(&real, &simulated) {
            (runs, simulated) = simulate(case, &real, seeds);
        }
    }
    let agrees = agrees(&real, &simulated);
    let verdict = match (agrees, case.listed) {
        (true, None) => "agrees",
        (false, Some(_)) => "listed",
        (false, None) => "differs",
        (true, Some(_)) => "is listed and agrees",
    };
    let mut counts = lock(summary);
    counts.cases += 1;
    counts.listed += u64::from(verdict == "listed");
    counts.differing += u64::from(verdict == "differs" || verdict == "is listed and agrees");
    let mut nearest = simulated.clone();
    nearest.sort_by_key(|other| real.distance(other));
    nearest.truncate(if agrees { 1 } else { 3 });
    let nearest: Vec<_> = nearest.iter().map(Outcome::json).collect();
    let mut line = format!(
        "{{\"case\":{},\"verdict\":{},\"real\":{},\"simulated\":[{}],\"outcomes\":{},\"runs\":{runs}",
        quoted(case.name),
        quoted(verdict),
        real.json(),
        nearest.join(","),
        simulated.len(),
    );
    if let Some(why) = case.listed {
        line.push_str(&format!(",\"why\":{}", quoted(why)));
    }
    println!("{line}}}");
    let _ = std::io::stdout().flush();
}

fn agrees(real: &Outcome, simulated: &[Outcome]) -> bool {
    simulated.iter().any(|other| real.is_like(other))
}

/// Runs a case in the real world.
fn really(case: &'static Case, seed: u64) -> Outcome {
    let acting = std::thread::spawn(move || {
        let two = Two::real(case.terms, seed).expect("it worked before");
        let runtime = Runtime::new().expect("the system has descriptors left");
        let told = Told::default();
        let _limit = case.terms.descriptors.map(Limit::lowered);
        let body = (case.body)(two, told.clone());
        let in_time = runtime.block_on(timeout(REAL_MAX, body));
        if in_time.is_err() {
            told.say("still running", "yes");
        }
        told.outcome()
    });
    acting.join().unwrap_or_else(|_| Outcome {
        words: vec!["it panicked".to_owned()],
        times: Vec::new(),
    })
}

/// A limit on the descriptors of this process, which is as it was in the end.
struct Limit(u64);

impl Limit {
    fn lowered(descriptors: usize) -> Self {
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("there is a limit");
        let lower = (descriptors as u64).min(hard);
        setrlimit(Resource::RLIMIT_NOFILE, lower, hard).expect("lower is allowed");
        Self(soft)
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
            let _ = setrlimit(Resource::RLIMIT_NOFILE, self.0, hard);
        }
    }
}

/// Runs a case under more and more seeds, until one of them shows what `real` did.
fn simulate(case: &'static Case, real: &Outcome, seeds_max: u64) -> (u64, Vec<Outcome>) {
    let found = Arc::new(Mutex::new(Vec::<Outcome>::new()));
    let (mut runs, mut seeds) = (0, 8);
    while runs < seeds_max {
        let config = Config::default()
            .first_seed(runs + 1)
            .seeds(seeds)
            .jobs(1)
            .time(Duration::from_secs(100_000))
            .persist(false);
        let tales = found.clone();
        let report = check(config, move |sim| {
            let tales = tales.clone();
            async move {
                let told = Told::default();
                let two = Two::simulated(sim, case.terms);
                (case.body)(two, told.clone()).await;
                let tale = told.outcome();
                let mut tales = lock(&tales);
                if !tales.contains(&tale) {
                    tales.push(tale);
                }
            }
        });
        runs += seeds;
        if let Some(failure) = report.failure() {
            lock(&found).push(Outcome {
                words: vec![format!("the run failed: {:?}", failure.cause())],
                times: Vec::new(),
            });
            break;
        }
        if agrees(real, &lock(&found)) {
            break;
        }
        seeds *= 2;
    }
    let tales = lock(&found).clone();
    (runs, tales)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
