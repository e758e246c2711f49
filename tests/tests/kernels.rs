//! Failures of small programs shrink to what they take, and come back after other edits.
//!
//! The command `shrink-kernels` measures the same with as many failures as one likes.

use simoom_tests::kernels::{Edit, KERNELS};

/// How many failures of each kernel.
const FAILURES: usize = 3;

#[test]
fn failures_shrink_to_what_they_take() {
    let mut percents = Vec::new();
    for kernel in KERNELS {
        let mut seed = 7_000;
        for _ in 0..FAILURES {
            let config = kernel.config().first_seed(seed).seeds(5_000).jobs(2);
            let report = kernel.check(config, Edit::None);
            let found = report.failure().expect(kernel.name);
            seed = found.seed() + 1;
            let left = found.deviations();
            assert!(left >= kernel.optimum, "{}: {found}", kernel.name);
            assert!(found.is_minimal(), "{}: {found}", kernel.name);
            assert!(found.replays() <= 200, "{}: {found}", kernel.name);
            percents.push(left * 100 / kernel.optimum);
        }
    }
    percents.sort_unstable();
    let median = percents[percents.len() / 2];
    assert!(
        median <= 150,
        "half of all take more than that: {percents:?}"
    );
    let mean = percents.iter().sum::<usize>() / percents.len();
    assert!(mean <= 150, "it is {mean} in the mean: {percents:?}");
}

#[test]
fn stored_failures_come_back_after_edits_elsewhere() {
    let mut with_siblings = 0;
    for kernel in KERNELS {
        let config = kernel.config().first_seed(9_000).seeds(5_000);
        let report = kernel.check(config, Edit::None);
        let found = report.failure().expect(kernel.name);
        let plan = found.plan();
        let first = kernel.check(kernel.config().replay(&plan), Edit::None);
        for edit in Edit::ALL {
            let again = kernel.check(kernel.config().replay(&plan), edit);
            let (name, edit) = (kernel.name, edit.name());
            let what = again.failure().map(|found| found.class());
            assert_eq!(what, Some(found.class()), "{name}, {edit}: {again}");
            assert_eq!(again.notes(), first.notes(), "{name}, {edit}");
            let (one, two) = (first.runs()[0].hash, again.runs()[0].hash);
            match edit {
                // Not every program starts tasks that could have siblings.
                "equal_before" | "equal_after" => with_siblings += u32::from(one != two),
                _ => assert_ne!(one, two, "{name}, {edit}: the program was edited"),
            }
        }
    }
    assert!(
        with_siblings >= 20,
        "{with_siblings} programs were edited so"
    );
}

/// What was found with the power lost at one moment, to which ten delays had brought a file, needs
/// another moment and none of them. The number of replays that go on at a time changes nothing.
#[test]
fn faults_strike_elsewhere_where_less_is_needed_for_it() {
    let kernel = KERNELS.iter().find(|it| it.name == "unsynced");
    let kernel = kernel.expect("there is such a kernel");
    for (seed, most) in [(1_000_012, 2), (1_000_000, 2), (1_000_016, 3)] {
        let shrunk = |jobs| {
            let config = kernel.config().seed(seed).jobs(jobs);
            let report = kernel.check(config, Edit::None);
            let found = report.failure().expect("it fails");
            assert!(found.deviations() <= most, "{found}");
            assert!(found.is_minimal() && found.replays() <= 200, "{found}");
            (found.plan(), found.replays())
        };
        assert_eq!(shrunk(1), shrunk(3), "seed {seed}");
    }
}

/// What the failure does not take of what is drawn is simple, and the plan says so.
#[test]
fn numbers_that_a_failure_does_not_take_become_simple() {
    let shrunk = |name: &str, jobs| {
        let kernel = KERNELS.iter().find(|it| it.name == name).expect(name);
        let config = kernel.config().first_seed(7_000).seeds(5_000).jobs(jobs);
        let report = kernel.check(config, Edit::None);
        let found = report.failure().expect(name);
        assert!(found.is_minimal() && found.replays() <= 200, "{found}");
        let plan = found.plan();
        let again = kernel.check(kernel.config().replay(&plan), Edit::None);
        assert_eq!(again.failure().expect(name).plan(), plan);
        assert!(!again.to_string().contains("had no effect"), "{again}");
        let lines = plan.lines().filter(|line| line.starts_with("entropy "));
        let choice = |line: &str| line.split(" # ").next().unwrap_or_default().to_owned();
        let lines: Vec<_> = lines.map(choice).collect();
        (lines, found.to_string())
    };
    let (lines, report) = shrunk("drawn_names", 1);
    assert_eq!(lines, ["entropy - draw - 0 0 = 1"]);
    assert!(report.contains("simple random numbers: all\n"), "{report}");
    assert_eq!(shrunk("drawn_names", 3).0, lines);

    let (lines, report) = shrunk("fourth_draw", 1);
    let ends: Vec<_> = (lines.iter())
        .map(|line| line.split_once(" draw ").expect("it is one").1)
        .collect();
    assert_eq!(ends, ["- 0 0 = 5", "- 0 0 = 1"], "{lines:?}");
    assert!(report.contains(", from the 5th on\n"), "{report}");
    assert_eq!(shrunk("fourth_draw", 3).0, lines);
}
