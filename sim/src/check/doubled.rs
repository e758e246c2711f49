//! Two runs of the same choices, and what to say of the first difference.
//!
//! Owns the words. Where two runs part is found by the record; who makes them is the sweep's.

use super::process::Witness;
use super::sweep::Sweep;
use crate::record::{STRIDE, Watch};
use crate::run::{KeptRun, Outcome, Parting, Spec};
use crate::world::failure::Failure;

/// One of two runs: what people call it, and how it ended.
pub(super) struct Side {
    name: &'static str,
    /// The failure's signature and text.
    failure: Option<(String, String)>,
}

impl Side {
    /// A run that passed.
    pub(super) fn passed(name: &'static str) -> Self {
        let failure = None;
        Self { name, failure }
    }

    pub(super) fn of(name: &'static str, failure: Option<&Failure>) -> Self {
        let failure = failure.map(|failure| (failure.signature(), failure.to_string()));
        Self { name, failure }
    }

    /// The run of a fresh process.
    pub(super) fn of_witness(witness: &Witness) -> Self {
        let signature = witness.signature.clone();
        Self {
            name: "in a fresh process",
            failure: signature.zip(witness.failure.clone()),
        }
    }

    /// In what `other` differs from this run, of which `kept` was kept; nothing if in nothing.
    pub(super) fn differs(
        &self,
        kept: &KeptRun,
        other: &Self,
        parting: Option<&Parting>,
    ) -> Option<String> {
        if let Some(parting) = parting {
            return Some(self.parts(kept, other, parting));
        }
        if self.signature() == other.signature() {
            return None;
        }
        let agreed = kept.kept.count();
        Some(format!(
            "all {agreed} events agree, and the outcome does not:\n  {:<18}  {}\n  {:<18}  {}",
            self.name,
            self.verdict(),
            other.name,
            other.verdict()
        ))
    }

    /// In what `other` differs, which parted from this run.
    fn parts(&self, kept: &KeptRun, other: &Self, parting: &Parting) -> String {
        let Parting {
            agreed,
            is_exact,
            next,
            before,
        } = parting;
        let own = kept.tell(*agreed).filter(|_| *is_exact);
        let Some(own) = own else {
            return format!(
                "the first {agreed} events agree, and they part among the {STRIDE} after them"
            );
        };
        let mut text = format!(
            "the first {agreed} events agree, and they part at\n  {:<18}  {own}\n  {:<18}  {next}",
            self.name, other.name
        );
        if let Some(before) = before {
            text.push_str(&format!("\n  after              {before}"));
        }
        text
    }

    pub(super) fn signature(&self) -> Option<&str> {
        self.failure
            .as_ref()
            .map(|(signature, _)| signature.as_str())
    }

    /// How it ended, in words.
    pub(super) fn verdict(&self) -> &str {
        let failure = self.failure.as_ref();
        failure.map_or("it passes", |(_, text)| text.as_str())
    }
}

impl Sweep<'_> {
    /// Makes the run of `spec` once more; in what it differs from `first`, of which `kept` was
    /// kept.
    pub(super) fn differs(&self, spec: &Spec, first: &Outcome, kept: &KeptRun) -> Option<String> {
        let second = self.follow(spec, kept);
        let (one, two) = sides(first, &second);
        let differs = one.differs(kept, &two, second.parting.as_ref())?;
        let closer = match &second.parting {
            Some(parting) if !parting.is_exact => self.look_closer(spec, parting.agreed),
            _ => None,
        };
        Some(format!("{TWO_RUNS}: {}", closer.unwrap_or(differs)))
    }

    /// Makes two runs more and compares them event by event from the event `from` on.
    fn look_closer(&self, spec: &Spec, from: u64) -> Option<String> {
        let spec = Spec {
            watch: Watch::Keep { from },
            ..spec.clone()
        };
        let mut first = self.run_quietly(spec.clone());
        let kept = first.kept.take()?;
        let second = self.follow(&spec, &kept);
        let (one, two) = sides(&first, &second);
        let parting = second.parting.as_ref().filter(|parting| parting.is_exact)?;
        one.differs(&kept, &two, Some(parting))
    }

    /// The run of `spec`, up to where it is no longer the one of which `kept` was kept.
    fn follow(&self, spec: &Spec, kept: &KeptRun) -> Outcome {
        let trail = kept.kept.trail.clone();
        let watch = Watch::Follow { trail, stops: true };
        self.run_quietly(Spec {
            watch,
            ..spec.clone()
        })
    }
}

fn sides(first: &Outcome, second: &Outcome) -> (Side, Side) {
    (
        Side::of("the first run", first.failure.as_ref()),
        Side::of("the second run", second.failure.as_ref()),
    )
}

pub(super) const TWO_RUNS: &str = "running the same choices twice in one process gave two \
                                   different runs; something outside the simulation decides (the \
                                   real clock, entropy, hash order, another thread, a static)";

pub(super) const TWO_PROCESSES: &str = "the same choices gave different runs on a thread of this \
                                        process and in a fresh process; something outside the \
                                        simulation decides (a static that earlier runs changed, \
                                        an address, the environment)";
