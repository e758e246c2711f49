//! What is asked of connections.
//!
//! Owns the bodies alone; which of them are cases, and on what terms, is in `cases.rs`.

use std::net::SocketAddr;
use std::time::Duration;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpKeepalive, TcpSocket, TcpStream, UdpSocket, connect_happy_eyeballs};
use simoom::time::{Instant, sleep, timeout};

use super::told::Told;
use super::two::Two;
use super::wire::Way;

pub(super) const SHORT: Duration = Duration::from_millis(60);
pub(super) const LONG: Duration = Duration::from_millis(1_400);

pub(super) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

async fn pair(two: &Two) -> (TcpStream, TcpStream) {
    let (client, server, _) = two.pair(80).await.expect("the network is fair");
    client.set_nodelay(true).expect("it is open");
    server.set_nodelay(true).expect("it is open");
    (client, server)
}

async fn read(stream: &mut TcpStream, most: usize) -> std::io::Result<usize> {
    stream.read(&mut vec![0; most]).await
}

pub(super) async fn connect_to_a_black_hole(two: Two, told: Told) {
    let target = SocketAddr::new(two.hole(), 80);
    let start = Instant::now();
    told.say(
        "connect",
        two.on_client(TcpStream::connect(target)).await.map(drop),
    );
    told.took("connect", start);
}

async fn connect_with_lost(two: Two, told: Told, way: Way, lost: u32) {
    let _listener = two.listen(80).await;
    two.lose_next(way, lost);
    let start = Instant::now();
    told.say("connect", two.connect(80).await.map(drop));
    told.took("connect", start);
}

pub(super) async fn connect_with_one_lost_syn(two: Two, told: Told) {
    connect_with_lost(two, told, Way::There, 1).await;
}

pub(super) async fn connect_with_six_lost_syns(two: Two, told: Told) {
    connect_with_lost(two, told, Way::There, 6).await;
}

pub(super) async fn connect_with_a_lost_answer(two: Two, told: Told) {
    connect_with_lost(two, told, Way::Back, 1).await;
}

pub(super) async fn connect_with_a_user_timeout(two: Two, told: Told) {
    let target = SocketAddr::new(two.hole(), 80);
    let connecting = two.on_client(async move {
        let socket = TcpSocket::new_v4()?;
        socket.set_tcp_user_timeout(Some(ms(2_500)))?;
        socket.connect(target).await
    });
    let start = Instant::now();
    told.say("connect", connecting.await.map(drop));
    told.took("connect", start);
}

pub(super) async fn connect_to_a_closed_port(two: Two, told: Told) {
    told.say("connect", two.connect(81).await.map(drop));
}

pub(super) async fn connect_to_an_absent_host(two: Two, told: Told) {
    let target = SocketAddr::new(two.absent(), 80);
    let start = Instant::now();
    told.say(
        "connect",
        two.on_client(TcpStream::connect(target)).await.map(drop),
    );
    told.took("connect", start);
}

pub(super) async fn connect_without_a_route(two: Two, told: Told) {
    let target: SocketAddr = "[2001:db8::1]:80".parse().expect("an address");
    told.say(
        "connect",
        two.on_client(TcpStream::connect(target)).await.map(drop),
    );
}

async fn connect_each(two: &Two, told: &Told, targets: &[&str]) {
    for target in targets {
        let target: SocketAddr = target.parse().expect("an address");
        let connecting = two.on_client(timeout(LONG, TcpStream::connect(target)));
        told.say("connect", connecting.await.map(|it| it.map(drop)));
    }
}

pub(super) async fn connect_where_routes_refuse(two: Two, told: Told) {
    // Unreachable, prohibited, swallowed, and no route at all.
    connect_each(
        &two,
        &told,
        &[
            "10.78.1.1:80",
            "10.78.2.1:80",
            "10.78.3.1:80",
            "10.1.1.1:80",
        ],
    )
    .await;
}

pub(super) async fn connect_where_a_router_refuses(two: Two, told: Told) {
    // The server forwards: no host, prohibited, no network.
    connect_each(
        &two,
        &told,
        &["10.80.1.1:80", "10.80.2.1:80", "10.80.3.1:80"],
    )
    .await;
}

pub(super) async fn connect_to_a_full_backlog(two: Two, told: Told) {
    let listener = short_backlog(&two, 1).await;
    let mut open = Vec::new();
    for _ in 0..2 {
        let stream = timeout(SHORT, two.connect(80)).await;
        told.say(
            "connect",
            stream
                .as_ref()
                .map(|it| it.as_ref().map(drop).map_err(same))
                .map_err(|_| "nothing"),
        );
        open.push(stream);
    }
    let start = Instant::now();
    let mut late = Box::pin(two.connect(80));
    let early = timeout(ms(300), &mut late).await;
    let waits = early.is_err();
    told.say("late", early.map(|it| it.map(drop)));
    told.say("accept", listener.accept().await.map(drop));
    if waits {
        told.say("late", late.await.map(drop));
        told.took("late", start);
    }
}

impl super::told::Answer for Result<Result<(), String>, &str> {
    fn text(&self) -> String {
        format!("{self:?}")
    }
}

fn same(error: &std::io::Error) -> String {
    format!("{:?}", error.kind())
}

async fn short_backlog(two: &Two, backlog: u32) -> simoom::net::TcpListener {
    let listening = two.on_server(async move {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from(([0; 4], 80)))?;
        socket.listen(backlog)
    });
    listening.await.expect("the port is free")
}

pub(super) async fn connect_many_at_once_to_a_short_backlog(two: Two, told: Told) {
    connect_many_at_once(two, told, 0, 4).await;
}

pub(super) async fn connect_many_at_once_to_a_backlog_of_two(two: Two, told: Told) {
    connect_many_at_once(two, told, 2, 9).await;
}

async fn connect_many_at_once(two: Two, told: Told, backlog: u32, count: usize) {
    let listener = short_backlog(&two, backlog).await;
    let start = Instant::now();
    let connecting: Vec<_> = (0..count)
        .map(|_| {
            let two = two.clone();
            simoom::task::spawn_local(async move { two.connect(80).await })
        })
        .collect();
    sleep(ms(500)).await;
    let open = connecting.iter().filter(|it| it.is_finished()).count();
    told.say("open after half a second", open.to_string());
    let mut taken = Vec::new();
    for _ in 0..count {
        let Ok(Ok((stream, _))) = timeout(ms(5_000), listener.accept()).await else {
            break;
        };
        taken.push(stream);
        if taken.len() > 1 + backlog as usize {
            told.took("late", start);
        }
    }
    told.say("accepted", taken.len().to_string());
}

pub(super) async fn speak_before_there_is_room(two: Two, told: Told) {
    let listener = short_backlog(&two, 0).await;
    let connecting: Vec<_> = (0..2)
        .map(|_| {
            let two = two.clone();
            simoom::task::spawn_local(async move { two.connect(80).await })
        })
        .collect();
    let mut open = Vec::new();
    for it in connecting {
        let stream = timeout(SHORT, it).await.expect("both are answered");
        open.push(stream.expect("it is not cancelled").expect("it is open"));
    }
    for stream in &mut open {
        told.say("write", stream.write(b"hello").await);
    }
    sleep(ms(300)).await;
    let mut taken = Vec::new();
    for _ in 0..2 {
        match timeout(ms(3_000), listener.accept()).await {
            Ok(Ok((stream, _))) => taken.push(stream),
            _ => told.say("accept", "nothing"),
        }
    }
    for stream in &mut taken {
        told.say("read", timeout(LONG, read(stream, 9)).await);
    }
    for stream in &mut taken {
        told.say("answer", stream.write(b"you too").await);
    }
    for stream in &mut open {
        told.say("hear", timeout(LONG, read(stream, 9)).await);
    }
}

pub(super) async fn speak_where_there_was_no_room_for_a_minute(two: Two, told: Told) {
    let _listener = short_backlog(&two, 1).await;
    let mut open = Vec::new();
    for count in [1, 2] {
        let connecting: Vec<_> = (0..count)
            .map(|_| {
                let two = two.clone();
                simoom::task::spawn_local(async move { two.connect(80).await })
            })
            .collect();
        sleep(ms(300)).await;
        for it in connecting {
            open.push(it.await.expect("it is not cancelled").expect("it is open"));
        }
    }
    sleep(ms(70_000)).await;
    let mut resets = 0;
    for stream in &mut open {
        told.say("write", stream.write(b"hello").await);
        let read = timeout(LONG, read(stream, 9)).await;
        resets += u32::from(matches!(read, Ok(Err(_))));
    }
    told.say("resets", resets.to_string());
}

pub(super) async fn connect_from_few_ports(two: Two, told: Told) {
    let (_one, _two) = (two.listen(80).await, two.listen(81).await);
    let mut open = Vec::new();
    for port in [80, 80, 80, 80, 80, 81] {
        let stream = two.connect(port).await;
        told.say(
            "connect",
            stream
                .as_ref()
                .map(drop)
                .map_err(|it| std::io::Error::from(it.kind())),
        );
        open.extend(stream);
    }
    let bound = two.on_client(UdpSocket::bind("0.0.0.0:0")).await;
    told.say("bind", bound.map(drop));
}

pub(super) async fn accept_without_descriptors(two: Two, told: Told) {
    let listener = two.listen(80).await.expect("there are enough");
    let mut client = two.connect(80).await.expect("there are enough");
    sleep(SHORT).await;
    let mut open = Vec::new();
    let error = loop {
        match two.on_client(UdpSocket::bind("0.0.0.0:0")).await {
            Ok(socket) => open.push(socket),
            Err(error) => break error,
        }
    };
    told.say("client opens", error);
    while let Ok(socket) = two.on_server(UdpSocket::bind("0.0.0.0:0")).await {
        open.push(socket);
    }
    told.say("connect", two.connect(80).await.map(drop));
    told.say("accept", listener.accept().await.map(drop));
    told.say("accept", listener.accept().await.map(drop));
    told.say("write", client.write(b"hello").await);
    drop(open);
    let (mut server, _) = listener.accept().await.expect("there are enough again");
    told.say("read", read(&mut server, 9).await);
}

pub(super) async fn peer_vanishes_while_writing(two: Two, told: Told) {
    let (mut client, _server) = pair(&two).await;
    let limit = Some(ms(1_500));
    client.set_tcp_user_timeout(limit).expect("it is open");
    two.cut();
    let start = Instant::now();
    told.say("write", client.write(b"hello").await);
    told.say("read", read(&mut client, 9).await);
    told.took("read", start);
    told.say("write", client.write(b"hello").await);
    told.say("read", read(&mut client, 9).await);
}

fn probes() -> TcpKeepalive {
    let parameters = TcpKeepalive::new().with_time(ms(1_000));
    parameters.with_interval(ms(1_000)).with_retries(2)
}

pub(super) async fn peer_vanishes_while_reading(two: Two, told: Told) {
    let (mut client, mut server) = pair(&two).await;
    client.set_tcp_keepalive(&probes()).expect("it is open");
    told.say("write", server.write(b"hello").await);
    told.say("read", read(&mut client, 9).await);
    two.cut();
    let start = Instant::now();
    told.say("read", read(&mut client, 9).await);
    told.took("read", start);
    told.say("read", read(&mut client, 9).await);
    told.say("write", client.write(b"hello").await);
}

pub(super) async fn peer_vanishes_with_keep_alive_and_user_timeout(two: Two, told: Told) {
    let (mut client, _server) = pair(&two).await;
    client.set_tcp_keepalive(&probes()).expect("it is open");
    let limit = Some(ms(3_500));
    client.set_tcp_user_timeout(limit).expect("it is open");
    two.cut();
    let start = Instant::now();
    told.say("read", read(&mut client, 9).await);
    told.took("read", start);
}

pub(super) async fn peer_vanishes_with_a_full_window(two: Two, told: Told) {
    let (mut client, _server) = pair(&two).await;
    let limit = Some(ms(2_000));
    client.set_tcp_user_timeout(limit).expect("it is open");
    let bytes = vec![7; 65_536];
    while timeout(ms(300), client.write(&bytes)).await.is_ok() {}
    two.cut();
    let start = Instant::now();
    told.say("read", timeout(ms(9_000), read(&mut client, 9)).await);
    told.took("read", start);
}

pub(super) async fn peer_vanishes_for_good(two: Two, told: Told) {
    let (mut client, _server) = pair(&two).await;
    two.cut();
    let start = Instant::now();
    told.say("write", client.write(b"hello").await);
    told.say("read", read(&mut client, 9).await);
    told.took("read", start);
}

pub(super) async fn link_is_back_in_time(two: Two, told: Told) {
    let (mut client, mut server) = pair(&two).await;
    two.cut();
    told.say("write", client.write(b"hello").await);
    told.say("write", client.write(b"again").await);
    told.say("read", timeout(ms(500), read(&mut server, 9)).await);
    two.heal();
    let mut bytes = [0; 10];
    told.say("read", server.read_exact(&mut bytes).await);
    told.say("bytes", String::from_utf8_lossy(&bytes).into_owned());
}

pub(super) async fn acknowledgements_are_lost(two: Two, told: Told) {
    let (mut client, mut server) = pair(&two).await;
    let limit = Some(ms(1_500));
    client.set_tcp_user_timeout(limit).expect("it is open");
    two.cut_one_way(Way::Back);
    let start = Instant::now();
    told.say("write", client.write(b"hello").await);
    told.say("server reads", timeout(LONG, read(&mut server, 9)).await);
    told.say("read", read(&mut client, 9).await);
    told.took("read", start);
}

pub(super) async fn answers_are_lost(two: Two, told: Told) {
    let (mut client, mut server) = pair(&two).await;
    two.cut_one_way(Way::Back);
    told.say("server writes", server.write(b"hello").await);
    told.say("read", timeout(ms(500), read(&mut client, 9)).await);
    two.heal();
    told.say("read", timeout(ms(3_000), read(&mut client, 9)).await);
}

async fn lost_segments(two: Two, told: Told, lost: u32) {
    let (mut client, mut server) = pair(&two).await;
    sleep(SHORT).await;
    two.lose_next(Way::There, lost);
    let start = Instant::now();
    told.say("write", client.write(b"hello").await);
    told.say("read", read(&mut server, 9).await);
    told.took("read", start);
}

pub(super) async fn one_lost_segment(two: Two, told: Told) {
    lost_segments(two, told, 1).await;
}

pub(super) async fn two_lost_segments(two: Two, told: Told) {
    lost_segments(two, told, 2).await;
}

pub(super) async fn three_lost_segments(two: Two, told: Told) {
    lost_segments(two, told, 3).await;
}

pub(super) async fn peer_reboots_while_writing(two: Two, told: Told) {
    let (mut client, server) = pair(&two).await;
    two.reboot_server(server).await;
    told.say("write", client.write(b"hello").await);
    sleep(SHORT).await;
    told.say("read", read(&mut client, 9).await);
    told.say("read", read(&mut client, 9).await);
    told.say("write", client.write(b"hello").await);
}

pub(super) async fn peer_reboots_while_idle(two: Two, told: Told) {
    let (mut client, server) = pair(&two).await;
    client.set_tcp_keepalive(&probes()).expect("it is open");
    two.reboot_server(server).await;
    let start = Instant::now();
    told.say("read", read(&mut client, 9).await);
    told.took("read", start);
    told.say("write", client.write(b"hello").await);
}

pub(super) async fn peer_closes_with_unread_bytes(two: Two, told: Told) {
    let (mut client, mut server) = pair(&two).await;
    told.say("write", client.write(b"hello").await);
    told.say("server writes", server.write(b"bye").await);
    sleep(SHORT).await;
    drop(server);
    sleep(SHORT).await;
    told.say("read", read(&mut client, 9).await);
    told.say("read", read(&mut client, 9).await);
    told.say("read", read(&mut client, 9).await);
    told.say("write", client.write(b"hello").await);
}

pub(super) async fn peer_lingers_for_nothing(two: Two, told: Told) {
    let (mut client, mut server) = pair(&two).await;
    told.say("server writes", server.write(b"bye").await);
    told.say("linger", server.set_zero_linger());
    drop(server);
    sleep(SHORT).await;
    told.say("peer", client.peer_addr().map(drop));
    told.say("read", read(&mut client, 9).await);
    told.say("read", read(&mut client, 9).await);
    told.say("read", read(&mut client, 9).await);
    told.say("shutdown", client.shutdown().await);
}

pub(super) async fn half_close_with_late_data(two: Two, told: Told) {
    let (mut client, mut server) = pair(&two).await;
    told.say("write", client.write(b"question").await);
    told.say("shutdown", client.shutdown().await);
    told.say("server reads", read(&mut server, 9).await);
    told.say("server reads", read(&mut server, 9).await);
    sleep(SHORT).await;
    told.say("server writes", server.write(b"answer").await);
    told.say("write", client.write(b"more").await);
    told.say("read", read(&mut client, 9).await);
    drop(server);
    told.say("read", read(&mut client, 9).await);
    told.say("shutdown", client.shutdown().await);
}

pub(super) async fn shut_down_both_ways(two: Two, told: Told) {
    let (mut client, mut server) = pair(&two).await;
    told.say("shutdown", client.shutdown().await);
    told.say("server shutdown", server.shutdown().await);
    sleep(SHORT).await;
    told.say("read", read(&mut client, 9).await);
    told.say("write", client.write(b"more").await);
    told.say("peer", client.peer_addr().map(drop));
    told.say("shutdown", client.shutdown().await);
    told.say("server reads", read(&mut server, 9).await);
    told.say("server writes", server.write(b"more").await);
    told.say(
        "error",
        client.take_error().map(|it| it.map(|it| it.kind())),
    );
}

pub(super) async fn write_again_and_again_to_a_closed_peer(two: Two, told: Told) {
    let (mut client, server) = pair(&two).await;
    drop(server);
    sleep(SHORT).await;
    for _ in 0..3 {
        told.say("write", client.write(b"hello").await);
        sleep(SHORT).await;
    }
    told.say("read", read(&mut client, 9).await);
    told.say(
        "error",
        client.take_error().map(|it| it.map(|it| it.kind())),
    );
}

pub(super) async fn write_after_a_reset(two: Two, told: Told) {
    let (mut client, server) = pair(&two).await;
    told.say("linger", server.set_zero_linger());
    drop(server);
    sleep(SHORT).await;
    for _ in 0..3 {
        told.say("write", client.write(b"hello").await);
    }
    told.say("read", read(&mut client, 9).await);
}

pub(super) async fn read_after_a_reset_what_was_there(two: Two, told: Told) {
    let (mut client, mut server) = pair(&two).await;
    told.say("server writes", server.write(b"hello").await);
    sleep(SHORT).await;
    told.say("linger", server.set_zero_linger());
    drop(server);
    sleep(SHORT).await;
    told.say("read", read(&mut client, 2).await);
    told.say("write", client.write(b"hello").await);
    told.say("read", read(&mut client, 9).await);
    told.say("read", read(&mut client, 9).await);
}

async fn small_writes(two: Two, told: Told, at_once: bool) {
    let (mut client, mut server, _) = two.pair(80).await.expect("the network is fair");
    client.set_nodelay(at_once).expect("it is open");
    for _ in 0..3 {
        told.say("write", client.write(b"hello").await);
    }
    sleep(SHORT).await;
    let mut bytes = [0; 15];
    told.say("read", server.read_exact(&mut bytes).await);
    // The sizes in which they arrive are not the same; that all of them do is.
    drop(client);
    told.say("read", read(&mut server, 9).await);
}

pub(super) async fn two_small_writes(two: Two, told: Told) {
    small_writes(two, told, false).await;
}

pub(super) async fn two_small_writes_without_delay(two: Two, told: Told) {
    small_writes(two, told, true).await;
}

pub(super) async fn requests_in_two_parts(two: Two, told: Told) {
    let (mut client, mut server, _) = two.pair(80).await.expect("the network is fair");
    let start = Instant::now();
    for _ in 0..10 {
        client.write_all(b"head").await.expect("it is open");
        client.write_all(b"body").await.expect("it is open");
        let mut bytes = [0; 8];
        server.read_exact(&mut bytes).await.expect("it comes");
        server.write_all(b"answer").await.expect("it is open");
        client.read_exact(&mut bytes[..6]).await.expect("it comes");
    }
    // Nagle and the delayed acknowledgement: 40 ms for each but the first few.
    let slow = start.elapsed() > ms(120);
    told.say("slow", slow.to_string());
}

async fn send_much(two: Two, told: Told, size: usize) {
    let (mut client, mut server) = pair(&two).await;
    let there: Vec<u8> = (0..size).map(|it| (it * 7 / 3) as u8).collect();
    let back: Vec<u8> = (0..size).map(|it| (it * 5 / 2) as u8).collect();
    let (sent, answered) = (there.clone(), back.clone());
    let serving = simoom::task::spawn_local(async move {
        let mut bytes = vec![0; size];
        let (mut reading, mut writing) = server.split();
        let read = async { reading.read_exact(&mut bytes).await };
        let write = async { writing.write_all(&answered).await };
        let answers = simoom::join!(read, write);
        (bytes == sent, answers.0.is_ok(), answers.1.is_ok(), server)
    });
    let mut bytes = vec![0; size];
    let (mut reading, mut writing) = client.split();
    let read = async { reading.read_exact(&mut bytes).await };
    let write = async { writing.write_all(&there).await };
    let (read, write) = simoom::join!(read, write);
    told.say("read", read);
    told.say("write", write);
    told.say("equal", (bytes == back).to_string());
    let (equal, read, write, _server) = serving.await.expect("it does not panic");
    told.say("server", format!("{equal} {read} {write}"));
}

pub(super) async fn send_much_in_fair_weather(two: Two, told: Told) {
    send_much(two, told, 1_000_000).await;
}

pub(super) async fn send_much_in_bad_weather(two: Two, told: Told) {
    send_much(two, told, 300_000).await;
}

pub(super) async fn send_much_in_worse_weather(two: Two, told: Told) {
    send_much(two, told, 200_000).await;
}

pub(super) async fn send_some_in_a_storm(two: Two, told: Told) {
    send_much(two, told, 20_000).await;
}

async fn eyeballs(two: Two, told: Told, targets: Vec<SocketAddr>) {
    let _listener = two.listen(80).await;
    let start = Instant::now();
    let connecting = two.on_client(async move { connect_happy_eyeballs(&targets[..]).await });
    told.say("connect", connecting.await.map(drop));
    told.took("connect", start);
}

pub(super) async fn eyeballs_with_a_black_hole_first(two: Two, told: Told) {
    let targets = [two.hole(), two.server()].map(|ip| SocketAddr::new(ip, 80));
    eyeballs(two, told, targets.into()).await;
}

pub(super) async fn eyeballs_with_a_black_hole_last(two: Two, told: Told) {
    let targets = [two.server(), two.hole()].map(|ip| SocketAddr::new(ip, 80));
    eyeballs(two, told, targets.into()).await;
}

pub(super) async fn eyeballs_with_a_closed_port_first(two: Two, told: Told) {
    let ip = two.server();
    let targets = [SocketAddr::new(ip, 81), SocketAddr::new(ip, 80)];
    eyeballs(two, told, targets.into()).await;
}
