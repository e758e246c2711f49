//! Which failure a command is about: the test, and the variables that replay it.

use std::path::Path;

use crate::arguments::{Build, Select, Which};
use crate::bundle;
use crate::cargo::Test;
use crate::exit::{Exit, Stopped};
use crate::plans::Plans;
use crate::process::{Answer, Failure};
use crate::text::seed_text;

/// A failure, or a run, that is to be looked at.
#[derive(Debug)]
pub(crate) struct Picked {
    pub(crate) test: Test,
    /// What replays it.
    pub(crate) variables: Vec<(&'static str, String)>,
}

impl Which {
    /// Builds the test that is meant and says how it is replayed.
    pub(crate) fn pick(&self) -> Result<Picked, Stopped> {
        let path = Path::new(&self.what);
        match (path.exists(), self.seed) {
            (true, None) => plan(path, &self.build),
            (false, Some(seed)) => {
                let test = named(&self.what, &self.build)?;
                let variables = vec![("SIMOOM_SEED", seed_text(seed))];
                Ok(Picked { test, variables })
            }
            (true, Some(_)) => Err(Stopped::usage(format!(
                "{} is a file or a folder, which has a seed of its own",
                self.what
            ))),
            (false, None) => Err(Stopped::missing(format!(
                "there is no bundle and no plan {}; a test is named with a seed",
                self.what
            ))),
        }
    }
}

/// The failure of a plan or a bundle.
pub(crate) fn plan(path: &Path, build: &Build) -> Result<Picked, Stopped> {
    let path = bundle::plan_of(path)?;
    let plans = Plans::load(&path)?;
    let Some((krate, name)) = plans.test() else {
        return Err(Stopped::missing(format!(
            "{} does not say whose failures it holds",
            path.display()
        )));
    };
    let build = as_built(build, &path);
    let select = Select {
        include_ignored: true,
        calls: true,
        ..Select::default()
    };
    let tests = build.tests(&select)?.into_iter();
    let tests = tests.filter(|test| test.name == name && test.krate() == krate);
    let test = only(tests.collect(), &format!("{krate}::{name}"))?;
    let variables = vec![("SIMOOM_REPLAY", path.display().to_string())];
    Ok(Picked { test, variables })
}

/// `build`, or what the bundle says of how the test was built where that says nothing.
fn as_built(build: &Build, plan: &Path) -> Build {
    let mut build = build.clone();
    let built = bundle::built(plan);
    if build.package.is_empty() && !build.workspace {
        build.package.extend(built.package);
    }
    if build.profile.is_none() && !build.release {
        build.profile = built.profile;
    }
    if build.features.is_empty() && !build.all_features && !build.no_default_features {
        build.features = built.features;
        build.no_default_features = built.has_no_default_features;
    }
    build
}

/// The test that is called `name`, or whose name alone contains it; `CRATE::TEST` is understood.
fn named(name: &str, build: &Build) -> Result<Test, Stopped> {
    let select = Select {
        include_ignored: true,
        calls: true,
        ..Select::default()
    };
    let tests = build.tests(&select)?;
    let full = |test: &Test| format!("{}::{}", test.krate(), test.name);
    let exact: Vec<_> = (tests.iter())
        .filter(|test| test.name == name || full(test) == name)
        .cloned()
        .collect();
    if !exact.is_empty() {
        return only(exact, name);
    }
    let like = tests.into_iter().filter(|test| full(test).contains(name));
    let like: Vec<_> = like.filter(|test| test.is_simulated).collect();
    only(like, name)
}

fn only(mut tests: Vec<Test>, name: &str) -> Result<Test, Stopped> {
    match (tests.pop(), tests.is_empty()) {
        (Some(test), true) => Ok(test),
        (None, _) => Err(Stopped::missing(format!("there is no test {name}"))),
        (Some(test), false) => {
            tests.push(test);
            let names: Vec<_> = tests.iter().map(Test::id).collect();
            Err(Stopped::usage(format!(
                "{name} may be any of these; name the package with -p, or the whole test:\n  {}",
                names.join("\n  ")
            )))
        }
    }
}

impl Picked {
    /// Runs the test with these variables too. What it finds is kept to itself.
    pub(crate) fn ask(&self, more: &[(&'static str, String)]) -> Result<Answer, Stopped> {
        let mut variables = self.variables.clone();
        variables.push(("SIMOOM_PERSIST", "0".to_owned()));
        variables.extend(more.iter().cloned());
        self.test.ask(&variables)
    }

    /// Runs the test with these variables too, and returns its failure.
    ///
    /// # Errors
    /// If it passes, or ends without an answer.
    pub(crate) fn failure(&self, more: &[(&'static str, String)]) -> Result<Failure, Stopped> {
        let answer = self.ask(more)?;
        let has_lines = !answer.lines.is_empty();
        let failure = answer.lines.into_iter().find_map(|line| line.failure);
        match failure {
            Some(failure) => Ok(failure),
            None if has_lines && answer.status.success() => Err(Stopped::with(
                Exit::Gone,
                format!("{} does not fail any more", self.test.id()),
            )),
            None => Err(Stopped::with(
                Exit::Outside,
                format!(
                    "{} ended with {} and no answer; it printed:\n{}",
                    self.test.id(),
                    answer.status,
                    answer.output
                ),
            )),
        }
    }
}
