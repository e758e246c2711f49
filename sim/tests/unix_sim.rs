//! What only simulated Unix sockets can be made to show.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::unix::pipe;
use simoom::net::{UnixDatagram, UnixListener, UnixStream};
use simoom::time::{sleep, timeout};
use simoom_sim::{Config, OnFailure, Sim, Strategy, check};

const PATH: &str = "/tmp/app.sock";

fn config() -> Config {
    Config::default()
        .persist(false)
        .seeds(20)
        .time(Duration::from_secs(600))
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

#[test]
fn every_node_has_names_of_its_own() {
    check(config(), |sim| async move {
        let one = sim.node("one").spawn(async {
            let listener = UnixListener::bind(PATH).unwrap();
            let hidden = UnixListener::bind("\0name").unwrap();
            sleep(ms(20)).await;
            drop((listener, hidden));
        });
        sleep(ms(10)).await;
        let error = UnixStream::connect(PATH).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let error = UnixStream::connect("\0name").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let socket = UnixDatagram::bind(PATH).unwrap();
        assert_eq!(
            socket.send_to(b"x", PATH).await.unwrap(),
            1,
            "it is its own receiver"
        );
        one.await.unwrap();
        let path = UnixListener::bind("\0name").unwrap();
        assert!(path.local_addr().unwrap().as_abstract_name().is_some());
    })
    .unwrap();
}

#[test]
fn a_file_survives_a_kill_and_a_name_without_one_does_not() {
    check(config(), |sim| async move {
        let boots = Arc::new(AtomicU32::new(0));
        let counted = boots.clone();
        let rebinds = Arc::new(AtomicU32::new(0));
        let rebinding = rebinds.clone();
        let server = sim.node("server").run(move || {
            let boot = counted.fetch_add(1, Ordering::Relaxed);
            let rebound = rebinding.clone();
            async move {
                let hidden = UnixListener::bind("\0name")?;
                match UnixListener::bind(PATH) {
                    Ok(listener) => {
                        assert_eq!(boot, 0, "nobody has removed the file");
                        listener.accept().await?;
                    }
                    Err(error) => {
                        assert_eq!(boot, 1);
                        assert_eq!(error.kind(), ErrorKind::AddrInUse);
                        let error = UnixStream::connect(PATH).await.unwrap_err();
                        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
                        simoom::fs::remove_file(PATH).await?;
                        let _again = UnixListener::bind(PATH)?;
                        UnixStream::connect(PATH).await?;
                        rebound.fetch_add(1, Ordering::Relaxed);
                    }
                }
                hidden.accept().await?;
                Ok::<_, std::io::Error>(())
            }
        });
        sleep(ms(10)).await;
        server.kill();
        server.restart();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(boots.load(Ordering::Relaxed), 2);
        assert_eq!(rebinds.load(Ordering::Relaxed), 1);
    })
    .unwrap();
}

#[test]
fn a_kill_ends_what_another_node_holds() {
    check(config(), |sim| async move {
        let node = sim.node("node").on_failure(OnFailure::Contain);
        let sockets = node.spawn(async {
            let (stream, kept) = UnixStream::pair().unwrap();
            let (socket, _) = UnixDatagram::pair().unwrap();
            let listener = UnixListener::bind(PATH).unwrap();
            simoom::spawn(async move {
                sleep(Duration::from_secs(3600)).await;
                drop(kept);
            });
            (stream, socket, listener)
        });
        let (mut stream, socket, listener) = sockets.await.unwrap();
        let mut bytes = [0; 8];
        let reading = async { stream.read(&mut bytes).await.unwrap_err().kind() };
        let receiving = async { socket.recv(&mut [0; 8]).await.unwrap_err().kind() };
        let accepting = async { listener.accept().await.unwrap_err().kind() };
        let killing = async {
            sleep(ms(10)).await;
            node.kill();
        };
        let ended = async { simoom::join!(reading, receiving, accepting, killing) };
        let (read, received, accepted, ()) = timeout(ms(20), ended).await.unwrap();
        assert_eq!([read, received, accepted], [ErrorKind::NotConnected; 3]);
    })
    .unwrap();
}

#[test]
fn reads_and_writes_are_short_at_times() {
    let shorts = Arc::new([AtomicU32::new(0), AtomicU32::new(0)]);
    let counted = shorts.clone();
    check(config().seeds(100), move |_sim| {
        let counted = counted.clone();
        async move {
            let (mut one, mut two) = UnixStream::pair().unwrap();
            let sent = one.write(&[7; 100]).await.unwrap();
            let received = two.read(&mut [0; 200]).await.unwrap();
            counted[0].fetch_add(u32::from(sent < 100), Ordering::Relaxed);
            counted[1].fetch_add(u32::from(received < sent), Ordering::Relaxed);
        }
    })
    .unwrap();
    assert!(shorts[0].load(Ordering::Relaxed) > 0, "no short write");
    assert!(shorts[1].load(Ordering::Relaxed) > 0, "no short read");
}

/// Two tasks of a node that talk through every sort of socket.
async fn workload(sim: Sim) {
    let node = sim.node("node").run(|| async {
        let listener = UnixListener::bind(PATH)?;
        let receiver = Rc::new(UnixDatagram::bind("/tmp/log.sock")?);
        let serving = simoom::spawn(async move {
            for _ in 0..3 {
                let (mut stream, _) = listener.accept().await?;
                simoom::spawn(async move {
                    let (mut reader, mut writer) = stream.split();
                    let _ = simoom::io::copy(&mut reader, &mut writer).await;
                });
            }
            Ok::<_, std::io::Error>(())
        });
        let clients: Vec<_> = (0..3_u8)
            .map(|number| {
                simoom::spawn(async move {
                    let mut stream = UnixStream::connect(PATH).await?;
                    let log = UnixDatagram::unbound()?;
                    for round in 0..4 {
                        stream.write_all(&[number, round]).await?;
                        let mut bytes = [0; 2];
                        stream.read_exact(&mut bytes).await?;
                        log.send_to(&bytes, "/tmp/log.sock").await?;
                    }
                    Ok::<_, std::io::Error>(())
                })
            })
            .collect();
        let mut counts = [0_u8; 3];
        for _ in 0..12 {
            let mut bytes = [0; 8];
            let count = receiver.recv(&mut bytes).await?;
            assert_eq!(count, 2);
            assert_eq!(bytes[1], counts[usize::from(bytes[0])], "in order");
            counts[usize::from(bytes[0])] += 1;
        }
        for client in clients {
            client.await.unwrap()?;
        }
        serving.await.unwrap()?;
        sim_note(&counts);
        Ok::<_, std::io::Error>(())
    });
    sleep(ms(5)).await;
    node.kill();
}

fn sim_note(counts: &[u8; 3]) {
    assert_eq!(counts, &[4; 3]);
}

#[test]
fn the_same_seed_does_the_same() {
    let runs = || {
        let report = check(config().seeds(60), workload);
        let runs = report.runs().to_vec();
        report.unwrap();
        runs
    };
    let first = runs();
    assert_eq!(first, runs());
    let hashes: std::collections::BTreeSet<_> = first.iter().map(|run| run.hash).collect();
    assert!(hashes.len() > 30, "seeds differ: {}", hashes.len());
}

#[test]
fn real_sockets_do_not_enter_a_simulation() {
    check(config().seeds(1).strategy(Strategy::Calm), |_sim| async {
        let (one, two) = UnixStream::pair().unwrap();
        assert_eq!(one.into_std().unwrap_err().kind(), ErrorKind::Unsupported);
        drop(two);
        let listener = UnixListener::bind(PATH).unwrap();
        let error = listener.into_std().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    })
    .unwrap();
}

#[test]
fn the_process_is_another_on_every_node() {
    check(config(), |sim| async move {
        let cred = || {
            let (one, _two) = UnixStream::pair().unwrap();
            one.peer_cred().unwrap()
        };
        let here = cred();
        assert_eq!(here, cred());
        let there = sim
            .node("there")
            .spawn(async move { cred() })
            .await
            .unwrap();
        assert_ne!(here.pid(), there.pid());
        assert_eq!((here.uid(), here.gid()), (there.uid(), there.gid()));
    })
    .unwrap();
}

#[test]
fn a_long_write_to_a_pipe_is_cut_short_in_some_runs() {
    let counts = Arc::new(Mutex::new(BTreeSet::new()));
    let seen = counts.clone();
    check(config(), move |_| {
        let seen = seen.clone();
        async move {
            let (sender, _receiver) = pipe::pipe().unwrap();
            let count = sender.try_write(&[7; 10_000]).unwrap();
            seen.lock().unwrap().insert(count);
        }
    })
    .unwrap();
    let counts = counts.lock().unwrap();
    assert!(counts.contains(&10_000), "the calm run writes all");
    assert!(counts.len() > 1, "{counts:?}");
}

#[test]
fn a_pipe_of_a_killed_node_fails_in_other_hands() {
    check(config(), |sim| async move {
        let node = sim.node("victim");
        let (sender, mut receiver) = node.spawn(async { pipe::pipe().unwrap() }).await.unwrap();
        let reading = simoom::task::spawn_local(async move { receiver.read(&mut [0; 1]).await });
        sleep(ms(10)).await;
        assert!(!reading.is_finished());
        node.kill();
        assert!(reading.await.unwrap().is_err());
        assert!(sender.try_write(b"x").is_err());
    })
    .unwrap();
}
