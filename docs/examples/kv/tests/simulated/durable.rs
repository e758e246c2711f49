//! A server that keeps its data, on a machine that loses its power.

use std::time::Duration;

use kv::Client;
use simoom::rand;
use simoom::time::sleep;
use simoom_sim::Sim;

use crate::storm::run::serve;

pub(crate) fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// The plug is pulled at the very moment at which a client is told that its write is done.
pub(crate) async fn the_plug_is_pulled_at_an_answer(sim: Sim) {
    let server = sim.node("server").run(serve);
    sleep(ms(1)).await;
    let writes = 1 + rand::below(20);
    let told = sim.node("client").spawn(async move {
        let mut client = Client::connect("server:6379").await.unwrap();
        let mut told = 0;
        while told < writes as i64 {
            told = client.incr("n").await.unwrap();
        }
        told
    });
    let told = told.await.unwrap();
    server.power_loss();
    server.restart();
    sleep(ms(1)).await;
    let mut reader = Client::connect("server:6379").await.unwrap();
    let kept = reader.get("n").await.unwrap();
    let kept = kept.map_or(0, |it| String::from_utf8_lossy(&it).parse().unwrap());
    assert_eq!(told, kept, "an acknowledged write is lost");
}
