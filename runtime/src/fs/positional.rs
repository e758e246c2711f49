//! Reading and writing at places of one's own.

use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::file::{File, stream_of};
use super::operation::{Operation, count, wrong};
use crate::backend::{FileOp, Outcome, Place};

fn written(outcome: Outcome, _: &'static Location<'static>) -> usize {
    match outcome {
        Outcome::Count(count) => count as usize,
        other => wrong(&other),
    }
}

impl File {
    /// Reads at `offset` into `buf`, without the cursor: `pread(2)`.
    ///
    /// Returns how many bytes were read: at most [`max_buf_size`](Self::max_buf_size), 0 at the
    /// end of the file. tokio has no such thing; the name is that of
    /// [`FileExt`](std::os::unix::fs::FileExt). Several of these run at once on one file.
    ///
    /// # Errors
    /// When the file is not open for reading; others of the system.
    ///
    /// # Cancel safety
    /// Safe: nothing is changed.
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # let path = std::env::temp_dir().join(format!("simoom-doc-pread-{}", std::process::id()));
    /// # rt.block_on(async {
    /// let file = simoom::fs::File::create_new(&path).await.unwrap();
    /// file.write_all_at(b"dunes", 0).await.unwrap();
    /// let mut bytes = [0; 2];
    /// assert_eq!(file.read_at(&mut bytes, 3).await.unwrap(), 2);
    /// assert_eq!(&bytes, b"es");
    /// # simoom::fs::remove_file(&path).await.unwrap();
    /// # });
    /// ```
    #[track_caller]
    pub fn read_at<'a>(&self, buf: &'a mut [u8], offset: u64) -> ReadAt<'a> {
        let op = FileOp::Read {
            buf: Vec::new(),
            most: buf.len().min(self.max_buf_size),
            place: Place::At(offset),
        };
        ReadAt {
            operation: self.does(op, count),
            buf,
        }
    }

    /// Fills `buf` from `offset` on, without the cursor.
    ///
    /// # Errors
    /// `UnexpectedEof` if the file ends before; as [`read_at`](Self::read_at).
    ///
    /// # Cancel safety
    /// Safe: nothing is changed but `buf`.
    #[track_caller]
    #[must_use = "futures do nothing unless awaited"]
    pub fn read_exact_at<'a>(
        &'a self,
        buf: &'a mut [u8],
        offset: u64,
    ) -> impl Future<Output = io::Result<()>> + Send + 'a {
        let site = Location::caller();
        async move {
            let mut done = 0;
            while done < buf.len() {
                let mut reading = self.read_at(&mut buf[done..], offset + done as u64);
                reading.operation.called_at(site);
                match reading.await? {
                    0 => {
                        return Err(io::Error::new(
                            io::ErrorKind::UnexpectedEof,
                            "failed to fill whole buffer",
                        ));
                    }
                    count => done += count,
                }
            }
            Ok(())
        }
    }

    /// Writes some of `buf` at `offset`, without the cursor: `pwrite(2)`.
    ///
    /// Returns how many bytes were written: at most [`max_buf_size`](Self::max_buf_size). A hole
    /// before `offset` reads as zeros. A file opened to append is written at its end, on Linux.
    ///
    /// # Errors
    /// When the file is not open for writing; `StorageFull`; others of the system.
    ///
    /// # Cancel safety
    /// Dropped once it was polled, it may still happen.
    #[track_caller]
    pub fn write_at(&self, buf: &[u8], offset: u64) -> Operation<usize> {
        // The cursor's reader must not see what it read before.
        stream_of(&self.stream).forget_read();
        let op = FileOp::Write {
            buf: buf[..buf.len().min(self.max_buf_size)].to_vec(),
            place: Place::At(offset),
        };
        self.does(op, written)
    }

    /// Writes all of `buf` at `offset`, without the cursor.
    ///
    /// # Errors
    /// `WriteZero` if the system takes nothing more; as [`write_at`](Self::write_at).
    ///
    /// # Cancel safety
    /// A dropped future has written an unknown part.
    #[track_caller]
    #[must_use = "futures do nothing unless awaited"]
    pub fn write_all_at<'a>(
        &'a self,
        buf: &'a [u8],
        offset: u64,
    ) -> impl Future<Output = io::Result<()>> + Send + 'a {
        let site = Location::caller();
        async move {
            let mut done = 0;
            while done < buf.len() {
                let mut writing = self.write_at(&buf[done..], offset + done as u64);
                writing.called_at(site);
                match writing.await? {
                    0 => {
                        return Err(io::Error::new(
                            io::ErrorKind::WriteZero,
                            "failed to write whole buffer",
                        ));
                    }
                    count => done += count,
                }
            }
            Ok(())
        }
    }
}

/// Reads at a place of its own: what [`File::read_at`] returns.
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct ReadAt<'a> {
    operation: Operation<u64>,
    buf: &'a mut [u8],
}

impl Future for ReadAt<'_> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let completion = ready!(this.operation.poll_completion(cx))?;
        completion.result?;
        let count = completion.buf.len();
        this.buf[..count].copy_from_slice(&completion.buf);
        Poll::Ready(Ok(count))
    }
}
