//! A primary with two replicas, and with one that does not keep to the rules.

use std::io;
use std::time::Duration;

use kv::client::Pipeline;
use kv::resp::{Reply, encode_request};
use kv::{Client, Config};
use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::TcpStream;
use simoom::rand;
use simoom::time::{sleep, timeout};
use simoom_sim::{Node, Sim};

use crate::following::{info, line};
use crate::promotion::{is_linked, ms, serve, until};

const PRIMARY: &str = "one:6379";

const REPLICAS: [&str; 2] = ["two:6379", "three:6379"];

/// Boots a primary and two replicas, and waits until both follow.
async fn boot(sim: &Sim, config: impl Fn() -> Config + Clone + 'static) -> [Node; 3] {
    let nodes = ["one", "two", "three"].map(|name| {
        let config = config.clone();
        sim.node(name).run(move || {
            serve(match name {
                "one" => config(),
                _ => config().replica_of("one", 6379),
            })
        })
    });
    for replica in REPLICAS {
        until(replica, &[b"ROLE"], is_linked).await;
    }
    until(PRIMARY, &[b"INFO", b"replication"], |reply| {
        // Both have had their copy, and have said so.
        let Reply::Bulk(text) = reply else {
            return false;
        };
        String::from_utf8_lossy(text)
            .matches("state=online")
            .count()
            == 2
    })
    .await;
    nodes
}

/// Waits until the primary tells so in `INFO replication`.
async fn primary_tells(wanted: &str) {
    until(PRIMARY, &[b"INFO", b"replication"], |reply| {
        matches!(reply, Reply::Bulk(text) if String::from_utf8_lossy(text).contains(wanted))
    })
    .await;
}

/// How many copies and resumptions the primary has seen.
async fn beginnings() -> (String, String) {
    let told = info(PRIMARY).await.unwrap();
    (line(&told, "sync_full"), line(&told, "sync_partial_ok"))
}

fn bulk(text: &str) -> Reply {
    Reply::Bulk(text.to_owned().into())
}

/// One that asks, and waits for an answer no longer than one needs that waits for nobody.
fn client() -> Client {
    Client::new(PRIMARY).timeout(ms(300))
}

/// Nobody writes, each replica acknowledges at its own moments, and both hear of the primary.
async fn idle_replicas_stay(sim: Sim, sync_replicas: usize) {
    boot(&sim, move || Config::default().sync_replicas(sync_replicas)).await;
    let mortal: [&[u8]; 5] = [b"SET", b"mortal", b"1", b"PX", b"900"];
    client().request(&mortal).await.unwrap();
    let before = beginnings().await;
    sleep(ms(rand::below(50))).await;
    // Three times as long as one waits for a sign of life.
    sleep(ms(1_500)).await;
    for replica in REPLICAS {
        let told = info(replica).await.unwrap();
        assert_eq!(line(&told, "master_link_status"), "up", "{told}");
        // Nobody asked the primary for anything, and the key has died.
        let mut reader = Client::new(replica).timeout(ms(300));
        assert_eq!(reader.get("mortal").await.unwrap(), None);
    }
    assert_eq!(before, beginnings().await, "a replica has come again");
}

#[simoom_sim::test(seeds = 30, persist = false)]
async fn idle_replicas_stay_with_one_to_wait_for(sim: Sim) {
    idle_replicas_stay(sim, 1).await;
}

#[simoom_sim::test(seeds = 30, persist = false)]
async fn idle_replicas_stay_with_two_to_wait_for(sim: Sim) {
    idle_replicas_stay(sim, 2).await;
}

/// A primary without replicas answers reads, also when a key has died that nobody knows of.
async fn a_death_keeps_nobody_waiting(sim: Sim, sync_replicas: usize) {
    let nodes = boot(&sim, move || Config::default().sync_replicas(sync_replicas)).await;
    let requests = Pipeline::new()
        .request(&[b"SET", b"n", b"1"])
        .request(&[b"SET", b"mortal", b"1", b"PX", b"300"]);
    client().pipeline(&requests).await.unwrap();
    nodes[1].kill();
    nodes[2].kill();
    primary_tells("connected_slaves:0").await;
    sleep(ms(400)).await;
    assert_eq!(client().get("n").await.unwrap().unwrap(), "1");
    assert_eq!(client().get("mortal").await.unwrap(), None);
    let refused = client().request(&[b"SET", b"n", b"2"]).await.unwrap_err();
    assert!(refused.to_string().contains("NOREPLICAS"), "{refused}");
    // Those who come back learn of the death.
    nodes[1].restart();
    nodes[2].restart();
    until(PRIMARY, &[b"SET", b"n", b"2"], |reply| {
        *reply == Reply::Simple("OK".into())
    })
    .await;
    for replica in REPLICAS {
        until(replica, &[b"GET", b"n"], |reply| *reply == bulk("2")).await;
        let mut reader = Client::new(replica).timeout(ms(300));
        assert_eq!(reader.get("mortal").await.unwrap(), None);
    }
}

#[simoom_sim::test(seeds = 20, persist = false)]
async fn a_death_keeps_nobody_waiting_for_one(sim: Sim) {
    a_death_keeps_nobody_waiting(sim, 1).await;
}

#[simoom_sim::test(seeds = 20, persist = false)]
async fn a_death_keeps_nobody_waiting_for_two(sim: Sim) {
    a_death_keeps_nobody_waiting(sim, 2).await;
}

/// A primary that starts again tells how it is, although it has nobody who has what it has.
#[simoom_sim::test(seeds = 20, persist = false)]
async fn a_lone_primary_that_starts_again_tells_how_it_is(sim: Sim) {
    let nodes = boot(&sim, || Config::default().sync_replicas(1)).await;
    client().incr("n").await.unwrap();
    nodes.iter().for_each(Node::kill);
    nodes[0].restart();
    primary_tells("connected_slaves:0").await;
    let promote: [&[u8]; 3] = [b"REPLICAOF", b"NO", b"ONE"];
    let told = client().request(&promote).await.unwrap();
    assert_eq!(told, Reply::Simple("OK".into()));
    client().get("n").await.expect_err("nobody has it");
    nodes[1].restart();
    until(PRIMARY, &[b"GET", b"n"], |reply| *reply == bulk("1")).await;
}

/// One of two replicas has a write, and comes back: that is one all the same.
#[simoom_sim::test(seeds = 60, persist = false)]
async fn a_replica_that_comes_back_counts_once(sim: Sim) {
    let nodes = boot(&sim, || Config::default().sync_replicas(2)).await;
    client().incr("n").await.unwrap();
    sim.net().partition(&nodes[0], &nodes[2]);
    let mut writing = sim.node("client").spawn(async {
        let mut client = Client::new(PRIMARY).timeout(Duration::from_secs(20));
        client.incr("n").await
    });
    sleep(ms(30 + rand::below(60))).await;
    nodes[1].power_loss();
    nodes[1].restart();
    let told = timeout(ms(250), &mut writing).await;
    assert!(told.is_err(), "one copy is not two: {told:?}");
    sim.net().heal_all();
    assert_eq!(writing.await.unwrap().unwrap(), 2);
}

/// Writers each keep one request under way: what one appends is no reason to forget what another
/// has appended and nobody was sent.
#[simoom_sim::test(seeds = 30, persist = false)]
async fn replicas_keep_up_with_large_writes(sim: Sim) {
    boot(&sim, || Config::default().backlog_bytes_max(1_000)).await;
    let before = beginnings().await;
    let writers = ["a", "b", "c"].map(|key| {
        sim.node(&format!("writer-{key}")).spawn(async move {
            let mut client = Client::new(PRIMARY).timeout(Duration::from_secs(10));
            for _ in 0..20 {
                let value = [b'v'; 600];
                let set: [&[u8]; 3] = [b"SET", key.as_bytes(), &value];
                client.request(&set).await.unwrap();
            }
        })
    });
    for writer in writers {
        writer.await.unwrap();
    }
    for replica in REPLICAS {
        until(replica, &[b"DBSIZE"], |it| *it == Reply::Integer(3)).await;
    }
    assert_eq!(before, beginnings().await, "a replica was cut off");
    // What nobody needs any more is not held.
    sleep(ms(200)).await;
    let told = info(PRIMARY).await.unwrap();
    let held: usize = line(&told, "repl_backlog_histlen").parse().unwrap();
    assert!(held <= 1_000, "{held}");
}

/// What is written while everything is copied is more than the backlog: it comes after the copy.
#[simoom_sim::test(seeds = 10, persist = false)]
async fn a_copy_that_outlasts_the_backlog_is_the_only_one(sim: Sim) {
    let config = || Config::default().backlog_bytes_max(1_000);
    sim.node("one").run(move || serve(config()));
    until(PRIMARY, &[b"PING"], |_| true).await;
    let mut client = Client::new(PRIMARY).timeout(Duration::from_secs(10));
    for key in 0..40 {
        let key = format!("large-{key}");
        let set: [&[u8]; 3] = [b"SET", key.as_bytes(), &[b'v'; 50_000]];
        client.request(&set).await.unwrap();
    }
    sim.node("writer").spawn(async move {
        loop {
            let set: [&[u8]; 3] = [b"SET", b"small", &[b'v'; 600]];
            client.request(&set).await.unwrap();
        }
    });
    sim.node("two")
        .run(move || serve(config().replica_of("one", 6379)));
    until(REPLICAS[0], &[b"ROLE"], is_linked).await;
    sleep(ms(300)).await;
    let told = info(PRIMARY).await.unwrap();
    assert_eq!(line(&told, "sync_full"), "1", "{told}");
    assert_eq!(line(&told, "connected_slaves"), "1", "{told}");
}

/// Who waits for replicas at a server that becomes one is told so.
#[simoom_sim::test(seeds = 30, persist = false)]
async fn nobody_waits_for_replicas_at_a_replica(sim: Sim) {
    boot(&sim, Config::default).await;
    let waiting = sim.node("waiter").spawn(async {
        let mut client = Client::connect(PRIMARY).await.unwrap();
        client.incr("n").await.unwrap();
        client.request(&[b"WAIT", b"5", b"0"]).await.unwrap_err()
    });
    sleep(ms(100)).await;
    let follow: [&[u8]; 3] = [b"REPLICAOF", b"two", b"6379"];
    client().request(&follow).await.unwrap();
    let told = timeout(Duration::from_secs(5), waiting).await.unwrap();
    let told = told.unwrap().to_string();
    assert!(told.contains("WAIT cannot be used"), "{told}");
}

/// What a replica sends that has nothing, and how it goes on.
fn hello() -> Vec<u8> {
    let mut request = Vec::new();
    let history = "0".repeat(40);
    encode_request(
        &mut request,
        &[b"REPLSYNC", history.as_bytes(), b"0", b"6379"],
    );
    request
}

/// A frame of an offset.
fn frame(letter: u8, offset: u64) -> Vec<u8> {
    let (len, offset) = (8_u32.to_le_bytes(), offset.to_le_bytes());
    let checksum = crc32fast::hash(&[&len[..], &offset].concat());
    [&[letter], &len[..], &checksum.to_le_bytes(), &offset].concat()
}

/// Reads until the primary ends the connection.
async fn ended(stream: &mut TcpStream) -> io::Result<()> {
    let mut bytes = vec![0; 16 << 10];
    while stream.read(&mut bytes).await? > 0 {}
    Ok(())
}

/// A primary, and one that says it has what it was never sent.
#[simoom_sim::test(seeds = 20, persist = false)]
async fn what_was_not_sent_is_not_acknowledged(sim: Sim) {
    sim.node("one")
        .run(|| serve(Config::default().sync_replicas(1)));
    until(PRIMARY, &[b"PING"], |_| true).await;
    let liar = sim.node("liar").spawn(async {
        let mut stream = TcpStream::connect(PRIMARY).await.unwrap();
        let lie = [hello(), frame(b'A', u64::MAX - rand::below(2) * 1_000)].concat();
        stream.write_all(&lie).await.unwrap();
        let _ = timeout(ms(300), ended(&mut stream))
            .await
            .expect("it is cut off");
    });
    liar.await.unwrap();
    primary_tells("connected_slaves:0").await;
    let refused = client().request(&[b"SET", b"n", b"2"]).await.unwrap_err();
    assert!(refused.to_string().contains("NOREPLICAS"), "{refused}");
}

/// What comes right after the request is read, however it is cut.
#[simoom_sim::test(seeds = 20, persist = false)]
async fn what_follows_on_the_request_is_read(sim: Sim) {
    sim.node("one").run(|| serve(Config::default()));
    until(PRIMARY, &[b"PING"], |_| true).await;
    sim.node("two").spawn(async {
        let mut stream = TcpStream::connect(PRIMARY).await.unwrap();
        let ping = frame(b'P', 0);
        let cut = 1 + rand::below(ping.len() as u64 - 1) as usize;
        let start = [&hello()[..], &ping[..cut]].concat();
        stream.write_all(&start).await.unwrap();
        sleep(ms(50)).await;
        stream.write_all(&ping[cut..]).await.unwrap();
        ended(&mut stream).await.unwrap();
    });
    // Soon, and before its silence would end it.
    sleep(ms(250)).await;
    let told = info(PRIMARY).await.unwrap();
    assert_eq!(line(&told, "connected_slaves"), "1", "{told}");
    // It announces more than there is room for.
    let greedy = sim.node("greedy").spawn(async {
        let mut stream = TcpStream::connect(PRIMARY).await.unwrap();
        let header = [&b"P"[..], &u32::MAX.to_le_bytes(), &[0; 4]].concat();
        let start = [hello(), header].concat();
        stream.write_all(&start).await.unwrap();
        let _ = timeout(ms(300), ended(&mut stream))
            .await
            .expect("it is cut off");
    });
    greedy.await.unwrap();
}

/// One that shows that it lives, and takes nothing of its copy, is cut off.
#[simoom_sim::test(seeds = 3, persist = false, shrink = false)]
async fn one_that_does_not_read_its_copy_is_cut_off(sim: Sim) {
    sim.node("one").run(|| serve(Config::default()));
    until(PRIMARY, &[b"PING"], |_| true).await;
    let mut client = Client::new(PRIMARY).timeout(Duration::from_secs(10));
    for key in 0..16 {
        let key = format!("large-{key}");
        let value = vec![b'v'; 900_000];
        let set: [&[u8]; 3] = [b"SET", key.as_bytes(), &value];
        client.request(&set).await.unwrap();
    }
    sim.node("two").spawn(async {
        let mut stream = TcpStream::connect(PRIMARY).await.unwrap();
        stream.write_all(&hello()).await.unwrap();
        while stream.write_all(&frame(b'P', 0)).await.is_ok() {
            sleep(ms(50)).await;
        }
    });
    primary_tells("connected_slaves:1").await;
    sleep(ms(2_000)).await;
    let told = info(PRIMARY).await.unwrap();
    assert_eq!(line(&told, "connected_slaves"), "0", "{told}");
}
