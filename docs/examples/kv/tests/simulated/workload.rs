//! What the simulated clients do, and what must hold.

use std::time::Duration;

use kv::Client;
use simoom::time::sleep;
use simoom_sim::{Node, Sim};

/// How many clients there are.
const CLIENTS: u32 = 3;

/// How many requests each of them sends.
const REQUESTS: u32 = 4;

/// Boots a server, and gives it time to listen.
async fn server(sim: &Sim) -> Node {
    let server = sim.node("server").run(|| kv::serve("0.0.0.0:6379"));
    sleep(Duration::from_millis(1)).await;
    server
}

/// Several clients count on one key: nobody's increment is lost, and no two see the same number.
pub(crate) async fn counters(sim: Sim) {
    server(&sim).await;
    let mut clients = Vec::new();
    for one in sim.workload("client", CLIENTS) {
        let node = sim.node(&format!("client-{}", one.number()));
        clients.push(node.spawn(async move {
            let mut client = Client::connect("server:6379").await.unwrap();
            let mut seen = Vec::new();
            for _ in one.workload("request", REQUESTS) {
                seen.push(client.incr("n").await.unwrap());
            }
            seen
        }));
    }
    let mut seen = Vec::new();
    for client in clients {
        seen.extend(client.await.unwrap());
    }
    let mut reader = Client::connect("server:6379").await.unwrap();
    let total = reader.get("n").await.unwrap();
    let count = seen.len();
    assert_eq!(
        total.unwrap_or_else(|| "0".into()),
        count.to_string(),
        "an update was lost"
    );
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), count, "an update was lost");
}

/// Impatient clients read keys of their own: nobody is given the reply to another request.
pub(crate) async fn own_keys(sim: Sim) {
    server(&sim).await;
    let mut writer = Client::connect("server:6379").await.unwrap();
    for index in 0..REQUESTS {
        writer.set(key(index), key(index)).await.unwrap();
    }
    let clients: Vec<_> = (0..CLIENTS)
        .map(|index| {
            sim.node(&format!("client-{index}")).spawn(async {
                let patience = Duration::from_millis(30);
                let mut client = Client::new("server:6379").timeout(patience);
                for index in 0..REQUESTS {
                    // A request may time out; its reply then belongs to nobody.
                    if let Ok(value) = client.get(key(index)).await {
                        let value = value.unwrap();
                        assert_eq!(value, key(index), "the reply to another request");
                    }
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
}

fn key(index: u32) -> String {
    format!("key-{index}")
}
