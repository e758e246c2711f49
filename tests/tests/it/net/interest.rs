//! Waiting for what is neither bytes nor room.

use std::io::{self, ErrorKind};

use simoom::net::{Interest, Ready, TcpStream, UdpSocket, UnixStream};
use simoom::time::{Duration, timeout};
use simoom_tests::both;

use super::pair;

const MS: Duration = Duration::from_millis(5);
/// Nothing that comes takes as long.
const LONG: Duration = Duration::from_secs(20);

/// A stream that its peer has reset.
async fn reset() -> TcpStream {
    let (client, server) = pair().await;
    server.set_zero_linger().unwrap();
    drop(server);
    client
}

both! {
    async fn an_error_can_be_waited_for() {
        let (client, server) = pair().await;
        client.try_write(b"unread").unwrap();
        assert!(timeout(MS, client.ready(Interest::ERROR)).await.is_err(), "there is none yet");
        let waiting = simoom::spawn(async move {
            let ready = client.ready(Interest::ERROR).await.unwrap();
            (ready, client)
        });
        simoom_tests::settle().await;
        assert!(!waiting.is_finished());
        server.set_zero_linger().unwrap();
        drop(server);
        let (ready, client) = waiting.await.unwrap();
        assert_eq!(ready, Ready::ERROR, "nothing else was asked for");
        assert!(ready.is_error() && !ready.is_readable());
        let error = client.take_error().unwrap().unwrap();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }

    async fn an_error_shows_beside_what_it_makes_ready() {
        let client = reset().await;
        client.ready(Interest::ERROR).await.unwrap();
        let all = Interest::READABLE | Interest::WRITABLE | Interest::ERROR;
        let ready = client.ready(all).await.unwrap();
        assert!(ready.is_error() && ready.is_read_closed() && ready.is_write_closed(), "{ready:?}");
        let ready = client.ready(Interest::READABLE).await.unwrap();
        assert!(!ready.is_error(), "it was not asked for: {ready:?}");
    }

    async fn an_attempt_for_an_error_runs_when_there_is_one() {
        let (client, server) = pair().await;
        let mut ran = false;
        let early = client.try_io(Interest::ERROR, || {
            ran = true;
            Ok(())
        });
        assert_eq!(early.unwrap_err().kind(), ErrorKind::WouldBlock);
        assert!(!ran, "there is no error");
        server.set_zero_linger().unwrap();
        drop(server);
        let taken = client.async_io(Interest::ERROR, || Ok(client.take_error()?.is_some())).await;
        assert!(taken.unwrap());
    }

    async fn an_attempt_for_an_error_that_would_block_waits_for_a_change() {
        let client = reset().await;
        let mut calls = 0;
        let attempt = client.async_io(Interest::ERROR, || -> io::Result<()> {
            calls += 1;
            Err(ErrorKind::WouldBlock.into())
        });
        assert!(timeout(MS, attempt).await.is_err());
        assert!((1..10).contains(&calls), "{calls} calls");
        // The end and reading are other matters.
        let ready = client.ready(Interest::PRIORITY).await.unwrap();
        assert!(ready.is_read_closed(), "{ready:?}");
        assert_eq!(client.try_read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    }

    async fn a_datagram_that_nobody_took_is_an_error() {
        let nobody = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(nobody).await.unwrap();
        assert!(timeout(MS, socket.ready(Interest::ERROR)).await.is_err());
        socket.send(b"x").await.unwrap();
        assert!(socket.ready(Interest::ERROR).await.unwrap().is_error());
        let error = socket.take_error().unwrap().unwrap();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }

    async fn a_wait_for_an_error_that_was_in_vain_ends_with_the_next_one() {
        let nobody = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(nobody).await.unwrap();
        for _ in 0..3 {
            socket.send(b"x").await.unwrap();
            let waiting = socket.ready(Interest::ERROR);
            let ready = timeout(LONG, waiting).await.expect("another one has come").unwrap();
            assert!(ready.is_error());
            let blocks = || Err::<(), _>(ErrorKind::WouldBlock.into());
            socket.try_io(Interest::ERROR, blocks).unwrap_err();
            assert!(timeout(MS, socket.ready(Interest::ERROR)).await.is_err(), "it is the same");
            let error = socket.take_error().unwrap().unwrap();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        }
    }

    async fn what_the_end_of_a_stream_left_in_vain_its_reset_does_not() {
        let (client, mut server) = pair().await;
        simoom::io::AsyncWriteExt::shutdown(&mut server).await.unwrap();
        let ready = client.ready(Interest::PRIORITY).await.unwrap();
        assert!(ready.is_read_closed() && !ready.is_priority(), "{ready:?}");
        let blocks = || Err::<(), _>(ErrorKind::WouldBlock.into());
        client.try_io(Interest::PRIORITY, blocks).unwrap_err();
        assert!(timeout(MS, client.ready(Interest::ERROR)).await.is_err(), "there is none yet");
        // What comes now meets nobody.
        drop(server);
        client.try_write(b"x").unwrap();
        let waiting = client.ready(Interest::ERROR);
        let ready = timeout(LONG, waiting).await.expect("it was reset").unwrap();
        assert!(ready.is_error());
        let waiting = client.ready(Interest::PRIORITY);
        let ready = timeout(LONG, waiting).await.expect("it was reset").unwrap();
        assert!(ready.is_read_closed(), "{ready:?}");
        let error = client.take_error().unwrap().unwrap();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    }

    async fn unread_bytes_are_an_error_of_a_unix_stream() {
        let (one, two) = UnixStream::pair().unwrap();
        one.try_write(b"unread").unwrap();
        assert!(timeout(MS, one.ready(Interest::ERROR)).await.is_err());
        drop(two);
        assert!(one.ready(Interest::ERROR).await.unwrap().is_error());
    }

    async fn the_end_of_a_stream_ends_the_wait_for_urgent_bytes() {
        let (client, mut server) = pair().await;
        server.try_write(b"not urgent").unwrap();
        assert!(timeout(MS, client.ready(Interest::PRIORITY)).await.is_err());
        simoom::io::AsyncWriteExt::shutdown(&mut server).await.unwrap();
        let ready = client.ready(Interest::PRIORITY).await.unwrap();
        assert!(ready.is_read_closed() && !ready.is_priority(), "{ready:?}");
    }

    async fn nothing_urgent_after_the_end_is_not_looked_for_again_and_again() {
        let (mut client, mut server) = pair().await;
        simoom::io::AsyncWriteExt::shutdown(&mut server).await.unwrap();
        assert_eq!(client.ready(Interest::PRIORITY).await.unwrap(), Ready::READ_CLOSED);
        let mut calls = 0;
        let attempt = client.async_io(Interest::PRIORITY, || -> io::Result<()> {
            calls += 1;
            Err(ErrorKind::WouldBlock.into())
        });
        assert!(timeout(MS, attempt).await.is_err());
        assert!((1..10).contains(&calls), "{calls} calls");
        assert!(timeout(MS, client.ready(Interest::PRIORITY)).await.is_err(), "nothing has changed");
        // Errors and the end are other matters.
        let error = client.try_io(Interest::ERROR, || Ok(())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        let ready = client.ready(Interest::READABLE).await.unwrap();
        assert!(ready.is_readable() && ready.is_read_closed(), "{ready:?}");
        assert_eq!(client.try_read(&mut [0; 8]).unwrap(), 0);
        // What happens next is worth another look.
        let writing = simoom::spawn(async move {
            let bytes = vec![0; 8 << 20];
            simoom::io::AsyncWriteExt::write_all(&mut client, &bytes).await.unwrap();
            client.ready(Interest::PRIORITY).await.unwrap()
        });
        let mut sink = simoom::io::sink();
        let copying = simoom::io::copy(&mut server, &mut sink);
        let (ready, copied) = simoom::join!(writing, copying);
        assert_eq!((ready.unwrap(), copied.unwrap()), (Ready::READ_CLOSED, 8 << 20));
    }

    async fn interests_are_taken_apart() {
        let both = Interest::READABLE | Interest::ERROR;
        assert!(both.is_readable() && both.is_error());
        assert!(!both.is_writable() && !both.is_priority());
        assert_eq!(both.remove(Interest::READABLE), Some(Interest::ERROR));
        assert_eq!(both.remove(both), None);
        assert_eq!(format!("{both:?}"), "READABLE | ERROR");
        assert_eq!(format!("{:?}", Interest::PRIORITY), "PRIORITY");
        let ready = Ready::ERROR | Ready::PRIORITY;
        assert!(ready.is_error() && ready.is_priority() && !ready.is_readable());
        assert_eq!(Ready::ALL - ready - Ready::READABLE - Ready::READ_CLOSED,
            Ready::WRITABLE | Ready::WRITE_CLOSED);
        assert!(format!("{ready:?}").ends_with("is_error: true, is_priority: true }"));
        let _: simoom::io::Interest = Interest::ERROR;
    }
}

#[test]
fn bytes_behind_urgent_ones_are_read() {
    simoom_tests::real(|| async {
        for taken in [false, true] {
            let (client, server) = pair().await;
            let mut buf = [0; 64];
            client.try_read(&mut buf).unwrap_err();
            assert!(timeout(MS, client.readable()).await.is_err());
            // From now on the kernel tells of changes alone.
            server.try_write(b"ab").unwrap();
            let out_of_band = socket2::SockRef::from(&server).send_out_of_band(b"!");
            out_of_band.unwrap();
            server.try_write(b"cd").unwrap();
            let ready = client.ready(Interest::PRIORITY).await.unwrap();
            assert!(ready.is_priority());
            if taken {
                let mut byte = [std::mem::MaybeUninit::uninit(); 1];
                let received = client.try_io(Interest::PRIORITY, || {
                    socket2::SockRef::from(&client).recv_out_of_band(&mut byte)
                });
                assert_eq!(received.unwrap(), 1);
            }
            let mut seen = Vec::new();
            while seen.len() < 4 {
                let read = client.async_io(Interest::READABLE, || client.try_read(&mut buf));
                let count = timeout(LONG, read).await;
                let count = count.expect("the rest must not be taken for none").unwrap();
                seen.extend_from_slice(&buf[..count]);
            }
            assert_eq!(seen, b"abcd");
        }
    });
}

#[test]
fn urgent_bytes_are_told_of() {
    simoom_tests::real(|| async {
        let (client, server) = pair().await;
        assert!(timeout(MS, client.ready(Interest::PRIORITY)).await.is_err());
        socket2::SockRef::from(&server)
            .send_out_of_band(b"!")
            .unwrap();
        let ready = client.ready(Interest::PRIORITY).await.unwrap();
        assert_eq!(ready, Ready::PRIORITY);
        let mut byte = [std::mem::MaybeUninit::uninit(); 1];
        let received = client.try_io(Interest::PRIORITY, || {
            socket2::SockRef::from(&client).recv_out_of_band(&mut byte)
        });
        assert_eq!(received.unwrap(), 1);
        // Bytes that are not urgent go on as before.
        server.try_write(b"later").unwrap();
        client.readable().await.unwrap();
        let mut buf = [0; 8];
        let count = client
            .async_io(Interest::READABLE, || client.try_read(&mut buf))
            .await;
        assert_eq!(&buf[..count.unwrap()], b"later");
    });
}
