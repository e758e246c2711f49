//! Leaving out operations of the workload.
//!
//! The outermost first: with a client go all of its operations.

use super::search::Search;
use crate::choice::{Deviation, unescape};

/// Leaves out as many operations as it can, those of each level for themselves.
pub(super) fn leave_out(search: &mut Search<'_>) {
    let levels = search.done().iter().map(level).max().map_or(0, |it| it + 1);
    for of_level in 0..levels {
        in_runs(search, |search| {
            let done = search.done().iter();
            done.filter(|it| level(it) == of_level).cloned().collect()
        });
    }
}

/// Adds as many as it can of the choices that are `left`, long runs of them first.
pub(super) fn in_runs(search: &mut Search<'_>, left: impl Fn(&Search<'_>) -> Vec<Deviation>) {
    let mut size = left(search).len();
    while size > 0 && !search.is_spent() {
        let mut start = 0;
        while start < left(search).len() && !search.is_spent() {
            let left = left(search);
            // As many candidates as can be told from what is left now.
            let starts: Vec<_> = (start..left.len()).step_by(size).collect();
            let candidates: Vec<_> = (starts.iter())
                .map(|&start| {
                    let end = (start + size).min(left.len());
                    let mut candidate = search.choices().to_vec();
                    candidate.extend_from_slice(&left[start..end]);
                    candidate
                })
                .collect();
            match search.first(&candidates) {
                Some(index) => start = starts[index],
                None => break,
            }
        }
        size = match size {
            1 => 0,
            _ => (size * 63 / 100).max(1),
        };
    }
}

/// How many workloads the operation is within, besides its own.
fn level(it: &Deviation) -> usize {
    let name = it.anchor.resource.strip_prefix('=').and_then(unescape);
    name.map_or(0, |name| name.matches('/').count())
}
