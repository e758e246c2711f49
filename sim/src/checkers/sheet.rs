//! What is written down in a run, line by line, and read again from a file.
//!
//! Each line is a JSON object. The first names the sheet and the version of its form; each other
//! one begins with the number of its event in the record and the virtual time.

use std::fmt;
use std::io;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A moment of a run: virtual time, and the place among all events of the run, which orders what
/// happens at one time.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use simoom_sim::history::Moment;
///
/// let first = Moment::new(7, Duration::from_millis(3));
/// assert!(first < Moment::new(8, Duration::from_millis(3)));
/// assert_eq!(first.to_string(), "0.003000 s");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    event: u64,
    time: Duration,
}

impl Moment {
    /// The moment of the event `event` of a record, at `time` after the run began.
    #[must_use]
    pub const fn new(event: u64, time: Duration) -> Self {
        Self { event, time }
    }

    /// How much virtual time had passed.
    #[must_use]
    pub const fn time(self) -> Duration {
        self.time
    }

    /// The number of the event in the run's record.
    #[must_use]
    pub const fn event(self) -> u64 {
        self.event
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, micros) = (self.time.as_secs(), self.time.subsec_micros());
        write!(f, "{seconds}.{micros:06} s")
    }
}

/// Where lines go while a run lasts.
pub(crate) trait Written {
    /// Writes `body`, a JSON object, down; `None` where nothing has an effect any more.
    fn write(&self, body: &str) -> Option<Moment>;
}

/// The first line of a file.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    simoom: String,
    format: u32,
    name: String,
}

/// What every other line begins with.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Stamp {
    event: u64,
    ns: u64,
}

/// The version of the form.
const FORMAT: u32 = 1;

/// The text of a file.
pub(crate) struct Lines;

impl Lines {
    /// The first line.
    pub(crate) fn head(kind: &str, name: &str) -> String {
        let head = Head {
            simoom: kind.to_owned(),
            format: FORMAT,
            name: name.to_owned(),
        };
        json(&head)
    }

    /// A line: `body`, a JSON object, with its moment.
    pub(crate) fn stamped(event: u64, time_ns: u64, body: &str) -> String {
        let rest = body.strip_prefix('{').unwrap_or(body);
        format!("{{\"event\":{event},\"ns\":{time_ns},{rest}")
    }

    /// The text of a file with these lines, in the order of their moments.
    #[cfg(feature = "fuzzing")]
    pub(crate) fn text(kind: &str, name: &str, mut lines: Vec<(Moment, String)>) -> String {
        lines.sort_by_key(|(moment, _)| *moment);
        let mut text = Self::head(kind, name) + "\n";
        for (moment, body) in lines {
            let time_ns = u64::try_from(moment.time().as_nanos()).expect("it was read from one");
            text += &Self::stamped(moment.event(), time_ns, &body);
            text.push('\n');
        }
        text
    }

    /// Reads the text of a file of this kind, whose name is `file`.
    pub(crate) fn read<T: DeserializeOwned>(
        kind: &str,
        file: &dyn fmt::Display,
        text: &str,
    ) -> io::Result<(String, Vec<(Moment, T)>)> {
        let wrong = |line: usize, why: &dyn fmt::Display| {
            let message = format!("{file}:{}: {why}", line + 1);
            io::Error::new(io::ErrorKind::InvalidData, message)
        };
        let mut lines = text.lines().enumerate();
        let (_, head) = lines.next().ok_or_else(|| wrong(0, &"the file is empty"))?;
        let head: Head = serde_json::from_str(head).map_err(|error| wrong(0, &error))?;
        if head.simoom != kind || head.format != FORMAT {
            let (what, format) = (head.simoom, head.format);
            let why = format!("this is a {what} of format {format}, not a {kind} of {FORMAT}");
            return Err(wrong(0, &why));
        }
        let mut read: Vec<(Moment, T)> = Vec::new();
        for (number, line) in lines {
            let stamp: Stamp = serde_json::from_str(line).map_err(|error| wrong(number, &error))?;
            // Who judges it goes by the order of the events, and that is the order of the lines.
            if let Some((before, _)) = read.last()
                && (before.event() >= stamp.event || before.time().as_nanos() > stamp.ns.into())
            {
                return Err(wrong(number, &"this was before the line above"));
            }
            let body = serde_json::from_str(line).map_err(|error| wrong(number, &error))?;
            read.push((
                Moment::new(stamp.event, Duration::from_nanos(stamp.ns)),
                body,
            ));
        }
        Ok((head.name, read))
    }
}

/// `value` as JSON.
///
/// # Panics
/// If it has no such form, as a map whose keys are no strings.
#[track_caller]
pub(crate) fn json<T: Serialize>(value: &T) -> String {
    match serde_json::to_string(value) {
        Ok(text) => text,
        Err(error) => panic!("this cannot be written as JSON: {error}"),
    }
}
