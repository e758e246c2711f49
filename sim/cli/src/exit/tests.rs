//! Which status a sweep ends with, of all that it found.

use super::{Class, Exit};

#[test]
fn failures_of_one_class_end_with_its_status() {
    assert_eq!(Exit::of_classes(["crash", "crash"]).status(), 82);
    assert_eq!(Exit::of_classes([]).status(), 0);
}

#[test]
fn nondeterminism_outweighs_other_classes() {
    let exit = Exit::of_classes(["crash", "nondeterminism"]);
    assert_eq!(exit, Exit::Class(Class::Nondeterminism));
    assert_eq!(Exit::of_classes(["crash", "timeout"]), Exit::Several);
}

#[test]
fn what_fails_outside_of_a_simulation_outweighs_all() {
    assert_eq!(
        Exit::of_classes(["process", "nondeterminism"]),
        Exit::Outside
    );
    assert_eq!(Exit::of_replay(Some(101)), Exit::Outside);
    assert_eq!(Exit::of_replay(None), Exit::Outside);
    assert_eq!(Exit::of_replay(Some(83)), Exit::Class(Class::Liveness));
}
