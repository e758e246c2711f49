//! Clocks and connections that come too late for what they still do.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use simoom::io;
use simoom::net::UdpSocket;
use simoom::sync::Mutex;
use simoom::task::{preemption_point, yield_now};
use simoom::time::sleep;
use simoom_sim::Sim;

use super::bug::{Bug, Twin, bug};
use super::parts::ms;
use crate::kernels::spawn_local;

pub(super) const BUGS: [Bug; 3] = [
    bug! {
        stale_cleanup, Order, "the new connection is not registered", seeds: 100,
        "https://github.com/meawoppl/agent-portal/pull/538",
        "The clean-up of an old connection removed the session by its name. After a reconnect that \
         was the new connection's entry.",
    },
    bug! {
        grace_timer, Timeout, "the new session was removed", seeds: 100,
        "https://github.com/replit/river/pull/205",
        "The timer that ends a session some time after its connection is lost was still armed when \
         the client was back, and ended the new session.",
    },
    bug! {
        counted_twice, Timeout, "one request is counted twice", seeds: 200,
        "https://github.com/paradigmxyz/reth/issues/1067",
        "A request that timed out was reported, and its response, when it came after all, was \
         reported once more as one that nobody asked for.",
    },
];

/// Which connection serves which session.
type Sessions = Rc<Mutex<BTreeMap<&'static str, u32>>>;

async fn clean_up(sessions: Sessions, connection: u32, twin: Twin) {
    for _ in 0..4 {
        yield_now().await;
    }
    twin.here();
    let mut sessions = sessions.lock().await;
    if !twin.is_fixed() || sessions.get("one") == Some(&connection) {
        sessions.remove("one");
    }
}

async fn stale_cleanup(_sim: Sim, twin: Twin) {
    let sessions = Sessions::default();
    sessions.lock().await.insert("one", 1);
    let old = spawn_local(clean_up(sessions.clone(), 1, twin));
    for _ in 0..12 {
        yield_now().await;
    }
    sessions.lock().await.insert("one", 2);
    old.await.unwrap();
    let current = sessions.lock().await.get("one").copied();
    assert_eq!(current, Some(2), "the new connection is not registered");
}

async fn grace_timer(_sim: Sim, twin: Twin) {
    let sessions = Sessions::default();
    sessions.lock().await.insert("one", 1);
    let timer = {
        let sessions = sessions.clone();
        spawn_local(async move {
            sleep(ms(10)).await;
            twin.here();
            let mut sessions = sessions.lock().await;
            if sessions.get("one") == Some(&1) || !twin.is_fixed() {
                sessions.remove("one");
            }
        })
    };
    // The client is back at the last moment.
    sleep(ms(10)).await;
    sessions.lock().await.insert("one", 2);
    // It is told so.
    preemption_point().await;
    timer.abort();
    let _ = timer.await;
    let current = sessions.lock().await.get("one").copied();
    assert_eq!(current, Some(2), "the new session was removed");
}

/// What is thought of a peer.
#[derive(Default)]
struct Peer {
    pending: RefCell<BTreeSet<u32>>,
    late: RefCell<BTreeSet<u32>>,
    reported: RefCell<BTreeSet<u32>>,
}

impl Peer {
    fn report(&self, request: u32) {
        let is_first = self.reported.borrow_mut().insert(request);
        assert!(is_first, "one request is counted twice");
    }

    fn time_out(&self, request: u32) {
        if self.pending.borrow_mut().remove(&request) {
            self.late.borrow_mut().insert(request);
            self.report(request);
        }
    }

    fn respond(&self, request: u32, twin: Twin) {
        let is_expected = self.pending.borrow_mut().remove(&request);
        let is_late = self.late.borrow_mut().remove(&request);
        twin.here();
        if !(is_expected || is_late && twin.is_fixed()) {
            self.report(request);
        }
    }
}

/// Answers requests, each after a while.
async fn answer(twin: Twin) -> io::Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:30303").await?;
    loop {
        let mut request = [0; 4];
        let (_, from) = socket.recv_from(&mut request).await?;
        twin.here();
        sleep(ms(5)).await;
        socket.send_to(&request, from).await?;
    }
}

async fn counted_twice(sim: Sim, twin: Twin) {
    sim.net().default_latency(ms(1), ms(4));
    sim.node("peer").run(move || answer(twin));
    sleep(ms(1)).await;
    let peer = Rc::new(Peer::default());
    let socket = Rc::new(UdpSocket::bind("0.0.0.0:0").await.unwrap());
    let responses = {
        let (peer, socket) = (peer.clone(), socket.clone());
        spawn_local(async move {
            let mut request = [0; 4];
            while socket.recv_from(&mut request).await.is_ok() {
                peer.respond(u32::from_be_bytes(request), twin);
            }
        })
    };
    for request in 0..4_u32 {
        peer.pending.borrow_mut().insert(request);
        let bytes = request.to_be_bytes();
        socket.send_to(&bytes, "peer:30303").await.unwrap();
        sleep(ms(12)).await;
        peer.time_out(request);
    }
    sleep(ms(100)).await;
    responses.abort();
}
