//! What the process takes of its machine.

/// How much memory the process has that is not swapped out.
///
/// # Cancel safety
/// Safe: it only reads.
pub(crate) async fn resident_bytes() -> Option<u64> {
    let kib = number_after("/proc/self/status", "VmRSS:").await?;
    Some(kib * 1024)
}

/// The first number of the line that starts with `name`.
async fn number_after(path: &str, name: &str) -> Option<u64> {
    let text = simoom::fs::read_to_string(path).await.ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
