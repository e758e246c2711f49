//! Which test a sweep belongs to: for messages, saved failures and starting it again.

use std::any::TypeId;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::build::{Build, Output, rustc};
use super::bundle::revision;
use super::config::Config;
use crate::choice::hash_text;

/// A test, as cargo and its own binary know it.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// The name the test binary knows it by; `None` if it is not known to be a test.
    pub(crate) name: Option<String>,
    /// The crate that holds it: `durability` for `tests/durability.rs`.
    pub(crate) krate: Option<String>,
    pub(crate) package: Option<String>,
    pub(crate) manifest_dir: Option<PathBuf>,
    /// `--test durability`, `--lib`, …
    pub(crate) target: Option<String>,
    /// It is an example's `main`, not a test: started again as it was, without a test's arguments.
    pub(crate) is_program: bool,
    /// Where the sweep is called, for people.
    pub(crate) place: String,
    /// What tells it from others of the same test, here and in a fresh process.
    pub(crate) sweep: String,
    /// How many sweeps this test made before.
    pub(crate) earlier: u32,
    /// A fresh process comes to the sweep at once: nothing of the test stands before it.
    pub(crate) is_whole: bool,
    pub(crate) location: &'static Location<'static>,
}

thread_local! {
    /// How many sweeps the test on this thread has made.
    static EARLIER: Cell<u32> = const { Cell::new(0) };
}

fn place(earlier: u32, location: &Location<'_>) -> String {
    format!("{}:{} {earlier}", location.file(), location.line())
}

thread_local! {
    /// How many sweeps like each the test on this thread has made.
    static ALIKE: RefCell<BTreeMap<String, u32>> = const { RefCell::new(BTreeMap::new()) };
}

/// What tells a sweep from others of the same test, in this process and in a fresh one: where it is
/// called, what it runs, how it is set, and how many like it came before. The number of all sweeps
/// before it would not do, since a test may make others when it finds something else.
fn sweep(location: &Location<'_>, body: TypeId, config: &Config) -> String {
    // Not the seeds, which may be drawn from the clock.
    let (limits, strategy) = (&config.limits, &config.strategy);
    let settings = hash_text(&format!("{body:?} {limits:?} {strategy}"));
    let (file, line) = (location.file(), location.line());
    let sweep = format!("{file}:{line} {settings:016x}");
    let number = ALIKE.with_borrow_mut(|alike| {
        let count = alike.entry(sweep.clone()).or_default();
        *count += 1;
        *count
    });
    format!("{sweep} {number}")
}

/// The test that the arguments of this process name, if they name one alone.
fn named_by_arguments() -> Option<String> {
    let mut names = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if TAKE_A_VALUE.contains(&&*argument) {
            arguments.next();
        } else if !argument.starts_with('-') {
            names.push(argument);
        }
    }
    names.pop().filter(|_| names.is_empty())
}

/// Options of a test binary whose value may be an argument of its own.
const TAKE_A_VALUE: [&str; 7] = [
    "--color",
    "--format",
    "--logfile",
    "--shuffle-seed",
    "--skip",
    "--test-threads",
    "-Z",
];

/// The crate of this test binary: `durability` for `target/debug/deps/durability-0123456789abcdef`.
fn binary_name() -> Option<String> {
    let path = std::env::current_exe().ok()?;
    let stem = path.file_stem()?.to_str()?;
    let (name, hash) = stem.rsplit_once('-')?;
    (hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| name.to_owned())
}

impl Identity {
    /// Of a test made by the attribute.
    pub(crate) fn of_attribute(
        module: &str,
        name: &str,
        file: &str,
        manifest_dir: &str,
        package: &str,
        location: &'static Location<'static>,
    ) -> Self {
        let (krate, modules) = match module.split_once("::") {
            Some((krate, modules)) => (krate, Some(modules)),
            None => (module, None),
        };
        // A file may be called like a keyword.
        let krate = krate.strip_prefix("r#").unwrap_or(krate);
        let name = match modules {
            Some(modules) => format!("{modules}::{name}"),
            None => name.to_owned(),
        };
        let file = file.replace('\\', "/");
        let target = if file.contains("/tests/") || file.starts_with("tests/") {
            format!("--test {krate}")
        } else if file.ends_with("/main.rs") || file.contains("/bin/") {
            format!("--bin {krate}")
        } else if file.contains("/examples/") && !file.contains("/src/") {
            format!("--example {krate}")
        } else {
            "--lib".to_owned()
        };
        Self {
            place: format!("{file}:{name}"),
            sweep: format!("{file}:{name}"),
            name: Some(name),
            krate: Some(krate.to_owned()),
            package: Some(package.to_owned()),
            manifest_dir: Some(PathBuf::from(manifest_dir)),
            target: Some(target),
            is_program: false,
            earlier: 0,
            is_whole: true,
            location,
        }
    }

    /// Of a call of `check`, which knows only its place and its thread.
    ///
    /// `body` is the type of what it runs.
    pub(crate) fn of_call(
        location: &'static Location<'static>,
        body: TypeId,
        config: &Config,
    ) -> Self {
        let sweep = sweep(location, body, config);
        let earlier = EARLIER.get();
        // All sweeps of one test whose input is drawn are one.
        if config.drawn.is_none() {
            EARLIER.set(earlier + 1);
        }
        let thread = std::thread::current();
        let exact = std::env::args()
            .skip(1)
            .any(|argument| argument == "--exact");
        let example = match thread.name() {
            Some("main") if !exact => example_name(),
            _ => None,
        };
        if let Some(example) = example {
            return Self::of_example(example, sweep, earlier, location);
        }
        let name = match thread.name() {
            Some("main") if exact => named_by_arguments(),
            // A thread without a name is one that the test has started.
            Some("main") | None => None,
            Some(name) => Some(name.to_owned()),
        };
        let krate = binary_name();
        let in_tests = location.file().contains("tests/");
        let target = krate.as_ref().filter(|_| name.is_some()).map(|krate| {
            if in_tests {
                format!("--test {krate}")
            } else {
                "--lib".to_owned()
            }
        });
        Self {
            krate: krate.filter(|_| name.is_some()),
            name,
            package: std::env::var("CARGO_PKG_NAME").ok(),
            manifest_dir: std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from),
            target,
            is_program: false,
            place: place(earlier, location),
            sweep,
            earlier,
            is_whole: false,
            location,
        }
    }

    /// Of a call of `check` in the `main` of the example called `name`.
    fn of_example(
        name: String,
        sweep: String,
        earlier: u32,
        location: &'static Location<'static>,
    ) -> Self {
        Self {
            target: Some(format!("--example {name}")),
            krate: None,
            package: std::env::var("CARGO_PKG_NAME").ok(),
            manifest_dir: std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from),
            is_program: true,
            place: place(earlier, location),
            sweep,
            earlier,
            is_whole: false,
            name: Some(name),
            location,
        }
    }

    /// Whether this process was started for this test alone: its exit status speaks of it.
    pub(crate) fn is_alone(&self) -> bool {
        let exact = std::env::args().any(|argument| argument == "--exact");
        self.is_program || (exact && named_by_arguments() == self.name && self.name.is_some())
    }

    /// What messages call it.
    pub(crate) fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.place)
    }

    /// The folder under the target directory for what is too heavy to commit.
    ///
    /// None for an example in documentation, which is built for one run and forgotten.
    pub(crate) fn bundle(&self, seed: u64) -> Option<PathBuf> {
        let output = Output::of_this_binary()?;
        let name = match &self.name {
            Some(name) => name.replace("::", "-"),
            None if output.instead.is_some() => return None,
            // Sweeps that are called there again and again have other seeds, or nobody keeps them.
            None => format!("{}-{}", self.location.file(), self.location.line())
                .replace(|it: char| !it.is_ascii_alphanumeric(), "-"),
        };
        let mut path = output.folder.join("simoom");
        path.extend(self.package.as_deref());
        path.extend(self.krate.as_deref());
        path.push(match self.earlier {
            0 => name,
            _ if self.name.is_none() => name,
            earlier => format!("{name}-{}", earlier + 1),
        });
        path.push(format!("{seed:016x}"));
        Some(path)
    }

    /// Where its failures are saved: in `folder`, if that is not the usual one.
    pub(crate) fn saved_at(&self, folder: Option<&Path>) -> Option<PathBuf> {
        let name = self.name.as_deref()?.replace("::", "-");
        let folder = folder.unwrap_or(Path::new(REGRESSIONS));
        let mut path = self.manifest_dir.clone()?.join(folder);
        if let Some(krate) = &self.krate {
            path.push(krate);
        }
        path.push(match self.earlier {
            0 => format!("{name}.txt"),
            earlier => format!("{name}-{}.txt", earlier + 1),
        });
        Some(path)
    }

    /// What its saved failures say whose they are: the crate and the test, and which of its sweeps.
    pub(crate) fn owner(&self) -> Option<String> {
        let test = self.test()?;
        Some(match self.earlier {
            0 => test,
            earlier => format!("{test} {}", earlier + 1),
        })
    }

    /// The crate and the test.
    fn test(&self) -> Option<String> {
        let name = self.name.as_deref()?;
        Some(match &self.krate {
            Some(krate) => format!("{krate}::{name}"),
            None => name.to_owned(),
        })
    }

    /// Whether `owner` is this test, by one of its sweeps.
    pub(crate) fn is_test_of(&self, owner: &str) -> bool {
        let test = owner.split_once(' ').map_or(owner, |(test, _)| test);
        self.test().as_deref() == Some(test)
    }

    /// The folder that cargo names sources from: the workspace's, where that can be told.
    fn root(&self) -> Option<PathBuf> {
        let manifest_dir = self.manifest_dir.as_ref()?;
        let file = Path::new(self.location.file());
        let inside = |root: &&Path| root.join(file).is_file();
        manifest_dir.ancestors().find(inside).map(Path::to_owned)
    }

    /// `path` as it is typed in the folder that cargo names sources from.
    pub(crate) fn shown(&self, path: &Path) -> PathBuf {
        let root = self.root();
        let short = root.and_then(|root| path.strip_prefix(root).ok().map(Path::to_owned));
        short.unwrap_or_else(|| path.to_owned())
    }

    /// What `path` means when it was typed in that folder.
    pub(crate) fn resolved(&self, path: &Path) -> PathBuf {
        match self.root() {
            Some(root) if !path.exists() => root.join(path),
            _ => path.to_owned(),
        }
    }

    fn build(&self) -> Build {
        let package = self.package.as_deref();
        package.map(Build::of_this_binary).unwrap_or_default()
    }

    /// What is known of how this binary was built, in lines of a key and a value.
    pub(crate) fn built(&self) -> String {
        let build = self.build();
        let unknown = || "unknown".to_owned();
        let version = std::env::var("CARGO_PKG_VERSION").ok();
        let revision = self.manifest_dir.as_deref().and_then(revision);
        let or = |text: Option<String>, empty: &str| match text {
            Some(text) if text.is_empty() => empty.to_owned(),
            Some(text) => text,
            None => unknown(),
        };
        let lines = [
            ("package", or(self.package.clone(), "")),
            ("version", or(version, "")),
            ("revision", or(revision, "")),
            ("simoom", env!("CARGO_PKG_VERSION").to_owned()),
            ("rustc", or(rustc(), "")),
            ("profile", or(build.profile, "dev")),
            ("features", or(build.features, "none asked for")),
            ("system", std::env::consts::OS.to_owned()),
            ("processor", std::env::consts::ARCH.to_owned()),
        ];
        let line = |(key, value): (&str, String)| format!("{key} {value}\n");
        lines.into_iter().map(line).collect()
    }

    /// What is to be said of the command that runs this test again: that the features are not
    /// known that it was built with, if it may have any.
    pub(crate) fn lacks(&self) -> Option<String> {
        self.name.as_ref()?;
        let manifest = self.manifest_dir.as_ref()?.join("Cargo.toml");
        let manifest = std::fs::read_to_string(manifest).unwrap_or_default();
        let has_features = manifest.is_empty() || manifest.contains("[features]");
        (has_features && self.build().features.is_none()).then(|| {
            "it is not known which features this binary was built with: add its `--features` to \
             the command below"
                .to_owned()
        })
    }

    /// The command that replays what is saved at `path`, of `owner`, another test than this one.
    pub(crate) fn command_of(path: &Path, owner: &str) -> String {
        let test = owner.split(' ').next().unwrap_or_default();
        let (krate, name) = match test.split_once("::") {
            Some((krate, name)) => (Some(krate), name),
            None => (None, test),
        };
        let is_regressions = |it: &&Path| it.file_name().is_some_and(|name| name == REGRESSIONS);
        let folder = path.ancestors().find(is_regressions).and_then(Path::parent);
        let package = folder.and_then(|folder| {
            let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).ok()?;
            package_of(&manifest)
        });
        let target = match (folder, krate) {
            (Some(folder), Some(krate)) => target_of(folder, krate),
            _ => String::new(),
        };
        let package = package.map_or_else(String::new, |name| format!(" -p {name}"));
        let path = path.display();
        format!("SIMOOM_REPLAY={path} cargo test{package}{target} -- --exact {name} --nocapture")
    }

    /// The command that runs this test again.
    pub(crate) fn command(&self, variables: &str) -> String {
        let verb = if self.is_program { "run" } else { "test" };
        let mut command = format!("{variables} cargo {verb}");
        if let Some(package) = &self.package {
            command.push_str(&format!(" -p {package}"));
        }
        if let Some(target) = &self.target {
            command.push_str(&format!(" {target}"));
        }
        command.push_str(&self.build().arguments());
        if let (Some(name), false) = (&self.name, self.is_program) {
            let ignored = match is_ignored(name) {
                true => " --include-ignored",
                false => "",
            };
            command.push_str(&format!(" -- --exact {name} --nocapture{ignored}"));
        }
        command
    }
}

/// Whether the harness runs the test `name` of this binary only if it is told to.
fn is_ignored(name: &str) -> bool {
    let is_given = |option: &str| std::env::args().any(|argument| argument == option);
    if is_given("--ignored") {
        return true;
    }
    // Else an ignored test would not run.
    is_given("--include-ignored") && is_listed_as_ignored(name)
}

/// Asks the harness, which also knows what an attribute has made of the test.
fn is_listed_as_ignored(name: &str) -> bool {
    let list = || {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args([name, "--exact", "--ignored", "--list", "--format=terse"])
            .stdin(Stdio::null());
        command.output()
    };
    let line = format!("{name}: test");
    list().is_ok_and(|listed| {
        let text = String::from_utf8_lossy(&listed.stdout);
        text.lines().any(|listed| listed == line)
    })
}

/// The folder below a package in which failures are saved.
const REGRESSIONS: &str = "simoom-regressions";

/// The name of the package in the text of its manifest.
fn package_of(manifest: &str) -> Option<String> {
    let (_, package) = manifest.split_once("[package]")?;
    let mut lines = package.lines().take_while(|line| !line.starts_with('['));
    lines.find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "name").then(|| value.trim().trim_matches('"').to_owned())
    })
}

/// What cargo is told to find `krate` of the package in `folder`; nothing where that is not plain.
fn target_of(folder: &Path, krate: &str) -> String {
    let is_there = |path: String| folder.join(path).is_file();
    let kinds = [
        ("tests", "--test"),
        ("src/bin", "--bin"),
        ("examples", "--example"),
    ];
    for (below, option) in kinds {
        let places = [
            format!("{below}/{krate}.rs"),
            format!("{below}/{krate}/main.rs"),
        ];
        if places.into_iter().any(is_there) {
            return format!(" {option} {krate}");
        }
    }
    match is_there("src/lib.rs".to_owned()) && !is_there("src/main.rs".to_owned()) {
        true => " --lib".to_owned(),
        false => String::new(),
    }
}

/// The name of the example that this process runs, if it runs one: cargo puts them in a folder of
/// their own. simoom-sim is a dev-dependency, so no other program calls `check`.
fn example_name() -> Option<String> {
    let binary = std::env::current_exe().ok()?;
    let folder = binary.parent()?.file_name()?;
    let name = binary.file_stem()?.to_str()?;
    (folder == "examples").then(|| name.to_owned())
}
