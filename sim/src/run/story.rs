//! What differed from calm: as it is stored, and in words.
//!
//! Owns the lines of a story. Knows nothing of how a run is repeated.

use simoom_faults::{Kind, Unit};

use crate::choice::{Anchor, ChoiceKind, Deviation, Operation, PathId, ResourceName, Story};
use crate::world::cancels::Moment;
use crate::world::failure::Seconds;
use crate::world::{Deviated, World};

/// Deviations in the form in which they are stored.
pub(super) fn describe(world: &World, deviated: &[Deviated]) -> Vec<Deviation> {
    let resources = world.resources.texts(&world.paths);
    let text = |deviated: &Deviated| {
        let resource = match deviated.point.resource {
            ResourceName::NONE => "-".to_owned(),
            name => resources
                .get(&name)
                .cloned()
                .unwrap_or_else(|| "-".to_owned()),
        };
        let subject = match deviated.kind {
            ChoiceKind::Delay | ChoiceKind::Short => "-".to_owned(),
            _ => deviated
                .subject
                .map_or("-".to_owned(), |path| world.paths.text(path)),
        };
        let value = match deviated.chosen {
            Some(path) => world.paths.text(path),
            None => deviated.value.to_string(),
        };
        let anchor = Anchor {
            kind: deviated.kind,
            subject,
            operation: deviated.point.operation.name.to_owned(),
            resource,
            step: deviated.point.step,
            visit: deviated.point.visit,
        };
        let story = Story {
            time_ns: deviated.time_ns,
            text: story(world, deviated),
        };
        Deviation {
            anchor,
            value,
            story,
        }
    };
    deviated.iter().map(text).collect()
}

/// How big a fault was, with its unit.
fn size(kind: &str, value: u64) -> String {
    match kind.parse().map(Kind::unit) {
        Ok(Unit::Nanoseconds) => {
            let word = match kind.split('.').next() {
                Some("clock") => "by",
                _ => "for",
            };
            match value {
                ..1_000_000 => format!(", {word} {} us", value.div_ceil(1_000)),
                _ => format!(
                    ", {word} {}",
                    Seconds(i64::try_from(value).unwrap_or(i64::MAX))
                ),
            }
        }
        Ok(Unit::Bytes) => format!("  {value} B"),
        Ok(Unit::PartsPerMillion) => format!("  {value} ppm"),
        _ => String::new(),
    }
}

/// Where and when something of the task `subject` was cancelled.
fn cancelled(subject: &str, deviated: &Deviated) -> String {
    let Deviated { point, value, .. } = deviated;
    let Some(place) = deviated.awaits else {
        return subject.to_owned();
    };
    let (file, line) = (place.site.file(), place.site.line());
    let moment = match *value == Moment::Woken as u64 {
        true => ", woken and not polled",
        false => "",
    };
    let word = match place.is_after {
        true => "an await after",
        false => "the await of",
    };
    let at = format!("{word} {} at {file}:{line}", place.operation);
    match place.scope {
        Some(scope) => {
            let (file, line) = (scope.file(), scope.line());
            let number = Ordinal(u64::from(point.visit) + 1);
            format!("{subject}, the future at {file}:{line}, at {at}, its {number}{moment}")
        }
        None => {
            // To give way is done before the task waits.
            let before = u32::from(place.operation != YIELD);
            let number = Ordinal(u64::from(point.step + before));
            format!("{subject} at {at}, its {number}{moment}")
        }
    }
}

const YIELD: &str = "yield";

/// A number as a place in a sequence.
struct Ordinal(u64);

impl std::fmt::Display for Ordinal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ending = match (self.0 % 10, self.0 % 100) {
            (1, rest) if rest != 11 => "st",
            (2, rest) if rest != 12 => "nd",
            (3, rest) if rest != 13 => "rd",
            _ => "th",
        };
        write!(f, "{}{ending}", self.0)
    }
}

/// What a deviation did, for people.
fn story(world: &World, deviated: &Deviated) -> String {
    let label =
        |path: Option<PathId>| path.map_or_else(String::new, |path| world.paths.label(path));
    let operation = deviated.point.operation.name;
    let site = deviated.site.map_or_else(String::new, |site| {
        format!(" at {}:{}", site.file(), site.line())
    });
    let (subject, chosen) = (label(deviated.subject), label(deviated.chosen));
    let link = || world.link_label(deviated.point.resource);
    let (step, value) = (deviated.point.step, deviated.value);
    let (what, how) = match deviated.kind {
        ChoiceKind::Sched if deviated.preempted => (
            "task.preempted".to_owned(),
            format!("{subject} before {operation}{site}; {chosen} goes on"),
        ),
        ChoiceKind::Sched => (
            "task.chosen".to_owned(),
            format!("{chosen} after {subject}"),
        ),
        ChoiceKind::Pick => (
            "select.started".to_owned(),
            format!("{subject} looks at branch {value} first{site}"),
        ),
        ChoiceKind::Delay if world.resources.hit(deviated.point.resource).is_some() => {
            let thing = world.resources.hit(deviated.point.resource);
            (
                format!("disk.{operation}.late"),
                format!(
                    "{} {operation} {step}, by {} us{site}",
                    thing.unwrap_or_default(),
                    value / 1_000
                ),
            )
        }
        ChoiceKind::Delay if deviated.point.operation == Operation::ACKNOWLEDGEMENT => (
            "net.ack.late".to_owned(),
            format!("{} of segment {step}, by {} us", link(), value / 1_000),
        ),
        ChoiceKind::Delay => (
            format!("net.{operation}.late"),
            format!("{} {operation} {step}, by {} us", link(), value / 1_000),
        ),
        ChoiceKind::Stall => (
            "task.stalled".to_owned(),
            format!(
                "{subject} before {operation}{site}, for {} us",
                value / 1_000
            ),
        ),
        ChoiceKind::Short => (
            format!("net.{operation}.short"),
            format!("{} {operation} {step}, by {value} bytes{site}", link()),
        ),
        ChoiceKind::Work => {
            let name = world.resources.hit(deviated.point.resource);
            (
                "work.left_out".to_owned(),
                format!("operation #{step} of {}", name.unwrap_or_default()),
            )
        }
        ChoiceKind::Entropy => {
            let whose = match deviated.subject {
                Some(_) => format!("those of {subject}"),
                None => "all".to_owned(),
            };
            let from = match value {
                1 => String::new(),
                from => format!(", from the {} on", Ordinal(from)),
            };
            ("draws.simple".to_owned(), format!("{whose}{from}"))
        }
        ChoiceKind::Cancel => (
            match deviated.point.operation {
                Operation::SCOPE => "future.cancelled".to_owned(),
                _ => "task.cancelled".to_owned(),
            },
            cancelled(&subject, deviated),
        ),
        ChoiceKind::Fault => {
            let thing = world.resources.hit(deviated.point.resource);
            let thing = match thing {
                Some(thing) => thing.to_owned(),
                None if operation == Kind::NetSegmentLost.name() => {
                    format!("{} segment {step}", link())
                }
                None => link().trim_end_matches(',').to_owned(),
            };
            (
                operation.to_owned(),
                format!("{thing}{}{site}", size(operation, value)),
            )
        }
    };
    format!("{what:<17}  {how}")
}
