//! What reads texts that others may have written: each is read or refused, and what is read is
//! written and read again.
//!
//! Owns the checks of the readers that this crate keeps to itself. Knows nothing of who writes.

use crate::check::{check_settings, check_witness};
use crate::checkers::{check_history, check_ledger};
use crate::choice::{Plan, parse_path, unescape};

/// Reads the text of saved failures.
///
/// # Panics
/// If what it reads is not what it writes of it.
///
/// # Examples
/// ```
/// simoom_sim::fuzzing::texts::plans("simoom plan 1\nseed 7\nstrategy calm\nhorizon 4\n");
/// simoom_sim::fuzzing::texts::plans("something else");
/// ```
pub fn plans(text: &str) {
    if let Ok(plan) = Plan::parse(text) {
        let written = plan.to_text();
        assert_eq!(Plan::parse(&written), Ok(plan), "{written:?}");
    }
    crate::check::check_saved(text);
}

/// Reads what a fresh process says, names of tasks, and escaped words.
///
/// # Panics
/// If what it reads is not what it writes of it.
///
/// # Examples
/// ```
/// simoom_sim::fuzzing::texts::words("hash 0\nnote a%20line\n");
/// ```
pub fn words(text: &str) {
    check_witness(text);
    let _ = parse_path(text);
    if let Some(plain) = unescape(text) {
        let mut escaped = String::new();
        crate::choice::escape(&plain, &mut escaped);
        assert_eq!(unescape(&escaped), Some(plain), "{escaped:?}");
    }
}

/// Reads the values of variables of the environment: seeds, times, strategies.
///
/// # Panics
/// If what it reads is not what it writes of it.
///
/// # Examples
/// ```
/// simoom_sim::fuzzing::texts::settings("0.812s");
/// simoom_sim::fuzzing::texts::settings("pct:3");
/// ```
pub fn settings(text: &str) {
    check_settings(text);
    if let Ok(strategy) = text.parse::<crate::Strategy>() {
        assert_eq!(strategy.to_string().parse(), Ok(strategy));
    }
}

/// Reads what a failed run has left of its histories and ledgers, and judges it.
///
/// # Panics
/// If what it reads is not what it writes of it, or a verdict is at odds with another.
///
/// # Examples
/// ```
/// simoom_sim::fuzzing::texts::sheets(concat!(
///     r#"{"simoom":"ledger","format":1,"name":"jobs"}"#,
///     "\n",
///     r#"{"event":3,"ns":0,"what":"sent","who":"boss","message":1}"#,
/// ));
/// simoom_sim::fuzzing::texts::sheets("something else");
/// ```
pub fn sheets(text: &str) {
    check_history(text);
    check_ledger(text);
}
