//! Stored failures of tasks that have equal siblings, and come to have more or fewer.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU8, Ordering};

use simoom::sync::Mutex;
use simoom::task::{JoinHandle, spawn_local, yield_now};
use simoom_sim::{Config, Report, Sim, check};

/// Where a program has one more task that is equal to the two that lose an update.
#[derive(Clone, Copy, PartialEq, Eq)]
enum More {
    Nowhere,
    Before,
    Between,
    After,
    /// Two before, one of another name among them.
    TwoBefore,
}

#[derive(Clone, Default)]
struct Counter(Rc<(Mutex<()>, Cell<u32>)>);

async fn add(counter: Counter, is_mended: bool) {
    yield_now().await;
    let Counter(it) = counter;
    let seen = it.1.get();
    drop(it.0.lock().await);
    it.1.set(if is_mended { it.1.get() } else { seen } + 1);
}

/// Two tasks that may lose an update, beside others that have a counter of their own.
fn run(config: Config, more: More, is_mended: bool) -> Report {
    check(
        config.persist(false).explain(false),
        move |_: Sim| async move {
            let total = Counter::default();
            let of_total = || spawn_local(add(total.clone(), is_mended));
            let mut tasks: Vec<JoinHandle<()>> = Vec::new();
            let other = |is_here: bool| {
                if is_here {
                    drop(spawn_local(add(Counter::default(), is_mended)));
                }
            };
            other(more == More::Before || more == More::TwoBefore);
            if more == More::TwoBefore {
                drop(spawn_local(yield_now()));
                other(true);
            }
            tasks.push(of_total());
            other(more == More::Between);
            tasks.push(of_total());
            other(more == More::After);
            for task in tasks {
                task.await.unwrap();
            }
            assert_eq!(total.0.1.get(), 2, "an update was lost");
        },
    )
}

/// The plan of a failure of the program with `more`.
fn stored(more: More) -> String {
    let report = run(Config::default(), more, false);
    let found = report.failure().expect("an update is lost");
    assert_eq!(found.deviations(), 1, "{found}");
    found.plan()
}

const RENAMED: &str = "equal tasks were added or left out since it was stored: ";

#[test]
fn a_stored_failure_outlives_equal_tasks_wherever_they_are_added() {
    let plan = stored(More::Nowhere);
    assert!(
        !plan.contains("\nequal "),
        "their number goes without saying: {plan}"
    );
    let edits = [
        More::Nowhere,
        More::Before,
        More::Between,
        More::After,
        More::TwoBefore,
    ];
    let renamed = edits.map(|more| {
        let report = run(Config::default().replay(&plan), more, false);
        let found = report.failure().expect("what is stored fails");
        assert!(
            found.cause().to_string().contains("an update was lost"),
            "{found}"
        );
        assert_eq!(found.deviations(), 1, "{found}");
        // What is told can be stored, and means the same from then on.
        let again = run(Config::default().replay(&found.plan()), more, false);
        let again = again.failure().expect("it fails").to_string();
        assert!(!again.contains(RENAMED), "{again}");
        found.to_string().contains(RENAMED)
    });
    // Who goes on instead may be the one that was added between them.
    assert_eq!(renamed, [false, true, false, false, true]);
}

#[test]
fn the_report_says_who_is_taken_for_whom() {
    let report = run(
        Config::default().replay(&stored(More::Nowhere)),
        More::Before,
        false,
    );
    let said = report.to_string();
    let name = "test/main/siblings::add::{{closure}}";
    let told = format!(
        "{RENAMED}2 called {name} became 3, and {name} is taken for {name}#1; store it anew"
    );
    assert!(said.contains(&told), "{said}");
}

#[test]
fn a_stored_failure_outlives_an_equal_task_that_goes() {
    let plan = stored(More::Before);
    let report = run(Config::default().replay(&plan), More::Nowhere, false);
    let said = report.failure().expect("what is stored fails").to_string();
    assert!(said.contains(RENAMED), "{said}");
}

#[test]
fn how_many_there_were_is_stored_where_the_choices_do_not_say_it() {
    let plan = stored(More::After);
    assert!(
        plan.contains("\nequal test/main/siblings::add::{{closure}} 3\n"),
        "{plan}"
    );
    let report = run(Config::default().replay(&plan), More::After, false);
    assert!(report.failure().is_some(), "{report}");
}

/// A mended program passes, whatever tasks it has; where it has those that it had, there is one run.
#[test]
fn what_is_mended_stays_mended() {
    static RUNS: AtomicU8 = AtomicU8::new(0);
    let plan = stored(More::Nowhere);
    for more in [More::Nowhere, More::Before] {
        let report = run(Config::default().replay(&plan), more, true);
        assert!(report.failure().is_none(), "{report}");
    }
    let counted = |equal: usize| {
        RUNS.store(0, Ordering::Relaxed);
        let config = Config::default().persist(false).replay(&plan);
        let report = check(config, move |_: Sim| async move {
            RUNS.fetch_add(1, Ordering::Relaxed);
            for _ in 0..equal {
                spawn_local(add(Counter::default(), true)).await.unwrap();
            }
        });
        report.unwrap();
        RUNS.load(Ordering::Relaxed)
    };
    assert_eq!((counted(2), counted(0)), (1, 1));
    assert!((2..=7).contains(&counted(9)));
}
