//! `list`, and which tests are meant.

use crate::{alone, bundle_of, simoom};

/// The names of the tests that are listed.
fn names(line: &str) -> Vec<String> {
    let said = simoom(&format!("list {{}} --tests --message-format json {line}")).ends_with(0);
    let names = said.events("test").into_iter();
    names
        .map(|it| it["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn simulated_tests_are_known_without_running_them() {
    let simulated = names("");
    assert!(simulated.contains(&"passes".to_owned()));
    assert!(!simulated.contains(&"is_ordinary".to_owned()));
    assert!(!simulated.contains(&"calls_check".to_owned()));
    assert_eq!(simulated.len(), 10, "{simulated:?}");
    assert!(names("--calls").contains(&"is_ordinary".to_owned()));
}

#[test]
fn filters_select_as_they_do_in_nextest() {
    assert_eq!(
        names("loses is_to"),
        ["is_to_panic", "loses_an_update", "loses_one_of_many"]
    );
    assert_eq!(names("-E test(=hangs)"), ["hangs"]);
    assert_eq!(names("-E test(/^loses/)-test(~many)"), ["loses_an_update"]);
    assert_eq!(names("-E binary(fail*)&kind(test)&test(#p*)"), ["passes"]);
    assert_eq!(
        names("-E test(=hangs) -E test(=passes)"),
        ["hangs", "passes"]
    );
    simoom("list {} --tests -E kind(lib)").ends_with(4);
}

#[test]
fn failures_are_listed_by_their_signatures() {
    let _alone = alone();
    let bundle = bundle_of("loses_an_update");
    let said = simoom("list --bundles --message-format json").ends_with(0);
    let bundles = said.events("bundle");
    let found = bundles.iter().find(|it| it["folder"] == *bundle);
    let found = found.expect("the bundle is listed");
    assert_eq!(found["test"], "failing::loses_an_update");
    assert_eq!(found["class"], "correctness");
    assert!(found["age_s"].as_u64().unwrap() < 600);
    let told = simoom("list --bundles").ends_with(0);
    told.says("correctness: panic sim/cli/fixture/tests/failing.rs")
        .says(" s ago");
}
