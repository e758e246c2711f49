//! Pages: their blocks, their marks, and what may differ in output.

use super::{Block, Mark, blocks, compare, follow, replace_function};

const PAGE: &str = "\
# A page

<!-- run -->
```sh
echo one
```

It says:

<!-- prints -->
```text
one
```
";

#[test]
fn a_page_has_the_blocks_that_are_marked() {
    let found = blocks(PAGE).unwrap();
    let expected = [
        Block {
            mark: Mark::Run { fails: false },
            text: "echo one\n".to_owned(),
            line: 4,
        },
        Block {
            mark: Mark::Prints { command: None },
            text: "one\n".to_owned(),
            line: 11,
        },
    ];
    assert_eq!(found, expected);
}

#[test]
fn an_unknown_mark_is_refused() {
    let error = blocks("<!-- runs -->\n```sh\n```\n").unwrap_err();
    assert_eq!(error, "line 1: the mark \"runs\" is unknown");
}

#[test]
fn a_mark_without_a_block_is_refused() {
    let error = blocks("<!-- run -->\n\n```sh\n```\n").unwrap_err();
    assert_eq!(error, "line 1: no block follows the mark");
}

#[track_caller]
fn follow_here(page: &str) -> Result<String, String> {
    follow(page, &std::env::temp_dir(), false)
}

#[test]
fn a_page_that_is_right_is_followed() {
    assert_eq!(follow_here(PAGE).unwrap(), PAGE);
}

#[test]
fn a_page_that_shows_something_else_is_refused() {
    let error = follow_here(&PAGE.replace("text\none", "text\ntwo")).unwrap_err();
    assert!(error.contains("this line was not printed:\ntwo"), "{error}");
}

#[test]
fn a_page_is_rewritten_on_request() {
    let wrong = PAGE.replace("text\none", "text\ntwo");
    assert_eq!(follow(&wrong, &std::env::temp_dir(), true).unwrap(), PAGE);
    let empty = PAGE.replace("text\none\n", "text\n");
    assert_eq!(follow(&empty, &std::env::temp_dir(), true).unwrap(), PAGE);
}

#[test]
fn a_command_must_end_as_the_page_says() {
    let failing = "<!-- run -->\n```sh\nfalse\n```\n";
    assert!(follow_here(failing).unwrap_err().contains("failed"));
    follow_here(&failing.replace("run", "run: fails")).unwrap();
    let passing = "<!-- run: fails -->\n```sh\ntrue\n```\n";
    assert!(follow_here(passing).unwrap_err().contains("succeeded"));
}

#[test]
fn a_command_stays_where_the_last_one_went() {
    let page = "<!-- run -->\n```sh\ncd /\n```\n<!-- run -->\n```sh\npwd\n```\n\
                <!-- prints -->\n```text\n/\n```\n";
    follow_here(page).unwrap();
}

#[test]
fn a_command_in_the_text_is_run_too() {
    let page = "Then `echo two` says:\n\n<!-- prints: echo two -->\n```text\ntwo\n```\n";
    follow_here(page).unwrap();
    assert!(follow_here(&page.replace("\ntwo", "\none")).is_err());
}

#[test]
fn what_stands_on_standard_error_is_compared_apart() {
    let page = "<!-- run -->\n```sh\necho one\necho two >&2\n```\n\
                <!-- complains -->\n```text\ntwo\n```\n";
    follow_here(page).unwrap();
    assert!(follow_here(&page.replace("\ntwo", "\none")).is_err());
}

#[track_caller]
fn check(shown: &str, printed: &str, expected: bool) {
    assert_eq!(
        compare(shown, printed).is_ok(),
        expected,
        "{shown:?} and {printed:?}"
    );
}

#[test]
fn output_is_compared_but_for_what_varies() {
    check("one\ntwo\n", "one\ntwo", true);
    check("one\n", "one\ntwo\n", false);
    check("two\none\n", "one\ntwo\n", false);
    check("in 3 replays and 0.1 s:", "in 3 replays and 12.0 s:", true);
    check("in 3 replays and 0.1 s:", "in 4 replays and 0.1 s:", false);
    check("ok; finished in 0.01s", "ok; finished in 10.01s", true);
    check(
        "thread 'a' (12) panicked",
        "thread 'a' (345) panicked",
        true,
    );
    check("at 0.003 s", "at 0.004 s", false);
}

#[test]
fn an_ellipsis_stands_for_any_lines() {
    check("one\n…\nthree\n", "one\ntwo\nthree\n", true);
    check("one\n…\n", "one\ntwo\nthree\n", true);
    check("…\nthree\n", "one\ntwo\nthree\n", true);
    check("…\ntwo\n…\n", "one\ntwo\nthree\n", true);
    check("…\nfour\n…\n", "one\ntwo\nthree\n", false);
    check("…\ntwo\n", "one\ntwo\nthree\n", false);
}

#[test]
fn a_function_takes_the_place_of_its_namesake() {
    let text = "use a;\n\nfn one(x: u8) {\n    1;\n}\n\nfn two() {}\n";
    let function = "fn one() {\n    2;\n}\n";
    let expected = "use a;\n\nfn one() {\n    2;\n}\n\nfn two() {}\n";
    assert_eq!(replace_function(text, function).as_deref(), Some(expected));
    assert_eq!(replace_function(text, "fn three() {\n}\n"), None);
}
