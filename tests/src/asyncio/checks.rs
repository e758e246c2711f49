//! What is said about each check: one line each, `AREA number | verdict | words | note`.

/// A group of checks about one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// As in the name of a check: `CAN`.
    pub name: &'static str,
    /// What it is about.
    pub title: &'static str,
    /// The numbers of its checks: from the first one on, so many.
    pub numbers: (u32, u32),
    /// Whether what it is about is ended at every poll, dropped there and asked to end there.
    pub is_ended: bool,
}

impl Area {
    const fn new(name: &'static str, title: &'static str, checks: u32) -> Self {
        Self {
            name,
            title,
            numbers: (1, checks),
            is_ended: false,
        }
    }

    const fn ended(self) -> Self {
        Self {
            is_ended: true,
            ..self
        }
    }

    const fn only(self, number: u32) -> Self {
        Self {
            numbers: (number, 1),
            ..self
        }
    }

    /// The area that names of tests start with.
    #[must_use]
    pub fn of(start: &str) -> Option<&'static Area> {
        AREAS
            .iter()
            .find(|area| area.name.eq_ignore_ascii_case(start))
    }

    /// Whether it has a check of this number.
    #[must_use]
    pub fn has(&self, number: u32) -> bool {
        let (first, count) = self.numbers;
        (first..first + count).contains(&number)
    }
}

/// All that there are, in the order of the page.
pub const AREAS: [Area; 26] = [
    Area::new("RUN", "A program, from its start to its end", 15),
    Area::new(
        "LOOP",
        "What is ready, timers, threads, signals, descriptors",
        13,
    )
    .ended(),
    Area::new("TSK", "Tasks", 15),
    Area::new("CAN", "Asking tasks to end", 18).ended(),
    Area::new("FUT", "Values that come later", 10).ended(),
    Area::new("GAT", "Gathering", 11).ended(),
    Area::new("TG", "Groups", 24).ended(),
    Area::new("TO", "Time limits that drop", 17).ended(),
    Area::new("WF", "Time limits that ask", 10).ended(),
    Area::new("SH", "Shields", 2).ended(),
    Area::new("WAIT", "Waiting for some of several", 0).only(3),
    Area::new("AC", "As they are done", 0).only(4),
    Area::new("SLP", "Sleeping", 3),
    Area::new("LCK", "Locks", 8).ended(),
    Area::new("EVT", "Events", 3).ended(),
    Area::new("CND", "Conditions", 9).ended(),
    Area::new("SEM", "Semaphores", 8).ended(),
    Area::new("BAR", "Barriers", 7).ended(),
    Area::new("Q", "Queues", 12).ended(),
    Area::new("THR", "Threads", 8),
    Area::new("STR", "Streams of bytes and servers", 12).ended(),
    Area::new("SUB", "Processes", 12),
    Area::new("GEN", "Streams of values, and what is cleaned up", 5),
    Area::new("EAG", "Tasks that start at once", 5),
    Area::new("DBG", "Seeing what goes on", 9),
    Area::new("GRAPH", "Who waits for whom", 5),
];

/// What is true of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds, and tests see that.
    Passes,
    /// Something else holds, and tests see that.
    Differs,
    /// The language leaves nothing to check.
    NotForRust,
    /// It does not hold, or no test sees it.
    Absent,
}

impl Verdict {
    fn read(word: &str) -> Option<Self> {
        Some(match word {
            "passes" => Self::Passes,
            "differs" => Self::Differs,
            "not for Rust" => Self::NotForRust,
            "absent" => Self::Absent,
            _ => return None,
        })
    }

    /// As in a line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passes => "passes",
            Self::Differs => "differs",
            Self::NotForRust => "not for Rust",
            Self::Absent => "absent",
        }
    }

    /// Whether tests have to see it.
    #[must_use]
    pub const fn is_tested(self) -> bool {
        matches!(self, Self::Passes | Self::Differs)
    }
}

/// One check.
#[derive(Clone, Debug)]
pub struct Check {
    /// What it belongs to.
    pub area: &'static Area,
    /// Which of its area.
    pub number: u32,
    /// What is true of it.
    pub verdict: Verdict,
    /// What is to hold.
    pub words: String,
    /// How it differs, why it is not for Rust, or what is absent.
    pub note: String,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct Checks(pub(super) Vec<Check>);

impl Checks {
    /// Reads the lines. Lines that start with `#` say nothing.
    ///
    /// # Errors
    ///
    /// A line that cannot be read, with its number.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut checks = Vec::new();
        for (at, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            checks.push(read_line(line).map_err(|wrong| {
                format!(
                    "line {} of the checks is not `AREA number | verdict | words | note`: {wrong}: \
                     {line}",
                    at + 1
                )
            })?);
        }
        Ok(Self(checks))
    }
}

fn read_line(line: &str) -> Result<Check, &'static str> {
    let mut parts = line.split('|').map(str::trim);
    let (name, number) = parts
        .next()
        .and_then(|id| id.split_once(' '))
        .ok_or("it has no number")?;
    let area = AREAS
        .iter()
        .find(|area| area.name == name)
        .ok_or("there is no such area")?;
    let number = number.parse().map_err(|_| "its number is none")?;
    let verdict = parts.next().and_then(Verdict::read);
    let check = Check {
        area,
        number,
        verdict: verdict.ok_or("there is no such verdict")?,
        words: parts.next().unwrap_or_default().to_owned(),
        note: parts.next().unwrap_or_default().to_owned(),
    };
    if check.words.is_empty() {
        return Err("it says nothing");
    }
    if parts.next().is_some() {
        return Err("it has too many parts");
    }
    Ok(check)
}
