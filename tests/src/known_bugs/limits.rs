//! Counts and permits that somebody keeps for good, or that are not kept to.

use std::cell::Cell;
use std::rc::Rc;

use simoom::sync::Mutex;
use simoom::task::yield_now;
use simoom::time::{sleep, timeout};
use simoom_sim::Sim;

use super::bug::{Bug, Twin, bug};
use super::cancellation::{Connection, start};
use super::parts::{Permits, Semaphore, all, ms};
use crate::kernels::spawn_local;

pub(super) const BUGS: [Bug; 3] = [
    bug! {
        leaked_slot, Leak, "slots are taken by nobody", seeds: 100,
        "https://github.com/rivet-dev/actors/issues/5553",
        "A proxy counted a request before it was handled and took it off the count afterwards. When \
         the client went away, the future was dropped in between, and its slot stayed taken.",
    },
    bug! {
        too_many_peers, Atomicity, "there are too many peers", seeds: 100,
        "https://github.com/Neptune-Crypto/neptune-core/pull/509",
        "Whether there is room for a peer was looked at before the handshake, and the peer was added \
         after it. Two handshakes at once found the same room.",
    },
    bug! {
        dead_peer, Leak, "the permit is not given back", seeds: 200,
        "https://github.com/transact-rs/sqlx/issues/4349",
        "A connection that went back to its pool was tried with a ping, which had no time limit. \
         When the peer had gone without a word, the ping kept the pool's permit for good.",
    },
];

/// How many requests a proxy is at, and how many it may be at.
#[derive(Default)]
struct Proxy {
    in_flight: Cell<u32>,
}

/// One of them.
struct Slot<'a>(&'a Proxy);

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.0.in_flight.set(self.0.in_flight.get() - 1);
    }
}

impl Proxy {
    async fn handle(&self, twin: Twin) {
        self.in_flight.set(self.in_flight.get() + 1);
        if twin.is_fixed() {
            let _slot = Slot(self);
            Self::forward(twin).await;
        } else {
            Self::forward(twin).await;
            drop(Slot(self));
        }
    }

    async fn forward(twin: Twin) {
        for _ in 0..4 {
            yield_now().await;
        }
        twin.here();
    }
}

async fn leaked_slot(_sim: Sim, twin: Twin) {
    let proxy = Rc::new(Proxy::default());
    let client = |patience: u32| {
        let proxy = proxy.clone();
        spawn_local(async move {
            let request = spawn_local(async move { proxy.handle(twin).await });
            for _ in 0..patience {
                yield_now().await;
            }
            request.abort();
            let _ = request.await;
        })
    };
    all(vec![client(12), client(16)]).await;
    assert_eq!(proxy.in_flight.get(), 0, "slots are taken by nobody");
}

/// Who is connected, of no more than one.
type Peers = Rc<Mutex<Vec<u32>>>;

const PEERS_MAX: usize = 1;

async fn connect(peers: Peers, peer: u32, twin: Twin) {
    if peers.lock().await.len() == PEERS_MAX {
        return;
    }
    // The handshake.
    for _ in 0..2 {
        yield_now().await;
    }
    twin.here();
    let mut peers = peers.lock().await;
    if twin.is_fixed() && peers.len() == PEERS_MAX {
        return;
    }
    peers.push(peer);
    assert!(peers.len() <= PEERS_MAX, "there are too many peers");
}

async fn too_many_peers(_sim: Sim, twin: Twin) {
    let peers = Peers::default();
    let incoming = |peer: u32| {
        let peers = peers.clone();
        spawn_local(async move {
            for _ in 0..peer * 10 {
                yield_now().await;
            }
            connect(peers, peer, twin).await;
        })
    };
    all((0..3).map(incoming).collect()).await;
}

/// Tries a connection before somebody else is given it.
async fn give_back(mut connection: Connection, permit: Permits, twin: Twin) {
    twin.here();
    if twin.is_fixed() {
        let _ = timeout(ms(5_000), connection.ask(0)).await;
    } else {
        connection.ask(0).await;
    }
    drop(permit);
}

async fn dead_peer(sim: Sim, twin: Twin) {
    let database = start(&sim, twin).await;
    let pool = Semaphore::new(1);
    let permit = pool.acquire(1).await;
    let mut connection = Connection::open().await;
    spawn_local(async move {
        sleep(ms(18)).await;
        // It is gone without a word.
        database.pause();
    });
    let _ = timeout(ms(100), connection.ask(21)).await;
    spawn_local(give_back(connection, permit, twin));
    let next = timeout(ms(20_000), pool.acquire(1)).await;
    assert!(next.is_ok(), "the permit is not given back");
}
