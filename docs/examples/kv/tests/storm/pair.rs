//! A server, alone or with a replica that may take its place.
//!
//! Owns who is the primary, and how another becomes it. Knows nothing of what clients do.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use kv::client::Pipeline;
use kv::resp::Reply;
use kv::{Client, Config, Server};
use simoom::rand;
use simoom::task::spawn_local;
use simoom::time::sleep;
use simoom_sim::{Ended, Node, OnFailure, Sim};

/// The servers.
#[derive(Clone)]
pub(super) struct Pair {
    sim: Sim,
    nodes: Rc<Vec<Node>>,
    /// Which of them is the primary: a node that boots asks here for its flags.
    leader: Rc<Cell<usize>>,
    /// So many clients go on to ask the one that was the primary.
    behind: Rc<Cell<usize>>,
    /// Another one is to be the primary, and has said that it is.
    has_begun: Rc<Cell<bool>>,
    /// How often another one was to be the primary.
    term: Rc<Cell<u64>>,
}

/// How a primary is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// It is ended, and told to follow when it boots again.
    End,
    /// It lives on, cut off from the new one, and is told to follow that when the link heals.
    CutOff,
    /// It lives on and reaches the new one, and is told to follow that before or after the new one
    /// is told.
    Switch,
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
            sim: sim.clone(),
            nodes: Rc::new(nodes),
            leader,
            behind: Rc::default(),
            has_begun: Rc::new(Cell::new(true)),
            term: Rc::default(),
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

    /// Whom a client asks: for a while after a change, some ask the one that was the primary.
    pub(super) fn asked_by(&self, client: usize) -> &'static str {
        match client < self.behind.get() {
            true => self.replica(),
            false => self.primary(),
        }
    }

    /// Counts the changes.
    pub(super) fn term(&self) -> u64 {
        self.term.get()
    }

    /// Whether the one at `addr` is not the primary any more, though it may not know.
    pub(super) fn is_over(&self, addr: &str) -> bool {
        self.primary() != addr
    }

    /// Whether the new primary has said that it is.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun.get()
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

    /// Lets the replica take the place of the primary, which is ended, cut off, or told to follow.
    /// `about_to` is called before any other than the primary may be asked, and `shown` with the
    /// counters that the new one shows at once.
    pub(super) async fn change(
        &self,
        clients: usize,
        about_to: impl FnOnce(),
        shown: impl FnOnce(&[Reply]),
    ) {
        let change = match rand::below(4) {
            0 | 1 => Change::End,
            2 => Change::CutOff,
            _ => Change::Switch,
        };
        let (old, new) = (self.leader.get(), 1 - self.leader.get());
        let follow: [&[u8]; 3] = [b"REPLICAOF", NAMES[new].as_bytes(), b"6379"];
        match change {
            Change::End => match rand::below(2) {
                0 => self.nodes[old].kill(),
                _ => self.nodes[old].power_loss(),
            },
            Change::CutOff => {
                self.cut(old, new);
                // Nobody knows yet.
                sleep(Duration::from_millis(rand::below(800))).await;
            }
            Change::Switch => {}
        }
        about_to();
        self.term.set(self.term.get() + 1);
        self.has_begun.set(false);
        if change != Change::End {
            self.behind.set(rand::below(clients as u64 + 1) as usize);
        }
        // If it boots in the meantime and was never told otherwise, it is the primary at once.
        self.leader.set(new);
        if change == Change::Switch && rand::below(2) == 0 {
            tell(old, &follow).await;
        }
        if let Some(Reply::Array(counters)) = promote(new).await {
            shown(&counters);
        }
        self.has_begun.set(true);
        let most = match change {
            Change::CutOff => 1_500,
            _ => 300,
        };
        sleep(Duration::from_millis(rand::below(most))).await;
        if rand::below(2) == 0 {
            self.behind.set(0);
        }
        match change {
            Change::End => {
                if !self.nodes[old].is_alive() {
                    self.nodes[old].restart();
                }
            }
            Change::CutOff => {
                self.sim.net().heal(&self.nodes[old], &self.nodes[new]);
                sleep(Duration::from_millis(rand::below(300))).await;
            }
            Change::Switch => {}
        }
        // One that was told to decide before does so again when it boots, whatever its flags say.
        tell(old, &follow).await;
        self.behind.set(0);
    }

    /// Cuts both ways between the servers, or one.
    fn cut(&self, old: usize, new: usize) {
        let (net, old, new) = (self.sim.net(), &self.nodes[old], &self.nodes[new]);
        match rand::below(3) {
            0 => net.partition_one_way(old, new),
            1 => net.partition_one_way(new, old),
            _ => net.partition(old, new),
        }
    }

    /// Nothing happens any more and nobody writes: whatever was going on, both servers are told their
    /// place, without being started again, and come to have the same past and to show the same. What
    /// they show then, or where they never do, at last.
    pub(super) async fn settle(&self) -> Vec<Vec<Reply>> {
        self.behind.set(0);
        // A change may not have come to its end.
        for node in self.nodes.iter().filter(|node| !node.is_alive()) {
            node.restart();
        }
        let leader = self.leader.get();
        let follow: [&[u8]; 3] = [b"REPLICAOF", NAMES[leader].as_bytes(), b"6379"];
        promote(leader).await;
        tell(1 - leader, &follow).await;
        let mut pasts = Vec::new();
        // A replica has a write a little before it shows it, and what clients sent before they were
        // killed may still come.
        let mut shown: Option<Vec<Vec<Reply>>> = None;
        for _ in 0..1_000 {
            pasts.clear();
            for addr in ADDRS {
                pasts.push(past(addr).await);
            }
            if pasts[0].is_some() && pasts[0] == pasts[1] {
                shown = Some(self.everything().await);
            }
            if let Some(all) = shown.take_if(|all| all[0] == all[1]) {
                return all;
            }
            sleep(Duration::from_millis(20)).await;
        }
        shown.unwrap_or_else(|| {
            panic!("an acknowledged write is lost: the servers do not come to one past: {pasts:?}")
        })
    }

    /// What each server shows of what all clients write.
    async fn everything(&self) -> Vec<Vec<Reply>> {
        let mut all = Vec::new();
        for addr in ADDRS {
            let mut client = Client::new(addr).timeout(Duration::from_secs(5));
            let mut requests = Pipeline::new().request(&[b"MGET", b"left", b"right", b"count"]);
            for client in 0..super::clients::CLIENTS {
                let list = super::clients::list(client);
                requests = requests
                    .request(&[b"LRANGE", list.as_bytes(), b"0", b"-1"])
                    .get(super::clients::register(client));
            }
            let replies = client.pipeline(&requests).await;
            all.push(replies.unwrap_or_else(|error| panic!("{addr} does not answer: {error}")));
        }
        all
    }
}

/// Tells the server so until it says that it is done. It may be down, or booting.
async fn tell(server: usize, request: &[&[u8]]) {
    let mut client = Client::new(ADDRS[server]).timeout(Duration::from_secs(1));
    while client.request(request).await.is_err() {
        sleep(Duration::from_millis(10)).await;
    }
}

/// Tells the server to decide until it does, and returns the counters that it shows next, if it
/// answered. If it decided before, and has writes that its replica lacks, it answers when that has
/// come back.
async fn promote(server: usize) -> Option<Reply> {
    let mut client = Client::new(ADDRS[server]).timeout(Duration::from_secs(1));
    // One after the other at once: what it shows when it has just begun to decide.
    let requests = Pipeline::new()
        .request(&[b"REPLICAOF", b"NO", b"ONE"])
        .request(&[b"MGET", b"left", b"right", b"count"]);
    loop {
        if let Ok(mut replies) = client.pipeline(&requests).await
            && !matches!(replies[0], Reply::Error(_))
        {
            return replies.pop();
        }
        sleep(Duration::from_millis(10)).await;
        if let Ok(Reply::Array(role)) = client.request(&[b"ROLE"]).await
            && role[0] == Reply::Bulk("master".into())
        {
            return None;
        }
    }
}

/// The name of the server's history, and how many commits it has and shows.
async fn past(addr: &str) -> Option<(String, String)> {
    let mut client = Client::new(addr).timeout(Duration::from_secs(1));
    let Ok(Reply::Bulk(text)) = client.request(&[b"INFO", b"replication"]).await else {
        return None;
    };
    let text = String::from_utf8_lossy(&text).into_owned();
    let line = |name: &str| {
        let mut lines = text.lines();
        lines.find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.to_owned()))
    };
    let offset = line("slave_repl_offset").or_else(|| line("master_repl_offset"));
    Some((line("master_replid")?, offset?))
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
