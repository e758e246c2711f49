//! Who reads and who writes, and in which order.

use std::sync::Arc;

use super::*;
use crate::sync::testing::{Polled, panics, ready};

#[test]
fn many_read_and_one_writes() {
    let lock = RwLock::new(1);
    let readers = [(); 3].map(|()| lock.try_read().unwrap());
    assert!(lock.try_write().is_err());
    drop(readers);
    let writer = lock.try_write().unwrap();
    assert!(lock.try_read().is_err());
    assert!(lock.try_write().is_err());
    drop(writer);
    assert!(lock.try_read().is_ok());
}

#[test]
fn a_writer_is_not_overtaken_by_readers() {
    let lock = RwLock::new(());
    let held = lock.try_read().unwrap();
    let mut writer = Polled::new(lock.write());
    assert!(!writer.is_ready());
    assert!(lock.try_read().is_err(), "a writer waits");
    let mut readers = [(); 2].map(|()| Polled::new(lock.read()));
    for reader in &mut readers {
        assert!(!reader.is_ready());
    }
    assert_eq!(lock.statistics().waiting, 3);
    drop(held);
    let guard = ready(writer.poll());
    assert!(readers.iter().all(|reader| !reader.is_woken()));
    drop(guard);
    // Both at once.
    let guards = readers.each_mut().map(|reader| ready(reader.poll()));
    assert!(lock.statistics().is_held);
    drop(guards);
    assert!(!lock.statistics().is_held);
}

#[test]
fn readers_go_on_when_a_writer_goes_away() {
    let lock = RwLock::new(());
    let held = lock.try_read().unwrap();
    let mut writer = Polled::new(lock.write());
    assert!(!writer.is_ready());
    let mut reader = Polled::new(lock.read());
    assert!(!reader.is_ready());
    drop(writer);
    assert!(reader.is_woken());
    drop(ready(reader.poll()));
    drop(held);
    assert!(lock.try_write().is_ok());
}

#[test]
fn a_writer_becomes_a_reader_before_anybody_writes() {
    let lock = Arc::new(RwLock::new((1, 2)));
    let mut writer = lock.try_write().unwrap();
    let mut next = Polled::new(lock.write());
    let mut reader = Polled::new(lock.read());
    assert!(!next.is_ready());
    assert!(!reader.is_ready());
    writer.0 = 3;
    let guard = RwLockWriteGuard::downgrade(writer);
    assert!(!next.is_woken());
    assert_eq!(guard.0, 3);
    drop(guard);
    assert!(next.is_ready());
    drop((next, reader));
    let Err(writer) =
        RwLockWriteGuard::try_downgrade_map(lock.try_write().unwrap(), |_| None::<&i32>)
    else {
        panic!("there is no such part")
    };
    let part = RwLockWriteGuard::downgrade_map(writer, |pair| &pair.1);
    assert_eq!((*part, lock.try_read().unwrap().0), (2, 3));
    drop(part);
    let writer = lock.clone().try_write_owned().unwrap();
    let Err(writer) = OwnedRwLockWriteGuard::try_downgrade_map(writer, |_| None::<&i32>) else {
        panic!("there is no such part")
    };
    let part = OwnedRwLockWriteGuard::downgrade_map(writer, |pair| &pair.1);
    assert!(Arc::ptr_eq(OwnedRwLockReadGuard::rwlock(&part), &lock));
    assert_eq!((*part, lock.try_read().unwrap().0), (2, 3));
    drop(part);
    let part = OwnedRwLockWriteGuard::downgrade(lock.clone().try_write_owned().unwrap());
    assert!(lock.try_read().is_ok());
    drop(part);
    assert!(lock.try_write().is_ok());
}

#[test]
fn parts_hold_the_lock() {
    let lock = Arc::new(RwLock::new((1, vec![2, 3])));
    let part = RwLockWriteGuard::map(lock.try_write().unwrap(), |pair| &mut pair.1);
    let Err(part) = RwLockMappedWriteGuard::try_map(part, |list| list.get_mut(7)) else {
        panic!("there is no such part")
    };
    let mut part = RwLockMappedWriteGuard::map(part, |list| &mut list[0]);
    *part += 10;
    assert!(lock.try_read().is_err());
    drop(part);
    let writer = lock.clone().try_write_owned().unwrap();
    let part = OwnedRwLockWriteGuard::map(writer, |pair| &mut pair.1);
    let Ok(mut part) = OwnedRwLockMappedWriteGuard::try_map(part, |list| list.get_mut(1)) else {
        panic!("there is such a part")
    };
    *part += 10;
    assert!(Arc::ptr_eq(
        OwnedRwLockMappedWriteGuard::rwlock(&part),
        &lock
    ));
    drop(part);
    let mut whole = RwLockWriteGuard::into_mapped(lock.try_write().unwrap());
    whole.0 += 10;
    drop(whole);
    let whole = OwnedRwLockWriteGuard::into_mapped(lock.clone().try_write_owned().unwrap());
    assert_eq!(*whole, (11, vec![12, 13]));
    assert!(lock.try_read().is_err());
    drop(whole);
    let reader = RwLockReadGuard::map(lock.try_read().unwrap(), |pair| &pair.1);
    let Ok(reader) = RwLockReadGuard::try_map(reader, |list| list.first()) else {
        panic!("there is such a part")
    };
    let owned = OwnedRwLockReadGuard::map(lock.clone().try_read_owned().unwrap(), |pair| &pair.0);
    let Err(owned) = OwnedRwLockReadGuard::try_map(owned, |_| None::<&i32>) else {
        panic!("there is no such part")
    };
    assert_eq!(
        format!("{reader} {reader:?} {owned} {owned:?}"),
        "12 12 11 11"
    );
    assert!(lock.try_write().is_err());
    drop((reader, owned));
    assert!(lock.try_write().is_ok());
}

#[test]
fn a_part_that_panics_gives_the_lock_back() {
    let lock = RwLock::new(1);
    assert!(panics(|| {
        let _ = RwLockWriteGuard::map(lock.try_write().unwrap(), |_| -> &mut i32 {
            panic!("no part")
        });
    }));
    assert!(panics(|| {
        let _ = RwLockReadGuard::map(lock.try_read().unwrap(), |_| -> &i32 { panic!("no part") });
    }));
    assert!(lock.try_write().is_ok());
}

#[test]
fn there_are_only_so_many_readers() {
    let lock = RwLock::with_max_readers((), 2);
    let readers = [(); 2].map(|()| lock.try_read().unwrap());
    assert!(lock.try_read().is_err());
    let mut third = Polled::new(lock.read());
    assert!(!third.is_ready());
    drop(readers);
    assert!(third.is_ready());
    assert!(panics(|| drop(RwLock::with_max_readers((), u32::MAX))));
}

#[test]
fn debug_shows_the_value_or_that_it_is_locked() {
    let mut lock = RwLock::from("value");
    assert_eq!(format!("{lock:?}"), r#"RwLock { data: "value" }"#);
    let guard = lock.try_write().unwrap();
    assert_eq!(format!("{guard:?} {guard}"), r#""value" value"#);
    assert_eq!(format!("{lock:?}"), "RwLock { data: <locked> }");
    drop(guard);
    *lock.get_mut() = "other";
    assert_eq!(lock.into_inner(), "other");
    assert_eq!(RwLock::<u8>::default().into_inner(), 0);
}
