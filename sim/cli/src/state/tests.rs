//! How states of several machines are united, and which are not.

use super::{Done, State};
use crate::exit::Exit;
use crate::process::Failure;

fn failure(class: &str) -> Failure {
    Failure {
        class: class.to_owned(),
        ..Failure::default()
    }
}

fn done(seeds: &[(u64, u64)]) -> Done {
    let mut done = Done::default();
    for &(from, to) in seeds {
        done.add(from..to);
    }
    done
}

#[test]
fn stretches_of_seeds_are_united() {
    let done = done(&[(10, 20), (0, 5), (4, 8), (20, 22)]);
    assert_eq!(done.seeds, [(0, 8), (10, 22)]);
    assert_eq!(done.runs(), 20);
}

#[test]
fn what_is_missing_comes_first() {
    let done = done(&[(0, 8), (10, 22)]);
    assert_eq!(done.missing(0..100), 8..10);
    assert_eq!(done.missing(10..100), 22..100);
    assert!(done.missing(10..22).is_empty());
    assert_eq!(done.missing(5..9), 8..9);
    assert!(done.missing(2..6).is_empty());
}

#[test]
fn a_seed_that_two_machines_ran_counts_once() {
    let mut one = State::new(None, None);
    one.tests.insert("a".to_owned(), done(&[(0, 10)]));
    assert!(one.met("a", "deadlock", "0x01", &failure("liveness")));
    let mut two = State::new(None, None);
    two.tests.insert("a".to_owned(), done(&[(5, 20)]));
    two.met("a", "deadlock", "0x01", &failure("liveness"));
    two.met("a", "deadlock", "0x02", &failure("liveness"));
    two.met("b", "deadlock", "0x01", &failure("liveness"));
    one.unite(two).unwrap();
    assert_eq!(one.runs(), 20);
    let seeds: Vec<_> = one.groups.iter().map(|it| it.seeds.len()).collect();
    assert_eq!(seeds, [2, 1]);
    assert_eq!(one.exit().status(), 83);
}

#[test]
fn states_of_other_strategies_are_not_united() {
    let mut one = State::new(None, None);
    let two = State::new(Some("random".to_owned()), None);
    assert_eq!(one.unite(two).unwrap_err().exit, Exit::Usage);
}
