//! What runs leave behind. Alone in its process: other tests allocate as they like.
//!
//! By default after 10 000 runs. A longer measurement, which prints one JSON line:
//!
//! ```text
//! SIMOOM_LEAK_SEEDS=100000 cargo test --release -p simoom-sim --test memory -- --nocapture
//! ```

mod left;

use std::rc::Rc;
use std::time::Duration;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream};
use simoom::sync::{Mutex, Notify, mpsc};
use simoom::task::spawn_local;
use simoom::time::{interval, sleep, timeout};
use simoom_sim::{Config, Sim, check};

use crate::left::{Left, seeds, threads_now};

/// A run that ends in the middle of everything: sockets open and half closed, bytes on their way,
/// timers armed, tasks in queues, a lock held for ever, a link cut, every other time a node killed.
async fn ends_in_the_middle(sim: Sim) {
    let server = sim.node("server").run(|| async {
        let listener = TcpListener::bind("0.0.0.0:80").await?;
        let mut streams = Vec::new();
        loop {
            streams.push(listener.accept().await?);
        }
        #[expect(unreachable_code, reason = "gives the block its type")]
        Ok::<(), std::io::Error>(())
    });
    let mut stream = TcpStream::connect("server:80").await.unwrap();
    stream.write_all(&[7; 10_000]).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    spawn_local(async move { drop(reader.read_u64().await) });
    writer.shutdown().await.unwrap();
    sim.node("client").spawn(async {
        let _cut = TcpStream::connect("server:80").await;
        sleep(Duration::from_secs(1_000_000)).await;
    });
    let (sender, mut receiver) = mpsc::channel(1);
    for name in 0..4_u32 {
        let sender = sender.clone();
        spawn_local(async move {
            while sender.send(vec![name; 100]).await.is_ok() {
                sleep(Duration::from_micros(100)).await;
            }
        });
    }
    let (lock, notify) = (Rc::new(Mutex::new(())), Rc::new(Notify::new()));
    for _ in 0..2 {
        let (lock, notify) = (lock.clone(), notify.clone());
        spawn_local(async move {
            let _held = lock.lock().await;
            notify.notified().await;
        });
    }
    let mut ticks = interval(Duration::from_millis(1));
    for _ in 0..5 {
        ticks.tick().await;
        drop(timeout(Duration::from_millis(1), receiver.recv()).await);
    }
    sim.net().partition(&server, &sim.node("client"));
    if sim.seed().is_multiple_of(2) {
        server.kill();
    }
}

#[test]
fn runs_leave_no_memory_no_thread_and_no_descriptor_behind() {
    let seeds = seeds(10_000);
    let config = |seeds| Config::default().persist(false).seeds(seeds);
    let threads = threads_now();
    // What is allocated once, and the allocator's own pace, come first.
    check(config(2_000), ends_in_the_middle).unwrap();
    let before = Left::once(threads);
    check(config(seeds), ends_in_the_middle).unwrap();
    Left::once(before.threads).is_as(before, seeds, 1_000);
}
