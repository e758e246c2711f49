//! What a target covers.

use super::{Place, Target};

#[track_caller]
fn check(pattern: &str, path: &str, expected: bool) {
    let covers = Target::path(pattern).covers(&Place::file("n", path));
    assert_eq!(covers, expected, "{pattern:?} against {path:?}");
}

#[test]
fn a_star_stands_for_any_text() {
    check("data/wal", "data/wal", true);
    check("data/wal", "data/wal2", false);
    check("data/*", "data/", true);
    check("*/wal", "a/b/wal", true);
    check("*wal*", "data/wal.1", true);
    check("a*b*c", "a-b-b-c", true);
    check("a*b*c", "a-c-b", false);
    check("*", "", true);
    check("", "x", false);
    check("a**", "a", true);
}

#[test]
fn a_node_is_hit_on_its_links_in_both_directions() {
    let link = Place::link("a", "b");
    assert!(Target::node("a").covers(&link));
    assert!(Target::node("b").covers(&link));
    assert!(!Target::node("c").covers(&link));
    assert!(Target::link("a", "b").covers(&link));
    assert!(!Target::link("b", "a").covers(&link));
}

#[test]
fn a_pattern_of_paths_hits_nothing_without_a_path() {
    assert!(!Target::path("*").covers(&Place::node("a")));
    assert!(Target::path_on("a", "*").covers(&Place::file("a", "x")));
    assert!(!Target::path_on("a", "*").covers(&Place::file("b", "x")));
    assert!(Target::Any.covers(&Place::node("a")));
}
