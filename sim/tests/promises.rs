//! What a sweep promises of its runs: the same seed is the same run, however it is run.

use std::rc::Rc;
use std::time::Duration;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream};
use simoom::sync::{Mutex, mpsc};
use simoom::task::{spawn_local, yield_now};
use simoom::time::sleep;
use simoom_sim::{Config, Report, Sim, Strategy, check};

fn config() -> Config {
    Config::default().persist(false)
}

/// Four nodes that use tasks, locks, channels, `select!`, timers, streams and chance.
async fn mixed(sim: Sim) {
    sim.node("server").run(|| async {
        let listener = TcpListener::bind("0.0.0.0:80").await?;
        let lock = Rc::new(Mutex::new(0_u64));
        loop {
            let (mut stream, _) = listener.accept().await?;
            let lock = lock.clone();
            spawn_local(async move {
                let mut bytes = [0; 64];
                while let Ok(count @ 1..) = stream.read(&mut bytes).await {
                    *lock.lock().await += count as u64;
                    if stream.write_all(&bytes[..count]).await.is_err() {
                        break;
                    }
                }
            });
        }
        #[expect(unreachable_code, reason = "gives the block its type")]
        Ok::<(), std::io::Error>(())
    });
    sleep(Duration::from_millis(1)).await;
    let (sender, mut receiver) = mpsc::channel(1);
    for name in ["a", "b", "c"] {
        let sender = sender.clone();
        sim.node(name).spawn(async move {
            let mut stream = TcpStream::connect("server:80").await.unwrap();
            for _ in 0..2 {
                let bytes = [simoom::rand::random::<u8>(); 40];
                stream.write_all(&bytes).await.unwrap();
                let mut back = [0; 40];
                simoom::select! {
                    read = stream.read_exact(&mut back) => drop(read.unwrap()),
                    () = sleep(Duration::from_millis(5)) => {}
                }
                sender.send(back[0]).await.unwrap();
                yield_now().await;
            }
        });
    }
    drop(sender);
    while receiver.recv().await.is_some() {}
}

fn hashes(report: &Report) -> Vec<(u64, u128)> {
    assert!(report.failure().is_none(), "{report}");
    report
        .runs()
        .iter()
        .map(|run| (run.seed, run.hash))
        .collect()
}

#[test]
fn a_seed_is_the_same_run_alone_and_among_others() {
    let alone = hashes(&check(config().seeds(300).jobs(1), mixed));
    let again = hashes(&check(config().seeds(300).jobs(1), mixed));
    assert_eq!(alone, again, "one after the other, twice");
    let crowded = hashes(&check(config().seeds(300).jobs(8), mixed));
    assert_eq!(alone, crowded, "eight at once");
    let single = hashes(&check(config().seed(alone[7].0), mixed));
    assert_eq!(single, [alone[7]], "one seed of the sweep");
}

#[test]
fn seeds_differ_and_calm_runs_differ_only_in_what_they_draw() {
    let report = check(config().seeds(300), mixed);
    assert_eq!(report.distinct(), 300);
    let draws_nothing = |_: Sim| async {
        let one = spawn_local(yield_now());
        yield_now().await;
        one.await.unwrap();
    };
    let report = check(config().seeds(50).strategy(Strategy::Calm), draws_nothing);
    assert_eq!(report.distinct(), 1);
    let report = check(
        config().seeds(50).strategy(Strategy::Calm),
        |_: Sim| async {
            let _: u8 = simoom::rand::random();
            let bytes = simoom::rand::random::<u64>();
            sleep(Duration::from_nanos(bytes >> 32)).await;
        },
    );
    assert_eq!(report.distinct(), 50);
}
