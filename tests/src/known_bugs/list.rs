//! The list of all programs.

use super::bug::Bug;
use super::{cancellation, channels, locks, timers, transactions, unpolled, wakeups, windows};

/// All of them, group by group.
pub fn bugs() -> impl Iterator<Item = &'static Bug> {
    GROUPS.iter().copied().flatten()
}

const GROUPS: &[&[Bug]] = &[
    // Asynchronous Rust.
    &cancellation::BUGS,
    &channels::BUGS,
    &locks::BUGS,
    &timers::BUGS,
    &transactions::BUGS,
    &unpolled::BUGS,
    &wakeups::BUGS,
    &windows::BUGS,
];
