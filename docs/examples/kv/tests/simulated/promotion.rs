//! A replica that is promoted at the very moment at which a client is told that its write is done.

use std::io;
use std::time::Duration;

use kv::client::Pipeline;
use kv::resp::Reply;
use kv::{Client, Config, Server};
use simoom::rand;
use simoom::time::sleep;
use simoom_sim::Sim;

pub(crate) fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A server of a pair.
pub(crate) async fn serve(config: Config) -> io::Result<()> {
    let stop = kv::stop_signal()?;
    let config = config
        .bind("0.0.0.0")
        .dir("/var/lib/kv")
        .compact_bytes_min(256)
        .replica_timeout(ms(500));
    Server::bind(config).await?.run(stop).await
}

/// Waits until a client of `addr` gets `reply` to `request`.
pub(crate) async fn until(addr: &str, request: &[&[u8]], wanted: impl Fn(&Reply) -> bool) {
    let mut client = Client::new(addr).timeout(ms(500));
    let mut last = None;
    for _ in 0..2_000 {
        match client.request(request).await {
            Ok(reply) if wanted(&reply) => return,
            other => last = Some(other),
        }
        sleep(ms(5)).await;
    }
    panic!("{addr} does not answer as it should: {last:?}");
}

/// Whether `reply` to `ROLE` is that of a replica that is connected, or of a primary with one.
pub(crate) fn is_linked(reply: &Reply) -> bool {
    let Reply::Array(items) = reply else {
        return false;
    };
    let is = |index: usize, text: &str| items[index] == Reply::Bulk(text.to_owned().into());
    match items.len() {
        3 => matches!(&items[2], Reply::Array(replicas) if !replicas.is_empty()),
        _ => is(0, "slave") && is(3, "connected"),
    }
}

/// A client is told that a write is done, which a replica then has; that is promoted at once, and
/// asked.
pub(crate) async fn a_replica_is_promoted_at_an_answer(sim: Sim) {
    let primary = sim
        .node("primary")
        .run(|| serve(Config::default().sync_replicas(1)));
    sim.node("replica")
        .run(|| serve(Config::default().replica_of("primary", 6379)));
    until("replica:6379", &[b"ROLE"], is_linked).await;
    until("primary:6379", &[b"INCR", b"n"], |reply| {
        *reply == Reply::Integer(1)
    })
    .await;
    // On the replica's machine, so that it is there before anything else.
    let (promote, promoted) = simoom::sync::oneshot::channel::<()>();
    let promoter = sim.node("replica").spawn(async move {
        let mut client = Client::connect("replica:6379").await.unwrap();
        promoted.await.unwrap();
        let requests = Pipeline::new()
            .request(&[b"REPLICAOF", b"NO", b"ONE"])
            .get("n");
        client.pipeline(&requests).await.unwrap()
    });
    sim.node("other").spawn(async {
        let mut client = Client::connect("primary:6379").await.unwrap();
        while client.incr("other").await.is_ok() {}
    });
    let writes = 2 + rand::below(20);
    let told = sim.node("client").spawn(async move {
        let mut client = Client::connect("primary:6379").await.unwrap();
        let mut told = 0;
        while told < writes as i64 {
            told = client.incr("n").await.unwrap();
        }
        told
    });
    let told = told.await.unwrap();
    primary.kill();
    promote.send(()).unwrap();
    let replies = promoter.await.unwrap();
    assert_eq!(replies[0], Reply::Simple("OK".into()));
    assert_eq!(
        replies[1],
        Reply::Bulk(told.to_string().into()),
        "an acknowledged write is not read after a promotion"
    );
}
