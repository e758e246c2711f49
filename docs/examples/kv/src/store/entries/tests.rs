//! Keys, their values and their deadlines.

use std::time::Duration;

use simoom::time::Instant;

use super::{NumberError, Store, Ttl, Until};

/// The moment `ms` milliseconds after an arbitrary one.
fn at(ms: u64) -> Instant {
    Instant::from_nanos(0) + Duration::from_millis(ms)
}

#[test]
fn a_value_is_read_back_until_it_is_removed() {
    let mut store = Store::new();
    assert_eq!(store.get(b"a", at(0)), None);
    store.set(b"a", b"1", Until::Forever, at(0));
    store.set(b"", b"", Until::Forever, at(0));
    assert_eq!(store.get(b"a", at(9)), Some(&b"1"[..]));
    assert_eq!(store.get(b"", at(9)), Some(&b""[..]));
    store.set(b"a", b"2", Until::Forever, at(9));
    assert_eq!(store.get(b"a", at(9)), Some(&b"2"[..]));
    store.set(b"a", b"longer", Until::Forever, at(9));
    assert_eq!(store.get(b"a", at(9)), Some(&b"longer"[..]));
    assert_eq!(store.len(at(9)), 2);
    assert!(store.remove(b"a", at(9)));
    assert!(!store.remove(b"a", at(9)));
    assert_eq!(store.get(b"a", at(9)), None);
    store.clear(at(9));
    assert_eq!(store.len(at(9)), 0);
}

#[test]
fn a_key_is_gone_from_its_deadline_on() {
    let mut store = Store::new();
    store.set(b"a", b"1", Until::At(at(100)), at(0));
    assert_eq!(
        store.ttl(b"a", at(40)),
        Ttl::Left(Duration::from_millis(60))
    );
    assert_eq!(store.mortal_len(at(99)), 1);
    assert!(store.contains(b"a", at(99)));
    assert!(!store.contains(b"a", at(100)));
    assert_eq!(store.ttl(b"a", at(100)), Ttl::Missing);
    assert!(!store.remove(b"a", at(100)), "a dead key cannot be removed");
    assert!(
        !store.expire(b"a", at(200), at(100)),
        "a dead key cannot be revived"
    );
    assert!(
        !store.persist(b"a", at(100)),
        "a dead key cannot be revived"
    );
    assert_eq!(store.number(b"a", at(100)), Ok(0));
    assert_eq!((store.len(at(100)), store.mortal_len(at(100))), (0, 0));
}

#[test]
fn an_operation_on_one_key_frees_all_that_died() {
    let mut store = Store::new();
    for ms in 0..100_u64 {
        store.set(&ms.to_be_bytes(), b"v", Until::At(at(50 + ms % 10)), at(0));
    }
    store.set(b"a", b"1", Until::Forever, at(54));
    assert_eq!(store.entries.len(), 50 + 1);
    assert_eq!(store.deadlines.len(), 50);
}

#[test]
fn a_later_deadline_replaces_the_one_before() {
    let mut store = Store::new();
    store.set(b"a", b"1", Until::At(at(100)), at(0));
    assert!(store.expire(b"a", at(300), at(0)));
    assert!(store.contains(b"a", at(299)));
    assert_eq!(store.deadlines.len(), 1);
    store.set(b"a", b"1", Until::At(at(400)), at(299));
    assert!(store.contains(b"a", at(399)));
    assert!(
        store.expire(b"a", at(399), at(398)),
        "and so does an earlier one"
    );
    assert!(!store.contains(b"a", at(399)));
}

#[test]
fn setting_forgets_the_deadline_unless_told_to_inherit_it() {
    let mut store = Store::new();
    let mortal = Until::At(at(100));
    store.set(b"forever", b"1", mortal, at(0));
    store.set(b"forever", b"2", Until::Forever, at(1));
    store.set(b"inherited", b"1", mortal, at(0));
    store.set(b"inherited", b"2", Until::Inherited, at(1));
    store.set(b"added", b"1", mortal, at(0));
    store.add(b"added", 1, at(1)).unwrap();
    store.set(b"persistent", b"1", mortal, at(0));
    assert!(store.persist(b"persistent", at(1)));
    assert!(
        !store.persist(b"persistent", at(1)),
        "it has no deadline any more"
    );
    store.set(b"new", b"1", Until::Inherited, at(1));

    assert_eq!(store.ttl(b"forever", at(100)), Ttl::Forever);
    assert_eq!(store.ttl(b"inherited", at(100)), Ttl::Missing);
    assert_eq!(store.ttl(b"added", at(100)), Ttl::Missing);
    assert_eq!(store.ttl(b"persistent", at(100)), Ttl::Forever);
    assert_eq!(store.ttl(b"new", at(100)), Ttl::Forever);
    assert_eq!(store.mortal_len(at(100)), 0);
}

#[test]
fn a_removed_key_leaves_no_deadline_behind() {
    let mut store = Store::new();
    store.set(b"a", b"1", Until::At(at(100)), at(0));
    store.remove(b"a", at(0));
    store.set(b"a", b"2", Until::Forever, at(0));
    assert_eq!(store.get(b"a", at(200)), Some(&b"2"[..]));
}

#[test]
fn numbers_add_up_within_64_bits() {
    let mut store = Store::new();
    assert_eq!(store.add(b"n", 5, at(0)), Ok(5));
    assert_eq!(store.add(b"n", -7, at(0)), Ok(-2));
    assert_eq!(store.get(b"n", at(0)), Some(&b"-2"[..]));
    store.set(b"n", b"9223372036854775807", Until::Forever, at(0));
    assert_eq!(store.add(b"n", 1, at(0)), Err(NumberError::Overflow));
    assert_eq!(
        store.add(b"n", 0, at(0)),
        Ok(i64::MAX),
        "a refused sum changes nothing"
    );
    store.set(b"n", b"-9223372036854775808", Until::Forever, at(0));
    assert_eq!(store.add(b"n", -1, at(0)), Err(NumberError::Overflow));
    store.set(b"n", b"1.0", Until::Forever, at(0));
    assert_eq!(store.add(b"n", 1, at(0)), Err(NumberError::NotAnInteger));
}

#[test]
fn one_that_follows_shows_nothing_that_is_past_its_time_and_keeps_it() {
    let (now, later) = (at(0), at(1_000));
    let mut store = Store::new();
    store.set(b"a", b"1", Until::At(later), now);
    store.set(b"lives", b"1", Until::Forever, now);
    store.follow_another(true);
    assert_eq!(store.get(b"a", now), Some(&b"1"[..]));
    assert_eq!(store.get(b"a", later), None);
    assert_eq!(store.kind(b"a", later), None);
    assert!(!store.contains(b"a", later));
    assert_eq!(store.ttl(b"a", later), Ttl::Missing);
    assert_eq!(store.ttl(b"lives", later), Ttl::Forever);
    assert_eq!((store.len(later), store.mortal_len(later)), (2, 1));
    store.follow_another(false);
    assert_eq!(store.len(later), 1);
}
