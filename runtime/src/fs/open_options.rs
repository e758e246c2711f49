//! How a file is opened.

use std::panic::Location;
use std::path::Path;

use super::file::{File, opened};
use super::operation::Operation;
use crate::backend::{OpenHow, PathOp};

/// How a file is opened, with the methods of `std::fs::OpenOptions`.
///
/// # Examples
/// ```
/// use simoom::fs::OpenOptions;
/// use simoom::io::AsyncWriteExt;
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # let path = std::env::temp_dir().join(format!("simoom-doc-options-{}", std::process::id()));
/// # rt.block_on(async {
/// let mut log = OpenOptions::new().append(true).create(true).open(&path).await.unwrap();
/// log.write_all(b"one\n").await.unwrap();
/// log.flush().await.unwrap();
/// # simoom::fs::remove_file(&path).await.unwrap();
/// # });
/// ```
#[derive(Clone, Debug, Default)]
pub struct OpenOptions(OpenHow);

impl OpenOptions {
    /// Options that are all off: something must be set before a file can be opened.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens for reading.
    pub fn read(&mut self, read: bool) -> &mut Self {
        self.0.read = read;
        self
    }

    /// Opens for writing, over what is there.
    pub fn write(&mut self, write: bool) -> &mut Self {
        self.0.write = write;
        self
    }

    /// Opens for writing at the end: each write goes there, wherever the cursor is.
    pub fn append(&mut self, append: bool) -> &mut Self {
        self.0.append = append;
        self
    }

    /// Cuts the file off to nothing; asks for writing.
    pub fn truncate(&mut self, truncate: bool) -> &mut Self {
        self.0.truncate = truncate;
        self
    }

    /// Makes the file if there is none; asks for writing.
    pub fn create(&mut self, create: bool) -> &mut Self {
        self.0.create = create;
        self
    }

    /// Makes the file and fails if there is one, in one step; asks for writing.
    pub fn create_new(&mut self, create_new: bool) -> &mut Self {
        self.0.create_new = create_new;
        self
    }

    /// Sets the permission bits of a file that is made (default `0o666`), from which the process's
    /// mask takes some away.
    pub fn mode(&mut self, mode: u32) -> &mut Self {
        self.0.mode = mode;
        self
    }

    /// Passes flags of `open(2)` along, such as `libc::O_NOFOLLOW`. Those of access are ignored.
    ///
    /// # Under simulation
    /// `O_NOFOLLOW`, `O_DIRECTORY`, `O_SYNC` and `O_DSYNC` have their effect, others none.
    pub fn custom_flags(&mut self, flags: i32) -> &mut Self {
        self.0.custom_flags = flags;
        self
    }

    /// Opens the file.
    ///
    /// # Errors
    /// `NotFound`, `AlreadyExists`, `PermissionDenied`, `IsADirectory`, `NotADirectory`;
    /// `InvalidInput` for options that do not go together; when the process has no descriptors
    /// left; others of the system.
    ///
    /// # Cancel safety
    /// Dropped once it was polled, the file may still be made or cut off. It is closed then.
    #[track_caller]
    pub fn open(&self, path: impl AsRef<Path>) -> Operation<File> {
        let op = PathOp::Open(path.as_ref().to_owned(), self.0.clone());
        Operation::on_path(op, Location::caller(), opened)
    }
}
