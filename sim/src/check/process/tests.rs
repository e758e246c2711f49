//! The answer of a process, written and read back.

use super::*;

#[test]
fn an_answer_is_read_back_as_it_was_written() {
    let parting = Parting {
        agreed: 17,
        is_exact: true,
        next: "0.001 s test/main: op.completed lock test/main!0".to_owned(),
        before: Some("two\nlines".to_owned()),
    };
    let witness = Witness {
        acts: vec![StoryLine {
            time_ns: 7,
            text: "node.killed  it, by the test".to_owned(),
        }],
        hash: u128::MAX - 5,
        signature: Some("panic src/lib.rs N".to_owned()),
        failure: Some("task test/main panicked at src/lib.rs:1:2: 7".to_owned()),
        polls: 3,
        time_ns: -1,
        stuck: vec!["one".to_owned(), "two %".to_owned()],
        backtrace: Some("in a\nin b".to_owned()),
        history: vec!["a note".to_owned()],
        parting: Some(parting.clone()),
        differs: Some("in this\n  and that".to_owned()),
        recorded: true,
        output: String::new(),
    };
    let read = Witness::parse(&witness.to_text()).unwrap();
    assert_eq!(format!("{read:?}"), format!("{witness:?}"));
    let end = Witness {
        parting: Some(Parting {
            before: None,
            is_exact: false,
            ..parting
        }),
        ..Witness::default()
    };
    let read = Witness::parse(&end.to_text()).unwrap();
    assert_eq!(format!("{read:?}"), format!("{end:?}"));
}
