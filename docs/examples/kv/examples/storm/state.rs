//! Sums that outlive the program, as lines of text and of JSON.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;

use simoom_sim::Kind;

/// What a state begins with.
const HEAD: &str = "storm of kv 1";

/// Sums over the seeds that were run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) next_seed: u64,
    pub(crate) seeds: u64,
    /// How often a task was polled.
    pub(crate) steps: u64,
    pub(crate) events: u64,
    pub(crate) virtual_ms: u64,
    pub(crate) acknowledged: u64,
    pub(crate) unanswered: u64,
    pub(crate) boots: u64,
    pub(crate) promotions: u64,
    pub(crate) failed: u64,
    /// Offered, armed, fired, observed.
    pub(crate) faults: BTreeMap<Kind, [u64; 4]>,
}

impl State {
    pub(crate) fn new(next_seed: u64) -> Self {
        Self {
            next_seed,
            ..Self::default()
        }
    }

    /// What `path` holds; nothing if there is no such file.
    pub(crate) fn load(path: &Path) -> Result<Option<Self>, String> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("{}: {error}", path.display())),
        };
        let state = Self::parse(&text);
        state
            .map(Some)
            .map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Replaces what `path` holds, as a whole.
    pub(crate) fn save(&self, path: &Path) -> Result<(), String> {
        let new = path.with_extension("new");
        fs::write(&new, self.to_text())
            .and_then(|()| fs::rename(&new, path))
            .map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Adds the sums of the batch that comes next.
    pub(crate) fn add(&mut self, batch: &Self) {
        self.next_seed = batch.next_seed;
        for (sum, more) in self.sums_mut().into_iter().zip(batch.sums()) {
            *sum += more.1;
        }
        for (&kind, more) in &batch.faults {
            let sums = self.faults.entry(kind).or_default();
            for (sum, more) in sums.iter_mut().zip(more) {
                *sum += more;
            }
        }
    }

    fn sums(&self) -> [(&'static str, u64); 9] {
        [
            ("seeds", self.seeds),
            ("steps", self.steps),
            ("events", self.events),
            ("virtual_ms", self.virtual_ms),
            ("acknowledged", self.acknowledged),
            ("unanswered", self.unanswered),
            ("boots", self.boots),
            ("promotions", self.promotions),
            ("failed", self.failed),
        ]
    }

    fn sums_mut(&mut self) -> [&mut u64; 9] {
        [
            &mut self.seeds,
            &mut self.steps,
            &mut self.events,
            &mut self.virtual_ms,
            &mut self.acknowledged,
            &mut self.unanswered,
            &mut self.boots,
            &mut self.promotions,
            &mut self.failed,
        ]
    }

    pub(crate) fn to_text(&self) -> String {
        let mut text = format!("{HEAD}\nnext_seed {}\n", self.next_seed);
        for (name, sum) in self.sums() {
            let _ = writeln!(text, "{name} {sum}");
        }
        for (kind, [offered, armed, fired, observed]) in &self.faults {
            let _ = writeln!(text, "fault {kind} {offered} {armed} {fired} {observed}");
        }
        text
    }

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.lines();
        if lines.next() != Some(HEAD) {
            return Err(format!("it does not begin with {HEAD:?}"));
        }
        let mut state = Self::default();
        for line in lines {
            let bad = || format!("{line:?} is no line of a state");
            let (name, value) = line.split_once(' ').ok_or_else(bad)?;
            if name == "fault" {
                let (kind, counts) = value.split_once(' ').ok_or_else(bad)?;
                let kind: Kind = kind.parse().map_err(|_| bad())?;
                let counts: Result<Vec<u64>, _> = counts.split(' ').map(str::parse).collect();
                let counts = counts.ok().and_then(|it| it.try_into().ok());
                state.faults.insert(kind, counts.ok_or_else(bad)?);
                continue;
            }
            let number = value.parse().map_err(|_| bad())?;
            if name == "next_seed" {
                state.next_seed = number;
                continue;
            }
            let place = state.sums().iter().position(|&(known, _)| known == name);
            *state.sums_mut()[place.ok_or_else(bad)?] = number;
        }
        Ok(state)
    }

    /// One line: what it is, the first seed, and the sums.
    pub(crate) fn to_json(&self, what: &str, from: u64) -> String {
        let next = self.next_seed;
        let mut json = format!("{{\"storm\":\"{what}\",\"from\":{from},\"next_seed\":{next}");
        for (name, sum) in self.sums() {
            let _ = write!(json, ",\"{name}\":{sum}");
        }
        json.push_str(",\"faults\":{");
        for (index, (kind, [offered, armed, fired, observed])) in self.faults.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let _ = write!(
                json,
                "{comma}\"{kind}\":{{\"offered\":{offered},\"armed\":{armed},\"fired\":{fired},\
                 \"observed\":{observed}}}"
            );
        }
        json.push_str("}}");
        json
    }
}
