//! Whether the simulator can answer as the operating system did.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use simoom::runtime::Runtime;
use simoom_sim::{Config, check};

use super::act::{Pace, act};
use super::script::Script;

/// What came of one script.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// What the operating system answered.
    pub real: Vec<String>,
    /// What the simulator answered, each differently.
    pub simulated: BTreeSet<Vec<String>>,
    /// How many runs the simulator made.
    pub runs: u64,
    /// How often the script was run on loopback again, because a busy machine answers late.
    pub repeats: u64,
}

/// How often a script is run on loopback again, alone, before its answers count as a disagreement:
/// where the processor is short, loopback itself delivers late, and the answers say so.
const REPEATS_MAX: u64 = 5;

impl Comparison {
    /// Whether the real answers are among the simulated ones.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.simulated.contains(&self.real)
    }
}

/// Runs `scripts` on loopback, all at the same time.
///
/// # Panics
/// If the system has no descriptors left for them.
#[must_use]
pub fn real(scripts: &[Script]) -> Vec<Vec<String>> {
    let runtime = Runtime::new().expect("the system has descriptors left");
    runtime.block_on(async {
        let acts: Vec<_> = scripts
            .iter()
            .cloned()
            .map(|script| simoom::spawn(async move { act(&script, Pace::OwnTime).await }))
            .collect();
        let mut answers = Vec::with_capacity(acts.len());
        for act in acts {
            let answer = act.await.expect("a script does not panic");
            answers.push(answer.expect("loopback has room for a connection"));
        }
        answers
    })
}

/// Runs `script` under more and more seeds until the simulator answers as loopback did with `answers`,
/// or has made `runs_max` runs.
#[must_use]
pub fn compare(script: &Script, answers: Vec<String>, runs_max: u64) -> Comparison {
    let simulated = Arc::new(Mutex::new(BTreeSet::new()));
    let mut comparison = Comparison {
        real: answers,
        simulated: BTreeSet::new(),
        runs: 0,
        repeats: 0,
    };
    let mut seeds = 4;
    while comparison.runs < runs_max {
        let config = Config::default()
            .first_seed(comparison.runs)
            .seeds(seeds)
            .jobs(1)
            .persist(false);
        let (script, answers) = (script.clone(), simulated.clone());
        check(config, move |_sim| {
            let (script, answers) = (script.clone(), answers.clone());
            async move {
                let answer = act(&script, Pace::Drawn).await?;
                lock(&answers).insert(answer);
                Ok::<(), std::io::Error>(())
            }
        })
        .unwrap();
        comparison.runs += seeds;
        comparison.simulated = lock(&simulated).clone();
        if comparison.agrees() {
            return comparison;
        }
        seeds *= 2;
    }
    while !comparison.agrees() && comparison.repeats < REPEATS_MAX {
        comparison.repeats += 1;
        comparison.real = real(std::slice::from_ref(script)).remove(0);
    }
    comparison
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
