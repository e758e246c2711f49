//! The files of a server.
//!
//! Owns their folder, and the order of writing, syncing and renaming that makes them safe. Knows
//! nothing of what is in them.
//!
//! # Invariants
//! 1. A name always stands for a file that was synced as a whole before it got the name.
//! 2. Nothing is appended to a log before its name is safe, or it would go with the file.

use std::io;
use std::path::{Path, PathBuf};

use simoom::fs::{self, File, OpenOptions};
use simoom::io::AsyncWriteExt;

/// The folder of a server.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// The folder at `path`, made now if there is none. Its name is safe, and those above it are.
    pub(crate) async fn open(path: &Path) -> io::Result<Self> {
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

    /// What the file holds; `None` if there is none.
    pub(crate) async fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.0.join(name)).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives the log a second name, which it keeps when it is replaced, and returns that.
    pub(super) async fn keep(&self) -> io::Result<PathBuf> {
        let mut number = 1_u64;
        loop {
            let kept = self.0.join(format!("{LOG}.torn-{number}"));
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

    /// Writes a new file that holds `bytes` beside the old one, and syncs it. After an error there
    /// is the old one alone.
    ///
    /// # Cancel safety
    /// Dropped, it leaves the old file, and the new one in part.
    pub(crate) async fn prepare(&self, name: &str, bytes: &[u8]) -> io::Result<File> {
        let new = self.new_file(name);
        let written = write_new(&new, bytes).await;
        if written.is_err() {
            // It may be what has filled the disk.
            let _ = fs::remove_file(new).await;
        }
        written
    }

    /// Replaces the file by the one that was prepared.
    ///
    /// # Errors
    /// What the system reports. Either of them may be there then.
    ///
    /// # Cancel safety
    /// Dropped, it leaves the old file or the new one, each whole.
    pub(crate) async fn replace(&self, name: &str) -> io::Result<()> {
        fs::rename(self.new_file(name), self.0.join(name)).await?;
        #[cfg(not(feature = "planted-no-dir-sync"))]
        fs::sync_dir(&self.0).await?;
        Ok(())
    }

    fn new_file(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.new"))
    }

    pub(super) fn log(&self) -> PathBuf {
        self.0.join(LOG)
    }
}

async fn write_new(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .await?;
    file.write_all(bytes).await?;
    file.flush().await?;
    file.sync_all().await?;
    Ok(file)
}

/// The name of the log.
pub(super) const LOG: &str = "kv.log";
