//! Of two nodes that do the same, a plan spares one: what hits the other does not hit this one, for
//! every family of faults.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::io;
use std::pin::Pin;
use std::rc::Rc;

use simoom::fs;
use simoom::io::AsyncWriteExt;
use simoom::net::{TcpListener, TcpStream, UdpSocket};
use simoom::time::{Duration, sleep, system_time, timeout};
use simoom_sim::faults::Family;
use simoom_sim::{Fault, Kind, Plan, Ratio, Sim, Strategy, check};

use crate::config;

/// Whether the node of this name was hit.
type IsHit = fn(Sim, &'static str) -> Pin<Box<dyn Future<Output = bool>>>;

const PROGRAMS: &[(Kind, IsHit)] = &[
    (Kind::NetConnectionRefused, |sim, name| {
        Box::pin(async move {
            let opened = connect(&sim, "client", name).await;
            opened.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
        })
    }),
    // The node at the other end of what is hit.
    (Kind::NetConnectionRefused, |sim, name| {
        Box::pin(async move {
            let opened = connect(&sim, name, "server").await;
            opened.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
        })
    }),
    (Kind::NetConnectionReset, |sim, name| {
        Box::pin(async move {
            let opened = connect(&sim, name, "server").await;
            opened.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset)
        })
    }),
    (Kind::NetDatagramLost, |sim, name| {
        Box::pin(async move { !ping(&sim, "client", name).await })
    }),
    (Kind::NetLinkCut, |sim, name| {
        Box::pin(async move { !ping(&sim, name, "server").await })
    }),
    (Kind::NetLinkCutOneWay, |sim, name| {
        Box::pin(async move { !ping(&sim, "client", name).await })
    }),
    (Kind::OsDescriptorsExhausted, |sim, name| {
        Box::pin(async move {
            let opening = sim.node(name).spawn(fs::File::create("/tmp/a"));
            errno(opening.await.expect("it ends")) == Some(libc::EMFILE)
        })
    }),
    (Kind::DiskWriteFailed, |sim, name| {
        Box::pin(async move {
            let writing = sim.node(name).spawn(fs::write("/tmp/a", b"hello"));
            errno(writing.await.expect("it ends")) == Some(libc::EIO)
        })
    }),
    (Kind::DiskUnsyncedLost, |sim, name| {
        Box::pin(async move {
            let node = sim.node(name);
            let writing = node.spawn(fs::write("/tmp/a", b"hello"));
            writing.await.expect("it ends").expect("it is written");
            node.power_loss();
            !node.disk().exists("/tmp/a")
        })
    }),
    (Kind::NodeKilled, |sim, name| {
        Box::pin(async move {
            let boots = Rc::new(Cell::new(0));
            let count = boots.clone();
            sim.node(name).run(move || {
                count.set(count.get() + 1);
                std::future::pending::<()>()
            });
            sleep(Duration::from_secs(1)).await;
            boots.get() > 1 || !sim.node(name).is_alive()
        })
    }),
    (Kind::NodePaused, |sim, name| {
        Box::pin(async move {
            let beating = sim.node(name).spawn(async {
                let start = system_time();
                for _ in 0..100 {
                    sleep(Duration::from_millis(10)).await;
                }
                start.elapsed().expect("it goes on")
            });
            beating.await.expect("it ends") > Duration::from_secs(1)
        })
    }),
    (Kind::ClockSkewed, |sim, name| {
        Box::pin(async move { wall_clock(&sim, name).await != wall_clock(&sim, "test").await })
    }),
    (Kind::ClockStepped, |sim, name| {
        Box::pin(async move {
            let _node = sim.node(name);
            sleep(Duration::from_secs(1)).await;
            wall_clock(&sim, name).await != wall_clock(&sim, "test").await
        })
    }),
    (Kind::UserBuggified, |sim, name| {
        Box::pin(async move {
            let program = async { simoom::buggify!("empty cache") };
            sim.node(name).spawn(program).await.expect("it ends")
        })
    }),
];

async fn wall_clock(sim: &Sim, name: &str) -> std::time::SystemTime {
    let looking = sim.node(name).spawn(async { system_time() });
    looking.await.expect("it ends")
}

fn errno<T>(result: io::Result<T>) -> Option<i32> {
    result.err().and_then(|error| error.raw_os_error())
}

/// Connects and writes from one node to another.
async fn connect(sim: &Sim, from: &str, to: &str) -> io::Result<()> {
    let serving = sim.node(to).spawn(async {
        let listener = TcpListener::bind("0.0.0.0:80").await?;
        listener.accept().await?;
        std::future::pending::<io::Result<()>>().await
    });
    let target = format!("{to}:80");
    let asking = sim.node(from).spawn(async move {
        sleep(Duration::from_millis(100)).await;
        let mut stream = TcpStream::connect(target).await?;
        stream.write_all(b"hello").await
    });
    let asked = asking.await.expect("it ends");
    serving.abort();
    // Its place is free when it has ended.
    let _ = serving.await;
    asked
}

/// Whether a datagram that one node sends another arrives.
async fn ping(sim: &Sim, from: &str, to: &str) -> bool {
    let receiving = sim.node(to).spawn(async {
        let socket = UdpSocket::bind("0.0.0.0:53").await.expect("it is free");
        let mut buf = [0; 8];
        let receiving = socket.recv(&mut buf);
        timeout(Duration::from_secs(1), receiving).await.is_ok()
    });
    let target = format!("{to}:53");
    let sending = sim.node(from).spawn(async move {
        sleep(Duration::from_millis(100)).await;
        let socket = UdpSocket::bind("0.0.0.0:0").await.expect("one is free");
        let sent = socket.send_to(b"hello", target).await;
        sent.expect("the network takes everything");
    });
    sending.await.expect("it ends");
    receiving.await.expect("it ends")
}

#[test]
fn who_is_spared_is_not_hit_beside_who_is() {
    for &(kind, is_hit) in PROGRAMS {
        let report = check(
            config(4).strategy(Strategy::Random),
            move |sim| async move {
                let fault = Fault::new(kind).probability(Ratio::ALWAYS);
                let second = Duration::from_secs(1);
                let fault = match kind {
                    Kind::ClockStepped => fault.every(Duration::from_millis(10)),
                    _ if kind.is_spontaneous() => fault
                        .every(Duration::from_millis(10))
                        .lasting(second..=second),
                    _ => fault,
                };
                sim.faults(Plan::from(fault).spare(["spared"]));
                assert!(
                    !is_hit(sim.clone(), "spared").await,
                    "{kind} hits who is spared"
                );
                let _ = is_hit(sim, "hit").await;
            },
        );
        assert!(report.failure().is_none(), "{kind}: {report}");
        // Each seed: the calm run is not among them.
        for tally in report.faults_of_runs() {
            assert!(tally.of(kind).fired > 0, "{kind} hits nobody: {report}");
        }
    }
}

#[test]
fn every_family_is_spared() {
    let tried: BTreeSet<_> = PROGRAMS.iter().map(|(kind, _)| kind.family()).collect();
    assert_eq!(tried, BTreeSet::from(Family::ALL));
}
