//! Process mode: a run in a fresh process of the same test binary.
//!
//! A failure is what a fresh process shows: nothing an earlier run left behind (statics, lazy
//! values) can have part in it. The parent starts its own binary again with the test's exact name
//! and a plan; the child runs that plan alone, says what came of it in a file, and exits. What the
//! child prints between two marks is the failing run's own output. Where the parent has made the
//! run too, it hands over that run's trail, and the child says where its own run parts from it.

use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use super::environment;
use super::identity::Identity;
use crate::choice::{Plan, escape, unescape};
use crate::record::Trail;
use crate::run::{Outcome, Parting};
use crate::world::StoryLine;

const PLAN: &str = "SIMOOM_CHILD";
const SWEEP: &str = "SIMOOM_CHILD_SWEEP";
const ERRAND: &str = "SIMOOM_CHILD_ERRAND";
const BUNDLE: &str = "SIMOOM_CHILD_BUNDLE";
const BEGIN: &str = "--- simoom: output of the run ---";
const END: &str = "--- simoom: end of output ---";

/// What a run in a fresh process came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Witness {
    pub(crate) hash: u128,
    pub(crate) signature: Option<String>,
    pub(crate) failure: Option<String>,
    pub(crate) polls: u64,
    pub(crate) time_ns: i64,
    pub(crate) stuck: Vec<String>,
    pub(crate) backtrace: Option<String>,
    /// What the user noted.
    pub(crate) history: Vec<String>,
    /// What the test did itself.
    pub(crate) acts: Vec<StoryLine>,
    /// Where it was not the parent's run.
    pub(crate) parting: Option<Parting>,
    /// In what two runs of the fresh process differ.
    pub(crate) differs: Option<String>,
    /// Whether the record was written to its file.
    pub(crate) recorded: bool,
    /// What the run printed.
    pub(crate) output: String,
}

impl Witness {
    pub(crate) fn of(outcome: &Outcome) -> Self {
        Self {
            hash: outcome.hash,
            signature: outcome.failure.as_ref().map(crate::Failure::signature),
            failure: outcome.failure.as_ref().map(ToString::to_string),
            polls: outcome.polls,
            time_ns: outcome.time_ns,
            stuck: (outcome.stuck.iter().map(ToString::to_string))
                .chain(outcome.stopped.iter().cloned())
                .collect(),
            backtrace: outcome.backtrace.clone(),
            history: outcome.history.clone(),
            acts: outcome.acts.clone(),
            parting: outcome.parting.clone(),
            differs: None,
            recorded: false,
            output: String::new(),
        }
    }

    fn to_text(&self) -> String {
        let mut text = String::new();
        let mut line = |key: &str, value: &str| {
            let _ = write!(text, "{key} ");
            escape(value, &mut text);
            text.push('\n');
        };
        line("hash", &format!("{:032x}", self.hash));
        line("polls", &self.polls.to_string());
        line("time", &self.time_ns.to_string());
        if let Some(signature) = &self.signature {
            line("signature", signature);
        }
        if let Some(failure) = &self.failure {
            line("failure", failure);
        }
        for stuck in &self.stuck {
            line("stuck", stuck);
        }
        if let Some(backtrace) = &self.backtrace {
            line("backtrace", backtrace);
        }
        for note in &self.history {
            line("note", note);
        }
        for StoryLine { time_ns, text } in &self.acts {
            line("act", &format!("{time_ns} {text}"));
        }
        if let Some(parting) = &self.parting {
            line("agreed", &parting.agreed.to_string());
            line("exact", &parting.is_exact.to_string());
            line("next", &parting.next);
            if let Some(before) = &parting.before {
                line("before", before);
            }
        }
        if let Some(differs) = &self.differs {
            line("differs", differs);
        }
        if self.recorded {
            line("recorded", "");
        }
        text
    }

    fn parse(text: &str) -> Option<Self> {
        let mut witness = Self::default();
        let parting = |witness: &mut Self, set: &dyn Fn(&mut Parting)| {
            set(witness.parting.get_or_insert_default());
        };
        for line in text.lines() {
            let (key, value) = line.split_once(' ')?;
            let value = unescape(value)?;
            match key {
                "hash" => witness.hash = u128::from_str_radix(&value, 16).ok()?,
                "polls" => witness.polls = value.parse().ok()?,
                "time" => witness.time_ns = value.parse().ok()?,
                "signature" => witness.signature = Some(value),
                "failure" => witness.failure = Some(value),
                "stuck" => witness.stuck.push(value),
                "note" => witness.history.push(value),
                "act" => {
                    let (time_ns, text) = value.split_once(' ')?;
                    witness.acts.push(StoryLine {
                        time_ns: time_ns.parse().ok()?,
                        text: text.to_owned(),
                    });
                }
                "agreed" => {
                    let agreed = value.parse().ok()?;
                    parting(&mut witness, &|it| it.agreed = agreed);
                }
                "exact" => {
                    let is_exact = value.parse().ok()?;
                    parting(&mut witness, &|it| it.is_exact = is_exact);
                }
                "next" => parting(&mut witness, &|it| it.next.clone_from(&value)),
                "before" => parting(&mut witness, &|it| it.before = Some(value.clone())),
                "differs" => witness.differs = Some(value),
                "recorded" => witness.recorded = true,
                "backtrace" => witness.backtrace = Some(value),
                _ => return None,
            }
        }
        Some(witness)
    }
}

/// Reads what a fresh process may have said, and what it says of that itself.
#[cfg(feature = "fuzzing")]
pub(crate) fn check_witness(text: &str) {
    if let Some(witness) = Witness::parse(text) {
        let written = witness.to_text();
        let again = Witness::parse(&written).map(|it| it.to_text());
        assert_eq!(again.as_ref(), Some(&written), "{text:?}");
    }
}

/// Whether this process is a child, for any sweep.
pub(crate) fn is_child() -> bool {
    std::env::var_os(PLAN).is_some()
}

/// What a fresh process is to do with a plan.
#[derive(Debug)]
pub(crate) enum Errand {
    /// Show it, to its end, and say where it is not the run that left the trail.
    Show(Trail),
    /// Run it, as far as it is the run that left the trail.
    Follow(Trail),
    /// Run it twice, and say whether it is the same run.
    Twice,
}

impl Errand {
    fn name(&self) -> &'static str {
        match self {
            Self::Show(_) => "show",
            Self::Follow(_) => "follow",
            Self::Twice => "twice",
        }
    }

    fn trail(&self) -> Option<&Trail> {
        match self {
            Self::Show(trail) | Self::Follow(trail) => Some(trail),
            Self::Twice => None,
        }
    }
}

/// What this process was started for.
#[derive(Debug)]
pub(crate) struct Request {
    path: PathBuf,
    pub(crate) plan: Plan,
    pub(crate) errand: Errand,
}

/// What this process was started for, if it is a child and `identity` is its sweep.
pub(crate) fn asked(identity: &Identity) -> Option<Request> {
    let path = PathBuf::from(std::env::var_os(PLAN)?);
    if std::env::var(SWEEP).ok()? != identity.sweep {
        return None;
    }
    let text = std::fs::read_to_string(&path).expect("the parent wrote the plan");
    let plan = Plan::parse(&text).expect("the parent wrote a valid plan");
    let trail = || {
        let bytes = std::fs::read(trail_path(&path)).expect("the parent wrote the trail");
        Trail::from_bytes(&bytes).expect("the parent wrote a valid trail")
    };
    let errand = match std::env::var(ERRAND).as_deref() {
        Ok("follow") => Errand::Follow(trail()),
        Ok("twice") => Errand::Twice,
        _ => Errand::Show(trail()),
    };
    Some(Request { path, plan, errand })
}

/// In a child: runs `run` between the marks, writes what came of it beside the plan, and exits.
///
/// `run` returns what two runs differ in too, if it was asked to make two.
pub(crate) fn answer(
    request: Request,
    run: impl FnOnce(&Plan, Errand) -> (Outcome, Option<String>),
) -> ! {
    let Request { path, plan, errand } = request;
    let shows = matches!(errand, Errand::Show(_));
    println!("{BEGIN}");
    let (outcome, differs) = run(&plan, errand);
    println!("\n{END}");
    let mut witness = Witness::of(&outcome);
    witness.differs = differs;
    let bundle = std::env::var_os(BUNDLE).map(PathBuf::from);
    witness.recorded = shows && write_record(bundle, &outcome).is_ok();
    std::fs::write(answer_path(&path), witness.to_text()).expect("the answer can be written");
    let class = outcome.failure.as_ref().map(crate::Failure::class);
    std::process::exit(class.map_or(0, crate::Class::exit_code))
}

/// Writes the whole record to the run's folder, if it has one.
pub(crate) fn write_record(bundle: Option<PathBuf>, outcome: &Outcome) -> io::Result<()> {
    let folder = bundle.ok_or(io::ErrorKind::NotFound)?;
    std::fs::create_dir_all(&folder)?;
    for (name, lines) in &outcome.sheets {
        std::fs::write(folder.join(name), lines.join("\n") + "\n")?;
    }
    std::fs::write(folder.join("record.txt"), outcome.record.join("\n") + "\n")
}

/// Does `errand` with `plan` in a fresh process.
pub(crate) fn ask(identity: &Identity, plan: &Plan, errand: &Errand) -> io::Result<Witness> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let name = identity
        .name
        .as_deref()
        .ok_or_else(|| io::Error::other("the sweep is not inside a test of its own name"))?;
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir();
    let path = folder.join(format!("simoom-{}-{number}.plan", std::process::id()));
    std::fs::write(&path, plan.to_text())?;
    if let Some(trail) = errand.trail() {
        std::fs::write(trail_path(&path), trail.to_bytes())?;
    }
    let mut command = Command::new(std::env::current_exe()?);
    if identity.is_program {
        command.args(std::env::args_os().skip(1));
    } else {
        command.args([
            name,
            "--exact",
            "--nocapture",
            "--include-ignored",
            "--test-threads=1",
        ]);
    }
    command
        .env(PLAN, &path)
        .env(SWEEP, &identity.sweep)
        .env(ERRAND, errand.name())
        .env_remove("SIMOOM_SEED")
        .env_remove("SIMOOM_REPLAY")
        .stdin(Stdio::null());
    if let Some(bundle) = identity.bundle(plan.seed) {
        command.env(BUNDLE, bundle);
    }
    if environment::ignores_faults() {
        // The child would not ignore them, as nothing is replayed there.
        command.env_remove("SIMOOM_FAULTS");
    }
    if !matches!(errand, Errand::Follow(_)) {
        // Whoever follows is to have other addresses than the parent.
        crate::native::without_address_randomisation(&mut command);
    }
    let output = command.output();
    let answer = std::fs::read_to_string(answer_path(&path));
    for path in [answer_path(&path), trail_path(&path), path] {
        let _ = std::fs::remove_file(path);
    }
    let output = output?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    let Some(mut witness) = answer.ok().and_then(|text| Witness::parse(&text)) else {
        return Err(io::Error::other(format!(
            "the process ended with {} and no answer; it printed:\n{printed}{errors}",
            output.status
        )));
    };
    witness.output = between_marks(&printed);
    witness.output.push_str(&errors);
    Ok(witness)
}

fn answer_path(plan: &Path) -> PathBuf {
    plan.with_extension("answer")
}

fn trail_path(plan: &Path) -> PathBuf {
    plan.with_extension("trail")
}

fn between_marks(printed: &str) -> String {
    let after = printed.split_once(BEGIN).map_or("", |(_, after)| after);
    let inner = after.rsplit_once(END).map_or(after, |(inner, _)| inner);
    let inner = inner.trim_matches('\n');
    if inner.is_empty() {
        String::new()
    } else {
        format!("{inner}\n")
    }
}

#[cfg(test)]
mod tests;
