//! What a dropped operation leaves behind: nothing.

use std::io::ErrorKind;
use std::sync::Arc;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::TcpStream;
use simoom::time::{Duration, sleep, timeout};
use simoom_tests::{both, settle};

use super::{listener, pair, pattern};

const MS: Duration = Duration::from_millis(1);

both! {
    async fn loop_12_a_cancelled_read_loses_no_bytes() {
        let (mut client, mut server) = pair().await;
        let sent = pattern(40);
        let parts = sent.clone();
        let writing = simoom::spawn(async move {
            for part in parts.chunks(4) {
                sleep(Duration::from_micros(400)).await;
                client.write_all(part).await.unwrap();
            }
        });
        let mut received = Vec::new();
        let mut cancelled = 0;
        loop {
            let mut part = [0; 3];
            match timeout(Duration::from_micros(150), server.read(&mut part)).await {
                Ok(count) if count.as_ref().unwrap() == &0 => break,
                Ok(count) => received.extend_from_slice(&part[..count.unwrap()]),
                Err(_) => cancelled += 1,
            }
        }
        writing.await.unwrap();
        assert!(received == sent, "{received:?}");
        assert!(cancelled > 0, "nothing was cancelled");
    }

    async fn loop_11_an_aborted_read_leaves_the_stream_usable() {
        let (mut client, server) = pair().await;
        let server = Arc::new(simoom::sync::Mutex::new(server));
        let theirs = server.clone();
        let reading = simoom::spawn(async move {
            let mut server = theirs.lock().await;
            drop(server.read(&mut [0; 8]).await);
        });
        settle().await;
        reading.abort();
        assert!(reading.await.unwrap_err().is_cancelled());
        client.write_all(b"abc").await.unwrap();
        let mut bytes = [0; 3];
        server.lock().await.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"abc");
    }

    async fn a_cancelled_peek_or_readiness_takes_nothing() {
        let (mut client, mut server) = pair().await;
        assert!(timeout(MS, server.peek(&mut [0; 8])).await.is_err());
        assert!(timeout(MS, server.readable()).await.is_err());
        client.write_all(b"a").await.unwrap();
        server.readable().await.unwrap();
        drop(server.readable());
        drop(server.peek(&mut [0; 8]));
        let mut one = [0; 1];
        server.read_exact(&mut one).await.unwrap();
        assert_eq!(&one, b"a");
    }

    async fn a_cancelled_write_has_written_nothing() {
        let (mut client, mut server) = pair().await;
        let bytes = pattern(70_000);
        let mut sent = Vec::new();
        // Until the reader's room is used up, and a few more.
        let mut cancelled = 0;
        while cancelled < 3 {
            match timeout(3 * MS, client.write(&bytes)).await {
                Ok(count) => sent.extend_from_slice(&bytes[..count.unwrap()]),
                Err(_) => cancelled += 1,
            }
        }
        let writing = simoom::spawn(async move {
            client.write_all(b"the end").await.unwrap();
        });
        let mut received = Vec::new();
        server.read_to_end(&mut received).await.unwrap();
        writing.await.unwrap();
        sent.extend_from_slice(b"the end");
        assert!(received == sent, "{} of {} bytes", received.len(), sent.len());
    }

    async fn a_cancelled_accept_loses_no_connection() {
        let (listener, addr) = listener().await;
        let connecting = simoom::spawn(async move {
            let mut streams = Vec::new();
            for _ in 0..5 {
                sleep(Duration::from_micros(400)).await;
                streams.push(TcpStream::connect(addr).await.unwrap());
            }
            streams
        });
        let mut peers = Vec::new();
        while peers.len() < 5 {
            if let Ok(accepted) = timeout(Duration::from_micros(150), listener.accept()).await {
                peers.push(accepted.unwrap().1);
            }
            drop(listener.accept());
        }
        let mut clients: Vec<_> = connecting
            .await
            .unwrap()
            .iter()
            .map(|stream| stream.local_addr().unwrap())
            .collect();
        clients.sort();
        peers.sort();
        assert_eq!(peers, clients);
    }

    async fn an_aborted_accept_leaves_the_connection_to_others() {
        let (listener, addr) = listener().await;
        let listener = Arc::new(listener);
        let theirs = listener.clone();
        let accepting = simoom::spawn(async move { theirs.accept().await.map(drop) });
        settle().await;
        accepting.abort();
        assert!(accepting.await.unwrap_err().is_cancelled());
        let client = TcpStream::connect(addr).await.unwrap();
        let accepted = timeout(Duration::from_secs(5), listener.accept()).await.unwrap();
        assert_eq!(accepted.unwrap().1, client.local_addr().unwrap());
    }

    async fn str_10_a_cancelled_connect_leaves_no_connection() {
        let (listener, addr) = listener().await;
        drop(TcpStream::connect(addr));
        for _ in 0..3 {
            let connecting = simoom::spawn(async move { TcpStream::connect(addr).await.map(drop) });
            simoom::task::yield_now().await;
            connecting.abort();
            drop(connecting.await);
        }
        let client = TcpStream::connect(addr).await.unwrap();
        loop {
            // Those that were given up may have come and gone.
            let (mut server, peer) = listener.accept().await.unwrap();
            if peer == client.local_addr().unwrap() {
                break;
            }
            match server.read(&mut [0; 8]).await {
                Ok(count) => assert_eq!(count, 0),
                Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
            }
        }
    }

    async fn an_aborted_lookup_or_bind_is_forgotten() {
        let looking = simoom::spawn(async {
            simoom::net::lookup_host("localhost:80").await.map(drop)
        });
        looking.abort();
        drop(looking.await);
        drop(simoom::net::TcpListener::bind("127.0.0.1:0"));
        assert!(simoom::net::lookup_host("localhost:80").await.is_ok());
    }

    async fn str_12_a_cancelled_read_exact_has_taken_its_bytes() {
        let (mut client, mut server) = pair().await;
        client.write_all(b"ab").await.unwrap();
        let mut bytes = [0; 3];
        // It is documented as not safe: the bytes it had are in its buffer alone.
        assert!(timeout(5 * MS, server.read_exact(&mut bytes)).await.is_err());
        assert_eq!(&bytes[..2], b"ab");
        client.write_all(b"c").await.unwrap();
        let mut one = [0; 1];
        server.read_exact(&mut one).await.unwrap();
        assert_eq!(&one, b"c");
    }
}
