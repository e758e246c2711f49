//! What an operation does when its time has come.

use std::io;
use std::path::{Path, PathBuf};

use simoom::backend::{Entry, FileOp, OpKind, OpenHow, Outcome, PathOp, Place, file_type};
use simoom_faults::Kind;

use super::jobs::digest;
use super::state::{Ended, Found, HandleId, JobId, Shared, Work};
use crate::choice::{hash_text, mix, value};
use crate::disk::{Description, Disk, os, too_many_open};
use crate::record::EventKind;
use crate::world::World;
use crate::world::faults::FaultPoint;
use crate::world::node::NodeId;

/// How far an operation came.
pub(super) enum Step {
    /// It is over.
    Over(Ended),
    /// It goes on with an operation of this kind.
    More(OpKind),
}

impl Step {
    fn of(result: io::Result<Outcome>) -> Self {
        Self::Over(Ended {
            buf: Vec::new(),
            result: result.map(Found::Plain),
        })
    }
}

impl World {
    /// Carries out an operation or its next part.
    pub(super) fn perform(&mut self, id: JobId) -> Step {
        let what = self.thing_of(id);
        let Some(job) = self.files.job_mut(id) else {
            return Step::of(Ok(Outcome::Done));
        };
        let (node, handle) = (job.node, job.handle);
        let work = std::mem::replace(&mut job.work, Work::Taken);
        let on = On {
            job: id,
            node,
            what: &what,
        };
        match (work, handle) {
            (Work::OnPath(op), _) => self.on_path(on, op),
            (Work::OnFile(op), Some(handle)) => self.on_file(on, handle, op),
            (Work::RestOnFile { bytes, done }, Some(handle)) => {
                self.write_at_cursor(on, handle, bytes, done)
            }
            (
                Work::Rest {
                    file,
                    bytes,
                    done,
                    counts,
                },
                _,
            ) => self.write_rest(on, file, bytes, done, counts),
            _ => Step::of(Ok(Outcome::Done)),
        }
    }

    fn disk(&mut self, node: NodeId) -> &mut Disk {
        let wall_ns = self.wall_of(node);
        &mut self.files.machine(node, wall_ns).disk
    }

    /// Whether a fault of `kind` that happens or not happens here.
    fn fails(&mut self, on: On<'_>, kind: Kind) -> bool {
        self.fault(on, kind, 1) > 0
    }

    fn fault(&mut self, on: On<'_>, kind: Kind, most: u64) -> u64 {
        let site = self.files.job_mut(on.job).and_then(|job| job.site);
        let at = FaultPoint::file(on.node, on.what).done_at(site);
        let size = self.choose_fault(kind, at, most);
        if size > 0 {
            self.blame(on.job, kind);
        }
        size
    }

    fn on_path(&mut self, on: On<'_>, op: PathOp) -> Step {
        let now_ns = self.wall_of(on.node);
        let seed = self.seed;
        let done = |()| Outcome::Done;
        let dev = u64::from(on.node.0) + 1;
        if opens(&op)
            && let Err(error) = self.take_descriptor(on.node)
        {
            return Step::of(Err(error));
        }
        match op {
            PathOp::Open(path, how) => {
                let result = self.open(on, |disk| disk.open(&path, &how, now_ns));
                Step::Over(Ended {
                    buf: Vec::new(),
                    result,
                })
            }
            PathOp::Read(path) => Step::of(self.read_whole(on, &path).map(Outcome::Bytes)),
            PathOp::Write(path, bytes) => {
                let mut how = OpenHow::default();
                (how.write, how.create, how.truncate) = (true, true, true);
                match self.disk(on.node).open(&path, &how, now_ns) {
                    Ok(file) => self.more(
                        on.job,
                        Work::Rest {
                            file,
                            bytes,
                            done: 0,
                            counts: false,
                        },
                    ),
                    Err(error) => Step::of(Err(error)),
                }
            }
            PathOp::Copy(from, to) => match self.open_copy(on, &from, &to) {
                Ok((file, bytes)) => self.more(
                    on.job,
                    Work::Rest {
                        file,
                        bytes,
                        done: 0,
                        counts: true,
                    },
                ),
                Err(error) => Step::of(Err(error)),
            },
            PathOp::CreateDir {
                path,
                mode,
                all: true,
            } => match create_next(self.disk(on.node), &path, mode, now_ns) {
                Ok(true) => Step::of(Ok(Outcome::Done)),
                Ok(false) => {
                    let all = true;
                    self.more(on.job, Work::OnPath(PathOp::CreateDir { path, mode, all }))
                }
                Err(error) => Step::of(Err(error)),
            },
            PathOp::RemoveDirAll(path) => match remove_next(self.disk(on.node), &path, now_ns) {
                Ok(true) => Step::of(Ok(Outcome::Done)),
                Ok(false) => self.more(on.job, Work::OnPath(PathOp::RemoveDirAll(path))),
                Err(error) => Step::of(Err(error)),
            },
            PathOp::SyncDir(path) => {
                if self.fails(on, Kind::DiskSyncFailed) {
                    let lost = self.disk(on.node).lose_sync_at(&path);
                    return Step::of(lost.and(Err(os(libc::EIO))));
                }
                Step::of(sync_dir(self.disk(on.node), &path).map(done))
            }
            PathOp::ReadDir(path) => {
                let listed = self.disk(on.node).list(&path);
                Step::of(listed.map(|found| Outcome::Entries(shuffled(found, seed))))
            }
            other => {
                let disk = self.disk(on.node);
                Step::of(match other {
                    PathOp::CreateDir { path, mode, .. } => {
                        disk.create_dir(&path, mode, now_ns).map(done)
                    }
                    PathOp::RemoveDir(path) => disk.remove_dir(&path, now_ns).map(done),
                    PathOp::RemoveFile(path) => disk.remove_file(&path, now_ns).map(done),
                    PathOp::Rename(from, to) => disk.rename_path(&from, &to, now_ns).map(done),
                    PathOp::Stat { path, follow } => disk
                        .stat_path(&path, follow, dev)
                        .map(|stat| Outcome::Stat(Box::new(stat))),
                    PathOp::Exists(path) => match disk.stat_path(&path, true, dev) {
                        Ok(_) => Ok(Outcome::Exists(true)),
                        Err(error) if error.kind() == io::ErrorKind::NotFound => {
                            Ok(Outcome::Exists(false))
                        }
                        Err(error) => Err(error),
                    },
                    PathOp::Canonicalize(path) => disk.canonicalize(&path).map(Outcome::Path),
                    PathOp::HardLink(from, to) => disk.hard_link(&from, &to, now_ns).map(done),
                    PathOp::Symlink(target, path) => disk.symlink(&target, &path, now_ns).map(done),
                    PathOp::ReadLink(path) => disk.read_link(&path).map(Outcome::Path),
                    PathOp::SetMode(path, mode) => disk.set_mode_at(&path, mode, now_ns).map(done),
                    _ => unreachable!("it was carried out above"),
                })
            }
        }
    }

    /// Goes on with `work`.
    fn more(&mut self, id: JobId, work: Work) -> Step {
        let kind = match &work {
            Work::OnPath(op) => op.kind().0,
            _ => OpKind::Write,
        };
        if let Some(job) = self.files.job_mut(id) {
            job.work = work;
        }
        Step::More(kind)
    }

    /// Opens a file by `open`, if a descriptor is left for it.
    fn open(
        &mut self,
        on: On<'_>,
        open: impl FnOnce(&mut Disk) -> io::Result<Description>,
    ) -> io::Result<Found> {
        if self.fails(on, Kind::OsDescriptorsExhausted) {
            return Err(too_many_open());
        }
        let file = open(self.disk(on.node))?;
        let serial = self.files.next_serial();
        let wall_ns = self.wall_of(on.node);
        let machine = self.files.machine(on.node, wall_ns);
        let shared = machine.files.insert(Shared { file, handles: 1 });
        let (handle, resource) = machine.take_in(on.node, serial, shared);
        Ok(Found::Opened(handle, resource))
    }

    fn read_whole(&mut self, on: On<'_>, path: &Path) -> io::Result<Vec<u8>> {
        let now_ns = self.wall_of(on.node);
        let how = OpenHow {
            read: true,
            ..Default::default()
        };
        let file = self.disk(on.node).open(path, &how, now_ns)?;
        let failed = self.fails(on, Kind::DiskReadFailed);
        let disk = self.disk(on.node);
        let bytes = disk.read(&file, 0, usize::MAX);
        disk.release(file.ino);
        if failed {
            return Err(os(libc::EIO));
        }
        bytes
    }

    /// Reads the source of a copy and opens its target.
    fn open_copy(
        &mut self,
        on: On<'_>,
        from: &Path,
        to: &Path,
    ) -> io::Result<(Description, Vec<u8>)> {
        let now_ns = self.wall_of(on.node);
        let disk = self.disk(on.node);
        let found = disk.stat_path(from, true, 0)?;
        if found.mode & file_type::MASK != file_type::FILE {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the source path is neither a regular file nor a symlink to a regular file",
            ));
        }
        let mut how = OpenHow::default();
        (how.write, how.create, how.truncate) = (true, true, true);
        let file = disk.open(to, &how, now_ns)?;
        disk.set_mode(file.ino, found.mode, now_ns);
        match self.read_whole(on, from) {
            Ok(bytes) => Ok((file, bytes)),
            Err(error) => {
                self.disk(on.node).release(file.ino);
                Err(error)
            }
        }
    }

    /// Writes the next part of what is left, and lets the file go at the end.
    fn write_rest(
        &mut self,
        on: On<'_>,
        file: Description,
        bytes: Vec<u8>,
        done: usize,
        counts: bool,
    ) -> Step {
        let result = if done == bytes.len() {
            Ok(0)
        } else {
            self.write_some(on, &file, done as u64, &bytes[done..])
        };
        let done = done + result.as_ref().map_or(0, |&count| count);
        if result.is_ok() && done < bytes.len() {
            let work = Work::Rest {
                file,
                bytes,
                done,
                counts,
            };
            return self.more(on.job, work);
        }
        self.disk(on.node).release(file.ino);
        let outcome = if counts {
            Outcome::Count(done as u64)
        } else {
            Outcome::Done
        };
        Step::of(result.map(|_| outcome))
    }

    /// One call of the system that writes, with what can go wrong.
    fn write_some(
        &mut self,
        on: On<'_>,
        file: &Description,
        offset: u64,
        bytes: &[u8],
    ) -> io::Result<usize> {
        if self.fails(on, Kind::DiskWriteFailed) {
            return Err(os(libc::EIO));
        }
        if self.fails(on, Kind::DiskSpaceExhausted) {
            return Err(os(libc::ENOSPC));
        }
        let short = self.fault(on, Kind::DiskWriteShortened, bytes.len() as u64 - 1);
        let bytes = &bytes[..bytes.len() - short as usize];
        let now_ns = self.wall_of(on.node);
        let count = self.disk(on.node).write(file, offset, bytes, now_ns)?;
        let about = mix(hash_text("write"), hash_text(on.what));
        self.say(|world| {
            let node = &world.nodes[on.node.0 as usize].name;
            format!("{node}:{}, {count} bytes", on.what)
        });
        self.note(EventKind::FileWritten, about, digest(&bytes[..count]));
        Ok(count)
    }

    fn on_file(&mut self, on: On<'_>, handle: HandleId, op: FileOp) -> Step {
        match op {
            FileOp::Read {
                mut buf,
                most,
                place,
            } => {
                let result = self.read_file(on, handle, most, place);
                let count = result.as_ref().map_or(0, Vec::len) as u64;
                if let Ok(bytes) = &result {
                    buf.extend_from_slice(bytes);
                }
                let result = result.map(|_| Found::Plain(Outcome::Count(count)));
                Step::Over(Ended { buf, result })
            }
            FileOp::Write {
                buf,
                place: Place::Cursor { back },
            } => {
                if let Some((file, _)) = self.files.file_mut(handle) {
                    file.cursor = file.cursor.saturating_add_signed(back);
                }
                self.write_at_cursor(on, handle, buf, 0)
            }
            FileOp::Write {
                mut buf,
                place: Place::At(offset),
            } => {
                let file = self.files.file_mut(handle).map(|(file, _)| file.clone());
                let result = match file {
                    Some(file) if buf.is_empty() => self.disk(on.node).write(&file, offset, &[], 0),
                    Some(file) => self.write_some(on, &file, offset, &buf),
                    None => Ok(0),
                };
                buf.clear();
                let result = result.map(|count| Found::Plain(Outcome::Count(count as u64)));
                Step::Over(Ended { buf, result })
            }
            FileOp::Duplicate => {
                let result = self.duplicate(on, handle);
                Step::Over(Ended {
                    buf: Vec::new(),
                    result,
                })
            }
            FileOp::Sync { .. } if self.fails(on, Kind::DiskSyncFailed) => {
                // The pages count as clean: what was not on the disk never will be.
                if let Some((file, disk)) = self.files.file_mut(handle) {
                    let ino = file.ino;
                    disk.lose_sync(ino);
                }
                Step::of(Err(os(libc::EIO)))
            }
            other => {
                let now_ns = self.wall_of(on.node);
                let dev = u64::from(on.node.0) + 1;
                let Some((file, disk)) = self.files.file_mut(handle) else {
                    return Step::of(Ok(Outcome::Done));
                };
                Step::of(on_open_file(file, disk, other, now_ns, dev))
            }
        }
    }

    fn read_file(
        &mut self,
        on: On<'_>,
        handle: HandleId,
        most: usize,
        place: Place,
    ) -> io::Result<Vec<u8>> {
        // The step back has happened also where the read itself fails.
        if let Place::Cursor { back } = place
            && let Some((file, _)) = self.files.file_mut(handle)
        {
            file.cursor = file.cursor.saturating_add_signed(back);
        }
        if self.fails(on, Kind::DiskReadFailed) {
            return Err(os(libc::EIO));
        }
        let Some((file, disk)) = self.files.file_mut(handle) else {
            return Ok(Vec::new());
        };
        let offset = match place {
            Place::At(offset) => offset,
            Place::Cursor { .. } => file.cursor,
        };
        let mut bytes = disk.read(file, offset, most)?;
        // Nothing at all would be the end of the file.
        let short = self.fault(
            on,
            Kind::DiskReadShortened,
            bytes.len().saturating_sub(1) as u64,
        );
        bytes.truncate(bytes.len() - short as usize);
        if matches!(place, Place::Cursor { .. })
            && let Some((file, _)) = self.files.file_mut(handle)
        {
            file.cursor += bytes.len() as u64;
        }
        Ok(bytes)
    }

    /// Writes the next part of `bytes` at the cursor.
    fn write_at_cursor(
        &mut self,
        on: On<'_>,
        handle: HandleId,
        mut bytes: Vec<u8>,
        done: usize,
    ) -> Step {
        let Some((file, disk)) = self.files.file_mut(handle) else {
            return Step::of(Ok(Outcome::Done));
        };
        if file.access.append {
            // The cursor follows the end, which others may move.
            file.cursor = disk.inode(file.ino).content().map_or(0, |it| it.len());
        }
        let file = file.clone();
        let written = if done == bytes.len() {
            Ok(0)
        } else {
            self.write_some(on, &file, file.cursor, &bytes[done..])
        };
        let count = written.as_ref().map_or(0, |&count| count);
        if let Some((file, _)) = self.files.file_mut(handle) {
            file.cursor += count as u64;
        }
        let done = done + count;
        if written.is_ok() && done < bytes.len() {
            return self.more(on.job, Work::RestOnFile { bytes, done });
        }
        bytes.clear();
        Step::Over(Ended {
            buf: bytes,
            result: written.map(|_| Found::Plain(Outcome::Count(done as u64))),
        })
    }

    fn duplicate(&mut self, on: On<'_>, handle: HandleId) -> io::Result<Found> {
        self.take_descriptor(on.node)?;
        if self.fails(on, Kind::OsDescriptorsExhausted) {
            return Err(too_many_open());
        }
        let serial = self.files.next_serial();
        let shared = self.files.handle_mut(handle).map(|handle| handle.shared);
        let machine = self.files.machines.get_mut(&on.node);
        let (Some(shared), Some(machine)) = (shared, machine) else {
            return Err(os(libc::EBADF));
        };
        machine.files[shared].handles += 1;
        let (handle, resource) = machine.take_in(on.node, serial, shared);
        Ok(Found::Opened(handle, resource))
    }
}

/// What an operation is about.
#[derive(Clone, Copy)]
struct On<'a> {
    job: JobId,
    node: NodeId,
    what: &'a str,
}

/// Whether an operation on a path opens something, if only for a moment.
fn opens(op: &PathOp) -> bool {
    matches!(
        op,
        PathOp::Open(..)
            | PathOp::Read(_)
            | PathOp::Write(..)
            | PathOp::Copy(..)
            | PathOp::ReadDir(_)
            | PathOp::SyncDir(_)
    )
}

/// What needs an open file and nothing else.
fn on_open_file(
    file: &mut Description,
    disk: &mut Disk,
    op: FileOp,
    now_ns: i64,
    dev: u64,
) -> io::Result<Outcome> {
    match op {
        FileOp::Seek { back, to } => {
            file.cursor = file.cursor.saturating_add_signed(back);
            disk.seek(file, to).map(Outcome::Count)
        }
        FileOp::SetLen(len) => disk.set_len(file, len, now_ns).map(|()| Outcome::Done),
        FileOp::Sync { .. } => {
            disk.sync(file.ino);
            Ok(Outcome::Done)
        }
        FileOp::Stat => Ok(Outcome::Stat(Box::new(disk.stat(file.ino, dev)))),
        FileOp::SetMode(mode) => {
            disk.set_mode(file.ino, mode, now_ns);
            Ok(Outcome::Done)
        }
        FileOp::SetTimes { accessed, modified } => {
            let inode = disk.inode_mut(file.ino);
            if let Some(accessed) = accessed {
                inode.accessed_ns = since_1970(accessed);
            }
            if let Some(modified) = modified {
                inode.modified_ns = since_1970(modified);
            }
            inode.changed_ns = now_ns;
            Ok(Outcome::Done)
        }
        FileOp::Read { .. } | FileOp::Write { .. } | FileOp::Duplicate => {
            unreachable!("it was carried out before")
        }
    }
}

fn since_1970(time: std::time::SystemTime) -> i64 {
    let epoch = std::time::SystemTime::UNIX_EPOCH;
    match time.duration_since(epoch) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_nanos()).unwrap_or(i64::MAX),
    }
}

fn sync_dir(disk: &mut Disk, path: &Path) -> io::Result<()> {
    let how = OpenHow {
        read: true,
        custom_flags: libc::O_DIRECTORY,
        ..Default::default()
    };
    let file = disk.open(path, &how, 0)?;
    disk.sync(file.ino);
    disk.release(file.ino);
    Ok(())
}

/// Makes the first directory of `path` that is missing; true when all are there.
fn create_next(disk: &mut Disk, path: &Path, mode: u32, now_ns: i64) -> io::Result<bool> {
    if path.as_os_str().is_empty() {
        return Ok(true);
    }
    // As the standard library: from the end back to the first that can be made.
    let mut missing = None;
    for above in path.ancestors() {
        if above.as_os_str().is_empty() {
            break;
        }
        match disk.create_dir(above, mode, now_ns) {
            Ok(()) => return Ok(above == path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => missing = Some(error),
            Err(error) => {
                let is_dir = error.kind() == io::ErrorKind::AlreadyExists
                    && disk
                        .stat_path(above, true, 0)
                        .is_ok_and(|stat| stat.mode & file_type::MASK == file_type::DIR);
                return match missing {
                    _ if !is_dir => Err(error),
                    // It is there, and what is below it is missing for another reason.
                    Some(error) => Err(error),
                    None => Ok(true),
                };
            }
        }
    }
    missing.map_or(Ok(true), Err)
}

/// Removes one thing at or below `path`; true when nothing is left.
fn remove_next(disk: &mut Disk, path: &Path, now_ns: i64) -> io::Result<bool> {
    let is_dir = |disk: &Disk, path: &Path| -> io::Result<bool> {
        let stat = disk.stat_path(path, false, 0)?;
        Ok(stat.mode & file_type::MASK == file_type::DIR)
    };
    if !is_dir(disk, path)? {
        let stat = disk.stat_path(path, false, 0)?;
        let is_symlink = stat.mode & file_type::MASK == file_type::SYMLINK;
        if !is_symlink {
            return Err(os(libc::ENOTDIR));
        }
        return disk.remove_file(path, now_ns).map(|()| true);
    }
    let mut at: PathBuf = path.to_owned();
    loop {
        let first = disk.list(&at)?.into_iter().next();
        match first {
            None => {
                disk.remove_dir(&at, now_ns)?;
                return Ok(at == path);
            }
            Some((name, ..)) => {
                let child = at.join(name);
                if !is_dir(disk, &child)? {
                    disk.remove_file(&child, now_ns)?;
                    return Ok(false);
                }
                at = child;
            }
        }
    }
}

/// The entries in an order that follows from the seed and their names, as a real one follows from
/// hashes that differ from disk to disk.
fn shuffled(found: Vec<(std::ffi::OsString, u32, crate::disk::Ino)>, seed: u64) -> Vec<Entry> {
    let order = value(seed, 0x0072_6561_6464_6972, 0);
    let mut entries: Vec<_> = found
        .into_iter()
        .map(|(name, file_type, ino)| {
            let key = mix(order, digest(name.as_encoded_bytes()));
            let entry = Entry {
                name,
                file_type: Some(file_type),
                ino: ino.0,
            };
            (key, entry)
        })
        .collect();
    entries.sort_by_key(|&(key, _)| key);
    entries.into_iter().map(|(_, entry)| entry).collect()
}
