//! What runs leave behind. Alone in its process: other tests allocate as they like.
//!
//! By default after 10 000 runs. A longer measurement, which prints one JSON line:
//!
//! ```text
//! SIMOOM_LEAK_SEEDS=100000 cargo test --release -p simoom-sim --test memory -- --nocapture
//! ```

use std::rc::Rc;
use std::time::Duration;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream};
use simoom::sync::{Mutex, Notify, mpsc};
use simoom::task::spawn_local;
use simoom::time::{interval, sleep, timeout};
use simoom_sim::{Config, Sim, check};

/// A number of `/proc/self/status`, in its unit there.
fn status(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.trim_start_matches(':').split_whitespace().next());
    number.and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

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
    let seeds = std::env::var("SIMOOM_LEAK_SEEDS");
    let seeds = seeds.map_or(10_000, |text| text.parse().expect("a number of seeds"));
    let config = |seeds| Config::default().persist(false).seeds(seeds);
    // What is allocated once, and the allocator's own pace, come first.
    check(config(2_000), ends_in_the_middle).unwrap();
    let before = (status("VmRSS"), status("Threads"), descriptors());
    check(config(seeds), ends_in_the_middle).unwrap();
    let after = (status("VmRSS"), status("Threads"), descriptors());
    let grown_kib = after.0.saturating_sub(before.0);
    println!(
        "{{\"seeds\":{seeds},\"rss_kib_before\":{},\"rss_kib_after\":{},\"threads_before\":{},\
         \"threads_after\":{},\"descriptors_before\":{},\"descriptors_after\":{}}}",
        before.0, after.0, before.1, after.1, before.2, after.2
    );
    assert!(before.0 > 0, "memory is measured");
    // The allocator's pace, and 128 bytes for each run: a world is tens of KiB.
    let most_kib = 1_000 + seeds / 8;
    assert!(
        grown_kib < most_kib,
        "{seeds} runs left {grown_kib} KiB behind"
    );
    assert_eq!(after.1, before.1, "threads");
    assert_eq!(after.2, before.2, "descriptors");
}
