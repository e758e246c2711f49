//! Canaries of the network.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use simoom::io::AsyncWriteExt;
use simoom::net::{TcpListener, TcpStream};
use simoom::time::{Duration, sleep};
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
        Box::pin(async move { !ping(&sim, Way::There).await || !ping(&sim, Way::Back).await })
    })
    .with(often),
    Canary::new(Kind::NetLinkCutOneWay, |sim| {
        Box::pin(async move { !ping(&sim, Way::There).await })
    })
    .with(|fault| often(fault).target(Target::node("client"))),
    Canary::new(Kind::NetLinkClogged, |sim| {
        Box::pin(async move { !ping(&sim, Way::There).await })
    })
    .with(often),
];

/// At once, for a second.
fn often(fault: Fault) -> Fault {
    let second = Duration::from_secs(1);
    fault
        .every(Duration::from_millis(1))
        .lasting(second..=second)
}

/// Which way something is sent.
#[derive(Clone, Copy)]
enum Way {
    There,
    Back,
}

/// Whether what one node sends another arrives within half a second.
async fn ping(sim: &Sim, way: Way) -> bool {
    let (from, to) = match way {
        Way::There => ("client", "server"),
        Way::Back => ("server", "client"),
    };
    let arrived = Rc::new(Cell::new(false));
    let seen = arrived.clone();
    sim.node(to).spawn(async move {
        let listener = TcpListener::bind("0.0.0.0:81").await?;
        let accepted = listener.accept().await;
        seen.set(true);
        accepted.map(drop)
    });
    let to = format!("{to}:81");
    sim.node(from).spawn(async move {
        sleep(Duration::from_millis(100)).await;
        TcpStream::connect(to).await.map(drop)
    });
    sleep(Duration::from_millis(600)).await;
    arrived.get()
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
