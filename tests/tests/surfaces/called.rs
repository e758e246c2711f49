//! Every function of libc that the simulator stands in for is called by a test, as C code would.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(path: PathBuf) -> String {
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The functions that a file of `sim/src/intercept/libc` defines: what is public to C, and the lines
/// of macros that make such, which look like functions or have the manual page above them.
fn defined_in(text: &str) -> impl Iterator<Item = &str> {
    let own = "pub(super) extern \"C\" fn ";
    let names = text.lines().filter_map(move |line| {
        let documented = line.strip_prefix("    /// `").filter(|it| is_page(it));
        // A line of a macro has no body.
        let in_macro = line.strip_prefix("    fn ").filter(|it| !it.contains('{'));
        let rest = line.strip_prefix(own).or(in_macro).or(documented)?;
        rest.split('(').next()
    });
    names.filter(|name| !name.contains(['$', '<']))
}

/// Whether `text` begins with the name of a manual page: `vfork(2)`.
fn is_page(text: &str) -> bool {
    let section = text.split_once('(').map_or("", |(_, rest)| rest);
    section.starts_with("2)") || section.starts_with("3)")
}

/// Whether `line` calls the function `name`: by its path, or in a row of a table.
fn calls(line: &str, name: &str) -> bool {
    let call = format!("{name}(");
    line.match_indices(&call).any(|(at, _)| {
        let before = &line[..at];
        let is_row = before.ends_with(' ') || before.trim().is_empty();
        let is_path = before.ends_with("libc::") || before.ends_with("c::");
        is_path || (is_row && !before.ends_with("fn "))
    })
}

#[test]
fn every_function_that_is_stood_in_for_is_called() {
    let folder = root().join("sim/src/intercept/libc");
    let mut defined = BTreeSet::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let text = text(entry.expect("it can be read").path());
        defined.extend(defined_in(&text).map(str::to_owned));
    }
    for name in [
        "vfork",
        "open",
        "sem_timedwait",
        "arc4random",
        "clock_gettime",
    ] {
        assert!(defined.contains(name), "{name} is not among {defined:?}");
    }
    let files = ["sim/tests/libc.rs", "tests/tests/surfaces/glibc.rs"];
    let tests = files.map(|file| text(root().join(file)));
    let is_called = |name: &str| {
        let mut lines = tests.iter().flat_map(|text| text.lines());
        lines.any(|line| calls(line, name))
    };
    let missing: Vec<_> = defined.iter().filter(|name| !is_called(name)).collect();
    assert!(
        missing.is_empty(),
        "{missing:?} are called in none of {files:?}"
    );
}

#[test]
fn a_function_that_nobody_calls_is_seen() {
    assert!(calls("    minus_one!(FILES open(PATH", "open"));
    assert!(calls("unsafe { libc::fork() }", "fork"));
    assert!(!calls("minus_one!(PROCESSES vfork()),", "fork"));
    assert!(!calls("pub(super) fn vfork() -> pid_t;", "vfork"));
    let lines = [
        "pub(super) extern \"C\" fn one() {}",
        "    fn two(it: c_int) -> c_int;",
        "fn three() {}",
        "    /// `four(2)`, which waits.",
        "    four text;",
    ];
    let text = lines.join("\n");
    assert_eq!(
        defined_in(&text).collect::<Vec<_>>(),
        ["one", "two", "four"]
    );
}
