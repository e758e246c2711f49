//! What follows from what was found.
//!
//! It takes a processor and waits for nothing, so it would keep all others from theirs: it goes to a
//! thread of its own. Knows nothing of tasks but that.

use std::collections::BTreeMap;

use simoom::task::spawn_blocking;

use crate::{Failure, Finding};

/// The words that come up most often, with how often, and of these the first of the alphabet first.
///
/// # Errors
/// [`Failure::Panicked`] if it has a bug.
///
/// # Cancel safety
/// The thread goes on when nobody waits for it, and what it finds is lost.
pub async fn analyse(lines: Vec<String>) -> Result<Finding, Failure> {
    let analysis = spawn_blocking(move || {
        let mut counts = BTreeMap::<String, usize>::new();
        for word in lines.iter().flat_map(|line| words(line)) {
            *counts.entry(word).or_default() += 1;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let most = counts.into_iter().take(3);
        most.map(|(word, count)| format!("{word} ({count})"))
            .collect()
    });
    Ok(Finding {
        lines: analysis.await?,
    })
}

/// Eight numbers that are near each other where texts have words in common.
///
/// # Errors
/// [`Failure::Panicked`] if it has a bug.
///
/// # Cancel safety
/// As for [`analyse`].
pub async fn embed(lines: Vec<String>) -> Result<Finding, Failure> {
    let embedding = spawn_blocking(move || {
        let mut place = [0_i64; 8];
        for word in lines.iter().flat_map(|line| words(line)) {
            let hash = fnv(&word);
            for (at, number) in place.iter_mut().enumerate() {
                *number += if hash >> at & 1 == 1 { 1 } else { -1 };
            }
        }
        place.map(|number| number.to_string()).join(" ")
    });
    Ok(Finding {
        lines: vec![embedding.await?],
    })
}

/// The words of more than three letters, in lower case.
fn words(line: &str) -> impl Iterator<Item = String> {
    let words = line.split(|letter: char| !letter.is_alphanumeric());
    let words = words.filter(|word| word.chars().count() > 3);
    words.map(str::to_lowercase)
}

/// Fowler, Noll and Vo's hash 1a: the same on every machine.
fn fnv(word: &str) -> u64 {
    word.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
