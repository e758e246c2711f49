//! Requests that are understood, and those that are refused.

use std::time::Duration;

use super::{Answer, Command, Condition, Lifetime, SetOptions, StoreCommand, commands, find};
use crate::resp::{Limits, RequestDecoder};

/// What `line`, in the words of an inline request, is understood as.
fn understood(line: &str) -> String {
    with(line, |command| match command {
        Ok(command) => format!("{command:?}"),
        Err(error) => error,
    })
}

fn with<T>(line: &str, then: impl FnOnce(Result<Command<'_>, String>) -> T) -> T {
    let mut decoder = RequestDecoder::new(Limits::default());
    decoder.space().extend_from_slice(line.as_bytes());
    decoder.space().extend_from_slice(b"\n");
    let args = decoder.next_request().unwrap().unwrap();
    then(Command::parse(args).map_err(|error| error.to_string()))
}

#[track_caller]
fn check_set(options: &str, expected: SetOptions) {
    with(&format!("SET k v {options}"), |command| match command {
        Ok(Command::Store(StoreCommand::Set {
            key: b"k",
            value: b"v",
            options,
        })) => {
            assert_eq!(options, expected);
        }
        other => panic!("{other:?}"),
    });
}

#[track_caller]
fn check_error(line: &str, expected: &str) {
    assert_eq!(understood(line), expected, "{line}");
}

#[test]
fn set_takes_its_options_in_any_order_and_case() {
    let calm = SetOptions::default();
    let for_ms = |ms| Lifetime::For(Duration::from_millis(ms));
    check_set("", calm);
    check_set(
        "NX",
        SetOptions {
            condition: Condition::IfMissing,
            ..calm
        },
    );
    check_set(
        "xx",
        SetOptions {
            condition: Condition::IfPresent,
            ..calm
        },
    );
    check_set(
        "Get",
        SetOptions {
            answer: Answer::Previous,
            ..calm
        },
    );
    check_set(
        "KEEPTTL",
        SetOptions {
            lifetime: Lifetime::Inherited,
            ..calm
        },
    );
    check_set(
        "EX 3",
        SetOptions {
            lifetime: for_ms(3000),
            ..calm
        },
    );
    check_set(
        "px 3",
        SetOptions {
            lifetime: for_ms(3),
            ..calm
        },
    );
    let all = SetOptions {
        condition: Condition::IfMissing,
        lifetime: for_ms(70),
        answer: Answer::Previous,
    };
    check_set("px 70 nx get", all);
    check_set("get NX px 70", all);
}

#[test]
fn set_options_that_contradict_each_other_are_syntax_errors() {
    for options in [
        "nx xx",
        "xx nx",
        "ex 1 px 1",
        "ex 1 keepttl",
        "keepttl px 1",
        "ex",
        "exat 5",
        "bogus",
        "nx bogus",
    ] {
        check_error(&format!("set k v {options}"), "ERR syntax error");
    }
}

#[test]
fn lifetimes_are_positive_numbers_within_a_hundred_years() {
    let error = "ERR invalid expire time in 'set' command";
    check_error("set k v ex 0", error);
    check_error("set k v px -1", error);
    check_error("set k v ex 9223372036854775807", error);
    check_error(
        "set k v ex 1.5",
        "ERR value is not an integer or out of range",
    );
    check_error(
        "expire k 9223372036854775807",
        "ERR invalid expire time in 'expire' command",
    );
    let error = "ERR invalid expire time in 'pexpire' command";
    check_error("pexpire k -9223372036854775808", error);
    assert!(
        understood("expire k -5").contains("lifetime: None"),
        "a key may be let die at once"
    );
}

#[test]
fn decrements_are_negated_increments() {
    assert_eq!(understood("decrby k 5"), understood("incrby k -5"));
    assert_eq!(understood("decr k"), understood("incrby k -1"));
    check_error(
        "decrby k -9223372036854775808",
        "ERR decrement would overflow",
    );
    check_error(
        "incrby k 9223372036854775808",
        "ERR value is not an integer or out of range",
    );
}

#[test]
fn a_wrong_number_of_arguments_is_told_by_name() {
    for (line, name) in [
        ("get", "get"),
        ("GET a b", "get"),
        ("set a", "set"),
        ("mset a", "mset"),
        ("mset a b c", "mset"),
        ("ping a b", "ping"),
        ("config get", "config|get"),
        ("client setname", "client|setname"),
        ("client id me", "client|id"),
        ("command count all", "command|count"),
    ] {
        check_error(
            line,
            &format!("ERR wrong number of arguments for '{name}' command"),
        );
    }
}

#[test]
fn an_unknown_command_is_quoted_in_part() {
    check_error(
        "Foo",
        "ERR unknown command 'Foo', with args beginning with: ",
    );
    check_error(
        "foo a 'b c'",
        "ERR unknown command 'foo', with args beginning with: 'a' 'b c' ",
    );
    let long = "x".repeat(200);
    let quoted = "x".repeat(128);
    check_error(
        &format!("{long} {long} more"),
        &format!("ERR unknown command '{quoted}', with args beginning with: '{quoted}' "),
    );
    check_error(
        "client bogus",
        "ERR unknown subcommand 'bogus'. Try CLIENT HELP.",
    );
    check_error(
        "config set a b",
        "ERR unknown subcommand 'set'. Try CONFIG HELP.",
    );
}

#[test]
fn only_the_first_database_exists() {
    assert!(understood("select 0").contains("Select"));
    check_error("select 1", "ERR DB index is out of range");
    check_error("select x", "ERR value is not an integer or out of range");
}

#[test]
fn a_browser_is_recognized() {
    check_error("POST / HTTP/1.1", "ERR this is not an HTTP server");
    check_error("Host: localhost", "ERR this is not an HTTP server");
}

#[test]
fn every_command_is_found_by_its_name() {
    assert!(
        commands().is_sorted_by(|a, b| a.name < b.name),
        "the search needs the order"
    );
    for spec in commands() {
        for name in [spec.name.to_owned(), spec.name.to_uppercase()] {
            assert_eq!(
                find(name.as_bytes()).map(|found| found.name),
                Some(spec.name)
            );
        }
    }
    assert!(find(b"").is_none());
    assert!(find(b"ge").is_none());
    assert!(find(&[b'g'; 100]).is_none());
}

/// The functions that understand arguments index what the arity promises.
#[test]
fn no_number_of_arguments_panics() {
    for spec in commands() {
        for len in 0..8 {
            let _ = understood(&format!("{} {}", spec.name, "1 ".repeat(len)));
        }
    }
}
