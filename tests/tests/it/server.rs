//! Servers and their end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use simoom::asyncio::{Server, serve};
use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use simoom::sync::Notify;
use simoom::task::yield_now;
use simoom::time::{Duration, sleep, timeout};
use simoom_tests::{both, settle};

const MS: Duration = Duration::from_millis(1);

/// A server that gives back what it gets, one connection at a time per task.
async fn echo() -> (Server, std::net::SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = serve(listener, |mut stream, _from| async move {
        let mut bytes = [0; 16];
        while let Ok(count @ 1..) = stream.read(&mut bytes).await {
            if stream.write_all(&bytes[..count]).await.is_err() {
                return;
            }
        }
    });
    (server, address)
}

async fn say(stream: &mut TcpStream, text: &str) -> String {
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut bytes = vec![0; text.len()];
    stream.read_exact(&mut bytes).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

both! {
    async fn str_8_a_server_is_closed_when_the_last_connection_has_ended() {
        let (server, address) = echo().await;
        let mut first = TcpStream::connect(address).await.unwrap();
        let mut second = TcpStream::connect(address).await.unwrap();
        assert_eq!(say(&mut first, "one").await, "one");
        assert_eq!(say(&mut second, "two").await, "two");
        assert_eq!(server.connections(), 2);
        assert!(server.is_serving());
        server.close();
        assert!(!server.is_serving());
        // What there is is served on.
        assert_eq!(say(&mut first, "three").await, "three");
        drop(first);
        assert!(timeout(5 * MS, server.wait_closed()).await.is_err());
        drop(second);
        server.wait_closed().await.unwrap();
        assert_eq!(server.connections(), 0);
        // Once more, and nobody is waited for.
        server.close();
        server.wait_closed().await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }

    async fn str_8_the_connections_may_end_first() {
        let (server, address) = echo().await;
        let mut client = TcpStream::connect(address).await.unwrap();
        assert_eq!(say(&mut client, "x").await, "x");
        drop(client);
        while server.connections() > 0 {
            sleep(MS).await;
        }
        assert!(timeout(5 * MS, server.wait_closed()).await.is_err());
        server.close();
        server.wait_closed().await.unwrap();
    }

    async fn str_8_clients_can_be_aborted() {
        let (server, address) = echo().await;
        let mut client = TcpStream::connect(address).await.unwrap();
        assert_eq!(say(&mut client, "x").await, "x");
        let waiting = async {
            server.close();
            server.wait_closed().await
        };
        let aborting = async {
            yield_now().await;
            server.abort_clients();
        };
        simoom::join!(waiting, aborting).0.unwrap();
        let mut rest = Vec::new();
        // The connection is closed, or reset.
        let _ = client.read_to_end(&mut rest).await;
        assert!(rest.is_empty());
    }

    async fn a_server_that_is_dropped_ends() {
        let (server, address) = echo().await;
        let mut client = TcpStream::connect(address).await.unwrap();
        assert_eq!(say(&mut client, "x").await, "x");
        drop(server);
        let mut rest = Vec::new();
        let _ = timeout(10_000 * MS, client.read_to_end(&mut rest)).await.unwrap();
        assert!(rest.is_empty());
    }

    async fn str_9_handlers_run_beside_each_other() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (met, all) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let (count, go) = (met.clone(), all.clone());
        let server = serve(listener, move |_stream, _from| {
            let (count, go) = (count.clone(), go.clone());
            async move {
                if count.fetch_add(1, SeqCst) == 2 {
                    go.notify_waiters();
                } else {
                    go.notified().await;
                }
            }
        });
        let mut clients = Vec::new();
        for _ in 0..3 {
            clients.push(TcpStream::connect(address).await.unwrap());
        }
        // Each ends when all have come.
        while met.load(SeqCst) < 3 || server.connections() > 0 {
            sleep(MS).await;
        }
        server.close();
        server.wait_closed().await.unwrap();
    }

    async fn unix_sockets_are_served_too() {
        let path = std::env::temp_dir().join(format!("simoom-served-{}", std::process::id()));
        // Left over by a run that was killed.
        let _ = simoom::fs::remove_file(&path).await;
        let listener = UnixListener::bind(&path).unwrap();
        let server = serve(listener, |mut stream: UnixStream, _from| async move {
            stream.write_all(b"hello").await.unwrap();
        });
        let mut client = UnixStream::connect(&path).await.unwrap();
        let mut text = String::new();
        client.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "hello");
        server.close();
        server.wait_closed().await.unwrap();
        simoom::fs::remove_file(&path).await.unwrap();
    }
}

#[test]
fn str_9_a_handler_that_panics_ends_its_connection_alone() {
    simoom_tests::real(async || {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = serve(listener, |mut stream, _from| async move {
            let byte = stream.read_u8().await.unwrap();
            assert_ne!(byte, b'!', "on purpose");
            stream.write_u8(byte).await.unwrap();
        });
        let mut bad = TcpStream::connect(address).await.unwrap();
        let mut good = TcpStream::connect(address).await.unwrap();
        bad.write_all(b"!").await.unwrap();
        assert_eq!(bad.read(&mut [0]).await.unwrap_or(0), 0);
        assert_eq!(say(&mut good, "x").await, "x");
        server.close();
        server.wait_closed().await.unwrap();
    });
}

/// The server's task finds at the same time that it is to close and that somebody has connected: it
/// runs after so many others that events were looked for in between.
#[test]
fn str_8_nothing_is_accepted_once_the_server_was_told() {
    simoom_tests::real(async || {
        for _ in 0..40 {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let accepted = Arc::new(AtomicUsize::new(0));
            let count = accepted.clone();
            let server = serve(listener, move |_stream, _from| {
                count.fetch_add(1, SeqCst);
                async {}
            });
            settle().await;
            let _client = std::net::TcpStream::connect(address).unwrap();
            for _ in 0..200 {
                simoom::spawn(async {});
            }
            server.close();
            server.wait_closed().await.unwrap();
            assert_eq!(accepted.load(SeqCst), 0);
        }
    });
}
