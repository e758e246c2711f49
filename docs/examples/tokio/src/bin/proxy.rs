//! A proxy that passes connections on, so many at a time.
//!
//! ```sh
//! cargo run -p tokio-programs --bin proxy -- 127.0.0.1:8081 127.0.0.1:8080 100
//! ```
//! On SIGTERM it takes no more connections, and waits a second for those that there are.

use std::env;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::timeout;

const CONNECT_MAX: Duration = Duration::from_secs(5);
const GRACE: Duration = Duration::from_secs(1);

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [listen, target, at_once] = &arguments[..] else {
        eprintln!("proxy: LISTEN TARGET AT_ONCE");
        std::process::exit(2);
    };
    let at_once: usize = at_once.parse().map_err(io::Error::other)?;
    let listener = TcpListener::bind(listen).await?;
    println!("listening on {}", listener.local_addr()?);
    let places = Arc::new(Semaphore::new(at_once));
    let mut terminated = signal(SignalKind::terminate())?;
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = accept(&listener, &places) => {
                let (client, place) = accepted?;
                let target = target.clone();
                connections.spawn(async move {
                    let passed = pass_on(client, &target).await;
                    drop(place);
                    passed
                });
            }
            Some(ended) = connections.join_next() => report(ended),
            _ = terminated.recv() => break,
        }
    }
    drop(listener);
    println!("stopping with {} connections", connections.len());
    let drained = timeout(GRACE, async {
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    });
    if drained.await.is_err() {
        println!("giving up {} connections", connections.len());
        connections.shutdown().await;
    }
    Ok(())
}

/// A connection and a place for it. Without a free place nothing is accepted.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = places
        .clone()
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    let (client, _) = listener.accept().await?;
    Ok((client, place))
}

async fn pass_on(mut client: TcpStream, target: &str) -> io::Result<(u64, u64)> {
    let mut server = timeout(CONNECT_MAX, TcpStream::connect(target)).await??;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    copy_bidirectional(&mut client, &mut server).await
}

fn report(ended: Result<io::Result<(u64, u64)>, tokio::task::JoinError>) {
    match ended {
        Ok(Ok((there, back))) => println!("passed on {there} bytes, and {back} back"),
        Ok(Err(error)) => println!("failed: {error}"),
        Err(error) => println!("{error}"),
    }
}
