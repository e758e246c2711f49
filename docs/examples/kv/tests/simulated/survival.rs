//! A server that keeps its data, on a machine to which all sorts of things happen.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use kv::Client;
use kv::client::Pipeline;
use kv::resp::Reply;
use simoom::rand;
use simoom::time::{sleep, timeout};
use simoom_sim::{Fault, Kind, Node, OnFailure, Plan, Ratio, Sim};

use crate::durable::ms;
use crate::storm::run::serve;

/// How many clients write.
const CLIENTS: usize = 3;

/// How often something happens.
const DISASTERS: u32 = 4;

/// What one client knows.
#[derive(Debug, Default)]
struct Told {
    /// Numbers whose push was answered.
    acknowledged: RefCell<Vec<u64>>,
    /// How many numbers it tried to push: each once.
    tried: Cell<u64>,
}

/// Pushes one number after the other to a list of its own, each once, and with each counts on two
/// keys of all clients in one transaction.
async fn write(name: String, told: Rc<Told>) {
    let mut client = Client::new("server:6379").timeout(ms(300));
    loop {
        let number = told.tried.get();
        told.tried.set(number + 1);
        let pushed = client
            .pipeline(
                &Pipeline::new()
                    .request(&[b"MULTI"])
                    .request(&[b"RPUSH", name.as_bytes(), number.to_string().as_bytes()])
                    .incr("left")
                    .incr("right")
                    .request(&[b"EXEC"]),
            )
            .await;
        match pushed {
            Ok(replies) => {
                assert!(matches!(replies[4], Reply::Array(_)), "{replies:?}");
                told.acknowledged.borrow_mut().push(number);
            }
            // Whether it was done is open: the number is never tried again.
            Err(_) => sleep(ms(20)).await,
        }
    }
}

/// What may happen to the server, and what may happen to the machine with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Disaster {
    /// One of those below, each time another.
    Any,
    PowerLoss,
}

async fn happen(sim: &Sim, server: &Node, disaster: Disaster) {
    let kind = match disaster {
        Disaster::Any => rand::below(5),
        Disaster::PowerLoss => 1,
    };
    match kind {
        0 => {
            server.kill();
            sleep(ms(rand::below(50))).await;
        }
        1 => {
            server.power_loss();
            sleep(ms(rand::below(50))).await;
        }
        2 => {
            for index in 0..CLIENTS {
                let client = sim.node(&format!("client-{index}"));
                sim.net().partition(server, &client);
            }
            sleep(ms(rand::below(500))).await;
            sim.net().heal_all();
        }
        3 => {
            server.pause();
            sleep(ms(rand::below(500))).await;
            server.resume();
        }
        _ => {
            let stopped = server.shutdown(Duration::from_secs(10)).await;
            assert!(stopped, "it does not stop in good order");
        }
    }
    if !server.is_alive() {
        server.restart();
    }
}

/// Writes that were acknowledged survive whatever happens, in order, and nothing is there that
/// nobody tried to write; a transaction is there as a whole or not at all.
async fn acknowledged_writes_survive(sim: Sim, disaster: Disaster) {
    let server = sim.node("server").on_failure(OnFailure::FailRun).run(serve);
    let told: Vec<Rc<Told>> = (0..CLIENTS).map(|_| Rc::default()).collect();
    for (index, told) in told.iter().enumerate() {
        let writing = write(format!("list-{index}"), Rc::clone(told));
        sim.node(&format!("client-{index}")).spawn(writing);
    }
    for _ in 0..DISASTERS {
        sleep(ms(20 + rand::below(200))).await;
        happen(&sim, &server, disaster).await;
    }
    for index in 0..CLIENTS {
        sim.node(&format!("client-{index}")).kill();
    }
    server.kill();
    server.restart();
    let mut reader = Client::new("server:6379").timeout(Duration::from_secs(10));
    let mut total = 0;
    for (index, told) in told.iter().enumerate() {
        let list = format!("list-{index}");
        let kept = numbers(&mut reader, &list).await;
        let acknowledged = told.acknowledged.borrow();
        for number in acknowledged.iter() {
            assert!(
                kept.contains(number),
                "an acknowledged write is lost: {number} of {list}, which holds {kept:?}"
            );
        }
        // One that was given up may still be done after the next; one that was answered may not.
        let in_order: Vec<_> = (kept.iter())
            .filter(|number| acknowledged.contains(number))
            .collect();
        assert!(
            in_order.is_sorted_by(|one, two| one < two),
            "writes changed places or were done twice: {list} holds {kept:?}"
        );
        let mut once = kept.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), kept.len(), "a write was done twice: {kept:?}");
        let tried = told.tried.get();
        assert!(
            kept.iter().all(|&number| number < tried),
            "a write nobody made is there: {list} holds {kept:?}"
        );
        total += kept.len();
    }
    let counted = reader
        .pipeline(&Pipeline::new().get("left").get("right"))
        .await
        .unwrap();
    let expected = match total {
        0 => Reply::Null,
        total => Reply::Bulk(total.to_string().into()),
    };
    assert_eq!(
        counted,
        [expected.clone(), expected],
        "half a transaction is there"
    );
}

async fn numbers(reader: &mut Client, list: &str) -> Vec<u64> {
    let mut reply = None;
    while reply.is_none() {
        // The server may not be listening yet.
        reply = reader
            .request(&[b"LRANGE", list.as_bytes(), b"0", b"-1"])
            .await
            .ok();
        if reply.is_none() {
            sleep(ms(10)).await;
        }
    }
    let Some(Reply::Array(items)) = reply else {
        panic!("{list} is no list: {reply:?}");
    };
    let number = |item: &Reply| match item {
        Reply::Bulk(text) => std::str::from_utf8(text).unwrap().parse().unwrap(),
        other => panic!("{other:?}"),
    };
    items.iter().map(number).collect()
}

/// Commits that come while the log is synced share the next sync.
#[simoom_sim::test(seeds = 30, persist = false)]
async fn commits_share_syncs(sim: Sim) {
    const WRITES: u64 = 160;
    sim.node("server").run(serve);
    let clients: Vec<_> = (0..16)
        .map(|index| {
            sim.node(&format!("client-{index}")).spawn(async {
                let mut client = Client::connect("server:6379").await.unwrap();
                for _ in 0..WRITES / 16 {
                    client.incr("n").await.unwrap();
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    let mut reader = Client::connect("server:6379").await.unwrap();
    let Reply::Bulk(info) = reader.request(&[b"INFO", b"persistence"]).await.unwrap() else {
        panic!("INFO is no text");
    };
    let info = String::from_utf8(info.to_vec()).unwrap();
    let figure = |name: &str| -> u64 {
        let line = info.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().trim().parse().unwrap()
    };
    assert_eq!(figure("log_commits:"), WRITES);
    let syncs = figure("log_syncs:");
    assert!(syncs < WRITES / 2, "{syncs} syncs for {WRITES} writes");
}

/// Whoever reads what is not safe yet is told of it only when it is.
#[simoom_sim::test(seeds = 100, persist = false)]
async fn what_was_read_is_not_lost_either(sim: Sim) {
    let server = sim.node("server").run(serve);
    sim.node("writer").spawn(async {
        let mut client = Client::connect("server:6379").await.unwrap();
        while client.incr("n").await.is_ok() {}
    });
    let seen = Rc::new(Cell::new(0));
    let noted = Rc::clone(&seen);
    sim.node("reader").spawn(async move {
        let mut client = Client::connect("server:6379").await.unwrap();
        while let Ok(value) = client.get("n").await {
            let value = value.map_or(0, |value| String::from_utf8_lossy(&value).parse().unwrap());
            noted.set(value);
        }
    });
    sleep(ms(100 + rand::below(200))).await;
    server.power_loss();
    let told = seen.get();
    server.restart();
    let mut reader = Client::new("server:6379").timeout(Duration::from_secs(10));
    let kept = loop {
        match timeout(Duration::from_secs(10), reader.get("n"))
            .await
            .unwrap()
        {
            Ok(value) => break value.map_or(0, |it| String::from_utf8_lossy(&it).parse().unwrap()),
            Err(_) => sleep(ms(10)).await,
        }
    };
    assert!(kept >= told, "somebody read {told}, and {kept} is left");
}

#[simoom_sim::test(seeds = 100, persist = false, shrink = false)]
async fn acknowledged_writes_survive_whatever_happens(sim: Sim) {
    acknowledged_writes_survive(sim, Disaster::Any).await;
}

#[simoom_sim::test(seeds = 100, persist = false, shrink = false)]
async fn acknowledged_writes_survive_losses_of_power(sim: Sim) {
    acknowledged_writes_survive(sim, Disaster::PowerLoss).await;
}

#[simoom_sim::test(seeds = 300)]
async fn an_answered_write_survives_a_power_loss_at_its_answer(sim: Sim) {
    crate::durable::the_plug_is_pulled_at_an_answer(sim).await;
}

/// What the server before had not synced is synced before anybody learns of it.
#[simoom_sim::test(seeds = 300, persist = false)]
async fn what_a_restarted_server_shows_is_not_lost_either(sim: Sim) {
    let server = sim.node("server").run(serve);
    sim.node("writer").spawn(async {
        let mut client = Client::new("server:6379");
        while client.incr("n").await.is_ok() {}
    });
    sleep(ms(20 + rand::below(50))).await;
    server.kill();
    sim.node("writer").kill();
    server.restart();
    let shown = number(&mut Client::new("server:6379")).await;
    server.power_loss();
    server.restart();
    let kept = number(&mut Client::new("server:6379")).await;
    assert!(kept >= shown, "somebody read {shown}, and {kept} is left");
}

/// What was to be kept by a sync that failed is on no disk, though the next server can read it.
#[simoom_sim::test(seeds = 300, persist = false)]
async fn nothing_is_appended_to_what_a_failed_sync_lost(sim: Sim) {
    let server = sim.node("server").on_failure(OnFailure::MayExit);
    server.run(serve);
    let mut client = Client::new("server:6379");
    client_is_served(&mut client).await;
    let failing = Fault::new(Kind::DiskSyncFailed)
        .probability(Ratio::one_in(4))
        .times(1);
    sim.faults(failing);
    let mut tries = 0..20;
    while tries.next().is_some() && client.incr("n").await.is_ok() {}
    server.kill();
    sim.faults(Plan::new());
    server.restart();
    client_is_served(&mut client).await;
    let told = client.incr("n").await.unwrap();
    server.power_loss();
    server.restart();
    let kept = number(&mut Client::new("server:6379")).await;
    assert!(kept >= told, "a client was told {told}, and {kept} is left");
}

/// A key that has died is dead for good, whatever the clock shows when its server starts again.
#[simoom_sim::test(seeds = 50, persist = false)]
async fn a_key_that_has_died_does_not_come_back(sim: Sim) {
    let server = sim.node("server").run(serve);
    let mut client = Client::new("server:6379").timeout(Duration::from_secs(5));
    client_is_served(&mut client).await;
    let mortal: [&[u8]; 5] = [b"SET", b"mortal", b"1", b"PX", b"100"];
    client.request(&mortal).await.unwrap();
    sleep(ms(150)).await;
    assert_eq!(client.get("mortal").await.unwrap(), None);
    client.incr("n").await.unwrap();
    server.clock().step_back(Duration::from_secs(86_400));
    match rand::below(2) {
        0 => server.kill(),
        _ => server.power_loss(),
    }
    server.restart();
    let mut client = Client::new("server:6379").timeout(Duration::from_secs(5));
    client_is_served(&mut client).await;
    assert_eq!(client.get("mortal").await.unwrap(), None, "it is back");
    assert_eq!(number(&mut client).await, 1);
}

async fn client_is_served(client: &mut Client) {
    while client.ping().await.is_err() {
        sleep(ms(10)).await;
    }
}

/// The number that `n` holds, once the server answers.
async fn number(client: &mut Client) -> i64 {
    client_is_served(client).await;
    let value = client.get("n").await.unwrap();
    value.map_or(0, |it| String::from_utf8_lossy(&it).parse().unwrap())
}
