//! What cargo builds, and which simulated tests are in it.
//!
//! Owns the calls of cargo and the look into test binaries. A test of the attribute leaves a mark
//! with its name in its binary, which is found without running anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::arguments::{Build, Select};
use crate::exit::{Exit, Stopped};
use crate::filter::{self, Filter, Subject};

/// A test binary.
#[derive(Clone, Debug)]
pub(crate) struct Binary {
    pub(crate) package: String,
    pub(crate) version: String,
    /// The target: `durability` for `tests/durability.rs`.
    pub(crate) name: String,
    /// `lib`, `test`, `bin` and the like, as nextest names them.
    pub(crate) kind: String,
    pub(crate) executable: PathBuf,
    pub(crate) folder: PathBuf,
}

/// A test that may be run.
#[derive(Clone, Debug)]
pub(crate) struct Test {
    pub(crate) binary: Binary,
    pub(crate) name: String,
    /// It was made by the attribute; else nobody knows whether it simulates anything.
    pub(crate) is_simulated: bool,
}

impl Test {
    /// The crate that holds it, as plans name it.
    pub(crate) fn krate(&self) -> String {
        self.binary.name.replace('-', "_")
    }

    /// What tells it from all others: the package, the kind and name of the target, the test.
    pub(crate) fn id(&self) -> String {
        let Binary {
            package,
            name,
            kind,
            ..
        } = &self.binary;
        match kind.as_str() {
            "lib" => format!("{package} {}", self.name),
            "test" => format!("{package}::{name} {}", self.name),
            _ => format!("{package}::{kind}/{name} {}", self.name),
        }
    }
}

/// Where cargo puts things, and which packages there are.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    packages: Vec<Package>,
    pub(crate) target_directory: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    manifest_path: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Message {
    reason: String,
    package_id: Option<String>,
    target: Option<Target>,
    profile: Option<Profile>,
    executable: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Profile {
    test: bool,
}

fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

impl Build {
    /// What `cargo metadata` needs of it.
    fn metadata_arguments(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        if let Some(path) = &self.manifest_path {
            arguments.extend(["--manifest-path".to_owned(), path.display().to_string()]);
        }
        arguments.extend(self.offline.then(|| "--offline".to_owned()));
        arguments.extend(self.locked.then(|| "--locked".to_owned()));
        arguments
    }

    fn arguments(&self) -> Vec<String> {
        let mut arguments = self.metadata_arguments();
        let mut flag = |is_set: bool, name: &str| {
            arguments.extend(is_set.then(|| name.to_owned()));
        };
        flag(self.workspace, "--workspace");
        flag(self.lib, "--lib");
        flag(self.all_features, "--all-features");
        flag(self.no_default_features, "--no-default-features");
        flag(self.release, "--release");
        let target_dir = self.target_dir.as_ref().map(|it| it.display().to_string());
        let values = (self.package.iter().map(|it| ("--package", it)))
            .chain(self.exclude.iter().map(|it| ("--exclude", it)))
            .chain(self.test.iter().map(|it| ("--test", it)))
            .chain(self.features.iter().map(|it| ("--features", it)))
            .chain(self.profile.iter().map(|it| ("--profile", it)))
            .chain(self.target.iter().map(|it| ("--target", it)))
            .chain(target_dir.iter().map(|it| ("--target-dir", it)));
        for (name, value) in values {
            arguments.extend([name.to_owned(), value.clone()]);
        }
        arguments
    }

    /// What cargo knows of the workspace.
    pub(crate) fn metadata(&self) -> Result<Metadata, Stopped> {
        let output = cargo()
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .args(self.metadata_arguments())
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| Stopped::with(Exit::Build, format!("cargo: {error}")))?;
        if !output.status.success() {
            return Err(Stopped::with(Exit::Build, "cargo found no package here"));
        }
        serde_json::from_slice(&output.stdout)
            .map_err(|error| Stopped::with(Exit::Build, format!("cargo metadata: {error}")))
    }

    /// Where failures are kept.
    pub(crate) fn bundles(&self) -> Result<PathBuf, Stopped> {
        let folder = match &self.target_dir {
            Some(folder) => folder.clone(),
            None => self.metadata()?.target_directory,
        };
        Ok(folder.join("simoom"))
    }

    /// Builds all test binaries.
    pub(crate) fn binaries(&self) -> Result<Vec<Binary>, Stopped> {
        let metadata = self.metadata()?;
        let packages: BTreeMap<_, _> = (metadata.packages.iter())
            .map(|package| (package.id.as_str(), package))
            .collect();
        let output = cargo()
            .args(["test", "--no-run", "--quiet"])
            .arg("--message-format=json-render-diagnostics")
            .args(self.arguments())
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| Stopped::with(Exit::Build, format!("cargo: {error}")))?;
        if !output.status.success() {
            return Err(Stopped::with(Exit::Build, "the tests do not build"));
        }
        let mut binaries = Vec::new();
        for line in output.stdout.split(|&byte| byte == b'\n') {
            let Ok(message) = serde_json::from_slice::<Message>(line) else {
                continue;
            };
            let is_test = message.profile.is_some_and(|profile| profile.test);
            let (Some(id), Some(target), Some(executable)) =
                (message.package_id, message.target, message.executable)
            else {
                continue;
            };
            let package = packages.get(id.as_str());
            let (true, true, Some(package)) =
                (message.reason == "compiler-artifact", is_test, package)
            else {
                continue;
            };
            let folder = package.manifest_path.parent().unwrap_or(Path::new("."));
            binaries.push(Binary {
                package: package.name.clone(),
                version: package.version.clone(),
                name: target.name,
                kind: match target.kind.first().map_or("lib", String::as_str) {
                    "rlib" | "dylib" | "cdylib" | "staticlib" => "lib".to_owned(),
                    kind => kind.to_owned(),
                },
                executable,
                folder: folder.to_owned(),
            });
        }
        binaries.sort_by(|one, two| {
            let key = |it: &Binary| (it.package.clone(), it.kind.clone(), it.name.clone());
            key(one).cmp(&key(two))
        });
        Ok(binaries)
    }

    /// Builds the tests, and finds those that are selected.
    pub(crate) fn tests(&self, select: &Select) -> Result<Vec<Test>, Stopped> {
        let filters = select.filtersets.iter().map(|text| filter::parse(text));
        let filters = filters
            .collect::<Result<Vec<_>, _>>()
            .map_err(Stopped::usage)?;
        let mut tests = Vec::new();
        for binary in self.binaries()? {
            for test in in_binary(&binary, select)? {
                if is_selected(&test, &select.names, &filters) {
                    tests.push(test);
                }
            }
        }
        Ok(tests)
    }
}

fn is_selected(test: &Test, names: &[String], filters: &[Filter]) -> bool {
    let subject = Subject {
        test: &test.name,
        package: &test.binary.package,
        binary: &test.binary.name,
        kind: &test.binary.kind,
    };
    (names.is_empty() || names.iter().any(|name| test.name.contains(name.as_str())))
        && (filters.is_empty() || filters.iter().any(|filter| filter.selects(&subject)))
}

/// The tests of a binary that may be simulated.
fn in_binary(binary: &Binary, select: &Select) -> Result<Vec<Test>, Stopped> {
    let path = &binary.executable;
    let marked =
        marks(path).map_err(|error| Stopped::missing(format!("{}: {error}", path.display())))?;
    if marked.is_empty() && !select.calls {
        return Ok(Vec::new());
    }
    let ignored = match select.include_ignored {
        true => BTreeSet::new(),
        false => listed(binary, &["--ignored"])?,
    };
    let names = listed(binary, &[])?.into_iter();
    let tests = names
        .filter(|name| !ignored.contains(name))
        .map(|name| Test {
            is_simulated: marked.contains(&name),
            binary: binary.clone(),
            name,
        });
    Ok(tests
        .filter(|test| test.is_simulated || select.calls)
        .collect())
}

/// The names that a binary of the standard harness lists. What has another harness lists nothing.
fn listed(binary: &Binary, more: &[&str]) -> Result<BTreeSet<String>, Stopped> {
    let output = Command::new(&binary.executable)
        .args(["--list", "--format", "terse"])
        .args(more)
        .current_dir(&binary.folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Stopped::missing(format!("{}: {error}", binary.executable.display())))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let names = text.lines().filter_map(|line| line.strip_suffix(": test"));
    Ok(names.map(str::to_owned).collect())
}

/// The tests whose marks a binary holds, by the names that the harness has for them.
fn marks(path: &Path) -> io::Result<BTreeSet<String>> {
    let mut file = BufReader::with_capacity(1 << 20, File::open(path)?);
    let mut names = BTreeSet::new();
    let mut part = Vec::new();
    let mut next = |file: &mut BufReader<File>| -> io::Result<Option<Vec<u8>>> {
        part.clear();
        let length = file.read_until(MARK, &mut part)?;
        if part.last() == Some(&MARK) {
            part.pop();
        }
        Ok((length > 0).then(|| match part.len() <= LONGEST {
            true => part.clone(),
            false => Vec::new(),
        }))
    };
    while let Some(found) = next(&mut file)? {
        if found != HEAD {
            continue;
        }
        let (Some(module), Some(name)) = (next(&mut file)?, next(&mut file)?) else {
            break;
        };
        if let (Ok(module), Ok(name)) = (String::from_utf8(module), String::from_utf8(name)) {
            names.insert(match module.split_once("::") {
                Some((_, modules)) => format!("{modules}::{name}"),
                None => name,
            });
        }
    }
    Ok(names)
}

/// What stands between the parts of a mark, and its first part.
const MARK: u8 = 1;
const HEAD: &[u8] = b"simoom test";

/// The longest part that is looked at.
const LONGEST: usize = 4_096;
