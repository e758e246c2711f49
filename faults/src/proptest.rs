//! Faults that proptest draws: strategies for kinds, profiles, faults and plans.
//!
//! Owns which of them are worth a run: whatever is drawn can be carried out, and a sweep in which
//! it does nothing is fine. What they shrink to is the mildest: no fault, or one that is always
//! there, hits anything, and is as small as its kind allows. Knows nothing of runs.
//!
//! # Examples
//! ```
//! use proptest::prelude::*;
//! use simoom_faults::{Plan, proptest::plans};
//!
//! proptest! {
//!     fn every_plan_is_read_back(plan in plans(["server", "client"])) {
//!         prop_assert_eq!(plan.to_string().parse(), Ok(plan));
//!     }
//! }
//! every_plan_is_read_back();
//! ```

use std::time::Duration;

use ::proptest::collection::vec;
use ::proptest::option;
use ::proptest::prelude::*;
use ::proptest::sample::select;

use crate::{Family, Fault, Kind, Plan, Profile, Ratio, Target, When};

/// Any kind of fault. Shrinks to those that are first in [`Kind::ALL`].
pub fn kinds() -> impl Strategy<Value = Kind> + Clone {
    select(Kind::ALL)
}

/// Any profile. Shrinks to the milder ones, `calm` in the end.
pub fn profiles() -> impl Strategy<Value = Profile> + Clone {
    select(&Profile::ALL[..])
}

/// Any fault that can be carried out, at most a minute after faults begin.
///
/// It names no node but those of `nodes`; with none, it hits whatever there is. A sweep in which it
/// never happens is fine.
pub fn faults<N: Into<String>>(
    nodes: impl IntoIterator<Item = N>,
) -> impl Strategy<Value = Fault> + Clone {
    let nodes: Vec<String> = nodes.into_iter().map(Into::into).collect();
    kinds().prop_flat_map(move |kind| fault(kind, &nodes))
}

/// Plans of up to four [`faults`] that can be carried out.
///
/// They name no node but those of `nodes`: not what they hit, not what they spare, not of which
/// nodes at most one may be down. Shrinks to as few faults as it can, and to none of the rest.
pub fn plans<N: Into<String>>(
    nodes: impl IntoIterator<Item = N>,
) -> impl Strategy<Value = Plan> + Clone {
    let nodes: Vec<String> = nodes.into_iter().map(Into::into).collect();
    let faults = vec(faults(nodes.clone()), 0..=4);
    let spared: Vec<_> = nodes.iter().map(|_| rarely()).collect();
    let rest = (rarely(), rarely(), rarely(), spared);
    (faults, rest).prop_map(move |(faults, (one_at_a_time, swarm, late, spared))| {
        let mut plan = faults.into_iter().fold(Plan::new(), Plan::fault);
        if one_at_a_time && !nodes.is_empty() {
            plan = plan.at_most(1, nodes.clone());
        }
        let spared = nodes.iter().zip(spared).filter(|(_, is_spared)| *is_spared);
        plan = plan.spare(spared.map(|(name, _)| name.clone()));
        if swarm {
            plan = plan.swarm();
        }
        if late {
            plan = plan.after_setup();
        }
        plan
    })
}

fn rarely() -> impl Strategy<Value = bool> + Clone {
    ::proptest::bool::weighted(0.2)
}

/// A fault of this kind.
fn fault(kind: Kind, nodes: &[String]) -> impl Strategy<Value = Fault> + use<> {
    let (least, most) = kind.magnitudes();
    // Of all orders of magnitude alike, as faults are drawn.
    let magnitude = (0..=(most / least).ilog2()).prop_flat_map(move |order| {
        let until = (least << order).saturating_mul(2).min(most);
        (Just(least << order), (least << order)..=until)
    });
    let probability = select(&[1_u32, 2, 5, 20, 100, 1_000][..]).prop_map(Ratio::one_in);
    let active = select(&[1_u32, 2, 4][..]).prop_map(Ratio::one_in);
    let every = select(&[1_000_u64, 100, 10_000, 10][..]).prop_map(Duration::from_millis);
    let odds = (probability, active, every, option::of(1..=3_u64));
    (target(kind, nodes), when(), magnitude, odds).prop_map(
        move |(target, when, (least, most), (probability, active, every, times))| {
            let fault = Fault::new(kind)
                .target(target)
                .when(when)
                .magnitude(least..=most)
                .probability(probability)
                .active(active)
                .every(every)
                .may_be_inert();
            match times {
                Some(times) => fault.times(times),
                None => fault,
            }
        },
    )
}

/// What a fault of this kind may hit.
fn target(kind: Kind, nodes: &[String]) -> impl Strategy<Value = Target> + use<> {
    let mut targets = vec![Target::Any];
    targets.extend(nodes.iter().map(|node| Target::node(node)));
    match kind.family() {
        Family::Net => {
            for from in nodes {
                let others = nodes.iter().filter(|to| *to != from);
                targets.extend(others.map(|to| Target::link(from, to)));
            }
        }
        Family::Disk | Family::User => {
            targets.push(Target::path("*"));
            targets.extend(nodes.iter().map(|node| Target::path_on(node, "*")));
        }
        _ => {}
    }
    select(targets)
}

fn when() -> impl Strategy<Value = When> + Clone {
    let moment = || (0..60_000_u64).prop_map(Duration::from_millis);
    let length = (1..10_000_u64).prop_map(Duration::from_millis);
    prop_oneof![
        4 => Just(When::Always),
        1 => (0..20_u32).prop_map(When::Nth),
        1 => moment().prop_map(When::After),
        1 => (moment(), length).prop_map(|(from, length)| When::Between(from, from + length)),
        1 => moment().prop_map(When::PermanentAfter),
    ]
}

#[cfg(test)]
mod tests;
