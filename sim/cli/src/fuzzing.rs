//! What a fuzzer checks of the forms in which people say what is to be done.
//!
//! Owns the checks. Each takes any text, and panics where what is read of it is at odds with itself.
//! Not part of the program: behind the feature `fuzzing`.

use crate::diff::part;
use crate::filter::{Subject, parse};
use crate::text::{At, Part, parse_duration, parse_seed, seed_text};

/// Names that filters are asked about.
const SUBJECTS: [Subject<'_>; 4] = [
    Subject {
        test: "store::writes_survive",
        package: "kv-store",
        binary: "durability",
        kind: "test",
    },
    Subject {
        test: "writes",
        package: "kv",
        binary: "kv",
        kind: "lib",
    },
    Subject {
        test: "a",
        package: "b",
        binary: "c",
        kind: "bin",
    },
    Subject {
        test: "",
        package: "",
        binary: "",
        kind: "",
    },
];

/// Reads `text` as a filterset.
///
/// # Panics
/// If it selects otherwise in parentheses, twice, without itself, or with everything or nothing.
///
/// # Examples
/// ```
/// cargo_simoom::fuzzing::filter("test(/^store/) and not kind(lib)");
/// cargo_simoom::fuzzing::filter("test(");
/// ```
pub fn filter(text: &str) {
    let filter = match parse(text) {
        Ok(filter) => filter,
        Err(error) => {
            assert!(error.contains(text), "{error}");
            return;
        }
    };
    let others = [
        format!("({text})"),
        format!("not (not ({text}))"),
        format!("({text}) and ({text})"),
        format!("({text}) or none()"),
        format!("none() or ({text}) and all()"),
        format!("({text}) - none()"),
        format!("all() - (all() - ({text}))"),
    ];
    for other in &others {
        let Ok(other_filter) = parse(other) else {
            // It may be nested as deep as a filterset may be.
            assert!(text.len() > 100, "{other:?} is refused");
            continue;
        };
        for subject in &SUBJECTS {
            let expected = filter.selects(subject);
            assert_eq!(other_filter.selects(subject), expected, "{other:?}");
        }
    }
    let Ok(nothing) = parse(&format!("({text}) - ({text})")) else {
        return;
    };
    assert!(!SUBJECTS.iter().any(|it| nothing.selects(it)), "{text:?}");
}

/// Reads `text` as a time, a seed, a place in a run and a part of the seeds.
///
/// # Panics
/// If what is read is not read again from what is shown of it, or the parts of some seeds are not
/// all of them.
///
/// # Examples
/// ```
/// cargo_simoom::fuzzing::words("0.812s");
/// cargo_simoom::fuzzing::words("count:2/3");
/// ```
pub fn words(text: &str) {
    if let Ok(time) = parse_duration(text) {
        let nanoseconds = format!("{}ns", time.as_nanos());
        assert_eq!(parse_duration(&nanoseconds), Ok(time));
        let (whole, part) = (time.as_secs(), time.subsec_nanos());
        assert_eq!(parse_duration(&format!("{whole}.{part:09}s")), Ok(time));
        assert_eq!(text.parse(), Ok(At::Time(time)));
        model(text, time.as_nanos());
    }
    if let Ok(seed) = parse_seed(text) {
        assert_eq!(parse_seed(&seed_text(seed)), Ok(seed));
        assert_eq!(parse_seed(&seed.to_string()), Ok(seed));
    }
    if let Ok(at) = text.parse::<At>() {
        assert_eq!(at.to_string().parse(), Ok(at));
    }
    if let Ok(part) = text.parse::<Part>() {
        assert_eq!(part.to_string().parse(), Ok(part));
        for seeds in [0, 1, 7, 1_000, u64::MAX] {
            let range = part.of_count(seeds);
            assert!(range.start <= range.end && range.end <= seeds, "{part}");
            let is_first = part.index == 0;
            let is_last = part.index + 1 == part.of;
            assert!(!is_first || range.start == 0, "{part}");
            assert!(!is_last || range.end == seeds, "{part}");
            if !is_last {
                let index = part.index + 1;
                let next = Part { index, ..part };
                assert_eq!(range.end, next.of_count(seeds).start, "{part}");
                assert_eq!(part.endless().end, next.endless().start, "{part}");
            }
        }
    }
}

/// What `text` says, counted in digits: without what is less than a nanosecond.
fn model(text: &str, nanoseconds: u128) {
    let digits = |it: &char| it.is_ascii_digit() || *it == '.';
    let number: String = text.chars().take_while(digits).collect();
    let unit: u128 = match text[number.len()..].trim() {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" | "min" => 60_000_000_000,
        _ => 3_600_000_000_000,
    };
    let (whole, part) = number.split_once('.').unwrap_or((&number, ""));
    let mut expected = 0;
    for digit in whole.bytes() {
        expected = expected * 10 + u128::from(digit - b'0') * unit;
    }
    let (mut sum, mut scale) = (0, 1);
    for digit in part.bytes() {
        sum = sum * 10 + u128::from(digit - b'0');
        scale *= 10;
    }
    assert_eq!(nanoseconds, expected + sum * unit / scale, "{text:?}");
}

/// Compares the lines of two records as `diff` does, with so many lines around.
///
/// # Panics
/// If it does not tell where they part, or that they do not.
///
/// # Examples
/// ```
/// cargo_simoom::fuzzing::records("a\nb", "a\nc", 3);
/// ```
pub fn records(one: &str, two: &str, context: usize) {
    let (one, two): (Vec<_>, Vec<_>) = (one.lines().collect(), two.lines().collect());
    let Some(told) = part(&one, &two, context) else {
        assert_eq!(one, two);
        return;
    };
    assert_ne!(one, two);
    let agreed = told.iter().filter(|line| line.starts_with("  ")).count();
    let common = one.iter().zip(&two).take_while(|(one, two)| one == two);
    assert_eq!(agreed, common.count().min(context));
    for (sign, run) in [("- ", &one), ("+ ", &two)] {
        let own: Vec<_> = told.iter().filter_map(|it| it.strip_prefix(sign)).collect();
        let is_in = run.windows(own.len()).any(|it| it == own);
        let ends = own
            .split_last()
            .is_some_and(|(last, rest)| *last == "the run ends" && run.ends_with(rest));
        assert!(is_in || ends, "{sign}{own:?}");
    }
}
