//! Servers and their end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use simoom::asyncio::{Server, serve};
use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use simoom::sync::Notify;
use simoom::task::{catch_cancel, shield, yield_now};
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

/// A server that gives back byte by byte, each after so long, and is asked to end between two alone.
/// It counts the bytes that it has begun with.
async fn requests(work: Duration) -> (Server, std::net::SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let begun = Arc::new(AtomicUsize::new(0));
    let count = begun.clone();
    let server = serve(listener, move |mut stream: TcpStream, _from| {
        let count = count.clone();
        async move {
            while let Ok(byte) = stream.read_u8().await {
                let answered = shield(async {
                    count.fetch_add(1, SeqCst);
                    sleep(work).await;
                    stream.write_u8(byte).await
                });
                if answered.await.is_err() {
                    return;
                }
            }
        }
    });
    (server, address, begun)
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

    async fn what_is_told_of_a_server_is_where_it_was_started() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let line = line!() + 1;
        let server = serve(listener, |mut stream: TcpStream, _from| async move {
            drop(stream.read_u8().await);
        });
        let _client = TcpStream::connect(address).await.unwrap();
        let mut sites: Vec<&std::panic::Location<'_>> = Vec::new();
        // It waits for connections, then for its wish and the end of one.
        for is_closed in [false, true] {
            if is_closed {
                server.close();
            }
            while server.connections() == 0 || server.is_serving() == is_closed {
                sleep(MS).await;
            }
            settle().await;
            let all = simoom::task::all();
            for info in &all {
                assert!(matches!(info.name(), Some("server" | "connection")), "{info}");
                sites.extend([info.spawned_at(), info.waits_for().expect("it waits").site()]);
            }
        }
        assert_eq!(sites.len(), 8);
        // The connection reads by a trait, which is told of where it was accepted.
        for site in sites {
            assert!(site.file().ends_with("it/server.rs"), "{site}");
            assert_eq!(site.line(), line, "{site}");
        }
    }

    async fn handlers_finish_their_requests_when_the_server_closes() {
        let (server, address, begun) = requests(50 * MS).await;
        let mut idle = TcpStream::connect(address).await.unwrap();
        let mut busy = TcpStream::connect(address).await.unwrap();
        assert_eq!(say(&mut idle, "x").await, "x");
        assert_eq!(begun.load(SeqCst), 1);
        busy.write_all(b"y").await.unwrap();
        while begun.load(SeqCst) < 2 {
            sleep(MS).await;
        }
        assert_eq!(server.close_within(60_000 * MS).await.unwrap(), 0);
        assert!(!server.is_serving());
        assert_eq!(server.connections(), 0);
        let mut rest = String::new();
        busy.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "y", "the request was cut in two");
        rest.clear();
        idle.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "");
        assert!(TcpStream::connect(address).await.is_err());
        // Once more, and nobody is waited for.
        assert_eq!(server.close_within(Duration::ZERO).await.unwrap(), 0);
    }

    async fn what_does_not_end_within_the_time_is_cut_off_and_counted() {
        let (server, address, begun) = requests(3_600_000 * MS).await;
        let _idle = TcpStream::connect(address).await.unwrap();
        let mut busy = Vec::new();
        for _ in 0..2 {
            let mut client = TcpStream::connect(address).await.unwrap();
            client.write_all(b"x").await.unwrap();
            busy.push(client);
        }
        while begun.load(SeqCst) < 2 || server.connections() < 3 {
            sleep(MS).await;
        }
        assert_eq!(server.close_within(5 * MS).await.unwrap(), 2);
        for mut client in busy {
            let mut rest = Vec::new();
            // The connection is closed, or reset.
            let _ = client.read_to_end(&mut rest).await;
            assert!(rest.is_empty());
        }
    }

    async fn who_gives_up_closing_within_a_time_cuts_nothing_off() {
        let (server, address, begun) = requests(200 * MS).await;
        let mut busy = TcpStream::connect(address).await.unwrap();
        busy.write_all(b"x").await.unwrap();
        while begun.load(SeqCst) == 0 {
            sleep(MS).await;
        }
        // Nor does it do anything before it is polled.
        drop(server.close_within(Duration::ZERO));
        assert!(server.is_serving());
        assert!(timeout(MS, server.close_within(60_000 * MS)).await.is_err());
        server.wait_closed().await.unwrap();
        assert_eq!(busy.read_u8().await.unwrap(), b'x');
        assert_eq!(busy.read(&mut [0]).await.unwrap(), 0);
    }

    async fn a_handler_may_answer_that_the_server_closes() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = serve(listener, |mut stream: TcpStream, _from| async move {
            if catch_cancel(stream.read_u8()).await.is_err() {
                stream.write_all(b"bye").await.unwrap();
            }
        });
        let mut client = TcpStream::connect(address).await.unwrap();
        while server.connections() == 0 {
            sleep(MS).await;
        }
        settle().await;
        assert_eq!(server.close_within(60_000 * MS).await.unwrap(), 0);
        let mut rest = String::new();
        client.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "bye");
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
