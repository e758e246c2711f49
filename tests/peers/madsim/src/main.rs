//! The simulator rows of `peers` on madsim: `peers-madsim ROW SCALE [bare]`.
//!
//! The same work as in `../../src/sim.rs`, word for word where the interfaces allow. Worlds are
//! made by `Builder::run`, as `#[madsim::test]` does: on a thread of its own for each seed. With
//! `bare` they are made on this thread, without what reports a failing seed.

#[path = "../../src/measure.rs"]
#[expect(dead_code, reason = "the rows of this program need a part of it")]
mod measure;

use std::future::Future;
use std::time::Duration;

use madsim::net::{TcpListener, TcpStream};
use madsim::runtime::{Builder, Handle, Runtime};
use measure::Span;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const TASKS: u64 = 1000;
const CLIENTS: u64 = 10;
const REQUESTS: u64 = 1000;
const REQUEST: usize = 64;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let scale: u64 = arguments[2].parse().expect("a scale");
    let bare = arguments.get(3).is_some_and(|it| it == "bare");
    let costs = match &*arguments[1] {
        "sim_timers" => {
            worlds(bare, 1, timers::<100>);
            let span = Span::start();
            if scale == 1 {
                worlds(bare, 2, timers::<1000>);
                span.end(2 * TASKS * 1000)
            } else {
                worlds(bare, 2, timers::<100>);
                span.end(2 * TASKS * 100)
            }
        }
        "sim_rpc" => {
            worlds(bare, 1, rpc);
            let span = Span::start();
            worlds(bare, 20 / scale, rpc);
            span.end(20 / scale * CLIENTS * REQUESTS)
        }
        "sim_boot" => {
            let seeds = 10_000 / scale;
            worlds(bare, seeds / 10, boot);
            let span = Span::start();
            worlds(bare, seeds, boot);
            span.end(seeds)
        }
        row => panic!("madsim has no row {row}"),
    };
    costs.print();
}

fn worlds<F: Future<Output = ()> + 'static>(bare: bool, count: u64, main: fn() -> F) {
    if bare {
        for seed in 0..count {
            Runtime::with_seed_and_config(seed, madsim::Config::default()).block_on(main());
        }
        return;
    }
    let mut builder = Builder::from_env();
    builder.seed = 1;
    builder.count = count;
    builder.jobs = 1;
    builder.run(main);
}

fn next_delay_ns(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state % 1_000_000 + 1
}

async fn timers<const SLEEPS: u64>() {
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            madsim::task::spawn(async move {
                let mut state = task * 0x9e37_79b9_7f4a_7c15 + 1;
                for _ in 0..SLEEPS {
                    let delay = Duration::from_nanos(next_delay_ns(&mut state));
                    madsim::time::sleep(delay).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no task panics");
    }
}

async fn serve() {
    let listener = TcpListener::bind("10.0.0.1:80").await.expect("a free port");
    loop {
        let (mut stream, _) = listener.accept().await.expect("a listening socket");
        madsim::task::spawn(async move {
            let mut buffer = [0; REQUEST];
            while stream.read_exact(&mut buffer).await.is_ok() {
                stream.write_all(&buffer).await.expect("a living client");
                stream.flush().await.expect("a living client");
            }
        });
    }
}

async fn client(requests: u64) {
    // The server may not listen yet.
    let mut stream = loop {
        match TcpStream::connect("10.0.0.1:80").await {
            Ok(stream) => break stream,
            Err(_) => madsim::time::sleep(Duration::from_millis(1)).await,
        }
    };
    let mut buffer = [0; REQUEST];
    for number in 0..requests {
        stream
            .write_all(&[number as u8; REQUEST])
            .await
            .expect("a server");
        stream.flush().await.expect("a server");
        stream.read_exact(&mut buffer).await.expect("a server");
        assert_eq!(buffer, [number as u8; REQUEST]);
    }
}

fn server() {
    let world = Handle::current();
    let node = world
        .create_node()
        .name("server")
        .ip("10.0.0.1".parse().unwrap());
    node.init(serve).build();
}

async fn rpc() {
    server();
    let tasks: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let world = Handle::current();
            let node = world.create_node().name(format!("client{number}"));
            let node = node
                .ip(format!("10.0.1.{}", number + 1).parse().unwrap())
                .build();
            node.spawn(client(REQUESTS))
        })
        .collect();
    for task in tasks {
        task.await.expect("no task panics");
    }
}

async fn boot() {
    server();
    let world = Handle::current();
    let node = world
        .create_node()
        .name("client")
        .ip("10.0.1.1".parse().unwrap());
    node.build().spawn(client(1)).await.expect("no task panics");
}
