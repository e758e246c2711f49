//! The import table: who may know whom.

use crate::words::{code, lines_with};
use crate::{assert_none, files, read, root};

/// What one package may depend on, of ours.
struct Row {
    /// The folder of the package, from the root; ending in `/` for every package below it.
    folder: &'static str,
    normal: &'static [&'static str],
    /// In addition, for its tests.
    dev: &'static [&'static str],
}

/// The table. ARCHITECTURE.md draws it.
const TABLE: [Row; 9] = [
    Row {
        folder: "runtime/macros",
        normal: &[],
        dev: &[],
    },
    Row {
        folder: "faults",
        normal: &[],
        dev: &[],
    },
    Row {
        folder: "runtime",
        normal: &["simoom-macros"],
        dev: &[],
    },
    Row {
        folder: "sim",
        normal: &["simoom", "simoom-macros", "simoom-faults"],
        dev: &[],
    },
    Row {
        folder: "sim/cli",
        normal: &[],
        dev: &[],
    },
    Row {
        folder: "sim/cli/fixture",
        normal: &["simoom"],
        dev: &["simoom-sim"],
    },
    Row {
        folder: "tests",
        normal: &[
            "simoom",
            "simoom-macros",
            "simoom-faults",
            "simoom-sim",
            "cargo-simoom",
            "kv",
        ],
        dev: &[],
    },
    Row {
        folder: "tests/tools",
        normal: &["simoom-sim", "simoom-tests"],
        dev: &[],
    },
    Row {
        folder: "docs/examples/",
        normal: &["simoom"],
        dev: &["simoom-sim", "simoom-faults"],
    },
];

/// Words that files of a folder must not hold, and why.
struct Ban {
    /// A folder, or a file; `tests.rs`, `loom.rs` and what is below `loom/` are exempt.
    within: &'static str,
    except: &'static [&'static str],
    word: &'static str,
    why: &'static str,
}

const BANS: [Ban; 12] = [
    Ban {
        within: "runtime/src",
        except: &[],
        word: "simoom_sim",
        why: "production code knows no simulator",
    },
    Ban {
        within: "runtime/macros/src",
        except: &[],
        word: "use simoom",
        why: "the macros depend on nothing of ours",
    },
    Ban {
        within: "docs/examples/kv/src",
        except: &[],
        word: "simoom_sim",
        why: "what is shipped knows no simulator",
    },
    Ban {
        within: "runtime/src/sync",
        except: &[],
        word: "backend",
        why: "locks and channels work in every world, and outside of one",
    },
    Ban {
        within: "runtime/src",
        except: &["runtime/src/runtime/builder.rs", "runtime/src/backend/real"],
        word: "backend::real",
        why: "only the builder chooses the real world",
    },
    Ban {
        within: "runtime/src",
        except: &["runtime/src/shim.rs"],
        word: "loom::",
        why: "only the shim chooses between std and loom",
    },
    Ban {
        within: "sim/src/disk",
        except: &[],
        word: "world",
        why: "a disk knows no nodes, time or chance: who loses power decides",
    },
    Ban {
        within: "sim/src/strategy",
        except: &[],
        word: "world",
        why: "a strategy sees anchors and alternatives, never the world",
    },
    Ban {
        within: "sim/src/choice",
        except: &[],
        word: "crate::world",
        why: "names and values know nothing of what happens",
    },
    Ban {
        within: "sim/src/checkers",
        except: &[],
        word: "crate::world",
        why: "a checker sees what was written down, live or stored",
    },
    Ban {
        within: "sim/src/checkers",
        except: &[],
        word: "crate::sim",
        why: "a checker sees what was written down, live or stored",
    },
    Ban {
        within: "sim/src/world",
        except: &[],
        word: "SimBackend",
        why: "the world is state: it does not know its door",
    },
];

/// The packages of ours that a manifest names in `[dependencies]` and in `[dev-dependencies]`.
fn dependencies(manifest: &str) -> (Vec<String>, Vec<String>) {
    let (mut normal, mut dev) = (Vec::new(), Vec::new());
    let mut section = "";
    for line in manifest.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
            continue;
        }
        let end = line.find(['.', '=', ' ']).unwrap_or(line.len());
        let name = line[..end].trim_matches('"');
        let is_ours = name.starts_with("simoom") || name == "kv";
        if is_ours && section.ends_with("dev-dependencies") {
            dev.push(name.to_owned());
        } else if is_ours && section.ends_with("dependencies") {
            normal.push(name.to_owned());
        }
    }
    (normal, dev)
}

fn check_manifest(folder: &str, manifest: &str) -> Vec<String> {
    let matches = |row: &&Row| {
        row.folder == folder || (row.folder.ends_with('/') && folder.starts_with(row.folder))
    };
    let Some(row) = TABLE.iter().find(matches) else {
        return vec![format!(
            "{folder} is not in the import table: add it to TABLE in tests/tests/tidy/imports.rs \
             and to ARCHITECTURE.md"
        )];
    };
    let (normal, dev) = dependencies(manifest);
    let mut violations = Vec::new();
    for name in normal {
        if !row.normal.contains(&name.as_str()) {
            violations.push(format!("{folder}/Cargo.toml: must not depend on {name}"));
        }
    }
    for name in dev {
        if !row.normal.contains(&name.as_str()) && !row.dev.contains(&name.as_str()) {
            violations.push(format!(
                "{folder}/Cargo.toml: must not depend on {name} in tests"
            ));
        }
    }
    violations
}

fn is_within(path: &str, place: &str) -> bool {
    path.strip_prefix(place)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn check_ban(ban: &Ban, path: &str, text: &str) -> Vec<String> {
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_model = name == "loom.rs" || path.contains("/loom/");
    let is_test = name == "tests.rs" || is_model || path.contains("/testing/");
    let is_free = is_test || ban.except.iter().any(|place| is_within(path, place));
    if is_free || !is_within(path, ban.within) {
        return Vec::new();
    }
    let lines = lines_with(&code(text), ban.word);
    let message = |line| format!("{path}:{line}: names `{}`, but {}", ban.word, ban.why);
    lines.into_iter().map(message).collect()
}

/// The `use` lines of the shrinker: it sees plans and by what they fail, nothing else.
fn check_shrinker(path: &str, text: &str) -> Vec<String> {
    let lines = code(text);
    let numbered = lines.lines().enumerate();
    let seen = ["use crate::choice::", "use crate::world::failure::"];
    let foreign = numbered.filter(|(_, line)| {
        let is_seen = seen.iter().any(|it| line.trim_start().starts_with(it));
        line.contains("crate::") && !is_seen
    });
    foreign
        .map(|(index, line)| {
            format!(
                "{path}:{}: the shrinker sees choices alone, not `{}`",
                index + 1,
                line.trim()
            )
        })
        .collect()
}

#[test]
fn packages_import_as_the_table_says() {
    let workspace = read(&root().join("Cargo.toml"));
    let members = workspace
        .split_once("members = [")
        .expect("the workspace lists its members")
        .1;
    let members = members.split_once(']').expect("the list ends").0;
    let members = members
        .split(',')
        .map(|member| member.trim().trim_matches('"'));
    let mut violations = Vec::new();
    for folder in members.filter(|member| !member.is_empty()) {
        let manifest = read(&root().join(folder).join("Cargo.toml"));
        violations.extend(check_manifest(folder, &manifest));
    }
    assert_none(violations);
}

#[test]
fn rooms_import_as_the_table_says() {
    let mut violations = Vec::new();
    for file in files("", ".rs") {
        for ban in &BANS {
            violations.extend(check_ban(ban, &file.path, &file.text));
        }
    }
    assert_none(violations);
}

#[test]
fn the_shrinker_sees_choices_alone() {
    let files = files("sim/src/check/shrink", ".rs");
    assert!(files.len() > 5, "the shrinker is there");
    let violations = files
        .iter()
        .map(|file| check_shrinker(&file.path, &file.text));
    assert_none(violations.flatten().collect());
}

#[test]
fn a_forbidden_dependency_is_seen() {
    let violations = check_manifest("runtime", "[dependencies]\nsimoom-sim.workspace = true\n");
    assert_eq!(
        violations,
        ["runtime/Cargo.toml: must not depend on simoom-sim"]
    );
    let example = "[dependencies]\nsimoom.workspace = true\n\
                   [dev-dependencies]\nsimoom-sim = { path = \"x\" }\n";
    assert!(check_manifest("docs/examples/new", example).is_empty());
    let example = example.replace("[dev-dependencies]", "");
    assert_eq!(check_manifest("docs/examples/new", &example).len(), 1);
    assert!(check_manifest("unheard-of", "")[0].contains("add it to TABLE"));
}

#[test]
fn a_forbidden_word_is_seen() {
    let [_, _, _, sync, real, loom, ..] = &BANS;
    let used = "//! A backend is fine here.\nuse crate::backend::Op;\n";
    assert_eq!(check_ban(sync, "runtime/src/sync/mutex.rs", used).len(), 1);
    assert!(check_ban(sync, "runtime/src/net/tcp.rs", used).is_empty());
    let used = "use crate::backend::real::Real;";
    assert!(check_ban(real, "runtime/src/runtime/builder.rs", used).is_empty());
    assert_eq!(
        check_ban(real, "runtime/src/runtime/handle.rs", used).len(),
        1
    );
    let used = "use loom::sync::Arc;";
    assert_eq!(check_ban(loom, "runtime/src/task/cell.rs", used).len(), 1);
    assert!(check_ban(loom, "runtime/src/task/cell/loom.rs", used).is_empty());
    assert!(check_ban(loom, "runtime/src/sync/loom/values.rs", used).is_empty());
}

#[test]
fn a_shrinker_that_looks_around_is_seen() {
    assert!(check_shrinker("s.rs", "use crate::choice::Plan;\n").is_empty());
    assert_eq!(
        check_shrinker("s.rs", "use crate::world::World;\n").len(),
        1
    );
}
