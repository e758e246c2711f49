//! What only a simulated network can be made to do.

use std::cell::Cell;
use std::io::ErrorKind;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream};
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

fn s(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// A connection from the test's node to `server`, and the server's end of it.
async fn pair(sim: &Sim) -> (TcpStream, TcpStream) {
    let server = sim.node("server");
    let accepting = server.spawn(async {
        let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
        listener.accept().await.unwrap().0
    });
    sleep(s(1)).await;
    let client = TcpStream::connect("server:80").await.unwrap();
    (client, accepting.await.unwrap())
}

#[test]
fn nobody_at_an_address_is_told_after_three_seconds() {
    check(config(), |sim| async move {
        let error = TcpStream::connect("10.0.9.9:80").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::HostUnreachable);
        assert_eq!(sim.elapsed(), s(3));
    })
    .unwrap();
}

#[test]
fn a_killed_node_refuses_and_a_restarted_one_accepts() {
    check(config(), |sim| async move {
        let server = sim.node("server").run(|| async {
            let listener = TcpListener::bind("0.0.0.0:80").await?;
            loop {
                listener.accept().await?;
            }
            #[expect(unreachable_code, reason = "gives the block its type")]
            Ok::<(), std::io::Error>(())
        });
        sleep(s(1)).await;
        TcpStream::connect("server:80").await.unwrap();
        server.kill();
        let error = TcpStream::connect("server:80").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        server.restart();
        sleep(s(1)).await;
        TcpStream::connect("server:80").await.unwrap();
    })
    .unwrap();
}

#[test]
fn connecting_through_a_partition_times_out_after_131_seconds() {
    check(config(), |sim| async move {
        let server = sim.node("server");
        sim.net().partition(&sim.node("test"), &server);
        let error = TcpStream::connect("server:80").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(sim.elapsed(), s(131));
    })
    .unwrap();
}

#[test]
fn what_a_partition_holds_arrives_in_order_when_it_heals() {
    check(
        config().seeds(200).strategy(Strategy::Random),
        |sim| async move {
            let (client, mut server) = pair(&sim).await;
            let (node, test) = (sim.node("server"), sim.node("test"));
            // Slow enough for several segments to be on their way at every cut.
            sim.net().latency(
                &node,
                &test,
                Duration::from_millis(1),
                Duration::from_millis(30),
            );
            let writing = simoom::task::spawn_local(async move {
                let mut client = client;
                for byte in 0..=255 {
                    client.write_all(&[byte]).await.unwrap();
                    sleep(Duration::from_millis(2)).await;
                }
            });
            let cutting = simoom::task::spawn_local({
                let sim = sim.clone();
                async move {
                    for round in 0..20 {
                        sleep(Duration::from_millis(9 + round)).await;
                        sim.net().partition(&test, &node);
                        sleep(Duration::from_millis(round % 7)).await;
                        sim.net().heal_all();
                    }
                }
            });
            let mut bytes = Vec::new();
            server.read_to_end(&mut bytes).await.unwrap();
            assert_eq!(bytes, (0..=255).collect::<Vec<u8>>());
            writing.await.unwrap();
            cutting.await.unwrap();
        },
    )
    .unwrap();
}

#[test]
fn one_way_partitions_let_the_other_way_through() {
    check(config(), |sim| async move {
        let (mut client, mut server) = pair(&sim).await;
        let (node, test) = (sim.node("server"), sim.node("test"));
        sim.net().partition_one_way(&test, &node);
        client.write_all(b"there").await.unwrap();
        server.write_all(b"back").await.unwrap();
        let mut bytes = [0; 5];
        client.read_exact(&mut bytes[..4]).await.unwrap();
        assert_eq!(&bytes[..4], b"back");
        timeout(s(60), server.read(&mut bytes)).await.unwrap_err();
        sim.net().heal(&test, &node);
        server.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"there");
    })
    .unwrap();
}

#[test]
fn bytes_that_wait_too_long_end_the_connection() {
    check(config(), |sim| async move {
        let (mut client, mut server) = pair(&sim).await;
        sim.net().partition(&sim.node("test"), &sim.node("server"));
        let before = sim.elapsed();
        client.write_all(b"lost").await.unwrap();
        let error = client.read(&mut [0; 4]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(sim.elapsed() - before, Duration::from_millis(924_600));
        // The other end has nothing to send and does not know.
        timeout(s(1_000), server.read(&mut [0; 4]))
            .await
            .unwrap_err();
        sim.net().heal_all();
        server.write_all(b"hello?").await.unwrap();
        let error = server.read(&mut [0; 4]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    })
    .unwrap();
}

#[test]
fn a_heal_in_time_saves_the_connection() {
    check(config(), |sim| async move {
        let (mut client, mut server) = pair(&sim).await;
        for _ in 0..3 {
            sim.net().partition(&sim.node("test"), &sim.node("server"));
            client.write_all(b"held").await.unwrap();
            sleep(s(900)).await;
            sim.net().heal_all();
            let mut bytes = [0; 4];
            server.read_exact(&mut bytes).await.unwrap();
            sleep(s(100)).await;
        }
    })
    .unwrap();
}

#[test]
fn a_writer_waits_when_the_window_and_its_own_buffer_are_full() {
    check(config(), |sim| async move {
        let (mut client, mut server) = pair(&sim).await;
        let wrote = Rc::new(Cell::new(0));
        let counted = wrote.clone();
        simoom::task::spawn_local(async move {
            loop {
                counted.set(counted.get() + client.write(&[1; 1_000]).await.unwrap());
            }
        });
        sleep(s(10)).await;
        assert_eq!(wrote.get(), 2 * 64 * 1024, "64 KiB at each end");
        server.read_exact(&mut [0; 1_000]).await.unwrap();
        sleep(s(10)).await;
        assert_eq!(wrote.get(), 2 * 64 * 1024 + 1_000, "as much as was read");
    })
    .unwrap();
}

#[test]
fn reads_and_writes_are_sometimes_partial_and_sometimes_joined() {
    static PARTIAL_READS: AtomicU32 = AtomicU32::new(0);
    static PARTIAL_WRITES: AtomicU32 = AtomicU32::new(0);
    static JOINED: AtomicU32 = AtomicU32::new(0);
    check(config().seeds(60), |sim| async move {
        let (mut client, mut server) = pair(&sim).await;
        for _ in 0..4 {
            let wrote = client.write(&[1; 100]).await.unwrap();
            PARTIAL_WRITES.fetch_add(u32::from(wrote < 100), Ordering::Relaxed);
        }
        sleep(s(1)).await;
        let count = server.read(&mut [0; 100]).await.unwrap();
        PARTIAL_READS.fetch_add(u32::from(count < 100), Ordering::Relaxed);
        let count = server.read(&mut [0; 1_000]).await.unwrap();
        JOINED.fetch_add(u32::from(count > 100), Ordering::Relaxed);
    })
    .unwrap();
    for (what, count) in [
        ("partial reads", &PARTIAL_READS),
        ("partial writes", &PARTIAL_WRITES),
        ("joined writes", &JOINED),
    ] {
        assert!(count.load(Ordering::Relaxed) > 0, "no {what} in 60 seeds");
    }
}

#[test]
fn calm_reads_and_writes_are_whole() {
    check(calm(), |sim| async move {
        let (mut client, mut server) = pair(&sim).await;
        assert_eq!(client.write(&[1; 60_000]).await.unwrap(), 60_000);
        sleep(s(1)).await;
        assert_eq!(server.read(&mut vec![0; 60_000]).await.unwrap(), 60_000);
    })
    .unwrap();
}

#[test]
fn a_full_backlog_makes_openers_knock_again() {
    check(calm(), |sim| async move {
        let server = sim.node("server");
        let listening = server.spawn(async { TcpListener::bind("0.0.0.0:80").await.unwrap() });
        let listener = listening.await.unwrap();
        let mut streams = Vec::new();
        for _ in 0..1_025 {
            streams.push(TcpStream::connect("server:80").await.unwrap());
        }
        let late = TcpStream::connect("server:80");
        simoom::pin!(late);
        timeout(s(5), &mut late).await.unwrap_err();
        let accepting = server.spawn(async move {
            listener.accept().await.unwrap();
            listener
        });
        let listener = accepting.await.unwrap();
        // It knocks after 1, 2, 3, 4, 5, 7 and 11 seconds.
        timeout(s(3), &mut late).await.unwrap().unwrap();
        // Nobody ever makes room for the next.
        let error = TcpStream::connect("server:80").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        drop(listener);
    })
    .unwrap();
}

#[test]
fn names_are_nodes_and_unknown_names_are_errors() {
    check(config(), |sim| async move {
        let ip = sim.node("server").ip();
        let found: Vec<_> = simoom::net::lookup_host("server:80")
            .await
            .unwrap()
            .collect();
        assert_eq!(found, [(ip, 80).into()]);
        let error = TcpStream::connect("nobody:80").await.unwrap_err();
        assert!(
            error.to_string().contains("no node is called \"nobody\""),
            "{error}"
        );
        let found: Vec<_> = simoom::net::lookup_host("localhost:80")
            .await
            .unwrap()
            .collect();
        assert_eq!(found, [([127, 0, 0, 1], 80).into()]);
    })
    .unwrap();
}

#[test]
fn loopback_stays_inside_its_node() {
    check(config(), |sim| async move {
        let (inner, outer) = (sim.node("inner"), sim.node("outer"));
        let listening = inner.spawn(async { TcpListener::bind("127.0.0.1:80").await.unwrap() });
        let listener = listening.await.unwrap();
        for address in ["127.0.0.1:80", "inner:80"] {
            let error = outer
                .spawn(TcpStream::connect(address))
                .await
                .unwrap()
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{address}");
        }
        inner
            .spawn(TcpStream::connect("127.0.0.1:80"))
            .await
            .unwrap()
            .unwrap();
        let error = inner
            .spawn(TcpStream::connect("inner:80"))
            .await
            .unwrap()
            .unwrap_err();
        assert_eq!(
            error.kind(),
            ErrorKind::ConnectionRefused,
            "its own other address"
        );
        let foreign = outer.ip();
        let error = inner
            .spawn(TcpListener::bind((foreign, 80)))
            .await
            .unwrap()
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
        drop(listener);
    })
    .unwrap();
}

#[test]
fn a_handshake_that_its_listener_does_not_outlive_is_reset() {
    let resets = Arc::new(AtomicU32::new(0));
    let counted = resets.clone();
    check(config().seeds(100).strategy(Strategy::Random), move |sim| {
        let counted = counted.clone();
        async move {
            let server = sim.node("server");
            server.spawn(async {
                let _listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
                sleep(Duration::from_millis(1_010)).await;
            });
            sleep(s(1)).await;
            // The acknowledgement arrives before or after the listener is gone.
            match TcpStream::connect("server:80").await {
                Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionRefused),
                Ok(mut stream) => {
                    let error = stream.read(&mut [0; 1]).await.unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    })
    .unwrap();
    assert!(
        resets.load(Ordering::Relaxed) > 0,
        "no handshake was ever under way"
    );
}

#[test]
fn a_deadlock_is_seen_when_it_happens() {
    // Timers of connections that are long open say nothing about what can still happen.
    let report = check(calm().time(s(100)), |sim| async move {
        let (_client, _server) = pair(&sim).await;
        std::future::pending::<()>().await;
    });
    assert_eq!(
        report.failure().unwrap().cause(),
        &simoom_sim::Failure::Deadlock
    );
    assert!(report.runs()[0].time < s(2), "{:?}", report.runs()[0].time);
}

#[test]
fn what_is_on_its_way_when_the_cut_comes_waits_too() {
    check(config(), |sim| async move {
        let (mut client, mut server) = pair(&sim).await;
        let (node, test) = (sim.node("server"), sim.node("test"));
        client.write_all(b"late").await.unwrap();
        sim.net().partition_one_way(&test, &node);
        let mut bytes = [0; 4];
        timeout(s(60), server.read(&mut bytes)).await.unwrap_err();
        sim.net().heal_all();
        server.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"late");
    })
    .unwrap();
}
