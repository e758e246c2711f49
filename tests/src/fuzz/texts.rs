//! Readers of texts: plans, faults, what the environment says.
//!
//! Owns which texts are tried. Whatever is read is written and read again.

use simoom_faults::{Kind, Plan, Profile, Ratio};
use simoom_sim::fuzzing::texts;

use super::Seen;

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
