//! The helpers of `simoom::io` over sockets.

use std::io::ErrorKind;

use simoom::io::{
    AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, BufStream, BufWriter, copy,
    copy_bidirectional,
};
use simoom::net::TcpStream;
use simoom::time::{Duration, sleep};
use simoom_tests::{both, settle};

use super::{listener, pair, pattern};

both! {
    async fn str_2_read_exact_tells_of_an_early_end() {
        let (mut client, mut server) = pair().await;
        client.write_all(b"abc").await.unwrap();
        drop(client);
        let mut bytes = [0; 5];
        let error = server.read_exact(&mut bytes).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    }

    async fn str_2_read_exact_joins_parts() {
        let (mut client, mut server) = pair().await;
        let writing = simoom::spawn(async move {
            for part in ["a", "bc", "d"] {
                client.write_all(part.as_bytes()).await.unwrap();
                sleep(Duration::from_micros(200)).await;
            }
            client
        });
        let mut bytes = [0; 4];
        assert_eq!(server.read_exact(&mut bytes).await.unwrap(), 4);
        assert_eq!(&bytes, b"abcd");
        writing.await.unwrap();
    }

    async fn str_2_lines_are_found_across_parts() {
        let (mut client, server) = pair().await;
        let writing = simoom::spawn(async move {
            for part in ["one\ntw", "o\n", "\nlast"] {
                client.write_all(part.as_bytes()).await.unwrap();
                sleep(Duration::from_micros(200)).await;
            }
        });
        let mut lines = BufReader::new(server).lines();
        let mut seen = Vec::new();
        while let Some(line) = lines.next_line().await.unwrap() {
            seen.push(line);
        }
        assert_eq!(seen, ["one", "two", "", "last"]);
        writing.await.unwrap();
    }

    async fn str_2_a_line_can_be_read_with_its_end() {
        let (mut client, server) = pair().await;
        client.write_all(b"one\r\ntwo;three").await.unwrap();
        drop(client);
        let mut reader = BufReader::new(server);
        let mut line = String::new();
        assert_eq!(reader.read_line(&mut line).await.unwrap(), 5);
        assert_eq!(line, "one\r\n");
        let mut field = Vec::new();
        reader.read_until(b';', &mut field).await.unwrap();
        assert_eq!(field, b"two;");
        field.clear();
        reader.read_until(b';', &mut field).await.unwrap();
        assert_eq!(field, b"three");
        assert_eq!(reader.read_until(b';', &mut field).await.unwrap(), 0);
    }

    async fn read_to_end_takes_everything() {
        let (mut client, mut server) = pair().await;
        let writing = simoom::spawn(async move {
            client.write_all(&pattern(150_000)).await.unwrap();
        });
        let mut bytes = vec![1];
        assert_eq!(server.read_to_end(&mut bytes).await.unwrap(), 150_000);
        assert!(bytes[1..] == pattern(150_000));
        writing.await.unwrap();
    }

    async fn text_that_is_none_is_an_error() {
        let (mut client, mut server) = pair().await;
        client.write_all(&[0xff, 0xfe]).await.unwrap();
        drop(client);
        let error = server.read_to_string(&mut String::new()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
    }

    async fn numbers_are_read_and_written() {
        let (mut client, mut server) = pair().await;
        client.write_u8(1).await.unwrap();
        client.write_u16(0x0203).await.unwrap();
        client.write_u64_le(4).await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), 1);
        assert_eq!(server.read_u16().await.unwrap(), 0x0203);
        assert_eq!(server.read_u64_le().await.unwrap(), 4);
        drop(client);
        let error = server.read_u32().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    }

    async fn a_buffered_writer_holds_back_until_it_is_flushed() {
        let (client, mut server) = pair().await;
        let mut writer = BufWriter::new(client);
        writer.write_all(b"held").await.unwrap();
        settle().await;
        assert_eq!(server.try_read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
        writer.flush().await.unwrap();
        let mut bytes = [0; 4];
        server.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"held");
        writer.write_all(b"end").await.unwrap();
        writer.shutdown().await.unwrap();
        let mut text = String::new();
        server.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "end");
    }

    async fn a_buffered_stream_asks_and_answers() {
        let (client, server) = pair().await;
        let answering = simoom::spawn(async move {
            let mut stream = BufStream::new(server);
            let mut line = String::new();
            while stream.read_line(&mut line).await.unwrap() > 0 {
                stream.write_all(line.to_uppercase().as_bytes()).await.unwrap();
                stream.flush().await.unwrap();
                line.clear();
            }
        });
        let mut stream = BufStream::new(client);
        for (asked, answer) in [("a\n", "A\n"), ("bc\n", "BC\n")] {
            stream.write_all(asked.as_bytes()).await.unwrap();
            stream.flush().await.unwrap();
            let mut line = String::new();
            stream.read_line(&mut line).await.unwrap();
            assert_eq!(line, answer);
        }
        drop(stream);
        answering.await.unwrap();
    }

    async fn copy_counts_what_it_copied() {
        let (mut client, mut server) = pair().await;
        let sending = simoom::spawn(async move {
            let bytes = pattern(30_000);
            copy(&mut &bytes[..], &mut client).await.unwrap()
        });
        let mut received = Vec::new();
        assert_eq!(copy(&mut server, &mut received).await.unwrap(), 30_000);
        assert!(received == pattern(30_000));
        assert_eq!(sending.await.unwrap(), 30_000);
    }

    async fn a_proxy_copies_both_ways() {
        let (behind, behind_addr) = listener().await;
        let (front, front_addr) = listener().await;
        let serving = simoom::spawn(async move {
            let (mut stream, _) = behind.accept().await.unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).await.unwrap();
            stream.write_all(text.to_uppercase().as_bytes()).await.unwrap();
        });
        let proxying = simoom::spawn(async move {
            let (mut near, _) = front.accept().await.unwrap();
            let mut far = TcpStream::connect(behind_addr).await.unwrap();
            copy_bidirectional(&mut near, &mut far).await.unwrap()
        });
        let mut client = TcpStream::connect(front_addr).await.unwrap();
        client.write_all(b"hello").await.unwrap();
        client.shutdown().await.unwrap();
        let mut text = String::new();
        client.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "HELLO");
        assert_eq!(proxying.await.unwrap(), (5, 5));
        serving.await.unwrap();
    }

    async fn take_and_chain_bound_what_is_read() {
        let (mut client, mut server) = pair().await;
        client.write_all(b"abcdef").await.unwrap();
        drop(client);
        let mut head = Vec::new();
        (&mut server).take(2).read_to_end(&mut head).await.unwrap();
        assert_eq!(head, b"ab");
        let mut all = Vec::new();
        (&b"xy"[..]).chain(&mut server).read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"xycdef");
    }

    async fn str_6_a_flush_after_a_reset_is_fine_and_a_write_fails() {
        let (mut client, server) = pair().await;
        client.write_all(b"unread").await.unwrap();
        settle().await;
        drop(server);
        settle().await;
        client.flush().await.unwrap();
        assert!(client.write_all(b"x").await.is_err());
        assert!(client.write_all(b"x").await.is_err());
        client.shutdown().await.unwrap();
    }
}
