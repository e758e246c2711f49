//! How the running binary was built and where its target directory is, as far as its place tells.
//!
//! Owns what is known of cargo's folders. Knows nothing of sweeps. What cargo keeps there for
//! itself may look otherwise one day: then it is not known, and the report says so.

use std::fs;
use std::path::{Path, PathBuf};

/// With what features and profile a binary was built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Build {
    /// `--release` and the like; empty for the usual profile.
    pub(crate) profile: Option<String>,
    /// `--features …`; empty if none were asked for, `None` if that is not known.
    pub(crate) features: Option<String>,
    /// `--target …`; `None` if none was asked for, or that is not known.
    pub(crate) target: Option<String>,
}

impl Build {
    /// That of the running binary, which is of `package`.
    pub(crate) fn of_this_binary(package: &str) -> Self {
        match std::env::current_exe() {
            Ok(binary) => Self::of(&binary, package),
            Err(_) => Self::default(),
        }
    }

    /// That of `binary`, if it is where cargo puts them: `target/PROFILE/deps/NAME-HASH`, or
    /// `target/PLATFORM/PROFILE/deps/NAME-HASH`.
    pub(crate) fn of(binary: &Path, package: &str) -> Self {
        if !is_cargos(binary) {
            return Self::default();
        }
        let folder = binary.ancestors().nth(2);
        let profile =
            folder
                .and_then(Path::file_name)
                .map(|name| match name.to_string_lossy().as_ref() {
                    "debug" => String::new(),
                    "release" => "--release".to_owned(),
                    other => format!("--profile {other}"),
                });
        let print = hash_of(binary).zip(folder).and_then(|(hash, folder)| {
            let folder = folder
                .join(".fingerprint")
                .join(format!("{package}-{hash}"));
            let mut files = fs::read_dir(folder).ok()?.filter_map(Result::ok);
            let file = files.find(|it| it.path().extension().is_some_and(|end| end == "json"))?;
            fs::read_to_string(file.path()).ok()
        });
        Self {
            profile,
            features: print.and_then(|print| features(&print)),
            target: platform(binary).map(|name| format!("--target {name}")),
        }
    }

    /// What is typed for it between `cargo test` and what else there is.
    pub(crate) fn arguments(&self) -> String {
        let parts = [&self.profile, &self.features, &self.target];
        let parts = parts.into_iter().flatten();
        let parts = parts.filter(|part| !part.is_empty());
        parts.map(|part| format!(" {part}")).collect()
    }
}

/// The arguments that ask for the features of a fingerprint.
fn features(print: &str) -> Option<String> {
    let active = list(print, "features")?;
    let declared = list(print, "declared_features").unwrap_or_default();
    let is_default = |name: &&str| *name == "default";
    let mut arguments = Vec::new();
    if declared.iter().any(is_default) && !active.iter().any(is_default) {
        arguments.push("--no-default-features".to_owned());
    }
    let named: Vec<_> = active
        .iter()
        .copied()
        .filter(|it| !is_default(it))
        .collect();
    if !named.is_empty() {
        arguments.push(format!("--features {}", named.join(",")));
    }
    Some(arguments.join(" "))
}

/// The names in a field that is a list written as a string: `"features":"[\"one\", \"two\"]"`.
fn list<'a>(print: &'a str, field: &str) -> Option<Vec<&'a str>> {
    let (_, rest) = print.split_once(&format!("\"{field}\":\"["))?;
    let (names, _) = rest.split_once("]\"")?;
    let names = names
        .split(',')
        .map(|name| name.trim().trim_matches(['\\', '"']));
    Some(names.filter(|name| !name.is_empty()).collect())
}

/// What tells builds of one name apart. That of an example stands in the name of its other link.
fn hash_of(binary: &Path) -> Option<String> {
    let stem = binary.file_stem()?.to_str()?;
    let hash = |stem: &str| {
        let (_, hash) = stem.rsplit_once('-')?;
        let is_hash = hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hash.then(|| hash.to_owned())
    };
    if let Some(hash) = hash(stem) {
        return Some(hash);
    }
    let number = inode(binary)?;
    let files = fs::read_dir(binary.parent()?).ok()?.filter_map(Result::ok);
    let links = files.filter(|file| inode(&file.path()) == Some(number));
    links
        .filter_map(|file| hash(file.path().file_stem()?.to_str()?))
        .next()
}

fn inode(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).ok().map(|it| it.ino())
}

/// Whether a binary is where cargo puts it.
fn is_cargos(binary: &Path) -> bool {
    let folder = binary.parent().and_then(Path::file_name);
    match folder.and_then(|it| it.to_str()) {
        Some("deps") => true,
        Some("examples") => is_target(binary, 3) || is_target(binary, 4),
        _ => false,
    }
}

/// The name of the platform that a binary was asked for, if one was: it stands between the target
/// directory and the profile.
fn platform(binary: &Path) -> Option<String> {
    if is_target(binary, 3) || !is_target(binary, 4) {
        return None;
    }
    let folder = binary.ancestors().nth(3)?.file_name()?;
    Some(folder.to_str()?.to_owned())
}

/// Whether the folder so many steps above `binary` is a target directory, which cargo marks.
fn is_target(binary: &Path, steps: usize) -> bool {
    let folder = binary.ancestors().nth(steps);
    folder.is_some_and(|it| it.join("CACHEDIR.TAG").is_file())
}

/// The compiler that this binary was made with, as far as cargo keeps it in the target directory.
pub(crate) fn rustc() -> Option<String> {
    let binary = std::env::current_exe().ok()?;
    let kept = binary
        .ancestors()
        .map(|it| it.join(".rustc_info.json"))
        .find(|it| it.is_file())?;
    compiler(&fs::read_to_string(kept).ok()?)
}

/// The first line that a compiler says of itself, in what cargo keeps.
fn compiler(kept: &str) -> Option<String> {
    let start = kept.find("\"rustc ")? + 1;
    let rest = &kept[start..];
    let end = rest.find(['\\', '"'])?;
    Some(rest[..end].to_owned())
}

/// Where the heavy output of a binary goes, and why there if that is not its own target directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) folder: PathBuf,
    pub(crate) instead: Option<&'static str>,
}

impl Output {
    /// That of the running binary.
    pub(crate) fn of_this_binary() -> Option<Self> {
        let binary = std::env::current_exe().ok()?;
        let asked = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
        let here = std::env::current_dir().ok();
        Self::of(&binary, asked, here)
    }

    fn of(binary: &Path, asked: Option<PathBuf>, here: Option<PathBuf>) -> Option<Self> {
        if is_cargos(binary) {
            let folder = binary.ancestors().nth(3)?.to_owned();
            let instead = None;
            return Some(Self { folder, instead });
        }
        let below = here.clone().map(|here| here.join("target"));
        let (folder, instead) = match (asked, below) {
            (Some(asked), _) if !asked.as_os_str().is_empty() => {
                let asked = here.map_or(asked.clone(), |here| here.join(asked));
                (asked, "CARGO_TARGET_DIR")
            }
            (_, Some(below)) if below.is_dir() => (below, "the `target` of the current directory"),
            _ => (std::env::temp_dir(), "the folder for temporary files"),
        };
        Some(Self {
            folder,
            instead: Some(instead),
        })
    }
}

#[cfg(test)]
mod tests;
