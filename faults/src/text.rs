//! Plans as text.
//!
//! ```text
//! simoom faults 1
//! # Comments and empty lines are skipped.
//! disk.sync.failed target=path:/data/* probability=1/100 times=3
//! node.killed target=node:replica-1 when=2s..10s magnitude=100ms..5s every=500ms
//! at_most 1 replica-1 replica-2 replica-3
//! spare client
//! swarm
//! ```
//! A fault is its kind and what differs from the default. Characters of names that mean something
//! here, and white space, are written as `%` and the two hexadecimal digits of each byte.

use std::fmt::{self, Write};
use std::str::FromStr;
use std::time::Duration;

use crate::fault::EVERY;
use crate::{Expected, Fault, Group, Kind, Plan, Ratio, Target, Unit, When};

const HEADER: &str = "simoom faults 1";

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEADER)?;
        f.write_str("\n")?;
        for fault in &self.faults {
            writeln!(f, "{fault}")?;
        }
        for Group { most, of } in &self.groups {
            write!(f, "at_most {most}")?;
            write_names(f, of)?;
        }
        for node in &self.spared {
            f.write_str("spare")?;
            write_names(f, std::slice::from_ref(node))?;
        }
        if self.swarm {
            f.write_str("swarm\n")?;
        }
        if self.after_setup {
            f.write_str("after_setup\n")?;
        }
        Ok(())
    }
}

fn write_names(f: &mut fmt::Formatter<'_>, names: &[String]) -> fmt::Result {
    for name in names {
        write!(f, " {}", Escaped(name))?;
    }
    f.write_str("\n")
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = Self::new(self.kind);
        write!(f, "{}", self.kind)?;
        match &self.target {
            Target::Any => {}
            Target::Node(name) => write!(f, " target=node:{}", Escaped(name))?,
            Target::Link { from, to } => {
                write!(f, " target=link:{}>{}", Escaped(from), Escaped(to))?;
            }
            Target::Path { node, pattern } => {
                f.write_str(" target=path:")?;
                if let Some(node) = node {
                    write!(f, "{}>", Escaped(node))?;
                }
                write!(f, "{}", Escaped(pattern))?;
            }
        }
        match self.when {
            When::Always => {}
            When::After(from) => write!(f, " when={}..", Length(from))?,
            When::Between(from, until) => write!(f, " when={}..{}", Length(from), Length(until))?,
            When::Nth(number) => write!(f, " when=nth:{number}")?,
            When::PermanentAfter(from) => write!(f, " when=permanent:{}", Length(from))?,
        }
        if self.probability != plain.probability {
            write!(f, " probability={}", self.probability)?;
        }
        if self.active != plain.active {
            write!(f, " active={}", self.active)?;
        }
        if (self.least, self.most) != (plain.least, plain.most) {
            let unit = self.kind.unit();
            let (least, most) = (Amount(self.least, unit), Amount(self.most, unit));
            write!(f, " magnitude={least}..{most}")?;
        }
        if self.every != EVERY {
            write!(f, " every={}", Length(self.every))?;
        }
        if let Some(times) = self.times {
            write!(f, " times={times}")?;
        }
        match self.expected {
            Expected::Fires => Ok(()),
            Expected::IfReached => f.write_str(" if_reached"),
            Expected::MayBeInert => f.write_str(" may_be_inert"),
        }
    }
}

/// A name without the characters that mean something in a plan.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("%");
        }
        for character in self.0.chars() {
            let special = matches!(character, '%' | '>' | '#' | '=')
                || character.is_whitespace()
                || character.is_control();
            if special {
                let mut bytes = [0; 4];
                for byte in character.encode_utf8(&mut bytes).bytes() {
                    write!(f, "%{byte:02x}")?;
                }
            } else {
                f.write_char(character)?;
            }
        }
        Ok(())
    }
}

/// Reads what [`Escaped`] wrote.
fn unescape(text: &str) -> Option<String> {
    if text == "%" {
        return Some(String::new());
    }
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let digits = std::str::from_utf8(&digits).ok()?;
            if digits.starts_with('+') {
                return None;
            }
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    let name = String::from_utf8(bytes).ok()?;
    (!name.is_empty()).then_some(name)
}

/// A length of time in the largest unit that holds it exactly.
struct Length(Duration);

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ns = self.0.as_nanos();
        let (unit, size) = UNITS
            .into_iter()
            .find(|&(_, size)| ns.is_multiple_of(size))
            .unwrap_or(("ns", 1));
        write!(f, "{}{unit}", ns / size)
    }
}

const UNITS: [(&str, u128); 4] = [
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

fn parse_length(text: &str) -> Option<Duration> {
    let end = text.find(|it: char| !it.is_ascii_digit())?;
    let (digits, unit) = text.split_at(end);
    let (_, size) = UNITS.into_iter().find(|&(name, _)| name == unit)?;
    let ns = digits.parse::<u128>().ok()?.checked_mul(size)?;
    let second = UNITS[0].1;
    let whole = u64::try_from(ns / second).ok()?;
    Some(Duration::new(whole, (ns % second) as u32))
}

/// A magnitude with its unit.
struct Amount(u64, Unit);

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Unit::Nanoseconds => Length(Duration::from_nanos(self.0)).fmt(f),
            Unit::Bytes => write!(f, "{}B", self.0),
            Unit::PartsPerMillion => write!(f, "{}ppm", self.0),
            Unit::Once => write!(f, "{}", self.0),
        }
    }
}

fn parse_amount(text: &str, unit: Unit) -> Option<u64> {
    match unit {
        Unit::Nanoseconds => u64::try_from(parse_length(text)?.as_nanos()).ok(),
        Unit::Bytes => text.strip_suffix('B')?.parse().ok(),
        Unit::PartsPerMillion => text.strip_suffix("ppm")?.parse().ok(),
        Unit::Once => text.parse().ok(),
    }
}

impl FromStr for Plan {
    type Err = TextErrors;

    fn from_str(text: &str) -> Result<Self, TextErrors> {
        let mut lines = text.lines().enumerate();
        let mut errors = Vec::new();
        let first = lines.by_ref().find(|(_, line)| !is_blank(line));
        match first {
            Some((_, line)) if line.trim() == HEADER => {}
            Some((index, line)) => {
                let what = format!(
                    "{:?} is not the first line of a plan: write {HEADER:?}",
                    line.trim()
                );
                return Err(TextErrors(vec![TextError::at(index, what)]));
            }
            None => {
                let what = format!("the plan is empty: begin with {HEADER:?}");
                return Err(TextErrors(vec![TextError::at(0, what)]));
            }
        }
        let mut plan = Self::new();
        for (index, line) in lines.filter(|(_, line)| !is_blank(line)) {
            if let Err(what) = plan.take_line(line) {
                errors.extend(what.into_iter().map(|what| TextError::at(index, what)));
            }
        }
        if errors.is_empty() {
            Ok(plan)
        } else {
            Err(TextErrors(errors))
        }
    }
}

fn is_blank(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with('#')
}

impl Plan {
    fn take_line(&mut self, line: &str) -> Result<(), Vec<String>> {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        let one = |what: String| vec![what];
        match first {
            "swarm" | "after_setup" => {
                if let Some(more) = words.next() {
                    return Err(one(format!("{first} stands alone: take {more:?} away")));
                }
                if first == "swarm" {
                    self.swarm = true;
                } else {
                    self.after_setup = true;
                }
            }
            "spare" => {
                let names = names(words)?;
                if names.is_empty() {
                    return Err(one(
                        "spare names no node: say which are never hit".to_owned()
                    ));
                }
                self.spared.extend(names);
            }
            "at_most" => {
                let most = words.next().unwrap_or_default();
                let Ok(most) = most.parse() else {
                    return Err(one(format!(
                        "at_most {most:?}: write how many, then of which nodes, as in at_most 1 a b"
                    )));
                };
                let of = names(words)?;
                self.groups.push(Group { most, of });
            }
            kind => match kind.parse::<Kind>() {
                Ok(kind) => self.faults.push(parse_fault(kind, words)?),
                Err(error) => {
                    return Err(one(format!(
                        "{error}; a line may also be at_most, spare, swarm or after_setup"
                    )));
                }
            },
        }
        Ok(())
    }
}

fn names<'a>(words: impl Iterator<Item = &'a str>) -> Result<Vec<String>, Vec<String>> {
    let mut names = Vec::new();
    let mut errors = Vec::new();
    for word in words {
        match unescape(word) {
            Some(name) => names.push(name),
            None => errors.push(not_a_name(word)),
        }
    }
    if errors.is_empty() {
        Ok(names)
    } else {
        Err(errors)
    }
}

fn not_a_name(word: &str) -> String {
    format!("{word:?} is no name: `%` is followed by two hexadecimal digits, as in %20 for a space")
}

fn parse_fault<'a>(kind: Kind, words: impl Iterator<Item = &'a str>) -> Result<Fault, Vec<String>> {
    let mut fault = Fault::new(kind);
    let mut errors = Vec::new();
    for word in words {
        let result = match word.split_once('=') {
            Some((key, value)) => take_field(&mut fault, key, value),
            None => take_flag(&mut fault, word),
        };
        errors.extend(result.err());
    }
    if errors.is_empty() {
        Ok(fault)
    } else {
        Err(errors)
    }
}

fn take_flag(fault: &mut Fault, word: &str) -> Result<(), String> {
    match word {
        "may_be_inert" => fault.expected = Expected::MayBeInert,
        "if_reached" => fault.expected = Expected::IfReached,
        other => return Err(unknown_field(fault.kind, other)),
    }
    Ok(())
}

fn take_field(fault: &mut Fault, key: &str, value: &str) -> Result<(), String> {
    let bad = |form: &str| {
        let kind = fault.kind;
        format!("{kind}: {key}={value} is not understood: write {form}")
    };
    match key {
        "target" => {
            let form = "node:NAME, link:FROM>TO, path:PATTERN or path:NODE>PATTERN";
            fault.target = parse_target(value).ok_or_else(|| bad(form))?;
        }
        "when" => {
            let form = "10s.., 10s..20s, nth:0 or permanent:10s";
            fault.when = parse_when(value).ok_or_else(|| bad(form))?;
        }
        "probability" => fault.probability = parse_ratio(value).ok_or_else(|| bad("1/100"))?,
        "active" => fault.active = parse_ratio(value).ok_or_else(|| bad("1/4"))?,
        "magnitude" => {
            let unit = fault.kind.unit();
            let form = match unit {
                Unit::Nanoseconds => "10ms..5s, in s, ms, us or ns",
                Unit::Bytes => "1B..4096B",
                Unit::PartsPerMillion => "1ppm..500ppm",
                Unit::Once => "1..1",
            };
            let range = value.split_once("..").and_then(|(least, most)| {
                Some((parse_amount(least, unit)?, parse_amount(most, unit)?))
            });
            (fault.least, fault.most) = range.ok_or_else(|| bad(form))?;
        }
        "every" => {
            fault.every = parse_length(value).ok_or_else(|| bad("500ms, in s, ms, us or ns"))?;
        }
        "times" => fault.times = Some(value.parse().map_err(|_| bad("a whole number"))?),
        other => return Err(unknown_field(fault.kind, other)),
    }
    Ok(())
}

fn unknown_field(kind: Kind, word: &str) -> String {
    format!(
        "{kind}: {word:?} says nothing: use target=, when=, probability=, active=, magnitude=, \
         every=, times=, if_reached or may_be_inert"
    )
}

fn parse_ratio(text: &str) -> Option<Ratio> {
    text.parse().ok()
}

fn parse_target(text: &str) -> Option<Target> {
    let (form, rest) = text.split_once(':')?;
    match form {
        "node" => Some(Target::Node(unescape(rest)?)),
        "link" => {
            let (from, to) = rest.split_once('>')?;
            let (from, to) = (unescape(from)?, unescape(to)?);
            Some(Target::Link { from, to })
        }
        "path" => {
            let (node, pattern) = match rest.split_once('>') {
                Some((node, pattern)) => (Some(unescape(node)?), pattern),
                None => (None, rest),
            };
            let pattern = unescape(pattern)?;
            Some(Target::Path { node, pattern })
        }
        _ => None,
    }
}

fn parse_when(text: &str) -> Option<When> {
    if let Some(number) = text.strip_prefix("nth:") {
        return Some(When::Nth(number.parse().ok()?));
    }
    if let Some(from) = text.strip_prefix("permanent:") {
        return Some(When::PermanentAfter(parse_length(from)?));
    }
    let (from, until) = text.split_once("..")?;
    let from = parse_length(from)?;
    if until.is_empty() {
        return Some(When::After(from));
    }
    Some(When::Between(from, parse_length(until)?))
}

/// What is wrong with one line of a plan's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextError {
    line: usize,
    what: String,
}

impl TextError {
    fn at(index: usize, what: String) -> Self {
        Self {
            line: index + 1,
            what,
        }
    }

    /// The line, counted from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// Why a text is no plan: all that is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextErrors(Vec<TextError>);

impl TextErrors {
    /// The errors, in the order of the lines.
    #[must_use]
    pub fn errors(&self) -> &[TextError] {
        &self.0
    }
}

impl fmt::Display for TextErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "\n" };
            write!(f, "{comma}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for TextErrors {}

#[cfg(test)]
mod tests;
