//! Stores that are told as changes, and built from them again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use simoom::time::Instant;

use crate::store::journal::{Both, Change, WallTime, decode};
use crate::store::{End, Store, Ttl, Until};

fn clock(ms: u64) -> Both {
    Both {
        now: Instant::from_nanos(0) + Duration::from_millis(ms),
        wall: WallTime(1_000_000 + ms),
    }
}

fn at(ms: u64) -> Instant {
    clock(ms).now
}

/// The store that `bytes` make.
fn restored(mut bytes: &[u8], clock: Both) -> Store {
    let mut store = Store::new();
    while let Some(change) = decode(&mut bytes) {
        store.restore(change, clock);
    }
    assert!(bytes.is_empty(), "{bytes:?} is left over");
    store
}

/// Everything in `store`, as the changes that make it.
fn all(store: &Store, clock: Both) -> Vec<u8> {
    let mut bytes = Vec::new();
    store.changes(clock, 10, |piece| bytes.extend_from_slice(piece));
    bytes
}

fn strings<const N: usize>(values: [&str; N]) -> impl Iterator<Item = &[u8]> {
    values.into_iter().map(str::as_bytes)
}

/// A store with something of everything, and what was noted while it came to be.
fn busy() -> (Store, Vec<u8>) {
    let mut store = Store::new();
    let mut changes = Vec::new();
    for step in 0..12 {
        let now = at(step * 10);
        store.keep_changes(clock(step * 10));
        match step {
            0 => store.set(b"a", b"1", Until::Forever, now),
            1 => store.set(b"dies", b"x", Until::At(at(55)), now),
            2 => drop(store.add(b"n", 7, now)),
            3 => drop(store.push(b"list", End::Back, strings(["1", "2", "3"]), now)),
            4 => drop(store.push(b"list", End::Front, strings(["0"]), now)),
            5 => drop(store.pop(b"list", End::Back, now)),
            // Another value under a key that has died.
            6 => drop(store.push(b"dies", End::Back, strings(["reborn"]), now)),
            7 => drop(store.expire(b"list", at(5_000), now)),
            8 => store.set(b"later", b"y", Until::At(at(9_000)), now),
            9 => drop(store.persist(b"later", now)),
            10 => drop(store.remove(b"a", now)),
            _ => store.set(b"n", b"8", Until::Inherited, now),
        }
        changes.append(&mut store.take_changes());
    }
    (store, changes)
}

#[test]
fn doing_all_changes_again_gives_the_same_store() {
    let (store, changes) = busy();
    let now = clock(200);
    assert_eq!(all(&restored(&changes, now), now), all(&store, now));
}

#[test]
fn a_store_is_made_again_from_its_snapshot() {
    let (store, _) = busy();
    let now = clock(200);
    let snapshot = all(&store, now);
    let mut again = restored(&snapshot, now);
    assert_eq!(all(&again, now), snapshot);
    assert_eq!(again.get(b"n", at(200)), Some(&b"8"[..]));
    let elements: Vec<_> = again.elements(b"list", at(200)).unwrap().collect();
    assert_eq!(elements, [b"0", b"1", b"2"]);
    assert_eq!(
        again.ttl(b"list", at(200)),
        Ttl::Left(Duration::from_millis(4_800))
    );
    assert_eq!(again.ttl(b"later", at(200)), Ttl::Forever);
    assert!(!again.contains(b"list", at(5_000)));
}

#[test]
fn keys_die_by_the_wall_clock_while_nobody_runs() {
    let (_, changes) = busy();
    // A new process, whose own clock starts anew, long after.
    let now = Both {
        now: at(0),
        wall: WallTime(1_000_000 + 4_000),
    };
    let mut store = restored(&changes, now);
    assert!(store.contains(b"list", at(999)));
    assert!(!store.contains(b"list", at(1_000)));
    let late = Both {
        now: at(0),
        wall: WallTime(1_000_000 + 6_000),
    };
    assert!(!restored(&changes, late).contains(b"list", at(0)));
}

#[test]
fn broken_bytes_are_no_change() {
    let (_, changes) = busy();
    assert_eq!(decode(&mut &b""[..]), None);
    assert_eq!(decode(&mut &b"?\0\0\0\0"[..]), None);
    assert_eq!(decode(&mut &b"S\xff\xff\xff\xffab"[..]), None);
    let mut whole = &changes[..];
    decode(&mut whole).unwrap();
    let first = changes.len() - whole.len();
    for end in 0..first {
        assert_eq!(decode(&mut &changes[..end]), None);
    }
}

/// A store with a key that dies.
fn mortal() -> Store {
    let mut store = Store::new();
    store.set(b"a", b"1", Until::At(at(100)), at(0));
    store
}

#[test]
fn what_ends_a_key_that_was_dead_when_it_was_watched_is_no_change() {
    /// Ends the key, or leaves it dead.
    type End = fn(&mut Store);
    let ends: [(&str, End); 6] = [
        ("the primary removes it", |store| {
            store.follow(Change::Remove { key: b"a" }, clock(200));
        }),
        ("the primary removes all", |store| {
            store.follow(Change::Clear, clock(200));
        }),
        ("a copy without it", |store| {
            store.replace(Store::new(), at(200));
        }),
        ("a copy in which it is dead", |store| {
            store.replace(mortal(), at(200));
        }),
        ("it is removed after a promotion", |store| {
            store.follow_another(false);
            store.len(at(200));
        }),
        ("all are removed after a promotion", |store| {
            store.follow_another(false);
            store.clear(at(200));
        }),
    ];
    for (how, end) in ends {
        let mut store = mortal();
        store.follow_another(true);
        let [alive, dead] = [50, 150].map(|ms| {
            let changed = Arc::<AtomicBool>::default();
            store.watch(b"a", &changed, at(ms));
            changed
        });
        end(&mut store);
        assert!(alive.load(Ordering::Relaxed), "{how}: it was there");
        assert!(!dead.load(Ordering::Relaxed), "{how}: it was dead");
        store.follow_another(false);
        store.set(b"a", b"2", Until::Forever, at(300));
        assert!(dead.load(Ordering::Relaxed), "{how}: it is there again");
    }
}

#[test]
fn a_copy_in_which_a_key_lives_is_a_change_for_all() {
    let mut store = mortal();
    store.follow_another(true);
    let changed = Arc::<AtomicBool>::default();
    store.watch(b"a", &changed, at(150));
    let mut copy = Store::new();
    copy.set(b"a", b"1", Until::Forever, at(0));
    store.replace(copy, at(200));
    assert!(changed.load(Ordering::Relaxed));
}
