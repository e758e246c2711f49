//! A server that answers before it syncs: what is left of what it answered.
//!
//! Owns the runs with `--appendfsync everysec` and `no`, and what README promises of them. Knows
//! nothing of replicas.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use kv::client::{ClientError, Pipeline};
use kv::resp::Reply;
use kv::{Client, Server, SyncPolicy};
use simoom::rand;
use simoom::time::{Instant, sleep};
use simoom_sim::{Node, OnFailure, Plan, Sim};

use super::clients::{CLIENTS, PATIENCE, count_of, list, numbers};
use super::pair;
use super::run::Counts;

/// A transaction that was answered: it was the `number`th of all, and made its client's list `len`
/// long by `element`.
#[derive(Clone, Copy, Debug)]
struct Answered {
    number: u64,
    client: usize,
    element: u64,
    len: u64,
    at: Instant,
}

#[derive(Debug, Default)]
struct Told {
    answered: RefCell<Vec<Answered>>,
    /// The greatest number that was read.
    read: Cell<u64>,
    tried: [Cell<u64>; CLIENTS],
    acknowledged: Cell<u64>,
    open: Cell<u64>,
}

/// Clients use a server whose process is killed, or whose machine loses its power, again and again.
pub(super) async fn storm(sim: Sim, faults: Plan) -> Counts {
    let policy = match rand::below(2) {
        0 => SyncPolicy::EverySecond,
        _ => SyncPolicy::Never,
    };
    let server = sim.node("server").on_failure(OnFailure::MayExit);
    let server = server.run(move || async move {
        let stop = kv::stop_signal()?;
        let config = pair::config().sync(policy);
        Server::bind(config).await?.run(stop).await
    });
    let mut of_net = Plan::new();
    for fault in faults.faults() {
        if fault.kind().name().starts_with("net.") {
            of_net = of_net.fault(fault.clone());
        }
    }
    sim.faults(of_net);
    let told: Rc<Told> = Rc::default();
    for round in 0..2 + rand::below(4) {
        let machine = |client: usize| sim.node(&format!("client-{round}-{client}"));
        for client in 0..CLIENTS {
            let using = use_server(client, Rc::clone(&told));
            machine(client).spawn(using);
        }
        sleep(Duration::from_millis(rand::below(2_500))).await;
        let is_killed = rand::below(2) == 0;
        match is_killed {
            true => server.kill(),
            false => server.power_loss(),
        }
        let end = Instant::now();
        for client in 0..CLIENTS {
            machine(client).kill();
        }
        let limit = match (is_killed, policy) {
            (true, _) => Some(end),
            // A second, and the sync.
            (false, SyncPolicy::EverySecond) => end.checked_sub(Duration::from_millis(1_200)),
            (false, _) => None,
        };
        judge(&server, &told, is_killed, limit).await;
    }
    sim.heal();
    Counts {
        acknowledged: told.acknowledged.get(),
        unanswered: told.open.get(),
        boots: u64::from(server.incarnation()),
        promotions: 0,
    }
}

async fn use_server(client: usize, told: Rc<Told>) {
    let mut connection = Client::new("server:6379").timeout(PATIENCE);
    loop {
        match ask(&mut connection, client, &told).await {
            Ok(()) => told.acknowledged.set(told.acknowledged.get() + 1),
            Err(_) => {
                told.open.set(told.open.get() + 1);
                sleep(Duration::from_millis(1 + rand::below(20))).await;
            }
        }
        sleep(Duration::from_millis(rand::below(10))).await;
    }
}

async fn ask(connection: &mut Client, client: usize, told: &Told) -> Result<(), ClientError> {
    if rand::below(4) == 0 {
        let read = connection.request(&[b"GET", b"total"]).await?;
        told.read.set(told.read.get().max(count_of(&read)));
        return Ok(());
    }
    let element = told.tried[client].get();
    told.tried[client].set(element + 1);
    let (list, text) = (list(client), element.to_string());
    let requests = Pipeline::new()
        .request(&[b"MULTI"])
        .request(&[b"RPUSH", list.as_bytes(), text.as_bytes()])
        .incr("total")
        .request(&[b"EXEC"]);
    let replies = connection.pipeline(&requests).await?;
    let Some(Reply::Array(results)) = replies.last() else {
        panic!("the reply to another request: {replies:?}");
    };
    let [Reply::Integer(len), Reply::Integer(number)] = results[..] else {
        panic!("the reply to another request: {replies:?}");
    };
    told.answered.borrow_mut().push(Answered {
        number: number.unsigned_abs(),
        client,
        element,
        len: len.unsigned_abs(),
        at: Instant::now(),
    });
    Ok(())
}

/// Boots the server. What it has is the first part of what it answered, and all of that up to
/// `limit`.
async fn judge(server: &Node, told: &Told, is_killed: bool, limit: Option<Instant>) {
    server.restart();
    let mut reader = Client::new("server:6379").timeout(Duration::from_secs(5));
    let mut requests = Pipeline::new().get("total");
    for client in 0..CLIENTS {
        requests = requests.request(&[b"LRANGE", list(client).as_bytes(), b"0", b"-1"]);
    }
    let mut asking = 0;
    let replies = loop {
        match reader.pipeline(&requests).await {
            Ok(replies) => break replies,
            Err(error) => {
                asking += 1;
                assert!(asking < 200, "the server does not answer: {error}");
                sleep(Duration::from_millis(50)).await;
            }
        }
    };
    let total = count_of(&replies[0]);
    let lists: Vec<_> = replies[1..].iter().map(numbers).collect();
    let there: usize = lists.iter().map(Vec::len).sum();
    assert_eq!(there as u64, total, "half a transaction is there");
    for (list, tried) in lists.iter().zip(&told.tried) {
        let once: BTreeSet<_> = list.iter().collect();
        assert_eq!(once.len(), list.len(), "a write was done twice: {list:?}");
        assert!(
            list.iter().all(|&element| element < tried.get()),
            "a write that nobody made is there: {list:?}"
        );
    }
    let mut answered = told.answered.borrow_mut();
    for one in &*answered {
        if one.number <= total {
            let at = usize::try_from(one.len - 1).unwrap_or(usize::MAX);
            assert_eq!(
                lists[one.client].get(at),
                Some(&one.element),
                "an acknowledged write is lost: {one:?}, and later ones are there"
            );
        } else {
            assert!(
                limit.is_none_or(|limit| one.at > limit),
                "an acknowledged write is lost: {one:?}, and the first {total} are there"
            );
        }
    }
    if is_killed {
        let read = told.read.get();
        assert!(
            read <= total,
            "an acknowledged write is lost: {read} was read, and {total} are there"
        );
    }
    answered.retain(|one| one.number <= total);
    told.read.set(total);
}
