//! What trials come to.

use serde_json::{Value, json};
use simoom_sim::value;

/// The trials of one kernel under one strategy.
#[derive(Default)]
pub struct Series {
    pub kernel: &'static str,
    pub strategy: &'static str,
    executions: Vec<u64>,
    wall_ns: Vec<u64>,
    censored: u64,
    /// Of the executions that the bug did not end.
    steady: Option<Value>,
}

/// A mean and between what it lies.
pub struct Mean {
    pub mean: f64,
    pub low: f64,
    pub high: f64,
}

const STREAM: u64 = 0x626f_6f74_7374_7261;
const RESAMPLES: u64 = 2_000;

impl Series {
    pub fn new(kernel: &'static str, strategy: &'static str) -> Self {
        Self {
            kernel,
            strategy,
            ..Self::default()
        }
    }

    pub fn add(&mut self, trials: &Value) {
        let numbers = |name: &str| -> Vec<u64> {
            let list = trials[name].as_array().expect("a list");
            (list.iter())
                .map(|it| it.as_u64().expect("a number"))
                .collect()
        };
        self.executions.extend(numbers("executions"));
        self.wall_ns.extend(numbers("wall_ns"));
        let found = trials["found"].as_array().expect("a list");
        self.censored += found.iter().filter(|it| **it == Value::Bool(false)).count() as u64;
    }

    pub fn add_steady(&mut self, steady: Value) {
        self.steady = Some(steady);
    }

    /// Whether so many trials were made, none of which found the bug.
    pub fn is_hopeless(&self, trials: u64) -> bool {
        self.censored >= trials && self.censored == self.executions.len() as u64
    }

    /// How many executions there were.
    pub fn spent(&self) -> u64 {
        self.executions.iter().sum()
    }

    /// The mean of executions with its 95 % interval by resampling; a trial that found nothing
    /// counts with what it made, so that both are below the truth if there is one.
    pub fn mean(&self) -> Mean {
        let count = self.executions.len() as u64;
        let mut means: Vec<f64> = (0..RESAMPLES)
            .map(|resample| {
                let drawn = (0..count).map(|index| {
                    let drawn = value(resample, STREAM, index) % count;
                    self.executions[drawn as usize]
                });
                drawn.sum::<u64>() as f64 / count as f64
            })
            .collect();
        means.sort_by(f64::total_cmp);
        Mean {
            mean: self.executions.iter().sum::<u64>() as f64 / count as f64,
            low: means[RESAMPLES as usize / 40],
            high: means[RESAMPLES as usize * 39 / 40],
        }
    }

    fn median(&self) -> u64 {
        let mut sorted = self.executions.clone();
        sorted.sort_unstable();
        sorted[sorted.len() / 2]
    }

    /// Milliseconds of wall time of a trial, with all that follows a failure.
    fn wall_ms(&self) -> f64 {
        self.wall_ns.iter().sum::<u64>() as f64 / self.wall_ns.len() as f64 / 1e6
    }

    fn per_second(&self) -> Option<f64> {
        let steady = self.steady.as_ref()?;
        let seconds = steady["wall_ns"].as_f64()? / 1e9;
        Some(steady["executions"].as_f64()? / seconds)
    }

    /// Microseconds of processor time of an execution.
    fn cpu_us(&self) -> Option<f64> {
        let steady = self.steady.as_ref()?;
        Some(steady["cpu_ns"].as_f64()? / 1e3 / steady["executions"].as_f64()?)
    }

    pub fn json(&self) -> Value {
        let Mean { mean, low, high } = self.mean();
        json!({
            "kernel": self.kernel,
            "strategy": self.strategy,
            "trials": self.executions.len(),
            "censored": self.censored,
            "mean": mean,
            "ci95": [low, high],
            "median": self.median(),
            "wall_ms": self.wall_ms(),
            "executions_per_s": self.per_second(),
            "cpu_us": self.cpu_us(),
            "steady": self.steady,
        })
    }

    /// A line of the table for people.
    pub fn line(&self) -> String {
        let Mean { mean, low, high } = self.mean();
        let trials = self.executions.len();
        let executions = match self.censored {
            0 => format!("{} ({} to {})", shown(mean), shown(low), shown(high)),
            all if all == trials as u64 => "none".to_owned(),
            _ => format!("at least {}", shown(mean)),
        };
        let (kernel, strategy, median) = (self.kernel, self.strategy, self.median());
        let censored = self.censored;
        let [cpu, rate] =
            [self.cpu_us(), self.per_second()].map(|it| it.map(shown).unwrap_or_default());
        let wall = shown(self.wall_ms());
        format!(
            "| {kernel} | {strategy} | {executions} | {median} | {censored} of {trials} | {cpu} | \
             {rate} | {wall} |"
        )
    }
}

pub const HEAD: &str = "| kernel | strategy | mean executions (95 %) | median | not found | processor µs per execution | executions per s | ms per trial |\n\
     | --- | --- | --- | --- | --- | --- | --- | --- |";

fn shown(figure: f64) -> String {
    match figure {
        it if it >= 100.0 => format!("{it:.0}"),
        it => format!("{it:.1}"),
    }
}
