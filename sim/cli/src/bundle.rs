//! Bundles: the folders in which tests keep what they know of a failure.
//!
//! Owns what is read from them. They lie in `target/simoom/PACKAGE/CRATE/TEST/SEED`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::exit::Stopped;

/// A bundle that was found.
#[derive(Clone, Debug)]
pub(crate) struct Bundle {
    pub(crate) folder: PathBuf,
    pub(crate) class: String,
    pub(crate) signature: String,
    pub(crate) seed: String,
    /// The first line of the message.
    pub(crate) message: String,
    pub(crate) owner: Option<String>,
    pub(crate) age: Duration,
}

/// Every bundle below `folder`.
pub(crate) fn all_below(folder: &Path) -> Vec<Bundle> {
    let mut bundles = Vec::new();
    collect(folder, 0, &mut bundles);
    bundles.sort_by_key(|bundle| bundle.age);
    bundles
}

/// How deep bundles lie: the package, the crate, the test and the seed.
const DEPTH: u32 = 4;

fn collect(folder: &Path, depth: u32, bundles: &mut Vec<Bundle>) {
    if let Some(bundle) = read(folder) {
        bundles.push(bundle);
    } else if depth < DEPTH {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut folders: Vec<_> = entries
            .map(|it| it.path())
            .filter(|it| it.is_dir())
            .collect();
        folders.sort();
        for folder in folders {
            collect(&folder, depth + 1, bundles);
        }
    }
}

fn read(folder: &Path) -> Option<Bundle> {
    let path = folder.join("verdict.txt");
    let text = fs::read_to_string(&path).ok()?;
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        line.map_or_else(String::new, |it| it.trim().to_owned())
    };
    let (_, message) = text.split_once("\nmessage\n")?;
    let plan = fs::read_to_string(folder.join("plan.txt")).unwrap_or_default();
    let made = fs::metadata(&path).and_then(|it| it.modified()).ok()?;
    Some(Bundle {
        folder: folder.to_owned(),
        class: value("class "),
        signature: value("signature "),
        seed: value("seed "),
        message: message.lines().next().unwrap_or_default().to_owned(),
        owner: crate::plans::Plans::parse(&plan).owner,
        age: SystemTime::now().duration_since(made).unwrap_or_default(),
    })
}

/// The plan that `path`, a bundle or a plan, holds.
pub(crate) fn plan_of(path: &Path) -> Result<PathBuf, Stopped> {
    let plan = match path.is_dir() {
        true => path.join("plan.txt"),
        false => path.to_owned(),
    };
    match plan.is_file() {
        true => crate::process::absolute(&plan),
        false => Err(Stopped::missing(format!(
            "{} is no bundle and no plan",
            path.display()
        ))),
    }
}

/// The record that `path`, a bundle or a record, holds.
pub(crate) fn record_of(path: &Path) -> Result<String, Stopped> {
    let record = match path.is_dir() {
        true => path.join("record.txt"),
        false => path.to_owned(),
    };
    fs::read_to_string(&record)
        .map_err(|error| Stopped::missing(format!("{}: {error}", record.display())))
}

/// How a bundle's test was built, in the arguments of cargo, and of which package it is.
#[derive(Debug, Default)]
pub(crate) struct Built {
    pub(crate) package: Option<String>,
    pub(crate) profile: Option<String>,
    pub(crate) features: Vec<String>,
    pub(crate) has_no_default_features: bool,
}

/// What a bundle says of how its test was built; nothing if the plan lies elsewhere.
pub(crate) fn built(plan: &Path) -> Built {
    let path = plan.with_file_name("build.txt");
    let text = fs::read_to_string(path).unwrap_or_default();
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        line.map(str::trim).filter(|it| *it != "unknown")
    };
    let mut built = Built {
        package: value("package ").map(str::to_owned),
        ..Built::default()
    };
    built.profile = match value("profile ") {
        Some("--release") => Some("release".to_owned()),
        Some(profile) => profile.strip_prefix("--profile ").map(str::to_owned),
        None => None,
    };
    let mut words = value("features ").unwrap_or_default().split(' ');
    while let Some(word) = words.next() {
        match word {
            "--features" => built.features.extend(words.next().map(str::to_owned)),
            "--no-default-features" => built.has_no_default_features = true,
            _ => {}
        }
    }
    built
}
