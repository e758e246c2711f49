//! Futures that hold or wait for something, and that their task polls no more.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use simoom::sync::{Mutex, mpsc};
use simoom::task::yield_now;
use simoom_sim::Sim;

use super::bug::{Bug, Twin, bug};
use super::parts::all;
use crate::kernels::spawn_local;

pub(super) const BUGS: [Bug; 4] = [
    bug! {
        futurelock, Deadlock, "futurelock", seeds: 100,
        "https://github.com/oxidecomputer/omicron/issues/9272",
        "A `select!` polled a `send` by reference beside a timer, and the timer's branch sent to \
         the same channel. The first `send` is before it in the queue, and nobody polls it.",
    },
    bug! {
        unpolled_loader, Deadlock, "deadlock", seeds: 100,
        "https://github.com/moka-rs/moka/issues/240",
        "Whoever asks a cache for what is being loaded waits until the first who asked has it. That \
         one is not polled any more, as its task waits for the same key.",
    },
    bug! {
        reserved_slots, Deadlock, "deadlock", seeds: 100,
        "https://github.com/tower-rs/tower/pull/434",
        "Forwarders reserved a place in a shared buffer before they waited for something to \
         forward. Idle ones took all places, and who had something found none.",
    },
    bug! {
        full_mailboxes, Deadlock, "deadlock", seeds: 200,
        "https://github.com/build-trust/ockam/issues/1947",
        "Two workers with bounded mailboxes sent to each other while they handled a message. With \
         both mailboxes full, each waits for the other to take one out.",
    },
];

async fn futurelock(_sim: Sim, twin: Twin) {
    let (events, mut consumed) = mpsc::channel(1);
    let (ticks, mut ticked) = mpsc::channel(1);
    let consumer = spawn_local(async move { while consumed.recv().await.is_some() {} });
    let clock = spawn_local(async move {
        for _ in 0..20 {
            yield_now().await;
        }
        let _ = ticks.send(()).await;
    });
    let reporter = spawn_local(async move {
        events.send("begin").await.unwrap();
        twin.here();
        let end = events.clone();
        let mut end = Box::pin(async move { end.send("end").await });
        let is_sent = simoom::select! {
            sent = &mut end => { sent.unwrap(); true }
            _ = ticked.recv() => false,
        };
        if !is_sent {
            if twin.is_fixed() {
                end.await.unwrap();
                events.send("still there").await.unwrap();
            } else {
                events.send("still there").await.unwrap();
                end.await.unwrap();
            }
        }
    });
    all(vec![consumer, clock, reporter]).await;
}

/// Values by key, each loaded by who asks for it first.
#[derive(Clone, Default)]
struct Cache {
    entries: Rc<RefCell<BTreeMap<u32, Entry>>>,
}

type Entry = Rc<Mutex<Option<u32>>>;

impl Cache {
    async fn get_with(self, key: u32, load: impl Future<Output = u32>) -> u32 {
        let entry = self.entries.borrow_mut().entry(key).or_default().clone();
        let mut value = entry.lock().await;
        match *value {
            Some(value) => value,
            None => *value.insert(load.await),
        }
    }
}

async fn unpolled_loader(_sim: Sim, twin: Twin) {
    let cache = Cache::default();
    let (impatience, mut impatient) = mpsc::channel::<()>(1);
    let user = spawn_local(async move {
        for _ in 0..12 {
            yield_now().await;
        }
        let _ = impatience.send(()).await;
    });
    let request = spawn_local(async move {
        let slow = async {
            for _ in 0..4 {
                yield_now().await;
            }
            1
        };
        let mut first = Some(Box::pin(cache.clone().get_with(1, slow)));
        let first_value = async { first.as_mut().expect("it is there").await };
        let value = simoom::select! {
            value = first_value => Some(value),
            _ = impatient.recv() => None,
        };
        twin.here();
        if value.is_none() {
            if twin.is_fixed() {
                first = None;
            }
            assert_eq!(cache.get_with(1, async { 1 }).await, 1);
        }
        drop(first);
    });
    all(vec![user, request]).await;
}

async fn forward(mut input: mpsc::Receiver<u32>, buffer: mpsc::Sender<u32>, twin: Twin) {
    loop {
        if twin.is_fixed() {
            let Some(item) = input.recv().await else {
                return;
            };
            buffer.send(item).await.unwrap();
        } else {
            let place = buffer.reserve().await.unwrap();
            let Some(item) = input.recv().await else {
                return;
            };
            place.send(item);
        }
        twin.here();
    }
}

async fn reserved_slots(_sim: Sim, twin: Twin) {
    let (buffer, mut buffered) = mpsc::channel(2);
    let mut forwarders = Vec::new();
    let mut inputs = Vec::new();
    for _ in 0..3 {
        let (input, items) = mpsc::channel(1);
        inputs.push(input);
        forwarders.push(spawn_local(forward(items, buffer.clone(), twin)));
    }
    drop(buffer);
    // What the others are to forward follows from what the first does.
    inputs[0].send(0).await.unwrap();
    let first = buffered.recv().await;
    assert_eq!(first, Some(0), "it was forwarded");
    drop(inputs);
    while buffered.recv().await.is_some() {}
    all(forwarders).await;
}

/// Handles messages; each says how many others are to follow from it.
async fn worker(
    mut mailbox: mpsc::Receiver<u32>,
    other: mpsc::Sender<u32>,
    handled: mpsc::UnboundedSender<()>,
    twin: Twin,
) {
    while let Some(message) = mailbox.recv().await {
        for _ in 0..message {
            twin.here();
            if twin.is_fixed() {
                let other = other.clone();
                spawn_local(async move { other.send(0).await });
            } else if other.send(0).await.is_err() {
                return;
            }
        }
        let _ = handled.send(());
    }
}

async fn full_mailboxes(_sim: Sim, twin: Twin) {
    let (to_one, one) = mpsc::channel(2);
    let (to_two, two) = mpsc::channel(2);
    let (handled, mut all_handled) = mpsc::unbounded_channel();
    spawn_local(worker(one, to_two.clone(), handled.clone(), twin));
    spawn_local(worker(two, to_one.clone(), handled, twin));
    let feed = |mailbox: mpsc::Sender<u32>, after: u32| {
        spawn_local(async move {
            for _ in 0..after {
                yield_now().await;
            }
            mailbox.send(4).await.unwrap();
        })
    };
    all(vec![feed(to_one, 0), feed(to_two, 40)]).await;
    for _ in 0..10 {
        all_handled.recv().await.unwrap();
    }
}
