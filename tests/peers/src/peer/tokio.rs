//! tokio's current-thread scheduler.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::spawn;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{Mutex, Notify, Semaphore};
use tokio::task::{JoinHandle, spawn_blocking, yield_now};
use tokio::time::{sleep, timeout};

include!("../bodies.rs");
include!("../blocking.rs");
include!("../locks.rs");

fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime
        .expect("the system has descriptors left")
        .block_on(future)
}

async fn joined<T>(handle: JoinHandle<T>) -> T {
    handle.await.expect("no task panics")
}

async fn send(sender: &Sender<u64>, number: u64) {
    sender.send(number).await.expect("the receiver is alive");
}

async fn recv(receiver: &mut Receiver<u64>) -> Option<u64> {
    receiver.recv().await
}

/// Echoes on `connections` connections until their clients leave.
pub fn echo(connections: usize, messages: u64) -> Costs {
    block_on(async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        crate::echo::announce(listener.local_addr().expect("a bound listener"));
        let mut streams = Vec::new();
        for _ in 0..connections {
            streams.push(listener.accept().await.expect("a client").0);
        }
        let span = Span::start();
        let tasks: Vec<_> = streams
            .into_iter()
            .map(|mut stream| {
                spawn(async move {
                    let mut buffer = vec![0; crate::echo::BUFFER];
                    loop {
                        let count = stream.read(&mut buffer).await.expect("a living client");
                        if count == 0 {
                            return;
                        }
                        stream
                            .write_all(&buffer[..count])
                            .await
                            .expect("a living client");
                    }
                })
            })
            .collect();
        for task in tasks {
            joined(task).await;
        }
        span.end(messages)
    })
}
