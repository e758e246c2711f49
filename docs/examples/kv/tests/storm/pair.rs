//! A server, alone or with a replica that may take its place.
//!
//! Owns who is the primary. Knows nothing of what clients do.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use kv::{Client, Config, Server};
use simoom::rand;
use simoom::task::spawn_local;
use simoom::time::sleep;
use simoom_sim::{Ended, Node, OnFailure, Sim};

/// The servers.
#[derive(Clone)]
pub(super) struct Pair {
    nodes: Rc<Vec<Node>>,
    /// Which of them is the primary: a node that boots asks here.
    leader: Rc<Cell<usize>>,
}

const NAMES: [&str; 2] = ["server", "replica"];
const ADDRS: [&str; 2] = ["server:6379", "replica:6379"];

/// The settings of a server, which makes its log small as soon as it has doubled.
pub(super) fn config() -> Config {
    Config::default()
        .bind("0.0.0.0")
        .dir("/var/lib/kv")
        .compact_bytes_min(256)
}

/// A server of a pair, which holds little for those who come back.
async fn serve(index: usize, leader: usize) -> io::Result<()> {
    let stop = kv::stop_signal()?;
    let config = config()
        .sync_replicas(1)
        .replica_timeout(Duration::from_millis(500))
        .backlog_bytes_max(4 << 10);
    let config = match index == leader {
        true => config,
        false => config.replica_of(NAMES[leader], 6379),
    };
    Server::bind(config).await?.run(stop).await
}

impl Pair {
    /// Boots a server, and a replica of it if there is to be one. A supervisor starts a server again
    /// when it gives up; what faults take down, they boot.
    pub(super) fn boot(sim: &Sim, with_replica: bool) -> Self {
        let leader: Rc<Cell<usize>> = Rc::default();
        let boot = |index: usize| {
            let node = sim.node(NAMES[index]).on_failure(OnFailure::MayExit);
            if !with_replica {
                return node.run(super::run::serve);
            }
            let leader = Rc::clone(&leader);
            node.run(move || serve(index, leader.get()))
        };
        let nodes: Vec<_> = (0..1 + usize::from(with_replica)).map(boot).collect();
        for node in &nodes {
            spawn_local(supervise(node.clone()));
        }
        Self {
            nodes: Rc::new(nodes),
            leader,
        }
    }

    pub(super) fn has_replica(&self) -> bool {
        self.nodes.len() > 1
    }

    pub(super) fn primary(&self) -> &'static str {
        ADDRS[self.leader.get()]
    }

    pub(super) fn replica(&self) -> &'static str {
        ADDRS[1 - self.leader.get()]
    }

    /// How often the servers were booted.
    pub(super) fn boots(&self) -> u64 {
        self.nodes
            .iter()
            .map(|it| u64::from(it.incarnation()))
            .sum()
    }

    /// Takes the power from all, and boots them.
    pub(super) fn lose_power(&self) {
        for node in &*self.nodes {
            node.power_loss();
        }
        for node in &*self.nodes {
            node.restart();
        }
    }

    /// Ends the primary for good, and lets the replica take its place. What has been the primary is
    /// a replica of it when it boots again.
    ///
    /// Whoever promotes must see to it that the old primary is gone.
    pub(super) async fn fail_over(&self) {
        let old = self.leader.get();
        let new = 1 - old;
        match rand::below(2) {
            0 => self.nodes[old].kill(),
            _ => self.nodes[old].power_loss(),
        }
        // If it boots in the meantime, it is the primary at once.
        self.leader.set(new);
        let mut client = Client::new(ADDRS[new]).timeout(Duration::from_secs(1));
        let request: [&[u8]; 3] = [b"REPLICAOF", b"NO", b"ONE"];
        while client.request(&request).await.is_err() {
            sleep(Duration::from_millis(10)).await;
        }
        sleep(Duration::from_millis(rand::below(300))).await;
        if !self.nodes[old].is_alive() {
            self.nodes[old].restart();
        }
    }
}

async fn supervise(server: Node) {
    loop {
        let ended = server.wait().await;
        sleep(Duration::from_millis(20)).await;
        if matches!(ended, Ended::Failed { .. }) && !server.is_alive() {
            server.restart();
        }
    }
}
