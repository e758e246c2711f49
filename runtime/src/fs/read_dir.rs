//! What is in a directory.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fmt;
use std::future::{Ready, ready};
use std::io;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::metadata::{FileType, Metadata};
use super::operation::{Operation, wrong};
use super::paths::symlink_metadata;
use crate::backend::{Entry, Op, OpKind, Outcome, PathOp};
use crate::coop;

/// Lists a directory: all its names but `.` and `..`, in no order that means anything.
///
/// # Errors
/// `NotFound`; `NotADirectory`.
///
/// # Cancel safety
/// Safe: nothing is changed.
///
/// # Under simulation
/// The order follows from the names and the seed.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # let dir = std::env::temp_dir().join(format!("simoom-doc-readdir-{}", std::process::id()));
/// # rt.block_on(async {
/// simoom::fs::create_dir(&dir).await?;
/// simoom::fs::write(dir.join("one"), b"1").await?;
/// let mut entries = simoom::fs::read_dir(&dir).await?;
/// while let Some(entry) = entries.next_entry().await? {
///     assert_eq!(entry.file_name(), "one");
///     assert!(entry.file_type().await?.is_file());
/// }
/// # simoom::fs::remove_dir_all(&dir).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[track_caller]
#[must_use = "futures do nothing unless awaited"]
pub fn read_dir(path: impl AsRef<Path>) -> impl Future<Output = io::Result<ReadDir>> + Send {
    let dir: Arc<Path> = path.as_ref().into();
    let op = PathOp::ReadDir(dir.to_path_buf());
    let site = Location::caller();
    let listing = Operation::on_path(op, site, entries);
    async move {
        Ok(ReadDir {
            entries: listing.await?.into(),
            dir,
            site,
        })
    }
}

fn entries(outcome: Outcome, _: &'static Location<'static>) -> Vec<Entry> {
    match outcome {
        Outcome::Entries(entries) => entries,
        other => wrong(&other),
    }
}

/// The names in a directory, as they were when [`read_dir`] looked.
///
/// # Examples
/// See [`read_dir`].
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct ReadDir {
    dir: Arc<Path>,
    entries: VecDeque<Entry>,
    site: &'static Location<'static>,
}

impl ReadDir {
    /// The next name; `None` after the last.
    ///
    /// # Errors
    /// None: what can fail has failed in [`read_dir`].
    ///
    /// # Cancel safety
    /// Safe: a dropped future has taken no name.
    #[track_caller]
    pub fn next_entry(&mut self) -> NextEntry<'_> {
        self.site = Location::caller();
        NextEntry(self)
    }

    /// As [`next_entry`](Self::next_entry), by polling.
    ///
    /// # Errors
    /// As [`next_entry`](Self::next_entry).
    pub fn poll_next_entry(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<DirEntry>>> {
        let op = Op::private(OpKind::Stat, self.site);
        let progress = std::task::ready!(coop::proceed(cx, &op));
        progress.done();
        Poll::Ready(Ok(self.entries.pop_front().map(|entry| DirEntry {
            dir: self.dir.clone(),
            entry,
        })))
    }
}

/// Takes the next name: what [`ReadDir::next_entry`] returns.
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct NextEntry<'a>(&'a mut ReadDir);

impl Future for NextEntry<'_> {
    type Output = io::Result<Option<DirEntry>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.get_mut().0.poll_next_entry(cx)
    }
}

/// One name in a directory.
///
/// # Examples
/// See [`read_dir`].
pub struct DirEntry {
    dir: Arc<Path>,
    entry: Entry,
}

impl DirEntry {
    /// The path it was found at: that of the directory, as it was given, and the name.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.dir.join(&self.entry.name)
    }

    /// The name.
    #[must_use]
    pub fn file_name(&self) -> OsString {
        self.entry.name.clone()
    }

    /// What is there now. Does not follow symbolic links.
    ///
    /// # Errors
    /// `NotFound` if it is gone.
    ///
    /// # Cancel safety
    /// Safe: nothing is changed.
    #[track_caller]
    pub fn metadata(&self) -> Operation<Metadata> {
        symlink_metadata(self.path())
    }

    /// What kind of thing it is. Does not follow symbolic links.
    ///
    /// # Errors
    /// `NotFound` if the directory did not tell and it is gone.
    ///
    /// # Cancel safety
    /// Safe: nothing is changed.
    #[track_caller]
    #[must_use = "futures do nothing unless awaited"]
    pub fn file_type(&self) -> impl Future<Output = io::Result<FileType>> + Send + use<> {
        let known: Option<Ready<FileType>> =
            self.entry.file_type.map(|bits| ready(FileType::of(bits)));
        let asked = symlink_metadata(self.path());
        async move {
            match known {
                Some(known) => Ok(known.await),
                None => Ok(asked.await?.file_type()),
            }
        }
    }

    /// The inode's number.
    #[must_use]
    pub fn ino(&self) -> u64 {
        self.entry.ino
    }
}

impl fmt::Debug for DirEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DirEntry").field(&self.path()).finish()
    }
}
