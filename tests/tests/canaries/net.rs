//! Canaries of the network.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use simoom::io::AsyncWriteExt;
use simoom::net::{TcpListener, TcpStream, UdpSocket};
use simoom::time::{Duration, sleep, timeout};
use simoom_sim::faults::Target;
use simoom_sim::{Fault, Kind, Sim};

use crate::Canary;

pub(crate) const CANARIES: &[Canary] = &[
    Canary::new(Kind::NetConnectionRefused, |sim| {
        Box::pin(async move {
            let opened = connect(&sim).await;
            opened.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
        })
    }),
    Canary::new(Kind::NetConnectionReset, |sim| {
        Box::pin(async move {
            let wrote = connect(&sim).await.expect("somebody listens");
            wrote.is_some_and(|error| {
                error.kind() == io::ErrorKind::ConnectionReset
                    && error.raw_os_error() == Some(libc::ECONNRESET)
            })
        })
    }),
    Canary::new(Kind::NetLinkCut, |sim| {
        Box::pin(async move { both_ways(&sim).await == [false, false] })
    })
    .with(|fault| often(fault).target(Target::node("client"))),
    Canary::new(Kind::NetLinkCutOneWay, |sim| {
        Box::pin(async move { both_ways(&sim).await == [false, true] })
    })
    .with(|fault| often(fault).target(Target::node("client"))),
    Canary::new(Kind::NetLinkClogged, |sim| {
        Box::pin(async move { !ping(&sim).await })
    })
    .with(often),
    Canary::new(Kind::NetSegmentLost, |sim| {
        Box::pin(async move {
            // Not a single SYN gets through.
            let opened = connect(&sim).await;
            opened.is_err_and(|error| error.kind() == io::ErrorKind::TimedOut)
        })
    }),
    Canary::new(Kind::NetDatagramLost, |sim| {
        Box::pin(async move { datagrams(&sim).await.is_empty() })
    }),
    Canary::new(Kind::NetDatagramDuplicated, |sim| {
        Box::pin(async move { datagrams(&sim).await.len() > 10 })
    }),
    Canary::new(Kind::NetDatagramReordered, |sim| {
        Box::pin(async move { !datagrams(&sim).await.is_sorted() })
    }),
];

/// At once, for a second.
fn often(fault: Fault) -> Fault {
    let second = Duration::from_secs(1);
    fault
        .every(Duration::from_millis(1))
        .lasting(second..=second)
}

/// Whether what one node sends another arrives within half a second.
async fn ping(sim: &Sim) -> bool {
    let arrived = Rc::new(Cell::new(false));
    let seen = arrived.clone();
    sim.node("server").spawn(async move {
        let listener = TcpListener::bind("0.0.0.0:81").await?;
        let accepted = listener.accept().await;
        seen.set(true);
        accepted.map(drop)
    });
    sim.node("client").spawn(async move {
        sleep(Duration::from_millis(100)).await;
        TcpStream::connect("server:81").await.map(drop)
    });
    sleep(Duration::from_millis(600)).await;
    arrived.get()
}

/// Whether a datagram of the client reaches the server, and one of the server the client.
async fn both_ways(sim: &Sim) -> [bool; 2] {
    let nodes = ["client", "server"];
    let waiting = nodes.map(|name| {
        sim.node(name).spawn(async {
            let socket = UdpSocket::bind("0.0.0.0:54").await.expect("it is free");
            sleep(Duration::from_millis(100)).await;
            let peers = ["client:54", "server:54"];
            for peer in peers {
                // One of them is its own.
                let sent = socket.send_to(peer.as_bytes(), peer).await;
                sent.expect("the network takes everything");
            }
            let mut count = 0;
            let until_late = async {
                while socket.recv(&mut [0; 16]).await.is_ok() {
                    count += 1;
                }
            };
            let _ = timeout(Duration::from_millis(400), until_late).await;
            count == 2
        })
    });
    let [client, server] = waiting;
    let there = server.await.expect("the server ends");
    [there, client.await.expect("the client ends")]
}

/// What arrives of ten datagrams from one node to another, on a link that keeps their order.
async fn datagrams(sim: &Sim) -> Vec<u8> {
    let (server, client) = (sim.node("server"), sim.node("client"));
    let exactly = Duration::from_millis(1);
    sim.net().latency(&client, &server, exactly, exactly);
    let receiving = server.spawn(async {
        let socket = UdpSocket::bind("0.0.0.0:53").await.expect("it is free");
        let mut received = Vec::new();
        let mut buf = [0];
        while let Ok(count) = timeout(Duration::from_secs(1), socket.recv(&mut buf)).await {
            count.expect("nothing fails");
            received.push(buf[0]);
        }
        received
    });
    let sending = client.spawn(async {
        let socket = UdpSocket::bind("0.0.0.0:0").await.expect("one is free");
        sleep(Duration::from_millis(100)).await;
        for number in 0..10 {
            let sent = socket.send_to(&[number], "server:53").await;
            sent.expect("the network takes everything");
            sleep(Duration::from_micros(10)).await;
        }
    });
    sending.await.expect("the client ends");
    receiving.await.expect("the server ends")
}

/// Connects from one node to another that listens, writes, and returns how writing failed.
async fn connect(sim: &Sim) -> io::Result<Option<io::Error>> {
    sim.node("server").run(serve);
    let client = sim.node("client").spawn(async {
        sleep(Duration::from_millis(100)).await;
        let mut stream = TcpStream::connect("server:80").await?;
        Ok(stream.write_all(b"hello").await.err())
    });
    client.await.expect("the client ends")
}

async fn serve() -> io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:80").await?;
    let mut streams = Vec::new();
    loop {
        streams.push(listener.accept().await?);
    }
}
