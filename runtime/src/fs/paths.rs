//! Operations on what paths name.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::panic::Location;
use std::path::{Path, PathBuf};

use super::metadata::{Metadata, stat};
use super::operation::{Operation, count, nothing, wrong};
use crate::backend::{Outcome, PathOp};

fn owned(path: impl AsRef<Path>) -> PathBuf {
    path.as_ref().to_owned()
}

fn bytes(outcome: Outcome, _: &'static Location<'static>) -> Vec<u8> {
    match outcome {
        Outcome::Bytes(bytes) => bytes,
        other => wrong(&other),
    }
}

fn path_found(outcome: Outcome, _: &'static Location<'static>) -> PathBuf {
    match outcome {
        Outcome::Path(path) => path,
        other => wrong(&other),
    }
}

fn exists(outcome: Outcome, _: &'static Location<'static>) -> bool {
    match outcome {
        Outcome::Exists(exists) => exists,
        other => wrong(&other),
    }
}

/// Reads the whole of a file.
///
/// # Errors
/// Those of opening and of reading it.
///
/// # Cancel safety
/// Safe: nothing is changed.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # let path = std::env::temp_dir().join(format!("simoom-doc-read-{}", std::process::id()));
/// # rt.block_on(async {
/// simoom::fs::write(&path, b"seven").await.unwrap();
/// assert_eq!(simoom::fs::read(&path).await.unwrap(), b"seven");
/// # simoom::fs::remove_file(&path).await.unwrap();
/// # });
/// ```
#[track_caller]
pub fn read(path: impl AsRef<Path>) -> Operation<Vec<u8>> {
    Operation::on_path(PathOp::Read(owned(path)), Location::caller(), bytes)
}

/// Reads the whole of a file as text.
///
/// # Errors
/// As [`read`]; `InvalidData` if it is not UTF-8.
///
/// # Cancel safety
/// Safe: nothing is changed.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # let path = std::env::temp_dir().join(format!("simoom-doc-text-{}", std::process::id()));
/// # rt.block_on(async {
/// simoom::fs::write(&path, "sand").await.unwrap();
/// assert_eq!(simoom::fs::read_to_string(&path).await.unwrap(), "sand");
/// # simoom::fs::remove_file(&path).await.unwrap();
/// # });
/// ```
#[track_caller]
#[must_use = "futures do nothing unless awaited"]
pub fn read_to_string(path: impl AsRef<Path>) -> impl Future<Output = io::Result<String>> + Send {
    let reading = read(path);
    async move {
        String::from_utf8(reading.await?).map_err(|_| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                "stream did not contain valid UTF-8",
            )
        })
    }
}

/// Replaces the content of a file, which is made if there is none.
///
/// The old content goes first, so a crash in between leaves an empty or a shorter file, even one
/// of the process alone. [`write_atomic`](super::write_atomic) leaves the old or the new one.
///
/// # Errors
/// Those of opening and of writing it.
///
/// # Cancel safety
/// Dropped once it was polled, the whole write may still happen, or none of it.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # let path = std::env::temp_dir().join(format!("simoom-doc-write-{}", std::process::id()));
/// # rt.block_on(async {
/// simoom::fs::write(&path, b"one").await.unwrap();
/// simoom::fs::write(&path, b"2").await.unwrap();
/// assert_eq!(simoom::fs::read(&path).await.unwrap(), b"2");
/// # simoom::fs::remove_file(&path).await.unwrap();
/// # });
/// ```
#[track_caller]
pub fn write(path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> Operation<()> {
    let op = PathOp::Write(owned(path), contents.as_ref().to_vec());
    Operation::on_path(op, Location::caller(), nothing)
}

/// Copies the content and the permission bits of a file, replacing those of `to`.
///
/// Returns how many bytes were copied. A file copied onto itself is emptied.
///
/// # Errors
/// `InvalidInput` if `from` is no file; those of reading, opening and writing.
///
/// # Cancel safety
/// Dropped once it was polled, it may still happen.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # let dir = std::env::temp_dir().join(format!("simoom-doc-copy-{}", std::process::id()));
/// # rt.block_on(async {
/// # simoom::fs::create_dir(&dir).await.unwrap();
/// simoom::fs::write(dir.join("one"), b"grain").await.unwrap();
/// assert_eq!(simoom::fs::copy(dir.join("one"), dir.join("two")).await.unwrap(), 5);
/// assert_eq!(simoom::fs::read(dir.join("two")).await.unwrap(), b"grain");
/// # simoom::fs::remove_dir_all(&dir).await.unwrap();
/// # });
/// ```
#[track_caller]
pub fn copy(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Operation<u64> {
    let op = PathOp::Copy(owned(from), owned(to));
    Operation::on_path(op, Location::caller(), count)
}

/// Makes a directory.
///
/// # Errors
/// `AlreadyExists` if there is something; `NotFound` without its parent.
///
/// # Cancel safety
/// Dropped once it was polled, it may still happen.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # let dir = std::env::temp_dir().join(format!("simoom-doc-mkdir-{}", std::process::id()));
/// # rt.block_on(async {
/// simoom::fs::create_dir(&dir).await.unwrap();
/// let error = simoom::fs::create_dir(&dir).await.unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
/// simoom::fs::remove_dir(&dir).await.unwrap();
/// # });
/// ```
#[track_caller]
pub fn create_dir(path: impl AsRef<Path>) -> Operation<()> {
    let op = PathOp::CreateDir {
        path: owned(path),
        mode: 0o777,
        all: false,
    };
    Operation::on_path(op, Location::caller(), nothing)
}

/// Makes a directory and those above it that are missing.
///
/// # Errors
/// `NotADirectory` if a part of the path is a file; `AlreadyExists` if the last one is.
///
/// # Cancel safety
/// Dropped once it was polled, it may still happen.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # let dir = std::env::temp_dir().join(format!("simoom-doc-mkdirs-{}", std::process::id()));
/// # rt.block_on(async {
/// simoom::fs::create_dir_all(dir.join("a/b")).await.unwrap();
/// simoom::fs::create_dir_all(dir.join("a/b")).await.unwrap();
/// simoom::fs::remove_dir_all(&dir).await.unwrap();
/// # });
/// ```
#[track_caller]
pub fn create_dir_all(path: impl AsRef<Path>) -> Operation<()> {
    let op = PathOp::CreateDir {
        path: owned(path),
        mode: 0o777,
        all: true,
    };
    Operation::on_path(op, Location::caller(), nothing)
}

/// Removes an empty directory.
///
/// # Errors
/// `DirectoryNotEmpty`; `NotADirectory`; `NotFound`.
///
/// # Cancel safety
/// Dropped once it was polled, it may still happen.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # let dir = std::env::temp_dir().join(format!("simoom-doc-rmdir-{}", std::process::id()));
/// # rt.block_on(async {
/// simoom::fs::create_dir(&dir).await.unwrap();
/// simoom::fs::remove_dir(&dir).await.unwrap();
/// assert!(!simoom::fs::try_exists(&dir).await.unwrap());
/// # });
/// ```
#[track_caller]
pub fn remove_dir(path: impl AsRef<Path>) -> Operation<()> {
    let op = PathOp::RemoveDir(owned(path));
    Operation::on_path(op, Location::caller(), nothing)
}

/// Removes a directory and everything in it. A symbolic link is removed itself.
///
/// # Errors
/// `NotFound`; `NotADirectory`; those of removing what is in it, after which a part is gone.
///
/// # Cancel safety
/// Dropped once it was polled, it may still happen, or a part of it.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # let dir = std::env::temp_dir().join(format!("simoom-doc-rmall-{}", std::process::id()));
/// # rt.block_on(async {
/// simoom::fs::create_dir_all(dir.join("a/b")).await.unwrap();
/// simoom::fs::remove_dir_all(&dir).await.unwrap();
/// assert!(!simoom::fs::try_exists(&dir).await.unwrap());
/// # });
/// ```
#[track_caller]
pub fn remove_dir_all(path: impl AsRef<Path>) -> Operation<()> {
    let op = PathOp::RemoveDirAll(owned(path));
    Operation::on_path(op, Location::caller(), nothing)
}

/// Removes a file's name. Whoever has the file open can go on with it.
///
/// # Errors
/// `NotFound`; `IsADirectory`.
///
/// # Cancel safety
/// Dropped once it was polled, it may still happen.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # let path = std::env::temp_dir().join(format!("simoom-doc-unlink-{}", std::process::id()));
/// # rt.block_on(async {
/// simoom::fs::write(&path, b"").await.unwrap();
/// simoom::fs::remove_file(&path).await.unwrap();
/// let error = simoom::fs::remove_file(&path).await.unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
/// # });
/// ```
#[track_caller]
pub fn remove_file(path: impl AsRef<Path>) -> Operation<()> {
    let op = PathOp::RemoveFile(owned(path));
    Operation::on_path(op, Location::caller(), nothing)
}

/// Gives what `from` names the name `to`, in place of what had it.
///
/// At no moment is there nothing at `to`, if there was something: not even after a crash. Which
/// of the two it is after the machine lost its power is open until [`sync_dir`](super::sync_dir).
///
/// # Errors
/// `NotFound`; `IsADirectory`, `NotADirectory`, `DirectoryNotEmpty` if `to` cannot be replaced;
/// `InvalidInput` for a directory into itself.
///
/// # Cancel safety
/// Dropped once it was polled, it may still happen.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # let dir = std::env::temp_dir().join(format!("simoom-doc-rename-{}", std::process::id()));
/// # rt.block_on(async {
/// # simoom::fs::create_dir(&dir).await.unwrap();
/// simoom::fs::write(dir.join("new"), b"2").await.unwrap();
/// simoom::fs::write(dir.join("old"), b"1").await.unwrap();
/// simoom::fs::rename(dir.join("new"), dir.join("old")).await.unwrap();
/// assert_eq!(simoom::fs::read(dir.join("old")).await.unwrap(), b"2");
/// # simoom::fs::remove_dir_all(&dir).await.unwrap();
/// # });
/// ```
#[track_caller]
pub fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Operation<()> {
    let op = PathOp::Rename(owned(from), owned(to));
    Operation::on_path(op, Location::caller(), nothing)
}

/// What a path names: its type, its size, its times. Follows symbolic links.
///
/// # Errors
/// `NotFound`; `NotADirectory` if a part of the path is a file.
///
/// # Cancel safety
/// Safe: nothing is changed.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// assert!(simoom::fs::metadata("/").await.unwrap().is_dir());
/// # });
/// ```
#[track_caller]
pub fn metadata(path: impl AsRef<Path>) -> Operation<Metadata> {
    let op = PathOp::Stat {
        path: owned(path),
        follow: true,
    };
    Operation::on_path(op, Location::caller(), stat)
}

/// As [`metadata()`], but a symbolic link is itself what is asked about.
///
/// # Errors
/// As [`metadata()`].
///
/// # Cancel safety
/// Safe: nothing is changed.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// assert!(!simoom::fs::symlink_metadata("/").await.unwrap().is_symlink());
/// # });
/// ```
#[track_caller]
pub fn symlink_metadata(path: impl AsRef<Path>) -> Operation<Metadata> {
    let op = PathOp::Stat {
        path: owned(path),
        follow: false,
    };
    Operation::on_path(op, Location::caller(), stat)
}

/// Whether a path names something. A symbolic link to nothing does not.
///
/// # Errors
/// What else than `NotFound` asking for its metadata fails with.
///
/// # Cancel safety
/// Safe: nothing is changed.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// assert!(simoom::fs::try_exists("/").await.unwrap());
/// assert!(!simoom::fs::try_exists("/no/such/thing").await.unwrap());
/// # });
/// ```
#[track_caller]
pub fn try_exists(path: impl AsRef<Path>) -> Operation<bool> {
    Operation::on_path(PathOp::Exists(owned(path)), Location::caller(), exists)
}

/// The path without symbolic links, `.` and `..`, from the root on.
///
/// # Errors
/// `NotFound` if it names nothing.
///
/// # Cancel safety
/// Safe: nothing is changed.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let path = simoom::fs::canonicalize("/./..").await.unwrap();
/// assert_eq!(path, std::path::Path::new("/"));
/// # });
/// ```
#[track_caller]
pub fn canonicalize(path: impl AsRef<Path>) -> Operation<PathBuf> {
    let op = PathOp::Canonicalize(owned(path));
    Operation::on_path(op, Location::caller(), path_found)
}

/// Gives the file `original` a second name.
///
/// # Errors
/// `AlreadyExists` if there is something at `link`; `NotFound`; `PermissionDenied` for a
/// directory.
///
/// # Cancel safety
/// Dropped once it was polled, it may still happen.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # let dir = std::env::temp_dir().join(format!("simoom-doc-link-{}", std::process::id()));
/// # rt.block_on(async {
/// # simoom::fs::create_dir(&dir).await.unwrap();
/// simoom::fs::write(dir.join("one"), b"1").await.unwrap();
/// simoom::fs::hard_link(dir.join("one"), dir.join("two")).await.unwrap();
/// simoom::fs::remove_file(dir.join("one")).await.unwrap();
/// assert_eq!(simoom::fs::read(dir.join("two")).await.unwrap(), b"1");
/// # simoom::fs::remove_dir_all(&dir).await.unwrap();
/// # });
/// ```
#[track_caller]
pub fn hard_link(original: impl AsRef<Path>, link: impl AsRef<Path>) -> Operation<()> {
    let op = PathOp::HardLink(owned(original), owned(link));
    Operation::on_path(op, Location::caller(), nothing)
}

/// Makes a symbolic link at `link` that stands for `original`, which need not be there.
///
/// # Errors
/// `AlreadyExists` if there is something at `link`; `NotFound` without its directory.
///
/// # Cancel safety
/// Dropped once it was polled, it may still happen.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # let dir = std::env::temp_dir().join(format!("simoom-doc-symlink-{}", std::process::id()));
/// # rt.block_on(async {
/// # simoom::fs::create_dir(&dir).await.unwrap();
/// simoom::fs::symlink("one", dir.join("two")).await.unwrap();
/// simoom::fs::write(dir.join("one"), b"1").await.unwrap();
/// assert_eq!(simoom::fs::read(dir.join("two")).await.unwrap(), b"1");
/// # simoom::fs::remove_dir_all(&dir).await.unwrap();
/// # });
/// ```
#[track_caller]
pub fn symlink(original: impl AsRef<Path>, link: impl AsRef<Path>) -> Operation<()> {
    let op = PathOp::Symlink(owned(original), owned(link));
    Operation::on_path(op, Location::caller(), nothing)
}

/// What a symbolic link stands for.
///
/// # Errors
/// `NotFound`; `InvalidInput` if it is no symbolic link.
///
/// # Cancel safety
/// Safe: nothing is changed.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # let path = std::env::temp_dir().join(format!("simoom-doc-readlink-{}", std::process::id()));
/// # rt.block_on(async {
/// simoom::fs::symlink("far/away", &path).await.unwrap();
/// let target = simoom::fs::read_link(&path).await.unwrap();
/// assert_eq!(target, std::path::Path::new("far/away"));
/// # simoom::fs::remove_file(&path).await.unwrap();
/// # });
/// ```
#[track_caller]
pub fn read_link(path: impl AsRef<Path>) -> Operation<PathBuf> {
    let op = PathOp::ReadLink(owned(path));
    Operation::on_path(op, Location::caller(), path_found)
}

/// Sets the permission bits of a file or directory. Follows symbolic links.
///
/// # Errors
/// `NotFound`; `PermissionDenied` for somebody else's.
///
/// # Cancel safety
/// Dropped once it was polled, it may still happen.
///
/// # Examples
/// ```
/// use std::os::unix::fs::PermissionsExt;
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # let path = std::env::temp_dir().join(format!("simoom-doc-chmod-{}", std::process::id()));
/// # rt.block_on(async {
/// simoom::fs::write(&path, b"secret").await.unwrap();
/// let permissions = std::fs::Permissions::from_mode(0o600);
/// simoom::fs::set_permissions(&path, permissions).await.unwrap();
/// let mode = simoom::fs::metadata(&path).await.unwrap().permissions().mode();
/// assert_eq!(mode & 0o777, 0o600);
/// # simoom::fs::remove_file(&path).await.unwrap();
/// # });
/// ```
#[track_caller]
pub fn set_permissions(path: impl AsRef<Path>, perm: Permissions) -> Operation<()> {
    let op = PathOp::SetMode(owned(path), perm.mode());
    Operation::on_path(op, Location::caller(), nothing)
}
