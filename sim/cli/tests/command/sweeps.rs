//! `run` and `merge`.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{alone, fresh, simoom};

/// The numbers of the seeds that the batches of a sweep ran.
fn seeds(batches: &[Value]) -> Vec<u64> {
    let mut seeds = Vec::new();
    for batch in batches {
        let text = batch["first_seed"].as_str().unwrap().replace('_', "");
        let first = u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap();
        seeds.extend((0..batch["runs"].as_u64().unwrap()).map(|number| first + number));
    }
    seeds.sort_unstable();
    seeds
}

#[test]
fn failures_are_grouped_by_their_signatures() {
    let _alone = alone();
    let said = simoom("run {} fails_in_two_ways passes --seeds 150 --message-format json");
    let said = said.ends_with(81);
    let groups = said.events("group");
    assert_eq!(groups.len(), 2, "{}", said.output);
    for (group, message) in groups.iter().zip(["an update is lost", "nothing is said"]) {
        let signature = group["signature"].as_str().unwrap();
        assert!(signature.ends_with(message), "{signature}");
        let met = group["met"].as_u64().unwrap();
        assert!((2..150).contains(&met), "{met} seeds fail so");
        assert_eq!(met, group["seeds"].as_array().unwrap().len() as u64);
        assert_eq!(group["example"]["confirmed"], "yes");
        assert!(
            group["replay"]
                .as_str()
                .unwrap()
                .starts_with("cargo simoom replay target/")
        );
    }
    let finished = &said.events("finished")[0];
    assert_eq!(finished["runs"], 300, "every seed of both tests was run");
    // Each signature is looked into once, however often it is met.
    assert_eq!(said.events("failure").len(), 2);
    let ran: BTreeSet<_> = seeds(&said.events("batch")).into_iter().collect();
    assert_eq!(ran.len(), 150);
    // What is known ends no batch, or there were one for each failing seed.
    let batches = said.events("batch").len();
    assert!(batches < 15, "{batches} batches");
}

#[test]
fn what_is_not_numbered_by_seeds_runs_once() {
    let _alone = alone();
    let line = "run {} -E test(=tries_every_order) --message-format json";
    for budget in ["", " --seeds 500", " --time 1min"] {
        let said = simoom(&format!("{line}{budget}")).ends_with(0);
        let batches = said.events("batch");
        let runs = said.events("finished")[0]["runs"].as_u64().unwrap();
        assert!(runs > 16, "{runs} are no more than the first batch");
        assert_eq!(batches.last().unwrap()["runs"], runs, "{}", said.output);
        assert!(batches.len() <= 2, "{}", said.output);
    }
}

#[test]
fn ordinary_tests_may_call_check() {
    let _alone = alone();
    simoom("run {} calls_check").ends_with(4);
    let said = simoom("run {} --calls calls_check is_ordinary --seeds 40 --message-format json");
    let said = said.ends_with(81);
    let group = &said.events("group")[0];
    assert_eq!(group["test"], "simoom-fixture::failing calls_check");
    assert_eq!(
        said.events("finished")[0]["runs"],
        40,
        "an ordinary test makes no run"
    );
    let bundle = group["example"]["bundle"].as_str().unwrap();
    simoom(&format!("replay {bundle} --offline")).ends_with(81);
}

#[test]
fn people_are_told_how_often_and_how_to_replay() {
    let _alone = alone();
    simoom("run {} loses_an_update")
        .ends_with(81)
        .says("1 test, 200 runs")
        .says("correctness  simoom-fixture::failing loses_an_update")
        .says(" of 200 runs, first in 0x5eed_0000_0000_0")
        .says("task.preempted")
        .says("replay  cargo simoom replay target/simoom/simoom-fixture/failing/loses_an_update/");
}

#[test]
fn a_sweep_goes_on_where_it_stopped() {
    let _alone = alone();
    let state = fresh("resumed.json");
    let run = |seeds: u64| {
        let line = format!("run {{}} -E test(=passes) --state {state} --message-format json");
        simoom(&format!("{line} --seeds {seeds}")).ends_with(0)
    };
    let (first, second, third) = (run(20), run(50), run(50));
    let first = seeds(&first.events("batch"));
    let more = seeds(&second.events("batch"));
    assert_eq!((first.len(), more.len()), (20, 30));
    assert_eq!(first.last().unwrap() + 1, more[0]);
    assert!(third.events("batch").is_empty(), "all of it is done");
    assert_eq!(third.events("finished")[0]["runs"], 50);
}

#[test]
fn what_a_state_found_is_known_to_those_who_go_on() {
    let _alone = alone();
    let state = fresh("known.json");
    let line = format!("run {{}} loses_an_update --state {state} --message-format json");
    let one = simoom(&format!("{line} --seeds 30")).ends_with(81);
    let two = simoom(&format!("{line} --seeds 60")).ends_with(81);
    assert_eq!(one.events("failure").len(), 1);
    assert!(two.events("failure").is_empty());
    let met = |said: &crate::Said| said.events("group")[0]["met"].as_u64().unwrap();
    assert!(met(&one) < met(&two));
}

#[test]
fn another_strategy_does_not_go_on_with_a_state() {
    let state = fresh("strategies.json");
    let line = format!("run {{}} -E test(=passes) --seeds 2 --state {state}");
    simoom(&line).ends_with(0);
    let said = simoom(&format!("{line} --strategy random")).ends_with(2);
    assert!(said.errors.contains("other strategies"), "{}", said.errors);
}

#[test]
fn parts_of_a_sweep_make_up_the_whole() {
    let _alone = alone();
    let line = "run {} loses_an_update --seeds 60 --no-explain --message-format json";
    let whole = simoom(line).ends_with(81);
    let mut ran = Vec::new();
    let mut states = Vec::new();
    for index in 1..=3 {
        let state = fresh(&format!("part-{index}.json"));
        let said = simoom(&format!(
            "{line} --partition count:{index}/3 --state {state}"
        ));
        ran.extend(seeds(&said.ends_with(81).events("batch")));
        states.push(state);
    }
    ran.sort_unstable();
    assert_eq!(ran, seeds(&whole.events("batch")), "each seed is run once");
    let (united, junit) = (fresh("united.json"), fresh("united.xml"));
    let merged = simoom(&format!(
        "merge {} -o {united} --junit {junit} --message-format json",
        states.join(" ")
    ));
    let merged = merged.ends_with(81);
    assert_eq!(merged.events("finished")[0]["runs"], 60);
    let seeds = |said: &crate::Said| said.events("group")[0]["seeds"].clone();
    assert_eq!(seeds(&merged), seeds(&whole));
    simoom(&format!("merge {united}"))
        .ends_with(81)
        .says("60 runs");
    let junit = std::fs::read_to_string(junit).unwrap();
    assert!(
        junit.contains("tests=\"1\"") && junit.contains("failures=\"1\""),
        "{junit}"
    );
}

#[test]
fn a_time_bounds_a_sweep() {
    let said = simoom("run {} -E test(=passes) --time 1.5s --message-format json").ends_with(0);
    let batches = said.events("batch");
    assert!(batches.len() > 1, "one batch is not all that fits");
    let runs = |batch: &Value| batch["runs"].as_u64().unwrap();
    assert!(runs(&batches[1]) > runs(&batches[0]), "batches grow");
    assert!(said.events("finished")[0]["spent_ms"].as_u64().unwrap() >= 1_500);
}

#[test]
fn ci_servers_read_what_failed() {
    let _alone = alone();
    let junit = fresh("report.xml");
    simoom(&format!(
        "run {{}} hangs passes --seeds 3 --no-explain --junit {junit}"
    ))
    .ends_with(83);
    let junit = std::fs::read_to_string(junit).unwrap();
    for text in [
        "<testsuite name=\"simoom-fixture::failing\" tests=\"2\"",
        "<testcase name=\"passes\"",
        "<failure message=\"deadlock",
        "type=\"liveness\"",
        "waits in accept",
    ] {
        assert!(junit.contains(text), "no {text} in:\n{junit}");
    }
}

#[test]
fn the_strategy_of_the_command_line_counts() {
    let line = "run {} -E test(=loses_an_update) --seeds 20 --strategy calm";
    simoom(line).ends_with(0).says("nothing failed");
}
