//! Messages under way: listed, held, dropped, and lost by faults.

use std::io::ErrorKind;
use std::time::Duration;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpKeepalive, TcpListener, TcpStream, UdpSocket};
use simoom::time::{sleep, timeout};
use simoom_sim::{
    Config, Fault, Kind, Matching, MessageKind, Protocol, Ratio, Sim, Strategy, check,
};

fn config() -> Config {
    Config::default()
        .persist(false)
        .seeds(20)
        .time(Duration::from_secs(7_200))
}

fn calm() -> Config {
    config().seeds(1).strategy(Strategy::Calm)
}

/// One run with the faults it asks for, which a calm one would not have.
fn one() -> Config {
    config().seed(1).strategy(Strategy::Random)
}

fn s(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A connection from the node `client` to `server`, and the server's end of it.
async fn pair(sim: &Sim) -> (TcpStream, TcpStream) {
    let server = sim.node("server");
    let accepting = server.spawn(async {
        let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
        listener.accept().await.unwrap().0
    });
    sleep(s(1)).await;
    let connecting = sim.node("client").spawn(TcpStream::connect("server:80"));
    (connecting.await.unwrap().unwrap(), accepting.await.unwrap())
}

#[test]
fn what_is_on_its_way_is_listed_in_order() {
    check(config(), |sim| async move {
        let (mut client, server) = pair(&sim).await;
        sleep(s(1)).await;
        assert_eq!(sim.net().in_flight(), []);
        client.write_all(b"hello").await.unwrap();
        client.shutdown().await.unwrap();
        let messages = sim.net().in_flight();
        assert_eq!(messages.last().unwrap().kind, MessageKind::Fin);
        let first = &messages[0];
        assert_eq!(first.kind, MessageKind::Data);
        assert_eq!(first.protocol(), Protocol::Tcp);
        assert_eq!(
            (first.from.as_str(), first.to.as_str()),
            ("client", "server")
        );
        assert_eq!(first.source, client.local_addr().unwrap());
        assert_eq!(first.target, server.local_addr().unwrap());
        assert!(!first.held);
        let bytes: Vec<u8> = messages.iter().flat_map(|it| it.bytes.clone()).collect();
        assert_eq!(bytes, b"hello");
        sleep(s(1)).await;
        assert_eq!(sim.net().in_flight(), []);
    })
    .unwrap();
}

#[test]
fn held_segments_arrive_in_order_once_released() {
    check(config(), |sim| async move {
        let (mut client, mut server) = pair(&sim).await;
        client.write_all(b"under way, ").await.unwrap();
        let hold = sim
            .net()
            .hold(Matching::all().from(&sim.node("client")).port(80));
        client.write_all(b"held").await.unwrap();
        client.shutdown().await.unwrap();
        let mut buf = [0; 64];
        assert!(timeout(s(60), server.read(&mut buf)).await.is_err());
        assert!(sim.net().in_flight().iter().all(|message| message.held));
        // The other direction is not meant.
        server.write_all(b"free").await.unwrap();
        let mut four = [0; 4];
        client.read_exact(&mut four).await.unwrap();
        hold.release();
        let mut text = String::new();
        server.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "under way, held");
        hold.release();
    })
    .unwrap();
}

#[test]
fn a_hold_means_what_it_matches() {
    check(config(), |sim| async move {
        let (mut client, mut server) = pair(&sim).await;
        let all = Matching::all();
        let others = [
            all.port(81),
            all.protocol(Protocol::Udp),
            all.to(&sim.node("client")),
            all.from(&sim.node("test")),
        ];
        for matching in others {
            sim.net().hold(matching);
        }
        client.write_all(b"x").await.unwrap();
        server.read_u8().await.unwrap();
        sim.net().hold(all.protocol(Protocol::Tcp));
        client.write_all(b"y").await.unwrap();
        assert!(timeout(s(10), server.read_u8()).await.is_err());
        sim.net().release_all();
        assert_eq!(server.read_u8().await.unwrap(), b'y');
    })
    .unwrap();
}

#[test]
fn held_datagrams_arrive_once_released() {
    check(config(), |sim| async move {
        let server = sim.node("server");
        let bound = server.spawn(async { UdpSocket::bind("0.0.0.0:53").await.unwrap() });
        let server = bound.await.unwrap();
        let client = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        client.send_to(b"a", "server:53").await.unwrap();
        let hold = sim
            .net()
            .hold(Matching::all().protocol(Protocol::Udp).port(53));
        client.send_to(b"b", "server:53").await.unwrap();
        let mut buf = [0; 4];
        assert!(timeout(s(10), server.recv(&mut buf)).await.is_err());
        assert_eq!(sim.net().in_flight().len(), 2);
        hold.release();
        server.recv(&mut buf).await.unwrap();
        server.recv(&mut buf).await.unwrap();
    })
    .unwrap();
}

#[test]
fn a_dropped_datagram_is_gone() {
    check(config(), |sim| async move {
        let server = sim.node("server");
        let bound = server.spawn(async { UdpSocket::bind("0.0.0.0:53").await.unwrap() });
        let server = bound.await.unwrap();
        let client = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        client.send_to(b"a", "server:53").await.unwrap();
        client.send_to(b"b", "server:53").await.unwrap();
        let messages = sim.net().in_flight();
        assert!(sim.net().drop_message(messages[0].id));
        assert!(
            !sim.net().drop_message(messages[0].id),
            "it is gone already"
        );
        let mut buf = [0; 4];
        assert_eq!(server.recv(&mut buf).await.unwrap(), 1);
        assert_eq!(buf[0], b'b');
        assert!(timeout(s(1), server.recv(&mut buf)).await.is_err());
    })
    .unwrap();
}

#[test]
fn a_dropped_segment_is_sent_again_and_later_ones_wait_for_it() {
    check(calm(), |sim| async move {
        let (mut client, mut server) = pair(&sim).await;
        client.set_nodelay(true).unwrap();
        let start = sim.elapsed();
        client.write_all(b"first").await.unwrap();
        let lost = sim.net().in_flight()[0].id;
        client.write_all(b"second").await.unwrap();
        assert!(sim.net().drop_message(lost));
        let mut bytes = [0; 11];
        server.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"firstsecond");
        let took = sim.elapsed() - start;
        assert_eq!(took, ms(200) + Duration::from_micros(500));
        // Lost again and again, it takes twice as long each time but the first: 200, 200, 400 ms.
        let start = sim.elapsed();
        client.write_all(b"x").await.unwrap();
        for _ in 0..3 {
            let lost = sim.net().in_flight()[0].id;
            assert!(sim.net().drop_message(lost));
        }
        server.read_u8().await.unwrap();
        let took = sim.elapsed() - start;
        assert_eq!(took, ms(400) + Duration::from_micros(500));
    })
    .unwrap();
}

#[test]
fn a_dropped_syn_is_sent_again_after_a_second() {
    check(calm(), |sim| async move {
        let _listening = sim.node("server").spawn(async {
            let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
            listener.accept().await.unwrap()
        });
        sleep(ms(1)).await;
        let start = sim.elapsed();
        let connecting = simoom::task::spawn_local(TcpStream::connect("server:80"));
        while sim.net().in_flight().is_empty() {
            simoom::task::yield_now().await;
        }
        let syn = &sim.net().in_flight()[0];
        assert_eq!(syn.kind, MessageKind::Syn);
        assert!(sim.net().drop_message(syn.id));
        connecting.await.unwrap().unwrap();
        assert_eq!(sim.elapsed() - start, s(1) + ms(1));
    })
    .unwrap();
}

#[test]
fn a_segment_that_never_gets_through_times_out_as_on_linux() {
    let plan = Fault::new(Kind::NetSegmentLost).probability(Ratio::ALWAYS);
    check(one(), move |sim| {
        let plan = plan.clone();
        async move {
            let (mut client, _server) = pair(&sim).await;
            sim.faults(plan);
            let start = sim.elapsed();
            client.write_all(b"x").await.unwrap();
            let error = client.read(&mut [0; 4]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert_eq!(error.raw_os_error(), Some(libc::ETIMEDOUT));
            assert_eq!(sim.elapsed() - start, ms(924_600));
        }
    })
    .unwrap();
}

#[test]
fn a_syn_that_never_gets_through_times_out_as_on_linux() {
    let plan = Fault::new(Kind::NetSegmentLost).probability(Ratio::ALWAYS);
    check(one(), move |sim| {
        let plan = plan.clone();
        async move {
            let _server = sim.node("server");
            sim.faults(plan);
            let client = sim.node("client");
            let start = sim.elapsed();
            let connecting = client.spawn(TcpStream::connect("server:80"));
            let error = connecting.await.unwrap().unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::ETIMEDOUT));
            assert_eq!(sim.elapsed() - start, s(131));
        }
    })
    .unwrap();
}

#[test]
fn lost_segments_delay_but_never_change_the_stream() {
    let plan = Fault::new(Kind::NetSegmentLost).probability(Ratio::one_in(4));
    let report = check(config(), move |sim| {
        let plan = plan.clone();
        async move {
            sim.faults(plan);
            let (mut client, mut server) = pair(&sim).await;
            let sent: Vec<u8> = (0..200_000_u32).map(|it| (it / 7) as u8).collect();
            let expected = sent.clone();
            let sending = sim.node("client").spawn(async move {
                client.write_all(&sent).await.unwrap();
                client.shutdown().await.unwrap();
            });
            let mut received = Vec::new();
            server.read_to_end(&mut received).await.unwrap();
            assert!(received == expected, "the bytes are the same");
            sending.await.unwrap();
        }
    });
    assert!(report.failure().is_none(), "{report:?}");
}

#[test]
fn data_whose_acknowledgements_are_cut_off_times_out() {
    check(calm(), |sim| async move {
        let (mut client, mut server) = pair(&sim).await;
        let start = sim.elapsed();
        sim.net()
            .partition_one_way(&sim.node("server"), &sim.node("client"));
        client.write_all(b"x").await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), b'x', "it gets through");
        let error = client.read(&mut [0; 4]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(sim.elapsed() - start >= ms(924_600));
    })
    .unwrap();
}

#[test]
fn data_whose_acknowledgements_get_through_again_does_not() {
    check(calm(), |sim| async move {
        let (mut client, mut server) = pair(&sim).await;
        sim.net()
            .partition_one_way(&sim.node("server"), &sim.node("client"));
        client.write_all(b"x").await.unwrap();
        sleep(s(900)).await;
        sim.net().heal_all();
        sleep(s(900)).await;
        server.write_all(b"y").await.unwrap();
        let mut buf = [0];
        assert_eq!(client.read(&mut buf).await.unwrap(), 1);
    })
    .unwrap();
}

#[test]
fn a_connection_over_a_link_cut_one_way_hangs_until_it_heals() {
    for answers_only in [false, true] {
        check(config(), move |sim| async move {
            let server = sim.node("server").run(|| async {
                let listener = TcpListener::bind("0.0.0.0:80").await?;
                listener.accept().await?;
                Ok::<(), std::io::Error>(())
            });
            let client = sim.node("client");
            sleep(ms(1)).await;
            if answers_only {
                sim.net().partition_one_way(&server, &client);
            } else {
                sim.net().partition_one_way(&client, &server);
            }
            let connecting = client.spawn(TcpStream::connect("server:80"));
            sleep(s(20)).await;
            assert!(!connecting.is_finished());
            sim.net().heal_all();
            connecting.await.unwrap().unwrap();
        })
        .unwrap();
    }
}

/// Fills the peer's window and the sender's own buffer.
async fn fill(stream: &TcpStream) {
    while let Ok(writable) = timeout(s(1), stream.writable()).await {
        writable.unwrap();
        while stream.try_write(&[7; 4_096]).is_ok() {}
    }
}

#[test]
fn a_writer_without_a_window_hears_of_a_lost_power_once_it_is_back() {
    check(config(), |sim| async move {
        let (mut client, _held) = pair(&sim).await;
        fill(&client).await;
        sim.node("server").power_loss();
        sleep(s(10)).await;
        sim.node("server").run(|| async { sleep(s(1)).await });
        let written = timeout(s(60), client.write_all(&[7; 200_000])).await;
        let error = written.expect("it ends").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ECONNRESET));
    })
    .unwrap();
}

#[test]
fn a_writer_without_a_window_hears_of_a_reset_that_was_lost() {
    check(config(), |sim| async move {
        let (mut client, server) = pair(&sim).await;
        fill(&client).await;
        let (one, two) = (sim.node("client"), sim.node("server"));
        sim.net().partition(&one, &two);
        drop(server);
        sleep(s(10)).await;
        sim.net().heal_all();
        let written = timeout(s(60), client.write_all(&[7; 200_000])).await;
        let error = written.expect("it ends").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ECONNRESET));
    })
    .unwrap();
}

#[test]
fn a_writer_without_a_window_gives_up_behind_a_cut() {
    check(calm(), |sim| async move {
        let (mut client, mut server) = pair(&sim).await;
        fill(&client).await;
        let (one, two) = (sim.node("client"), sim.node("server"));
        // A cut that heals ends nothing.
        sim.net().partition(&one, &two);
        sleep(s(900)).await;
        sim.net().heal_all();
        sleep(s(900)).await;
        sim.net().partition(&one, &two);
        let start = sim.elapsed();
        server.read_exact(&mut [0; 65_536]).await.unwrap();
        let error = client.write_all(&[7; 200_000]).await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ETIMEDOUT));
        assert_eq!(sim.elapsed() - start, ms(924_600));
    })
    .unwrap();
}

#[test]
fn a_writer_without_a_window_goes_on_after_a_cut() {
    check(config(), |sim| async move {
        let (mut client, mut server) = pair(&sim).await;
        fill(&client).await;
        let (one, two) = (sim.node("client"), sim.node("server"));
        sim.net().partition(&one, &two);
        server.read_exact(&mut [0; 65_536]).await.unwrap();
        sleep(s(900)).await;
        sim.net().heal_all();
        let reading = two.spawn(async move {
            let mut count = 0;
            while let Ok(read @ 1..) = server.read(&mut [0; 4_096]).await {
                count += read;
            }
            count
        });
        client.write_all(&[7; 10_000]).await.unwrap();
        client.shutdown().await.unwrap();
        assert_eq!(reading.await.unwrap(), 65_536 + 10_000);
    })
    .unwrap();
}

#[test]
fn keep_alive_outlives_a_cut_of_a_clogged_link() {
    let clogged = Fault::new(Kind::NetLinkClogged)
        .probability(Ratio::ALWAYS)
        .lasting(s(10)..=s(10))
        .every(s(1))
        .may_be_inert();
    check(config(), move |sim| {
        let clogged = clogged.clone();
        async move {
            let (client, _server) = pair(&sim).await;
            let probes = TcpKeepalive::new().with_time(s(2)).with_interval(s(1));
            client.set_tcp_keepalive(&probes.with_retries(4)).unwrap();
            sim.faults(clogged);
            sleep(s(10)).await;
            for _ in 0..20 {
                sim.net()
                    .partition(&sim.node("client"), &sim.node("server"));
                sleep(s(3)).await;
                sim.net().heal_all();
                sleep(s(10)).await;
                let read = client.try_read(&mut [0; 4]).unwrap_err();
                assert_eq!(read.kind(), ErrorKind::WouldBlock);
            }
        }
    })
    .unwrap();
}
