//! Operations on paths, in words of the standard library.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, DirEntryExt, FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::file::SystemFile;
use super::lane::Promise;
use super::stat::stat;
use crate::backend::{
    Blocking, Completion, Entry, Job, OpenHow, Outcome, PathOp, Submitted, file_type,
};

/// Starts `op` on a thread of `world` that may block.
pub(crate) fn submit(world: &impl Blocking, op: PathOp) -> Box<dyn Submitted> {
    let (promise, waiting) = Promise::new();
    world.run_blocking(Job::promised(move || {
        promise.keep(Completion::of(resolve(op)));
    }));
    Box::new(waiting)
}

/// Carries out an operation on a path.
fn resolve(op: PathOp) -> io::Result<Outcome> {
    let done = |()| Outcome::Done;
    match op {
        PathOp::Open(path, how) => open(&path, &how).map(|it| Outcome::File(SystemFile::new(it))),
        PathOp::Read(path) => fs::read(path).map(Outcome::Bytes),
        PathOp::Write(path, bytes) => fs::write(path, bytes).map(done),
        PathOp::Copy(from, to) => fs::copy(from, to).map(Outcome::Count),
        PathOp::CreateDir { path, mode, all } => {
            let mut builder = fs::DirBuilder::new();
            builder.recursive(all).mode(mode);
            builder.create(path).map(done)
        }
        PathOp::RemoveDir(path) => fs::remove_dir(path).map(done),
        PathOp::RemoveDirAll(path) => fs::remove_dir_all(path).map(done),
        PathOp::RemoveFile(path) => fs::remove_file(path).map(done),
        PathOp::Rename(from, to) => fs::rename(from, to).map(done),
        PathOp::Stat { path, follow } => {
            let found = if follow {
                fs::metadata(path)
            } else {
                fs::symlink_metadata(path)
            };
            found.map(|it| Outcome::Stat(Box::new(stat(&it))))
        }
        PathOp::Exists(path) => path.try_exists().map(Outcome::Exists),
        PathOp::ReadDir(path) => read_dir(path).map(Outcome::Entries),
        PathOp::Canonicalize(path) => fs::canonicalize(path).map(Outcome::Path),
        PathOp::HardLink(from, to) => fs::hard_link(from, to).map(done),
        PathOp::Symlink(target, path) => std::os::unix::fs::symlink(target, path).map(done),
        PathOp::ReadLink(path) => fs::read_link(path).map(Outcome::Path),
        PathOp::SetMode(path, mode) => {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).map(done)
        }
        PathOp::SyncDir(path) => sync_dir(&path).map(done),
    }
}

fn open(path: &Path, how: &OpenHow) -> io::Result<fs::File> {
    fs::OpenOptions::new()
        .read(how.read)
        .write(how.write)
        .append(how.append)
        .truncate(how.truncate)
        .create(how.create)
        .create_new(how.create_new)
        .mode(how.mode)
        .custom_flags(how.custom_flags)
        .open(path)
}

fn sync_dir(path: &Path) -> io::Result<()> {
    fs::OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_DIRECTORY)
        .open(path)?
        .sync_all()
}

fn read_dir(path: PathBuf) -> io::Result<Vec<Entry>> {
    let entry = |entry: io::Result<fs::DirEntry>| {
        let entry = entry?;
        Ok(Entry {
            file_type: entry.file_type().ok().map(type_bits),
            ino: entry.ino(),
            name: entry.file_name(),
        })
    };
    fs::read_dir(path)?.map(entry).collect()
}

/// The type bits of a mode.
fn type_bits(kind: fs::FileType) -> u32 {
    if kind.is_dir() {
        file_type::DIR
    } else if kind.is_symlink() {
        file_type::SYMLINK
    } else if kind.is_socket() {
        file_type::SOCKET
    } else if kind.is_fifo() {
        file_type::FIFO
    } else if kind.is_block_device() {
        file_type::BLOCK_DEVICE
    } else if kind.is_char_device() {
        file_type::CHAR_DEVICE
    } else {
        file_type::FILE
    }
}
