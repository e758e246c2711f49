//! What every source file must have and must not have.

use crate::words::{code, lines_with};
use crate::{File, assert_none, files};

/// The files that may hold `unsafe`, and what for.
const UNSAFE: &[(&str, &str)] = &[
    (
        "runtime/src/backend/real/queue.rs",
        "intrusive lists of task cells",
    ),
    ("runtime/src/backend/real/sys.rs", "system calls"),
    (
        "runtime/src/context.rs",
        "a scoped pointer in a thread-local",
    ),
    ("runtime/src/fs/raw.rs", "bare descriptors"),
    ("runtime/src/http/io.rs", "buffers that are not initialised"),
    ("runtime/src/net/buf.rs", "buffers that are not initialised"),
    ("runtime/src/net/raw.rs", "bare descriptors"),
    ("runtime/src/process/raw.rs", "code between fork and exec"),
    (
        "runtime/tests/real_process_ignored.rs",
        "how the process takes a signal",
    ),
    (
        "runtime/tests/real_interrupts.rs",
        "signals for one thread, which interrupt its system calls",
    ),
    (
        "runtime/tests/real_kept.rs",
        "a socket of a bare descriptor",
    ),
    (
        "runtime/src/sync/loom.rs",
        "what loom sees two threads touch, for its models",
    ),
    (
        "runtime/src/sync/mutex.rs",
        "guards give access to the protected value",
    ),
    (
        "runtime/src/sync/mutex/guard.rs",
        "guards give access to the protected value",
    ),
    (
        "runtime/src/sync/mutex/mapped.rs",
        "guards give access to the protected value",
    ),
    (
        "runtime/src/sync/rw_lock.rs",
        "guards give access to the protected value",
    ),
    (
        "runtime/src/sync/rw_lock/access.rs",
        "guards give access to the protected value",
    ),
    (
        "runtime/src/sync/rw_lock/guard.rs",
        "guards point into the protected value",
    ),
    (
        "runtime/src/sync/rw_lock/owned.rs",
        "guards point into the protected value",
    ),
    (
        "runtime/src/sync/testing/hostile.rs",
        "wakers that misbehave, for tests",
    ),
    (
        "runtime/src/sync/wait_list.rs",
        "an intrusive list of waiters",
    ),
    ("runtime/src/task/cell.rs", "the task cell"),
    ("runtime/src/task/cell/current.rs", "the task cell"),
    ("runtime/src/task/cell/join.rs", "the task cell"),
    ("runtime/src/task/cell/send.rs", "the task cell"),
    ("runtime/src/task/cell/stage.rs", "the task cell"),
    ("runtime/src/task/cell/waker.rs", "the task cell"),
    (
        "runtime/src/task/cell/loom.rs",
        "what loom sees two threads touch, for its models",
    ),
    (
        "sim/src/intercept/libc/answers.rs",
        "functions of libc that simulated code is answered by",
    ),
    (
        "sim/src/intercept/libc/refusals.rs",
        "functions of libc that simulated code must not call",
    ),
    (
        "sim/src/intercept/libc/system.rs",
        "the system's own functions, and its calls",
    ),
    (
        "sim/src/intercept/libc/waits.rs",
        "functions of libc that wait in real time",
    ),
    (
        "fuzz/src/counters.rs",
        "counters stand where libFuzzer looks for them",
    ),
    (
        "sim/src/baton/worker.rs",
        "a world is lent to another thread",
    ),
    ("sim/src/native.rs", "calls into libc"),
    (
        "sim/tests/hostile/cloned.rs",
        "wakers that misbehave, for tests",
    ),
    (
        "sim/tests/libc.rs",
        "calls into libc that the simulator answers",
    ),
    ("tests/tests/surfaces/glibc.rs", "calls into libc"),
    (
        "tests/src/conformance/wire.rs",
        "a file becomes a network device",
    ),
    (
        "tests/peers/src/measure.rs",
        "the processor time of the process, for measurements",
    ),
    (
        "tests/peers/src/bin/strategies/cpu.rs",
        "the processor time of the process, for measurements",
    ),
    (
        "tests/peers/src/peer/raw.rs",
        "the system calls alone, to compare with",
    ),
];

/// Words that may not stand in code, and the files in which they may all the same.
const UNDONE: [(&str, &[&str]); 3] = [
    ("todo!", &[]),
    ("unimplemented!", &[]),
    // The attributes pass it through, and reports name it in their commands.
    (
        "#[ignore",
        &["runtime/macros/src/entry/tests.rs", "sim/tests/ignored.rs"],
    ),
];

/// Files that hold `#[allow(…)]` in what a macro expands to: `#[expect(…)]` would warn there
/// wherever the user's tokens give no cause.
const EXPANSIONS: [&str; 2] = ["runtime/src/macros/pin.rs", "runtime/macros/src/select.rs"];

/// Files that `include!` puts into others, where inner documentation is an error.
const INCLUDED: [&str; 4] = [
    "tests/peers/src/bodies.rs",
    "tests/peers/src/blocking.rs",
    "tests/peers/src/locks.rs",
    "tests/peers/src/bin/strategies/kernels.rs",
];

fn check_unsafe(path: &str, text: &str) -> Vec<String> {
    let listed = UNSAFE.iter().any(|(file, _)| *file == path);
    let lines = lines_with(&code(text), "unsafe");
    match (listed, lines.first()) {
        (false, Some(line)) => vec![format!(
            "{path}:{line}: holds `unsafe`, but is not among the files that may: do without it, \
             or move it into one of those; if it needs a file of its own, say so at the top of \
             the file and add it, with what it is for, to UNSAFE in tests/tests/tidy/sources.rs, \
             so that reviewers see every new place"
        )],
        (true, None) => vec![format!(
            "{path}: holds no `unsafe` any more: take it off UNSAFE in \
             tests/tests/tidy/sources.rs"
        )],
        _ => Vec::new(),
    }
}

fn check_header(path: &str, text: &str) -> Vec<String> {
    let is_tests = path.ends_with("/tests.rs") || INCLUDED.contains(&path);
    if is_tests || text.trim().is_empty() || text.starts_with("//! ") {
        return Vec::new();
    }
    vec![format!(
        "{path}: starts without a `//!` header that says what the file owns and must not know"
    )]
}

fn check_allow(path: &str, text: &str) -> Vec<String> {
    if EXPANSIONS.contains(&path) {
        return Vec::new();
    }
    let code = code(text);
    let mut lines = lines_with(&code, "#[allow(");
    lines.extend(lines_with(&code, "#![allow("));
    let message = |line| {
        format!("{path}:{line}: `#[allow(…)]` outlives its cause: use `#[expect(…, reason = …)]`")
    };
    lines.into_iter().map(message).collect()
}

fn check_undone(path: &str, text: &str) -> Vec<String> {
    let code = code(text);
    let mut violations = Vec::new();
    for (word, except) in UNDONE {
        if except.contains(&path) {
            continue;
        }
        for line in lines_with(&code, word) {
            violations.push(format!(
                "{path}:{line}: `{word}` leaves something undone: assert today's answer instead, \
                 and say why it is wrong"
            ));
        }
    }
    violations
}

fn check_all(check: fn(&str, &str) -> Vec<String>) {
    let all = files("", ".rs");
    assert!(all.len() > 100, "the repository was not found");
    assert_none(
        all.iter()
            .flat_map(|File { path, text }| check(path, text))
            .collect(),
    );
}

#[test]
fn unsafe_stands_where_it_may() {
    check_all(check_unsafe);
}

#[test]
fn the_unsafe_files_exist() {
    let all = files("", ".rs");
    let gone = UNSAFE
        .iter()
        .filter(|(file, _)| all.iter().all(|other| other.path != *file));
    assert_none(
        gone.map(|(file, _)| format!("{file} is gone: take it off UNSAFE"))
            .collect(),
    );
}

#[test]
fn every_file_starts_with_a_header() {
    check_all(check_header);
}

#[test]
fn no_lint_is_allowed_for_good() {
    check_all(check_allow);
}

#[test]
fn nothing_is_left_undone() {
    check_all(check_undone);
}

#[test]
fn a_new_unsafe_file_is_seen() {
    let violations = check_unsafe("sim/src/new.rs", "fn f() {\n    unsafe { g() }\n}\n");
    assert_eq!(violations.len(), 1);
    assert!(
        violations[0].starts_with("sim/src/new.rs:2: "),
        "{violations:?}"
    );
    assert!(violations[0].contains("UNSAFE in tests/tests/tidy/sources.rs"));
    assert!(check_unsafe("sim/src/new.rs", "#![forbid(unsafe_code)] // unsafe").is_empty());
    assert_eq!(
        check_unsafe("runtime/src/task/cell.rs", "fn f() {}").len(),
        1
    );
}

#[test]
fn a_missing_header_is_seen() {
    assert_eq!(check_header("sim/src/new.rs", "use std::fmt;\n").len(), 1);
    assert!(check_header("sim/src/new.rs", "//! Owns it.\n").is_empty());
}

#[test]
fn an_allowed_lint_is_seen() {
    assert_eq!(
        check_allow("a.rs", "#![allow(dead_code)]\n#[allow(unused)]\n").len(),
        2
    );
    assert!(check_allow("a.rs", "#[expect(unused, reason = \"x\")]\n").is_empty());
}

#[test]
fn undone_work_is_seen() {
    let text = "#[ignore]\nfn f() {\n    todo!()\n}\nfn g() { unimplemented!(\"x\") }\n";
    assert_eq!(check_undone("a.rs", text).len(), 3);
    assert!(check_undone("a.rs", "// todo!\nfn f() {}\n").is_empty());
}
