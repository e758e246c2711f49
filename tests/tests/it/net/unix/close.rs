//! How streams end.

use std::io::{ErrorKind, IoSlice};

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{UnixListener, UnixStream};
use simoom_tests::{both, settle};

use super::super::pattern;
use super::errno::{ECONNREFUSED, ECONNRESET, EPIPE};
use super::{is_error, name, pair};

both! {
    async fn the_end_of_the_stream_is_read_again_and_again() {
        let (one, mut two) = pair();
        drop(one);
        for _ in 0..3 {
            assert_eq!(two.read(&mut [0; 8]).await.unwrap(), 0);
        }
    }

    async fn what_was_written_before_the_close_arrives() {
        let (mut one, mut two) = pair();
        one.write_all(&pattern(50_000)).await.unwrap();
        drop(one);
        let mut received = Vec::new();
        two.read_to_end(&mut received).await.unwrap();
        assert!(received == pattern(50_000));
    }

    async fn a_close_wakes_a_waiting_reader() {
        let (one, mut two) = pair();
        let reading = simoom::spawn(async move { two.read(&mut [0; 8]).await });
        settle().await;
        assert!(!reading.is_finished());
        drop(one);
        assert_eq!(reading.await.unwrap().unwrap(), 0);
    }

    async fn a_half_closed_stream_still_reads() {
        let (mut one, mut two) = pair();
        one.write_all(b"question").await.unwrap();
        one.shutdown().await.unwrap();
        let mut text = String::new();
        two.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "question");
        two.write_all(b"answer").await.unwrap();
        two.shutdown().await.unwrap();
        let mut text = String::new();
        one.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "answer");
        // There is a peer still.
        one.peer_addr().unwrap();
    }

    async fn writing_after_the_own_end_is_a_broken_pipe() {
        let (mut one, mut two) = pair();
        one.shutdown().await.unwrap();
        one.shutdown().await.unwrap();
        for _ in 0..2 {
            is_error(one.write(b"late").await, EPIPE);
        }
        two.write_all(b"x").await.unwrap();
        assert_eq!(one.read(&mut [0; 8]).await.unwrap(), 1);
    }

    async fn writing_to_a_closed_peer_is_a_broken_pipe_at_once() {
        let (mut one, two) = pair();
        drop(two);
        for _ in 0..2 {
            is_error(one.write(b"x").await, EPIPE);
        }
        is_error(one.try_write(b""), EPIPE);
        one.peer_addr().unwrap();
        one.shutdown().await.unwrap();
        assert!(one.take_error().unwrap().is_none());
    }

    async fn closing_with_unread_bytes_resets_the_peer_once() {
        let (mut one, two) = pair();
        one.write_all(b"unread").await.unwrap();
        drop(two);
        is_error(one.write(b"x").await, EPIPE);
        is_error(one.read(&mut [0; 8]).await, ECONNRESET);
        assert_eq!(one.read(&mut [0; 8]).await.unwrap(), 0);
        is_error(one.write(b"x").await, EPIPE);
    }

    async fn bytes_that_came_before_a_reset_can_be_read() {
        let (mut one, mut two) = pair();
        one.write_all(b"unread").await.unwrap();
        two.write_all(b"answer").await.unwrap();
        drop(two);
        let mut bytes = [0; 6];
        one.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"answer");
        is_error(one.read(&mut [0; 8]).await, ECONNRESET);
        assert_eq!(one.read(&mut [0; 8]).await.unwrap(), 0);
    }

    async fn an_error_that_was_taken_is_not_read() {
        let (mut one, two) = pair();
        one.write_all(b"unread").await.unwrap();
        drop(two);
        let error = one.take_error().unwrap().unwrap();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert!(one.take_error().unwrap().is_none());
        assert_eq!(one.read(&mut [0; 8]).await.unwrap(), 0);
    }

    async fn a_listener_that_goes_resets_those_who_wait() {
        let name = name();
        let listener = UnixListener::bind(&name).unwrap();
        let mut one = UnixStream::connect(&name).await.unwrap();
        let mut two = UnixStream::connect(&name).await.unwrap();
        two.write_all(b"x").await.unwrap();
        drop(listener);
        is_error(one.read(&mut [0; 8]).await, ECONNRESET);
        assert_eq!(one.read(&mut [0; 8]).await.unwrap(), 0);
        is_error(two.write(b"x").await, EPIPE);
        is_error(two.read(&mut [0; 8]).await, ECONNRESET);
        two.peer_addr().unwrap();
        is_error(UnixStream::connect(&name).await, ECONNREFUSED);
    }

    async fn an_accepted_stream_outlives_its_listener() {
        let name = name();
        let listener = UnixListener::bind(&name).unwrap();
        let mut client = UnixStream::connect(&name).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        drop(listener);
        client.write_all(b"x").await.unwrap();
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 1);
    }

    async fn bytes_can_be_written_before_the_accept() {
        let name = name();
        let listener = UnixListener::bind(&name).unwrap();
        let mut client = UnixStream::connect(&name).await.unwrap();
        client.write_all(b"early").await.unwrap();
        drop(client);
        let (mut server, _) = listener.accept().await.unwrap();
        let mut text = String::new();
        server.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "early");
    }

    async fn an_empty_write_of_parts_is_refused_as_any_other() {
        let (mut one, two) = pair();
        assert_eq!(one.write_vectored(&[IoSlice::new(b"")]).await.unwrap(), 0);
        drop(two);
        is_error(one.try_write_vectored(&[IoSlice::new(b"")]), EPIPE);
    }
}
