//! How numbers, times and places are typed and shown.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A time such as `10m`, `1.5h` or `0.812s`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no number with a unit (ns, us, ms, s, m, min, h)");
    let end = text
        .find(|it: char| !it.is_ascii_digit() && it != '.')
        .ok_or_else(wrong)?;
    let (number, unit) = text.split_at(end);
    let unit: u64 = match unit.trim() {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" | "min" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return Err(wrong()),
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    if part.len() > 9 {
        return Err(wrong());
    }
    let number = |text: &str| text.parse::<u64>().map_err(|_| wrong());
    let whole = number(whole)?.checked_mul(unit).ok_or_else(wrong)?;
    let scale = 10_u128.pow(part.len() as u32);
    let part = u128::from(number(part)?) * u128::from(unit) / scale;
    let part = u64::try_from(part).map_err(|_| wrong())?;
    whole
        .checked_add(part)
        .map(Duration::from_nanos)
        .ok_or_else(wrong)
}

/// A seed, decimal or hexadecimal, with underscores.
pub(crate) fn parse_seed(text: &str) -> Result<u64, String> {
    let digits = text.replace('_', "");
    let seed = match digits.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => digits.parse(),
    };
    seed.map_err(|_| format!("{text:?} is no seed: it must be a number, decimal or 0x…"))
}

/// A seed as it is shown.
pub(crate) fn seed_text(seed: u64) -> String {
    let part = |shift: u32| (seed >> shift) & 0xffff;
    format!(
        "0x{:04x}_{:04x}_{:04x}_{:04x}",
        part(48),
        part(32),
        part(16),
        part(0)
    )
}

/// A number with its thousands apart.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// So many of something.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    format!(
        "{} {}",
        grouped(number),
        if number == 1 { one } else { many }
    )
}

/// A time of a run, as reports show it.
pub(crate) fn seconds(nanoseconds: i64) -> String {
    format!(
        "{}.{:03} s",
        nanoseconds / 1_000_000_000,
        (nanoseconds % 1_000_000_000).abs() / 1_000_000
    )
}

/// How long something took or is ago, roughly.
pub(crate) fn roughly(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{}.{} s", seconds, time.subsec_millis() / 100),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        _ => count(seconds / 86_400, "day", "days"),
    }
}

/// Where a run is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    Time(Duration),
    Step(u64),
}

impl FromStr for At {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(step) = text.strip_prefix("step:") else {
            return parse_duration(text).map(Self::Time);
        };
        match step.replace('_', "").parse() {
            Ok(0) | Err(_) => Err(format!("{step:?} is no step: they are counted from 1")),
            Ok(step) => Ok(Self::Step(step)),
        }
    }
}

/// As a test binary takes it.
impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(time) => write!(f, "{}ns", time.as_nanos()),
            Self::Step(step) => write!(f, "step:{step}"),
        }
    }
}

/// Which part of the seeds a machine runs: the `index`th, counted from 0, of `of`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) index: u64,
    pub(crate) of: u64,
}

impl Part {
    /// The part of `seeds` seeds that it has: numbers of the sweep's seeds.
    pub(crate) fn of_count(self, seeds: u64) -> std::ops::Range<u64> {
        let bound =
            |index: u64| (u128::from(seeds) * u128::from(index) / u128::from(self.of)) as u64;
        bound(self.index)..bound(self.index + 1)
    }

    /// Its part where nobody knows how many there will be.
    pub(crate) fn endless(self) -> std::ops::Range<u64> {
        let length = (1 << 48) / self.of;
        self.index * length..(self.index + 1) * length
    }
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text
            .strip_prefix("count:")
            .and_then(|it| it.split_once('/'));
        let numbers = parts.and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((index, of)) if (1..=of).contains(&index) => Ok(Self {
                index: index - 1,
                of,
            }),
            _ => Err(format!(
                "{text:?} is not of the form count:I/N, with I from 1 to N"
            )),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "count:{}/{}", self.index + 1, self.of)
    }
}

#[cfg(test)]
mod tests;
