//! How connections end. Where TCP leaves a choice, Linux decides.

use std::io::ErrorKind;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::TcpStream;
use simoom::time::Duration;
use simoom_tests::{both, settle};

use super::{listener, pair, pattern};

both! {
    async fn the_end_of_the_stream_is_read_again_and_again() {
        let (client, mut server) = pair().await;
        drop(client);
        for _ in 0..3 {
            assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
        }
    }

    async fn str_7_what_was_written_before_the_close_arrives() {
        let (mut client, mut server) = pair().await;
        client.write_all(&pattern(50_000)).await.unwrap();
        drop(client);
        let mut received = Vec::new();
        server.read_to_end(&mut received).await.unwrap();
        assert!(received == pattern(50_000));
    }

    async fn a_close_wakes_a_waiting_reader() {
        let (client, mut server) = pair().await;
        let reading = simoom::spawn(async move { server.read(&mut [0; 8]).await });
        settle().await;
        assert!(!reading.is_finished());
        drop(client);
        assert_eq!(reading.await.unwrap().unwrap(), 0);
    }

    async fn a_half_closed_stream_still_reads() {
        let (mut client, mut server) = pair().await;
        client.write_all(b"question").await.unwrap();
        client.shutdown().await.unwrap();
        let mut text = String::new();
        server.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "question");
        // The other direction is untouched.
        server.write_all(b"answer").await.unwrap();
        settle().await;
        server.write_all(b"!").await.unwrap();
        server.shutdown().await.unwrap();
        let mut text = String::new();
        client.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "answer!");
    }

    async fn the_accepting_side_may_end_first() {
        let (mut client, mut server) = pair().await;
        server.shutdown().await.unwrap();
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
        client.write_all(b"still").await.unwrap();
        drop(client);
        let mut text = String::new();
        server.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "still");
    }

    async fn writing_after_the_own_end_is_a_broken_pipe() {
        let (mut client, mut server) = pair().await;
        client.shutdown().await.unwrap();
        for _ in 0..2 {
            let error = client.write(b"late").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        }
        // The connection lives on.
        server.write_all(b"x").await.unwrap();
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 1);
    }

    async fn ending_twice_is_fine() {
        let (mut client, mut server) = pair().await;
        client.shutdown().await.unwrap();
        client.shutdown().await.unwrap();
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
        server.shutdown().await.unwrap();
        settle().await;
        client.shutdown().await.unwrap();
        server.shutdown().await.unwrap();
    }

    async fn both_ends_may_end_at_once() {
        let (mut client, mut server) = pair().await;
        let (one, two) = simoom::join!(client.shutdown(), server.shutdown());
        one.unwrap();
        two.unwrap();
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
    }

    async fn when_both_have_finished_there_is_no_peer() {
        let (mut client, mut server) = pair().await;
        client.shutdown().await.unwrap();
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
        assert!(server.peer_addr().is_ok());
        assert!(client.peer_addr().is_ok());
        server.shutdown().await.unwrap();
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
        settle().await;
        let error = client.peer_addr().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected);
        let error = server.peer_addr().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected);
        assert!(client.local_addr().is_ok());
        // The end stays the end.
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
        let error = client.write(b"x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    }

    async fn str_7_closing_with_unread_bytes_resets() {
        let (mut client, server) = pair().await;
        client.write_all(b"unread").await.unwrap();
        settle().await;
        drop(server);
        let error = client.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        // The error is told once.
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
        let error = client.write(b"x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    }

    async fn a_reset_is_told_to_a_writer_once() {
        let (mut client, server) = pair().await;
        client.write_all(b"unread").await.unwrap();
        settle().await;
        drop(server);
        settle().await;
        let error = client.write(b"x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        let error = client.write(b"x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
    }

    async fn bytes_that_arrived_before_a_reset_can_be_read() {
        let (mut client, mut server) = pair().await;
        client.write_all(b"unread").await.unwrap();
        server.write_all(b"answer").await.unwrap();
        settle().await;
        drop(server);
        settle().await;
        let mut bytes = [0; 6];
        client.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"answer");
        let error = client.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
    }

    async fn bytes_that_come_to_a_closed_peer_reset() {
        let (mut client, server) = pair().await;
        drop(server);
        settle().await;
        // The first write is taken; the peer answers it with a reset.
        assert_eq!(client.write(b"x").await.unwrap(), 1);
        settle().await;
        for _ in 0..2 {
            let error = client.write(b"y").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        }
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
    }

    async fn lingering_for_zero_resets() {
        let (client, mut server) = pair().await;
        client.set_linger(Some(Duration::ZERO)).unwrap();
        drop(client);
        let error = server.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
    }

    async fn str_4_a_reset_wakes_a_waiting_reader() {
        let (client, mut server) = pair().await;
        let reading = simoom::spawn(async move { server.read(&mut [0; 8]).await });
        settle().await;
        client.set_linger(Some(Duration::ZERO)).unwrap();
        drop(client);
        let error = reading.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }

    async fn str_6_a_reset_wakes_a_waiting_writer() {
        let (mut client, server) = pair().await;
        let writing = simoom::spawn(async move {
            loop {
                if let Err(error) = client.write(&[0; 65_536]).await {
                    return error.kind();
                }
            }
        });
        settle().await;
        assert!(!writing.is_finished());
        drop(server);
        assert_eq!(writing.await.unwrap(), ErrorKind::ConnectionReset);
    }

    async fn the_error_of_a_reset_can_be_taken() {
        let (client, mut server) = pair().await;
        client.set_linger(Some(Duration::ZERO)).unwrap();
        drop(client);
        settle().await;
        server.readable().await.unwrap();
        let error = server.take_error().unwrap().unwrap();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert!(server.take_error().unwrap().is_none());
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
    }

    async fn after_a_reset_there_is_no_peer() {
        let (client, mut server) = pair().await;
        let addr = server.local_addr().unwrap();
        client.set_linger(Some(Duration::ZERO)).unwrap();
        drop(client);
        settle().await;
        let error = server.peer_addr().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected);
        assert_eq!(server.local_addr().unwrap(), addr);
        // Ending what has ended is fine.
        server.shutdown().await.unwrap();
    }

    async fn a_reset_of_a_half_closed_stream_is_a_broken_pipe_to_writers() {
        let (mut client, mut server) = pair().await;
        server.shutdown().await.unwrap();
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
        client.write_all(b"unread").await.unwrap();
        settle().await;
        drop(server);
        settle().await;
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
        let error = client.write(b"x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    }

    async fn unread_bytes_behind_a_half_close_reset_too() {
        let (mut client, server) = pair().await;
        client.write_all(b"unread").await.unwrap();
        client.shutdown().await.unwrap();
        settle().await;
        drop(server);
        let error = client.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }

    async fn bytes_read_in_full_do_not_reset() {
        let (mut client, mut server) = pair().await;
        client.write_all(b"read").await.unwrap();
        let mut bytes = [0; 4];
        server.read_exact(&mut bytes).await.unwrap();
        drop(server);
        for _ in 0..2 {
            assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
        }
    }

    async fn a_dropped_end_is_a_close_even_in_a_task_that_was_aborted() {
        let (client, mut server) = pair().await;
        let holding = simoom::spawn(async move {
            let _client = client;
            std::future::pending::<()>().await;
        });
        settle().await;
        holding.abort();
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
    }

    async fn a_connection_closed_before_its_accept_is_accepted() {
        let (listener, addr) = listener().await;
        drop(TcpStream::connect(addr).await.unwrap());
        settle().await;
        let (mut server, _) = listener.accept().await.unwrap();
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
    }
}
