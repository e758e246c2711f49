//! Files, as a world gives them.
//!
//! Owns the words of the file seam: an operation that owns all it needs, what is submitted, and
//! what comes back. Knows nothing of how a world carries an operation out.
//!
//! # Invariants
//! 1. What was submitted goes on by itself. Dropping a [`Submitted`] gives up its result, not the
//!    operation.
//! 2. Operations of one [`OpenFile`] take effect in the order in which they were submitted, but
//!    that reads at a place of their own may overlap each other.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use super::{Access, OpKind, Resource};

/// Where files come from.
pub trait Files {
    /// Starts `op`.
    fn submit(&self, op: PathOp) -> io::Result<Box<dyn Submitted>>;

    /// Takes `job`, which works on a file of the operating system, and has it run off this thread.
    ///
    /// An error in a world that has no such files, and in one that has ended: `job` is left.
    fn hand_over(&self, job: &mut Option<FileJob>) -> io::Result<()>;

    /// One of the files that a process has from its start.
    fn standard(&self, which: Standard) -> Arc<dyn OpenFile>;

    /// What operations on paths act on, for a scheduler that asks.
    fn file_system(&self) -> Option<Arc<Resource>>;
}

/// The files that a process has from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standard {
    /// What it reads.
    Input,
    /// What it says.
    Output,
    /// What it complains of.
    Error,
}

/// Work on a file of the operating system.
pub type FileJob = Box<dyn FnOnce() + Send>;

/// An operation on its way.
pub trait Submitted: Send + Sync {
    /// `Ready` when the operation is over, else keeps the waker. Not called again after `Ready`.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Completion>;
}

/// How an operation ended.
#[derive(Debug)]
pub struct Completion {
    /// The operation's buffer, whatever the result: what was read, or room for the next.
    pub buf: Vec<u8>,
    /// What it found out.
    pub result: io::Result<Outcome>,
    /// Whether it was given up before it began, so that it has changed nothing.
    pub never_began: bool,
}

impl Completion {
    /// The end of an operation without a buffer.
    #[must_use]
    pub fn of(result: io::Result<Outcome>) -> Self {
        Self {
            buf: Vec::new(),
            result,
            never_began: false,
        }
    }

    /// The end of an operation that was given up before it began.
    #[must_use]
    pub fn given_up(error: io::Error) -> Self {
        Self {
            never_began: true,
            ..Self::of(Err(error))
        }
    }
}

/// What an operation found out.
#[derive(Debug)]
pub enum Outcome {
    /// That it is done.
    Done,
    /// How many bytes were moved, or where the cursor is.
    Count(u64),
    /// Whether it is there.
    Exists(bool),
    /// A whole file.
    Bytes(Vec<u8>),
    /// A path.
    Path(PathBuf),
    /// What a file or directory is.
    Stat(Box<Stat>),
    /// What is in a directory.
    Entries(Vec<Entry>),
    /// An open file.
    File(Arc<dyn OpenFile>),
}

/// An open file. Dropping it closes it when what was submitted is over.
pub trait OpenFile: Send + Sync + fmt::Debug {
    /// Starts `op`.
    fn submit(&self, op: FileOp) -> io::Result<Box<dyn Submitted>>;

    /// The name of the file, for a scheduler that asks.
    fn resource(&self) -> Option<Arc<Resource>>;

    /// The file of the operating system, or itself if there is none or something else holds it.
    fn into_std(self: Arc<Self>) -> Result<std::fs::File, Arc<dyn OpenFile>>;

    /// The descriptor, where there is one.
    #[cfg(unix)]
    fn descriptor(&self) -> Option<std::os::fd::BorrowedFd<'_>>;
}

/// Where an operation reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At the cursor, which moves first by `back` and then along.
    Cursor {
        /// How far the cursor moves first; never positive.
        back: i64,
    },
    /// At an offset of its own; the cursor stays.
    At(u64),
}

/// An operation on an open file.
#[derive(Debug)]
pub enum FileOp {
    /// Fills the empty `buf` with at most `most` bytes, by one call of the system.
    Read {
        /// Takes the bytes.
        buf: Vec<u8>,
        /// How many at most.
        most: usize,
        /// From where.
        place: Place,
    },
    /// Writes `buf`: all of it at the cursor, by one call of the system elsewhere.
    Write {
        /// The bytes.
        buf: Vec<u8>,
        /// To where.
        place: Place,
    },
    /// Moves the cursor.
    Seek {
        /// How far it moves first; never positive.
        back: i64,
        /// To where.
        to: SeekFrom,
    },
    /// Cuts the file off, or fills it up with zeros, to so many bytes.
    SetLen(u64),
    /// Waits until what was written is on the disk.
    Sync {
        /// Without what is not needed to read it back.
        data_only: bool,
    },
    /// Asks what the file is.
    Stat,
    /// Sets the permission bits.
    SetMode(u32),
    /// Sets times.
    SetTimes {
        /// When it was last read.
        accessed: Option<SystemTime>,
        /// When it was last written.
        modified: Option<SystemTime>,
    },
    /// Makes a second handle, which shares the cursor.
    Duplicate,
}

impl FileOp {
    /// What sort of operation it is, and how it acts.
    #[must_use]
    pub fn kind(&self) -> (OpKind, Access) {
        match self {
            Self::Read { .. } => (OpKind::Read, Access::Write),
            Self::Write { .. } | Self::SetLen(_) => (OpKind::Write, Access::Write),
            Self::SetMode(_) | Self::SetTimes { .. } => (OpKind::Write, Access::Write),
            Self::Seek { .. } => (OpKind::Stat, Access::Write),
            Self::Sync { .. } => (OpKind::Sync, Access::Write),
            Self::Stat => (OpKind::Stat, Access::Read),
            Self::Duplicate => (OpKind::Open, Access::Read),
        }
    }

    /// Whether it may overlap others of which this is true too.
    #[must_use]
    pub fn may_overlap(&self) -> bool {
        matches!(
            self,
            Self::Read {
                place: Place::At(_),
                ..
            }
        )
    }
}

/// An operation on what a path names.
#[derive(Debug)]
pub enum PathOp {
    /// Opens a file.
    Open(PathBuf, OpenHow),
    /// Reads a whole file.
    Read(PathBuf),
    /// Replaces the content of a file, which is made if there is none.
    Write(PathBuf, Vec<u8>),
    /// Copies a file and its permissions.
    Copy(PathBuf, PathBuf),
    /// Makes a directory, with its parents if `all`.
    CreateDir {
        /// Where.
        path: PathBuf,
        /// The permission bits, before the process's mask.
        mode: u32,
        /// Parents too; a directory that is there is fine.
        all: bool,
    },
    /// Removes an empty directory.
    RemoveDir(PathBuf),
    /// Removes a directory and all that is in it.
    RemoveDirAll(PathBuf),
    /// Removes a file.
    RemoveFile(PathBuf),
    /// Gives a file or directory another name.
    Rename(PathBuf, PathBuf),
    /// Asks what a path names, following a symbolic link or not.
    Stat {
        /// Which.
        path: PathBuf,
        /// Whether a symbolic link stands for what it names.
        follow: bool,
    },
    /// Asks whether there is something.
    Exists(PathBuf),
    /// Lists a directory.
    ReadDir(PathBuf),
    /// Finds the path without symbolic links.
    Canonicalize(PathBuf),
    /// Gives a file a second name.
    HardLink(PathBuf, PathBuf),
    /// Makes a symbolic link with the first as its target at the second.
    Symlink(PathBuf, PathBuf),
    /// Reads the target of a symbolic link.
    ReadLink(PathBuf),
    /// Sets the permission bits.
    SetMode(PathBuf, u32),
    /// Waits until a directory's entries are on the disk.
    SyncDir(PathBuf),
}

impl PathOp {
    /// What sort of operation it is, and how it acts.
    #[must_use]
    pub fn kind(&self) -> (OpKind, Access) {
        match self {
            Self::Open(_, how) if how.changes() => (OpKind::Open, Access::Write),
            Self::Open(..) => (OpKind::Open, Access::Read),
            Self::Read(_) => (OpKind::Read, Access::Read),
            Self::Write(..) | Self::Copy(..) | Self::SetMode(..) => (OpKind::Write, Access::Write),
            Self::CreateDir { .. }
            | Self::RemoveDir(_)
            | Self::RemoveDirAll(_)
            | Self::RemoveFile(_)
            | Self::Rename(..)
            | Self::HardLink(..)
            | Self::Symlink(..) => (OpKind::Link, Access::Write),
            Self::Stat { .. }
            | Self::Exists(_)
            | Self::ReadDir(_)
            | Self::Canonicalize(_)
            | Self::ReadLink(_) => (OpKind::Stat, Access::Read),
            Self::SyncDir(_) => (OpKind::Sync, Access::Write),
        }
    }
}

/// How a file is opened, as in `std::fs::OpenOptions`.
#[derive(Clone, Debug)]
pub struct OpenHow {
    /// For reading.
    pub read: bool,
    /// For writing.
    pub write: bool,
    /// For writing at the end.
    pub append: bool,
    /// Cut off to nothing.
    pub truncate: bool,
    /// Made if there is none.
    pub create: bool,
    /// Made, or else an error.
    pub create_new: bool,
    /// The permission bits of a new file, before the process's mask.
    pub mode: u32,
    /// Flags of the system.
    pub custom_flags: i32,
}

impl OpenHow {
    /// Whether opening itself may change something.
    #[must_use]
    pub fn changes(&self) -> bool {
        self.truncate || self.create || self.create_new
    }
}

impl Default for OpenHow {
    fn default() -> Self {
        Self {
            read: false,
            write: false,
            append: false,
            truncate: false,
            create: false,
            create_new: false,
            mode: 0o666,
            custom_flags: 0,
        }
    }
}

/// What a file or directory is: the fields of stat(2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The device.
    pub dev: u64,
    /// The inode's number.
    pub ino: u64,
    /// The type and the permission bits.
    pub mode: u32,
    /// How many names it has.
    pub nlink: u64,
    /// The owner.
    pub uid: u32,
    /// The owner's group.
    pub gid: u32,
    /// The device it stands for.
    pub rdev: u64,
    /// Bytes.
    pub size: u64,
    /// The best size of one operation, in bytes.
    pub blksize: u64,
    /// How many units of 512 bytes it takes.
    pub blocks: u64,
    /// When it was last read: seconds and nanoseconds since 1970.
    pub accessed: (i64, u32),
    /// When its content was last changed.
    pub modified: (i64, u32),
    /// When it was last changed in any way.
    pub changed: (i64, u32),
    /// When it was made, where that is known.
    pub created: Option<(i64, u32)>,
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub name: OsString,
    /// The type bits of its mode, if the directory says.
    pub file_type: Option<u32>,
    /// The inode's number.
    pub ino: u64,
}

/// The types of files in a mode: the same numbers on every Unix (inode(7)).
pub mod file_type {
    /// The bits that hold the type.
    pub const MASK: u32 = 0o170_000;
    /// A socket.
    pub const SOCKET: u32 = 0o140_000;
    /// A symbolic link.
    pub const SYMLINK: u32 = 0o120_000;
    /// A regular file.
    pub const FILE: u32 = 0o100_000;
    /// A block device.
    pub const BLOCK_DEVICE: u32 = 0o060_000;
    /// A directory.
    pub const DIR: u32 = 0o040_000;
    /// A character device.
    pub const CHAR_DEVICE: u32 = 0o020_000;
    /// A pipe with a name.
    pub const FIFO: u32 = 0o010_000;
}
