//! Receiving into the spare room of a growing buffer.
//!
//! This file holds `unsafe`: room that was never written to.

#![expect(unsafe_code, reason = "buffers that are not initialised")]

use std::io;

use bytes::BufMut;

use crate::io::ReadBuf;

/// Has `receive` fill the next chunk of `buf`, and counts what it filled as part of `buf`.
pub(super) fn receive_into<B: BufMut + ?Sized, T>(
    buf: &mut B,
    receive: impl FnOnce(&mut ReadBuf<'_>) -> io::Result<T>,
) -> io::Result<T> {
    let chunk = buf.chunk_mut();
    // SAFETY: the slice goes into a `ReadBuf`, through which safe code writes initialised bytes
    // alone.
    let room = unsafe { chunk.as_uninit_slice_mut() };
    let start = room.as_ptr();
    let mut part = ReadBuf::uninit(room);
    let value = receive(&mut part)?;
    assert!(
        std::ptr::eq(part.filled().as_ptr(), start.cast()),
        "the buffer that was filled is the one that was given"
    );
    let filled = part.filled().len();
    // SAFETY: the part starts where the chunk does, and its first `filled` bytes are initialised.
    unsafe { buf.advance_mut(filled) };
    Ok(value)
}
