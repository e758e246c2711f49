//! The client, against the server and against servers that misbehave.

use std::pin::pin;
use std::time::Duration;

use kv::client::{ClientError, Pipeline};
use kv::resp::{ProtocolError, Reply};
use kv::{Client, Config, Server};
use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream};
use simoom::sync::oneshot;

/// A server in this process that runs until the test ends.
async fn start() -> String {
    let server = Server::bind(Config::default().port(0)).await.unwrap();
    let addr = server.local_addr().unwrap().to_string();
    simoom::spawn(server.run(std::future::pending()));
    addr
}

#[simoom::test]
async fn every_request_has_its_reply() {
    let mut client = Client::connect(start().await).await.unwrap();
    client.ping().await.unwrap();
    assert_eq!(client.get("a").await.unwrap(), None);
    client.set("a", "1").await.unwrap();
    assert_eq!(client.get("a").await.unwrap().unwrap(), "1");
    assert_eq!(client.incr("a").await.unwrap(), 2);
    assert_eq!(client.incr_by("a", -10).await.unwrap(), -8);
    assert!(client.expire("a", Duration::from_secs(100)).await.unwrap());
    assert_eq!(
        client.request(&[b"TTL", b"a"]).await.unwrap(),
        Reply::Integer(100)
    );
    assert!(client.del("a").await.unwrap());
    assert!(!client.del("a").await.unwrap());
    assert!(!client.expire("a", Duration::from_secs(100)).await.unwrap());
}

#[simoom::test]
async fn a_refusal_is_an_error_that_leaves_the_connection_usable() {
    let mut client = Client::connect(start().await).await.unwrap();
    let id = client.request(&[b"CLIENT", b"ID"]).await.unwrap();
    match client.request(&[b"BOGUS"]).await {
        Err(ClientError::Server(message)) => assert!(message.contains("'BOGUS'"), "{message}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(client.request(&[b"CLIENT", b"ID"]).await.unwrap(), id);
}

#[simoom::test]
async fn a_pipeline_has_a_reply_for_each_request() {
    let mut client = Client::connect(start().await).await.unwrap();
    let pipeline = Pipeline::new()
        .set("a", "x")
        .incr("a")
        .get("a")
        .request(&[b"GET", b"none"]);
    let refusal = "ERR value is not an integer or out of range".into();
    assert_eq!(
        client.pipeline(&pipeline).await.unwrap(),
        [
            Reply::Simple("OK".into()),
            Reply::Error(refusal),
            Reply::Bulk("x".into()),
            Reply::Null
        ]
    );
    assert_eq!(client.pipeline(&Pipeline::new()).await.unwrap(), []);
}

/// Neither side may wait for the other to read first.
#[simoom::test]
async fn a_pipeline_may_be_larger_than_what_fits_on_the_way() {
    let mut client = Client::connect(start().await)
        .await
        .unwrap()
        .timeout(Duration::from_secs(60));
    let message = [b'm'; 100_000];
    let pipeline = (0..300).fold(Pipeline::new(), |pipeline, _| {
        pipeline.request(&[b"ECHO", &message])
    });
    let replies = client.pipeline(&pipeline).await.unwrap();
    assert_eq!(replies.len(), 300);
    assert!(
        replies
            .iter()
            .all(|reply| matches!(reply, Reply::Bulk(echo) if *echo == message[..]))
    );
}

#[simoom::test]
async fn increments_of_many_clients_add_up() {
    let addr = start().await;
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let mut client = Client::new(&addr);
            simoom::spawn(async move {
                for _ in 0..50 {
                    client.incr("n").await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let sum = Client::new(&addr).get("n").await.unwrap().unwrap();
    assert_eq!(sum, "1000");
}

/// Reads one request that is no longer than a small buffer.
async fn read_request(stream: &mut TcpStream) {
    let mut buffer = [0; 256];
    assert!(
        stream.read(&mut buffer).await.unwrap() > 0,
        "the client hung up"
    );
}

/// A server whose first connection answers `stale` when the receiver is told to, and whose second
/// answers `fresh` at once.
async fn start_late() -> (String, oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let (answer, asked_to_answer) = oneshot::channel();
    simoom::spawn(async move {
        let (mut first, _) = listener.accept().await.unwrap();
        read_request(&mut first).await;
        asked_to_answer.await.unwrap();
        // The client may have hung up, which is what it should do.
        let _ = first.write_all(b"$5\r\nstale\r\n").await;
        let (mut second, _) = listener.accept().await.unwrap();
        read_request(&mut second).await;
        second.write_all(b"$5\r\nfresh\r\n").await.unwrap();
        read_request(&mut second).await;
    });
    (addr, answer)
}

#[simoom::test]
async fn a_reply_that_comes_late_is_given_to_no_other_request() {
    let (addr, answer) = start_late().await;
    let mut client = Client::connect(&addr)
        .await
        .unwrap()
        .timeout(Duration::from_millis(50));
    assert!(matches!(
        client.get("first").await,
        Err(ClientError::TimedOut)
    ));
    let mut client = client.timeout(Duration::from_secs(10));
    answer.send(()).unwrap();
    let second = client.get("second").await.unwrap().unwrap();
    // The bug is planted for the simulator to find, and must be there when it is asked for.
    let expected = if cfg!(feature = "planted-crossed-reply") {
        "stale"
    } else {
        "fresh"
    };
    assert_eq!(second, expected);
}

#[simoom::test]
async fn the_reply_to_a_dropped_request_is_given_to_no_other_request() {
    let (addr, answer) = start_late().await;
    let mut client = Client::connect(&addr).await.unwrap();
    {
        let mut first = pin!(client.get("first"));
        let mut started = pin!(simoom::time::sleep(Duration::from_millis(50)));
        simoom::select! {
            reply = &mut first => panic!("{reply:?}"),
            () = &mut started => {}
        }
    }
    answer.send(()).unwrap();
    assert_eq!(client.get("second").await.unwrap().unwrap(), "fresh");
}

/// A server that answers every connection's first request with `reply` and closes.
async fn start_answering(reply: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    simoom::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            read_request(&mut stream).await;
            stream.write_all(reply).await.unwrap();
        }
    });
    addr
}

#[simoom::test]
async fn a_broken_connection_is_made_again() {
    let mut client = Client::new(start_answering(b":7\r\n").await);
    assert_eq!(client.incr("n").await.unwrap(), 7);
    // The server closed; the client learns it by its next request, which it does not repeat.
    assert!(matches!(
        client.incr("n").await,
        Err(ClientError::Closed | ClientError::Io(_))
    ));
    assert_eq!(client.incr("n").await.unwrap(), 7);
}

#[simoom::test]
async fn what_is_no_reply_is_an_error() {
    let mut client = Client::new(start_answering(b"HTTP/1.1 400 Bad Request\r\n").await);
    let error = client.ping().await.unwrap_err();
    assert!(
        matches!(
            error,
            ClientError::Protocol(ProtocolError::UnknownReply(b'H'))
        ),
        "{error:?}"
    );
    let mut client = Client::new(start_answering(b"$100\r\ncut off").await);
    assert!(matches!(client.get("a").await, Err(ClientError::Closed)));
    let mut client = Client::new(start_answering(b"+OK\r\n").await);
    assert!(matches!(
        client.get("a").await,
        Err(ClientError::Unexpected(Reply::Simple(_)))
    ));
}
