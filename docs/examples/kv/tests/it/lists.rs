//! Lists and transactions, as Redis has them, and waiting for an element.

use std::process::{Command, Stdio};
use std::time::Duration;

use kv::client::ClientError;
use kv::resp::Reply;
use kv::{Client, Config, Server};
use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::TcpStream;
use simoom::task::JoinHandle;
use simoom::time::{sleep, timeout};

use crate::process::Process;

/// `replies.txt` is what redis-cli 7.0.15 prints when redis-server 7.0.15 answers `requests.txt`.
#[test]
fn redis_cli_prints_what_it_prints_for_redis() {
    let server = Process::start(&[]);
    let requests = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/it/redis-7.0/requests.txt"
    );
    let output = Command::new("redis-cli")
        .args(["-p", &server.addr.port().to_string()])
        .stdin(std::fs::File::open(requests).unwrap())
        .stderr(Stdio::inherit())
        .output()
        .expect("redis-cli is there: package redis-tools (Debian, Ubuntu) or redis (Homebrew)");
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).unwrap();
    let expected = include_str!("redis-7.0/replies.txt");
    for (number, (line, wanted)) in printed.lines().zip(expected.lines()).enumerate() {
        assert_eq!(line, wanted, "line {} of replies.txt", number + 1);
    }
    assert_eq!(printed, expected);
}

async fn start() -> String {
    let server = Server::bind(Config::default().port(0)).await.unwrap();
    let addr = server.local_addr().unwrap().to_string();
    simoom::spawn(server.run(std::future::pending()));
    addr
}

fn pair(key: &str, value: &str) -> Reply {
    let bulk = |text: &str| Reply::Bulk(text.to_owned().into());
    Reply::Array(vec![bulk(key), bulk(value)])
}

/// A client that waits for an element of `keys`, in a task of its own.
fn waiting(addr: &str, keys: &[&str]) -> JoinHandle<Result<Reply, ClientError>> {
    let mut args = vec![b"BLPOP".to_vec()];
    args.extend(keys.iter().map(|key| key.as_bytes().to_vec()));
    args.push(b"0".to_vec());
    let mut client = Client::new(addr).timeout(Duration::from_secs(60));
    simoom::spawn(async move {
        let args: Vec<_> = args.iter().map(|arg| &arg[..]).collect();
        client.request(&args).await
    })
}

async fn a_while() {
    sleep(Duration::from_millis(50)).await;
}

#[simoom::test]
async fn who_has_waited_longest_is_given_the_element() {
    let addr = start().await;
    let mut waiters = Vec::new();
    for _ in 0..3 {
        waiters.push(waiting(&addr, &["other", "jobs"]));
        a_while().await;
    }
    let mut client = Client::connect(&addr).await.unwrap();
    for (number, waiter) in waiters.into_iter().enumerate() {
        let job = number.to_string();
        let pushed = client.request(&[b"RPUSH", b"jobs", job.as_bytes()]).await;
        // The length is told before the element is taken, as Redis does.
        assert_eq!(pushed.unwrap(), Reply::Integer(1));
        let given = waiter.await.unwrap().unwrap();
        assert_eq!(given, pair("jobs", &job));
    }
    let left = client.request(&[b"LLEN", b"jobs"]).await.unwrap();
    assert_eq!(left, Reply::Integer(0));
}

#[simoom::test]
async fn a_transaction_is_whole_before_anybody_is_given_its_elements() {
    let addr = start().await;
    let waiter = waiting(&addr, &["jobs"]);
    a_while().await;
    let mut client = Client::connect(&addr).await.unwrap();
    let requests: [&[&[u8]]; 4] = [
        &[b"MULTI"],
        &[b"RPUSH", b"jobs", b"1", b"2"],
        &[b"LPOP", b"jobs"],
        &[b"RPUSH", b"jobs", b"3"],
    ];
    for request in requests {
        client.request(request).await.unwrap();
    }
    let replies = client.request(&[b"EXEC"]).await.unwrap();
    let popped = Reply::Bulk("1".into());
    let expected = vec![Reply::Integer(2), popped, Reply::Integer(2)];
    assert_eq!(replies, Reply::Array(expected));
    assert_eq!(waiter.await.unwrap().unwrap(), pair("jobs", "2"));
}

#[simoom::test]
async fn one_who_sends_more_and_hangs_up_takes_no_element() {
    let addr = start().await;
    let mut gone = TcpStream::connect(&addr).await.unwrap();
    gone.write_all(b"BLPOP jobs 0\r\n").await.unwrap();
    a_while().await;
    gone.write_all(b"PING\r\nPI").await.unwrap();
    a_while().await;
    drop(gone);
    a_while().await;
    let mut client = Client::connect(&addr).await.unwrap();
    client.request(&[b"RPUSH", b"jobs", b"1"]).await.unwrap();
    let left = client.request(&[b"LLEN", b"jobs"]).await.unwrap();
    assert_eq!(left, Reply::Integer(1));
}

#[simoom::test]
async fn what_one_who_waits_sends_is_answered_after_the_wait() {
    let addr = start().await;
    let mut waiter = TcpStream::connect(&addr).await.unwrap();
    waiter.write_all(b"BLPOP jobs 0\r\n").await.unwrap();
    a_while().await;
    waiter.write_all(b"PING\r\nECHO a").await.unwrap();
    a_while().await;
    waiter.write_all(b"nd\r\n").await.unwrap();
    a_while().await;
    let mut client = Client::connect(&addr).await.unwrap();
    client.request(&[b"RPUSH", b"jobs", b"1"]).await.unwrap();
    let expected = b"*2\r\n$4\r\njobs\r\n$1\r\n1\r\n+PONG\r\n$3\r\nand\r\n";
    let mut replies = vec![0; expected.len()];
    waiter.read_exact(&mut replies).await.unwrap();
    assert_eq!(replies, expected);
}

#[simoom::test]
async fn one_who_hangs_up_takes_no_element() {
    let addr = start().await;
    let gone = waiting(&addr, &["jobs"]);
    a_while().await;
    gone.abort();
    a_while().await;
    let mut client = Client::connect(&addr).await.unwrap();
    client.request(&[b"RPUSH", b"jobs", b"1"]).await.unwrap();
    let left = client.request(&[b"LLEN", b"jobs"]).await.unwrap();
    assert_eq!(left, Reply::Integer(1));
}

#[simoom::test]
async fn those_who_wait_do_not_keep_the_server_from_stopping() {
    let (stop, stopped) = simoom::sync::oneshot::channel::<()>();
    let server = Server::bind(Config::default().port(0)).await.unwrap();
    let addr = server.local_addr().unwrap().to_string();
    let running = simoom::spawn(server.run(async { drop(stopped.await) }));
    let waiter = waiting(&addr, &["jobs"]);
    a_while().await;
    drop(stop);
    let stopped = timeout(Duration::from_secs(4), running);
    stopped.await.expect("it stops").unwrap().unwrap();
    drop(waiter.await.unwrap());
}

#[simoom::test]
async fn a_watched_key_that_another_client_changes_fails_the_transaction() {
    let addr = start().await;
    let mut one = Client::connect(&addr).await.unwrap();
    let mut two = Client::connect(&addr).await.unwrap();
    for (request, fails) in [
        (vec!["SET", "a", "1"], true),
        (vec!["GET", "a"], false),
        (vec!["APPENDIX"], false),
        (vec!["EXPIRE", "a", "100"], true),
        (vec!["PERSIST", "a"], true),
        (vec!["PERSIST", "a"], false),
        (vec!["SET", "b", "1"], false),
        (vec!["MSET", "b", "1", "a", "2"], true),
        (vec!["INCR", "a"], true),
        (vec!["DEL", "a"], true),
        (vec!["DEL", "a"], false),
        (vec!["RPUSH", "a", "x"], true),
        (vec!["LPOP", "a"], true),
        (vec!["FLUSHALL"], false),
    ] {
        one.request(&[b"WATCH", b"a"]).await.unwrap();
        let args: Vec<_> = request.iter().map(|arg| arg.as_bytes()).collect();
        let _ = two.request(&args).await;
        one.request(&[b"MULTI"]).await.unwrap();
        one.request(&[b"PING"]).await.unwrap();
        let done = one.request(&[b"EXEC"]).await.unwrap();
        assert_eq!(done == Reply::Null, fails, "{request:?}: {done:?}");
    }
}
