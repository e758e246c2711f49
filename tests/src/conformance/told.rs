//! What a body tells of what it saw, and whether two tales are the same.

use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use simoom::time::Instant;

/// What one run of a body saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What each step answered.
    pub words: Vec<String>,
    /// How long some of them took.
    pub times: Vec<(String, Duration)>,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// `net` or `disk`.
    pub what: String,
    /// Cases whose name contains this.
    pub filter: String,
    /// The quick cases alone.
    pub is_quick: bool,
    /// How often the simulator is asked at most.
    pub seeds: u64,
    /// The number of the first random script.
    pub from: u64,
    /// How many random scripts there are.
    pub scripts: u64,
}

impl Request {
    /// Everything of one kind.
    #[must_use]
    pub fn of(what: &str) -> Self {
        Self {
            what: what.to_owned(),
            filter: String::new(),
            is_quick: false,
            seeds: 500,
            from: 0,
            scripts: 100,
        }
    }
}

/// What the machine does not allow, so that nothing can be compared.
#[derive(Debug)]
pub struct Missing(pub String);

/// What came of all cases.
#[derive(Clone, Copy, Debug, Default)]
pub struct Summary {
    /// How many cases were compared.
    pub cases: u64,
    /// In how many of them the simulator cannot answer as the real world did.
    pub differing: u64,
    /// How many are differences that are listed, with the reason.
    pub listed: u64,
}

impl Outcome {
    /// Whether the simulator's `other` is what the real world showed in `self`, but for what a
    /// busy machine takes.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        let near = |((one, real), (two, simulated)): (&(String, Duration), &(String, Duration))| {
            one == two && is_near(*real, *simulated)
        };
        self.words == other.words
            && self.times.len() == other.times.len()
            && self.times.iter().zip(&other.times).all(near)
    }

    /// In how many places two tales differ.
    #[must_use]
    pub fn distance(&self, other: &Self) -> usize {
        let words = self.words.iter().zip(&other.words);
        let times = self.times.iter().zip(&other.times);
        self.words.len().abs_diff(other.words.len())
            + words.filter(|(one, two)| one != two).count()
            + times.filter(|(one, two)| !is_near(one.1, two.1)).count()
    }

    /// The tale as a JSON object.
    #[must_use]
    pub fn json(&self) -> String {
        let words: Vec<_> = self.words.iter().map(|word| quoted(word)).collect();
        let times = self.times.iter();
        let times: Vec<_> = times
            .map(|(what, time)| format!("{}:{}", quoted(what), time.as_millis()))
            .collect();
        format!(
            "{{\"said\":[{}],\"ms\":{{{}}}}}",
            words.join(","),
            times.join(",")
        )
    }
}

/// A machine may be late, and clocks that time out are coarse; neither is ever much too early.
fn is_near(real: Duration, simulated: Duration) -> bool {
    let late = simulated / 10 + Duration::from_millis(110);
    let early = simulated / 20 + Duration::from_millis(60);
    real <= simulated + late && real + early >= simulated
}

/// A text as a JSON string.
#[must_use]
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            letter if letter < ' ' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(letter));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

/// Where a body says what it sees.
#[derive(Clone, Debug, Default)]
pub(super) struct Told(Arc<Mutex<Outcome>>);

impl Told {
    /// Says what a step answered.
    pub(super) fn say(&self, step: &str, answer: impl Answer) {
        let text = format!("{step}: {}", answer.text());
        self.lock().words.push(text);
    }

    /// Says how long something took.
    pub(super) fn took(&self, step: &str, start: Instant) {
        let time = (step.to_owned(), start.elapsed());
        self.lock().times.push(time);
    }

    /// What was said.
    pub(super) fn outcome(&self) -> Outcome {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Outcome> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a step can answer.
pub(super) trait Answer {
    /// The answer as both worlds say it.
    fn text(&self) -> String;
}

impl Answer for &str {
    fn text(&self) -> String {
        (*self).to_owned()
    }
}

impl Answer for String {
    fn text(&self) -> String {
        self.clone()
    }
}

impl Answer for io::Error {
    fn text(&self) -> String {
        match self.raw_os_error() {
            Some(code) => format!("{:?} ({code})", self.kind()),
            None => format!("{:?}", self.kind()),
        }
    }
}

impl<T: std::fmt::Debug> Answer for io::Result<T> {
    fn text(&self) -> String {
        match self {
            Ok(value) => format!("{value:?}"),
            Err(error) => error.text(),
        }
    }
}

/// An answer that may not have come in time.
impl<T: std::fmt::Debug> Answer for Result<io::Result<T>, simoom::time::error::Elapsed> {
    fn text(&self) -> String {
        match self {
            Ok(answer) => answer.text(),
            Err(_) => "nothing".to_owned(),
        }
    }
}
