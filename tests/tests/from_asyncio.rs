//! `docs/from-asyncio-checks.md` says what is tested.

use simoom_tests::asyncio::{self, AREAS, Checks, Named, Tests, page};

#[test]
fn the_page_says_what_is_tested() {
    if let Err(wrong) = asyncio::check() {
        panic!("{wrong}");
    }
}

/// Lines and tests for all checks, but for what `line` and `test` leave out.
fn all(line: impl Fn(&str) -> String, test: impl Fn(&str) -> String) -> Result<String, String> {
    let (mut lines, mut tests) = (String::new(), Tests::default());
    for area in AREAS {
        for number in area.numbers.0..area.numbers.0 + area.numbers.1 {
            let id = format!("{} {number}", area.name);
            lines.push_str(&line(&id));
            tests.look_at(&test(&id));
        }
    }
    page(&Checks::read(&lines).unwrap(), &tests, "# Head\n")
}

fn passes(id: &str) -> String {
    format!("{id} | passes | it holds |\n")
}

fn tested(id: &str) -> String {
    let start = id.to_lowercase().replace(' ', "_");
    format!("    async fn {start}_it_holds() {{\nfn {start}_at_every_poll() {{\n")
}

#[test]
fn what_passes_has_a_test() {
    let page = all(passes, tested).unwrap();
    assert!(
        page.starts_with("# Head\n\nOf 243 checks 243 pass,"),
        "{page}"
    );
    let row = "| CAN 7 | it holds | passes | `can_7_it_holds` | `can_7_at_every_poll` |\n";
    assert!(page.contains(row), "{page}");

    let but = |id: &str| {
        if id == "CAN 7" {
            String::new()
        } else {
            tested(id)
        }
    };
    let wrong = all(passes, but).unwrap_err();
    assert_eq!(wrong, "CAN 7 passes, and no test sees it");
    let but = |id: &str| {
        if id == "CAN 7" {
            String::new()
        } else {
            passes(id)
        }
    };
    let wrong = all(but, tested).unwrap_err();
    assert_eq!(
        wrong,
        "CAN 7 has no line\na test is about CAN 7, which has no line"
    );
    let twice = |id: &str| passes(id).repeat(1 + usize::from(id == "CAN 7"));
    assert_eq!(all(twice, tested).unwrap_err(), "CAN 7 has two lines");
}

#[test]
fn what_does_not_pass_says_so() {
    let absent = |note: &'static str| {
        move |id: &str| match id {
            "Q 3" => format!("{id} | absent | it holds | {note}\n"),
            _ => passes(id),
        }
    };
    let untested = |id: &str| {
        if id == "Q 3" {
            String::new()
        } else {
            tested(id)
        }
    };
    let page = all(absent("nobody has asked"), untested).unwrap();
    let row = "| Q 3 | it holds | absent: nobody has asked |  |  |\n";
    assert!(page.contains(row), "{page}");
    let wrong = all(absent("nobody has asked"), tested).unwrap_err();
    assert_eq!(wrong, "Q 3 is absent, and has a test");
    let wrong = all(absent(""), untested).unwrap_err();
    assert!(
        wrong.starts_with("Q 3 absent, and a note is due"),
        "{wrong}"
    );
    let wrong = Checks::read("\nQ 3 | perhaps | it holds |\n").unwrap_err();
    assert!(wrong.starts_with("line 2 of the checks is not"), "{wrong}");
}

#[test]
fn what_is_to_be_ended_is_ended() {
    let calm = |id: &str| match id.starts_with("SEM") {
        true => tested(id).replace("_at_every_poll", "_once"),
        false => tested(id),
    };
    let wrong = all(passes, calm).unwrap_err();
    assert_eq!(wrong, "SEM is ended at every poll by no test");
}

#[test]
fn names_say_what_they_are_about() {
    let named = Named::of("run_1_and_2_the_output_is_returned_unchanged").unwrap();
    assert_eq!((named.area.name, named.numbers), ("RUN", vec![1, 2]));
    let named = Named::of("tg_3_4_9_10_at_every_poll").unwrap();
    assert_eq!((named.area.name, named.numbers), ("TG", vec![3, 4, 9, 10]));
    assert_eq!(Named::of("to_twelve"), None);
    assert_eq!(Named::of("tag_3_it_holds"), None);
    let wrong = all(passes, |id| match id {
        "SLP 3" => format!("{}fn slp_4_it_holds()", tested(id)),
        _ => tested(id),
    });
    assert_eq!(
        wrong.unwrap_err(),
        "a test is about SLP 4, which has no line"
    );
}
