//! Where two records part, and what is shown around it.

use super::part;

#[test]
fn runs_that_are_the_same_do_not_part() {
    assert_eq!(part(&["a", "b"], &["a", "b"], 3), None);
}

#[test]
fn the_first_event_that_differs_stands_between_its_neighbours() {
    let lines = part(&["a", "b", "c", "d"], &["a", "b", "x", "y"], 1).unwrap();
    let expected = ["  b", "- c", "- d", "+ x", "+ y"];
    assert_eq!(
        lines[0],
        "the first 2 events are the same; event 3 differs:"
    );
    assert_eq!(lines[1..], expected);
}

#[test]
fn a_run_may_end_where_the_other_goes_on() {
    let lines = part(&["a"], &["a", "b"], 0).unwrap();
    assert_eq!(lines[1..], ["- the run ends", "+ b"]);
}
