//! Several faults, and what must never be hit together.

use std::fmt;

use crate::fault::nanos;
use crate::{Expected, Family, Fault, Kind, Target, Unit, When};

/// Which faults a run may meet.
///
/// Where several of them could decide what happens at one place, the first that covers the place
/// and whose time has come decides.
///
/// # Examples
/// ```
/// use simoom_faults::{Family, Fault, Kind, Plan, Profile, Ratio};
///
/// let plan = Plan::new()
///     .fault(Fault::new(Kind::DiskWriteFailed).probability(Ratio::one_in(1000)))
///     .merge(Profile::hostile())
///     .without_family(Family::Clock)
///     .at_most(1, ["a", "b", "c"])
///     .spare(["client"]);
/// assert!(plan.check().is_ok());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "a plan does nothing until it is given to a simulation"]
pub struct Plan {
    pub(crate) faults: Vec<Fault>,
    pub(crate) groups: Vec<Group>,
    pub(crate) spared: Vec<String>,
    pub(crate) swarm: bool,
    pub(crate) after_setup: bool,
}

/// Nodes of which only so many may be down, paused, cut off or clogged at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// How many.
    pub most: u32,
    /// Of these nodes, by name.
    pub of: Vec<String>,
}

impl Plan {
    /// No fault at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a fault, behind those that are there.
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Adds all that another plan or profile says.
    pub fn merge(mut self, other: impl Into<Self>) -> Self {
        let other = other.into();
        self.faults.extend(other.faults);
        self.groups.extend(other.groups);
        self.spared.extend(other.spared);
        self.swarm |= other.swarm;
        self.after_setup |= other.after_setup;
        self
    }

    /// Leaves one kind out.
    pub fn without(mut self, kind: Kind) -> Self {
        self.faults.retain(|fault| fault.kind != kind);
        self
    }

    /// Leaves a family out.
    pub fn without_family(mut self, family: Family) -> Self {
        self.faults.retain(|fault| fault.kind.family() != family);
        self
    }

    /// Keeps one family and leaves the others out.
    pub fn only(mut self, family: Family) -> Self {
        self.faults.retain(|fault| fault.kind.family() == family);
        self
    }

    /// Lets at most `most` of the nodes called so be down, paused, cut off or clogged at once. What would
    /// hit one more is blocked, and counted.
    pub fn at_most<N: Into<String>>(mut self, most: u32, of: impl IntoIterator<Item = N>) -> Self {
        let of = of.into_iter().map(Into::into).collect();
        self.groups.push(Group { most, of });
        self
    }

    /// Hits no node called so: neither it, nor its files, nor its links.
    pub fn spare<N: Into<String>>(mut self, nodes: impl IntoIterator<Item = N>) -> Self {
        self.spared.extend(nodes.into_iter().map(Into::into));
        self
    }

    /// Lets each run do without about half of the families, and draw for the others how probable
    /// and how big faults are, up to what the plan says (swarm testing: Groce and others, ISSTA
    /// 2012).
    pub fn swarm(mut self) -> Self {
        self.swarm = true;
        self
    }

    /// Lets faults begin when the test says that its set-up is complete, and not at once.
    pub fn after_setup(mut self) -> Self {
        self.after_setup = true;
        self
    }

    /// The faults, in order.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// The groups of nodes of which only so many may be hit at once.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The nodes that are never hit.
    #[must_use]
    pub fn spared(&self) -> &[String] {
        &self.spared
    }

    /// Every name of a node that it says, with where it says it: spared nodes, nodes of groups,
    /// and targets of faults that must not be inert.
    ///
    /// A plan has no way to know which nodes there are. Whoever has run it compares.
    ///
    /// # Examples
    /// ```
    /// use simoom_faults::{Fault, Kind, Plan, Target};
    ///
    /// let fault = Fault::new(Kind::NodeKilled).target(Target::Node("a".to_owned()));
    /// let names = Plan::new().fault(fault).spare(["client"]).names();
    /// assert_eq!(names[0], ("a".to_owned(), "node.killed target=node:a".to_owned()));
    /// assert_eq!(names[1], ("client".to_owned(), "spare".to_owned()));
    /// ```
    #[must_use]
    pub fn names(&self) -> Vec<(String, String)> {
        let mut names = Vec::new();
        for fault in &self.faults {
            if fault.expected == Expected::MayBeInert {
                continue;
            }
            let nodes = match &fault.target {
                Target::Any | Target::Path { node: None, .. } => Vec::new(),
                Target::Node(name) => vec![name],
                Target::Link { from, to } => vec![from, to],
                Target::Path {
                    node: Some(node), ..
                } => vec![node],
            };
            names.extend(nodes.into_iter().map(|it| (it.clone(), fault.to_string())));
        }
        for Group { most, of } in &self.groups {
            let place = format!("at_most {most}");
            names.extend(of.iter().map(|name| (name.clone(), place.clone())));
        }
        let spared = self.spared.iter();
        names.extend(spared.map(|name| (name.clone(), "spare".to_owned())));
        names
    }

    /// Whether each run draws which families it has.
    #[must_use]
    pub fn is_swarm(&self) -> bool {
        self.swarm
    }

    /// Whether faults begin only when the set-up is complete.
    #[must_use]
    pub fn begins_after_setup(&self) -> bool {
        self.after_setup
    }

    /// Whether it can be carried out.
    ///
    /// # Errors
    /// All its problems together.
    pub fn check(&self) -> Result<(), Invalid> {
        let mut problems = Vec::new();
        for (index, fault) in self.faults.iter().enumerate() {
            let what = problems_of(fault);
            problems.extend(what.into_iter().map(|what| Problem {
                place: format!("fault {} ({})", index + 1, fault.kind),
                what,
            }));
        }
        for group in &self.groups {
            let place = format!("at most {} of {:?}", group.most, group.of);
            if group.of.is_empty() {
                let what = "names no node: say of which".to_owned();
                problems.push(Problem { place, what });
            } else if group.of.iter().any(String::is_empty) {
                let what = "holds an empty name: name a node".to_owned();
                problems.push(Problem { place, what });
            }
        }
        if self.spared.iter().any(String::is_empty) {
            problems.push(Problem {
                place: "the spared nodes".to_owned(),
                what: "hold an empty name: name a node".to_owned(),
            });
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Invalid(problems))
        }
    }
}

impl From<Fault> for Plan {
    fn from(fault: Fault) -> Self {
        Self::new().fault(fault)
    }
}

fn problems_of(fault: &Fault) -> Vec<String> {
    let mut problems = Vec::new();
    let (kind, least, most) = (fault.kind, fault.least, fault.most);
    if least == 0 {
        problems.push("its least magnitude is 0, which is no fault: start at 1".to_owned());
    } else if least > most {
        problems.push(format!(
            "its magnitudes run from {least} to {most}: put the smaller first"
        ));
    } else if kind.unit() == Unit::Once && most > 1 {
        problems.push("it has no magnitude: it happens or does not".to_owned());
    } else if kind.unit() == Unit::Nanoseconds && most > MOST_NS {
        problems.push(format!(
            "it lasts up to {most} ns: a year ({MOST_NS} ns) is the most"
        ));
    }
    if kind.is_spontaneous() && nanos(fault.every) < LEAST_PERIOD_NS {
        problems.push(format!(
            "it has an opportunity every {:?}: a microsecond is the least",
            fault.every
        ));
    }
    if let When::Between(from, until) = fault.when
        && from >= until
    {
        problems.push(format!(
            "it may happen from {from:?} until before {until:?}, which is never: put the earlier \
             first"
        ));
    }
    if fault.times == Some(0) {
        problems.push("it may happen 0 times: leave it out".to_owned());
    }
    problems.extend(target_problem(kind, &fault.target));
    problems
}

fn target_problem(kind: Kind, target: &Target) -> Option<String> {
    let has_path = matches!(kind.family(), Family::Disk | Family::User);
    let has_link = kind.family() == Family::Net;
    match target {
        Target::Any => None,
        Target::Node(name) => name.is_empty().then(|| EMPTY.to_owned()),
        Target::Link { from, to } if from.is_empty() || to.is_empty() => Some(EMPTY.to_owned()),
        Target::Link { .. } if !has_link => {
            Some("it happens on no link: name a node instead".to_owned())
        }
        Target::Path { .. } if !has_path => {
            Some("it happens to no file: name a node or a link instead".to_owned())
        }
        Target::Path {
            node: Some(node), ..
        } if node.is_empty() => Some(EMPTY.to_owned()),
        Target::Link { .. } | Target::Path { .. } => None,
    }
}

const EMPTY: &str = "its target is a node without a name: name a node";

/// A year.
const MOST_NS: u64 = 31_536_000_000_000_000;

const LEAST_PERIOD_NS: u64 = 1_000;

/// One thing that is wrong with a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// With what.
    pub(crate) place: String,
    /// What, and what to do.
    pub(crate) what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// Why a plan cannot be carried out: all its problems.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid(pub(crate) Vec<Problem>);

impl Invalid {
    /// The problems, in the order of the plan.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.0
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the plan of faults cannot be carried out")?;
        for problem in &self.0 {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Invalid {}

#[cfg(test)]
mod tests;
