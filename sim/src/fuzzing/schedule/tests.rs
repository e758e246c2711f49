//! Every byte string is a schedule, and what is changed still is one.

use super::{HEAD, RECORD, Schedule};
use crate::choice::value;
use crate::fuzzing::{crossed, mutated, run};
use crate::{Config, Sim};

fn bytes(seed: u64) -> Vec<u8> {
    let count = value(seed, 1, 0) % 100;
    (0..count)
        .map(|index| value(seed, 2, index) as u8)
        .collect()
}

#[test]
fn any_bytes_are_a_schedule_which_is_read_back() {
    for seed in 0..1_000 {
        let schedule = Schedule::decode(&bytes(seed));
        let encoded = schedule.encode();
        assert_eq!(Schedule::decode(&encoded), schedule, "{:?}", bytes(seed));
        assert_eq!(Schedule::decode(&encoded).encode(), encoded);
    }
}

#[test]
fn a_record_that_is_not_whole_is_none() {
    let two = [&[1, 0, 0, 0][..], &[7; RECORD], &[8; RECORD - 1]].concat();
    assert_eq!(Schedule::decode(&two).encode(), two[..HEAD + RECORD]);
}

#[test]
fn changes_keep_to_the_room_and_reach_every_place() {
    let places: Vec<u64> = (0..20).collect();
    let mut schedule = Schedule::decode(&[1]);
    let mut reached = std::collections::BTreeSet::new();
    for seed in 0..3_000 {
        schedule = mutated(&schedule, &places, HEAD + 5 * RECORD, seed);
        assert!(schedule.encode().len() <= HEAD + 5 * RECORD);
        reached.extend(schedule.records().into_keys());
        let other = mutated(&schedule, &places, 200, seed);
        let both = crossed(&schedule, &other, HEAD + 3 * RECORD, seed);
        assert!(both.encode().len() <= HEAD + 3 * RECORD);
        let parents = [schedule.records(), other.records()];
        for (place, number) in both.records() {
            assert!(parents.iter().any(|it| it.get(&place) == Some(&number)));
        }
    }
    assert_eq!(reached.len(), places.len());
}

/// Two tasks, of which the second comes first if a choice says so.
async fn two_tasks(_sim: Sim) {
    let log = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let lock = std::rc::Rc::new(simoom::sync::Mutex::new(()));
    let one = {
        let (log, lock) = (log.clone(), lock.clone());
        simoom::task::spawn_local(async move {
            drop(lock.lock().await);
            log.borrow_mut().push(0);
        })
    };
    let two = {
        let log = log.clone();
        simoom::task::spawn_local(async move {
            drop(lock.lock().await);
            log.borrow_mut().push(1);
        })
    };
    for task in [one, two] {
        task.await.unwrap();
    }
    assert_eq!(*log.borrow(), [0, 1], "another order");
}

#[test]
fn a_record_decides_at_its_place_whatever_else_is_there() {
    let config = Config::default();
    let calm = run(&config, &Schedule::decode(&[1]), two_tasks);
    assert!(calm.failure().is_none());
    let at = |place: u64| [&place.to_le_bytes()[..], &[0; 4]].concat();
    let of = |records: &[u8]| Schedule::decode(&[&[1, 0, 0, 0], records].concat());
    let failing: Vec<u64> = (calm.places().iter().copied())
        .filter(|&place| run(&config, &of(&at(place)), two_tasks).failure().is_some())
        .collect();
    assert!(!failing.is_empty(), "some choice changes the order");
    assert!(failing.len() < calm.places().len(), "not every one does");
    // A record of a place that there is not changes nothing.
    for place in failing {
        let alone = run(&config, &of(&at(place)), two_tasks);
        let beside = run(&config, &of(&[at(12_345), at(place)].concat()), two_tasks);
        assert_eq!(alone.hash(), beside.hash());
    }
}

#[test]
fn other_orders_have_other_traits() {
    let config = Config::default();
    let calm = run(&config, &Schedule::decode(&[1]), two_tasks);
    let again = run(&config, &Schedule::decode(&[1]), two_tasks);
    assert!(calm.traits().eq(again.traits()));
    let failing = (0..200).map(|seed: u16| {
        let [low, high] = seed.to_le_bytes();
        run(&config, &Schedule::decode(&[1, 1, low, high]), two_tasks)
    });
    let mut failing = failing.filter(|it| it.failure().is_some());
    assert!(failing.any(|it| !it.traits().eq(calm.traits())));
}
