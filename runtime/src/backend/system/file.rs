//! A file of the operating system.
//!
//! Owns the handle, and what each operation on it is in words of the standard library. Knows
//! nothing of the thread that carries it out.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::sync::Arc;

use super::lane::Lane;
use super::stat::stat;
use crate::backend::{Completion, FileJob, FileOp, OpenFile, Outcome, Place, Resource, Submitted};
use crate::context;

/// A file of the operating system.
#[derive(Debug)]
pub(crate) struct SystemFile {
    lane: Lane,
    file: Arc<fs::File>,
}

impl SystemFile {
    pub(crate) fn new(file: fs::File) -> Arc<Self> {
        Arc::new(Self {
            lane: Lane::default(),
            file: Arc::new(file),
        })
    }
}

/// Has `job` run by a thread of the current runtime.
pub(super) fn hand_over(job: &mut Option<FileJob>) -> io::Result<()> {
    context::with_current(|backend| match backend {
        Some(backend) => backend.hand_over(job),
        None => Err(no_runtime()),
    })
}

impl OpenFile for SystemFile {
    fn submit(&self, op: FileOp) -> io::Result<Box<dyn Submitted>> {
        let file = self.file.clone();
        let may_overlap = op.may_overlap();
        let work = move || {
            let completion = carry_out(&file, op);
            // Whoever sees the completion may want the file for himself.
            drop(file);
            completion
        };
        self.lane.submit(may_overlap, work, hand_over)
    }

    fn resource(&self) -> Option<Arc<Resource>> {
        None
    }

    fn into_std(self: Arc<Self>) -> Result<fs::File, Arc<dyn OpenFile>> {
        let Self { lane, file } =
            Arc::try_unwrap(self).map_err(|this| this as Arc<dyn OpenFile>)?;
        Arc::try_unwrap(file).map_err(|file| Arc::new(Self { lane, file }) as _)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.file.as_fd())
    }
}

/// Carries out an operation on an open file.
fn carry_out(file: &fs::File, op: FileOp) -> Completion {
    match op {
        FileOp::Read {
            mut buf,
            most,
            place,
        } => {
            // Zeroed only where the buffer grows: a buffer that is used again costs nothing.
            buf.resize(most, 0);
            let count = match place {
                // Once, however often the read itself is interrupted.
                Place::Cursor { back } => {
                    step_back(file, back).and_then(|()| retried(|| (&*file).read(&mut buf)))
                }
                Place::At(offset) => retried(|| file.read_at(&mut buf, offset)),
            };
            buf.truncate(count.as_ref().map_or(0, |&count| count));
            let result = count.map(|count| Outcome::Count(count as u64));
            Completion {
                buf,
                ..Completion::of(result)
            }
        }
        FileOp::Write { mut buf, place } => {
            let count = match place {
                Place::Cursor { back } => step_back(file, back)
                    .and_then(|()| (&*file).write_all(&buf))
                    .map(|()| buf.len()),
                Place::At(offset) => retried(|| file.write_at(&buf, offset)),
            };
            buf.clear();
            let result = count.map(|count| Outcome::Count(count as u64));
            Completion {
                buf,
                ..Completion::of(result)
            }
        }
        other => Completion::of(carry_out_unbuffered(file, other)),
    }
}

fn carry_out_unbuffered(file: &fs::File, op: FileOp) -> io::Result<Outcome> {
    match op {
        FileOp::Seek { back, to } => {
            step_back(file, back)?;
            (&*file).seek(to).map(Outcome::Count)
        }
        FileOp::SetLen(len) => file.set_len(len).map(|()| Outcome::Done),
        FileOp::Sync { data_only: true } => file.sync_data().map(|()| Outcome::Done),
        FileOp::Sync { data_only: false } => file.sync_all().map(|()| Outcome::Done),
        FileOp::Stat => file.metadata().map(|it| Outcome::Stat(Box::new(stat(&it)))),
        FileOp::SetMode(mode) => file
            .set_permissions(fs::Permissions::from_mode(mode))
            .map(|()| Outcome::Done),
        FileOp::SetTimes { accessed, modified } => {
            let mut times = fs::FileTimes::new();
            if let Some(accessed) = accessed {
                times = times.set_accessed(accessed);
            }
            if let Some(modified) = modified {
                times = times.set_modified(modified);
            }
            file.set_times(times).map(|()| Outcome::Done)
        }
        FileOp::Duplicate => file
            .try_clone()
            .map(|file| Outcome::File(SystemFile::new(file))),
        FileOp::Read { .. } | FileOp::Write { .. } => unreachable!("these have a buffer"),
    }
}

fn step_back(file: &fs::File, back: i64) -> io::Result<()> {
    if back != 0 {
        (&*file).seek(SeekFrom::Current(back))?;
    }
    Ok(())
}

fn retried<T>(mut f: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match f() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// The error of a file operation outside every runtime.
pub(crate) fn no_runtime() -> io::Error {
    io::Error::other(
        "there is no simoom runtime here: use files inside `Runtime::block_on`, \
         `#[simoom::main]` or `#[simoom::test]`, or keep the guard of `Handle::enter`",
    )
}
