//! Plans that can be carried out, and everything that is wrong with those that cannot.

use std::time::Duration;

use crate::{Family, Fault, Kind, Plan, Profile, Target, When};

#[test]
fn all_problems_are_reported_together() {
    let plan = Plan::new()
        .fault(Fault::new(Kind::NodeKilled).magnitude(0..=5))
        .fault(
            Fault::new(Kind::NetSegmentLost)
                .magnitude(1..=7)
                .target(Target::path("*"))
                .when(When::Between(
                    Duration::from_secs(2),
                    Duration::from_secs(1),
                )),
        )
        .fault(Fault::new(Kind::NodePaused).every(Duration::ZERO).times(0))
        .fault(Fault::new(Kind::DiskReadFailed).target(Target::link("a", "b")))
        .at_most(1, Vec::<String>::new())
        .spare([""]);
    let error = plan.check().unwrap_err();
    assert_eq!(error.problems().len(), 9, "{error}");
    let text = error.to_string();
    for part in [
        "fault 1 (node.killed): its least magnitude is 0",
        "fault 2 (net.segment.lost): it has no magnitude",
        "fault 2 (net.segment.lost): it may happen from 2s until before 1s, which is never",
        "fault 2 (net.segment.lost): it happens to no file",
        "fault 3 (node.paused): it has an opportunity every 0ns",
        "fault 3 (node.paused): it may happen 0 times",
        "fault 4 (disk.read.failed): it happens on no link",
        "at most 1 of []: names no node",
        "the spared nodes: hold an empty name",
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
}

#[test]
fn every_profile_can_be_carried_out() {
    for profile in Profile::ALL {
        assert_eq!(Plan::from(profile).check(), Ok(()), "{profile}");
    }
}

#[test]
fn every_kind_has_a_valid_default() {
    for &kind in Kind::ALL {
        assert_eq!(Plan::from(Fault::new(kind)).check(), Ok(()), "{kind}");
    }
}

#[test]
fn a_plan_can_do_without_kinds_and_families() {
    let plan = Plan::from(Profile::hostile());
    let families = |plan: &Plan| {
        let mut families: Vec<_> = plan.faults().iter().map(|it| it.kind().family()).collect();
        families.sort();
        families.dedup();
        families
    };
    assert!(families(&plan).contains(&Family::Net));
    assert!(!families(&plan.clone().without_family(Family::Net)).contains(&Family::Net));
    assert_eq!(families(&plan.clone().only(Family::Node)), [Family::Node]);
    let left = plan.without(Kind::NodeKilled);
    assert!(left.faults().iter().all(|it| it.kind() != Kind::NodeKilled));
}
