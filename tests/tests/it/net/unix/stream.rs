//! Reading, writing and waiting.

use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::sync::Arc;

use futures::future::join_all;
use simoom::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use simoom::net::{Interest, Ready, UnixListener, UnixStream};
use simoom::time::{Duration, sleep, timeout};
use simoom_tests::{both, settle};

use super::{name, pair, would_block};

const MS: Duration = Duration::from_millis(1);

both! {
    async fn what_was_written_can_be_read_at_once() {
        let (one, two) = pair();
        would_block(two.try_read(&mut [0; 8]));
        two.writable().await.unwrap();
        let sent = two.try_write(b"abc").unwrap();
        one.readable().await.unwrap();
        let mut bytes = [0; 8];
        let count = one.try_read(&mut bytes).unwrap();
        assert!((1..=sent).contains(&count));
        assert_eq!(bytes[..count], b"abc"[..count]);
    }

    async fn a_read_waits_for_bytes() {
        let (mut one, mut two) = pair();
        let reading = simoom::spawn(async move {
            let mut bytes = [0; 4];
            two.read_exact(&mut bytes).await.unwrap();
            bytes
        });
        settle().await;
        assert!(!reading.is_finished());
        one.write_all(b"ab").await.unwrap();
        settle().await;
        one.write_all(b"cd").await.unwrap();
        assert_eq!(&reading.await.unwrap(), b"abcd");
    }

    async fn parts_are_read_as_one_stream() {
        let (mut one, mut two) = pair();
        for part in ["a", "bc", "def"] {
            one.write_all(part.as_bytes()).await.unwrap();
        }
        drop(one);
        let mut bytes = [0; 6];
        two.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"abcdef");
        assert_eq!(two.read(&mut [0; 8]).await.unwrap(), 0);
    }

    async fn several_parts_are_written_at_once() {
        let (mut one, mut two) = pair();
        assert!(one.is_write_vectored());
        let parts = [IoSlice::new(b"a"), IoSlice::new(b""), IoSlice::new(b"bc")];
        let mut sent = one.write_vectored(&parts).await.unwrap();
        assert!((1..=3).contains(&sent));
        one.writable().await.unwrap();
        if sent < 3 {
            sent += one.try_write_vectored(&[IoSlice::new(&b"abc"[sent..])]).unwrap();
        }
        one.write_all(&b"abc"[sent..]).await.unwrap();
        let mut bytes = [0; 3];
        two.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"abc");
    }

    async fn readiness_tells_what_can_be_tried() {
        let (mut one, two) = pair();
        would_block(two.try_read(&mut [0; 8]));
        let ready = two.ready(Interest::READABLE | Interest::WRITABLE).await.unwrap();
        assert_eq!(ready, Ready::WRITABLE);
        assert!(timeout(MS, two.readable()).await.is_err());
        one.write_all(b"abc").await.unwrap();
        two.readable().await.unwrap();
        let ready = two.ready(Interest::READABLE | Interest::WRITABLE).await.unwrap();
        assert_eq!(ready, Ready::READABLE | Ready::WRITABLE);
        poll_fn(|cx| two.poll_read_ready(cx)).await.unwrap();
        poll_fn(|cx| two.poll_write_ready(cx)).await.unwrap();
    }

    async fn a_reader_may_wait_through_several_tries() {
        let (mut one, two) = pair();
        let reading = simoom::spawn(async move {
            let mut seen = Vec::with_capacity(8);
            loop {
                two.readable().await.unwrap();
                match two.try_read_buf(&mut seen) {
                    Ok(0) => return seen,
                    Ok(_) => seen.reserve(8),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
                }
            }
        });
        for part in [&b"one"[..], b" two", b" three"] {
            one.write_all(part).await.unwrap();
            settle().await;
        }
        drop(one);
        assert_eq!(reading.await.unwrap(), b"one two three");
    }

    async fn several_buffers_can_be_offered() {
        let (mut one, two) = pair();
        one.write_all(b"abc").await.unwrap();
        two.readable().await.unwrap();
        let (mut none, mut some) = ([], [0; 8]);
        let mut bufs = [IoSliceMut::new(&mut none), IoSliceMut::new(&mut some)];
        let count = two.try_read_vectored(&mut bufs).unwrap();
        assert!((1..=3).contains(&count));
        assert_eq!(some[..count], b"abc"[..count]);
    }

    async fn a_read_into_nothing_takes_nothing() {
        let (mut one, mut two) = pair();
        assert_eq!(two.read(&mut []).await.unwrap(), 0);
        one.write_all(b"x").await.unwrap();
        assert_eq!(two.try_read(&mut []).unwrap(), 0);
        assert_eq!(two.read(&mut [0; 8]).await.unwrap(), 1);
    }

    async fn the_end_of_a_stream_shows_in_its_readiness() {
        let (mut one, two) = pair();
        // Let it be known that there is nothing.
        would_block(two.try_read(&mut [0; 8]));
        let reading = two.ready(Interest::READABLE);
        one.shutdown().await.unwrap();
        assert!(reading.await.unwrap().is_readable());
        // The real world may hear of the end in an event of its own.
        while !two.ready(Interest::READABLE).await.unwrap().is_read_closed() {
            sleep(MS).await;
        }
        assert!(!two.ready(Interest::WRITABLE).await.unwrap().is_write_closed());
        drop(one);
        while !two.ready(Interest::WRITABLE).await.unwrap().is_write_closed() {
            sleep(MS).await;
        }
    }

    async fn an_attempt_of_ones_own_is_made_when_it_is_worth_it() {
        let (mut one, two) = pair();
        would_block(two.try_read(&mut [0; 8]));
        let mut calls = 0;
        let tried = two.try_io(Interest::READABLE, || -> io::Result<()> {
            calls += 1;
            Ok(())
        });
        would_block(tried);
        assert_eq!(calls, 0);
        one.write_all(b"abc").await.unwrap();
        two.readable().await.unwrap();
        let tried = two.try_io(Interest::READABLE, || two.try_read(&mut [0; 1]));
        assert_eq!(tried.unwrap(), 1);
        let error = two
            .try_io(Interest::WRITABLE, || -> io::Result<()> { Err(ErrorKind::Other.into()) })
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Other);
    }

    async fn an_attempt_that_would_block_waits_for_a_change() {
        let (mut one, two) = pair();
        would_block(two.try_read(&mut [0; 8]));
        assert!(timeout(MS, two.readable()).await.is_err());
        one.write_all(b"a").await.unwrap();
        two.readable().await.unwrap();
        would_block(two.try_io(Interest::READABLE, || -> io::Result<()> {
            Err(ErrorKind::WouldBlock.into())
        }));
        assert!(timeout(MS, two.readable()).await.is_err(), "nothing has changed");
        one.write_all(b"b").await.unwrap();
        timeout(Duration::from_secs(10), two.readable()).await.unwrap().unwrap();
    }

    async fn attempts_go_on_until_one_succeeds() {
        let (mut one, two) = pair();
        let reading = simoom::spawn(async move {
            let mut bytes = [0; 8];
            let count = two.async_io(Interest::READABLE, || two.try_read(&mut bytes)).await;
            bytes[..count.unwrap()].to_vec()
        });
        settle().await;
        assert!(!reading.is_finished());
        one.write_all(b"x").await.unwrap();
        assert_eq!(reading.await.unwrap(), b"x");
    }

    async fn a_dropped_read_takes_no_bytes() {
        let (mut one, mut two) = pair();
        let mut bytes = [0; 8];
        assert!(timeout(MS, two.read(&mut bytes)).await.is_err());
        one.write_all(b"x").await.unwrap();
        assert_eq!(two.read(&mut bytes).await.unwrap(), 1);
    }

    async fn several_connections_do_not_mix() {
        let name = name();
        let listener = UnixListener::bind(&name).unwrap();
        let server = simoom::spawn(async move {
            for _ in 0..8 {
                let (mut stream, _) = listener.accept().await.unwrap();
                simoom::spawn(async move {
                    let (mut reader, mut writer) = stream.split();
                    simoom::io::copy(&mut reader, &mut writer).await.unwrap();
                });
            }
        });
        let name = Arc::new(name);
        let clients = (0..8_u8).map(|number| {
            let name = name.clone();
            simoom::spawn(async move {
                let mut stream = UnixStream::connect(&*name).await.unwrap();
                for round in 0..3 {
                    let sent = [number, round, number ^ round];
                    stream.write_all(&sent).await.unwrap();
                    let mut received = [0; 3];
                    stream.read_exact(&mut received).await.unwrap();
                    assert_eq!(received, sent);
                }
            })
        });
        for client in join_all(clients).await {
            client.unwrap();
        }
        server.await.unwrap();
    }
}
