//! monoio on epoll, its `legacy` driver.
//!
//! Its tasks cannot leave their thread and it has no channels and no `yield_now`: local-sync's
//! channels, by the same makers, are not thread-safe either, and a future that wakes itself stands
//! in for `yield_now`. Both do less than simoom's and tokio's.

use std::task::{Context, Poll};

use local_sync::mpsc::bounded::{Rx, Tx, channel};
use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::TcpListener;
use monoio::spawn;
use monoio::task::JoinHandle;
use monoio::time::sleep;
use monoio::{LegacyDriver, RuntimeBuilder};

include!("../bodies.rs");

fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = RuntimeBuilder::<LegacyDriver>::new().enable_timer().build();
    runtime
        .expect("the system has descriptors left")
        .block_on(future)
}

async fn joined<T>(handle: JoinHandle<T>) -> T {
    handle.await
}

async fn send(sender: &Tx<u64>, number: u64) {
    assert!(sender.send(number).await.is_ok(), "the receiver is alive");
}

async fn recv(receiver: &mut Rx<u64>) -> Option<u64> {
    receiver.recv().await
}

struct YieldNow(bool);

fn yield_now() -> YieldNow {
    YieldNow(false)
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Echoes on `connections` connections until their clients leave.
pub fn echo(connections: usize, messages: u64) -> Costs {
    block_on(async move {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
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
                        // It reads into a vector up to its capacity, and sets its length.
                        let (count, filled) = stream.read(buffer).await;
                        if count.expect("a living client") == 0 {
                            return;
                        }
                        let (written, back) = stream.write_all(filled).await;
                        written.expect("a living client");
                        buffer = back;
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
