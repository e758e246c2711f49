//! Files and directories.
//!
//! Owns what programs see of them: buffering, cursors, the words of an operation. Knows nothing of
//! where files come from.
//!
//! Names and meanings are those of `tokio::fs`, and so are the errors: the system's own, with
//! their [`raw_os_error`](std::io::Error::raw_os_error). In production every operation is one job
//! of the runtime's blocking threads. Under simulation it works on the disk of the node it runs
//! on, which outlives the node's process; see the crate `simoom-sim`.
//!
//! # When is it on the disk?
//! [`File::write_all`](crate::io::AsyncWriteExt::write_all) returns when the bytes are in the
//! file's buffer, [`flush`](crate::io::AsyncWriteExt::flush) when the system has them: the process
//! may crash then, the machine may not. What must outlive the machine's power needs
//! [`File::sync_data`] or [`File::sync_all`]. A new, renamed or removed **name** is an entry of
//! its directory and needs that directory to be synced, by [`sync_dir`]. [`write_atomic`] does all
//! of it for a small file that is replaced as a whole.
//!
//! # Examples
//! ```
//! use simoom::fs::{self, File};
//! use simoom::io::AsyncWriteExt;
//!
//! # let rt = simoom::runtime::Runtime::new().unwrap();
//! # let dir = std::env::temp_dir().join(format!("simoom-doc-fs-{}", std::process::id()));
//! # rt.block_on(async {
//! fs::create_dir_all(&dir).await?;
//! let mut log = File::create(dir.join("log")).await?;
//! log.write_all(b"started\n").await?;
//! log.sync_data().await?;
//! fs::sync_dir(&dir).await?;
//!
//! assert_eq!(fs::read_to_string(dir.join("log")).await?, "started\n");
//! fs::remove_dir_all(&dir).await?;
//! # std::io::Result::Ok(())
//! # }).unwrap();
//! ```

mod buffer;
mod dir_builder;
mod durable;
mod file;
mod metadata;
mod open_options;
mod operation;
mod paths;
mod positional;
mod raw;
mod read_dir;
mod stream;
mod synced;
mod times;

pub use self::dir_builder::DirBuilder;
pub use self::durable::{sync_dir, write_atomic};
pub use self::file::File;
pub use self::metadata::{FileType, Metadata};
pub use self::open_options::OpenOptions;
pub use self::operation::Operation;
pub use self::paths::{
    canonicalize, copy, create_dir, create_dir_all, hard_link, metadata, read, read_link,
    read_to_string, remove_dir, remove_dir_all, remove_file, rename, set_permissions, symlink,
    symlink_metadata, try_exists, write,
};
pub use self::positional::ReadAt;
pub use self::read_dir::{DirEntry, NextEntry, ReadDir, read_dir};
pub use self::synced::Synced;
pub use self::times::FileTimes;
