//! An open file.

use std::fmt;
use std::fs::Permissions;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::PermissionsExt;
use std::panic::Location;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::SystemTime;

use super::metadata::{Metadata, stat};
use super::open_options::OpenOptions;
use super::operation::{Operation, nothing, wrong};
use super::stream::Stream;
use super::synced::Synced;
use super::times::FileTimes;
use crate::backend::system::SystemFile;
use crate::backend::{FileOp, OpenFile, Outcome};

/// An open file. Dropping it closes it, when what it was asked for is over.
///
/// Read and write it with the methods of [`AsyncReadExt`](crate::io::AsyncReadExt),
/// [`AsyncWriteExt`](crate::io::AsyncWriteExt) and [`AsyncSeekExt`](crate::io::AsyncSeekExt), which
/// move one cursor; or at places of your own by [`read_at`](Self::read_at) and
/// [`write_at`](Self::write_at).
///
/// A write returns when its bytes are in the file's buffer, of at most
/// [`max_buf_size`](Self::max_buf_size) bytes: its error is told by the next write,
/// [`flush`](crate::io::AsyncWriteExt::flush), which waits until the system has the bytes, or
/// [`sync_all`](Self::sync_all). A file
/// that is dropped without a flush still writes them, and nobody hears of an error.
///
/// # Cancel safety
/// Operations of one file take effect in the order in which they were first polled. What was
/// dropped later may still take effect, but before the next. A dropped read keeps its bytes for
/// the next one; a dropped `write_all` has written an unknown part.
///
/// # Under simulation
/// A file of the node's disk. A read may return fewer bytes than there are.
///
/// # Examples
/// ```
/// use std::io::SeekFrom;
/// use simoom::fs::File;
/// use simoom::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # let path = std::env::temp_dir().join(format!("simoom-doc-file-{}", std::process::id()));
/// # rt.block_on(async {
/// let mut file = File::create_new(&path).await?;
/// file.write_all(b"dunes").await?;
/// file.seek(SeekFrom::Start(1)).await?;
/// let mut text = String::new();
/// file.read_to_string(&mut text).await?;
/// assert_eq!(text, "unes");
/// # simoom::fs::remove_file(&path).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub struct File {
    pub(super) handle: Arc<dyn OpenFile>,
    pub(super) stream: Mutex<Stream>,
    pub(super) max_buf_size: usize,
    /// Where it was opened: what reports name when no line of the user's is known.
    pub(super) site: &'static Location<'static>,
}

/// As in tokio.
const MAX_BUF_SIZE: usize = 2 * 1024 * 1024;

/// The end of opening a file.
pub(super) fn opened(outcome: Outcome, site: &'static Location<'static>) -> File {
    match outcome {
        Outcome::File(handle) => File::of(handle, site),
        other => wrong(&other),
    }
}

impl File {
    pub(crate) fn of(handle: Arc<dyn OpenFile>, site: &'static Location<'static>) -> Self {
        Self {
            handle,
            stream: Mutex::default(),
            max_buf_size: MAX_BUF_SIZE,
            site,
        }
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    /// As [`OpenOptions::open`].
    ///
    /// # Cancel safety
    /// Safe: nothing is changed.
    #[track_caller]
    pub fn open(path: impl AsRef<Path>) -> Operation<Self> {
        Self::options().read(true).open(path)
    }

    /// Opens a file for writing, empty: made if there is none, else cut off.
    ///
    /// # Errors
    /// As [`OpenOptions::open`].
    ///
    /// # Cancel safety
    /// Dropped once it was polled, the file may still be made or cut off.
    #[track_caller]
    pub fn create(path: impl AsRef<Path>) -> Operation<Self> {
        let mut options = Self::options();
        options.write(true).create(true).truncate(true).open(path)
    }

    /// Makes a file and opens it for reading and writing.
    ///
    /// # Errors
    /// `AlreadyExists` if there is one; as [`OpenOptions::open`].
    ///
    /// # Cancel safety
    /// Dropped once it was polled, the file may still be made.
    #[track_caller]
    pub fn create_new(path: impl AsRef<Path>) -> Operation<Self> {
        let mut options = Self::options();
        options.read(true).write(true).create_new(true).open(path)
    }

    /// Options to open a file with: the same as [`OpenOptions::new`].
    #[must_use]
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }

    /// Takes over a file of the standard library.
    ///
    /// # Under simulation
    /// Every operation is an error: a simulated node has no files of the operating system.
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let file = simoom::fs::File::from_std(std::fs::File::open("/").unwrap());
    /// assert!(file.metadata().await.unwrap().is_dir());
    /// # });
    /// ```
    #[track_caller]
    #[must_use]
    pub fn from_std(std: std::fs::File) -> Self {
        Self::of(SystemFile::new(std), Location::caller())
    }

    /// Gives the file to the standard library when what it was asked for is over.
    ///
    /// Bytes that were read ahead are lost, as in tokio.
    ///
    /// # Panics
    /// When the file of the operating system is shared, by a runtime that ended in the middle of
    /// an operation.
    ///
    /// # Cancel safety
    /// A dropped future closes the file.
    ///
    /// # Under simulation
    /// Panics: there is no file of the operating system.
    pub async fn into_std(mut self) -> std::fs::File {
        poll_fn(|cx| self.poll_quiet(cx)).await;
        // Whatever was submitted by others is over after this.
        let _ = self.metadata().await;
        match self.try_into_std() {
            Ok(file) => file,
            Err(file) => panic!("{file:?} is not a file of the operating system alone"),
        }
    }

    /// Gives the file to the standard library if nothing is under way.
    ///
    /// # Errors
    /// The file itself, if an operation is under way.
    ///
    /// # Under simulation
    /// Always the file itself.
    pub fn try_into_std(self) -> Result<std::fs::File, Self> {
        let Self {
            handle,
            stream,
            max_buf_size,
            site,
        } = self;
        if handle.descriptor().is_none() || stream_of(&stream).is_busy() {
            return Err(Self {
                handle,
                stream,
                max_buf_size,
                site,
            });
        }
        match handle.into_std() {
            Ok(file) => Ok(file),
            Err(handle) => Err(Self {
                handle,
                stream,
                max_buf_size,
                site,
            }),
        }
    }

    /// Waits until everything written so far is on the disk, with its metadata.
    ///
    /// The file's name is not part of it: see [`sync_dir`](super::sync_dir). Called on an open
    /// directory, it does what `sync_dir` does. No [`flush`](crate::io::AsyncWriteExt::flush) is
    /// needed before: what is in the file's buffer is written first, and if that or an earlier
    /// write failed and nobody was told, this says so. (tokio keeps that error for the next write
    /// or flush.)
    ///
    /// # Errors
    /// Those of the writes before it, such as `StorageFull`. `EIO` when the disk failed. What was written since the last success may be lost then, and a
    /// second call may succeed all the same: fail over instead of trying again.
    ///
    /// # Cancel safety
    /// Safe: dropped, it may still happen.
    #[track_caller]
    pub fn sync_all(&self) -> Synced<'_> {
        Synced::new(self, self.does(FileOp::Sync { data_only: false }, nothing))
    }

    /// As [`sync_all`](Self::sync_all), without what is not needed to read the bytes back, such as
    /// times.
    ///
    /// # Errors
    /// As [`sync_all`](Self::sync_all).
    ///
    /// # Cancel safety
    /// Safe: dropped, it may still happen.
    #[track_caller]
    pub fn sync_data(&self) -> Synced<'_> {
        Synced::new(self, self.does(FileOp::Sync { data_only: true }, nothing))
    }

    /// Cuts the file off at `size` bytes, or fills it up with zeros. The cursor stays.
    ///
    /// # Errors
    /// `InvalidInput` if the file is not open for writing.
    ///
    /// # Cancel safety
    /// Dropped once it was polled, it may still happen.
    #[track_caller]
    pub fn set_len(&self, size: u64) -> Operation<()> {
        stream_of(&self.stream).forget_read();
        self.does(FileOp::SetLen(size), nothing)
    }

    /// What the file is: its type, its size, its times.
    ///
    /// # Errors
    /// Those of the system.
    ///
    /// # Cancel safety
    /// Safe: nothing is changed.
    #[track_caller]
    pub fn metadata(&self) -> Operation<Metadata> {
        self.does(FileOp::Stat, stat)
    }

    /// A second handle to the same open file, which shares the cursor.
    ///
    /// # Errors
    /// When the process has no descriptors left.
    ///
    /// # Cancel safety
    /// Safe: a handle that nobody took is closed.
    #[track_caller]
    #[must_use = "futures do nothing unless awaited"]
    pub fn try_clone(&self) -> impl Future<Output = io::Result<Self>> + Send + use<> {
        let cloning = self.does(FileOp::Duplicate, opened);
        let max_buf_size = self.max_buf_size;
        async move {
            let mut file = cloning.await?;
            file.max_buf_size = max_buf_size;
            Ok(file)
        }
    }

    /// Sets the permission bits.
    ///
    /// # Errors
    /// `PermissionDenied` for somebody else's file.
    ///
    /// # Cancel safety
    /// Dropped once it was polled, it may still happen.
    #[track_caller]
    pub fn set_permissions(&self, perm: Permissions) -> Operation<()> {
        self.does(FileOp::SetMode(perm.mode()), nothing)
    }

    /// Sets times.
    ///
    /// # Errors
    /// `PermissionDenied` for somebody else's file.
    ///
    /// # Cancel safety
    /// Dropped once it was polled, it may still happen.
    #[track_caller]
    pub fn set_times(&self, times: FileTimes) -> Operation<()> {
        let FileTimes { accessed, modified } = times;
        self.does(FileOp::SetTimes { accessed, modified }, nothing)
    }

    /// Sets when the file was last written.
    ///
    /// # Errors
    /// As [`set_times`](Self::set_times).
    ///
    /// # Cancel safety
    /// Dropped once it was polled, it may still happen.
    #[track_caller]
    pub fn set_modified(&self, time: SystemTime) -> Operation<()> {
        self.set_times(FileTimes::new().set_modified(time))
    }

    /// Sets how many bytes one operation moves at most. Default: 2 MiB.
    ///
    /// # Panics
    /// If it is 0.
    #[track_caller]
    pub fn set_max_buf_size(&mut self, max_buf_size: usize) {
        assert!(max_buf_size > 0, "`max_buf_size` must be greater than 0");
        self.max_buf_size = max_buf_size;
    }

    /// How many bytes one operation moves at most.
    #[must_use]
    pub fn max_buf_size(&self) -> usize {
        self.max_buf_size
    }

    #[track_caller]
    pub(super) fn does<T>(
        &self,
        op: FileOp,
        finish: fn(Outcome, &'static Location<'static>) -> T,
    ) -> Operation<T> {
        Operation::on_file(self.handle.clone(), op, Location::caller(), finish)
    }
}

/// Locks the stream's state. Nothing that is done under the lock can panic half way.
pub(super) fn stream_of(stream: &Mutex<Stream>) -> std::sync::MutexGuard<'_, Stream> {
    stream
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl From<std::fs::File> for File {
    #[track_caller]
    fn from(std: std::fs::File) -> Self {
        Self::from_std(std)
    }
}

impl From<OwnedFd> for File {
    #[track_caller]
    fn from(descriptor: OwnedFd) -> Self {
        Self::from_std(std::fs::File::from(descriptor))
    }
}

impl AsFd for File {
    /// # Panics
    /// Under simulation: there is no descriptor of the operating system.
    fn as_fd(&self) -> BorrowedFd<'_> {
        let descriptor = self.handle.descriptor();
        descriptor.expect("a simulated file has no descriptor of the operating system")
    }
}

impl AsRawFd for File {
    /// # Panics
    /// Under simulation: there is no descriptor of the operating system.
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File")
            .field("handle", &self.handle)
            .finish_non_exhaustive()
    }
}
