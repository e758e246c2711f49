//! What only a simulated network can do to datagrams.

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use simoom::net::UdpSocket;
use simoom::time::{sleep, timeout};
use simoom_sim::{Config, Sim, Strategy, check};

fn config() -> Config {
    Config::default()
        .persist(false)
        .seeds(20)
        .time(Duration::from_secs(7_200))
}

fn calm() -> Config {
    config().seeds(1).strategy(Strategy::Calm)
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A socket of the test's node, and one of `server` at port 53.
async fn pair(sim: &Sim) -> (UdpSocket, UdpSocket) {
    let server = sim.node("server");
    let bound = server.spawn(async { UdpSocket::bind("0.0.0.0:53").await.unwrap() });
    let client = UdpSocket::bind("0.0.0.0:0").await.unwrap();
    let server = bound.await.unwrap();
    client.connect("server:53").await.unwrap();
    (client, server)
}

#[test]
fn a_datagram_between_nodes_carries_the_senders_address() {
    check(config(), |sim| async move {
        let (client, server) = pair(&sim).await;
        client.send(b"hi").await.unwrap();
        let mut buf = [0; 8];
        let (count, from) = server.recv_from(&mut buf).await.unwrap();
        assert_eq!(count, 2);
        assert_eq!(from.ip(), sim.node("test").ip());
        assert_eq!(from.port(), client.local_addr().unwrap().port());
        server.send_to(b"you", from).await.unwrap();
        assert_eq!(client.recv(&mut buf).await.unwrap(), 3);
    })
    .unwrap();
}

#[test]
fn a_datagram_takes_its_links_least_time_in_a_calm_run() {
    check(calm(), |sim| async move {
        let (client, server) = pair(&sim).await;
        let (test, far) = (sim.node("test"), sim.node("server"));
        sim.net().latency(&test, &far, ms(7), ms(90));
        let start = sim.elapsed();
        client.send(b"hi").await.unwrap();
        let (_, from) = server.recv_from(&mut [0; 8]).await.unwrap();
        assert_eq!(sim.elapsed() - start, ms(7));
        server.send_to(b"you", from).await.unwrap();
        client.recv(&mut [0; 8]).await.unwrap();
        assert_eq!(sim.elapsed() - start, ms(14), "the way back is as long");
        sim.net().default_latency(ms(9), ms(90));
        let third = sim.node("third");
        let bound = third.spawn(async { UdpSocket::bind("0.0.0.0:53").await.unwrap() });
        let other = bound.await.unwrap();
        let start = sim.elapsed();
        client.send_to(b"hi", "third:53").await.unwrap();
        other.recv(&mut [0; 8]).await.unwrap();
        assert_eq!(sim.elapsed() - start, ms(9), "a link without its own");
    })
    .unwrap();
}

/// How `seeds` runs order ten datagrams that one socket sends to another.
fn orders(far: &'static str) -> Vec<Vec<u8>> {
    let orders = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let all = orders.clone();
    check(config(), move |sim| {
        let all = all.clone();
        async move {
            let bound = sim
                .node(far)
                .spawn(async { UdpSocket::bind("0.0.0.0:53").await.unwrap() });
            let server = bound.await.unwrap();
            let client = UdpSocket::bind("0.0.0.0:0").await.unwrap();
            for number in 0..10 {
                client.send_to(&[number], (far, 53)).await.unwrap();
            }
            let mut order = Vec::new();
            for _ in 0..10 {
                let mut buf = [0];
                server.recv(&mut buf).await.unwrap();
                order.push(buf[0]);
            }
            all.lock().unwrap().push(order);
        }
    })
    .unwrap();
    let orders = orders.lock().unwrap();
    orders.clone()
}

#[test]
fn datagrams_overtake_each_other_between_nodes() {
    let sorted: Vec<u8> = (0..10).collect();
    let orders = orders("server");
    assert!(orders.iter().any(|order| *order != sorted));
    for mut order in orders {
        order.sort_unstable();
        assert_eq!(order, sorted, "none is lost and none comes twice");
    }
}

#[test]
fn datagrams_of_one_node_to_itself_keep_their_order() {
    let sorted: Vec<u8> = (0..10).collect();
    for order in orders("test") {
        assert_eq!(order, sorted);
    }
}

#[test]
fn a_cut_link_loses_datagrams_for_good() {
    check(config(), |sim| async move {
        let (client, server) = pair(&sim).await;
        let (test, far) = (sim.node("test"), sim.node("server"));
        client.send(b"under way").await.unwrap();
        sim.net().partition(&test, &far);
        client.send(b"into the void").await.unwrap();
        sleep(ms(100)).await;
        sim.net().heal_all();
        let mut buf = [0; 16];
        assert!(timeout(ms(100), server.recv(&mut buf)).await.is_err());
        client.send(b"healed").await.unwrap();
        assert_eq!(server.recv(&mut buf).await.unwrap(), 6);
    })
    .unwrap();
}

#[test]
fn a_cut_loses_what_is_under_way_however_short_it_is() {
    check(config(), |sim| async move {
        let (client, server) = pair(&sim).await;
        let (test, far) = (sim.node("test"), sim.node("server"));
        sim.net().latency(&test, &far, ms(20), ms(30));
        client.send(b"under way").await.unwrap();
        sim.net().partition(&test, &far);
        sim.net().heal(&test, &far);
        let mut buf = [0; 16];
        assert!(timeout(ms(100), server.recv(&mut buf)).await.is_err());
        client.send(b"healed").await.unwrap();
        assert_eq!(server.recv(&mut buf).await.unwrap(), 6);
    })
    .unwrap();
}

#[test]
fn a_link_that_is_cut_one_way_carries_the_other() {
    check(config(), |sim| async move {
        let (client, server) = pair(&sim).await;
        let (test, far) = (sim.node("test"), sim.node("server"));
        let mut buf = [0; 16];
        client.send(b"hello").await.unwrap();
        let (_, from) = server.recv_from(&mut buf).await.unwrap();
        sim.net().partition_one_way(&test, &far);
        client.send(b"lost").await.unwrap();
        server.send_to(b"heard", from).await.unwrap();
        assert_eq!(client.recv(&mut buf).await.unwrap(), 5);
        assert!(timeout(ms(100), server.recv(&mut buf)).await.is_err());
    })
    .unwrap();
}

#[test]
fn a_killed_node_answers_that_nobody_is_there() {
    check(config(), |sim| async move {
        let (client, _server) = pair(&sim).await;
        sim.node("server").kill();
        client.send(b"anyone?").await.unwrap();
        let error = client.recv(&mut [0; 4]).await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ECONNREFUSED));
    })
    .unwrap();
}

#[test]
fn the_answer_that_nobody_is_there_is_lost_on_a_cut_way_back() {
    check(config(), |sim| async move {
        let (client, _server) = pair(&sim).await;
        let (test, far) = (sim.node("test"), sim.node("server"));
        far.kill();
        sim.net().partition_one_way(&far, &test);
        client.send(b"anyone?").await.unwrap();
        let waited = timeout(ms(500), client.recv(&mut [0; 4])).await;
        assert!(waited.is_err());
    })
    .unwrap();
}

#[test]
fn an_address_that_nobody_has_swallows_datagrams() {
    check(config(), |_| async move {
        let client = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        client.connect("10.0.9.9:53").await.unwrap();
        client.send(b"anyone?").await.unwrap();
        sleep(Duration::from_secs(10)).await;
        client.send(b"anyone?").await.unwrap();
        assert!(client.take_error().unwrap().is_none());
    })
    .unwrap();
}

#[test]
fn a_socket_of_the_loopback_address_reaches_its_own_node_alone() {
    check(config(), |sim| async move {
        let _server = sim.node("server");
        let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let error = client.send_to(b"x", "server:53").await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
    })
    .unwrap();
}

/// How many of three nodes, the sending one included, hear what is sent to `target`.
fn heard(target: Ipv4Addr, joins: bool) -> u32 {
    let count = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let all = count.clone();
    check(calm(), move |sim| {
        let all = all.clone();
        async move {
            let heard = Rc::new(Cell::new(0));
            for name in ["one", "two", "test"] {
                let heard = heard.clone();
                sim.node(name).spawn(async move {
                    let socket = UdpSocket::bind("0.0.0.0:5353").await.unwrap();
                    if joins {
                        let any = Ipv4Addr::UNSPECIFIED;
                        socket.join_multicast_v4(target, any).unwrap();
                    }
                    socket.recv(&mut [0; 4]).await.unwrap();
                    heard.set(heard.get() + 1);
                });
            }
            sleep(ms(1)).await;
            let sender = UdpSocket::bind("0.0.0.0:0").await.unwrap();
            sender.set_broadcast(true).unwrap();
            let target = SocketAddr::new(IpAddr::V4(target), 5353);
            sender.send_to(b"all", target).await.unwrap();
            sleep(ms(100)).await;
            all.store(heard.get(), std::sync::atomic::Ordering::Relaxed);
        }
    })
    .unwrap();
    count.load(std::sync::atomic::Ordering::Relaxed)
}

#[test]
fn a_broadcast_reaches_every_node() {
    assert_eq!(heard(Ipv4Addr::BROADCAST, false), 3);
    assert_eq!(heard(Ipv4Addr::new(10, 0, 255, 255), false), 3);
}

#[test]
fn a_group_reaches_its_members() {
    let group = Ipv4Addr::new(239, 0, 0, 1);
    assert_eq!(heard(group, true), 3);
    assert_eq!(heard(group, false), 0);
}

#[test]
fn two_runs_of_one_seed_are_the_same() {
    // A check replays what it finds and says so if the replay differs.
    let report = check(config().seeds(40), |sim| async move {
        let (client, server) = pair(&sim).await;
        for number in 0..10 {
            client.send(&[number]).await.unwrap();
        }
        let mut last = 0;
        for _ in 0..10 {
            let mut buf = [0];
            server.recv(&mut buf).await.unwrap();
            assert!(buf[0] >= last, "out of order");
            last = buf[0];
        }
    });
    let text = report.failure().expect("some seed reorders").to_string();
    assert!(text.contains("net.datagram.late"), "{text}");
    assert!(
        text.contains("from test/main to server:53, datagram"),
        "{text}"
    );
    assert!(!text.contains("not deterministic"), "{text}");
}
