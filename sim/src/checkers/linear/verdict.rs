//! The judgement of a whole history, and what is told of one that has no order.

use std::collections::BTreeMap;
use std::fmt;

use super::model::Model;
use super::search::{Furthest, Searched, Step, search};
use crate::checkers::history::{History, Operation, Outcome};

/// How many questions to the model are asked for each partition, unless told otherwise.
pub const STEPS: u64 = 1_000_000;

/// Whether a history is linearizable.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// It is.
    Linearizable,
    /// It is not.
    Violated(Box<Violation>),
    /// The budget was spent before it was known.
    Unknown {
        /// Of this partition.
        partition: String,
        /// So many steps were made for it.
        steps: u64,
    },
}

impl Verdict {
    /// Whether it is known to be linearizable.
    #[must_use]
    pub fn is_linearizable(&self) -> bool {
        *self == Self::Linearizable
    }

    /// Why it is not.
    #[must_use]
    pub fn violation(&self) -> Option<&Violation> {
        match self {
            Self::Violated(violation) => Some(violation),
            _ => None,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Linearizable => f.write_str("linearizable"),
            Self::Violated(violation) => violation.fmt(f),
            Self::Unknown { partition, steps } => write!(
                f,
                "not decided within {steps} steps{} (raise them with `check_within`, or divide the \
                 history further by `Model::partition`)",
                of(partition)
            ),
        }
    }
}

/// Why a history is not linearizable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    partition: String,
    operations: Vec<usize>,
    text: String,
}

impl Violation {
    /// The partition that has no order; empty if the model has one only.
    #[must_use]
    pub fn partition(&self) -> &str {
        &self.partition
    }

    /// The operations of the shortest beginning of that partition that has no order, by their index
    /// in the history.
    ///
    /// The beginning ends with the return of one of them, and without that return there is an
    /// order; those that returned later count as open.
    #[must_use]
    pub fn operations(&self) -> &[usize] {
        &self.operations
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Violation {}

/// Judges a history with at most [`STEPS`] steps for each partition.
///
/// # Examples
/// See [`linear`](super).
pub fn check<M: Model>(model: &M, operations: &[Operation<M::Op, M::Ret>]) -> Verdict {
    check_within(model, operations, STEPS)
}

/// Judges a history with at most `steps` steps for each partition.
///
/// What is wrong in one partition is told although another is not decided.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use simoom_sim::history::{Moment, Operation};
/// use simoom_sim::linear::{Register, RegisterOp, RegisterRet, Verdict, check_within};
///
/// let at = |event| Moment::new(event, Duration::ZERO);
/// let read = Operation::new("a", RegisterOp::Read, at(1)).returned(RegisterRet::Value(0), at(2));
/// let verdict = check_within(&Register::new(0), &[read], 0);
/// assert!(matches!(verdict, Verdict::Unknown { .. }));
/// ```
pub fn check_within<M: Model>(
    model: &M,
    operations: &[Operation<M::Op, M::Ret>],
    steps: u64,
) -> Verdict {
    let mut partitions: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, operation) in operations.iter().enumerate() {
        if !matches!(operation.outcome, Outcome::Failed) {
            let partition = model.partition(&operation.op);
            partitions.entry(partition).or_default().push(index);
        }
    }
    let mut unknown = None;
    for (partition, members) in partitions {
        let part = Part {
            model,
            operations,
            members,
            steps,
        };
        match part.search(u64::MAX) {
            Searched::Found => {}
            Searched::None(_) => {
                return Verdict::Violated(Box::new(part.explain(partition)));
            }
            Searched::Spent => {
                unknown.get_or_insert(Verdict::Unknown { partition, steps });
            }
        }
    }
    unknown.unwrap_or(Verdict::Linearizable)
}

impl<O, R> History<O, R> {
    /// Panics unless the history is linearizable.
    ///
    /// The panic's message has the shortest beginning of the history that is not, and how far an
    /// order comes.
    ///
    /// # Panics
    /// If it is not, and if that is not known after [`STEPS`] steps.
    ///
    /// # Examples
    /// See [`History`].
    #[track_caller]
    pub fn assert_linearizable<M: Model<Op = O, Ret = R>>(&self, model: &M)
    where
        O: Clone,
        R: Clone,
    {
        let verdict = check(model, &self.operations());
        if !verdict.is_linearizable() {
            panic!("history {:?}: {verdict}", self.name());
        }
    }
}

/// The operations of one partition.
struct Part<'a, M: Model> {
    model: &'a M,
    operations: &'a [Operation<M::Op, M::Ret>],
    /// By their index.
    members: Vec<usize>,
    steps: u64,
}

impl<M: Model> Part<'_, M> {
    /// What has happened up to the event `end`, for the search.
    fn steps_until(&self, end: u64) -> Vec<Step<'_, M::Op, M::Ret>> {
        let members = self.members.iter().map(|&index| &self.operations[index]);
        let begun = members.filter(|operation| operation.invoked.event() <= end);
        begun
            .map(|operation| {
                let returned = operation.ended.map(|ended| ended.event());
                let returned = returned.filter(|&event| event <= end);
                let answer = match &operation.outcome {
                    Outcome::Returned(answer) if returned.is_some() => Some(answer),
                    _ => None,
                };
                Step {
                    op: &operation.op,
                    answer,
                    called: operation.invoked.event(),
                    returned,
                }
            })
            .collect()
    }

    fn search(&self, end: u64) -> Searched<M::State> {
        let mut budget = self.steps;
        search(self.model, &self.steps_until(end), &mut budget)
    }

    /// The return that ends the shortest beginning without an order.
    ///
    /// A beginning of what has an order has one too, so that halving finds it. What is not decided
    /// within the budget counts as having one: then it is not the shortest, but has no order.
    fn first_wrong(&self) -> usize {
        let mut returns: Vec<_> = self
            .members
            .iter()
            .filter_map(|&index| {
                let ended = self.operations[index].ended?;
                Some((ended.event(), index))
            })
            .collect();
        returns.sort_unstable();
        let (mut low, mut high) = (0, returns.len() - 1);
        while low < high {
            let middle = low.midpoint(high);
            match self.search(returns[middle].0) {
                Searched::None(_) => high = middle,
                _ => low = middle + 1,
            }
        }
        returns[high].1
    }

    fn explain(&self, partition: String) -> Violation {
        let culprit = self.first_wrong();
        let end = (self.operations[culprit].ended).map_or(u64::MAX, |ended| ended.event());
        let begun = |&index: &usize| self.operations[index].invoked.event() <= end;
        let operations: Vec<usize> = self.members.iter().copied().filter(begun).collect();
        let furthest = match self.search(end) {
            Searched::None(furthest) => Some(furthest),
            _ => None,
        };
        let text = self.text(&partition, &operations, culprit, end, furthest.as_ref());
        Violation {
            partition,
            operations,
            text,
        }
    }

    fn text(
        &self,
        partition: &str,
        operations: &[usize],
        culprit: usize,
        end: u64,
        furthest: Option<&Furthest<M::State>>,
    ) -> String {
        let all = self.members.len();
        let mut lines = vec![format!(
            "not linearizable{}: {} of {all} operations have no order",
            of(partition),
            operations.len(),
        )];
        let hidden = operations.len().saturating_sub(SHOWN);
        if hidden > 0 {
            lines.push(format!("  … {hidden} earlier ones, and:"));
        }
        for &index in &operations[hidden..] {
            let mark = if index == culprit { '>' } else { ' ' };
            lines.push(format!("{mark} {}", self.line(index, end)));
        }
        lines.push(format!(
            "  before {} returned, there was an order; now none comes further than",
            self.name(culprit)
        ));
        if let Some(furthest) = furthest {
            let order = &furthest.order;
            let hidden = order.len().saturating_sub(SHOWN);
            if hidden > 0 {
                lines.push(format!("    … {hidden} before, and then"));
            }
            if order.is_empty() {
                let initial = self.model.init();
                lines.push(format!("    the beginning, {initial:?}"));
            }
            for (number, states) in &order[hidden..] {
                let (name, states) = (self.name(operations[*number]), these(states));
                lines.push(format!("    {name}, which leaves {states}"));
            }
            for &number in &furthest.refused {
                lines.push(format!(
                    "  after which {} cannot be",
                    self.name(operations[number])
                ));
            }
        }
        lines.join("\n")
    }

    /// An operation in a few words.
    fn name(&self, index: usize) -> String {
        let operation = &self.operations[index];
        let what = match &operation.outcome {
            Outcome::Returned(answer) => format!("{:?} = {answer:?}", operation.op),
            _ => format!("{:?}", operation.op),
        };
        format!("{} {what}", operation.client)
    }

    /// An operation with its times, as known at the event `end`.
    fn line(&self, index: usize, end: u64) -> String {
        let operation = &self.operations[index];
        let ended = match operation.ended {
            Some(ended) if ended.event() <= end => ended.to_string(),
            Some(_) => "later".to_owned(),
            None => "never".to_owned(),
        };
        let (from, name) = (operation.invoked.to_string(), self.name(index));
        format!("{from:>12} to {ended:<12}  {name}")
    }
}

fn of(partition: &str) -> String {
    match partition {
        "" => String::new(),
        partition => format!(" for {partition}"),
    }
}

/// Some states.
fn these<S: fmt::Debug>(states: &[S]) -> String {
    let shown: Vec<_> = (states.iter().take(4))
        .map(|it| format!("{it:?}"))
        .collect();
    let more = if states.len() > shown.len() {
        " or …"
    } else {
        ""
    };
    shown.join(" or ") + more
}

/// How many operations are told.
const SHOWN: usize = 20;
