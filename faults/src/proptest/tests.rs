//! What is drawn can be carried out, is read back, and shrinks to what is mild.

use std::collections::BTreeSet;

use ::proptest::prelude::*;
use ::proptest::strategy::ValueTree;
use ::proptest::test_runner::{TestError, TestRunner};

use super::{faults, kinds, plans, profiles};
use crate::{Expected, Fault, Kind, Plan, Profile, Target, When};

proptest! {
    #[test]
    fn what_is_drawn_can_be_carried_out(
        plan in plans(["a", "b", "c"]),
        nameless in plans::<String>([]),
    ) {
        for plan in [plan, nameless.clone()] {
            prop_assert!(plan.check().is_ok(), "{:?} in {plan}", plan.check());
            prop_assert_eq!(plan.to_string().parse(), Ok(plan));
        }
        prop_assert!(nameless.names().is_empty());
    }

    #[test]
    fn a_fault_may_do_nothing_and_names_what_it_is_told(fault in faults(["a"])) {
        prop_assert_eq!(fault.expected(), Expected::MayBeInert);
        let named = match fault.where_it_hits() {
            Target::Node(name) | Target::Path { node: Some(name), .. } => Some(name.as_str()),
            Target::Any | Target::Path { .. } => None,
            Target::Link { .. } => Some("a link of one node"),
        };
        prop_assert!(named.is_none_or(|name| name == "a"), "{fault}");
    }
}

#[test]
fn every_kind_and_every_profile_is_drawn() {
    let mut runner = TestRunner::deterministic();
    let mut seen = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..2_000 {
        seen.0.insert(drawn(&kinds(), &mut runner));
        seen.1.insert(drawn(&profiles(), &mut runner).to_string());
    }
    assert_eq!(seen.0.len(), Kind::ALL.len());
    assert_eq!(seen.1.len(), Profile::ALL.len());
}

#[test]
fn a_plan_shrinks_to_the_mildest_that_still_fails() {
    let mut runner = TestRunner::deterministic();
    let found = runner.run(&plans(["a", "b"]), |plan| {
        let is_bad = |fault: &Fault| fault.kind() == Kind::DiskSyncFailed;
        prop_assert!(!plan.faults().iter().any(is_bad));
        Ok(())
    });
    let Err(TestError::Fail(_, plan)) = found else {
        panic!("no plan of 256 has a sync that fails");
    };
    assert_eq!(
        plan,
        Plan::from(Fault::new(Kind::DiskSyncFailed).may_be_inert())
    );
    assert_eq!(plan.faults()[0].schedule(), When::Always);
}

fn drawn<S: Strategy>(strategy: &S, runner: &mut TestRunner) -> S::Value {
    strategy
        .new_tree(runner)
        .expect("nothing is refused")
        .current()
}
