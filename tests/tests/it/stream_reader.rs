//! Reading by lines, separators and lengths.

use futures::FutureExt;
use simoom::asyncio::{ReadError, StreamReader};
use simoom::io::{AsyncWriteExt, DuplexStream, duplex};
use simoom::net::{TcpListener, TcpStream};
use simoom::task::{JoinHandle, yield_now};
use simoom_tests::both;

/// A reader of what another task writes, so many bytes at a time.
fn in_chunks(text: &[u8], size: usize) -> (StreamReader<DuplexStream>, JoinHandle<()>) {
    let (reader, mut writer) = duplex(size);
    let text = text.to_vec();
    let writer = simoom::spawn(async move {
        for chunk in text.chunks(size) {
            writer.write_all(chunk).await.unwrap();
            yield_now().await;
        }
    });
    (StreamReader::with_limit(reader, 8), writer)
}

fn partial(error: ReadError) -> (Vec<u8>, Option<usize>) {
    match error {
        ReadError::Incomplete { partial, expected } => (partial.to_vec(), expected),
        other => panic!("{other:?}"),
    }
}

fn overrun(error: &ReadError) -> usize {
    match error {
        ReadError::LimitOverrun { consumed } => *consumed,
        other => panic!("{other:?}"),
    }
}

both! {
    async fn str_1_reading_takes_at_most_so_many_and_nothing_at_the_end() {
        let (mut reader, writer) = in_chunks(b"abcdef", 4);
        assert!(reader.read(0).await.unwrap().is_empty());
        let mut got = Vec::new();
        loop {
            let part = reader.read(3).await.unwrap();
            assert!(part.len() <= 3);
            if part.is_empty() {
                break;
            }
            got.extend_from_slice(&part);
        }
        assert_eq!(got, b"abcdef");
        assert!(reader.at_eof() && reader.read(9).await.unwrap().is_empty());
        writer.await.unwrap();

        let (mut reader, writer) = in_chunks(b"abcdefghijklmnop", 3);
        assert_eq!(reader.read(1).await.unwrap(), "a");
        assert_eq!(reader.read_to_end().await.unwrap(), "bcdefghijklmnop");
        writer.await.unwrap();
    }

    async fn str_2_separators_are_found_across_chunks() {
        for size in 1..9 {
            let (mut reader, writer) = in_chunks(b"one\r\ntwo\r\n\r\nrest", size);
            assert_eq!(reader.read_until(b"\r\n").await.unwrap(), "one\r\n");
            assert_eq!(reader.read_until(b"\r\n\r\n").await.unwrap(), "two\r\n\r\n");
            assert_eq!(reader.read_exact(2).await.unwrap(), "re");
            let error = reader.read_until(b";").await.unwrap_err();
            assert_eq!(partial(error), (b"st".to_vec(), None));
            assert!(reader.read_line().await.unwrap().is_empty());
            writer.await.unwrap();
        }
        let (mut reader, writer) = in_chunks(b"abc", 2);
        let error = reader.read_exact(5).await.unwrap_err();
        assert_eq!(partial(error), (b"abc".to_vec(), Some(5)));
        writer.await.unwrap();
    }

    async fn str_2_of_several_separators_the_one_that_ends_first_counts() {
        for size in 1..9 {
            let (mut reader, writer) = in_chunks(b"a\r\nb\nc\r", size);
            let ends: [&[u8]; 3] = [b"\n", b"\r\n", b"\r"];
            for part in ["a\r", "\n", "b\n", "c\r"] {
                assert_eq!(reader.read_until_any(&ends).await.unwrap(), part);
            }
            writer.await.unwrap();
        }
    }

    async fn str_2_a_separator_inside_another_ends_it() {
        for size in 1..9 {
            let (mut reader, writer) = in_chunks(b"a1b2c.", size);
            let ends: [&[u8]; 3] = [b"1b2", b"b", b"."];
            for part in ["a1b", "2c."] {
                assert_eq!(reader.read_until_any(&ends).await.unwrap(), part);
            }
            writer.await.unwrap();
        }
    }

    async fn str_3_a_separator_must_come_within_the_limit() {
        for size in 1..12 {
            // A line of the limit's length is taken.
            let (mut reader, writer) = in_chunks(b"12345678\n123456789\nabc", size);
            assert_eq!(reader.read_until(b"\n").await.unwrap(), "12345678\n");
            let error = reader.read_until(b"\n").await.unwrap_err();
            assert!(overrun(&error) > 8);
            // It is all still there.
            assert_eq!(reader.read_exact(10).await.unwrap(), "123456789\n");
            assert_eq!(reader.read_line().await.unwrap(), "abc");
            writer.await.unwrap();
        }
    }

    async fn str_3_a_line_that_is_too_long_is_dropped() {
        let (mut reader, writer) = in_chunks(b"123456789abcdef\nshort\n", 64);
        assert_eq!(overrun(&reader.read_line().await.unwrap_err()), 15);
        assert_eq!(reader.read_line().await.unwrap(), "short\n");
        writer.await.unwrap();
    }

    async fn str_12_giving_up_loses_nothing() {
        let (mut reader, writer) = in_chunks(b"one\ntwo\n1234567890end\n", 3);
        let mut tries = 0;
        let mut got = Vec::new();
        while got.len() < 4 {
            tries += 1;
            let polled = match got.len() {
                0 | 1 => reader.read_line().now_or_never(),
                2 => reader.read_exact(10).now_or_never(),
                _ => reader.read_until(b"\n").now_or_never(),
            };
            match polled {
                Some(part) => got.push(part.unwrap()),
                None => yield_now().await,
            }
        }
        assert_eq!(got, ["one\n", "two\n", "1234567890", "end\n"]);
        assert!(tries > 4, "nothing was given up");
        writer.await.unwrap();
    }

    async fn a_reader_reads_from_sockets() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = simoom::spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"hello\nworld").await.unwrap();
        });
        let (stream, _) = listener.accept().await.unwrap();
        let mut reader = StreamReader::new(stream);
        assert_eq!(reader.read_line().await.unwrap(), "hello\n");
        assert_eq!(reader.read_line().await.unwrap(), "world");
        assert!(reader.at_eof());
        client.await.unwrap();
    }
}

#[test]
#[should_panic(expected = "a separator has at least one byte")]
fn str_2_an_empty_separator_is_refused() {
    let rt = simoom::runtime::Runtime::new().unwrap();
    let _ = rt.block_on(StreamReader::new(&b"abc"[..]).read_until(b""));
}

#[test]
fn errors_become_those_of_io() {
    let rt = simoom::runtime::Runtime::new().unwrap();
    let error = rt
        .block_on(StreamReader::new(&b"abc"[..]).read_exact(4))
        .unwrap_err();
    assert_eq!(
        std::io::Error::from(error).kind(),
        std::io::ErrorKind::UnexpectedEof
    );
    let mut reader = StreamReader::with_limit(&b"abcdef"[..], 2);
    let error = rt.block_on(reader.read_until(b"f")).unwrap_err();
    assert_eq!(
        std::io::Error::from(error).kind(),
        std::io::ErrorKind::InvalidData
    );
    assert_eq!(reader.buffer(), b"abcdef");
    assert!(reader.into_parts().0.is_empty());
}
