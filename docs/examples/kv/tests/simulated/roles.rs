//! Who decides after servers have started again, with the flags that they always had.

use std::time::Duration;

use kv::client::{ClientError, Pipeline};
use kv::resp::Reply;
use kv::{Client, Config};
use simoom::rand;
use simoom::time::{sleep, timeout};
use simoom_sim::{Fault, Kind, Node, OnFailure, Plan, Ratio, Sim};

use crate::following::{info, line};
use crate::promotion::{is_linked, ms, serve, until};

const ADDRS: [&str; 2] = ["one:6379", "two:6379"];

const DECIDE: [&[u8]; 3] = [b"REPLICAOF", b"NO", b"ONE"];

/// Boots a server and one that follows it, as their flags will say for ever.
async fn boot(sim: &Sim, config: impl Fn() -> Config + Clone + 'static) -> [Node; 2] {
    let two = config.clone();
    let nodes = [
        sim.node("one").run(move || serve(config())),
        sim.node("two")
            .run(move || serve(two().replica_of("one", 6379))),
    ];
    until(ADDRS[1], &[b"ROLE"], is_linked).await;
    until(ADDRS[0], &[b"ROLE"], is_linked).await;
    nodes
}

/// Tells the server its role, until it says that it has it.
async fn tell(addr: &str, request: &[&[u8]]) {
    until(addr, request, |reply| matches!(reply, Reply::Simple(_))).await;
}

/// `master` or `slave`, once the server answers.
async fn role(addr: &str) -> String {
    until(addr, &[b"PING"], |_| true).await;
    line(&info(addr).await.unwrap(), "role")
}

/// What `n` holds, once the server shows it.
async fn number(addr: &str) -> i64 {
    until(addr, &[b"GET", b"n"], |_| true).await;
    let value = Client::new(addr).get("n").await.unwrap();
    value.map_or(0, |it| String::from_utf8_lossy(&it).parse().unwrap())
}

/// Ends the process, or its machine, at once, and boots it again after a while.
async fn end_and_boot(node: &Node) {
    match rand::below(2) {
        0 => node.kill(),
        _ => node.power_loss(),
    }
    sleep(ms(rand::below(20))).await;
    node.restart();
}

/// The flags of the new primary name the old one, which has come back with other data.
#[simoom_sim::test(seeds = 60, persist = false, shrink = false)]
async fn what_a_server_was_told_outlives_it(sim: Sim) {
    let nodes = boot(&sim, Config::default).await;
    until(ADDRS[0], &[b"INCR", b"n"], |_| true).await;
    tell(ADDRS[1], &DECIDE).await;
    if rand::below(2) == 0 {
        end_and_boot(&nodes[1]).await;
    }
    let mut told = number(ADDRS[1]).await;
    let [mut one, mut two] = ADDRS.map(|addr| Client::new(addr).timeout(ms(500)));
    for _ in 0..10 {
        told = two.incr("n").await.unwrap();
        one.incr("other").await.unwrap();
    }
    end_and_boot(&nodes[1]).await;
    assert_eq!(role(ADDRS[1]).await, "master");
    assert_eq!(number(ADDRS[1]).await, told);
    // It is told so again: that changes nothing.
    let before = info(ADDRS[1]).await.unwrap();
    for _ in 0..2 {
        until(ADDRS[1], &DECIDE, |it| *it == Reply::Simple("OK".into())).await;
    }
    let after = info(ADDRS[1]).await.unwrap();
    for name in ["master_replid", "master_repl_offset", "second_repl_offset"] {
        assert_eq!(line(&before, name), line(&after, name));
    }
    // The old one has no flag that says so, and follows for good.
    tell(ADDRS[0], &[b"REPLICAOF", b"two", b"6379"]).await;
    for _ in 0..2 {
        end_and_boot(&nodes[0]).await;
        assert_eq!(role(ADDRS[0]).await, "slave");
        until(ADDRS[0], &[b"ROLE"], is_linked).await;
        assert_eq!(number(ADDRS[0]).await, told);
    }
    // And back again: what was told last counts.
    tell(ADDRS[0], &DECIDE).await;
    tell(ADDRS[1], &[b"REPLICAOF", b"one", b"6379"]).await;
    for node in &nodes {
        end_and_boot(node).await;
    }
    assert_eq!(role(ADDRS[0]).await, "master");
    assert_eq!(role(ADDRS[1]).await, "slave");
    until(ADDRS[1], &[b"ROLE"], is_linked).await;
}

/// Whatever ends a server while it is told to decide: one that decides when it is there again does
/// so for good.
#[simoom_sim::test(seeds = 200, persist = false, shrink = false)]
async fn one_who_decides_does_not_come_back_as_a_replica(sim: Sim) {
    let nodes = boot(&sim, Config::default).await;
    let promoting = sim.node("client").spawn(async {
        let mut client = Client::new(ADDRS[1]).timeout(ms(500));
        client.request(&DECIDE).await
    });
    sleep(Duration::from_micros(rand::below(4_000))).await;
    nodes[1].kill();
    nodes[1].restart();
    let promoted = timeout(Duration::from_secs(5), promoting).await;
    let promoted = matches!(promoted, Ok(Ok(Ok(_))));
    let is_primary = role(ADDRS[1]).await == "master";
    assert!(is_primary || !promoted, "it was told that it decides");
    if is_primary {
        until(ADDRS[1], &[b"INCR", b"n"], |_| true).await;
    }
    nodes[1].power_loss();
    nodes[1].restart();
    let is_still = role(ADDRS[1]).await == "master";
    assert_eq!(is_primary, is_still, "what it has told others is lost");
    assert_eq!(number(ADDRS[1]).await, i64::from(is_primary));
}

/// A role that cannot be kept is not taken; if nobody knows whether it is kept, the server ends.
#[simoom_sim::test(seeds = 60, persist = false, shrink = false)]
async fn a_role_that_cannot_be_kept_is_not_taken(sim: Sim) {
    let nodes = boot(&sim, Config::default).await;
    nodes[1].on_failure(OnFailure::MayExit);
    let failing = Fault::new(Kind::DiskSyncFailed)
        .probability(Ratio::one_in(2))
        .times(1);
    sim.faults(failing);
    let mut client = Client::new(ADDRS[1]).timeout(ms(500));
    let answer = client.request(&DECIDE).await;
    sim.faults(Plan::new());
    // One that ends waits for its clients to hang up.
    sleep(Duration::from_secs(2)).await;
    // What fails may also be the sync of a log that is made small.
    let goes_on = nodes[1].is_alive();
    if !goes_on {
        nodes[1].restart();
    }
    let role_now = role(ADDRS[1]).await;
    match answer {
        Ok(_) => assert_eq!(role_now, "master"),
        Err(ClientError::Server(error)) if goes_on => {
            assert!(error.contains("the role cannot be kept"), "{error}");
            assert_eq!(role_now, "slave");
            // Nor does it come back in it.
            end_and_boot(&nodes[1]).await;
            assert_eq!(role(ADDRS[1]).await, "slave");
        }
        Err(_) => assert!(!goes_on, "it goes on, and nobody knows as what"),
    }
    tell(ADDRS[1], &DECIDE).await;
    nodes[1].power_loss();
    nodes[1].restart();
    assert_eq!(role(ADDRS[1]).await, "master");
}

/// In a transaction a role is told when all else is done, and safe.
#[simoom_sim::test(seeds = 30, persist = false, shrink = false)]
async fn a_role_is_told_in_a_transaction(sim: Sim) {
    boot(&sim, || Config::default().sync_replicas(1)).await;
    let [mut one, mut two] = ADDRS.map(|addr| Client::new(addr).timeout(Duration::from_secs(5)));
    let ok = Reply::Simple("OK".into());
    let requests = Pipeline::new()
        .request(&[b"MULTI"])
        .incr("n")
        .request(&[b"REPLICAOF", b"two", b"6379"])
        .get("n")
        .request(&[b"SLAVEOF", b"two", b"6379"])
        .request(&[b"EXEC"]);
    let replies = one.pipeline(&requests).await.unwrap();
    let again = Reply::Simple("OK Already connected to specified master".into());
    let done = [
        Reply::Integer(1),
        ok.clone(),
        Reply::Bulk("1".into()),
        again,
    ];
    assert_eq!(replies.last(), Some(&Reply::Array(done.into())));
    assert_eq!(role(ADDRS[0]).await, "slave");
    // Nobody had what was written, if it had not been waited for.
    let requests = Pipeline::new()
        .request(&[b"MULTI"])
        .request(&DECIDE)
        .request(&DECIDE)
        .request(&[b"EXEC"])
        .get("n");
    let replies = two.pipeline(&requests).await.unwrap();
    assert_eq!(replies[3], Reply::Array(vec![ok.clone(), ok]));
    assert_eq!(replies[4], Reply::Bulk("1".into()));
    until(ADDRS[0], &[b"ROLE"], is_linked).await;
    until(ADDRS[1], &[b"INCR", b"n"], |it| *it == Reply::Integer(2)).await;
    // One that is not done tells nothing.
    two.request(&[b"WATCH", b"n"]).await.unwrap();
    two.incr("n").await.unwrap();
    let requests = Pipeline::new()
        .request(&[b"MULTI"])
        .request(&[b"REPLICAOF", b"one", b"6379"])
        .request(&[b"EXEC"]);
    let replies = two.pipeline(&requests).await.unwrap();
    assert_eq!(replies[2], Reply::Null);
    assert_eq!(role(ADDRS[1]).await, "master");
}

/// A role that a transaction tells is not taken once its client has gone, whatever becomes safe
/// after that.
#[simoom_sim::test(seeds = 30, persist = false, shrink = false)]
async fn a_transaction_whose_client_has_gone_tells_no_role(sim: Sim) {
    let nodes = boot(&sim, || Config::default().sync_replicas(1)).await;
    until(ADDRS[0], &[b"INCR", b"other"], |_| true).await;
    sim.net().partition(&nodes[0], &nodes[1]);
    let requests = Pipeline::new()
        .request(&[b"MULTI"])
        .incr("n")
        .request(&[b"REPLICAOF", b"two", b"6379"])
        .request(&[b"EXEC"]);
    let mut client = Client::new(ADDRS[0]).timeout(ms(100));
    client.pipeline(&requests).await.unwrap_err();
    drop(client);
    // The replica is given up, and its primary looks whether that client is there.
    sleep(ms(1_500)).await;
    let mut client = Client::new(ADDRS[0]).timeout(ms(500));
    let told = client.request(&DECIDE).await.unwrap();
    assert_eq!(told, Reply::Simple("OK".into()));
    sim.net().heal_all();
    until(ADDRS[1], &[b"ROLE"], is_linked).await;
    until(ADDRS[0], &[b"GET", b"n"], |it| {
        *it == Reply::Bulk("1".into())
    })
    .await;
    sleep(ms(500)).await;
    assert_eq!(role(ADDRS[0]).await, "master");
}

/// A write that is given up is not answered, although the server decides again before it would be.
#[simoom_sim::test(seeds = 30, persist = false, shrink = false)]
async fn a_write_that_is_given_up_is_not_answered(sim: Sim) {
    let nodes = boot(&sim, || Config::default().sync_replicas(1)).await;
    until(ADDRS[0], &[b"INCR", b"other"], |_| true).await;
    sim.net().partition(&nodes[0], &nodes[1]);
    let requests = Pipeline::new()
        .request(&[b"SET", b"a", b"1"])
        .request(&[b"REPLICAOF", b"two", b"6379"])
        .request(&DECIDE);
    let mut client = Client::new(ADDRS[0]).timeout(Duration::from_secs(5));
    let told = client.pipeline(&requests).await;
    assert!(told.is_err(), "nobody has it: {told:?}");
    // Who asks anew learns what there is.
    assert_eq!(role(ADDRS[0]).await, "master");
}

/// A primary has a write that nobody else has, is told to follow, and decides again before it has
/// spoken to the one that it was to follow.
#[simoom_sim::test(seeds = 60, persist = false, shrink = false)]
async fn one_who_decides_again_does_not_show_what_nobody_else_has(sim: Sim) {
    let nodes = boot(&sim, || Config::default().sync_replicas(1)).await;
    until(ADDRS[0], &[b"INCR", b"n"], |it| *it == Reply::Integer(1)).await;
    sim.net().partition(&nodes[0], &nodes[1]);
    let mut client = Client::new(ADDRS[0]).timeout(ms(100));
    client.incr("n").await.unwrap_err();
    tell(ADDRS[1], &DECIDE).await;
    assert_eq!(number(ADDRS[1]).await, 1, "it was acknowledged");
    if rand::below(2) == 0 {
        end_and_boot(&nodes[0]).await;
    }
    tell(ADDRS[0], &[b"REPLICAOF", b"two", b"6379"]).await;
    nodes[1].power_loss();
    sim.net().heal_all();
    // It says that it decides, though nobody has what it has.
    tell(ADDRS[0], &DECIDE).await;
    assert_eq!(role(ADDRS[0]).await, "master");
    let shown = client.get("n").await;
    assert!(shown.is_err(), "nobody else has it: {shown:?}");
    nodes[1].restart();
    if rand::below(2) == 0 {
        tell(ADDRS[1], &[b"REPLICAOF", b"one", b"6379"]).await;
        assert_eq!(number(ADDRS[0]).await, 2);
    } else {
        tell(ADDRS[0], &[b"REPLICAOF", b"two", b"6379"]).await;
        tell(ADDRS[1], &DECIDE).await;
        assert_eq!(number(ADDRS[1]).await, 1);
    }
}

/// What a transaction could not tell counts as what it was.
#[simoom_sim::test(seeds = 10, persist = false, shrink = false)]
async fn a_role_that_a_transaction_cannot_tell_counts_as_an_error(sim: Sim) {
    boot(&sim, Config::default).await;
    sleep(ms(200)).await;
    let failing = Fault::new(Kind::DiskSyncFailed).probability(Ratio::one_in(1));
    sim.faults(failing.times(1));
    let requests = Pipeline::new()
        .request(&[b"MULTI"])
        .request(&DECIDE)
        .request(&[b"ROLE"])
        .request(&[b"SLAVEOF", b"one", b"6379"])
        .request(&[b"EXEC"]);
    let mut client = Client::new(ADDRS[1]).timeout(Duration::from_secs(5));
    let replies = client.pipeline(&requests).await.unwrap();
    sim.faults(Plan::new());
    let Some(Reply::Array(done)) = replies.last() else {
        panic!("{replies:?}");
    };
    // In a run that nothing disturbs, it is.
    let is_kept = match &done[0] {
        Reply::Error(error) => !error.contains("the role cannot be kept"),
        _ => true,
    };
    assert!(matches!(&done[1], Reply::Array(_)), "{done:?}");
    let told = client.request(&[b"INFO", b"commandstats"]).await.unwrap();
    let Reply::Bulk(text) = told else {
        panic!("{told:?}");
    };
    let text = String::from_utf8_lossy(&text);
    let failed = |command: &str| {
        let counts = line(&text, command);
        assert!(counts.starts_with("calls=1,"), "{command}: {counts}");
        counts.ends_with("failed_calls=1")
    };
    assert_eq!(failed("cmdstat_replicaof"), !is_kept, "{text}");
    assert!(!failed("cmdstat_slaveof"), "{text}");
}
