//! How much a stream holds, and when there is room again.

use std::future::poll_fn;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::UnixStream;
use simoom::time::{Duration, timeout};
use simoom_tests::{both, settle};

use super::super::pattern;
use super::{pair, would_block};

const MS: Duration = Duration::from_millis(1);

/// Writes as often as there is room, and says how many bytes were taken.
fn fill(stream: &UnixStream, bytes: &[u8]) -> usize {
    let mut total = 0;
    while let Ok(count) = stream.try_write(bytes) {
        total += count;
    }
    would_block(stream.try_write(bytes));
    total
}

async fn drain(stream: &mut UnixStream, count: usize) {
    let mut left = count;
    let mut part = vec![0; 64 * 1024];
    while left > 0 {
        let most = left.min(part.len());
        left -= stream.read(&mut part[..most]).await.unwrap();
    }
}

both! {
    async fn single_bytes_fill_a_stream_as_soon_as_messages_do() {
        let (one, _two) = pair();
        let taken = fill(&one, b"x");
        assert_eq!(taken, 278);
    }

    async fn a_full_stream_takes_more_than_a_pipe() {
        let (one, mut two) = pair();
        let taken = fill(&one, &pattern(4096));
        assert!((100_000..=230_000).contains(&taken), "{taken}");
        drop(one);
        let mut received = Vec::new();
        two.read_to_end(&mut received).await.unwrap();
        assert_eq!(received.len(), taken);
    }

    async fn a_writer_waits_for_room() {
        let (one, mut two) = pair();
        let taken = fill(&one, &pattern(30_000));
        assert!(timeout(2 * MS, one.writable()).await.is_err());
        let writing = simoom::spawn(async move {
            let mut one = one;
            one.write_all(b"more").await.unwrap();
        });
        settle().await;
        assert!(!writing.is_finished());
        drain(&mut two, taken).await;
        let mut bytes = [0; 4];
        two.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"more");
        writing.await.unwrap();
    }

    async fn a_full_stream_is_writable_when_three_quarters_were_read() {
        let (one, mut two) = pair();
        let taken = fill(&one, b"x");
        drain(&mut two, taken * 2 / 3).await;
        assert!(timeout(2 * MS, one.writable()).await.is_err(), "two thirds are not enough");
        drain(&mut two, taken / 10).await;
        timeout(Duration::from_secs(10), one.writable()).await.unwrap().unwrap();
        one.try_write(b"x").unwrap();
        poll_fn(|cx| one.poll_write_ready(cx)).await.unwrap();
    }

    async fn more_than_fits_goes_through_in_order() {
        let (mut one, mut two) = pair();
        let writing = simoom::spawn(async move {
            one.write_all(&pattern(700_000)).await.unwrap();
        });
        let mut received = Vec::new();
        two.read_to_end(&mut received).await.unwrap();
        assert!(received == pattern(700_000));
        writing.await.unwrap();
    }

    async fn a_waiting_writer_learns_that_the_peer_is_gone() {
        let (one, two) = pair();
        fill(&one, &pattern(30_000));
        let writing = simoom::spawn(async move {
            let mut one = one;
            one.write_all(b"more").await.unwrap_err().kind()
        });
        settle().await;
        assert!(!writing.is_finished());
        drop(two);
        assert_eq!(writing.await.unwrap(), std::io::ErrorKind::BrokenPipe);
    }
}
