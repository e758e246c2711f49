//! Canaries of clocks.

use std::time::SystemTime;

use simoom::time::{Duration, Instant, sleep, system_time};
use simoom_sim::{Kind, Sim};

use crate::Canary;

pub(crate) const CANARIES: &[Canary] = &[
    Canary::new(Kind::ClockSkewed, |sim| {
        Box::pin(async move { wall_clock(&sim, "worker").await != wall_clock(&sim, "test").await })
    }),
    Canary::new(Kind::ClockStepped, |sim| {
        Box::pin(async move {
            let before = wall_clock(&sim, "worker").await;
            let second = Duration::from_secs(1);
            sleep(second).await;
            wall_clock(&sim, "worker").await != before + second
        })
    })
    .with(|fault| fault.every(Duration::from_millis(300))),
    Canary::new(Kind::ClockDrifted, |sim| {
        Box::pin(async move {
            let long = Duration::from_secs(1_000);
            let timing = sim.node("worker").spawn(async move {
                let before = Instant::now();
                sleep(long).await;
                before.elapsed()
            });
            let before = sim.elapsed();
            let shown = timing.await.expect("the worker ends");
            shown != sim.elapsed() - before
        })
    }),
];

async fn wall_clock(sim: &Sim, node: &str) -> SystemTime {
    let looking = sim.node(node).spawn(async { system_time() });
    looking.await.expect("the node lives")
}
