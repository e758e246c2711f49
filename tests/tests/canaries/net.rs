//! Canaries of the network.

use std::io;

use simoom::io::AsyncWriteExt;
use simoom::net::{TcpListener, TcpStream};
use simoom::time::{Duration, sleep};
use simoom_sim::{Kind, Sim};

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
];

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
