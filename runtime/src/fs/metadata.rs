//! What a file or directory is.
//!
//! The types of the standard library cannot be made by anybody else, so these stand beside them,
//! with their methods.

use std::fmt;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::panic::Location;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::operation::wrong;
use crate::backend::{Outcome, Stat, file_type};

/// The end of an operation that asks what something is.
pub(super) fn stat(outcome: Outcome, _: &'static Location<'static>) -> Metadata {
    match outcome {
        Outcome::Stat(stat) => Metadata(stat),
        other => wrong(&other),
    }
}

/// What a file or directory is, with the methods of `std::fs::Metadata`.
///
/// The trait [`MetadataExt`](std::os::unix::fs::MetadataExt) gives the rest.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # let path = std::env::temp_dir().join(format!("simoom-doc-meta-{}", std::process::id()));
/// # rt.block_on(async {
/// simoom::fs::write(&path, b"seven").await.unwrap();
/// let metadata = simoom::fs::metadata(&path).await.unwrap();
/// assert!(metadata.is_file());
/// assert_eq!(metadata.len(), 5);
/// # simoom::fs::remove_file(&path).await.unwrap();
/// # });
/// ```
#[derive(Clone)]
pub struct Metadata(Box<Stat>);

#[expect(
    clippy::len_without_is_empty,
    reason = "the methods of `std::fs::Metadata`, which has none either"
)]
impl Metadata {
    /// Whether it is a file, a directory, a symbolic link, or something else.
    #[must_use]
    pub fn file_type(&self) -> FileType {
        FileType::of(self.0.mode)
    }

    /// Whether it is a directory.
    #[must_use]
    pub fn is_dir(&self) -> bool {
        self.file_type().is_dir()
    }

    /// Whether it is a regular file.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.file_type().is_file()
    }

    /// Whether it is a symbolic link, as only [`symlink_metadata`](super::symlink_metadata) sees.
    #[must_use]
    pub fn is_symlink(&self) -> bool {
        self.file_type().is_symlink()
    }

    /// How many bytes the file has.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.size
    }

    /// The permission bits.
    #[must_use]
    pub fn permissions(&self) -> Permissions {
        Permissions::from_mode(self.0.mode)
    }

    /// When the content was last changed.
    ///
    /// # Errors
    /// None on Linux.
    pub fn modified(&self) -> io::Result<SystemTime> {
        Ok(system_time(self.0.modified))
    }

    /// When the content was last read, as far as the file system notes it.
    ///
    /// # Errors
    /// None on Linux.
    pub fn accessed(&self) -> io::Result<SystemTime> {
        Ok(system_time(self.0.accessed))
    }

    /// When the file was made.
    ///
    /// # Errors
    /// `Unsupported` where the file system does not note it.
    pub fn created(&self) -> io::Result<SystemTime> {
        self.0.created.map(system_time).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::Unsupported,
                "creation time is not available for the filesystem",
            )
        })
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metadata")
            .field("file_type", &self.file_type())
            .field("permissions", &self.permissions())
            .field("len", &self.len())
            .field("modified", &system_time(self.0.modified))
            .field("accessed", &system_time(self.0.accessed))
            .field("created", &self.0.created.map(system_time))
            .finish_non_exhaustive()
    }
}

impl MetadataExt for Metadata {
    fn dev(&self) -> u64 {
        self.0.dev
    }

    fn ino(&self) -> u64 {
        self.0.ino
    }

    fn mode(&self) -> u32 {
        self.0.mode
    }

    fn nlink(&self) -> u64 {
        self.0.nlink
    }

    fn uid(&self) -> u32 {
        self.0.uid
    }

    fn gid(&self) -> u32 {
        self.0.gid
    }

    fn rdev(&self) -> u64 {
        self.0.rdev
    }

    fn size(&self) -> u64 {
        self.0.size
    }

    fn atime(&self) -> i64 {
        self.0.accessed.0
    }

    fn atime_nsec(&self) -> i64 {
        i64::from(self.0.accessed.1)
    }

    fn mtime(&self) -> i64 {
        self.0.modified.0
    }

    fn mtime_nsec(&self) -> i64 {
        i64::from(self.0.modified.1)
    }

    fn ctime(&self) -> i64 {
        self.0.changed.0
    }

    fn ctime_nsec(&self) -> i64 {
        i64::from(self.0.changed.1)
    }

    fn blksize(&self) -> u64 {
        self.0.blksize
    }

    fn blocks(&self) -> u64 {
        self.0.blocks
    }
}

fn system_time((seconds, nanos): (i64, u32)) -> SystemTime {
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let second = if seconds < 0 {
        UNIX_EPOCH - whole
    } else {
        UNIX_EPOCH + whole
    };
    second + Duration::from_nanos(u64::from(nanos))
}

/// What kind of thing a name stands for, with the methods of `std::fs::FileType`.
///
/// The trait [`FileTypeExt`](std::os::unix::fs::FileTypeExt) gives the rest.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let kind = simoom::fs::metadata("/").await.unwrap().file_type();
/// assert!(kind.is_dir());
/// assert!(!kind.is_file());
/// # });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileType(u32);

impl FileType {
    /// The type in the bits of `mode`.
    pub(super) fn of(mode: u32) -> Self {
        Self(mode & file_type::MASK)
    }

    fn is(self, kind: u32) -> bool {
        self.0 == kind
    }

    /// Whether it is a directory.
    #[must_use]
    pub fn is_dir(&self) -> bool {
        self.is(file_type::DIR)
    }

    /// Whether it is a regular file.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.is(file_type::FILE)
    }

    /// Whether it is a symbolic link.
    #[must_use]
    pub fn is_symlink(&self) -> bool {
        self.is(file_type::SYMLINK)
    }
}

impl FileTypeExt for FileType {
    fn is_block_device(&self) -> bool {
        self.is(file_type::BLOCK_DEVICE)
    }

    fn is_char_device(&self) -> bool {
        self.is(file_type::CHAR_DEVICE)
    }

    fn is_fifo(&self) -> bool {
        self.is(file_type::FIFO)
    }

    fn is_socket(&self) -> bool {
        self.is(file_type::SOCKET)
    }
}

impl fmt::Debug for FileType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileType")
            .field("is_file", &self.is_file())
            .field("is_dir", &self.is_dir())
            .field("is_symlink", &self.is_symlink())
            .finish_non_exhaustive()
    }
}
