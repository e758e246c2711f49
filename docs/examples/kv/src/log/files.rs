//! The files of a log.
//!
//! Owns their names, and the order of writing, syncing and renaming that makes them safe. Knows
//! nothing of what is in them.
//!
//! # Invariants
//! 1. The name `kv.log` always stands for a log that was synced as a whole before it got the name.
//! 2. Nothing is appended to a log before its name is safe, or it would go with the file.

use std::io;
use std::path::{Path, PathBuf};

use simoom::fs::{self, File, OpenOptions};
use simoom::io::AsyncWriteExt;

/// The folder of a log.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// The folder at `path`, made now if there is none. Its name is safe, and those above it are.
    pub(super) async fn open(path: &Path) -> io::Result<Self> {
        let folder = Self(path.to_owned());
        if fs::try_exists(folder.log()).await? {
            // Nobody makes a log in a folder whose name is not safe.
            return Ok(folder);
        }
        let mut above: Vec<_> = path
            .ancestors()
            .take_while(|it| !it.as_os_str().is_empty())
            .collect();
        // From the top: each name is safe before there is anything below it. A folder above that
        // was not synced would take all of it with it.
        while let Some(folder) = above.pop() {
            let Some(parent) = folder.parent() else {
                continue;
            };
            let parent = match parent.as_os_str().is_empty() {
                true => Path::new("."),
                false => parent,
            };
            if fs::try_exists(folder).await? {
                // An earlier process may have made it and died before it was synced. What it may
                // not read is somebody else's.
                match fs::sync_dir(parent).await {
                    Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                    synced => synced?,
                }
                continue;
            }
            fs::create_dir(folder).await?;
            if let Err(error) = fs::sync_dir(parent).await {
                // A second sync would succeed without it: it has to be made anew.
                let _ = fs::remove_dir(folder).await;
                return Err(error);
            }
        }
        Ok(folder)
    }

    /// What the log holds; `None` if there is none.
    pub(super) async fn read(&self) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.log()).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives the log a second name, which it keeps when it is replaced, and returns that.
    pub(super) async fn keep(&self) -> io::Result<PathBuf> {
        let mut number = 1_u64;
        loop {
            let kept = self.0.join(format!("kv.log.torn-{number}"));
            match fs::hard_link(self.log(), &kept).await {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                linked => {
                    linked?;
                    fs::sync_dir(&self.0).await?;
                    return Ok(kept);
                }
            }
        }
    }

    /// Writes a new log that holds `bytes` beside the old one, and syncs it. After an error there
    /// is the old one alone.
    ///
    /// # Cancel safety
    /// Dropped, it leaves the old log, and the new one in part.
    pub(super) async fn prepare(&self, bytes: &[u8]) -> io::Result<File> {
        let written = self.write_new(bytes).await;
        if written.is_err() {
            // It may be what has filled the disk.
            let _ = fs::remove_file(self.new_log()).await;
        }
        written
    }

    /// Replaces the log by the one that was prepared.
    ///
    /// # Cancel safety
    /// Dropped, it leaves the old log or the new one, each whole.
    pub(super) async fn replace(&self) -> io::Result<()> {
        fs::rename(self.new_log(), self.log()).await?;
        #[cfg(not(feature = "planted-no-dir-sync"))]
        fs::sync_dir(&self.0).await?;
        Ok(())
    }

    async fn write_new(&self, bytes: &[u8]) -> io::Result<File> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(self.new_log())
            .await?;
        file.write_all(bytes).await?;
        file.flush().await?;
        file.sync_all().await?;
        Ok(file)
    }

    fn new_log(&self) -> PathBuf {
        self.0.join("kv.log.new")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.0.join("kv.log")
    }
}
