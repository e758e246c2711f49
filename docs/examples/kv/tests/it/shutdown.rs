//! The way out.

use std::future::Future;
use std::io::{self, Write};
use std::time::Duration;

use kv::client::ClientError;
use kv::{Client, Config, Server};
use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::TcpStream;
use simoom::sync::oneshot;
use simoom::task::JoinHandle;
use simoom::time::{Instant, timeout};

use crate::process::{Process, check_reply, read_to_end};

#[test]
fn an_interrupted_server_answers_what_it_received_and_exits_with_0() {
    let server = Process::start(&[]);
    let idle = server.connect();
    let mut busy: Vec<_> = (0..5).map(|_| server.connect()).collect();
    for (n, stream) in busy.iter_mut().enumerate() {
        check_reply(stream, b"PING\r\n", "+PONG\r\n");
        stream
            .write_all(format!("INCR {n}\r\n").repeat(1000).as_bytes())
            .unwrap();
    }
    server.interrupt();
    for stream in busy {
        assert_eq!(read_to_end(stream), numbers(1000));
    }
    assert_eq!(read_to_end(idle), "");
    assert_eq!(server.end().code(), Some(0));
}

#[test]
fn an_interrupted_server_does_not_wait_for_silent_clients() {
    let server = Process::start(&[]);
    let mut silent = server.connect();
    check_reply(&mut silent, b"PING\r\n", "+PONG\r\n");
    server.interrupt();
    assert_eq!(server.end().code(), Some(0));
}

/// The replies to the first `count` increments.
fn numbers(count: usize) -> String {
    (1..=count).map(|number| format!(":{number}\r\n")).collect()
}

/// A server in this process, the means to stop it, and its task.
async fn start(config: Config) -> (String, oneshot::Sender<()>, JoinHandle<io::Result<()>>) {
    let server = Server::bind(config.port(0)).await.unwrap();
    let addr = server.local_addr().unwrap().to_string();
    let (stop, stopped) = oneshot::channel();
    let task = simoom::spawn(server.run(async { drop(stopped.await) }));
    (addr, stop, task)
}

async fn within_10_s<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(10), future)
        .await
        .expect("it takes too long")
}

/// Nothing here waits between sending and stopping, so the server learns of both at once.
#[simoom::test]
async fn a_request_sent_before_the_stop_is_answered() {
    let (addr, stop, task) = start(Config::default()).await;
    let mut stream = TcpStream::connect(&addr).await.unwrap();
    stream.write_all(b"PING\r\n").await.unwrap();
    let mut pong = [0; 7];
    stream.read_exact(&mut pong).await.unwrap();
    stream.write_all(&b"INCR n\r\n".repeat(1000)).await.unwrap();
    stop.send(()).unwrap();
    let mut replies = String::new();
    within_10_s(stream.read_to_string(&mut replies))
        .await
        .unwrap();
    assert_eq!(replies, numbers(1000));
    drop(stream);
    within_10_s(task).await.unwrap().unwrap();
}

#[simoom::test]
async fn a_stopped_server_listens_no_more() {
    let (addr, stop, task) = start(Config::default()).await;
    let mut client = Client::connect(&addr).await.unwrap();
    client.set("a", "1").await.unwrap();
    stop.send(()).unwrap();
    within_10_s(task).await.unwrap().unwrap();
    assert!(matches!(
        Client::connect(&addr).await,
        Err(ClientError::Io(_))
    ));
    assert!(client.get("a").await.is_err());
}

#[simoom::test]
async fn a_client_that_reads_nothing_is_cut_at_the_shutdown_timeout() {
    let limit = Duration::from_millis(200);
    let (addr, stop, task) = start(Config::default().shutdown_timeout(limit)).await;
    let mut stream = TcpStream::connect(&addr).await.unwrap();
    let request = format!("ECHO {}\r\n", "m".repeat(60_000));
    // As much as fits: the server waits for its replies to be read.
    while timeout(
        Duration::from_millis(300),
        stream.write_all(request.as_bytes()),
    )
    .await
    .is_ok()
    {}
    let asked = Instant::now();
    stop.send(()).unwrap();
    within_10_s(task).await.unwrap().unwrap();
    assert!(asked.elapsed() >= limit);
    assert!(asked.elapsed() < Duration::from_secs(5));
}

#[simoom::test]
async fn a_dropped_server_closes_its_connections() {
    let (addr, _stop, task) = start(Config::default()).await;
    let mut stream = TcpStream::connect(&addr).await.unwrap();
    stream.write_all(b"PING\r\n").await.unwrap();
    let mut reply = [0; 7];
    stream.read_exact(&mut reply).await.unwrap();
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    let end = within_10_s(stream.read(&mut reply)).await;
    assert!(matches!(end, Ok(0) | Err(_)), "the connection is open");
}
