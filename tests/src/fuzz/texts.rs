//! Readers of texts: plans, faults, what the environment and people say, and what runs leave.
//!
//! Owns which texts are tried. Whatever is read is written and read again.

use simoom_faults::{Kind, Plan, Profile, Ratio};
use simoom_sim::fuzzing::texts;

use super::{Bytes, Seen};

/// Saved failures, and what a fresh process says.
pub(super) fn plans(bytes: &[u8]) -> Seen {
    let text = String::from_utf8_lossy(bytes);
    texts::plans(&text);
    texts::plans(&format!(
        "simoom plan 1\nseed 1\nstrategy replay\nhorizon 1\n{text}"
    ));
    texts::words(&text);
    Seen::default()
}

/// Plans of faults.
pub(super) fn faults(bytes: &[u8]) -> Seen {
    let text = String::from_utf8_lossy(bytes);
    for text in [text.to_string(), format!("simoom faults 1\n{text}")] {
        match text.parse::<Plan>() {
            Ok(plan) => {
                let _ = plan.check();
                let _ = plan.names();
                let written = plan.to_string();
                assert_eq!(written.parse(), Ok(plan), "{written:?}");
            }
            Err(errors) => assert!(!errors.to_string().is_empty()),
        }
    }
    Seen::default()
}

/// Single words: times, seeds, strategies, kinds of faults, probabilities.
pub(super) fn settings(bytes: &[u8]) -> Seen {
    let text = String::from_utf8_lossy(bytes);
    texts::settings(&text);
    if let Ok(ratio) = text.parse::<Ratio>() {
        assert_eq!(ratio.to_string().parse(), Ok(ratio));
    }
    match text.parse::<Kind>() {
        Ok(kind) => assert_eq!(kind.to_string(), text),
        Err(error) => assert!(error.to_string().contains("names no kind")),
    }
    if let Ok(profile) = text.parse::<Profile>() {
        assert_eq!(profile.to_string(), text);
    }
    Seen::default()
}

/// Filtersets of `cargo simoom`.
pub(super) fn filters(bytes: &[u8]) -> Seen {
    cargo_simoom::fuzzing::filter(&String::from_utf8_lossy(bytes));
    Seen::default()
}

/// Times, seeds, places and parts, as `cargo simoom` takes them.
pub(super) fn times(bytes: &[u8]) -> Seen {
    cargo_simoom::fuzzing::words(&String::from_utf8_lossy(bytes));
    Seen::default()
}

/// What a failed run leaves: histories, ledgers, and records, which are compared.
pub(super) fn records(bytes: &[u8]) -> Seen {
    let mut bytes = Bytes::new(bytes);
    let (context, cut) = (bytes.below(5), bytes.below(256));
    let text = String::from_utf8_lossy(bytes.rest());
    texts::sheets(&text);
    for kind in ["history", "ledger"] {
        let head = format!(r#"{{"simoom":"{kind}","format":1,"name":"n"}}"#);
        texts::sheets(&format!("{head}\n{text}"));
    }
    // As records, both its halves and the whole beside itself without a line.
    let context = if context == 4 { usize::MAX } else { context };
    let lines: Vec<_> = text.lines().collect();
    let (one, two) = lines.split_at(cut % (lines.len() + 1));
    cargo_simoom::fuzzing::records(&one.join("\n"), &two.join("\n"), context);
    let without = [one, two.get(1..).unwrap_or_default()].concat().join("\n");
    cargo_simoom::fuzzing::records(&text, &without, context);
    Seen::default()
}

/// The command line of kv, an argument in each line.
pub(super) fn flags(bytes: &[u8]) -> Seen {
    kv::fuzzing::flags(&String::from_utf8_lossy(bytes));
    Seen::default()
}
