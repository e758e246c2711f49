//! TCP in the real world.

use std::future::{pending, poll_fn};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures::future::join_all;
use simoom::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use simoom::net::tcp::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
use simoom::net::{Interest, TcpListener, TcpStream, UnixStream, lookup_host};
use simoom::runtime::Runtime;
use simoom::task::yield_now;

fn run<F: Future>(future: F) -> F::Output {
    Runtime::new().unwrap().block_on(future)
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

async fn pair() -> (TcpStream, TcpStream) {
    let (listener, addr) = listener().await;
    let client = TcpStream::connect(addr).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    (client, server)
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

#[test]
fn public_types_are_send_and_sync_as_in_tokio() {
    fn both<T: Send + Sync + Unpin>() {}
    fn both_values<T: Send>(_: T) {}
    both::<TcpListener>();
    both::<TcpStream>();
    both::<ReadHalf<'_>>();
    both::<WriteHalf<'_>>();
    both::<OwnedReadHalf>();
    both::<OwnedWriteHalf>();
    both::<ReuniteError>();
    both::<simoom::signal::CtrlC>();
    both_values(TcpStream::connect("localhost:1"));
    both_values(TcpListener::bind(("localhost", 1)));
    both_values(lookup_host(String::from("localhost:1")));
}

#[test]
fn eight_mebibytes_come_back_unchanged() {
    run(async {
        let (client, server) = pair().await;
        let echo = simoom::spawn(async move {
            let (mut reader, mut writer) = server.into_split();
            simoom::io::copy(&mut reader, &mut writer).await.unwrap()
        });
        let sent: Vec<u8> = (0..8u32 << 20)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect();
        let expected = hash(&sent);
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
        sending.await.unwrap();
        assert_eq!(echo.await.unwrap(), 8 << 20);
        assert_eq!(received.len(), 8 << 20);
        assert_eq!(hash(&received), expected);
    });
}

#[test]
fn five_hundred_connections_are_served_at_once() {
    run(async {
        let (listener, addr) = listener().await;
        let server = simoom::spawn(async move {
            for _ in 0..500 {
                let (mut stream, _) = listener.accept().await.unwrap();
                simoom::spawn(async move {
                    let (mut reader, mut writer) = stream.split();
                    simoom::io::copy(&mut reader, &mut writer).await.unwrap();
                });
            }
        });
        let clients = (0..500u32).map(|n| {
            simoom::spawn(async move {
                let mut stream = TcpStream::connect(addr).await.unwrap();
                for round in 0..5 {
                    let sent = [n.to_le_bytes(), (n ^ round).to_le_bytes()].concat();
                    stream.write_all(&sent).await.unwrap();
                    let mut received = [0; 8];
                    stream.read_exact(&mut received).await.unwrap();
                    assert_eq!(received[..], sent);
                }
            })
        });
        for client in join_all(clients).await {
            client.unwrap();
        }
        server.await.unwrap();
    });
}

#[test]
fn readers_are_told_of_each_part_and_of_the_end() {
    run(async {
        let (mut client, mut server) = pair().await;
        let reading = simoom::spawn(async move {
            let mut parts = Vec::new();
            let mut buf = [0; 64];
            loop {
                let count = server.read(&mut buf).await.unwrap();
                parts.push(buf[..count].to_vec());
                if count == 0 {
                    return parts;
                }
            }
        });
        for part in ["a", "bc", "def"] {
            client.write_all(part.as_bytes()).await.unwrap();
            // The reader sees each part alone: the loopback device delivers at once.
            std::thread::sleep(Duration::from_millis(2));
            for _ in 0..200 {
                yield_now().await;
            }
        }
        drop(client);
        let parts = reading.await.unwrap();
        assert_eq!(parts, [&b"a"[..], b"bc", b"def", b""]);
    });
}

#[test]
fn bytes_and_end_that_arrive_together_are_both_read() {
    run(async {
        for _ in 0..200 {
            let (mut client, mut server) = pair().await;
            let reading = simoom::spawn(async move {
                let mut buf = [0; 64];
                let mut total = 0;
                loop {
                    match server.read(&mut buf).await.unwrap() {
                        0 => return total,
                        count => total += count,
                    }
                }
            });
            yield_now().await;
            client.write_all(b"last words").await.unwrap();
            drop(client);
            assert_eq!(reading.await.unwrap(), 10);
        }
    });
}

#[test]
fn half_closed_stream_still_receives() {
    run(async {
        let (mut client, mut server) = pair().await;
        client.write_all(b"question").await.unwrap();
        client.shutdown().await.unwrap();
        let mut text = String::new();
        server.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "question");
        server.write_all(b"answer").await.unwrap();
        drop(server);
        text.clear();
        client.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "answer");
        assert_eq!(
            client.write(b"more").await.unwrap_err().kind(),
            ErrorKind::BrokenPipe
        );
    });
}

#[test]
fn dropping_the_owned_write_half_ends_the_stream_unless_forgotten() {
    run(async {
        let (client, mut server) = pair().await;
        let (_reader, writer) = client.into_split();
        drop(writer);
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);

        let (client, mut server) = pair().await;
        let (reader, writer) = client.into_split();
        writer.forget();
        let waiting = poll_fn(|cx| {
            let mut bytes = [0; 8];
            let polled = Pin::new(&mut server).poll_read(cx, &mut ReadBuf::new(&mut bytes));
            Poll::Ready(polled.is_pending())
        });
        assert!(waiting.await);
        drop(reader);
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
    });
}

#[test]
fn halves_reunite_only_with_their_own() {
    run(async {
        let (one, two) = pair().await;
        let (one_read, one_write) = one.into_split();
        let (two_read, two_write) = two.into_split();
        let ReuniteError(one_read, two_write) = one_read.reunite(two_write).unwrap_err();
        let mut one = one_read.reunite(one_write).unwrap();
        let mut two = two_write.reunite(two_read).unwrap();
        one.write_all(b"x").await.unwrap();
        assert_eq!(two.read_u8().await.unwrap(), b'x');
    });
}

#[test]
fn split_halves_work_at_once_in_one_task() {
    run(async {
        let (mut client, mut server) = pair().await;
        let echo = simoom::spawn(async move {
            let (mut reader, mut writer) = server.split();
            simoom::io::copy(&mut reader, &mut writer).await.unwrap();
        });
        let (mut reader, mut writer) = client.split();
        let bytes = vec![3; 3 << 20];
        let write = async {
            writer.write_all(&bytes).await.unwrap();
            writer.shutdown().await.unwrap();
        };
        let mut received = Vec::new();
        let read = async { reader.read_to_end(&mut received).await.unwrap() };
        futures::join!(write, read);
        assert!(received == bytes);
        echo.await.unwrap();
    });
}

#[test]
fn peek_leaves_the_bytes() {
    run(async {
        let (mut client, mut server) = pair().await;
        let peeking = simoom::spawn(async move {
            let mut bytes = [0; 2];
            assert_eq!(server.peek(&mut bytes).await.unwrap(), 2);
            assert_eq!(server.peek(&mut [0; 64]).await.unwrap(), 4);
            let mut all = [0; 4];
            server.read_exact(&mut all).await.unwrap();
            assert_eq!((&bytes, &all), (b"pe", b"peek"));
            assert_eq!(server.peek(&mut bytes).await.unwrap(), 0);
        });
        yield_now().await;
        client.write_all(b"peek").await.unwrap();
        drop(client);
        peeking.await.unwrap();
    });
}

#[test]
fn vectored_writes_send_all_parts() {
    run(async {
        let (mut client, mut server) = pair().await;
        assert!(client.is_write_vectored());
        let parts = [
            IoSlice::new(b"one "),
            IoSlice::new(b""),
            IoSlice::new(b"two"),
        ];
        assert_eq!(client.write_vectored(&parts).await.unwrap(), 7);
        let (mut first, mut second) = ([0; 4], [0; 3]);
        server.read_exact(&mut first).await.unwrap();
        server.readable().await.unwrap();
        let mut bufs = [IoSliceMut::new(&mut []), IoSliceMut::new(&mut second)];
        assert_eq!(server.try_read_vectored(&mut bufs).unwrap(), 3);
        assert_eq!((&first, &second), (b"one ", b"two"));
        client.writable().await.unwrap();
        assert_eq!(client.try_write_vectored(&parts).unwrap(), 7);
    });
}

#[test]
fn tries_block_until_readiness_is_awaited() {
    run(async {
        let (client, server) = pair().await;
        let mut bytes = [0; 16];
        let error = server.try_read(&mut bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        client.writable().await.unwrap();
        assert_eq!(client.try_write(b"12345").unwrap(), 5);
        server.readable().await.unwrap();
        assert_eq!(server.try_read(&mut bytes).unwrap(), 5);
        let ready = server.ready(Interest::READABLE | Interest::WRITABLE).await;
        assert!(ready.unwrap().is_writable());

        // Until the kernel has no more room.
        let full = loop {
            match client.try_write(&[0; 65_536]) {
                Ok(count) => assert!(count > 0),
                Err(error) => break error,
            }
        };
        assert_eq!(full.kind(), ErrorKind::WouldBlock);
        let draining = simoom::spawn(async move {
            let mut bytes = vec![0; 1 << 20];
            while server.readable().await.is_ok() {
                if let Ok(0) = server.try_read(&mut bytes) {
                    break;
                }
            }
        });
        client.writable().await.unwrap();
        drop(client);
        draining.await.unwrap();
    });
}

#[test]
fn several_tasks_wait_for_one_direction() {
    run(async {
        let (mut client, server) = pair().await;
        let server = Arc::new(server);
        let tasks: Vec<_> = (0..5)
            .map(|_| {
                let server = server.clone();
                simoom::spawn(async move { server.readable().await.unwrap() })
            })
            .collect();
        // Make the source find out that there is nothing yet.
        let _ = server.try_read(&mut [0; 1]);
        yield_now().await;
        client.write_all(b"x").await.unwrap();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[test]
fn two_tasks_accept_from_one_listener() {
    run(async {
        let (listener, addr) = listener().await;
        let listener = Arc::new(listener);
        let tasks: Vec<_> = (0..2)
            .map(|_| {
                let listener = listener.clone();
                simoom::spawn(async move { listener.accept().await.map(drop) })
            })
            .collect();
        yield_now().await;
        for _ in 0..2 {
            TcpStream::connect(addr).await.unwrap();
        }
        for task in tasks {
            task.await.unwrap().unwrap();
        }
    });
}

#[test]
fn refused_connection_is_an_error_and_the_next_address_is_tried() {
    run(async {
        let (gone, addr) = listener().await;
        drop(gone);
        let error = TcpStream::connect(addr).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let (_listener, alive) = listener().await;
        let stream = TcpStream::connect(&[addr, alive][..]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), alive);
        let error = TcpStream::connect(&[][..]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn names_are_looked_up_and_literals_are_not() {
    run(async {
        let (_listener, addr) = listener().await;
        TcpStream::connect(("localhost", addr.port()))
            .await
            .unwrap();
        TcpStream::connect(format!("localhost:{}", addr.port()))
            .await
            .unwrap();
        let error = TcpStream::connect("localhost").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(lookup_host("name.invalid:80").await.is_err());
    });
    let literal = futures::executor::block_on(async {
        lookup_host("[::1]:80").await.unwrap().collect::<Vec<_>>()
    });
    assert_eq!(literal, ["[::1]:80".parse().unwrap()]);
}

#[test]
fn sockets_of_the_standard_library_come_and_go() {
    let rt = Runtime::new().unwrap();
    rt.block_on(async {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let addr = listener.local_addr().unwrap();
        let client = std::net::TcpStream::connect(addr).unwrap();
        client.set_nonblocking(true).unwrap();
        let mut client = TcpStream::from_std(client).unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        server.write_all(b"x").await.unwrap();
        assert_eq!(client.read_u8().await.unwrap(), b'x');
        assert!(client.as_raw_fd() >= 0 && listener.as_fd().as_raw_fd() >= 0);

        let mut std_client = client.into_std().unwrap();
        std_client.set_nonblocking(false).unwrap();
        let std_listener = listener.into_std().unwrap();
        assert_eq!(std_listener.local_addr().unwrap(), addr);
        std_client.write_all(b"y").unwrap();
        assert_eq!(server.read_u8().await.unwrap(), b'y');
        // Events of the descriptor that lives on must not disturb the next socket.
        let (mut one, mut two) = pair().await;
        server.write_all(b"z").await.unwrap();
        one.write_all(b"w").await.unwrap();
        assert_eq!(two.read_u8().await.unwrap(), b'w');
        let mut bytes = [0; 1];
        std_client.read_exact(&mut bytes).unwrap();
        assert_eq!(bytes, *b"z");
    });
}

#[test]
fn options_are_those_of_the_socket() {
    run(async {
        let (client, _server) = pair().await;
        assert!(!client.nodelay().unwrap());
        client.set_nodelay(true).unwrap();
        assert!(client.nodelay().unwrap());
        client.set_ttl(42).unwrap();
        assert_eq!(client.ttl().unwrap(), 42);
        assert_eq!(client.linger().unwrap(), None);
        client.set_linger(Some(Duration::from_secs(3))).unwrap();
        assert_eq!(client.linger().unwrap(), Some(Duration::from_secs(3)));
        assert!(client.take_error().unwrap().is_none());
        let (listener, addr) = listener().await;
        listener.set_ttl(7).unwrap();
        assert_eq!(listener.ttl().unwrap(), 7);
        assert!(format!("{listener:?}").contains(&addr.to_string()));
    });
}

#[test]
fn reset_is_an_error_of_the_reader() {
    run(async {
        let (client, mut server) = pair().await;
        client.set_linger(Some(Duration::ZERO)).unwrap();
        let reading = simoom::spawn(async move { server.read(&mut [0; 8]).await });
        yield_now().await;
        drop(client);
        let error = reading.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn sockets_need_a_runtime_to_be_made_and_say_so() {
    let errors = futures::executor::block_on(async {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        [
            TcpListener::bind("127.0.0.1:0").await.map(drop),
            TcpStream::connect("127.0.0.1:1").await.map(drop),
            lookup_host("localhost:1").await.map(drop),
            TcpListener::from_std(listener).map(drop),
        ]
    });
    for error in errors {
        let text = error.unwrap_err().to_string();
        assert!(text.contains("inside `Runtime::block_on`"), "{text}");
    }
}

#[test]
fn entered_thread_makes_sockets_that_another_thread_serves() {
    let rt = Runtime::new().unwrap();
    let handle = rt.handle().clone();
    let thread = std::thread::spawn(move || {
        let _guard = handle.enter();
        futures::executor::block_on(async {
            let (mut client, mut server) = pair().await;
            let write = async {
                // The reader waits by then.
                std::thread::sleep(Duration::from_millis(5));
                client.write_all(b"x").await.unwrap();
            };
            let (byte, ()) = futures::join!(server.read_u8(), write);
            byte.unwrap()
        })
    });
    rt.block_on(async {
        while !thread.is_finished() {
            yield_now().await;
        }
    });
    assert_eq!(thread.join().unwrap(), b'x');
}

#[test]
fn dropping_the_runtime_closes_the_sockets_of_its_tasks() {
    let rt = Runtime::new().unwrap();
    let mut peer = rt.block_on(async {
        let (listener, addr) = listener().await;
        let peer = std::net::TcpStream::connect(addr).unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        simoom::spawn(async move {
            let _ = stream.read(&mut [0; 8]).await;
            pending::<()>().await;
            drop((stream, listener));
        });
        yield_now().await;
        peer
    });
    drop(rt);
    assert_eq!(peer.read(&mut [0; 8]).unwrap(), 0, "the peer sees the end");
}

#[test]
fn socket_that_outlives_its_runtime_fails_and_says_why() {
    let rt = Runtime::new().unwrap();
    let (mut client, server, listener) = rt.block_on(async {
        let (listener, addr) = listener().await;
        let client = TcpStream::connect(addr).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        (client, server, listener)
    });
    let waiting = std::thread::spawn(move || {
        let mut server = server;
        let error = futures::executor::block_on(server.read(&mut [0; 8]));
        (error.unwrap_err(), server)
    });
    std::thread::sleep(Duration::from_millis(20));
    drop(rt);
    let (error, server) = waiting.join().unwrap();
    let errors = run(async {
        let attempts = [
            client.write(b"x").await.map(drop),
            client.read(&mut [0; 8]).await.map(drop),
            server.readable().await,
            listener.accept().await.map(drop),
            Err(error),
        ];
        attempts.map(Result::unwrap_err)
    });
    for error in errors {
        assert!(error.to_string().contains("was dropped"), "{error}");
    }
}

#[test]
fn stream_is_read_by_a_thread_that_does_not_run_the_runtime() {
    let rt = Runtime::new().unwrap();
    let handle = rt.handle().clone();
    let (client, mut server) = rt.block_on(pair());
    let thread = std::thread::spawn(move || {
        handle.block_on(async move {
            let mut total = 0;
            let mut bytes = [0; 1000];
            loop {
                match server.read(&mut bytes).await.unwrap() {
                    0 => return total,
                    count => total += count,
                }
            }
        })
    });
    rt.block_on(async move {
        let mut client = client;
        for _ in 0..100 {
            client.write_all(&[1; 777]).await.unwrap();
            yield_now().await;
        }
        drop(client);
        while !thread.is_finished() {
            yield_now().await;
        }
        assert_eq!(thread.join().unwrap(), 77_700);
    });
}

#[test]
fn empty_buffer_reads_nothing_at_once() {
    run(async {
        let (mut client, _server) = pair().await;
        assert_eq!(client.read(&mut []).await.unwrap(), 0);
        assert_eq!(client.write(&[]).await.unwrap(), 0);
    });
}

#[test]
fn stream_of_ready_bytes_yields_to_other_tasks() {
    run(async {
        let (mut client, mut server) = pair().await;
        client.write_all(&[0; 1000]).await.unwrap();
        let other = simoom::spawn(async {});
        simoom::spawn(async move {
            for _ in 0..1000 {
                server.read_u8().await.unwrap();
                if other.is_finished() {
                    return;
                }
            }
            panic!("the other task had no turn in a thousand reads");
        })
        .await
        .unwrap();
    });
}

#[test]
fn vectored_tries_fill_several_buffers() {
    let check = |count: std::io::Result<usize>, one: [u8; 2], two: [u8; 8]| {
        assert_eq!(count.unwrap(), 5);
        assert_eq!((&one, &two[..3]), (b"ab", &b"cde"[..]));
    };
    run(async {
        let (mut client, server) = pair().await;
        client.write_all(b"abcde").await.unwrap();
        server.readable().await.unwrap();
        while server.peek(&mut [0; 8]).await.unwrap() < 5 {}
        let (mut one, mut none, mut two) = ([0; 2], [0; 0], [0; 8]);
        let mut bufs = [&mut one[..], &mut none, &mut two].map(IoSliceMut::new);
        let count = server.try_read_vectored(&mut bufs);
        check(count, one, two);

        let (client, server) = UnixStream::pair().unwrap();
        client.try_write(b"abcde").unwrap();
        let (mut one, mut two) = ([0; 2], [0; 8]);
        let mut bufs = [&mut one[..], &mut two].map(IoSliceMut::new);
        let count = server.try_read_vectored(&mut bufs);
        check(count, one, two);
        let error = server.try_read_vectored(&mut [IoSliceMut::new(&mut two)]);
        assert_eq!(error.unwrap_err().kind(), ErrorKind::WouldBlock);

        let (sender, receiver) = simoom::net::unix::pipe::pipe().unwrap();
        sender.try_write(b"abcde").unwrap();
        let (mut one, mut two) = ([0; 2], [0; 8]);
        let mut bufs = [&mut one[..], &mut two].map(IoSliceMut::new);
        let count = receiver.try_read_vectored(&mut bufs);
        check(count, one, two);
    });
}
