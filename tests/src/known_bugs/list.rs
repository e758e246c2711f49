//! The list of all programs.

use super::bug::Bug;
use super::{
    cancellation, channels, limits, locks, subscriptions, timers, transactions, unpolled, wakeups,
    windows,
};

/// All of them, group by group.
pub fn bugs() -> impl Iterator<Item = &'static Bug> {
    GROUPS.iter().copied().flatten()
}

const GROUPS: &[&[Bug]] = &[
    // Asynchronous Rust.
    &cancellation::BUGS,
    &channels::BUGS,
    &limits::BUGS,
    &locks::BUGS,
    &subscriptions::BUGS,
    &timers::BUGS,
    &transactions::BUGS,
    &unpolled::BUGS,
    &wakeups::BUGS,
    &windows::BUGS,
];
