//! simoom on epoll.

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::TcpListener;
use simoom::runtime::Runtime;
use simoom::spawn;
use simoom::sync::mpsc::{Receiver, Sender, channel};
use simoom::sync::{Mutex, Notify, Semaphore};
use simoom::task::{JoinHandle, spawn_blocking, yield_now};
use simoom::time::{sleep, timeout};

include!("../bodies.rs");
include!("../blocking.rs");
include!("../locks.rs");

fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = Runtime::new().expect("the system has descriptors left");
    runtime.block_on(future)
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

/// A task awaits a hundred futures at once, each of which returns a number.
pub fn run_gather(row: &str, scale: u64) -> Option<Costs> {
    (row == "gather").then(|| measured!(gathered(2_000_000 / scale)))
}

async fn gathered(count: u64) -> u64 {
    let mut sum = 0;
    for _ in 0..count / 100 {
        let futures = (0..100).map(|number| async move { Ok::<u64, std::io::Error>(number) });
        let numbers = simoom::asyncio::gather(futures).await;
        sum += numbers.expect("none fails").iter().sum::<u64>();
    }
    assert_eq!(sum, count / 100 * 4_950);
    count / 100 * 100
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
