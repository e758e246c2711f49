//! Properties whose bodies are simulations: both shrinkers take part, and each is needed.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{
    Config as ProptestConfig, RngAlgorithm, TestError, TestRng, TestRunner,
};
use simoom::sync::Mutex;
use simoom_sim::faults::Family;
use simoom_sim::proptest::{Operations, faults, operations, run, schedules};
use simoom_sim::{Config, Kind, Plan, Sim};

/// A runner that draws the same in every process and keeps no file.
fn runner(cases: u32, shrinks: bool) -> TestRunner {
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: if shrinks { 10_000 } else { 0 },
        ..ProptestConfig::default()
    };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// Adds the amounts up, each in a task of its own. An amount of 50 and more is added in two steps,
/// between which others may come: that needs such an amount, another one, and an order of tasks.
async fn add_up(amounts: Vec<u32>) -> u32 {
    let sum = Arc::new(Mutex::new(0));
    let mut tasks = Vec::new();
    for amount in amounts {
        let sum = sum.clone();
        tasks.push(simoom::spawn(async move {
            if amount < 50 {
                *sum.lock().await += amount;
                return;
            }
            let seen = *sum.lock().await;
            *sum.lock().await = seen + amount;
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    *sum.lock().await
}

fn adding(config: Config, amounts: Vec<u32>) -> Result<(), TestCaseError> {
    run(config, amounts, |_sim, amounts| async move {
        let expected: u32 = amounts.iter().sum();
        assert_eq!(add_up(amounts).await, expected, "an amount was lost");
    })
}

fn amounts() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(0..100_u32, 0..20)
}

/// The smallest input that proptest found, and the message.
fn found(runner: &mut TestRunner, config: &Config) -> (Vec<u32>, String) {
    let found = runner.run(&amounts(), |amounts| adding(config.clone(), amounts));
    match found {
        Err(TestError::Fail(story, amounts)) => (amounts, story.message().to_owned()),
        other => panic!("the bug is there: {other:?}"),
    }
}

/// How many choices the story has before shrinking and after.
fn choices(story: &str) -> (usize, usize) {
    let line = story.lines().find(|line| line.contains("shrunk from "));
    let line = line.unwrap_or_else(|| panic!("it was shrunk: {story}"));
    let (from, to) = line.split_once(" to ").expect("it says to what");
    let (to, _) = to.split_once(" in ").expect("it says how");
    let sum = |text: &str| {
        text.split([' ', ','])
            .filter_map(|it| it.parse::<usize>().ok())
            .sum()
    };
    (sum(from), sum(to))
}

#[test]
fn a_bug_of_input_and_order_shrinks_in_both() {
    let config = Config::default().seeds(5);
    let (amounts, story) = found(&mut runner(256, true), &config);
    let mut sorted = amounts;
    sorted.sort_unstable();
    assert_eq!(sorted, [1, 50], "{story}");
    assert!(story.contains("an amount was lost"), "{story}");
    assert!(choices(&story).1 <= 2, "{story}");
}

#[test]
fn without_proptest_the_input_stays_large() {
    let config = Config::default().seeds(5);
    let (amounts, story) = found(&mut runner(256, false), &config);
    assert!(amounts.len() > 2, "{amounts:?}: {story}");
    assert!(
        choices(&story).1 <= 2,
        "the choices are few all the same: {story}"
    );
}

#[test]
fn without_our_shrinker_the_choices_stay_many() {
    let config = Config::default().seeds(5).shrink(false);
    let (_, story) = found(&mut runner(256, true), &config);
    assert!(!story.contains("shrunk from"), "{story}");
    let told = story.lines().filter(|line| line.contains(" task.")).count();
    assert!(told > 2, "{told} choices are told: {story}");
}

#[test]
fn a_smaller_input_is_tried_under_the_choices_that_failed() {
    let large = || vec![60, 10, 60, 10, 60, 10];
    let small = || vec![60, 10];
    let config = |seed| Config::default().seed(seed).doubled(0);
    // Some seed fails with the large input and not with the small one, which its choices do.
    let carried = (0..200).find_map(|seed| {
        apart(move || adding(config(seed), small())).ok()?;
        let both = move || {
            adding(config(seed), large()).err()?;
            Some(adding(config(seed), small()))
        };
        match apart(both)? {
            Err(TestCaseError::Fail(story)) => Some(story.message().to_owned()),
            _ => None,
        }
    });
    let story = carried.expect("choices that need two tasks are there with two tasks");
    let told = "with the choices that failed with another input";
    assert!(story.contains(told), "{story}");
}

/// What `does` comes to where nothing is carried: on a thread that nobody used before.
fn apart<T: Send + 'static>(does: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::spawn(does);
    thread.join().expect("it fails by its result")
}

#[test]
fn an_input_that_fails_in_another_way_is_refused() {
    let tried = |input: u32| {
        run(
            Config::default().seeds(1),
            input,
            |_sim, input| async move {
                assert!(input > 5, "too small");
                assert!(input < 10, "too large");
            },
        )
    };
    assert!(tried(7).is_ok());
    let first = tried(12).unwrap_err();
    assert!(matches!(&first, TestCaseError::Fail(why) if why.message().contains("too large")));
    let other = tried(3).unwrap_err();
    assert!(
        matches!(&other, TestCaseError::Reject(why) if why.message().contains("too small")),
        "{other}"
    );
    assert!(matches!(tried(11), Err(TestCaseError::Fail(_))));
}

#[test]
fn operations_keep_their_numbers_when_others_go() {
    let found = runner(64, true).run(&operations(0..100_u32, 1..=30), |added| {
        run(Config::default().seeds(2), added, |sim, added| async move {
            let done = Rc::new(RefCell::new(Vec::new()));
            for (operation, number) in added.workload(&sim, "adding") {
                assert_eq!(
                    added
                        .iter()
                        .find(|it| it.0 == operation.number())
                        .unwrap()
                        .1,
                    number
                );
                done.borrow_mut().push(*number);
            }
            let large = done.borrow().iter().filter(|it| **it >= 40).count();
            assert!(large < 2, "two large ones");
        })
    });
    let Err(TestError::Fail(story, left)) = found else {
        panic!("two large ones are soon drawn");
    };
    let left: &Operations<u32> = &left;
    let values: Vec<u32> = left.iter().map(|(_, value)| *value).collect();
    assert_eq!(values, [40, 40], "{left:?}");
    let (first, second) = (left.iter().next().unwrap().0, left.iter().nth(1).unwrap().0);
    assert_eq!(
        format!("{left:?}"),
        format!("{{{first}: 40, {second}: 40}}")
    );
    assert!(
        second > 1,
        "the numbers are those that were drawn: {left:?}"
    );
    assert!(
        !story.message().contains("are left"),
        "nothing more goes: {story}"
    );
}

#[test]
fn a_workload_is_left_out_before_proptest_does_so() {
    let drawn = runner(1, true).run(&operations(Just(1_u32), 30..=30), |added| {
        run(Config::default().seeds(1), added, |sim, added| async move {
            let done = added.workload(&sim, "adding").count();
            assert!(done < 3, "three are too many");
        })
    });
    let Err(TestError::Fail(story, left)) = drawn else {
        panic!("thirty are more than three");
    };
    assert_eq!(left.len(), 30, "no fewer may be drawn");
    assert!(
        story
            .message()
            .contains("3 of 30 operations of adding are left"),
        "{story}"
    );
}

#[test]
fn a_plan_of_faults_shrinks_to_the_one_that_matters() {
    async fn one_datagram(sim: Sim, plan: Plan) {
        let socket = |name: &str| {
            let node = sim.node(name);
            node.spawn(simoom::net::UdpSocket::bind("0.0.0.0:53"))
        };
        let (one, two) = (socket("one").await, socket("two").await);
        let (one, two) = (one.unwrap().unwrap(), two.unwrap().unwrap());
        sim.faults(plan);
        one.send_to(b"hello", "two:53").await.unwrap();
        let wait = std::time::Duration::from_secs(5);
        let received = simoom::time::timeout(wait, two.recv(&mut [0; 8])).await;
        assert!(received.is_ok(), "it did not arrive");
    }
    let plans = faults::plans::<&str>([]).prop_map(|plan| plan.only(Family::Net));
    let found = runner(500, true).run(&plans, |plan| {
        run(Config::default().seeds(3), plan, one_datagram)
    });
    let Err(TestError::Fail(story, plan)) = found else {
        panic!("some plan loses it");
    };
    let kinds: Vec<_> = plan.faults().iter().map(|it| it.kind()).collect();
    assert_eq!(kinds, [Kind::NetDatagramLost], "{story}");
    assert_eq!(choices(story.message()).1, 1, "{story}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn a_schedule_is_an_input_like_others(amounts in amounts(), schedule in schedules()) {
        let small: Vec<u32> = amounts.iter().map(|amount| amount % 50).collect();
        adding(schedule.set(Config::default()), small)?;
    }
}
