//! What the process takes of its machine.

/// What the process takes of its machine, as far as the system says: Linux says everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Memory that is in use and not swapped out.
    pub(crate) resident_bytes: Option<u64>,
    /// Time on a processor, in hundredths of a second.
    pub(crate) processor_cs: Option<u64>,
    pub(crate) descriptors: Option<u64>,
    pub(crate) descriptors_max: Option<u64>,
}

/// Asks the system.
///
/// # Cancel safety
/// Safe: it only reads.
pub(crate) async fn usage() -> Usage {
    Usage {
        resident_bytes: resident_bytes().await,
        processor_cs: processor_cs().await,
        descriptors: descriptors().await,
        descriptors_max: descriptors_max().await,
    }
}

/// How much memory the process has that is not swapped out.
///
/// # Cancel safety
/// Safe: it only reads.
pub(crate) async fn resident_bytes() -> Option<u64> {
    let kib = number_after("/proc/self/status", "VmRSS:").await?;
    Some(kib * 1024)
}

async fn descriptors_max() -> Option<u64> {
    number_after("/proc/self/limits", "Max open files").await
}

/// The first number of the line that starts with `name`.
async fn number_after(path: &str, name: &str) -> Option<u64> {
    let text = simoom::fs::read_to_string(path).await.ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// User and system time, in the ticks of proc(5), which are hundredths of a second.
async fn processor_cs() -> Option<u64> {
    let text = simoom::fs::read_to_string("/proc/self/stat").await.ok()?;
    // The name of the program, in parentheses, may hold spaces.
    let (_, after_name) = text.rsplit_once(") ")?;
    let mut times = after_name.split(' ').skip(11);
    let user: u64 = times.next()?.parse().ok()?;
    let system: u64 = times.next()?.parse().ok()?;
    Some(user + system)
}

async fn descriptors() -> Option<u64> {
    let mut folder = simoom::fs::read_dir("/proc/self/fd").await.ok()?;
    let mut count = 0;
    while folder.next_entry().await.ok()?.is_some() {
        count += 1;
    }
    Some(count)
}
