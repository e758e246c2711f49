//! One run: a server, its clients, a bad time, and what is left after it.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use kv::client::{ClientError, Pipeline};
use kv::resp::Reply;
use kv::{Client, Server};
use simoom::rand;
use simoom::time::{sleep, timeout};
use simoom_sim::{Kind, Plan, Profile, Ratio, Sim};

use super::clients::{self, CLIENTS, Told};
use super::pair::{self, Pair};
use super::{requests, weak};

/// What came of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Transactions and single writes that clients were told are done.
    pub(crate) acknowledged: u64,
    /// Pipelines without an answer.
    pub(crate) unanswered: u64,
    /// How often the server was booted.
    pub(crate) boots: u64,
    /// How often a replica took the place of its primary.
    pub(crate) promotions: u64,
}

/// The server, which makes its log small as soon as it has doubled.
pub(crate) async fn serve() -> io::Result<()> {
    let stop = kv::stop_signal()?;
    Server::bind(pair::config()).await?.run(stop).await
}

/// A profile whose nodes and links have five opportunities in a second, and come back within two:
/// most of a run of some seconds is spent in trouble, and little of it waiting for the end of one.
fn dense(profile: Profile) -> Plan {
    let most = Duration::from_secs(2);
    let profile = Plan::from(profile);
    let mut plan = Plan::new();
    for fault in profile.faults() {
        let mut fault = fault.clone();
        if fault.kind() == Kind::DiskReadFailed {
            // The server reads when it is booted, and never else.
            fault = fault.probability(Ratio::one_in(8));
        }
        if fault.kind().is_spontaneous() {
            fault = fault.every(Duration::from_millis(200));
            fault = match fault.kind() {
                // These are not lengths.
                Kind::NodeRestarted | Kind::ClockStepped => fault,
                Kind::NodeShutDown => fault.lasting(Duration::from_secs(1)..=most),
                _ => fault.lasting(Duration::from_millis(1)..=most),
            };
        }
        plan = plan.fault(fault);
    }
    if profile.is_swarm() {
        plan.swarm()
    } else {
        plan
    }
}

/// Clients use a server, as a profile lets them, alone or with a replica that takes its place.
/// Whatever happens, what anybody was told holds: now, after a last loss of power, and after the
/// replica has taken over for good. In a share of the runs a server answers before it syncs.
pub(crate) async fn storm(sim: Sim) -> Counts {
    let profile = match sim.seed() % 4 {
        0 => Profile::lossy(),
        1 => Profile::hostile(),
        _ => Profile::swarm(),
    };
    let with_replica = sim.seed() / 4 % 2 == 1;
    if !with_replica && sim.seed() / 8 % 4 == 3 {
        return weak::storm(sim, dense(profile)).await;
    }
    let pair = Pair::boot(&sim, with_replica);
    let told = Told::new();
    sim.faults(dense(profile));
    let pause_ms = [0, 0, 2, 10][rand::below(4) as usize];
    // A failure may take fewer of them.
    for client in sim.workload("client", CLIENTS as u32) {
        let client = client.number() as usize;
        let using = clients::use_server(client, Rc::clone(&told), pair.clone(), pause_ms);
        sim.node(&format!("client-{client}")).spawn(using);
    }
    let mut promotions = 0;
    let end = Duration::from_millis(1_000 + rand::below(5_000));
    if pair.has_replica() {
        let watching = clients::watch_replica(Rc::clone(&told), pair.clone());
        sim.node("watcher").spawn(watching);
        let failing = async {
            loop {
                sleep(Duration::from_millis(200 + rand::below(2_000))).await;
                pair.change(CLIENTS, || told.is_about_to_move(), |it| told.moved(it))
                    .await;
                promotions += 1;
            }
        };
        let _: Result<(), _> = timeout(end, failing).await;
    } else {
        sleep(end).await;
    }
    sim.heal();
    sleep(Duration::from_millis(rand::below(500))).await;
    for client in 0..CLIENTS {
        sim.node(&format!("client-{client}")).kill();
    }
    sim.node("watcher").kill();
    if pair.has_replica() {
        let shown = pair.settle().await;
        assert_eq!(
            shown[0], shown[1],
            "an acknowledged write is lost: the servers have one past and show two"
        );
    }
    pair.lose_power();
    judge(&told, pair.primary()).await;
    if pair.has_replica() {
        pair.change(0, || told.is_about_to_move(), |it| told.moved(it))
            .await;
        promotions += 1;
        judge(&told, pair.primary()).await;
    }
    Counts {
        acknowledged: told.acknowledged.get(),
        unanswered: told.open.get(),
        boots: pair.boots(),
        promotions,
    }
}

/// Compares what is there with what was told, once the server answers.
async fn judge(told: &Told, addr: &str) {
    let mut reader = Client::new(addr).timeout(Duration::from_secs(5));
    let (both, alone) = (told.both.told(), told.alone.told());
    let mut asking = 0;
    let replies = loop {
        match ask(&mut reader).await {
            Ok(replies) => break replies,
            Err(error) => {
                asking += 1;
                assert!(asking < 200, "the server does not answer: {error}");
                sleep(Duration::from_millis(50)).await;
            }
        }
    };
    let (left, right) = (
        clients::count_of(&replies[0]),
        clients::count_of(&replies[1]),
    );
    assert_eq!(left, right, "half a transaction is there");
    told.both.seen(both, left);
    told.alone.seen(alone, clients::count_of(&replies[2]));
    let mut total = 0;
    for client in 0..CLIENTS {
        let kept = clients::numbers(&replies[3 + 2 * client]);
        told.lists[client].holds(&kept);
        total += kept.len() as u64;
        let number = clients::number_of(client, &replies[4 + 2 * client]);
        told.registers[client].read(number);
    }
    assert_eq!(total, left, "half a transaction is there");
    let judged = requests::judge(&mut reader, addr, told).await;
    judged.unwrap_or_else(|error| panic!("the server does not answer: {error}"));
}

async fn ask(reader: &mut Client) -> Result<Vec<Reply>, ClientError> {
    let mut requests = Pipeline::new().get("left").get("right").get("count");
    for client in 0..CLIENTS {
        requests = requests
            .request(&[b"LRANGE", clients::list(client).as_bytes(), b"0", b"-1"])
            .get(clients::register(client));
    }
    reader.pipeline(&requests).await
}
