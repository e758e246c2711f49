//! Times to set on a file.

use std::time::SystemTime;

/// Times to set on a file, by [`File::set_times`](super::File::set_times). What is not named stays
/// as it is.
///
/// # Examples
/// ```
/// use std::time::{Duration, SystemTime};
/// use simoom::fs::{File, FileTimes};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # let path = std::env::temp_dir().join(format!("simoom-doc-times-{}", std::process::id()));
/// # rt.block_on(async {
/// let file = File::create(&path).await.unwrap();
/// let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
/// file.set_times(FileTimes::new().set_modified(then)).await.unwrap();
/// assert_eq!(file.metadata().await.unwrap().modified().unwrap(), then);
/// # simoom::fs::remove_file(&path).await.unwrap();
/// # });
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "must be applied to a file via `File::set_times` to have any effect"]
pub struct FileTimes {
    pub(super) accessed: Option<SystemTime>,
    pub(super) modified: Option<SystemTime>,
}

impl FileTimes {
    /// No time at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets when the file was last read.
    pub fn set_accessed(mut self, t: SystemTime) -> Self {
        self.accessed = Some(t);
        self
    }

    /// Sets when the file was last written.
    pub fn set_modified(mut self, t: SystemTime) -> Self {
        self.modified = Some(t);
        self
    }
}
