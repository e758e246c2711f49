//! The order of hash maps.

use std::collections::{HashMap, HashSet};
use std::hash::RandomState;

use simoom_sim::{Config, Sim, check};

use crate::{follows_from_the_seed, is_caught};

#[test]
fn maps_of_std_follow_from_the_seed() {
    let distinct = follows_from_the_seed("hash::maps_of_std_follow_from_the_seed", || {
        let map: HashMap<u32, ()> = (0..50).map(|key| (key, ())).collect();
        let set: HashSet<u32> = (0..50).collect();
        format!("{:?} {set:?}", map.keys().collect::<Vec<_>>())
    });
    assert_eq!(distinct, 10);
}

#[test]
fn hashbrown_with_the_state_of_std_follows_from_the_seed() {
    let test = "hash::hashbrown_with_the_state_of_std_follows_from_the_seed";
    let distinct = follows_from_the_seed(test, || {
        let keys = (0..50).map(|key| (key, ()));
        let map: hashbrown::HashMap<u32, (), RandomState> = keys.collect();
        format!("{:?}", map.keys().collect::<Vec<_>>())
    });
    assert_eq!(distinct, 10);
}

#[test]
fn hashbrown_by_itself_is_caught() {
    is_caught(|| {
        let map: hashbrown::HashMap<u32, ()> = (0..50).map(|key| (key, ())).collect();
        format!("{:?}", map.keys().collect::<Vec<_>>())
    });
}

#[test]
fn ahash_is_caught() {
    is_caught(|| {
        let map: ahash::AHashMap<u32, ()> = (0..50).map(|key| (key, ())).collect();
        format!("{:?}", map.keys().collect::<Vec<_>>())
    });
}

/// The fresh process shows what it logs, and its subscriber makes hash maps of its own.
#[test]
fn a_failure_that_depends_on_hash_order_is_confirmed() {
    let report = check(Config::default().persist(false), |sim: Sim| async move {
        let map: HashMap<u32, ()> = (0..8).map(|key| (key, ())).collect();
        let keys: Vec<_> = map.into_keys().collect();
        sim.note(&format!("{keys:?}"));
        assert_ne!(keys[0], 5, "five comes first");
    });
    let found = report.failure().expect("some seed begins with five");
    assert!(found.is_confirmed(), "{found}");
}
