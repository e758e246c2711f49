//! What a sweep came to, in the form that CI servers read.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::exit::Stopped;
use crate::state::State;

/// Writes a suite for each binary and a case for each test to `path`.
pub(crate) fn write(state: &State, path: &Path) -> Result<(), Stopped> {
    let wrong = |error: String| Stopped::missing(format!("{}: {error}", path.display()));
    let file = File::create(path).map_err(|error| wrong(error.to_string()))?;
    report(state)
        .serialize(file)
        .map_err(|error| wrong(error.to_string()))
}

fn report(state: &State) -> Report {
    let mut suites: BTreeMap<String, TestSuite> = BTreeMap::new();
    for (id, done) in &state.tests {
        let groups: Vec<_> = state.groups.iter().filter(|it| it.test == *id).collect();
        if done.runs() == 0 && groups.is_empty() {
            continue;
        }
        let status = match groups.as_slice() {
            [] => TestCaseStatus::success(),
            [first, ..] => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                let reports: Vec<_> = groups.iter().map(|it| it.example.report.as_str()).collect();
                status
                    .set_type(first.class.as_str())
                    .set_message(first.example.message.as_str())
                    .set_description(reports.join("\n\n"));
                status
            }
        };
        let mut case = TestCase::new(done.name.as_str(), status);
        case.set_classname(format!("{}::{}", done.package, done.binary))
            .set_time(Duration::from_millis(done.ms));
        let name = format!("{}::{}", done.package, done.binary);
        suites
            .entry(name.clone())
            .or_insert_with(|| TestSuite::new(name))
            .add_test_case(case);
    }
    let mut report = Report::new("simoom");
    report.add_test_suites(suites.into_values());
    report
}
