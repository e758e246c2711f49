//! The server and several clients in the simulator.

#[cfg(any(
    not(feature = "planted-crossed-reply"),
    feature = "planted-ack-before-fsync",
    feature = "planted-no-dir-sync"
))]
mod durable;
#[cfg(not(any(
    feature = "planted-lost-update",
    feature = "planted-crossed-reply",
    feature = "planted-ack-before-fsync",
    feature = "planted-no-dir-sync",
    feature = "planted-stale-read"
)))]
mod following;
mod linear;
#[cfg(any(
    feature = "planted-stale-read",
    not(any(
        feature = "planted-lost-update",
        feature = "planted-crossed-reply",
        feature = "planted-ack-before-fsync",
        feature = "planted-no-dir-sync"
    ))
))]
mod promotion;
#[cfg(not(any(
    feature = "planted-lost-update",
    feature = "planted-crossed-reply",
    feature = "planted-ack-before-fsync",
    feature = "planted-no-dir-sync",
    feature = "planted-stale-read"
)))]
mod roles;
// What these bugs break, the one in the client too.
#[cfg(not(any(
    feature = "planted-crossed-reply",
    feature = "planted-ack-before-fsync",
    feature = "planted-no-dir-sync"
)))]
mod status;
#[path = "../storm/mod.rs"]
mod storm;
#[cfg(not(any(
    feature = "planted-crossed-reply",
    feature = "planted-ack-before-fsync",
    feature = "planted-no-dir-sync"
)))]
mod survival;
#[cfg(not(any(
    feature = "planted-lost-update",
    feature = "planted-crossed-reply",
    feature = "planted-ack-before-fsync",
    feature = "planted-no-dir-sync",
    feature = "planted-stale-read"
)))]
mod trio;
mod workload;

use simoom_sim::{Config, Strategy, check};

use self::workload::{counters, own_keys};

fn sweep(strategy: Strategy, seeds: u64, first_seed: u64) -> Config {
    Config::default()
        .strategy(strategy)
        .seeds(seeds)
        .first_seed(first_seed)
        .persist(false)
}

#[cfg(not(feature = "planted-lost-update"))]
#[simoom_sim::test(seeds = 1000)]
async fn no_update_is_lost(sim: simoom_sim::Sim) {
    counters(sim).await;
}

#[cfg(not(feature = "planted-crossed-reply"))]
#[simoom_sim::test(seeds = 1000)]
async fn no_reply_goes_to_another_request(sim: simoom_sim::Sim) {
    own_keys(sim).await;
}

/// 200 seeds are enough for each planted bug that this is about.
#[cfg(not(any(
    feature = "planted-lost-update",
    feature = "planted-crossed-reply",
    feature = "planted-ack-before-fsync",
    feature = "planted-no-dir-sync"
)))]
#[simoom_sim::test(seeds = 500)]
async fn answers_are_those_of_one_map(sim: simoom_sim::Sim) {
    linear::answers_are_those_of_one_map(sim).await;
}

#[cfg(any(
    feature = "planted-lost-update",
    feature = "planted-crossed-reply",
    feature = "planted-ack-before-fsync",
    feature = "planted-no-dir-sync"
))]
#[test]
fn the_planted_bug_makes_answers_that_one_map_does_not_make() {
    let config = sweep(Strategy::Portfolio, 200, 0x5eed_0000_0000_0000).shrink(false);
    let report = check(config, linear::answers_are_those_of_one_map);
    let found = report.failure().expect("the planted bug is found");
    let cause = found.cause().to_string();
    assert!(
        cause.contains("history \"kv\": not linearizable"),
        "{found}"
    );
    assert!(found.is_confirmed(), "{found}");
}

/// A planted bug must be found, shown by a fresh process, and told in a few lines.
#[cfg(any(
    feature = "planted-lost-update",
    feature = "planted-crossed-reply",
    feature = "planted-ack-before-fsync",
    feature = "planted-no-dir-sync",
    feature = "planted-stale-read"
))]
#[track_caller]
fn assert_found(report: &simoom_sim::Report, expected: &str) {
    let found = report.failure().expect("the planted bug is found");
    assert!(found.cause().to_string().contains(expected), "{found}");
    assert!(found.is_confirmed(), "{found}");
    assert!(found.deviations() <= 4, "{found}");
    println!("{found}");
    // What it needs is in what led to it.
    let events = found.explanation().events().join("\n");
    let story = found.story();
    for line in story.iter().filter(|line| !line.contains("by the test")) {
        let what = line.split_whitespace().nth(2).unwrap_or_default();
        let told = match what.parse::<simoom_sim::Kind>() {
            Ok(fault) => format!("{fault} happens"),
            Err(_) if what == "task.preempted" => "is interrupted before".to_owned(),
            Err(_) => continue,
        };
        assert!(
            events.contains(&told),
            "{told} is not in\n{events}\n{found}"
        );
    }
}

#[cfg(feature = "planted-lost-update")]
#[test]
fn the_planted_lost_update_is_found() {
    let report = check(
        sweep(Strategy::Portfolio, 200, 0x5eed_0000_0000_0000),
        counters,
    );
    assert_found(&report, "an update was lost");
}

#[cfg(feature = "planted-crossed-reply")]
#[test]
fn the_planted_crossed_reply_is_found() {
    let report = check(
        sweep(Strategy::Portfolio, 200, 0x5eed_0000_0000_0000),
        own_keys,
    );
    assert_found(&report, "the reply to another request");
}

#[cfg(any(feature = "planted-ack-before-fsync", feature = "planted-no-dir-sync"))]
#[test]
fn the_planted_loss_of_acknowledged_writes_is_found() {
    let report = check(
        sweep(Strategy::Portfolio, 100, 0x5eed_0000_0000_0000),
        durable::the_plug_is_pulled_at_an_answer,
    );
    assert_found(&report, "an acknowledged write is lost");
}

#[cfg(feature = "planted-stale-read")]
#[test]
fn the_planted_stale_read_after_a_promotion_is_found() {
    let report = check(
        sweep(Strategy::Portfolio, 100, 0x5eed_0000_0000_0000),
        promotion::a_replica_is_promoted_at_an_answer,
    );
    assert_found(
        &report,
        "an acknowledged write is not read after a promotion",
    );
}

/// A small part of what the example `storm` does for as long as it is asked to.
#[cfg(not(any(
    feature = "planted-lost-update",
    feature = "planted-crossed-reply",
    feature = "planted-ack-before-fsync",
    feature = "planted-no-dir-sync",
    feature = "planted-stale-read"
)))]
#[simoom_sim::test(seeds = 16, persist = false, shrink = false)]
async fn what_clients_were_told_holds_under_a_storm(sim: simoom_sim::Sim) {
    let counts = storm::run::storm(sim).await;
    assert!(counts.acknowledged > 0 && counts.boots > 1, "{counts:?}");
}

/// Each planted bug is one that the storm finds: its rules are no decoration.
#[cfg(any(
    feature = "planted-lost-update",
    feature = "planted-crossed-reply",
    feature = "planted-ack-before-fsync",
    feature = "planted-no-dir-sync",
    feature = "planted-stale-read"
))]
#[test]
fn the_planted_bug_is_found_by_the_storm() {
    let config = sweep(Strategy::Portfolio, 200, 0x5eed_0000_0000_0000).shrink(false);
    let report = check(config, |sim| async {
        storm::run::storm(sim).await;
    });
    let found = report.failure().expect("the planted bug is found");
    let cause = found.cause().to_string();
    let rules = ["write is lost", "another request"];
    assert!(rules.iter().any(|rule| cause.contains(rule)), "{found}");
    assert!(found.is_confirmed(), "{found}");
}

/// Counts what it takes to find the planted bugs, over ranges of seeds from `KV_RANGES_FROM`.
///
/// Does nothing unless that variable is set: it is a measurement, and takes a while.
#[test]
fn seeds_to_each_planted_bug() {
    let Ok(first) = std::env::var("KV_RANGES_FROM") else {
        return;
    };
    let first: u64 = first.parse().expect("KV_RANGES_FROM is a number");
    for strategy in ["random", "pct:2", "pct:3", "portfolio"] {
        let strategy: Strategy = strategy.parse().expect("a strategy");
        if cfg!(feature = "planted-lost-update") {
            measure("lost-update", strategy, first, counters);
        }
        if cfg!(feature = "planted-crossed-reply") {
            measure("crossed-reply", strategy, first, own_keys);
        }
    }
}

/// Prints the mean number of seeds to the first failure over 20 disjoint ranges, as a JSON line.
fn measure<F>(bug: &str, strategy: Strategy, first: u64, test: fn(simoom_sim::Sim) -> F)
where
    F: Future<Output = ()> + 'static,
{
    let (mut seeds, mut left, mut raw, mut replays, mut missed) = (0, 0, 0, 0, 0);
    let ranges = 20;
    for range in 0..ranges {
        let config = sweep(strategy, 5_000, first + range * 100_000);
        let report = check(config, test);
        match report.failure() {
            Some(found) => {
                seeds += found.position().unwrap_or(0);
                left += found.deviations();
                raw += found.raw_deviations();
                replays += found.replays();
            }
            None => missed += 1,
        }
    }
    let hits = (ranges - missed).max(1);
    let mean = |sum: u64| sum as f64 / hits as f64;
    println!(
        "{{\"bug\":\"{bug}\",\"strategy\":\"{strategy}\",\"ranges\":{ranges},\"missed\":{missed},\
         \"mean_seeds\":{:.1},\"mean_raw_deviations\":{:.1},\"mean_deviations\":{:.2},\
         \"mean_replays\":{:.1}}}",
        mean(seeds),
        mean(raw as u64),
        mean(left as u64),
        mean(u64::from(replays))
    );
}

/// Writes the plans of 100 failures to the folder `KV_PLANS`, from the seed `KV_RANGES_FROM` on.
///
/// Does nothing unless both are set: it is the first half of `survive-edits`.
#[cfg(feature = "planted-lost-update")]
#[test]
fn plans_for_survival() {
    let (Ok(folder), Ok(first)) = (std::env::var("KV_PLANS"), std::env::var("KV_RANGES_FROM"))
    else {
        return;
    };
    let mut seed: u64 = first.parse().expect("KV_RANGES_FROM is a number");
    for plan in 0..100 {
        let report = check(sweep(Strategy::Portfolio, 5_000, seed), counters);
        let found = report.failure().expect("the planted bug is found");
        let path = format!("{folder}/{plan}.txt");
        std::fs::write(path, found.plan()).expect("the folder can be written to");
        seed = found.seed() + 1;
    }
}

/// Replays the plan that `SIMOOM_REPLAY` names and prints what came of it as a JSON line.
///
/// Does nothing unless that variable is set: it is the second half of `survive-edits`.
#[cfg(feature = "planted-lost-update")]
#[test]
fn replay_for_survival() {
    if std::env::var_os("SIMOOM_REPLAY").is_none() {
        return;
    }
    let report = check(Config::default().persist(false), counters);
    let fails = report
        .failure()
        .is_some_and(|found| found.cause().to_string().contains("an update was lost"));
    println!("{{\"fails\":{fails},\"notes\":{:?}}}", report.notes());
}
