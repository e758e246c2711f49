//! Files of failures: plans that replace each other, and what cannot be read.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::{Saved, load, parse, save};
use crate::choice::{Plan, PlanError};

/// A folder that is gone when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("simoom-saved-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("deep/er/test.txt")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Whose failures they are.
const OWNER: &str = "crate::module::test 2";

fn plan(seed: u64, failure: &str) -> Plan {
    Plan {
        seed,
        strategy: "replay".to_owned(),
        horizon: 2,
        failure: Some(failure.to_owned()),
        seen: None,
        siblings: BTreeMap::new(),
        deviations: Vec::new(),
    }
}

#[test]
fn a_file_that_is_not_there_holds_no_plan() {
    let folder = Folder::new("absent");
    assert_eq!(load(&folder.file()), Ok(Saved::default()));
}

#[test]
fn several_plans_are_kept_in_one_file_in_their_order() {
    let folder = Folder::new("several");
    let path = folder.file();
    let plans = [
        plan(1, "deadlock"),
        plan(2, "panic a.rs N"),
        plan(3, "panic b.rs N"),
    ];
    for (count, one) in plans.iter().enumerate() {
        save(&path, Some(OWNER), one).unwrap();
        assert_eq!(load(&path).unwrap().plans, plans[..=count]);
    }
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("# Failures that simoom found."), "{text}");
    assert_eq!(load(&path).unwrap().owner.as_deref(), Some(OWNER));
    let others: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
    assert_eq!(others.len(), 1, "no half-written file is left");
}

#[test]
fn a_plan_replaces_the_one_that_fails_the_same_way() {
    let folder = Folder::new("replaced");
    let path = folder.file();
    for one in [
        plan(1, "deadlock"),
        plan(2, "panic a.rs N"),
        plan(9, "deadlock"),
    ] {
        save(&path, Some(OWNER), &one).unwrap();
    }
    assert_eq!(
        load(&path).unwrap().plans,
        [plan(9, "deadlock"), plan(2, "panic a.rs N")]
    );
}

#[test]
fn failures_with_odd_messages_are_replaced_too() {
    let folder = Folder::new("odd");
    let path = folder.file();
    for message in [
        "",
        " ",
        "ends in space ",
        "two  spaces",
        "tab\tand\r",
        "\u{3000}",
    ] {
        let failure = crate::Failure::Panic {
            message: message.to_owned(),
            location: "src/lib.rs:1:2".to_owned(),
            task: "test/main".to_owned(),
        };
        fs::remove_file(&path).unwrap_or_default();
        save(&path, Some(OWNER), &plan(1, &failure.signature())).unwrap();
        save(&path, Some(OWNER), &plan(2, &failure.signature())).unwrap();
        assert_eq!(load(&path).unwrap().plans.len(), 1, "{message:?}");
    }
}

#[test]
fn what_cannot_be_read_is_neither_replayed_nor_overwritten() {
    let folder = Folder::new("unreadable");
    let path = folder.file();
    for text in [
        &b"simoom plan 2\nseed 1\n"[..],
        b"nonsense\n",
        b"simoom plan 1\nseed 1\nstrategy replay\nhorizon 2\nnonsense\n",
        b"\xff\xfe\n",
    ] {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        let error = load(&path).unwrap_err();
        assert!(error.contains("test.txt: "), "{error}");
        save(&path, Some(OWNER), &plan(1, "deadlock")).unwrap_err();
        assert_eq!(fs::read(&path).unwrap(), text, "the file is as it was");
    }
}

#[test]
fn a_plan_of_another_version_is_named() {
    let text = format!(
        "# comment\n\n{}\nsimoom plan 2\nseed 1\n",
        plan(1, "deadlock").to_text()
    );
    let found = "simoom plan 2".to_owned();
    assert_eq!(parse(&text), Err(PlanError::Version { found }));
}

#[test]
fn comments_and_blank_lines_are_skipped() {
    let text = format!(
        "# one\n\n   \n{}\n# two\n\n{}\n",
        plan(1, "a").to_text(),
        plan(2, "b").to_text()
    );
    let plans = vec![plan(1, "a"), plan(2, "b")];
    assert_eq!(parse(&text), Ok(Saved { owner: None, plans }));
    assert_eq!(parse("# one\n\n"), Ok(Saved::default()));
}
