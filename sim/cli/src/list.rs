//! `list`: the tests there are, and the failures that are kept.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use crate::arguments::{Format, List};
use crate::bundle::{self, Bundle};
use crate::cargo::Test;
use crate::exit::{Ended, Exit, Stopped};
use crate::summary::short;
use crate::text::{count, roughly};

/// Lists both, or what is asked for.
pub(crate) fn list(arguments: &List) -> Ended {
    let List {
        select,
        tests,
        bundles,
        message_format,
        build,
    } = arguments;
    let folder = build.bundles()?;
    let found = match bundles {
        true => Vec::new(),
        false => build.tests(select)?,
    };
    let kept = match tests {
        true => Vec::new(),
        false => bundle::all_below(&folder),
    };
    match message_format {
        Format::Json => print!("{}", lines(&found, &kept)),
        Format::Human => {
            if !bundles {
                print!("{}", told_tests(&found));
            }
            if !tests {
                print!("{}", told_bundles(&folder, &kept));
            }
        }
    }
    match found.is_empty() && !bundles {
        true => Err(Stopped::with(
            Exit::Nothing,
            "no simulated test is selected",
        )),
        false => Ok(Exit::Clean),
    }
}

fn told_tests(tests: &[Test]) -> String {
    let mut lines = vec![count(tests.len() as u64, "test", "tests")];
    for test in tests {
        let ordinary = match test.is_simulated {
            true => "",
            false => "  (an ordinary one)",
        };
        lines.push(format!("  {}{ordinary}", test.id()));
    }
    lines.join("\n") + "\n"
}

fn told_bundles(folder: &Path, bundles: &[Bundle]) -> String {
    let many = count(bundles.len() as u64, "failure", "failures");
    let mut lines = vec![format!("{many} in {}", short(folder))];
    let mut groups: BTreeMap<&str, Vec<&Bundle>> = BTreeMap::new();
    for bundle in bundles {
        groups.entry(&bundle.signature).or_default().push(bundle);
    }
    for (signature, bundles) in groups {
        lines.push(format!("  {}: {signature}", bundles[0].class));
        for bundle in bundles {
            let owner = bundle.owner.as_deref().unwrap_or("a test of no name");
            lines.push(format!(
                "    {owner}, seed {}, {} ago\n      {}\n      {}",
                bundle.seed,
                roughly(bundle.age),
                bundle.message,
                short(&bundle.folder)
            ));
        }
    }
    lines.join("\n") + "\n"
}

fn lines(tests: &[Test], bundles: &[Bundle]) -> String {
    let mut text = String::new();
    for test in tests {
        let line = json!({
            "event": "test",
            "test": test.id(),
            "package": test.binary.package,
            "binary": test.binary.name,
            "kind": test.binary.kind,
            "name": test.name,
            "simulated": test.is_simulated,
        });
        text.push_str(&format!("{line}\n"));
    }
    for bundle in bundles {
        let line = json!({
            "event": "bundle",
            "folder": bundle.folder,
            "test": bundle.owner,
            "class": bundle.class,
            "signature": bundle.signature,
            "seed": bundle.seed,
            "message": bundle.message,
            "age_s": bundle.age.as_secs(),
        });
        text.push_str(&format!("{line}\n"));
    }
    text
}
