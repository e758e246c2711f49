//! Addresses, ports, descriptors and keep-alive of simulated nodes.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{
    AcceptBackoff, TcpKeepalive, TcpListener, TcpSocket, TcpStream, UdpSocket,
    connect_happy_eyeballs, lookup_host,
};
use simoom::time::{sleep, timeout};
use simoom_sim::{Config, Failure, Sim, Strategy, check};

fn config() -> Config {
    Config::default()
        .persist(false)
        .seeds(20)
        .time(Duration::from_secs(100_000))
}

fn calm() -> Config {
    config().seeds(1).strategy(Strategy::Calm)
}

fn s(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

async fn serve(addr: &'static str) -> std::io::Result<()> {
    let listener = TcpListener::bind(addr).await?;
    let mut streams = Vec::new();
    loop {
        streams.push(listener.accept().await?);
    }
}

/// A connection of the node `client` to `server`.
async fn connected(sim: &Sim) -> TcpStream {
    sim.node("server").run(|| serve("0.0.0.0:80"));
    sleep(ms(100)).await;
    let connecting = sim.node("client").spawn(TcpStream::connect("server:80"));
    connecting.await.unwrap().unwrap()
}

#[test]
fn a_name_stands_for_all_addresses_in_order() {
    check(config(), |sim| async move {
        let server = sim
            .node("server")
            .add_ip(ip("10.1.0.9"))
            .add_ip(ip("fd00::9"));
        let found: Vec<_> = lookup_host("server:80").await.unwrap().collect();
        let expected: Vec<_> = server
            .ips()
            .iter()
            .map(|&ip| SocketAddr::new(ip, 80))
            .collect();
        assert_eq!(found, expected);
        assert_eq!(found.len(), 3);
    })
    .unwrap();
}

#[test]
fn a_listener_of_one_address_is_not_reached_at_another() {
    check(config(), |sim| async move {
        let server = sim.node("server").add_ip(ip("10.1.0.9"));
        server.spawn(serve("10.1.0.9:80"));
        sleep(ms(1)).await;
        let refused = TcpStream::connect((server.ip(), 80)).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        TcpStream::connect("10.1.0.9:80").await.unwrap();
        // The name is tried address by address.
        let stream = TcpStream::connect("server:80").await.unwrap();
        assert_eq!(stream.peer_addr().unwrap().ip(), ip("10.1.0.9"));
    })
    .unwrap();
}

#[test]
fn a_bound_socket_chooses_its_source() {
    check(config(), |sim| async move {
        let test = sim.node("test").add_ip(ip("10.1.0.1"));
        let bound = sim.node("server").spawn(TcpListener::bind("0.0.0.0:80"));
        let listener = bound.await.unwrap().unwrap();
        let target = SocketAddr::new(sim.node("server").ip(), 80);
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("10.1.0.1:7000".parse().unwrap()).unwrap();
        let connecting = socket.connect(target);
        let (stream, accepted) = futures_join(connecting, listener.accept()).await;
        let stream = stream.unwrap();
        assert_eq!(accepted.unwrap().1, "10.1.0.1:7000".parse().unwrap());
        assert_eq!(stream.local_addr().unwrap().port(), 7000);
        let plain = TcpStream::connect(target).await.unwrap();
        assert_eq!(plain.local_addr().unwrap().ip(), test.ip());
    })
    .unwrap();
}

/// Awaits both.
async fn futures_join<A: Future, B: Future>(one: A, two: B) -> (A::Output, B::Output) {
    simoom::join!(one, two)
}

#[test]
fn addresses_of_the_sixth_version_need_one_at_both_ends() {
    check(config(), |sim| async move {
        let server = sim.node("server").add_ip(ip("fd00::9"));
        server.spawn(serve("[::]:80"));
        sleep(ms(1)).await;
        let error = TcpStream::connect("[fd00::9]:80").await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENETUNREACH));
        let _test = sim.node("test").add_ip(ip("fd00::1"));
        let stream = TcpStream::connect("[fd00::9]:80").await.unwrap();
        assert_eq!(stream.local_addr().unwrap().ip(), ip("fd00::1"));
    })
    .unwrap();
}

#[test]
fn happy_eyeballs_do_not_wait_for_an_address_that_hangs() {
    check(calm(), |sim| async move {
        let _test = sim.node("test").add_ip(ip("fd00::1"));
        let server = sim.node("server").add_ip(ip("fd00::9"));
        let other = sim.node("other");
        other.spawn(serve("0.0.0.0:80"));
        server.spawn(serve("[::]:80"));
        sim.net().partition(&sim.node("test"), &server);
        sleep(ms(1)).await;
        let all = [
            SocketAddr::new(ip("fd00::9"), 80),
            SocketAddr::new(other.ip(), 80),
        ];
        let start = sim.elapsed();
        let stream = connect_happy_eyeballs(&all[..]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), all[1]);
        assert_eq!(sim.elapsed() - start, ms(251), "250 ms and a round trip");
        let start = sim.elapsed();
        let stream = TcpStream::connect(&all[..]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), all[1]);
        assert_eq!(sim.elapsed() - start, s(131) + ms(1), "one after the other");
    })
    .unwrap();
}

#[test]
fn happy_eyeballs_try_the_families_in_turn() {
    check(calm(), |sim| async move {
        let _test = sim.node("test").add_ip(ip("fd00::1"));
        let server = sim.node("server").add_ip(ip("fd00::9"));
        server.spawn(serve("[::]:80"));
        let (one, two) = (sim.node("one"), sim.node("two"));
        for node in [&one, &two] {
            sim.net().partition(&sim.node("test"), node);
        }
        sleep(ms(1)).await;
        let all = [one.ip(), two.ip(), ip("fd00::9")].map(|ip| SocketAddr::new(ip, 80));
        let start = sim.elapsed();
        let stream = connect_happy_eyeballs(&all[..]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), all[2]);
        assert_eq!(sim.elapsed() - start, ms(251), "it is the second");
    })
    .unwrap();
}

#[test]
fn happy_eyeballs_go_on_at_once_when_an_address_refuses() {
    check(calm(), |sim| async move {
        let server = sim.node("server");
        server.spawn(serve("0.0.0.0:80"));
        sleep(ms(1)).await;
        // One refuses, the next one answers: two round trips.
        let all = [81, 80].map(|port| SocketAddr::new(server.ip(), port));
        let start = sim.elapsed();
        let stream = connect_happy_eyeballs(&all[..]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), all[1]);
        assert_eq!(sim.elapsed() - start, ms(2));
    })
    .unwrap();
}

#[test]
fn happy_eyeballs_take_the_first_address_when_the_others_hang_too() {
    check(calm(), |sim| async move {
        let server = sim.node("server");
        let (two, three) = (sim.node("two"), sim.node("three"));
        for node in [&server, &two, &three] {
            node.spawn(serve("0.0.0.0:80"));
            sim.net().partition(&sim.node("test"), node);
        }
        sleep(ms(1)).await;
        let healed = server.clone();
        let start = sim.elapsed();
        simoom::spawn({
            let sim = sim.clone();
            async move {
                sleep(ms(600)).await;
                sim.net().heal(&sim.node("test"), &healed);
            }
        });
        // All three are under way, 250 ms apart, when the way to the first is free.
        let all = [&server, &two, &three].map(|node| SocketAddr::new(node.ip(), 80));
        let stream = connect_happy_eyeballs(&all[..]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), all[0]);
        assert!(sim.elapsed() - start >= ms(600));
    })
    .unwrap();
}

#[test]
fn backing_off_doubles_up_to_a_second_and_starts_again() {
    check(calm(), |sim| async move {
        let shortage = || std::io::Error::from_raw_os_error(libc::ENFILE);
        let mut backoff = AcceptBackoff::new();
        let waited = async |backoff: &mut AcceptBackoff| {
            let start = sim.elapsed();
            backoff.after(shortage()).await.unwrap();
            sim.elapsed() - start
        };
        for wait in [5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000] {
            assert_eq!(waited(&mut backoff).await, ms(wait));
        }
        let start = sim.elapsed();
        let lost = std::io::Error::from_raw_os_error(libc::ECONNABORTED);
        backoff.after(lost).await.unwrap();
        assert_eq!(
            sim.elapsed(),
            start,
            "the next connection may be a good one"
        );
        assert_eq!(waited(&mut backoff).await, ms(1000), "nothing was accepted");
        backoff.reset();
        assert_eq!(waited(&mut backoff).await, ms(5));
    })
    .unwrap();
}

#[test]
fn an_address_is_one_nodes_alone() {
    for refused in ["10.1.0.9", "127.0.0.1", "0.0.0.0", "224.0.0.1", "::", "::1"] {
        let report = check(calm(), move |sim| async move {
            let _server = sim.node("server").add_ip(ip("10.1.0.9"));
            sim.node("other").add_ip(ip(refused));
        });
        let failure = format!("{:?}", report.failure().unwrap().cause());
        let expected = match refused {
            "10.1.0.9" => "a node has the address 10.1.0.9 already".to_owned(),
            _ => format!("{refused} is no address of a machine"),
        };
        assert!(failure.contains(&expected), "{failure}");
    }
}

#[test]
fn ports_run_out_and_come_back_after_a_minute() {
    check(calm(), |sim| async move {
        sim.node("server").run(|| serve("0.0.0.0:80"));
        let client = sim.node("client").ephemeral_ports(40_000..=40_002);
        sleep(ms(1)).await;
        let running = client.spawn(async {
            let mut streams = Vec::new();
            for _ in 0..3 {
                streams.push(TcpStream::connect("server:80").await.unwrap());
            }
            let error = TcpStream::connect("server:80").await.unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EADDRNOTAVAIL));
            let error = UdpSocket::bind("0.0.0.0:0").await;
            assert!(error.is_ok(), "ports of UDP are others");
            streams
        });
        let mut streams = running.await.unwrap();
        drop(streams.pop());
        // The server holds its end until it closes it: the port stays taken until then.
        sim.node("server").kill();
        sleep(ms(100)).await;
        drop(streams);
        sleep(s(59)).await;
        let early = client.spawn(TcpStream::connect("server:80")).await.unwrap();
        assert_eq!(early.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    })
    .unwrap();
}

#[test]
fn a_port_closed_first_is_kept_for_a_minute() {
    check(calm(), |sim| async move {
        let accepting = sim.node("server").spawn(async {
            let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                // Closes when the peer has.
                let _ = stream.read(&mut [0; 1]).await;
            }
        });
        let client = sim.node("client").ephemeral_ports(40_000..=40_000);
        sleep(ms(1)).await;
        let first = client.spawn(TcpStream::connect("server:80")).await.unwrap();
        drop(first.unwrap());
        sleep(s(1)).await;
        let early = client.spawn(TcpStream::connect("server:80")).await.unwrap();
        assert_eq!(early.unwrap_err().raw_os_error(), Some(libc::EADDRNOTAVAIL));
        sleep(s(60)).await;
        client
            .spawn(TcpStream::connect("server:80"))
            .await
            .unwrap()
            .unwrap();
        accepting.abort();
    })
    .unwrap();
}

#[test]
fn str_8_descriptors_run_out_and_accepting_goes_on_when_there_are_some() {
    check(config(), |sim| async move {
        let server = sim.node("server").descriptor_limit(3);
        let accepting = server.spawn(async {
            let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
            let mut backoff = AcceptBackoff::new();
            let mut streams = Vec::new();
            let mut failures = 0;
            while streams.len() < 2 || failures < 3 {
                match listener.accept().await {
                    Ok(accepted) => streams.push(accepted),
                    Err(error) => {
                        assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
                        backoff.after(error).await.unwrap();
                        failures += 1;
                    }
                }
            }
            let bound = UdpSocket::bind("0.0.0.0:0").await.unwrap_err();
            assert_eq!(bound.raw_os_error(), Some(libc::EMFILE));
            let socket = TcpSocket::new_v4().unwrap_err();
            assert_eq!(socket.raw_os_error(), Some(libc::EMFILE));
            streams.pop();
            listener.accept().await.unwrap();
        });
        sleep(ms(1)).await;
        let mut clients = Vec::new();
        for _ in 0..3 {
            clients.push(TcpStream::connect("server:80").await.unwrap());
        }
        accepting.await.unwrap();
    })
    .unwrap();
}

/// Probes after 10 s, every 2 s, three times.
fn probes() -> TcpKeepalive {
    TcpKeepalive::new()
        .with_time(s(10))
        .with_interval(s(2))
        .with_retries(3)
}

#[test]
fn keep_alive_finds_that_a_machine_lost_its_power() {
    check(calm(), |sim| async move {
        let mut client = connected(&sim).await;
        client.set_tcp_keepalive(&probes()).unwrap();
        let start = sim.elapsed();
        sim.node("server").power_loss();
        let error = client.read(&mut [0; 4]).await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ETIMEDOUT));
        let took = sim.elapsed() - start;
        assert!(took <= s(16) && took > s(15), "{took:?}");
    })
    .unwrap();
}

#[test]
fn without_keep_alive_nobody_finds_out() {
    check(calm(), |sim| async move {
        let mut client = connected(&sim).await;
        sim.node("server").power_loss();
        let waited = timeout(s(50_000), client.read(&mut [0; 4])).await;
        assert!(waited.is_err());
    })
    .unwrap();
}

#[test]
fn keep_alive_outlives_a_short_partition() {
    check(config(), |sim| async move {
        let mut client = connected(&sim).await;
        client.set_tcp_keepalive(&probes()).unwrap();
        let (one, two) = (sim.node("client"), sim.node("server"));
        for _ in 0..5 {
            sim.net().partition(&one, &two);
            // Not long enough for three probes, whenever the first one is due.
            sleep(s(5)).await;
            sim.net().heal_all();
            sleep(s(30)).await;
        }
        client.write_all(b"still there").await.unwrap();
        sim.net().partition_one_way(&two, &one);
        let start = sim.elapsed();
        // The bytes on their way are the business of another time-out.
        sleep(s(1)).await;
        sim.net().heal_all();
        sim.net().partition_one_way(&two, &one);
        let error = client.read(&mut [0; 4]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(sim.elapsed() - start < s(40));
    })
    .unwrap();
}

#[test]
fn a_user_timeout_replaces_the_systems() {
    check(calm(), |sim| async move {
        let mut client = connected(&sim).await;
        client.set_tcp_user_timeout(Some(s(7))).unwrap();
        sim.net()
            .partition(&sim.node("client"), &sim.node("server"));
        let start = sim.elapsed();
        client.write_all(b"x").await.unwrap();
        let error = client.read(&mut [0; 4]).await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ETIMEDOUT));
        // Linux counts from its first retransmission after a time-out.
        assert_eq!(sim.elapsed() - start, s(7) + ms(400));
    })
    .unwrap();
}

#[test]
fn a_small_receive_buffer_holds_its_sender_up() {
    check(config(), |sim| async move {
        let server = sim.node("server");
        let accepting = server.spawn(async {
            let socket = TcpSocket::new_v4().unwrap();
            socket.set_recv_buffer_size(4_096).unwrap();
            socket.bind("0.0.0.0:80".parse().unwrap()).unwrap();
            let listener = socket.listen(8).unwrap();
            listener.accept().await.unwrap().0
        });
        sleep(ms(1)).await;
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_send_buffer_size(4_096).unwrap();
        let target = SocketAddr::new(server.ip(), 80);
        let client = socket.connect(target).await.unwrap();
        let _server = accepting.await.unwrap();
        let mut written = 0;
        while let Ok(writable) = timeout(s(1), client.writable()).await {
            writable.unwrap();
            match client.try_write(&[0; 1_000]) {
                Ok(count) => written += count,
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
        assert_eq!(written, 8_192);
    })
    .unwrap();
}

#[test]
fn keep_alive_finds_a_peer_whose_reset_was_lost() {
    check(config(), |sim| async move {
        let mut client = connected(&sim).await;
        client.set_tcp_keepalive(&probes()).unwrap();
        client.write_all(b"unread").await.unwrap();
        sleep(ms(100)).await;
        let (one, two) = (sim.node("client"), sim.node("server"));
        sim.net().partition(&one, &two);
        two.kill();
        sleep(s(1)).await;
        sim.net().heal_all();
        let read = timeout(s(20), client.read(&mut [0; 4])).await;
        let error = read.expect("it ends").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ECONNRESET));
    })
    .unwrap();
}

#[test]
fn a_machine_that_lost_its_power_knows_of_no_port_closed_before() {
    check(calm(), |sim| async move {
        sim.node("server").run(|| async {
            let listener = TcpListener::bind("0.0.0.0:80").await?;
            loop {
                let (mut stream, _) = listener.accept().await?;
                // Closes when the peer has.
                let _ = stream.read(&mut [0; 1]).await;
            }
            #[expect(unreachable_code, reason = "names the type of the error")]
            Ok::<(), std::io::Error>(())
        });
        let client = sim.node("client").ephemeral_ports(40_000..=40_000);
        sleep(ms(1)).await;
        let first = client.spawn(TcpStream::connect("server:80")).await.unwrap();
        drop(first.unwrap());
        sleep(s(1)).await;
        client.power_loss();
        client.run(|| async { TcpStream::connect("server:80").await.map(drop) });
        sleep(s(1)).await;
    })
    .unwrap();
}

#[test]
fn a_handshake_that_is_never_finished_leaves_the_backlog() {
    check(calm(), |sim| async move {
        let server = sim.node("server");
        let accepting = server.spawn(async {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind("0.0.0.0:80".parse().unwrap()).unwrap();
            let listener = socket.listen(0).unwrap();
            listener.accept().await.unwrap()
        });
        sleep(ms(1)).await;
        let gone = sim.node("gone");
        let connecting = gone.spawn(TcpStream::connect("server:80"));
        // The SYN has arrived, its answer has not.
        sleep(Duration::from_micros(700)).await;
        sim.net().partition_one_way(&gone, &server);
        sleep(s(1)).await;
        let _half_open = connecting.await.unwrap().unwrap();
        gone.power_loss();
        sleep(s(65)).await;
        let start = sim.elapsed();
        TcpStream::connect("server:80").await.unwrap();
        assert!(sim.elapsed() - start < s(1));
        accepting.await.unwrap();
    })
    .unwrap();
}

#[test]
fn a_failed_connection_leaves_no_timer_behind() {
    let report = check(calm(), |sim| async move {
        let mut client = connected(&sim).await;
        // Its probes go on for longer than the run may take.
        let rare = probes().with_time(s(32_000)).with_interval(s(32_000));
        client.set_tcp_keepalive(&rare.with_retries(100)).unwrap();
        sim.net()
            .partition(&sim.node("client"), &sim.node("server"));
        client.write_all(b"x").await.unwrap();
        let error = client.read(&mut [0; 4]).await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ETIMEDOUT));
        drop(client);
        std::future::pending::<()>().await;
    });
    assert_eq!(report.failure().unwrap().cause(), &Failure::Deadlock);
}
