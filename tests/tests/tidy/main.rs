//! Rules that the compiler does not check, checked on the sources themselves.
//!
//! Each rule is a function over text, with a test that sees it fail, and one test that applies it
//! to the repository. CONTRIBUTING.md names every rule.

mod determinism;
mod imports;
mod markdown;
mod sources;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

/// The rules, as CONTRIBUTING.md names them.
const RULES: [&str; 7] = [
    "import table",
    "list of unsafe files",
    "file header",
    "no allow",
    "nothing left undone",
    "determinism",
    "one sentence per line",
];

#[test]
fn contributing_names_every_rule() {
    let text = read(&root().join("CONTRIBUTING.md"));
    for rule in RULES {
        let name = format!("**{rule}**");
        assert!(
            text.contains(&name),
            "CONTRIBUTING.md does not name the rule {name}"
        );
    }
}

/// The repository's folder.
fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("the package is inside the repository")
        .to_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A file of the repository: its path from the root, with `/`, and its text.
struct File {
    path: String,
    text: String,
}

/// Every file below `folder` whose name ends in `ending`, in order.
fn files(folder: &str, ending: &str) -> Vec<File> {
    let mut found = Vec::new();
    walk(&root().join(folder), ending, &mut found);
    found.sort_by(|one, two| one.path.cmp(&two.path));
    found
}

fn walk(folder: &Path, ending: &str, found: &mut Vec<File>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.expect("the folder can be read").path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            // Git's own, and what cargo and mdBook build.
            let is_foreign = name.starts_with('.') && name != ".ci";
            if !is_foreign && name != "target" && name != "simoom-regressions" {
                walk(&path, ending, found);
            }
        } else if name.ends_with(ending) {
            let inside = path
                .strip_prefix(root())
                .expect("the walk starts at the root");
            found.push(File {
                path: inside.to_string_lossy().replace('\\', "/"),
                text: read(&path),
            });
        }
    }
}

/// Fails with all `violations`, if there are any.
#[track_caller]
fn assert_none(violations: Vec<String>) {
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}
