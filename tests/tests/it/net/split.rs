//! The two directions of a stream, apart.

use std::future::poll_fn;
use std::io::{ErrorKind, IoSlice, IoSliceMut};

use simoom::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use simoom::net::{Interest, Ready};
use simoom::time::{Duration, timeout};
use simoom_tests::{both, settle};

use super::{pair, pattern};

const MS: Duration = Duration::from_millis(1);

both! {
    async fn borrowed_halves_work_at_once() {
        let (mut client, server) = pair().await;
        let echo = simoom::spawn(async move {
            let (mut reader, mut writer) = server.into_split();
            simoom::io::copy(&mut reader, &mut writer).await.unwrap()
        });
        let sent = pattern(100_000);
        let (mut reader, mut writer) = client.split();
        let writing = async {
            writer.write_all(&sent).await.unwrap();
            writer.shutdown().await.unwrap();
        };
        let reading = async {
            let mut received = Vec::new();
            reader.read_to_end(&mut received).await.unwrap();
            received
        };
        let ((), received) = simoom::join!(writing, reading);
        assert!(received == sent);
        assert_eq!(echo.await.unwrap(), 100_000);
    }

    async fn dropping_borrowed_halves_does_nothing() {
        let (mut client, mut server) = pair().await;
        let _ = client.split();
        settle().await;
        client.write_all(b"x").await.unwrap();
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 1);
        assert!(timeout(MS, server.read(&mut [0; 8])).await.is_err());
    }

    async fn owned_halves_go_to_two_tasks() {
        let (client, mut server) = pair().await;
        let (mut reader, mut writer) = client.into_split();
        let writing = simoom::spawn(async move { writer.write_all(b"question").await.unwrap() });
        let reading = simoom::spawn(async move {
            let mut text = String::new();
            reader.read_to_string(&mut text).await.unwrap();
            text
        });
        let mut text = String::new();
        server.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "question");
        server.write_all(b"answer").await.unwrap();
        drop(server);
        assert_eq!(reading.await.unwrap(), "answer");
        writing.await.unwrap();
    }

    async fn dropping_the_write_half_ends_the_stream() {
        let (client, mut server) = pair().await;
        let (mut reader, writer) = client.into_split();
        drop(writer);
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
        server.write_all(b"x").await.unwrap();
        assert_eq!(reader.read(&mut [0; 8]).await.unwrap(), 1);
    }

    async fn forgetting_the_write_half_does_not() {
        let (client, mut server) = pair().await;
        let (reader, writer) = client.into_split();
        writer.forget();
        assert!(timeout(2 * MS, server.read(&mut [0; 8])).await.is_err());
        drop(reader);
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
    }

    async fn dropping_the_read_half_leaves_the_writer() {
        let (client, mut server) = pair().await;
        let (reader, mut writer) = client.into_split();
        drop(reader);
        writer.write_all(b"x").await.unwrap();
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 1);
        server.write_all(b"nobody reads this").await.unwrap();
        settle().await;
        writer.write_all(b"y").await.unwrap();
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 1);
    }

    async fn halves_make_a_whole() {
        let (client, mut server) = pair().await;
        let (reader, writer) = client.into_split();
        let client = reader.reunite(writer).unwrap();
        let (reader, writer) = client.into_split();
        let mut client = writer.reunite(reader).unwrap();
        client.write_all(b"whole").await.unwrap();
        let mut bytes = [0; 5];
        server.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"whole");
        // Reuniting has not ended the sent stream.
        assert!(timeout(MS, server.read(&mut [0; 8])).await.is_err());
    }

    async fn halves_of_two_streams_stay_apart() {
        let (one, mut other_one) = pair().await;
        let (two, _other_two) = pair().await;
        let (reader, writer) = one.into_split();
        let (second_reader, second_writer) = two.into_split();
        let error = reader.reunite(second_writer).unwrap_err();
        assert_eq!(error.to_string(), "the halves are of two streams");
        let simoom::net::tcp::ReuniteError(reader, second_writer) = error;
        assert!(timeout(MS, other_one.read(&mut [0; 8])).await.is_err());
        reader.reunite(writer).unwrap();
        second_reader.reunite(second_writer).unwrap();
    }

    async fn halves_know_their_stream() {
        let (mut client, server) = pair().await;
        let (local, peer) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
        {
            let (reader, writer) = client.split();
            assert_eq!(reader.local_addr().unwrap(), local);
            assert_eq!(writer.peer_addr().unwrap(), peer);
            assert!(!reader.as_ref().nodelay().unwrap());
            assert!(writer.is_write_vectored());
        }
        let (reader, writer) = client.into_split();
        assert_eq!(reader.peer_addr().unwrap(), peer);
        assert_eq!(writer.local_addr().unwrap(), local);
        writer.as_ref().set_nodelay(true).unwrap();
        assert!(reader.as_ref().nodelay().unwrap());
        drop(server);
    }

    async fn halves_try_and_peek_and_wait() {
        let (client, server) = pair().await;
        let (mut reader, _keep) = server.into_split();
        let (_, writer) = client.into_split();
        assert_eq!(reader.try_read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert!(timeout(MS, reader.readable()).await.is_err());
        writer.writable().await.unwrap();
        assert_eq!(writer.ready(Interest::WRITABLE).await.unwrap(), Ready::WRITABLE);
        let mut sent = writer.try_write(b"abc").unwrap();
        while sent < 3 {
            writer.writable().await.unwrap();
            sent += writer.try_write_vectored(&[IoSlice::new(&b"abc"[sent..])]).unwrap();
        }
        settle().await;
        assert!(reader.ready(Interest::READABLE).await.unwrap().is_readable());
        reader.readable().await.unwrap();
        let mut seen = [0; 8];
        assert!(reader.peek(&mut seen).await.unwrap() >= 1);
        assert_eq!(seen[0], b'a');
        let mut bytes = [0; 8];
        let mut buf = ReadBuf::new(&mut bytes);
        assert!(poll_fn(|cx| reader.poll_peek(cx, &mut buf)).await.unwrap() >= 1);
        let mut one = [0; 1];
        assert_eq!(reader.try_read_vectored(&mut [IoSliceMut::new(&mut one)]).unwrap(), 1);
        assert_eq!(&one, b"a");
        let mut rest = [0; 2];
        reader.read_exact(&mut rest).await.unwrap();
        assert_eq!(&rest, b"bc");
    }

    async fn growing_buffers_are_filled_without_waiting() {
        let (mut client, mut server) = pair().await;
        let mut seen = Vec::with_capacity(64);
        assert_eq!(client.try_read_buf(&mut seen).unwrap_err().kind(), ErrorKind::WouldBlock);
        for (round, whole) in [b"one", b"two", b"six"].into_iter().enumerate() {
            server.write_all(whole).await.unwrap();
            while seen.len() < 3 * (round + 1) {
                client.readable().await.unwrap();
                let read = match round {
                    0 => client.try_read_buf(&mut seen),
                    1 => client.split().0.try_read_buf(&mut seen),
                    _ => {
                        let (reader, writer) = client.into_split();
                        let read = reader.try_read_buf(&mut seen);
                        client = reader.reunite(writer).unwrap();
                        read
                    }
                };
                read.unwrap();
            }
        }
        assert_eq!(seen, b"onetwosix");
        let mut full: &mut [u8] = &mut [];
        server.write_all(b"x").await.unwrap();
        client.readable().await.unwrap();
        assert_eq!(client.try_read_buf(&mut full).unwrap(), 0, "there is no room");
        assert_eq!(client.as_ref().peer_addr().unwrap(), server.local_addr().unwrap());
    }

    async fn the_write_half_can_be_ended_by_hand() {
        let (client, mut server) = pair().await;
        let (_reader, mut writer) = client.into_split();
        writer.write_all(b"x").await.unwrap();
        writer.flush().await.unwrap();
        writer.shutdown().await.unwrap();
        let error = writer.write(b"y").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        let mut text = String::new();
        server.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "x");
    }
}
