//! Things that several have some of.

use std::panic::Location;

use simoom::backend::OpKind;

use super::{Holder, Locks, Poller};
use crate::choice::PathId;
use crate::strategy::Thing;
use crate::world::node::NodeId;
use crate::world::tasks::TaskSlot;

const THING: Thing = Thing(7);

fn holder(birth: u64, kind: OpKind, amount: usize) -> Holder {
    Holder {
        poller: Poller {
            task: PathId(0),
            node: NodeId(0),
            deaths: 0,
            slot: TaskSlot(0),
            birth,
            waker: 0,
        },
        kind,
        amount,
        site: Location::caller(),
    }
}

fn locks(holders: &[Holder]) -> Locks {
    let mut locks = Locks {
        given_back: Some(Vec::new()),
        ..Locks::default()
    };
    locks.held.insert(THING, holders.to_vec());
    locks
}

fn left(locks: &Locks) -> Vec<(u64, usize)> {
    let held = locks.held();
    held.map(|(_, holder)| (holder.poller.birth, holder.amount))
        .collect()
}

#[test]
fn readers_of_one_lock_are_told_apart() {
    let reader = |birth| holder(birth, OpKind::Lock, 1);
    let mut locks = locks(&[reader(1), reader(2), reader(3)]);
    locks.give_back(THING, 1, Some(2));
    assert_eq!(left(&locks), [(1, 1), (3, 1)]);
    let given = locks.given_back.as_ref().map(|it| it[0].poller.birth);
    assert_eq!(given, Some(2));
    // Whoever has the guard now: it was the oldest that is left.
    locks.give_back(THING, 1, Some(9));
    locks.give_back(THING, 1, None);
    assert_eq!(left(&locks), []);
    assert!(locks.held.is_empty());
    locks.give_back(THING, 1, Some(1));
    assert_eq!(left(&locks), []);
}

#[test]
fn permits_are_given_back_in_parts_and_are_no_locks() {
    let permits = |birth, amount| holder(birth, OpKind::Send, amount);
    let mut locks = locks(&[permits(1, 3), permits(2, 2), permits(1, 1)]);
    assert_eq!(locks.locked().count(), 0);
    locks.give_back(THING, 2, Some(1));
    assert_eq!(left(&locks), [(1, 2), (2, 2)]);
    locks.give_back(THING, 3, Some(1));
    assert_eq!(left(&locks), [(2, 1)]);
    assert!(locks.given_back.is_some_and(|it| it.is_empty()));
}
