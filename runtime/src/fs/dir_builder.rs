//! Making directories with options.

use std::panic::Location;
use std::path::Path;

use super::operation::{Operation, nothing};
use crate::backend::PathOp;

/// Makes directories in various manners.
///
/// # Examples
/// ```
/// use std::os::unix::fs::PermissionsExt;
/// use simoom::fs::DirBuilder;
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # let dir = std::env::temp_dir().join(format!("simoom-doc-builder-{}", std::process::id()));
/// # rt.block_on(async {
/// DirBuilder::new().recursive(true).mode(0o700).create(dir.join("a/b")).await.unwrap();
/// let mode = simoom::fs::metadata(&dir).await.unwrap().permissions().mode();
/// assert_eq!(mode & 0o777, 0o700);
/// # simoom::fs::remove_dir_all(&dir).await.unwrap();
/// # });
/// ```
#[derive(Debug, Default)]
pub struct DirBuilder {
    recursive: bool,
    mode: Option<u32>,
}

impl DirBuilder {
    /// Makes one directory, with the permission bits that the process's mask leaves of `0o777`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether missing parents are made too, and a directory that is there is no error.
    pub fn recursive(&mut self, recursive: bool) -> &mut Self {
        self.recursive = recursive;
        self
    }

    /// Sets the permission bits, from which the process's mask takes some away.
    pub fn mode(&mut self, mode: u32) -> &mut Self {
        self.mode = Some(mode);
        self
    }

    /// Makes the directory.
    ///
    /// # Errors
    /// As [`create_dir`](super::create_dir) or [`create_dir_all`](super::create_dir_all).
    ///
    /// # Cancel safety
    /// Dropped once it was polled, it may still happen.
    #[track_caller]
    pub fn create(&self, path: impl AsRef<Path>) -> Operation<()> {
        let op = PathOp::CreateDir {
            path: path.as_ref().to_owned(),
            mode: self.mode.unwrap_or(0o777),
            all: self.recursive,
        };
        Operation::on_path(op, Location::caller(), nothing)
    }
}
