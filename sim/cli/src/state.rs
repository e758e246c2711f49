//! What a sweep has done and found, as it is kept in a file and united with others.
//!
//! Owns the form of the file. Who runs what is `run.rs`'s business.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::exit::{Exit, Stopped};
use crate::process::Failure;

/// What was done and found.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct State {
    format: u32,
    /// What besides the seeds a run depends on.
    pub(crate) strategy: Option<String>,
    pub(crate) faults: Option<String>,
    /// How long it took, of all machines together.
    pub(crate) spent_ms: u64,
    /// By the test's id.
    pub(crate) tests: BTreeMap<String, Done>,
    pub(crate) groups: Vec<Group>,
}

/// What was done of one test.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Done {
    pub(crate) package: String,
    pub(crate) binary: String,
    pub(crate) name: String,
    /// The seed that is counted from, and how many the test asks for, once that is known.
    pub(crate) base: Option<u64>,
    pub(crate) asked: Option<u64>,
    /// Which seeds were run: the first of each stretch, and the one after its last.
    pub(crate) seeds: Vec<(u64, u64)>,
    /// Runs that are not numbered by seeds.
    pub(crate) other_runs: u64,
    pub(crate) virtual_ns: u64,
    pub(crate) ms: u64,
    /// It ran before: what was saved was replayed, and a fresh process compared.
    pub(crate) has_begun: bool,
    /// More seeds would not make other runs.
    pub(crate) is_whole: bool,
}

/// Failures of one test that have the same signature.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Group {
    pub(crate) test: String,
    pub(crate) signature: String,
    pub(crate) class: String,
    /// The seeds that fail so.
    pub(crate) seeds: BTreeSet<String>,
    /// One of them, shrunk and explained.
    pub(crate) example: Failure,
}

impl Done {
    /// How many runs that were.
    pub(crate) fn runs(&self) -> u64 {
        self.seeds.iter().map(|(from, to)| to - from).sum::<u64>() + self.other_runs
    }

    /// Notes that these seeds were run.
    pub(crate) fn add(&mut self, seeds: Range<u64>) {
        if seeds.is_empty() {
            return;
        }
        self.seeds.push((seeds.start, seeds.end));
        self.seeds.sort_unstable();
        let mut united: Vec<(u64, u64)> = Vec::new();
        for &(from, to) in &self.seeds {
            match united.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => united.push((from, to)),
            }
        }
        self.seeds = united;
    }

    /// The first seeds of `among` that were not run, as many as are together.
    pub(crate) fn missing(&self, among: Range<u64>) -> Range<u64> {
        let mut start = among.start;
        for &(from, to) in &self.seeds {
            if from > start {
                return start..from.min(among.end).max(start);
            }
            start = start.max(to);
        }
        start..among.end.max(start)
    }
}

impl State {
    /// Of a sweep that has these in place of the tests' own.
    pub(crate) fn new(strategy: Option<String>, faults: Option<String>) -> Self {
        Self {
            format: FORMAT,
            strategy,
            faults,
            ..Self::default()
        }
    }

    /// What `path` holds; nothing if there is no such file.
    pub(crate) fn load(path: &Path) -> Result<Option<Self>, Stopped> {
        let wrong = |what: String| Stopped::missing(format!("{}: {what}", path.display()));
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(wrong(error.to_string())),
        };
        let state: Self = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        match state.format {
            FORMAT => Ok(Some(state)),
            other => Err(wrong(format!("its format is {other}, not {FORMAT}"))),
        }
    }

    /// Writes it to `path` in one go: whoever reads it meanwhile sees the old one.
    pub(crate) fn save(&self, path: &Path) -> Result<(), Stopped> {
        let wrong = |error: io::Error| Stopped::missing(format!("{}: {error}", path.display()));
        let text = serde_json::to_string(self).map_err(|error| wrong(error.into()))?;
        let mut fresh = path.as_os_str().to_owned();
        fresh.push(format!(".{}", std::process::id()));
        fs::write(&fresh, text).map_err(wrong)?;
        fs::rename(&fresh, path).map_err(wrong)
    }

    /// Adds what another machine did and found.
    ///
    /// # Errors
    /// If its runs depend on something else.
    pub(crate) fn unite(&mut self, other: Self) -> Result<(), Stopped> {
        if (&self.strategy, &self.faults) != (&other.strategy, &other.faults) {
            return Err(Stopped::usage(
                "the states are of other strategies or faults and cannot be united",
            ));
        }
        self.spent_ms += other.spent_ms;
        for (id, more) in other.tests {
            match self.tests.get_mut(&id) {
                None => {
                    self.tests.insert(id, more);
                }
                Some(done) => {
                    if done.base != more.base {
                        return Err(Stopped::usage(format!(
                            "{id}: the states count from other seeds and cannot be united"
                        )));
                    }
                    for (from, to) in more.seeds {
                        done.add(from..to);
                    }
                    done.other_runs = done.other_runs.max(more.other_runs);
                    done.virtual_ns = done.virtual_ns.saturating_add(more.virtual_ns);
                    done.ms += more.ms;
                    done.is_whole |= more.is_whole;
                }
            }
        }
        for group in other.groups {
            for seed in group.seeds {
                self.met(&group.test, &group.signature, &seed, &group.example);
            }
        }
        Ok(())
    }

    /// Notes that `seed` failed by `signature`. Whether that is new.
    pub(crate) fn met(
        &mut self,
        test: &str,
        signature: &str,
        seed: &str,
        example: &Failure,
    ) -> bool {
        let mut groups = self.groups.iter_mut();
        let same = groups.find(|it| it.test == test && it.signature == signature);
        if let Some(group) = same {
            group.seeds.insert(seed.to_owned());
            return false;
        }
        self.groups.push(Group {
            test: test.to_owned(),
            signature: signature.to_owned(),
            class: example.class.clone(),
            seeds: BTreeSet::from([seed.to_owned()]),
            example: example.clone(),
        });
        self.groups
            .sort_by(|one, two| (&one.test, &one.signature).cmp(&(&two.test, &two.signature)));
        true
    }

    /// The signatures of a test's failures.
    pub(crate) fn known(&self, test: &str) -> Vec<&str> {
        let of_test = self.groups.iter().filter(|it| it.test == test);
        of_test.map(|it| it.signature.as_str()).collect()
    }

    pub(crate) fn runs(&self) -> u64 {
        self.tests.values().map(Done::runs).sum()
    }

    /// What it ends with.
    pub(crate) fn exit(&self) -> Exit {
        Exit::of_classes(self.groups.iter().map(|it| it.class.as_str()))
    }
}

const FORMAT: u32 = 1;

#[cfg(test)]
mod tests;
