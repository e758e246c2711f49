// The work of the row about blocking closures, for the runtimes that have them.
//
// Included beside `bodies.rs`, and measured in the same way.

pub fn run_blocking(row: &str, scale: u64) -> Option<Costs> {
    (row == "blocking").then(|| measured!(blocking_trips(200_000 / scale)))
}

/// A task has a number returned by a closure on a thread that may block, and waits for it.
async fn blocking_trips(count: u64) -> u64 {
    let mut sum = 0;
    for number in 0..count {
        sum += joined(spawn_blocking(move || number)).await;
    }
    assert_eq!(sum, count * (count - 1) / 2);
    count
}
