//! Reading, writing and waiting for readiness.

use std::future::poll_fn;
use std::io::{ErrorKind, IoSlice, IoSliceMut};
use std::pin::Pin;
use std::task::Poll;

use futures::future::join_all;
use simoom::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use simoom::net::{Interest, Ready, TcpStream};
use simoom::time::{Duration, timeout};
use simoom_tests::{both, settle};

use super::{listener, pair, pattern};

const MS: Duration = Duration::from_millis(1);

/// Writes until nothing more is taken, and returns how many bytes were.
async fn fill(stream: &TcpStream) -> usize {
    let bytes = pattern(64 * 1024);
    let mut total = 0;
    loop {
        match stream.try_write(&bytes) {
            Ok(count) => total += count,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                // What is on its way may make room yet.
                if timeout(5 * MS, stream.writable()).await.is_err() {
                    return total;
                }
            }
        }
    }
}

both! {
    async fn bytes_go_both_ways() {
        let (mut client, mut server) = pair().await;
        client.write_all(b"ping").await.unwrap();
        let mut bytes = [0; 4];
        server.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"ping");
        server.write_all(b"pong").await.unwrap();
        client.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"pong");
    }

    async fn str_1_a_read_takes_no_more_than_asked_and_waits_for_one() {
        let (mut client, mut server) = pair().await;
        let mut one = [0; 1];
        assert!(timeout(MS, server.read(&mut one)).await.is_err());
        client.write_all(b"abc").await.unwrap();
        assert_eq!(server.read(&mut one).await.unwrap(), 1);
        assert_eq!(&one, b"a");
        let mut rest = Vec::new();
        while rest.len() < 2 {
            let mut some = [0; 16];
            let count = server.read(&mut some).await.unwrap();
            assert!(count > 0);
            rest.extend_from_slice(&some[..count]);
        }
        assert_eq!(rest, b"bc");
    }

    async fn str_1_an_empty_read_or_write_takes_nothing_and_does_not_wait() {
        let (mut client, mut server) = pair().await;
        assert_eq!(server.read(&mut []).await.unwrap(), 0);
        assert_eq!(server.peek(&mut []).await.unwrap(), 0);
        assert_eq!(client.write(&[]).await.unwrap(), 0);
        client.write_all(b"x").await.unwrap();
        settle().await;
        assert_eq!(server.read(&mut []).await.unwrap(), 0);
        let mut one = [0; 1];
        server.read_exact(&mut one).await.unwrap();
        assert_eq!(&one, b"x");
    }

    async fn peek_leaves_the_bytes() {
        let (mut client, mut server) = pair().await;
        client.write_all(b"abc").await.unwrap();
        settle().await;
        let mut buf = [0; 2];
        for _ in 0..3 {
            let count = server.peek(&mut buf).await.unwrap();
            assert!((1..=2).contains(&count));
            assert_eq!(buf[..count], b"ab"[..count]);
        }
        let mut bytes = [0; 8];
        let mut buf = ReadBuf::new(&mut bytes);
        let count = poll_fn(|cx| server.poll_peek(cx, &mut buf)).await.unwrap();
        assert_eq!(buf.filled(), &b"abc"[..count]);
        let mut bytes = [0; 3];
        server.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"abc");
        drop(client);
        assert_eq!(server.peek(&mut [0; 8]).await.unwrap(), 0);
    }

    async fn many_bytes_pass_unchanged() {
        let (client, server) = pair().await;
        let sent = pattern(400_000);
        let expected = sent.clone();
        let echo = simoom::spawn(async move {
            let (mut reader, mut writer) = server.into_split();
            simoom::io::copy(&mut reader, &mut writer).await.unwrap()
        });
        let (mut reader, mut writer) = client.into_split();
        let sending = simoom::spawn(async move {
            // Sizes that fit neither the buffers nor each other.
            for part in sent.chunks(70_001) {
                writer.write_all(part).await.unwrap();
            }
        });
        let mut received = Vec::new();
        let mut part = vec![0; 33_333];
        loop {
            match reader.read(&mut part).await.unwrap() {
                0 => break,
                count => received.extend_from_slice(&part[..count]),
            }
        }
        assert!(received == expected, "{} bytes came back", received.len());
        sending.await.unwrap();
        assert_eq!(echo.await.unwrap(), 400_000);
    }

    async fn str_5_a_reader_that_does_not_read_stops_its_writer() {
        let (client, mut server) = pair().await;
        let taken = fill(&client).await;
        assert!(taken > 0);
        let mut writing = simoom::spawn(async move {
            client.writable().await.unwrap();
            client
        });
        assert!(timeout(3 * MS, &mut writing).await.is_err(), "there was room");
        let mut left = taken;
        let mut part = vec![0; 64 * 1024];
        while left > 0 {
            left -= server.read(&mut part).await.unwrap();
        }
        let client = timeout(Duration::from_secs(10), writing).await.unwrap().unwrap();
        drop(client);
        assert_eq!(server.read(&mut part).await.unwrap(), 0);
    }

    async fn a_full_stream_delivers_what_it_took_in_order() {
        let (client, mut server) = pair().await;
        let bytes = pattern(10_000);
        let mut sent = Vec::new();
        for round in 0..2_000 {
            let from = round * 7 % 5_000;
            match client.try_write(&bytes[from..]) {
                Ok(count) => sent.extend_from_slice(&bytes[from..from + count]),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    break;
                }
            }
        }
        drop(client);
        let mut received = Vec::new();
        server.read_to_end(&mut received).await.unwrap();
        assert!(received == sent, "{} of {} bytes", received.len(), sent.len());
    }

    async fn several_connections_do_not_mix() {
        let (listener, addr) = listener().await;
        let server = simoom::spawn(async move {
            for _ in 0..8 {
                let (mut stream, _) = listener.accept().await.unwrap();
                simoom::spawn(async move {
                    let (mut reader, mut writer) = stream.split();
                    simoom::io::copy(&mut reader, &mut writer).await.unwrap();
                });
            }
        });
        let clients = (0..8_u8).map(|number| {
            simoom::spawn(async move {
                let mut stream = TcpStream::connect(addr).await.unwrap();
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

    async fn readiness_tells_what_can_be_tried() {
        let (mut client, server) = pair().await;
        // A new stream may seem readable until the first attempt.
        server.try_read(&mut [0; 8]).unwrap_err();
        let ready = server.ready(Interest::READABLE | Interest::WRITABLE).await.unwrap();
        assert_eq!(ready, Ready::WRITABLE);
        assert!(timeout(MS, server.readable()).await.is_err());
        client.write_all(b"abc").await.unwrap();
        server.readable().await.unwrap();
        server.writable().await.unwrap();
        let ready = server.ready(Interest::READABLE).await.unwrap();
        assert!(ready.is_readable() && !ready.is_writable());
        let ready = server.ready(Interest::READABLE | Interest::WRITABLE).await.unwrap();
        assert_eq!(ready, Ready::READABLE | Ready::WRITABLE);
        poll_fn(|cx| server.poll_read_ready(cx)).await.unwrap();
        poll_fn(|cx| server.poll_write_ready(cx)).await.unwrap();
        drop(client);
        // The end can be read too.
        let mut seen = Vec::new();
        loop {
            server.readable().await.unwrap();
            let mut some = [0; 8];
            match server.try_read(&mut some) {
                Ok(0) => break,
                Ok(count) => seen.extend_from_slice(&some[..count]),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
        assert_eq!(seen, b"abc");
    }

    async fn interests_and_readiness_combine() {
        let both = Interest::READABLE.add(Interest::WRITABLE);
        assert!(both.is_readable() && both.is_writable());
        let mut interest = Interest::READABLE;
        interest |= Interest::WRITABLE;
        assert_eq!(interest, both);
        assert!(Ready::EMPTY.is_empty() && !Ready::ALL.is_empty());
        let mut ready = Ready::EMPTY;
        ready |= Ready::READABLE;
        assert_eq!(ready | Ready::WRITABLE, Ready::READABLE | Ready::WRITABLE);
        assert_eq!(format!("{both:?}"), "READABLE | WRITABLE");
        let text = format!("{:?}", Ready::EMPTY);
        assert!(text.starts_with("Ready { is_readable: false, is_writable: false"), "{text}");
    }

    async fn trying_without_bytes_would_block() {
        let (_client, server) = pair().await;
        let error = server.try_read(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        let mut buf = [0; 8];
        let error = server.try_read_vectored(&mut [IoSliceMut::new(&mut buf)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }

    async fn several_parts_are_written_as_one_stream() {
        let (mut client, mut server) = pair().await;
        assert!(client.is_write_vectored());
        let parts = [IoSlice::new(b"a"), IoSlice::new(b""), IoSlice::new(b"bc")];
        let mut sent = client.write_vectored(&parts).await.unwrap();
        assert!((1..=3).contains(&sent));
        client.writable().await.unwrap();
        sent += client.try_write_vectored(&[IoSlice::new(&b"abc"[sent..])]).unwrap();
        client.write_all(&b"abc"[sent..]).await.unwrap();
        let mut bytes = [0; 3];
        server.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"abc");
        assert_eq!(client.write_vectored(&[]).await.unwrap(), 0);
    }

    async fn several_buffers_can_be_offered() {
        let (mut client, server) = pair().await;
        client.write_all(b"abc").await.unwrap();
        settle().await;
        server.readable().await.unwrap();
        let (mut none, mut one, mut two) = ([], [0; 2], [0; 2]);
        let mut bufs = [
            IoSliceMut::new(&mut none),
            IoSliceMut::new(&mut one),
            IoSliceMut::new(&mut two),
        ];
        let count = server.try_read_vectored(&mut bufs).unwrap();
        assert!((1..=3).contains(&count));
        let seen = [one, two].concat();
        assert_eq!(seen[..count], b"abc"[..count]);
    }

    async fn the_traits_poll() {
        let (mut client, mut server) = pair().await;
        let count = poll_fn(|cx| Pin::new(&mut client).poll_write(cx, b"abc")).await.unwrap();
        poll_fn(|cx| Pin::new(&mut client).poll_flush(cx)).await.unwrap();
        poll_fn(|cx| Pin::new(&mut client).poll_shutdown(cx)).await.unwrap();
        let mut seen = Vec::new();
        loop {
            let mut bytes = [0; 8];
            let mut buf = ReadBuf::new(&mut bytes);
            poll_fn(|cx| Pin::new(&mut server).poll_read(cx, &mut buf)).await.unwrap();
            if buf.filled().is_empty() {
                break;
            }
            seen.extend_from_slice(buf.filled());
        }
        assert_eq!(seen, b"abc"[..count]);
    }

    async fn a_read_appends_to_what_the_buffer_holds() {
        let (mut client, mut server) = pair().await;
        client.write_all(b"b").await.unwrap();
        let mut bytes = [0; 8];
        let mut buf = ReadBuf::new(&mut bytes);
        buf.put_slice(b"a");
        poll_fn(|cx| Pin::new(&mut server).poll_read(cx, &mut buf)).await.unwrap();
        assert_eq!(buf.filled(), b"ab");
    }

    async fn a_reader_and_a_writer_of_one_stream_wait_at_once() {
        let (client, mut server) = pair().await;
        let taken = fill(&client).await;
        let (read, wrote) = (client.readable(), client.writable());
        simoom::pin!(read, wrote);
        poll_fn(|cx| {
            assert!(read.as_mut().poll(cx).is_pending());
            assert!(wrote.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        server.write_all(b"x").await.unwrap();
        timeout(Duration::from_secs(10), read).await.unwrap().unwrap();
        let draining = simoom::spawn(async move {
            let mut part = vec![0; 64 * 1024];
            let mut left = taken;
            while left > 0 {
                left -= server.read(&mut part).await.unwrap();
            }
            server
        });
        timeout(Duration::from_secs(10), wrote).await.unwrap().unwrap();
        draining.await.unwrap();
    }

    async fn nodelay_is_off_until_it_is_set() {
        let (client, server) = pair().await;
        assert!(!client.nodelay().unwrap());
        assert!(!server.nodelay().unwrap());
        client.set_nodelay(true).unwrap();
        assert!(client.nodelay().unwrap());
        assert!(!server.nodelay().unwrap());
        client.set_nodelay(false).unwrap();
        assert!(!client.nodelay().unwrap());
    }

    async fn the_ttl_is_64_until_it_is_set() {
        let (client, server) = pair().await;
        assert_eq!(client.ttl().unwrap(), 64);
        client.set_ttl(255).unwrap();
        assert_eq!(client.ttl().unwrap(), 255);
        assert_eq!(server.ttl().unwrap(), 64);
        for wrong in [0, 256] {
            let error = client.set_ttl(wrong).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }
        assert_eq!(client.ttl().unwrap(), 255);
    }

    async fn lingering_is_off_until_it_is_set_and_counts_seconds() {
        let (client, _server) = pair().await;
        assert_eq!(client.linger().unwrap(), None);
        for (set, kept) in [(5_000, 5), (0, 0), (1_900, 1)] {
            client.set_linger(Some(Duration::from_millis(set))).unwrap();
            assert_eq!(client.linger().unwrap(), Some(Duration::from_secs(kept)));
        }
        client.set_linger(None).unwrap();
        assert_eq!(client.linger().unwrap(), None);
    }

    async fn a_healthy_stream_has_no_error() {
        let (client, server) = pair().await;
        assert!(client.take_error().unwrap().is_none());
        assert!(server.take_error().unwrap().is_none());
    }

    async fn a_stream_prints_its_addresses() {
        let (client, _server) = pair().await;
        let text = format!("{client:?}");
        assert!(text.contains(&client.local_addr().unwrap().to_string()), "{text}");
        assert!(text.contains(&client.peer_addr().unwrap().to_string()), "{text}");
    }

    async fn a_stream_can_be_used_by_another_task() {
        let (client, mut server) = pair().await;
        let mut client = simoom::spawn(async move {
            let mut client = client;
            client.write_all(b"a").await.unwrap();
            client
        })
        .await
        .unwrap();
        client.write_all(b"b").await.unwrap();
        let mut bytes = [0; 2];
        server.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"ab");
    }
}
