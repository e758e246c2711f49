//! What several clients are answered, beside what one map would answer.

use std::time::Duration;

use kv::Client;
use kv::client::ClientError;
use simoom::rand;
use simoom::time::sleep;
use simoom_sim::linear::{Map, MapOp, MapRet};
use simoom_sim::{History, Sim};

use crate::storm::run::serve;

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// How many clients there are.
const CLIENTS: usize = 3;

/// How many requests each of them sends.
const REQUESTS: usize = 8;

type Log = History<MapOp<String, i64>, MapRet<i64>>;

/// Asks for `op`, and returns the answer.
async fn ask(client: &mut Client, op: &MapOp<String, i64>) -> Result<MapRet<i64>, ClientError> {
    Ok(match op {
        MapOp::Get(key) => {
            let value = client.get(key).await?;
            let number = |value: &[u8]| String::from_utf8_lossy(value).parse().unwrap();
            MapRet::Value(value.map(|value| number(&value)))
        }
        MapOp::Set(key, value) => {
            client.set(key, value.to_string()).await?;
            MapRet::Done
        }
        MapOp::Increment(key, by) => MapRet::Number(client.incr_by(key, *by).await?),
        other => unreachable!("nobody asks for {other:?}"),
    })
}

/// Clients read, set and count on two keys of a server that loses its power on the way: whatever
/// they are answered is what one map would answer that does one thing after the other.
pub(crate) async fn answers_are_those_of_one_map(sim: Sim) {
    let log: Log = sim.history("kv");
    let server = sim.node("server").run(serve);
    sleep(ms(1)).await;
    let clients: Vec<_> = (0..CLIENTS)
        .map(|index| {
            let log = log.clone();
            sim.node(&format!("client-{index}")).spawn(async move {
                let mut client = Client::new("server:6379").timeout(ms(60));
                for number in 0..REQUESTS {
                    let key = ["a", "b"][rand::below(2) as usize].to_owned();
                    let op = match rand::below(4) {
                        0 => MapOp::Set(key, (index * 1_000 + number * 100) as i64),
                        1 => MapOp::Get(key),
                        _ => MapOp::Increment(key, 1),
                    };
                    let call = log.invoke(index, op.clone());
                    // What has no answer may have been done, or be done yet: it stays open.
                    if let Ok(answer) = ask(&mut client, &op).await {
                        call.returns(answer);
                    }
                    sleep(ms(rand::below(10))).await;
                }
            })
        })
        .collect();
    sleep(ms(20 + rand::below(100))).await;
    server.power_loss();
    server.restart();
    for client in clients {
        client.await.unwrap();
    }
    log.assert_linearizable(&Map::new());
}
