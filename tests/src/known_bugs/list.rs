//! The list of all programs.

use super::bug::Bug;
use super::{channels, locks, wakeups};

/// All of them, group by group.
pub fn bugs() -> impl Iterator<Item = &'static Bug> {
    GROUPS.iter().copied().flatten()
}

const GROUPS: &[&[Bug]] = &[
    // Asynchronous Rust.
    &channels::BUGS,
    &locks::BUGS,
    &wakeups::BUGS,
];
