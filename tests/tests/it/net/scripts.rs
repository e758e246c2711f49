//! Random scripts of two ends of a connection: the simulator can answer as loopback does.
//!
//! A longer range: `cargo run --release -p simoom-tools --bin socket-scripts -- --scripts 100000`.

use simoom_tests::scripts::{End, Script, Step, compare, real};

#[track_caller]
fn check(script: &Script) {
    let answers = real(std::slice::from_ref(script)).remove(0);
    let comparison = compare(script, answers, 500);
    let steps: Vec<_> = script.0.iter().map(ToString::to_string).collect();
    assert!(
        comparison.agrees(),
        "{steps:?}\nreal {:?}\nsimulated {:?}",
        comparison.real,
        comparison.simulated
    );
}

#[test]
fn the_simulator_can_answer_as_loopback_does() {
    for number in 0..100 {
        check(&Script::numbered(number));
    }
}

#[test]
fn a_wrong_answer_is_noticed() {
    let script = Script(vec![Step::Accept, Step::Write(End::Opener, 3)]);
    let comparison = compare(&script, vec!["taken".to_owned(), "4".to_owned()], 8);
    assert!(
        comparison.repeats > 0,
        "a wrong answer was taken for a right one"
    );
    assert_eq!(comparison.real, ["taken", "3"]);
    assert!(comparison.agrees());
}

/// Found by script 88017387: the reset reached a socket that had exchanged both FINs.
#[test]
fn a_reset_after_both_have_finished_reaches_nobody() {
    let (opener, taker) = (End::Opener, End::Taker);
    check(&Script(vec![
        Step::Accept,
        Step::Shutdown(opener),
        Step::Settle,
        Step::Shutdown(taker),
        Step::Settle,
        Step::LingerZero(opener),
        Step::Read(taker, 31),
        Step::Close(opener),
        Step::Settle,
        Step::TakeError(taker),
    ]));
}
