//! The two directions apart.

use std::io::{ErrorKind, IoSlice, IoSliceMut};

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{Interest, UnixStream};
use simoom_tests::{both, settle};

use super::pair;

both! {
    async fn borrowed_halves_read_and_write_at_once() {
        let (mut one, mut two) = pair();
        let (mut reader, mut writer) = one.split();
        let echo = async {
            let mut bytes = [0; 4];
            two.read_exact(&mut bytes).await.unwrap();
            two.write_all(&bytes).await.unwrap();
        };
        let ask = async {
            writer.write_all(b"ping").await.unwrap();
            let mut bytes = [0; 4];
            reader.read_exact(&mut bytes).await.unwrap();
            assert_eq!(&bytes, b"ping");
        };
        simoom::join!(echo, ask);
        // Dropping a borrowed half ends nothing.
        let (_, mut writer) = one.split();
        writer.write_all(b"x").await.unwrap();
        writer.shutdown().await.unwrap();
        let mut rest = Vec::new();
        two.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"x");
    }

    async fn owned_halves_go_to_two_tasks() {
        let (one, mut two) = pair();
        let (mut reader, mut writer) = one.into_split();
        let writing = simoom::spawn(async move {
            writer.write_all(b"from a task").await.unwrap();
        });
        let mut text = String::new();
        two.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "from a task");
        writing.await.unwrap();
        two.write_all(b"back").await.unwrap();
        let mut bytes = [0; 4];
        reader.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"back");
    }

    async fn a_forgotten_write_half_ends_nothing() {
        let (one, mut two) = pair();
        let (reader, writer) = one.into_split();
        writer.forget();
        settle().await;
        assert_eq!(two.try_read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
        drop(reader);
        assert_eq!(two.read(&mut [0; 8]).await.unwrap(), 0);
    }

    async fn halves_of_one_stream_make_it_whole() {
        let (one, mut two) = pair();
        let (reader, writer) = one.into_split();
        let mut one = reader.reunite(writer).unwrap();
        one.write_all(b"x").await.unwrap();
        assert_eq!(two.read(&mut [0; 8]).await.unwrap(), 1);
        let (reader, writer) = one.into_split();
        let mut one = writer.reunite(reader).unwrap();
        two.write_all(b"yz").await.unwrap();
        assert_eq!(one.read_u16().await.unwrap(), u16::from_be_bytes(*b"yz"));
    }

    async fn halves_of_two_streams_stay_apart() {
        let (one, two) = pair();
        let (one_reader, _one_writer) = one.into_split();
        let (_two_reader, two_writer) = two.into_split();
        let error = one_reader.reunite(two_writer).unwrap_err();
        assert_eq!(error.to_string(), "the halves are of two streams");
    }

    async fn borrowed_halves_can_be_tried() {
        let (mut one, mut two) = pair();
        let (_, writer) = one.split();
        let mut sent = 0;
        while sent < 3 {
            sent += writer.try_write(&b"abc"[sent..]).unwrap();
        }
        let (reader, _) = two.split();
        let mut seen = Vec::with_capacity(8);
        while seen.len() < 3 {
            reader.readable().await.unwrap();
            reader.try_read_buf(&mut seen).unwrap();
        }
        assert_eq!(seen, b"abc");
        assert!(two.as_ref().local_addr().unwrap().is_unnamed());
    }

    async fn halves_can_be_tried() {
        let (one, two) = pair();
        let (reader, writer) = one.into_split();
        let (peer_reader, peer_writer) = two.into_split();
        writer.writable().await.unwrap();
        let mut sent = writer.try_write(b"ab").unwrap();
        sent += writer.try_write_vectored(&[IoSlice::new(b"cd")]).unwrap();
        peer_reader.readable().await.unwrap();
        assert!(peer_reader.ready(Interest::READABLE).await.unwrap().is_readable());
        let mut seen = Vec::with_capacity(16);
        while seen.len() < sent {
            let mut some = [0; 1];
            assert_eq!(peer_reader.try_read(&mut some).unwrap(), 1);
            seen.extend(some);
            if seen.len() < sent {
                peer_reader.try_read_buf(&mut seen).unwrap();
            }
        }
        assert_eq!(seen[0], b'a');
        let error = reader.try_read_vectored(&mut [IoSliceMut::new(&mut [0; 4])]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert!(peer_writer.ready(Interest::WRITABLE).await.unwrap().is_writable());
        assert!(reader.local_addr().unwrap().is_unnamed());
        assert!(writer.peer_addr().unwrap().is_unnamed());
        let whole: &UnixStream = reader.as_ref();
        whole.peer_cred().unwrap();
    }
}
