//! Reads into several buffers.

use std::io::{self, ErrorKind, IoSliceMut};

use simoom::io::{AsyncWrite, AsyncWriteExt};
use simoom::net::UnixStream;
use simoom::net::unix::pipe;
use simoom_tests::{both, settle};

use super::pair;

/// Reads six bytes at a time into buffers of one, none, two and eight bytes.
async fn fills_several<W: AsyncWrite + Unpin>(
    writer: &mut W,
    readable: impl AsyncFn() -> io::Result<()>,
    mut read: impl FnMut(&mut [IoSliceMut<'_>]) -> io::Result<usize>,
) {
    let mut most = 0;
    for _ in 0..20 {
        writer.write_all(b"abcdef").await.unwrap();
        settle().await;
        let mut seen = Vec::new();
        while seen.len() < 6 {
            readable().await.unwrap();
            let (mut one, mut none, mut two, mut rest) = ([0; 1], [0; 0], [0; 2], [0; 8]);
            let mut bufs = [
                IoSliceMut::new(&mut one),
                IoSliceMut::new(&mut none),
                IoSliceMut::new(&mut two),
                IoSliceMut::new(&mut rest),
            ];
            let count = match read(&mut bufs) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                count => count.unwrap(),
            };
            let all = [&one[..], &two, &rest].concat();
            seen.extend_from_slice(&all[..count]);
            assert!(
                all[count..].iter().all(|byte| *byte == 0),
                "{all:?} after {count}"
            );
            most = most.max(count);
        }
        assert_eq!(seen, b"abcdef");
    }
    assert!(most > 3, "no read filled the first two and went on: {most}");
}

both! {
    async fn a_read_of_a_stream_fills_one_buffer_after_the_other() {
        let (mut client, server) = pair().await;
        let readable = async || server.readable().await;
        fills_several(&mut client, readable, |bufs| server.try_read_vectored(bufs)).await;
    }

    async fn a_read_of_a_unix_stream_fills_one_buffer_after_the_other() {
        let (mut one, two) = UnixStream::pair().unwrap();
        let readable = async || two.readable().await;
        fills_several(&mut one, readable, |bufs| two.try_read_vectored(bufs)).await;
    }

    async fn a_read_of_a_pipe_fills_one_buffer_after_the_other() {
        let (mut sender, receiver) = pipe::pipe().unwrap();
        let readable = async || receiver.readable().await;
        fills_several(&mut sender, readable, |bufs| receiver.try_read_vectored(bufs)).await;
    }
}
