//! Assertions in the program: what breaks a run, what is counted, and what a sweep must see.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use simoom::rand;
use simoom::time::sleep;
use simoom::{
    assert_always, assert_always_greater_than, assert_always_greater_than_or_equal_to,
    assert_always_less_than, assert_always_less_than_or_equal_to, assert_always_or_unreachable,
    assert_always_some, assert_reachable, assert_sometimes, assert_sometimes_all,
    assert_sometimes_greater_than, assert_sometimes_greater_than_or_equal_to,
    assert_sometimes_less_than, assert_sometimes_less_than_or_equal_to, assert_unreachable,
};
use simoom_sim::{
    AssertionSeen, AssertionTally, Class, Config, Failure, OnFailure, Report, Strategy, check,
};

fn config() -> Config {
    Config::default().persist(false)
}

fn calm() -> Config {
    config().seeds(1).strategy(Strategy::Calm)
}

#[track_caller]
fn cause(report: &Report) -> &Failure {
    report.failure().expect("the test fails").cause()
}

#[track_caller]
fn seen(tally: &AssertionTally, message: &str) -> AssertionSeen {
    tally.find(message).expect(message)
}

/// The line of this file that has `text` in it, the first one but for those that ask.
fn line_of(text: &str) -> usize {
    let is_it = |line: &str| line.contains(text) && !line.contains("line_of(");
    let lines = include_str!("assertions.rs").lines();
    1 + lines.take_while(|line| !is_it(line)).count()
}

#[test]
fn what_does_not_hold_always_fails_the_run_at_its_place_and_nothing_else() {
    static WENT_ON: AtomicBool = AtomicBool::new(false);
    let report = check(config().seeds(3), |sim| async move {
        let node = sim.node("server");
        node.on_failure(OnFailure::Contain);
        node.spawn(async move {
            let stock = 5;
            assert_always!(stock > 7, "there is enough", "of {stock}");
            // The program goes on, as in production.
            WENT_ON.store(true, Ordering::Relaxed);
            panic!("and what comes of it is no other failure");
        });
        sleep(Duration::from_secs(1)).await;
        assert_eq!(sim.elapsed(), Duration::ZERO, "the run ends with the poll");
    });
    assert!(WENT_ON.load(Ordering::Relaxed));
    let found = report.failure().unwrap();
    assert_eq!(found.class(), Class::Assertion);
    assert_eq!(found.class().exit_code(), 86);
    assert_eq!(found.class().to_string(), "assertion");
    let text = cause(&report).to_string();
    let line = line_of("assert_always!(stock > 7");
    let expected = format!(
        "always \"there is enough\" does not hold, in task server/assertions::what_does_not_hold_\
         always_fails_the_run_at_its_place_and_nothing_else at sim/tests/assertions.rs:{line}:13: \
         of 5"
    );
    assert_eq!(text, expected);
    assert!(found.is_confirmed(), "{found}");
    let whole = found.to_string();
    assert!(!whole.contains("no other failure"), "{whole}");
}

#[test]
fn the_stack_of_an_assertion_is_shown() {
    #[inline(never)]
    fn deep_inside() {
        assert_unreachable!("nobody comes here");
    }
    let report = check(config().seeds(1), |_sim| async { deep_inside() });
    let text = report.failure().unwrap().to_string();
    assert!(
        text.contains("unreachable \"nobody comes here\" was come to"),
        "{text}"
    );
    assert!(text.contains("stack of the assertion"), "{text}");
    assert!(text.contains("deep_inside"), "{text}");
}

#[test]
fn an_assertion_is_shrunk_to_as_any_failure() {
    let report = check(config().seeds(200), |_sim| async {
        let counter = Rc::new(Cell::new(0));
        let lock = Rc::new(simoom::sync::Mutex::new(()));
        let add = |counter: Rc<Cell<u32>>, lock: Rc<simoom::sync::Mutex<()>>| async move {
            let before = counter.get();
            drop(lock.lock().await);
            assert_always_or_unreachable!(counter.get() == before, "nobody counts meanwhile");
            counter.set(before + 1);
        };
        let one = simoom::task::spawn_local(add(counter.clone(), lock.clone()));
        let two = simoom::task::spawn_local(add(counter.clone(), lock.clone()));
        one.await.unwrap();
        two.await.unwrap();
    });
    let found = report.failure().expect("it is found");
    assert_eq!(found.class(), Class::Assertion);
    assert!(found.deviations() <= 2, "{found}");
}

#[test]
fn numbers_that_are_compared_are_told() {
    let broken = |body: fn()| {
        let report = check(calm(), move |_sim| async move { body() });
        cause(&report).to_string()
    };
    let greater = broken(|| assert_always_greater_than!(3, 3, "greater"));
    assert!(
        greater.starts_with("always \"greater\" does not hold of 3 and 3, "),
        "{greater}"
    );
    let at_least = broken(|| {
        let lease = Duration::from_nanos(4);
        assert_always_greater_than_or_equal_to!(
            lease,
            Duration::from_nanos(5),
            "at least",
            "{lease:?}"
        );
    });
    assert!(
        at_least.contains("does not hold of 4 and 5, "),
        "{at_least}"
    );
    assert!(at_least.ends_with(": 4ns"), "{at_least}");
    let less = broken(|| assert_always_less_than!(-1_i8, -1, "less"));
    assert!(less.contains("does not hold of -1 and -1, "), "{less}");
    let at_most = broken(|| assert_always_less_than_or_equal_to!(u128::MAX, 7, "at most"));
    assert!(
        at_most.contains(&format!("of {} and 7", i128::MAX)),
        "{at_most}"
    );
}

#[test]
fn of_named_conditions_one_is_to_hold_always_or_all_at_times() {
    let report = check(calm(), |_sim| async {
        assert_always_some!({leads: false, follows: true}, "a member has a part");
        assert_always_some!({leads: false, follows: false,}, "and not none", "in term {}", 7);
    });
    let text = cause(&report).to_string();
    assert!(
        text.starts_with("always \"and not none\" does not hold, "),
        "{text}"
    );
    assert!(
        text.ends_with(": none of leads, follows: in term 7"),
        "{text}"
    );
    let report = check(calm(), |_sim| async {
        assert_always_some!({leads: false, follows: false}, "without a word");
    });
    let text = cause(&report).to_string();
    assert!(text.ends_with(": none of leads, follows"), "{text}");

    let report = check(config().seeds(3), |_sim| async {
        for (full, slow, late) in [(true, false, false), (true, false, true)] {
            assert_sometimes_all!({full: full, slow: slow, late: late}, "all at once");
            assert_sometimes_all!({full: full, late: late}, "two at once",);
        }
    });
    let never: Vec<_> = report.assertions().never().map(|it| it.message).collect();
    assert!(never.contains(&"all at once"), "{never:?}");
    let at_once = seen(report.assertions(), "all at once");
    assert_eq!(
        (at_once.rule, at_once.counts.reached, at_once.counts.held),
        ("sometimes", 6, 0)
    );
    assert_eq!(at_once.counts.extreme, Some((2, 3)), "the most at once");
    let two = seen(report.assertions(), "two at once").counts;
    assert_eq!((two.reached, two.held, two.extreme), (6, 3, Some((2, 2))));
    report.unwrap();
}

#[test]
fn what_holds_breaks_nothing() {
    let report = check(calm(), |_sim| async {
        assert_always!(true, "it is so");
        assert_always_or_unreachable!(true, "so is this",);
        assert_sometimes!(false, "this is not",);
        assert_reachable!("one comes here");
        assert_always_greater_than!(2, 1, "two are more than one");
        assert_always_greater_than_or_equal_to!(2, 2, "two are two");
        assert_always_less_than!(1_u8, 2, "one is less than two");
        assert_always_less_than_or_equal_to!(2_usize, 2, "two are two at most");
        assert_sometimes_greater_than!(1, 2, "one is more than two");
        assert_sometimes_greater_than_or_equal_to!(2, 2, "two are two at times");
        assert_sometimes_less_than!(2, 1, "two are less than one");
        assert_sometimes_less_than_or_equal_to!(1, 1, "one is one at times");
    });
    let tally = report.assertions().clone();
    report.unwrap();
    let held = |message| {
        let it = seen(&tally, message);
        (it.rule, it.counts.reached, it.counts.held)
    };
    assert_eq!(held("it is so"), ("always", 1, 1));
    assert_eq!(held("so is this"), ("always_or_unreachable", 1, 1));
    assert_eq!(held("this is not"), ("sometimes", 1, 0));
    assert_eq!(held("one comes here"), ("reachable", 1, 1));
    assert_eq!(held("two are more than one"), ("always", 1, 1));
    assert_eq!(held("two are two"), ("always", 1, 1));
    assert_eq!(held("one is less than two"), ("always", 1, 1));
    assert_eq!(held("two are two at most"), ("always", 1, 1));
    assert_eq!(held("one is more than two"), ("sometimes", 1, 0));
    assert_eq!(held("two are two at times"), ("sometimes", 1, 1));
    assert_eq!(held("two are less than one"), ("sometimes", 1, 0));
    assert_eq!(held("one is one at times"), ("sometimes", 1, 1));
}

/// What a sweep on so many threads counts.
fn counted(jobs: usize) -> (AssertionTally, Option<u64>) {
    let report = check(config().seeds(60).jobs(jobs), |_sim| async {
        let drawn = rand::below(1_000);
        assert_sometimes_greater_than!(drawn, 2_000, "much is drawn");
        assert_always_less_than!(drawn, 1_000, "little is drawn");
        assert_sometimes!(drawn.is_multiple_of(2), "what is drawn is even");
    });
    let (tally, seeds) = (report.assertions().clone(), report.runs().len());
    assert_eq!(seeds, 60);
    report.unwrap();
    // And where a seed fails: those after it do not count, though others were under way.
    let report = check(config().seeds(60).jobs(jobs).shrink(false), |_sim| async {
        let drawn = rand::below(1_000);
        assert_sometimes!(true, "a seed is begun");
        sleep(Duration::from_millis(drawn)).await;
        assert_always_greater_than!(drawn, 60, "drawn", "a rare draw");
    });
    let position = report.failure().and_then(simoom_sim::Found::position);
    let begun = seen(report.assertions(), "a seed is begun").counts;
    assert_eq!(Some(begun.reached), position, "{report}");
    (tally, position)
}

#[test]
fn counts_add_up_to_the_same_on_any_number_of_threads() {
    let (tally, position) = counted(1);
    let much = seen(&tally, "much is drawn").counts;
    assert_eq!((much.reached, much.held), (60, 0));
    let (left, right) = much.extreme.unwrap();
    assert!((900..1_000).contains(&left) && right == 2_000, "{much:?}");
    // Of what is to hold always, the tightest.
    assert_eq!(
        seen(&tally, "little is drawn").counts.extreme,
        Some((left, 1_000))
    );
    let even = seen(&tally, "what is drawn is even").counts.held;
    assert!((10..50).contains(&even), "{even}");
    for _ in 0..2 {
        assert_eq!(counted(4), (tally.clone(), position));
    }
}

#[expect(
    dead_code,
    reason = "nobody calls it: what stands in it is known all the same"
)]
fn never_called<T>(_: T) {
    assert_reachable!("in a function that nobody calls");
}

/// Assertions that a sweep is asked for.
mod covered {
    pub(super) fn pass(value: u64) {
        simoom::assert_always!(value < 10, "small");
        simoom::assert_sometimes!(value == 3, "three");
        if value > 5 {
            simoom::assert_reachable!("more than five");
        }
        if value > 100 {
            simoom::assert_always_or_unreachable!(false, "never, and that is fine");
            simoom::assert_unreachable!("never, and that is as it should be");
        }
    }

    pub(super) mod below {
        pub(crate) fn pass() {
            simoom::assert_always!(true, "below");
        }
    }
}

#[test]
fn what_no_run_comes_to_is_known() {
    let report = check(config().seeds(5), |_sim| async { covered::pass(4) });
    let never: Vec<_> = report.assertions().never().collect();
    let messages: Vec<_> = never.iter().map(|it| it.message).collect();
    assert!(
        messages.contains(&"in a function that nobody calls"),
        "{messages:?}"
    );
    let of_module = never.iter().filter(|it| it.module == "assertions::covered");
    let of_module: Vec<_> = of_module.map(ToString::to_string).collect();
    let (five, three) = (line_of("\"more than five\""), line_of("\"three\""));
    assert_eq!(
        of_module,
        [
            format!("reachable \"more than five\" at sim/tests/assertions.rs:{five}: reached 0"),
            format!("sometimes \"three\" at sim/tests/assertions.rs:{three}: reached 5, held 0"),
        ]
    );
    assert!(
        report.to_string().contains("always \"small\" at "),
        "{report}"
    );
    report.unwrap();
}

#[test]
fn a_sweep_fails_that_does_not_see_what_it_is_to_cover() {
    let sweep = |config: Config, values: u64| {
        check(config, move |_sim| async move {
            covered::pass(rand::below(values));
            covered::below::pass();
        })
    };
    let cover = || config().seeds(100).cover("assertions::covered");
    sweep(cover(), 10).unwrap();
    let report = sweep(cover(), 3);
    let found = report.failure().unwrap();
    assert_eq!(found.class(), Class::Correctness);
    let Failure::Unseen { assertions } = found.cause() else {
        panic!("{found}");
    };
    assert_eq!(assertions.len(), 2, "{found}");
    assert!(
        assertions[0].starts_with("reachable \"more than five\""),
        "{found}"
    );
    assert!(assertions[1].contains("reached 100, held 0"), "{found}");
    assert!(
        found.to_string().contains("the sweep of 100 seeds failed"),
        "{found}"
    );

    // One seed proves nothing, nor does a calm sweep.
    sweep(cover().seed(7), 3).unwrap();
    sweep(cover().strategy(Strategy::Calm), 3).unwrap();
    // A module's name is not the beginning of another's.
    let report = sweep(config().seeds(2).cover("assertions::cover"), 3);
    let text = cause(&report).to_string();
    assert!(
        text.contains("there is no assertion in assertions::cover"),
        "{text}"
    );
    sweep(config().seeds(100).cover("assertions::covered::below"), 3).unwrap();
}

#[simoom_sim::test(seeds = 100, persist = false, cover = "assertions::covered")]
#[should_panic(expected = "reachable \"more than five\"")]
async fn the_attribute_says_what_to_cover() {
    covered::pass(3);
}

#[test]
fn what_a_killed_node_still_does_is_not_counted() {
    struct Late;
    impl Drop for Late {
        fn drop(&mut self) {
            assert_unreachable!("a destructor of a killed process");
        }
    }
    let report = check(config().seeds(10), |sim| async move {
        let node = sim.node("victim");
        node.spawn(async {
            let _late = Late;
            std::future::pending::<()>().await;
        });
        sleep(Duration::from_millis(1)).await;
        node.kill();
    });
    let counts = seen(report.assertions(), "a destructor of a killed process").counts;
    assert_eq!(counts.reached, 0);
    report.unwrap();
}

#[test]
fn blocking_closures_are_counted_too() {
    let report = check(config().seeds(5), |_sim| async {
        let closure = || assert_sometimes!(true, "in a blocking closure");
        simoom::task::spawn_blocking(closure).await.unwrap();
    });
    let counts = seen(report.assertions(), "in a blocking closure").counts;
    assert_eq!((counts.reached, counts.held), (5, 5));
    report.unwrap();
    let report = check(config().seeds(1), |_sim| async {
        let closure = || assert_always!(false, "closures are no way out");
        simoom::task::spawn_blocking(closure).await.unwrap();
    });
    assert_eq!(report.failure().unwrap().class(), Class::Assertion);
}

#[test]
fn what_an_assertion_saw_is_part_of_what_identifies_a_run() {
    let hash = |holds: bool| {
        let report = check(calm(), move |_sim| async move {
            assert_sometimes!(holds, "now and then");
        });
        let hash = report.runs()[0].hash;
        report.unwrap();
        hash
    };
    assert_eq!(hash(true), hash(true));
    assert_ne!(hash(true), hash(false));
}
