//! What must outlive the machine's power.

use std::future::Future;
use std::io;
use std::panic::Location;
use std::path::{Path, PathBuf};

use super::open_options::OpenOptions;
use super::operation::{Operation, nothing};
use super::paths::{remove_file, rename};
use crate::backend::PathOp;
use crate::io::AsyncWriteExt;
use crate::rand;

/// Waits until the entries of a directory are on the disk: the names that were made in it, removed
/// from it, or moved into or out of it.
///
/// Syncing a file does not do this: POSIX leaves open whether its name is there after the power
/// was lost, and file systems differ. `File::open(dir).await?.sync_all()` does the same; this is
/// one operation. tokio has no such function.
///
/// # Errors
/// `NotFound`; `NotADirectory`; `EIO` when the disk failed.
///
/// # Cancel safety
/// Safe: dropped, it may still happen.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # let dir = std::env::temp_dir().join(format!("simoom-doc-sync-{}", std::process::id()));
/// # rt.block_on(async {
/// simoom::fs::create_dir(&dir).await?;
/// let file = simoom::fs::File::create(dir.join("wal")).await?;
/// file.sync_all().await?;
/// simoom::fs::sync_dir(&dir).await?; // from here on the name `wal` is safe too
/// # simoom::fs::remove_dir_all(&dir).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[track_caller]
pub fn sync_dir(path: impl AsRef<Path>) -> Operation<()> {
    let op = PathOp::SyncDir(path.as_ref().to_owned());
    Operation::on_path(op, Location::caller(), nothing)
}

/// Replaces the content of a file so that a crash leaves the old or the new one, whole.
///
/// Writes a new file `.{name}.{16 hexadecimal digits}.tmp` in the same directory, syncs it, renames
/// it to `path` and syncs the directory. When it has returned `Ok`, the new content outlives the
/// machine's power. A crash, of the process too, may leave the temporary file behind: remove files
/// of that form when the program starts. The new file has the permission bits of a new file, and
/// takes the place of a symbolic link instead of following it. tokio has no such function.
///
/// # Errors
/// Those of opening, writing, syncing and renaming. The old content is there then, unless syncing
/// the directory was what failed: then it is open which of the two will be there after a crash.
///
/// # Cancel safety
/// A dropped future leaves the old or the new content, whole, and perhaps the temporary file.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # let dir = std::env::temp_dir().join(format!("simoom-doc-atomic-{}", std::process::id()));
/// # rt.block_on(async {
/// # simoom::fs::create_dir(&dir).await?;
/// simoom::fs::write_atomic(dir.join("settings"), b"colour = sand").await?;
/// assert_eq!(simoom::fs::read(dir.join("settings")).await?, b"colour = sand");
/// # simoom::fs::remove_dir_all(&dir).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[track_caller]
#[must_use = "futures do nothing unless awaited"]
pub fn write_atomic(
    path: impl AsRef<Path>,
    contents: impl AsRef<[u8]>,
) -> impl Future<Output = io::Result<()>> + Send {
    let path = path.as_ref().to_owned();
    let contents = contents.as_ref().to_vec();
    let site = Location::caller();
    async move {
        let (dir, temporary) = beside(&path)?;
        if let Err(error) = replace(&path, &temporary, &contents, site).await {
            // It may be gone already, or never have been there.
            let mut removing = remove_file(&temporary);
            removing.called_at(site);
            let _ = removing.await;
            return Err(error);
        }
        let mut syncing = sync_dir(dir);
        syncing.called_at(site);
        syncing.await
    }
}

/// The directory of `path`, and a name in it that nobody has.
fn beside(path: &Path) -> io::Result<(PathBuf, PathBuf)> {
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"))?;
    let dir = match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{:016x}.tmp", rand::random::<u64>()));
    let temporary = dir.join(temporary);
    Ok((dir, temporary))
}

async fn replace(
    path: &Path,
    temporary: &Path,
    contents: &[u8],
    site: &'static Location<'static>,
) -> io::Result<()> {
    let mut opening = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(temporary);
    opening.called_at(site);
    let mut file = opening.await?;
    file.write_all(contents).await?;
    file.flush().await?;
    let mut syncing = file.sync_all();
    syncing.called_at(site);
    syncing.await?;
    drop(file);
    let mut renaming = rename(temporary, path);
    renaming.called_at(site);
    renaming.await
}
