//! Each known bug is found by the default strategy, as itself, and its fixed twin is clean.
//!
//! The command `known-bugs` measures how soon, and whether stored failures outlive edits.

use simoom_sim::Strategy;
use simoom_tests::known_bugs::{Twin, bugs};

/// One test for each bug.
macro_rules! found {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                found_and_fixed(stringify!($name));
            }
        )*

        const TESTED: &[&str] = &[$(stringify!($name)),*];
    };
}

found! {
    crossed_reply
    lost_connection
    uncounted_connection
    abandoned_request
    registered_twice
    torn_frame
    hole_in_stream
    lost_event
    lost_in_permit
    sent_while_closed
    missed_event
    left_in_queue
    leaked_slot
    too_many_peers
    dead_peer
    second_actor
    refreshed_twice
    recursive_read
    one_by_one
    head_gives_up
    handed_to_nobody
    woken_too_early
    told_twice
    update_first
    old_payload
    stale_cleanup
    grace_timer
    counted_twice
    open_transaction
    futurelock
    unpolled_loader
    reserved_slots
    full_mailboxes
    quiescence
    condvar_gap
    shared_future
    woken_twice
    no_capacity
    kept_byte
    unopened_streams
}

#[track_caller]
fn found_and_fixed(name: &str) {
    let bug = bugs().find(|bug| bug.name == name).expect(name);
    let config = bug.config().shrink(false);
    let calm = config.clone().strategy(Strategy::Calm).seeds(1);
    let plain = bug.check(calm, Twin::BUGGY);
    assert!(plain.failure().is_none(), "a plain test finds it: {plain}");
    let buggy = bug.check(config.clone(), Twin::BUGGY);
    let found = buggy.failure().expect("it is not found");
    let cause = found.cause().to_string();
    assert!(cause.contains(bug.fails), "another failure: {buggy}");
    let fixed = bug.check(config, Twin::FIXED);
    assert!(fixed.failure().is_none(), "the fixed twin fails: {fixed}");
    assert!(fixed.runs().len() as u64 >= bug.seeds, "all seeds were run");
}

#[test]
fn every_bug_is_tested_and_told_where_it_is_from() {
    let names: Vec<_> = bugs().map(|bug| bug.name).collect();
    assert_eq!(names, TESTED, "the same, and in the same order");
    for bug in bugs() {
        assert!(bug.source.starts_with("https://"), "{}", bug.name);
        assert!(bug.story.ends_with('.'), "{}", bug.name);
        let tested = names.iter().filter(|name| **name == bug.name).count();
        assert_eq!(tested, 1, "{}: the name is taken", bug.name);
    }
}

#[test]
fn the_book_lists_every_bug() {
    let page = include_str!("../../docs/book/src/known-bugs.md");
    for bug in bugs() {
        let (name, source, family) = (bug.name, bug.source, bug.family.name());
        let row = format!("| [`{name}`]({source}) | {family} | {} |", bug.story);
        assert!(
            page.contains(&row),
            "not as `known-bugs list` has it: {row}"
        );
        let measured = format!("| `{name}` |");
        assert!(
            page.contains(&measured),
            "not as `known-bugs table` has it: {name}"
        );
    }
}
