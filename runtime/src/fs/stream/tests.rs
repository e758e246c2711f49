//! The cursor of operations that never begin.

use std::fs;
use std::io::{self, IoSlice, SeekFrom};
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use super::Stream;
use crate::backend::{Completion, FileOp, OpenFile, Outcome, Place, Resource, Submitted};
use crate::io::ReadBuf;

/// A file of letters whose operations are given up before they begin, or carried out at once.
#[derive(Debug, Default)]
struct Letters {
    is_gone: AtomicBool,
    cursor: AtomicI64,
}

/// The end of an operation, which is there from its beginning.
struct Ended(Mutex<Option<Completion>>);

impl Submitted for Ended {
    fn poll(&mut self, _cx: &mut Context<'_>) -> Poll<Completion> {
        let ended = self.0.get_mut().unwrap().take();
        Poll::Ready(ended.expect("it is not asked twice"))
    }
}

impl Letters {
    fn move_by(&self, distance: i64) -> i64 {
        self.cursor.fetch_add(distance, Ordering::Relaxed) + distance
    }

    fn carry_out(&self, op: FileOp) -> Completion {
        let (buf, count) = match op {
            FileOp::Read { most, place, .. } => {
                let Place::Cursor { back } = place else {
                    panic!("no place of its own");
                };
                let at = self.move_by(back);
                self.move_by(most as i64);
                let letters = (0..most).map(|index| b'a' + at as u8 + index as u8);
                (letters.collect(), most as u64)
            }
            FileOp::Write { buf, place } => {
                let Place::Cursor { back } = place else {
                    panic!("no place of its own");
                };
                self.move_by(back + buf.len() as i64);
                (Vec::new(), buf.len() as u64)
            }
            FileOp::Seek {
                back,
                to: SeekFrom::Current(by),
            } => (Vec::new(), self.move_by(back + by) as u64),
            other => panic!("{other:?} is not asked for"),
        };
        Completion {
            buf,
            ..Completion::of(Ok(Outcome::Count(count)))
        }
    }
}

impl OpenFile for Letters {
    fn submit(&self, op: FileOp) -> io::Result<Box<dyn Submitted>> {
        let completion = match self.is_gone.load(Ordering::Relaxed) {
            true => Completion::given_up(io::Error::other("it is gone")),
            false => self.carry_out(op),
        };
        Ok(Box::new(Ended(Mutex::new(Some(completion)))))
    }

    fn resource(&self) -> Option<Arc<Resource>> {
        None
    }

    fn into_std(self: Arc<Self>) -> Result<fs::File, Arc<dyn OpenFile>> {
        Err(self)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

fn ended<T>(polled: Poll<T>) -> T {
    match polled {
        Poll::Ready(ended) => ended,
        Poll::Pending => panic!("nothing has to be waited for"),
    }
}

/// One letter, of three that the file is asked for.
fn read(stream: &mut Stream, file: &Letters) -> io::Result<u8> {
    let mut cx = Context::from_waker(Waker::noop());
    let mut bytes = [0; 3];
    let mut target = ReadBuf::new(&mut bytes);
    ended(stream.poll_read(&mut cx, file, &mut target, 3))?;
    let first = target.filled()[0];
    // The others were read ahead.
    stream.owed -= target.filled().len() as i64 - 1;
    Ok(first)
}

fn write(stream: &mut Stream, file: &Letters) -> io::Result<usize> {
    let mut cx = Context::from_waker(Waker::noop());
    let parts = [IoSlice::new(b"x")];
    let count = ended(stream.poll_write(&mut cx, file, &parts, 8))?;
    ended(stream.poll_flush(&mut cx)).map(|()| count)
}

fn seek(stream: &mut Stream, file: &Letters) -> io::Result<u64> {
    let mut cx = Context::from_waker(Waker::noop());
    stream.start_seek(file, SeekFrom::Current(0))?;
    ended(stream.poll_sought(&mut cx))
}

#[test]
fn an_operation_that_never_begins_leaves_the_cursor_where_it_was() {
    let gives_up: [fn(&mut Stream, &Letters) -> Option<io::Error>; 3] = [
        |stream, file| read(stream, file).err(),
        |stream, file| write(stream, file).err(),
        |stream, file| seek(stream, file).err(),
    ];
    for (which, give_up) in gives_up.into_iter().enumerate() {
        let (mut stream, file) = (Stream::default(), Letters::default());
        assert_eq!(read(&mut stream, &file).unwrap(), b'a');
        file.is_gone.store(true, Ordering::Relaxed);
        for _ in 0..2 {
            let error = give_up(&mut stream, &file).expect("it is given up");
            assert_eq!(error.to_string(), "it is gone");
        }
        file.is_gone.store(false, Ordering::Relaxed);
        assert_eq!(seek(&mut stream, &file).unwrap(), 1, "after {which}");
        assert_eq!(read(&mut stream, &file).unwrap(), b'b', "after {which}");
        assert_eq!(write(&mut stream, &file).unwrap(), 1);
        assert_eq!(seek(&mut stream, &file).unwrap(), 3, "after {which}");
    }
}
