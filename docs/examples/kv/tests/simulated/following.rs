//! A primary and its replica, in good times and in bad ones.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use kv::client::{ClientError, Pipeline};
use kv::resp::Reply;
use kv::{Client, Config};
use simoom::rand;
use simoom::time::{sleep, timeout};
use simoom_sim::{Node, Sim};

use crate::promotion::{a_replica_is_promoted_at_an_answer, is_linked, ms, serve, until};

/// A pair: who is to follow whom is decided when a node boots.
struct Pair {
    nodes: [Node; 2],
    /// Which of them is to be the primary.
    leader: Rc<Cell<usize>>,
}

const NAMES: [&str; 2] = ["one", "two"];

impl Pair {
    /// Boots both, and waits until one follows the other.
    async fn boot(sim: &Sim, config: impl Fn() -> Config + Clone + 'static) -> Self {
        let leader = Rc::new(Cell::new(0));
        let nodes = [0, 1].map(|index| {
            let (leader, config) = (Rc::clone(&leader), config.clone());
            sim.node(NAMES[index]).run(move || {
                let follows = leader.get() != index;
                let config = match follows {
                    true => config().replica_of(NAMES[1 - index], 6379),
                    false => config(),
                };
                serve(config)
            })
        });
        let pair = Self { nodes, leader };
        until(&pair.follower(), &[b"ROLE"], is_linked).await;
        until(&pair.primary(), &[b"ROLE"], is_linked).await;
        pair
    }

    fn primary(&self) -> String {
        format!("{}:6379", NAMES[self.leader.get()])
    }

    fn follower(&self) -> String {
        format!("{}:6379", NAMES[1 - self.leader.get()])
    }

    fn nodes(&self) -> (&Node, &Node) {
        let leader = self.leader.get();
        (&self.nodes[leader], &self.nodes[1 - leader])
    }

    /// Waits until both have the same history, and compares all that there is.
    /// Boots the one that is not the primary, if it is down.
    fn boot_follower(&self) {
        let (_, follower) = self.nodes();
        if !follower.is_alive() {
            follower.restart();
        }
    }

    async fn converge(&self) {
        for _ in 0..2_000 {
            let (one, two) = (past(&self.primary()).await, past(&self.follower()).await);
            if one.is_some() && one == two {
                let primary = everything(&self.primary()).await;
                let follower = everything(&self.follower()).await;
                // A write that was on its way may come in between.
                if past(&self.primary()).await == one {
                    assert!(
                        primary == follower,
                        "they differ: {primary:?}, {follower:?}"
                    );
                    return;
                }
            }
            sleep(ms(10)).await;
        }
        let (one, two) = (past(&self.primary()).await, past(&self.follower()).await);
        panic!("they do not converge: {one:?}, {two:?}");
    }
}

/// The lines of `INFO replication`.
pub(crate) async fn info(addr: &str) -> Option<String> {
    let mut client = Client::new(addr).timeout(ms(500));
    match client.request(&[b"INFO", b"replication"]).await {
        Ok(Reply::Bulk(text)) => Some(String::from_utf8_lossy(&text).into_owned()),
        _ => None,
    }
}

pub(crate) fn line(info: &str, name: &str) -> String {
    let line = info.lines().find_map(|line| line.strip_prefix(name));
    let line = line.and_then(|line| line.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("{name} is not in {info}"))
        .to_owned()
}

async fn past(addr: &str) -> Option<(String, String)> {
    let info = info(addr).await?;
    let offset = match line(&info, "role").as_str() {
        "slave" => "slave_repl_offset",
        _ => "master_repl_offset",
    };
    Some((line(&info, "master_replid"), line(&info, offset)))
}

const LISTS: [&str; 2] = ["list-0", "list-1"];

async fn everything(addr: &str) -> Vec<Reply> {
    let mut client = Client::new(addr).timeout(Duration::from_secs(5));
    let mut requests = Pipeline::new()
        .request(&[b"DBSIZE"])
        .request(&[b"MGET", b"left", b"right", b"n"]);
    for list in LISTS {
        requests = requests.request(&[b"LRANGE", list.as_bytes(), b"0", b"-1"]);
    }
    client.pipeline(&requests).await.unwrap()
}

/// Pushes 0, 1, 2 … each at most once, and counts on two keys with each.
async fn write(list: &'static str, leader: Rc<Cell<usize>>, told: Rc<Cell<u64>>) {
    let mut number = 0_u64;
    loop {
        let addr = format!("{}:6379", NAMES[leader.get()]);
        let mut client = Client::new(addr).timeout(ms(300));
        loop {
            let text = number.to_string();
            number += 1;
            let requests = Pipeline::new()
                .request(&[b"MULTI"])
                .request(&[b"RPUSH", list.as_bytes(), text.as_bytes()])
                .incr("left")
                .incr("right")
                .request(&[b"EXEC"]);
            match client.pipeline(&requests).await {
                Ok(replies) if matches!(replies[4], Reply::Array(_)) => {
                    told.set(told.get() + 1);
                }
                Ok(_) | Err(_) => break,
            }
        }
        sleep(ms(10)).await;
    }
}

/// What a transaction that only reads shows: whole transactions, each list from its start on.
async fn show(client: &mut Client) -> Result<[Vec<Reply>; 2], ClientError> {
    let mut requests = Pipeline::new()
        .request(&[b"MULTI"])
        .request(&[b"MGET", b"left", b"right"]);
    for list in LISTS {
        requests = requests.request(&[b"LRANGE", list.as_bytes(), b"0", b"-1"]);
    }
    let replies = client.pipeline(&requests.request(&[b"EXEC"])).await?;
    let shown = match replies.last() {
        Some(Reply::Array(shown)) => shown,
        // A replica that has not spoken to its primary shows nothing.
        Some(Reply::Error(why)) => return Err(ClientError::Server(why.clone())),
        other => panic!("{other:?}"),
    };
    let [Reply::Array(counts), Reply::Array(one), Reply::Array(two)] = &shown[..] else {
        panic!("{shown:?}");
    };
    assert_eq!(counts[0], counts[1], "half a transaction is shown");
    let total = one.len() + two.len();
    let expected = match total {
        0 => Reply::Null,
        total => Reply::Bulk(total.to_string().into()),
    };
    assert_eq!(counts[0], expected, "half a transaction is shown");
    Ok([one.clone(), two.clone()])
}

/// What a pair is to do, and what happens to it.
#[derive(Clone, Copy)]
struct Setting {
    sync_replicas: usize,
    backlog_bytes_max: usize,
    loses_power: bool,
}

impl Setting {
    fn config(self) -> Config {
        Config::default()
            .sync_replicas(self.sync_replicas)
            .backlog_bytes_max(self.backlog_bytes_max)
    }
}

/// Whatever happens to a pair, what its replica shows is what its primary had committed at some
/// moment, and what was answered outlives a promotion.
async fn a_replica_shows_a_prefix(sim: Sim, setting: Setting) {
    let loses_power = setting.loses_power;
    let pair = Pair::boot(&sim, move || setting.config()).await;
    let told: [Rc<Cell<u64>>; 2] = Default::default();
    for (index, told) in told.iter().enumerate() {
        let writing = write(LISTS[index], Rc::clone(&pair.leader), Rc::clone(told));
        sim.node(&format!("writer-{index}")).spawn(writing);
    }
    let longest: Rc<Cell<[Vec<Reply>; 2]>> = Rc::default();
    let (noted, leader) = (Rc::clone(&longest), Rc::clone(&pair.leader));
    sim.node("reader").spawn(async move {
        loop {
            let addr = format!("{}:6379", NAMES[1 - leader.get()]);
            let mut client = Client::new(addr).timeout(ms(300));
            while let Ok(shown) = show(&mut client).await {
                let mut longest = noted.take();
                for (longest, shown) in longest.iter_mut().zip(shown) {
                    let common = longest.len().min(shown.len());
                    assert_eq!(longest[..common], shown[..common], "it is another list");
                    if shown.len() > longest.len() {
                        *longest = shown;
                    }
                }
                noted.set(longest);
                sleep(ms(rand::below(10))).await;
            }
            sleep(ms(10)).await;
        }
    });
    for _ in 0..4 {
        sleep(ms(20 + rand::below(200))).await;
        let (primary, follower) = pair.nodes();
        match rand::below(if loses_power { 5 } else { 3 }) {
            0 => {
                sim.net().partition(primary, follower);
                sleep(ms(rand::below(1_200))).await;
                sim.net().heal_all();
            }
            1 => {
                follower.pause();
                sleep(ms(rand::below(1_200))).await;
                follower.resume();
            }
            2 => {
                follower.kill();
                sleep(ms(rand::below(100))).await;
                follower.restart();
            }
            3 => {
                follower.power_loss();
                sleep(ms(rand::below(100))).await;
                follower.restart();
            }
            _ => {
                primary.power_loss();
                sleep(ms(rand::below(100))).await;
                primary.restart();
            }
        }
    }
    let (primary, follower) = pair.nodes();
    // One that shows nothing has not spoken to its primary since it started.
    let mut client = Client::new(pair.follower()).timeout(ms(500));
    let has_agreed = show(&mut client).await.is_ok();
    match loses_power {
        true => primary.power_loss(),
        false => primary.kill(),
    }
    if !follower.is_alive() {
        follower.restart();
    }
    until(&pair.follower(), &[b"REPLICAOF", b"NO", b"ONE"], |_| true).await;
    pair.leader.set(1 - pair.leader.get());
    // What is there after the promotion goes on from what was shown and told before.
    let longest = longest.take();
    let kept = loop {
        let mut client = Client::new(pair.primary()).timeout(ms(500));
        match show(&mut client).await {
            Ok(kept) => break kept,
            // It does not know what was acknowledged, and asks the one that has everything.
            Err(_) if !has_agreed && setting.sync_replicas > 0 => pair.boot_follower(),
            Err(error) => panic!("it has spoken to its primary, and shows nothing: {error}"),
        }
        sleep(ms(10)).await;
    };
    for (shown, kept) in longest.iter().zip(&kept) {
        assert!(kept.starts_with(shown), "{shown:?} was shown, {kept:?} is");
    }
    let kept = (kept[0].len() + kept[1].len()) as u64;
    let told = told[0].get() + told[1].get();
    if setting.sync_replicas > 0 {
        assert!(
            kept >= told,
            "an acknowledged write is lost: {kept} of {told}"
        );
    }
    // The old primary comes back, and has what the new one has.
    pair.boot_follower();
    sleep(ms(rand::below(500))).await;
    for index in 0..2 {
        sim.node(&format!("writer-{index}")).kill();
    }
    pair.converge().await;
}

#[simoom_sim::test(seeds = 40, persist = false, shrink = false)]
async fn acknowledged_writes_survive_a_promotion(sim: Sim) {
    let setting = Setting {
        sync_replicas: 1,
        backlog_bytes_max: 1 << 20,
        loses_power: true,
    };
    a_replica_shows_a_prefix(sim, setting).await;
}

#[simoom_sim::test(seeds = 40, persist = false, shrink = false)]
async fn a_replica_that_copies_again_shows_a_prefix(sim: Sim) {
    let setting = Setting {
        sync_replicas: 1,
        backlog_bytes_max: 300,
        loses_power: true,
    };
    a_replica_shows_a_prefix(sim, setting).await;
}

#[simoom_sim::test(seeds = 40, persist = false, shrink = false)]
async fn a_replica_that_nobody_waits_for_shows_a_prefix(sim: Sim) {
    let setting = Setting {
        sync_replicas: 0,
        backlog_bytes_max: 2_000,
        loses_power: false,
    };
    a_replica_shows_a_prefix(sim, setting).await;
}

#[simoom_sim::test(seeds = 200)]
async fn what_was_acknowledged_is_read_after_a_promotion(sim: Sim) {
    a_replica_is_promoted_at_an_answer(sim).await;
}

/// Keys die on a replica when its primary says so, whatever its own clock shows.
#[simoom_sim::test(seeds = 30, persist = false)]
async fn the_primary_decides_when_keys_die(sim: Sim) {
    let pair = Pair::boot(&sim, Config::default).await;
    let (_, follower) = pair.nodes();
    let day = Duration::from_secs(86_400);
    let is_ahead = rand::below(2) == 0;
    match is_ahead {
        true => follower.clock().step_forward(day),
        false => follower.clock().step_back(day),
    }
    let mut primary = Client::connect(pair.primary()).await.unwrap();
    let key: [&[u8]; 5] = [b"SET", b"n", b"1", b"PX", b"3000"];
    primary.request(&key).await.unwrap();
    let counts: [&[u8]; 1] = [b"DBSIZE"];
    until(&pair.follower(), &counts, |it| *it == Reply::Integer(1)).await;
    // Time passes: it is there, and not shown by one whose clock is ahead.
    sleep(ms(1_500)).await;
    let mut reader = Client::connect(pair.follower()).await.unwrap();
    let shown = reader.get("n").await.unwrap();
    assert_eq!(shown.is_none(), is_ahead, "{shown:?}");
    assert_eq!(reader.request(&counts).await.unwrap(), Reply::Integer(1));
    // Nobody asks the primary for anything, and it dies all the same.
    sleep(ms(2_000)).await;
    assert_eq!(reader.get("n").await.unwrap(), None);
    assert_eq!(reader.request(&counts).await.unwrap(), Reply::Integer(0));
    // A new primary goes by its own clock, for moments that were agreed on before.
    primary
        .request(&[b"SET", b"n", b"1", b"EX", b"100"])
        .await
        .unwrap();
    until(&pair.follower(), &counts, |it| *it == Reply::Integer(1)).await;
    pair.nodes().0.kill();
    until(&pair.follower(), &[b"REPLICAOF", b"NO", b"ONE"], |_| true).await;
    let left = reader.get("n").await.unwrap();
    assert_eq!(
        left.is_none(),
        is_ahead,
        "a clock that is ahead ends lives early"
    );
}

/// A replica that nobody tells that a key has died shows it no more when its time is over.
#[simoom_sim::test(seeds = 30, persist = false)]
async fn one_that_is_cut_off_shows_nothing_that_is_past_its_time(sim: Sim) {
    let pair = Pair::boot(&sim, Config::default).await;
    let mut primary = Client::connect(pair.primary()).await.unwrap();
    let requests = Pipeline::new()
        .request(&[b"SET", b"n", b"1", b"PX", b"400"])
        .request(&[b"RPUSH", b"jobs", b"1"])
        .request(&[b"PEXPIRE", b"jobs", b"400"])
        .request(&[b"SET", b"lives", b"1"]);
    primary.pipeline(&requests).await.unwrap();
    let mut reader = Client::new(pair.follower()).timeout(ms(500));
    let count = Reply::Integer(3);
    until(&pair.follower(), &[b"DBSIZE"], |it| *it == count).await;
    reader.request(&[b"WATCH", b"n"]).await.unwrap();
    let (one, two) = pair.nodes();
    sim.net().partition(one, two);
    sleep(ms(500)).await;
    let integer = Reply::Integer;
    let bulk = || Reply::Bulk("1".into());
    let requests = Pipeline::new()
        .request(&[b"MULTI"])
        .get("lives")
        .request(&[b"EXEC"])
        .get("n")
        .request(&[b"MGET", b"n", b"lives"])
        .request(&[b"TTL", b"n"])
        .request(&[b"PTTL", b"n"])
        .request(&[b"EXISTS", b"n", b"jobs", b"lives"])
        .request(&[b"TYPE", b"n"])
        .request(&[b"LRANGE", b"jobs", b"0", b"-1"])
        .request(&[b"LLEN", b"jobs"])
        // As with Redis, it is there until the primary has said so.
        .request(&[b"DBSIZE"])
        .request(&[b"WATCH", b"n"]);
    let shown = reader.pipeline(&requests).await.unwrap();
    let expected = [
        // It was shown when it was watched.
        Reply::Null,
        Reply::Null,
        Reply::Array(vec![Reply::Null, bulk()]),
        integer(-2),
        integer(-2),
        integer(1),
        Reply::Simple("none".into()),
        Reply::Array(vec![]),
        integer(0),
        count,
        Reply::Simple("OK".into()),
    ];
    assert_eq!(shown[2..], expected);
    sim.net().heal_all();
    until(&pair.follower(), &[b"DBSIZE"], |it| *it == integer(1)).await;
    // It was not when it was watched again, so to have died is no change.
    let requests = Pipeline::new()
        .request(&[b"MULTI"])
        .get("lives")
        .request(&[b"EXEC"]);
    let done = Reply::Array(vec![bulk()]);
    assert_eq!(reader.pipeline(&requests).await.unwrap()[2], done);
}

/// What two servers have committed apart has two names, also if it is as much.
#[simoom_sim::test(seeds = 30, persist = false)]
async fn one_who_begins_to_decide_begins_another_history(sim: Sim) {
    let pair = Pair::boot(&sim, Config::default).await;
    let (one, two) = pair.nodes();
    sim.net().partition(one, two);
    let mut old = Client::connect(pair.primary()).await.unwrap();
    let mut new = Client::connect(pair.follower()).await.unwrap();
    let decide: [&[u8]; 3] = [b"REPLICAOF", b"NO", b"ONE"];
    new.request(&decide).await.unwrap();
    for _ in 0..2 {
        let push: [&[u8]; 3] = [b"RPUSH", LISTS[0].as_bytes(), b"old"];
        old.request(&push).await.unwrap();
    }
    for _ in 0..2 + rand::below(2) {
        let push: [&[u8]; 3] = [b"RPUSH", LISTS[0].as_bytes(), b"new"];
        new.request(&push).await.unwrap();
    }
    sim.net().heal_all();
    let follow: [&[u8]; 3] = [b"REPLICAOF", NAMES[1].as_bytes(), b"6379"];
    old.request(&follow).await.unwrap();
    pair.leader.set(1);
    pair.converge().await;
    // To be told so again begins none.
    let before = past(&pair.primary()).await;
    new.request(&decide).await.unwrap();
    assert_eq!(past(&pair.primary()).await, before);
}

/// A client that waits is told when its server becomes a replica, and nobody waits at one.
#[simoom_sim::test(seeds = 50, persist = false)]
async fn nobody_waits_for_an_element_at_a_replica(sim: Sim) {
    let pair = Pair::boot(&sim, Config::default).await;
    let (primary, follower) = (pair.primary(), pair.follower());
    let blpop: [&[u8]; 3] = [b"BLPOP", b"jobs", b"0"];
    let mut client = Client::connect(&follower).await.unwrap();
    let refused = client.request(&blpop).await.unwrap_err().to_string();
    assert!(refused.contains("READONLY"), "{refused}");
    let (addr, elsewhere) = (primary.clone(), sim.node("waiter"));
    let waiting = elsewhere.spawn(async move {
        let mut client = Client::connect(addr).await.unwrap();
        client
            .request(&[b"BLPOP", b"jobs", b"0"])
            .await
            .unwrap_err()
    });
    sleep(ms(50)).await;
    client
        .request(&[b"REPLICAOF", b"NO", b"ONE"])
        .await
        .unwrap();
    let mut old = Client::connect(&primary).await.unwrap();
    let host = NAMES[1].as_bytes();
    old.request(&[b"REPLICAOF", host, b"6379"]).await.unwrap();
    let told = timeout(Duration::from_secs(5), waiting).await.unwrap();
    let told = told.unwrap().to_string();
    assert!(told.contains("UNBLOCKED"), "{told}");
    // An element that is pushed to the new primary is nobody's but its own clients'.
    let popped = {
        let addr = follower.clone();
        sim.node("waiter").spawn(async move {
            let mut client = Client::connect(addr).await.unwrap();
            client.request(&[b"BLPOP", b"jobs", b"0"]).await.unwrap()
        })
    };
    sleep(ms(50)).await;
    client
        .request(&[b"RPUSH", b"jobs", b"1", b"2"])
        .await
        .unwrap();
    let bulk = |text: &str| Reply::Bulk(text.to_owned().into());
    assert_eq!(
        popped.await.unwrap(),
        Reply::Array(vec![bulk("jobs"), bulk("1")])
    );
    let left = Reply::Array(vec![bulk("2")]);
    until(&primary, &[b"LRANGE", b"jobs", b"0", b"-1"], |reply| {
        *reply == left
    })
    .await;
}

/// What comes from the primary changes what is watched.
#[simoom_sim::test(seeds = 50, persist = false)]
async fn a_key_that_is_watched_at_a_replica_changes_with_the_primary(sim: Sim) {
    let pair = Pair::boot(&sim, Config::default).await;
    let mut primary = Client::connect(pair.primary()).await.unwrap();
    let mut replica = Client::connect(pair.follower()).await.unwrap();
    for (key, fails) in [("watched", true), ("another", false)] {
        replica.request(&[b"WATCH", b"watched"]).await.unwrap();
        primary.incr(key).await.unwrap();
        let wanted = primary.get(key).await.unwrap();
        let wanted = wanted.map_or(Reply::Null, Reply::Bulk);
        until(&pair.follower(), &[b"GET", key.as_bytes()], |it| {
            *it == wanted
        })
        .await;
        let requests = Pipeline::new()
            .request(&[b"MULTI"])
            .get("watched")
            .request(&[b"EXEC"]);
        let replies = replica.pipeline(&requests).await.unwrap();
        assert_eq!(replies[2] == Reply::Null, fails, "{key}: {replies:?}");
    }
    // What was queued for a primary is not done by a replica.
    let mut queued = Client::connect(pair.primary()).await.unwrap();
    queued.request(&[b"MULTI"]).await.unwrap();
    queued.request(&[b"INCR", b"n"]).await.unwrap();
    let host = NAMES[1].as_bytes();
    primary
        .request(&[b"REPLICAOF", host, b"6379"])
        .await
        .unwrap();
    let refused = queued.request(&[b"EXEC"]).await.unwrap_err().to_string();
    let expected = "EXECABORT Transaction discarded because of: READONLY";
    assert!(refused.contains(expected), "{refused}");
}

/// Silence is noticed on both sides; one who comes back goes on where it was, or copies everything
/// if it needs what is not held any more.
#[simoom_sim::test(seeds = 50, persist = false)]
async fn a_replica_comes_back_from_silence(sim: Sim) {
    let backlog_bytes_max = 2_000;
    let config = move || Config::default().backlog_bytes_max(backlog_bytes_max);
    let pair = Pair::boot(&sim, config).await;
    let (addr, follower) = (pair.primary(), pair.follower());
    let mut primary = Client::connect(&addr).await.unwrap();
    let mut copies = line(&info(&addr).await.unwrap(), "sync_full");
    for writes in [5, 200, 5] {
        let (one, two) = pair.nodes();
        sim.net().partition(one, two);
        for _ in 0..writes {
            primary.incr("n").await.unwrap();
        }
        // Ten signs of life in 500 ms have failed to come.
        sleep(ms(1_500)).await;
        let told = info(&addr).await.unwrap();
        assert_eq!(line(&told, "connected_slaves"), "0");
        let held: usize = line(&told, "repl_backlog_histlen").parse().unwrap();
        assert!(held <= backlog_bytes_max, "{held}");
        let told = info(&follower).await.unwrap();
        assert_eq!(line(&told, "master_link_status"), "down");
        sim.net().heal_all();
        pair.converge().await;
        let before = std::mem::replace(&mut copies, line(&info(&addr).await.unwrap(), "sync_full"));
        assert_eq!(before != copies, writes == 200, "after {writes} writes");
    }
}

/// Who is told to follow while it is being promoted follows, or is a primary; never half of each.
#[simoom_sim::test(seeds = 100, persist = false)]
async fn one_who_is_called_back_from_a_promotion_follows(sim: Sim) {
    let pair = Pair::boot(&sim, Config::default).await;
    let mut primary = Client::connect(pair.primary()).await.unwrap();
    let mut one = Client::connect(pair.follower()).await.unwrap();
    let mut two = Client::connect(pair.follower()).await.unwrap();
    primary.incr("n").await.unwrap();
    let copies = line(&info(&pair.primary()).await.unwrap(), "sync_full");
    let promote: [&[u8]; 3] = [b"REPLICAOF", b"NO", b"ONE"];
    let follow: [&[u8]; 3] = [b"REPLICAOF", NAMES[0].as_bytes(), b"6379"];
    let (promoted, followed) = simoom::join!(one.request(&promote), two.request(&follow));
    // One who is told to decide, and not to before that is safe, is not told that he does.
    match &promoted {
        Ok(_) | Err(ClientError::Closed) => {}
        Err(error) => assert!(error.to_string().contains("not promoted"), "{error}"),
    }
    followed.unwrap();
    two.request(&follow).await.unwrap();
    primary.incr("n").await.unwrap();
    until(&pair.follower(), &[b"ROLE"], is_linked).await;
    pair.converge().await;
    // One who has decided has another past now, and copies everything.
    if promoted.is_ok() {
        let again = line(&info(&pair.primary()).await.unwrap(), "sync_full");
        assert_ne!(copies, again, "it was told that it decides, and never did");
    }
}
