//! Which tests a filter takes, and what it says of one that it does not understand.

use super::{Subject, parse};

#[track_caller]
fn check(text: &str, expected: bool) {
    let subject = Subject {
        test: "store::writes_survive",
        package: "kv-store",
        binary: "durability",
        kind: "test",
    };
    let filter = parse(text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(filter.selects(&subject), expected, "{text}");
}

#[test]
fn names_are_compared_as_nextest_does() {
    check("test(writes)", true);
    check("test(=writes)", false);
    check("test(=store::writes_survive)", true);
    check("test(~survive)", true);
    check("test(/^store::w.*e$/)", true);
    check("test(/^w/)", false);
    check("test(#store::*)", true);
    check("test(#writes*)", false);
    check("package(kv-store)", true);
    check("package(kv)", false);
    check("package(kv*)", true);
    check("package({tv,kv}-[st]tore)", true);
    check("binary(durability)", true);
    check("binary(~dura)", true);
    check("kind(test)", true);
    check("kind(te)", false);
    check("all()", true);
    check("none()", false);
}

#[test]
fn operators_bind_as_in_nextest() {
    check("none() or all()", true);
    check("all() and none() or all()", true);
    check("all() or all() and none()", true);
    check("(all() or all()) and none()", false);
    check("not none() & !none()", true);
    check("not (all() | none())", false);
    check("all() - test(writes)", false);
    check("all() - test(reads) + none()", true);
    check("not test(reads)", true);
}

#[test]
fn names_may_hold_the_end() {
    check(r"test(\))", false);
    check(r"test(/survive$|\//)", true);
}

#[test]
fn what_is_wrong_is_named() {
    for (text, error) in [
        ("deps(kv)", "not known here"),
        ("tests(kv)", "no predicate tests()"),
        ("test(kv", "missing"),
        ("(all()", "not closed"),
        ("all() all()", "too much"),
        ("test(/(/)", "regex parse error"),
        ("", "predicate is missing"),
        ("all", "no parentheses"),
        (&"(".repeat(100_000), "nested too deep"),
        (&"!".repeat(100_000), "nested too deep"),
    ] {
        let found = parse(text).expect_err(text);
        assert!(found.contains(error), "{text}: {found}");
    }
}
