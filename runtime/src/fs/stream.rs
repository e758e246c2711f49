//! Reading, writing and seeking with one cursor and a buffer.
//!
//! Owns what is under way on the cursor, and what was read ahead. Knows nothing of how an
//! operation is carried out.
//!
//! ```text
//!            poll_read           poll_write           start_seek
//!  Reading <----------- Idle -----------------> Writing
//!     |                  ^ '-----------------------------> Seeking
//!     '---- any poll ----'----- any poll ---------'----------'
//! ```
//!
//! # Invariants
//! 1. At most one operation on the cursor is under way.
//! 2. The system's cursor is `owed` away from where the user believes it to be, once what was read
//!    ahead is taken off. An operation on the cursor pays the debt when it begins.

use std::io::{self, IoSlice, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::buffer::{Buffer, gather};
use super::file::File;
use crate::backend::{Completion, FileOp, Op, OpKind, OpenFile, Outcome, Place, Submitted};
use crate::coop::{Progress, proceed};
use crate::io::{AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};

/// What is under way on the cursor of a file.
#[derive(Default)]
pub(super) struct Stream {
    state: State,
    /// Why an earlier write failed, if nobody was told yet.
    failed: Option<io::Error>,
    /// Where the last seek went.
    cursor: u64,
    /// How far the cursor must move before it is used; never positive.
    owed: i64,
    /// What of that the operation under way has taken over: it is owed again if that never begins.
    taken: i64,
    /// What the read under way brings is out of date.
    is_stale: bool,
}

enum State {
    Idle(Buffer),
    Reading(Box<dyn Submitted>),
    Writing(Box<dyn Submitted>),
    Seeking(Box<dyn Submitted>),
}

impl Default for State {
    fn default() -> Self {
        Self::Idle(Buffer::default())
    }
}

impl Stream {
    pub(super) fn is_busy(&self) -> bool {
        !matches!(self.state, State::Idle(_))
    }

    /// What was read ahead is out of date.
    pub(super) fn forget_read(&mut self) {
        match &mut self.state {
            State::Idle(buffer) => self.owed += buffer.give_back(),
            State::Reading(_) => self.is_stale = true,
            State::Writing(_) | State::Seeking(_) => {}
        }
    }

    /// Waits until nothing is under way. What a write failed with is told later.
    pub(super) fn poll_quiet(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Err(error) = ready!(self.poll_settled(cx)) {
            self.failed = Some(error);
        }
        Poll::Ready(())
    }

    /// Waits until no write is under way; what one failed with, if nobody was told yet.
    pub(super) fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let State::Writing(_) = self.state {
            ready!(self.poll_quiet(cx));
        }
        Poll::Ready(self.failed.take().map_or(Ok(()), Err))
    }

    /// Waits until nothing is under way; what a write failed with.
    fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(match &mut self.state {
            State::Idle(_) => Ok(()),
            State::Reading(under_way) => {
                let completion = ready!(under_way.poll(cx));
                // Nobody asks for this read any more, so neither for its error.
                let _ = self.end_read(completion);
                Ok(())
            }
            State::Writing(under_way) => {
                let completion = ready!(under_way.poll(cx));
                self.end(completion).map(drop)
            }
            State::Seeking(under_way) => {
                let completion = ready!(under_way.poll(cx));
                let _ = self.end_seek(completion);
                Ok(())
            }
        })
    }

    /// Takes the end of an operation that leaves nothing in its buffer.
    fn end(&mut self, completion: Completion) -> io::Result<Outcome> {
        self.settle(&completion);
        self.state = State::Idle(Buffer::holding(completion.buf));
        completion.result
    }

    /// Takes the end of a read; false if what it brought is out of date.
    fn end_read(&mut self, completion: Completion) -> io::Result<bool> {
        self.settle(&completion);
        let mut buffer = Buffer::holding(completion.buf);
        let is_stale = std::mem::take(&mut self.is_stale);
        if is_stale {
            self.owed += buffer.give_back();
        }
        self.state = State::Idle(buffer);
        completion.result.map(|_| !is_stale)
    }

    /// What the operation has taken over is owed again if it has never begun.
    fn settle(&mut self, completion: &Completion) {
        let taken = std::mem::take(&mut self.taken);
        if completion.never_began {
            self.owed += taken;
        }
    }

    fn end_seek(&mut self, completion: Completion) -> io::Result<u64> {
        match self.end(completion)? {
            Outcome::Count(cursor) => {
                self.cursor = cursor;
                Ok(cursor)
            }
            other => super::operation::wrong(&other),
        }
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        file: &dyn OpenFile,
        target: &mut ReadBuf<'_>,
        most: usize,
    ) -> Poll<io::Result<()>> {
        loop {
            match &mut self.state {
                State::Idle(buffer) => {
                    if !buffer.is_empty() || target.remaining() == 0 {
                        buffer.move_to(target);
                        return Poll::Ready(Ok(()));
                    }
                    let read = FileOp::Read {
                        buf: buffer.take_room(),
                        most: target.remaining().min(most),
                        place: Place::Cursor { back: self.owed },
                    };
                    self.state = State::Reading(file.submit(read)?);
                    self.taken = std::mem::take(&mut self.owed);
                }
                State::Reading(under_way) => {
                    let completion = ready!(under_way.poll(cx));
                    if !self.end_read(completion)? {
                        continue;
                    }
                    if let State::Idle(buffer) = &mut self.state {
                        buffer.move_to(target);
                    }
                    return Poll::Ready(Ok(()));
                }
                State::Writing(_) | State::Seeking(_) => ready!(self.poll_quiet(cx)),
            }
        }
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        file: &dyn OpenFile,
        parts: &[IoSlice<'_>],
        most: usize,
    ) -> Poll<io::Result<usize>> {
        if let Some(error) = self.failed.take() {
            return Poll::Ready(Err(error));
        }
        ready!(self.poll_settled(cx))?;
        let State::Idle(buffer) = &mut self.state else {
            unreachable!("nothing is under way")
        };
        if parts.iter().all(|part| part.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        self.owed += buffer.give_back();
        let buf = gather(buffer.take_room(), parts, most);
        let count = buf.len();
        let write = FileOp::Write {
            buf,
            place: Place::Cursor { back: self.owed },
        };
        self.state = State::Writing(file.submit(write)?);
        self.taken = std::mem::take(&mut self.owed);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.failed.take() {
            Some(error) => Poll::Ready(Err(error)),
            None => self.poll_settled(cx),
        }
    }

    fn start_seek(&mut self, file: &dyn OpenFile, to: SeekFrom) -> io::Result<()> {
        let State::Idle(buffer) = &mut self.state else {
            return Err(io::Error::other(
                "other file operation is pending, call poll_complete before start_seek",
            ));
        };
        self.owed += buffer.give_back();
        let (back, to) = match to {
            SeekFrom::Current(offset) => match offset.checked_add(self.owed) {
                Some(offset) => (0, SeekFrom::Current(offset)),
                None => (self.owed, to),
            },
            other => (0, other),
        };
        self.state = State::Seeking(file.submit(FileOp::Seek { back, to })?);
        self.taken = std::mem::take(&mut self.owed);
        Ok(())
    }

    fn poll_sought(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        if let State::Seeking(under_way) = &mut self.state {
            let completion = ready!(under_way.poll(cx));
            return Poll::Ready(self.end_seek(completion));
        }
        ready!(self.poll_quiet(cx));
        Poll::Ready(Ok(self.cursor))
    }
}

impl File {
    /// Passes the point before an operation, polls it, and counts it when it is over.
    fn poll_counted<R>(
        &mut self,
        cx: &mut Context<'_>,
        kind: OpKind,
        poll: impl FnOnce(&mut Stream, &mut Context<'_>, &dyn OpenFile, usize) -> Poll<R>,
    ) -> Poll<R> {
        let resource = self.handle.resource();
        let op = match &resource {
            Some(resource) => Op::write(kind, resource, self.site),
            None => Op::private(kind, self.site),
        };
        let progress: Progress<'_> = ready!(proceed(cx, &op));
        let stream = self
            .stream
            .get_mut()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let result = ready!(poll(stream, cx, &*self.handle, self.max_buf_size));
        progress.done();
        Poll::Ready(result)
    }

    fn has_nothing_to_tell(&mut self) -> bool {
        let stream = self
            .stream
            .get_mut()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        !stream.is_busy() && stream.failed.is_none()
    }

    /// Waits until nothing is under way on the cursor.
    pub(super) fn poll_quiet(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.stream
            .get_mut()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .poll_quiet(cx)
    }
}

impl AsyncRead for File {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.get_mut()
            .poll_counted(cx, OpKind::Read, |stream, cx, file, most| {
                stream.poll_read(cx, file, buf, most)
            })
    }
}

impl AsyncWrite for File {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut()
            .poll_counted(cx, OpKind::Write, |stream, cx, file, most| {
                stream.poll_write(cx, file, parts, most)
            })
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.has_nothing_to_tell() {
            return Poll::Ready(Ok(()));
        }
        this.poll_counted(cx, OpKind::Write, |stream, cx, _, _| stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

impl AsyncSeek for File {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        let this = self.get_mut();
        this.stream
            .get_mut()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .start_seek(&*this.handle, position)
    }

    fn poll_complete(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let this = self.get_mut();
        if this.has_nothing_to_tell() {
            let stream = this.stream.get_mut();
            let stream = stream.unwrap_or_else(std::sync::PoisonError::into_inner);
            return Poll::Ready(Ok(stream.cursor));
        }
        this.poll_counted(cx, OpKind::Stat, |stream, cx, _, _| stream.poll_sought(cx))
    }
}

#[cfg(test)]
mod tests;
