//! What is asked of datagrams.

use std::net::SocketAddr;

use simoom::net::UdpSocket;
use simoom::time::{sleep, timeout};

use super::bodies::{LONG, SHORT, ms};
use super::told::Told;
use super::two::Two;

async fn sockets(two: &Two) -> (UdpSocket, UdpSocket) {
    let server = two.on_server(UdpSocket::bind("0.0.0.0:80")).await;
    let client = two.on_client(UdpSocket::bind("0.0.0.0:0")).await;
    let (client, server) = (client.expect("free"), server.expect("free"));
    let target = SocketAddr::new(two.server(), 80);
    client.connect(target).await.expect("there is a route");
    (client, server)
}

async fn datagrams(two: Two, told: Told) {
    let (client, server) = sockets(&two).await;
    for number in 0..200_u8 {
        client.send(&[number; 100]).await.expect("it is sent");
        sleep(ms(1)).await;
    }
    let mut came = Vec::new();
    let mut bytes = [0; 200];
    while let Ok(Ok(count)) = timeout(ms(100), server.recv(&mut bytes)).await {
        assert_eq!(count, 100, "whole");
        assert!(bytes[..100].iter().all(|it| *it == bytes[0]), "intact");
        came.push(bytes[0]);
    }
    let mut once = came.clone();
    once.sort_unstable();
    once.dedup();
    told.say("lost", (once.len() < 200).to_string());
    told.say("doubled", (once.len() < came.len()).to_string());
    told.say("in order", came.is_sorted().to_string());
}

pub(super) async fn datagrams_in_fair_weather(two: Two, told: Told) {
    let (client, server) = sockets(&two).await;
    let mut bytes = [0; 200];
    for number in 0..20_u8 {
        client.send(&[number; 100]).await.expect("it is sent");
        told.say("came", server.recv(&mut bytes).await);
    }
}

pub(super) async fn datagrams_in_bad_weather(two: Two, told: Told) {
    datagrams(two, told).await;
}

pub(super) async fn datagrams_to_a_closed_port(two: Two, told: Told) {
    let (client, server) = sockets(&two).await;
    drop(server);
    told.say("send", client.send(b"hello").await);
    sleep(SHORT).await;
    told.say("send", client.send(b"hello").await);
    sleep(SHORT).await;
    told.say("send", client.send(b"hello").await);
    told.say("receive", client.recv(&mut [0; 9]).await);
    let left = timeout(SHORT, client.recv(&mut [0; 9])).await;
    told.say("receive", left);
    told.say("send", client.send(b"hello").await);
    sleep(SHORT).await;
    told.say(
        "error",
        client.take_error().map(|it| it.map(|it| it.kind())),
    );
    told.say("send", client.send(b"hello").await);
}

pub(super) async fn datagrams_to_a_closed_port_by_a_free_socket(two: Two, told: Told) {
    let client = two.on_client(UdpSocket::bind("0.0.0.0:0")).await;
    let client = client.expect("a port is free");
    let target = SocketAddr::new(two.server(), 80);
    for _ in 0..2 {
        told.say("send", client.send_to(b"hello", target).await);
        sleep(SHORT).await;
    }
    told.say("receive", timeout(SHORT, client.recv(&mut [0; 9])).await);
}

pub(super) async fn datagrams_without_a_route(two: Two, told: Told) {
    let sending = two.on_client(async {
        let socket = UdpSocket::bind("[::]:0").await?;
        let target: SocketAddr = "[2001:db8::1]:80".parse().expect("an address");
        socket.send_to(b"hello", target).await
    });
    told.say("send", sending.await);
}

pub(super) async fn datagrams_that_are_too_big(two: Two, told: Told) {
    let (client, server) = sockets(&two).await;
    for size in [65_507, 65_508, 65_536, 70_000] {
        told.say("send", client.send(&vec![7; size]).await);
    }
    let mut bytes = vec![0; 70_000];
    told.say("receive", timeout(LONG, server.recv(&mut bytes)).await);
    told.say("receive", timeout(SHORT, server.recv(&mut bytes)).await);
    told.say("send", client.send(&[7; 3_000]).await);
    told.say(
        "receive",
        timeout(LONG, server.recv(&mut bytes[..100])).await,
    );
}

pub(super) async fn datagrams_to_a_black_hole(two: Two, told: Told) {
    let (client, _server) = sockets(&two).await;
    let target = SocketAddr::new(two.hole(), 80);
    told.say("send", client.send_to(b"hello", target).await);
    told.say("receive", timeout(ms(300), client.recv(&mut [0; 9])).await);
}
