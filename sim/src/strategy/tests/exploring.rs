//! What one run of an exhaustive exploration shows.

use simoom::backend::OpKind;

use super::toy::site;
use crate::strategy::{Choose, Doing, Explored, Explorer, Learnt, Orders, Step, Thing};

fn explored(did: &[(OpKind, u32, bool)]) -> Explored {
    let mut explorer = Explorer::new(&Orders::default(), 0, 100);
    for &(kind, thing, writes) in did {
        explorer.completed(&Step {
            task: 1,
            did: Doing {
                kin: 1,
                kind: Some(kind),
                thing: Thing(thing),
                writes,
                is_contained: true,
                site: site(0),
            },
            is_beside: false,
        });
    }
    match explorer.learnt() {
        Learnt::Orders(explored) => explored,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_thing_that_was_changed_and_then_read_was_changed() {
    let both = explored(&[(OpKind::Send, 1, true), (OpKind::Recv, 1, false)]);
    let changed = explored(&[(OpKind::Send, 1, true)]);
    let read = explored(&[(OpKind::Recv, 1, false)]);
    assert_eq!(both.first, changed.first);
    assert_ne!(both.first, read.first);
}
