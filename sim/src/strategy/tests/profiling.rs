//! What is learnt of a calm run.

use simoom::backend::OpKind;

use super::toy::site;
use crate::strategy::profile::Profiler;
use crate::strategy::sites::{Signature, Sites};
use crate::strategy::{Choose, Doing, Learnt, Profile, Step, Thing};

/// What a task of kin `kin` does at place `place`.
fn doing(kin: u64, kind: OpKind, thing: u32, place: u64) -> Doing {
    Doing {
        kin,
        kind: Some(kind),
        thing: Thing(thing),
        writes: kind != OpKind::Read,
        is_contained: true,
        site: site(place),
    }
}

fn profile(steps: &[(u64, Doing, bool)]) -> Profile {
    let mut profiler = Profiler::default();
    profiler.spawned(10, 11);
    for &(task, did, is_beside) in steps {
        profiler.completed(&Step {
            task,
            did,
            is_beside,
        });
    }
    match profiler.learnt() {
        Learnt::Profile(profile) => profile,
        other => panic!("{other:?}"),
    }
}

/// A change of thing `thing` after something else.
fn changed(thing: u32) -> Doing {
    doing(1, OpKind::Recv, thing, 4)
}

fn signature(did: Doing) -> Signature {
    let (task, is_beside) = (0, false);
    let step = Step {
        task,
        did,
        is_beside,
    };
    Sites::default().signature(&step).unwrap()
}

#[test]
fn a_profile_tells_what_tasks_share_and_how_often_each_does_it() {
    let (write, read) = (doing(1, OpKind::Write, 0, 0), doing(2, OpKind::Read, 0, 1));
    // Nobody changes thing 1, and one task alone thing 2.
    let (look, own) = (doing(1, OpKind::Read, 1, 2), doing(1, OpKind::Write, 2, 3));
    let profile = profile(&[
        (11, write, false),
        (11, write, false),
        (12, read, false),
        (11, look, false),
        (12, look, false),
        (11, own, false),
    ]);
    let site = |doing: &Doing| Sites::default().site(doing).unwrap();
    let shared: Vec<Vec<_>> = (profile.shared.iter())
        .map(|sites| sites.iter().copied().collect())
        .collect();
    let mut both = vec![site(&write), site(&read)];
    both.sort_unstable();
    assert_eq!(shared, [both]);
    assert_eq!(profile.counts[&(11, site(&write))], 2);
    assert_eq!(profile.counts[&(12, site(&read))], 1);
    assert_eq!(profile.parents[&11], 10);
    // Each finds what was there at first; the one that reads also what the other left, and that not
    // its own: it is one task.
    let mut pairs = vec![
        (signature(write), None),
        (signature(read), None),
        (signature(read), Some(signature(write))),
    ];
    pairs.sort_unstable();
    assert_eq!(profile.pairs, [pairs]);
}

#[test]
fn equal_siblings_find_what_each_other_left() {
    let write = doing(1, OpKind::Write, 0, 0);
    let profile = profile(&[(11, write, false), (12, write, false)]);
    let own = signature(write);
    assert_eq!(profile.pairs, [[(own, None), (own, Some(own))]]);
}

#[test]
fn giving_a_lock_back_and_joining_tell_nothing() {
    let (lock, send) = (doing(1, OpKind::Lock, 0, 0), doing(1, OpKind::Send, 1, 1));
    let (joined, ended) = (doing(1, OpKind::Join, 2, 2), doing(1, OpKind::Join, 2, 3));
    let unlock = Doing {
        thing: Thing(0),
        ..send
    };
    let steps = |task| {
        [
            (task, lock, false),
            (task, send, false),
            // After the send it gives the lock back.
            (task, unlock, true),
            (task, ended, true),
            (task, joined, false),
        ]
    };
    let told = profile(&[steps(11), steps(12)].concat());
    assert_eq!(told.shared.len(), 2, "the lock and the channel: {told:?}");
    assert!(told.shared.iter().all(|sites| sites.len() == 1), "{told:?}");
    assert_eq!(told.counts.len(), 4, "{told:?}");
    assert!(told.counts.values().all(|&count| count == 1), "{told:?}");
    // What changes another thing without waiting is told of, but is no operation to be counted.
    let notified = Doing {
        thing: Thing(4),
        ..send
    };
    let told = profile(
        &[11, 12]
            .map(|task| [(task, send, false), (task, notified, true)])
            .concat(),
    );
    assert_eq!(told.shared.len(), 1, "equal sets are one: {told:?}");
    assert!(told.counts.values().all(|&count| count == 1), "{told:?}");
    assert_eq!(told.counts.len(), 2, "{told:?}");
    // What it changes once it has given the lock back, it does not give back.
    let told = profile(
        &[11, 12]
            .map(|task| {
                [
                    (task, lock, false),
                    (task, unlock, true),
                    (task, changed(0), true),
                ]
            })
            .concat(),
    );
    assert_eq!(told.shared.len(), 1, "{told:?}");
    assert_eq!(told.shared[0].len(), 2, "{told:?}");
    // Who gives back what another took does change it.
    let given = Doing {
        thing: Thing(0),
        ..send
    };
    let told = profile(&[(11, lock, false), (12, given, true)]);
    assert_eq!(told.shared.len(), 1, "{told:?}");
    assert_eq!(told.shared[0].len(), 2, "{told:?}");
}

#[test]
fn the_count_of_choices_is_exact() {
    let horizon = |choices| Profile::of_choices(choices).horizon;
    assert_eq!([0, 1, 2, 3, 17, 133].map(horizon), [2, 2, 2, 3, 17, 133]);
}
