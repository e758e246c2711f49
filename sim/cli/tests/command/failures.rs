//! What is done with a failure.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::{alone, bundle_of, root, simoom, simoom_with};

#[test]
fn a_bundle_is_replayed_with_its_own_features() {
    let _alone = alone();
    let bundle = bundle_of("loses_an_update");
    let said = simoom(&format!("replay {bundle} --offline")).ends_with(81);
    assert!(said.errors.contains("an update is lost"), "{}", said.errors);
    assert!(
        said.errors.contains("exit      status 81"),
        "{}",
        said.errors
    );
}

#[test]
fn a_seed_is_replayed_by_the_name_of_its_test() {
    let _alone = alone();
    simoom("replay {} failing::hangs 0x5eed_0000_0000_0001").ends_with(83);
    simoom("replay {} passes 7").ends_with(0);
}

#[test]
fn a_failure_that_was_not_shrunk_is_minimized() {
    let _alone = alone();
    let line = "run -p simoom-fixture --features failing --offline loses_one_of_many \
                --seeds 10 --no-explain --message-format json";
    let words: Vec<_> = line.split_whitespace().collect();
    let said = simoom_with(&[("SIMOOM_SHRINK_REPLAYS", "0")], &words).ends_with(81);
    let example = said.events("group")[0]["example"].clone();
    let before = example["deviations"].as_u64().unwrap();
    assert!(before > 1, "it has {before} choices and was to have more");
    let bundle = example["bundle"].as_str().unwrap();
    let choices = || {
        let plan = fs::read_to_string(Path::new(bundle).join("plan.txt")).unwrap();
        plan.lines().filter(|line| line.contains(" = ")).count() as u64
    };
    assert!(choices() >= before);
    simoom(&format!("minimize {bundle} --offline"))
        .ends_with(0)
        .says(&format!("{before} choices before, 1 left"))
        .says("none of them can go");
    assert_eq!(choices(), 1, "the bundle holds what is left");
    simoom(&format!("replay {bundle} --offline")).ends_with(81);
}

/// What is drawn is made simple where that is asked for, and nowhere else.
#[test]
fn what_is_drawn_is_minimized_where_that_is_asked_for() {
    let _alone = alone();
    let bundle = bundle_of("loses_one_of_many");
    let said = "simple random numbers: all";
    let without = simoom(&format!("minimize {bundle} --offline")).ends_with(0);
    assert!(!without.output.contains(said), "{}", without.output);
    simoom(&format!("minimize {bundle} --entropy --offline"))
        .ends_with(0)
        .says(said)
        .says("1 left");
    let plan = fs::read_to_string(Path::new(&bundle).join("plan.txt")).unwrap();
    assert!(plan.contains("\nentropy - draw - 0 0 = 1"), "{plan}");
    let again = simoom(&format!("replay {bundle} --offline")).ends_with(81);
    assert!(again.errors.contains(said), "{}", again.errors);
}

#[test]
fn a_budget_bounds_minimizing() {
    let _alone = alone();
    simoom("minimize {} loses_one_of_many 0x5eed_0000_0000_0000 --replays 0")
        .ends_with(0)
        .says("when the budget ended it");
}

#[test]
fn a_failure_is_explained_at_length() {
    let _alone = alone();
    let bundle = bundle_of("loses_an_update");
    simoom(&format!("explain {bundle} --offline"))
        .ends_with(0)
        .says("an update is lost")
        .says("runs that fail if the rest is drawn anew")
        .says("the nearest run that passes differs in 1 choice")
        .says("what led to it");
}

#[test]
fn the_page_of_a_failure_is_made_where_it_is_missing() {
    let _alone = alone();
    let bundle = bundle_of("loses_an_update");
    let page = Path::new(&bundle).join("timeline.html");
    let before = fs::read_to_string(&page).unwrap();
    assert!(before.contains("an update is lost"));
    let path = page.display().to_string();
    simoom(&format!("timeline {bundle} --offline"))
        .ends_with(0)
        .says(&path);
    fs::remove_file(&page).unwrap();
    simoom(&format!("timeline {bundle} --offline"))
        .ends_with(0)
        .says(&path);
    assert!(fs::read_to_string(&page).unwrap() == before, "another page");
}

#[test]
fn records_part_where_they_differ() {
    let _alone = alone();
    let one = bundle_of("loses_an_update");
    let two = bundle_of("loses_one_of_many");
    simoom(&format!("diff {one} {one}/record.txt"))
        .ends_with(0)
        .says("the same run");
    let said = simoom(&format!("diff {one} {two} -U 1"))
        .ends_with(1)
        .says("differs");
    let signs = |sign: &str| {
        said.output
            .lines()
            .filter(|line| line.starts_with(sign))
            .count()
    };
    assert_eq!((signs("- "), signs("+ ")), (2, 2), "{}", said.output);
    simoom(&format!("diff {one} --offline"))
        .ends_with(1)
        .says("the nearest run that passes differs in 1 choice")
        .says("  passes ");
}

#[test]
fn a_moment_shows_every_node_and_every_task() {
    let _alone = alone();
    simoom("inspect {} hangs 7 --at 0.9s")
        .ends_with(0)
        .says("hangs: seed 0x0000_0000_0000_0007 at 0.900 s")
        .says("  server     alive   10.0.0.2  boot 0, clock 0.900 s")
        .says("tcp 0.0.0.0:80 listens, 0 wait to be accepted")
        .says("2 tasks")
        .says("    waits in sleep at sim/cli/fixture/tests/failing.rs:")
        .says("    waits in accept at sim/cli/fixture/src/lib.rs:")
        // What of a stack has a name depends on how much debug information there is.
        .says("      in ");
    simoom("inspect {} hangs 7 --at 3s")
        .ends_with(0)
        .says("the run ended before it came there: deadlock")
        .says("10.0.0.2:80 on server: open, 0 B to read");
}

#[test]
fn a_step_of_a_bundle_is_shown() {
    let _alone = alone();
    let bundle = bundle_of("loses_an_update");
    let line = format!("inspect {bundle} --offline --message-format json --at");
    let at = |step: u64| -> Value {
        let said = simoom(&format!("{line} step:{step}")).ends_with(0);
        serde_json::from_str(&said.output).unwrap()
    };
    let (one, two) = (at(1), at(2));
    assert_eq!((&one["polls"], &two["polls"]), (&1.into(), &2.into()));
    assert_eq!(one["ended"], Value::Null);
    let states = |it: &Value| it["tasks"].as_array().unwrap().len();
    assert_eq!(
        (states(&one), states(&two)),
        (2, 1),
        "the second task ends in the second step"
    );
    assert_eq!(one["nodes"][0]["name"], "test");
}

#[test]
fn what_is_saved_is_replayed_before_new_seeds() {
    let _alone = alone();
    let folder = root().join("sim/cli/fixture/simoom-regressions");
    let remove = || {
        let _ = fs::remove_dir_all(&folder);
    };
    remove();
    let bundle = bundle_of("is_saved");
    simoom(&format!("save {bundle} --offline"))
        .ends_with(0)
        .says("saved in");
    simoom(&format!("save {bundle} --offline"))
        .ends_with(0)
        .says("replaced in");
    let path = folder.join("failing/is_saved.txt");
    let text = fs::read_to_string(&path).unwrap_or_default();
    let said = simoom("run {} is_saved --seeds 1 --no-explain --message-format json");
    remove();
    assert!(text.contains("test failing::is_saved\n"), "{text}");
    assert_eq!(text.matches("simoom plan").count(), 1, "{text}");
    let said = said.ends_with(81);
    assert_eq!(said.events("group")[0]["example"]["of"], "saved");
    assert_eq!(
        said.events("finished")[0]["runs"],
        1,
        "the seed is run all the same"
    );
}
