//! Every target of `fuzz/` with what is kept for it: the corpus, and what was found once.
//!
//! No fuzzer takes part, so that this runs with any compiler. Beside the kept inputs each target is
//! given cut-off and mixed ones of them, and some that are drawn.

use std::fs;
use std::path::{Path, PathBuf};

use simoom_sim::value;
use simoom_tests::fuzz::{TARGETS, Target};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

/// The files that are kept for `target`, with their names.
fn kept(target: &Target) -> Vec<(PathBuf, Vec<u8>)> {
    let mut kept = Vec::new();
    for folder in ["corpus", "findings"] {
        let Ok(entries) = fs::read_dir(root().join(folder).join(target.name)) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("the folder can be read").path();
            let bytes = fs::read(&path).expect("the file can be read");
            kept.push((path, bytes));
        }
    }
    kept.sort();
    kept
}

#[test]
fn what_is_kept_passes() {
    for target in TARGETS {
        let kept = kept(target);
        assert!(!kept.is_empty(), "{} has a corpus", target.name);
        for (path, bytes) in kept {
            eprintln!("{}", path.display());
            (target.run)(&bytes);
        }
    }
}

#[test]
fn what_is_drawn_from_it_passes() {
    for target in TARGETS {
        let kept = kept(target);
        for index in 0..80 {
            let draw = |stream| value(index, stream, 0) as usize;
            let mut bytes = kept[draw(1) % kept.len()].1.clone();
            let other = &kept[draw(2) % kept.len()].1;
            bytes.truncate(draw(3) % (bytes.len() + 1));
            bytes.extend_from_slice(&other[draw(4) % (other.len() + 1)..]);
            for change in 0..draw(5) % 4 {
                if !bytes.is_empty() {
                    let at = draw(10 + change as u64) % bytes.len();
                    bytes[at] = draw(20 + change as u64) as u8;
                }
            }
            eprintln!("{}: {}", target.name, bytes.escape_ascii());
            (target.run)(&bytes);
        }
    }
}

#[test]
fn folders_and_binaries_are_those_of_the_targets() {
    let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
    for folder in ["corpus", "findings"] {
        for entry in fs::read_dir(root().join(folder)).expect("the folder is there") {
            let name = entry.expect("it can be read").file_name();
            let name = name.to_string_lossy();
            assert!(
                name.starts_with('.') || names.contains(&&*name),
                "{folder}/{name} belongs to no target"
            );
        }
    }
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("it can be read");
    for name in names {
        let binary = format!("name = \"{name}\"");
        assert!(
            manifest.contains(&binary),
            "fuzz/Cargo.toml has no binary {name}"
        );
    }
}
