//! What the simulator rows have in common, and their work on simoom and on tokio's paused clock.
//!
//! * `sim_timers`: 1 000 tasks sleep 1 000 times each, for 1 ns to 1 ms; counted in sleeps.
//! * `sim_rpc`: ten clients send 1 000 requests of 64 bytes each over one connection each and read
//!   answers of 64 bytes; counted in requests.
//! * `sim_boot`: a world with a server node and a client node that exchange 64 bytes each way
//!   over TCP, a new seed each time; counted in worlds.
//! * `sim_blocking`: a blocking closure gives way 100 000 times; counted in hand-overs to its
//!   thread and back.

use std::time::Duration;

use crate::measure::{Costs, Span};

pub const TASKS: u64 = 1000;
pub const CLIENTS: u64 = 10;
pub const REQUESTS: u64 = 1000;
pub const REQUEST: usize = 64;

/// The state of a task's own generator. The peers' sources of chance are not part of the rows.
pub fn first_state(task: u64) -> u64 {
    task * 0x9e37_79b9_7f4a_7c15 + 1
}

/// The next delay: xorshift64, 1 ns to 1 ms.
pub fn next_delay_ns(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state % 1_000_000 + 1
}

/// tokio's clock when paused: no seeds, no network, no choice of order.
pub mod paused {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::runtime::Builder;

    use super::*;

    pub fn run(row: &str, scale: u64) -> Option<Costs> {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build();
        let runtime = runtime.expect("the system has descriptors left");
        Some(match row {
            "sim_timers" => {
                runtime.block_on(timers(100));
                let span = Span::start();
                let sleeps = 1000 / scale;
                runtime.block_on(timers(sleeps));
                span.end(TASKS * sleeps)
            }
            "sim_rpc" => {
                let worlds = 20 / scale;
                runtime.block_on(rpc());
                let span = Span::start();
                for _ in 0..worlds {
                    runtime.block_on(rpc());
                }
                span.end(worlds * CLIENTS * REQUESTS)
            }
            _ => return None,
        })
    }

    async fn timers(sleeps: u64) {
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| {
                tokio::spawn(async move {
                    let mut state = first_state(task);
                    for _ in 0..sleeps {
                        let delay = Duration::from_nanos(next_delay_ns(&mut state));
                        tokio::time::sleep(delay).await;
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no task panics");
        }
    }

    /// Over pipes in memory: real sockets do not wait for a paused clock.
    async fn rpc() {
        let tasks: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let (mut near, mut far) = duplex(64 * 1024);
                tokio::spawn(async move {
                    let mut buffer = [0; REQUEST];
                    while far.read_exact(&mut buffer).await.is_ok() {
                        far.write_all(&buffer).await.expect("a living client");
                    }
                });
                tokio::spawn(async move {
                    let mut buffer = [0; REQUEST];
                    for number in 0..REQUESTS {
                        near.write_all(&[number as u8; REQUEST])
                            .await
                            .expect("a server");
                        near.read_exact(&mut buffer).await.expect("a server");
                        assert_eq!(buffer, [number as u8; REQUEST]);
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no task panics");
        }
    }
}

/// simoom's simulator through `check`, as its users meet it: a calm run, then one per seed.
///
/// No seed runs twice, since a run that is kept for being compared is another work. Every run that
/// takes place is counted, the calm one too.
pub mod simoom {
    use std::future::Future;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use ::simoom::io::{AsyncReadExt, AsyncWriteExt};
    use ::simoom::net::{TcpListener, TcpStream};
    use simoom_sim::{Config, Sim, Strategy, check};

    use super::*;

    pub fn run(row: &str, strategy: Strategy, scale: u64) -> Option<Costs> {
        // Beside so many seeds there is the calm run.
        let sweep = |runs: u64| Sweep(strategy, runs - 1);
        Some(match row {
            "sim_timers" => {
                let sleeps = 1000 / scale;
                sweep(1).run(|_| timers(100));
                let span = Span::start();
                let runs = sweep(3).run(move |_| timers(sleeps));
                span.end(runs * TASKS * sleeps)
            }
            "sim_rpc" => {
                sweep(1).run(rpc);
                let span = Span::start();
                let runs = sweep((20 / scale).max(3)).run(rpc);
                span.end(runs * CLIENTS * REQUESTS)
            }
            "sim_blocking" => {
                let trips = 100_000 / scale;
                let span = Span::start();
                let runs = sweep(3).run(move |_| trips_of_a_closure(trips));
                span.end(runs * trips)
            }
            "sim_boot" => {
                let worlds = 10_000 / scale;
                sweep(worlds / 10).run(boot);
                let span = Span::start();
                let runs = sweep(worlds).run(boot);
                span.end(runs)
            }
            _ => return None,
        })
    }

    /// A sweep of so many seeds: one run after another, no failure files, no limit that the row
    /// would meet.
    struct Sweep(Strategy, u64);

    impl Sweep {
        /// Returns how many runs took place.
        fn run<F>(self, test: impl Fn(Sim) -> F + Send + Sync + 'static) -> u64
        where
            F: Future<Output = ()> + 'static,
        {
            let Self(strategy, seeds) = self;
            let config = Config::default().seeds(seeds).strategy(strategy);
            let config = config.jobs(1).persist(false).steps(u64::MAX).doubled(0);
            let runs = Arc::new(AtomicU64::new(0));
            let counter = runs.clone();
            let report = check(config, move |sim| {
                counter.fetch_add(1, Ordering::Relaxed);
                test(sim)
            });
            let expected = seeds + 1 + report.doubled();
            report.unwrap();
            let runs = runs.load(Ordering::Relaxed);
            assert_eq!(runs, expected, "a calm run, and one for each seed");
            runs
        }
    }

    async fn timers(sleeps: u64) {
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| {
                ::simoom::spawn(async move {
                    let mut state = first_state(task);
                    for _ in 0..sleeps {
                        let delay = Duration::from_nanos(next_delay_ns(&mut state));
                        ::simoom::time::sleep(delay).await;
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no task panics");
        }
    }

    /// Each time the closure gives way, the world goes to the run's thread and back.
    async fn trips_of_a_closure(trips: u64) {
        let closure = ::simoom::task::spawn_blocking(move || {
            let handle = ::simoom::runtime::Handle::current();
            for _ in 0..trips {
                handle.block_on(::simoom::task::yield_now());
            }
        });
        closure.await.expect("no closure panics");
    }

    async fn serve() -> std::io::Result<()> {
        let listener = TcpListener::bind("0.0.0.0:80").await?;
        loop {
            let (mut stream, _) = listener.accept().await?;
            ::simoom::spawn(async move {
                let mut buffer = [0; REQUEST];
                while stream.read_exact(&mut buffer).await.is_ok() {
                    stream.write_all(&buffer).await.expect("a living client");
                }
            });
        }
    }

    async fn client(requests: u64) {
        // The server may not listen yet.
        let mut stream = loop {
            match TcpStream::connect("server:80").await {
                Ok(stream) => break stream,
                Err(_) => ::simoom::time::sleep(Duration::from_millis(1)).await,
            }
        };
        let mut buffer = [0; REQUEST];
        for number in 0..requests {
            stream
                .write_all(&[number as u8; REQUEST])
                .await
                .expect("a server");
            stream.read_exact(&mut buffer).await.expect("a server");
            assert_eq!(buffer, [number as u8; REQUEST]);
        }
    }

    async fn rpc(sim: Sim) {
        sim.node("server").run(serve);
        let tasks: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let node = sim.node(&format!("client{number}"));
                node.spawn(client(REQUESTS))
            })
            .collect();
        for task in tasks {
            task.await.expect("no task panics");
        }
    }

    async fn boot(sim: Sim) {
        sim.node("server").run(serve);
        let client = sim.node("client").spawn(client(1));
        client.await.expect("no task panics");
    }
}
