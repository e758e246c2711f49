//! Plans that are read back as they were written, and texts that are refused.

use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::{Fault, Kind, Plan, Profile, Ratio, Target, When};

fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z0-9-]{1,8}", ".{0,6}", "[ %>#=:,.]{1,4}"]
}

fn length() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (0..100_u64).prop_map(Duration::from_secs),
        (0..5_000_u64).prop_map(Duration::from_millis),
        any::<Duration>(),
    ]
}

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![
        Just(Target::Any),
        name().prop_map(Target::Node),
        (name(), name()).prop_map(|(from, to)| Target::Link { from, to }),
        (option::of(name()), name()).prop_map(|(node, pattern)| Target::Path { node, pattern }),
    ]
}

fn when() -> impl Strategy<Value = When> {
    prop_oneof![
        Just(When::Always),
        length().prop_map(When::After),
        (length(), length()).prop_map(|(from, until)| When::Between(from, until)),
        any::<u32>().prop_map(When::Nth),
        length().prop_map(When::PermanentAfter),
    ]
}

fn ratio() -> impl Strategy<Value = Ratio> {
    (1..=u32::MAX)
        .prop_flat_map(|whole| (0..=whole, Just(whole)))
        .prop_map(|(part, whole)| Ratio::new(part, whole))
}

fn fault() -> impl Strategy<Value = Fault> {
    let odds = (ratio(), ratio());
    let how_much = (
        any::<u64>(),
        any::<u64>(),
        length(),
        option::of(any::<u64>()),
    );
    let first = (select(Kind::ALL), target(), when());
    (first, odds, how_much, 0..3).prop_map(|(first, odds, how_much, expected)| {
        let (kind, target, when) = first;
        let (least, most, every, times) = how_much;
        let mut fault = Fault::new(kind)
            .target(target)
            .when(when)
            .probability(odds.0)
            .active(odds.1)
            .magnitude(least..=most)
            .every(every);
        fault.times = times;
        match expected {
            0 => fault,
            1 => fault.if_reached(),
            _ => fault.may_be_inert(),
        }
    })
}

fn plan() -> impl Strategy<Value = Plan> {
    let groups = vec((any::<u32>(), vec(name(), 0..4)), 0..3);
    let flags = (any::<bool>(), any::<bool>());
    (vec(fault(), 0..6), groups, vec(name(), 0..3), flags).prop_map(
        |(faults, groups, spared, (swarm, after_setup))| {
            let mut plan = faults.into_iter().fold(Plan::new(), Plan::fault);
            for (most, of) in groups {
                plan = plan.at_most(most, of);
            }
            plan = plan.spare(spared);
            plan.swarm = swarm;
            plan.after_setup = after_setup;
            plan
        },
    )
}

proptest! {
    #[test]
    fn a_plan_is_read_back_from_its_text(plan in plan()) {
        let text = plan.to_string();
        prop_assert_eq!(text.parse::<Plan>(), Ok(plan), "{}", text);
    }

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        let _ = text.parse::<Plan>();
        let _ = format!("simoom faults 1\n{text}").parse::<Plan>();
    }

    #[test]
    fn any_fields_are_read_or_refused(
        kind in select(Kind::ALL),
        key in "target|when|probability|active|magnitude|every|times|at_most|[a-z%=]{0,4}",
        value in "(node:|link:|path:|nth:|permanent:)?[0-9]{0,30}(ns|us|ms|s|B|ppm)?(\\.\\.|/|>|%)?[0-9a-f%]{0,30}.{0,3}",
    ) {
        let _ = format!("simoom faults 1\n{kind} {key}={value}").parse::<Plan>();
        let _ = format!("simoom faults 1\nat_most {value}\nspare {value}").parse::<Plan>();
    }
}

#[test]
fn a_plan_reads_as_documented() {
    let text = "
        # what a careful reader may write
        simoom faults 1
        disk.sync.failed target=path:data/* probability=1/100 times=3
        node.killed target=node:replica-1 when=2s..10s magnitude=100ms..5s every=500ms
        at_most 1 replica-1 replica-2 replica-3

        spare client
        swarm";
    let expected = Plan::new()
        .fault(
            Fault::new(Kind::DiskSyncFailed)
                .target(Target::path("data/*"))
                .probability(Ratio::one_in(100))
                .times(3),
        )
        .fault(
            Fault::new(Kind::NodeKilled)
                .target(Target::node("replica-1"))
                .when(When::Between(
                    Duration::from_secs(2),
                    Duration::from_secs(10),
                ))
                .lasting(Duration::from_millis(100)..=Duration::from_secs(5))
                .every(Duration::from_millis(500)),
        )
        .at_most(1, ["replica-1", "replica-2", "replica-3"])
        .spare(["client"])
        .swarm();
    assert_eq!(text.parse(), Ok(expected));
}

#[test]
fn all_errors_are_reported_with_their_lines() {
    let text = "simoom faults 1\n\
                node.kiled\n\
                node.killed when=soon magnitude=5..6 speed=3 often\n\
                at_most many a b\n\
                spare %zz\n\
                swarm now\n\
                node.paused probability=0.5\n";
    let errors = text.parse::<Plan>().unwrap_err();
    let lines: Vec<_> = errors.errors().iter().map(|error| error.line()).collect();
    assert_eq!(lines, [2, 3, 3, 3, 3, 4, 5, 6, 7]);
    let text = errors.to_string();
    for part in [
        "line 2: \"node.kiled\" names no kind of fault: did you mean node.killed?",
        "line 3: node.killed: when=soon is not understood: write 10s..",
        "line 3: node.killed: magnitude=5..6 is not understood: write 10ms..5s",
        "line 3: node.killed: \"speed\" says nothing: use target=",
        "line 4: at_most \"many\": write how many",
        "line 5: \"%zz\" is no name",
        "line 6: swarm stands alone: take \"now\" away",
        "line 7: node.paused: probability=0.5 is not understood: write 1/100",
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
}

#[test]
fn another_first_line_is_refused() {
    for bad in ["", "# only a comment", "simoom faults 2\n", "node.killed\n"] {
        let error = bad.parse::<Plan>().unwrap_err().to_string();
        assert!(error.contains("simoom faults 1"), "{error}");
    }
}

#[test]
fn every_profile_is_read_back_from_its_text() {
    for profile in Profile::ALL {
        let plan = Plan::from(profile);
        assert_eq!(plan.to_string().parse(), Ok(plan), "{profile}");
        assert_eq!(profile.to_string().parse(), Ok(profile));
    }
}
