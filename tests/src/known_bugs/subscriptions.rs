//! Who is told what, in which order, and how often.

use std::cell::RefCell;
use std::rc::Rc;

use simoom::sync::{Mutex, Notify, mpsc};
use simoom::task::yield_now;
use simoom_sim::Sim;

use super::bug::{Bug, Twin, bug};
use super::parts::all;
use crate::kernels::spawn_local;

pub(super) const BUGS: [Bug; 3] = [
    bug! {
        told_twice, Atomicity, "an event was told twice", seeds: 100,
        "https://github.com/fedimint/ecash-app/issues/504",
        "A subscriber was registered and then given the history. An event in between was in the \
         history and told live.",
    },
    bug! {
        update_first, Order, "an update came before what it changes", seeds: 200,
        "https://github.com/risingwavelabs/risingwave/pull/25728",
        "On a new subscription the snapshot was sent by the task that was asked for it, and updates \
         by another. An update could come before the snapshot that it builds on.",
    },
    bug! {
        old_payload, Cancellation, "another payload was written", seeds: 100,
        "https://github.com/daeuniverse/honk/pull/167",
        "A stream kept the payload of a write that waits in a slot. When that write was cancelled, \
         the next one, of other bytes, found the slot filled and sent the old ones.",
    },
];

/// What happened, and who is told of what happens.
#[derive(Default)]
struct Bus {
    /// Held while both change together.
    order: Mutex<()>,
    history: Mutex<Vec<u32>>,
    subscribers: Mutex<Vec<mpsc::UnboundedSender<u32>>>,
}

impl Bus {
    async fn publish(&self, event: u32, twin: Twin) {
        let _order = match twin.is_fixed() {
            true => Some(self.order.lock().await),
            false => None,
        };
        self.history.lock().await.push(event);
        for subscriber in self.subscribers.lock().await.iter() {
            let _ = subscriber.send(event);
        }
    }

    async fn subscribe(&self, twin: Twin) -> mpsc::UnboundedReceiver<u32> {
        let _order = match twin.is_fixed() {
            true => Some(self.order.lock().await),
            false => None,
        };
        let (tell, told) = mpsc::unbounded_channel();
        self.subscribers.lock().await.push(tell.clone());
        twin.here();
        for event in self.history.lock().await.iter() {
            let _ = tell.send(*event);
        }
        told
    }
}

async fn told_twice(_sim: Sim, twin: Twin) {
    let bus = Rc::new(Bus::default());
    let publisher = {
        let bus = bus.clone();
        spawn_local(async move { bus.publish(1, twin).await })
    };
    let mut told = bus.subscribe(twin).await;
    publisher.await.unwrap();
    assert_eq!(told.try_recv(), Ok(1), "the event was told");
    assert!(told.try_recv().is_err(), "an event was told twice");
}

#[derive(Debug, PartialEq, Eq)]
enum News {
    Snapshot,
    Update,
}

async fn update_first(_sim: Sim, twin: Twin) {
    let (manager, mut tasks) = mpsc::channel(4);
    let (tell, mut told) = mpsc::unbounded_channel();
    let delivers = {
        let tell = tell.clone();
        spawn_local(async move {
            while let Some(news) = tasks.recv().await {
                let _ = tell.send(news);
            }
        })
    };
    let is_subscribed = Rc::new(Notify::new());
    let changes = {
        let (manager, is_subscribed) = (manager.clone(), is_subscribed.clone());
        spawn_local(async move {
            is_subscribed.notified().await;
            for _ in 0..6 {
                yield_now().await;
            }
            manager.send(News::Update).await.unwrap();
        })
    };
    let subscribes = spawn_local(async move {
        if twin.is_fixed() {
            manager.send(News::Snapshot).await.unwrap();
            is_subscribed.notify_one();
        } else {
            is_subscribed.notify_one();
            // The snapshot is taken.
            twin.here();
            yield_now().await;
            tell.send(News::Snapshot).unwrap();
        }
    });
    let first = told.recv().await;
    let what = "an update came before what it changes";
    assert_eq!(first, Some(News::Snapshot), "{what}");
    all(vec![delivers, changes, subscribes]).await;
}

/// A stream whose writes go to a queue that may be full.
struct Stream {
    slot: RefCell<Option<Vec<u8>>>,
    queue: mpsc::Sender<Vec<u8>>,
    room: Notify,
}

impl Stream {
    fn try_write(&self, bytes: &[u8], twin: Twin) -> bool {
        let mut slot = self.slot.borrow_mut();
        if twin.is_fixed() || slot.is_none() {
            *slot = Some(bytes.to_vec());
        }
        let Ok(place) = self.queue.try_reserve() else {
            return false;
        };
        place.send(slot.take().expect("it was filled"));
        true
    }

    async fn write(&self, bytes: &[u8], twin: Twin) {
        while !self.try_write(bytes, twin) {
            self.room.notified().await;
        }
    }
}

async fn old_payload(_sim: Sim, twin: Twin) {
    let (queue, mut queued) = mpsc::channel(1);
    let stream = Rc::new(Stream {
        slot: RefCell::default(),
        queue,
        room: Notify::new(),
    });
    let (cancel, mut cancelled) = mpsc::channel(1);
    let user = spawn_local(async move {
        for _ in 0..12 {
            yield_now().await;
        }
        let _ = cancel.send(()).await;
    });
    let writer = {
        let stream = stream.clone();
        spawn_local(async move {
            stream.write(b"first", twin).await;
            let is_written = simoom::select! {
                () = stream.write(b"second", twin) => true,
                _ = cancelled.recv() => false,
            };
            twin.here();
            if !is_written {
                stream.write(b"other", twin).await;
            }
            is_written
        })
    };
    let mut payloads = Vec::new();
    for _ in 0..2 {
        payloads.push(queued.recv().await.unwrap());
        stream.room.notify_one();
    }
    let wanted: &[u8] = match writer.await.unwrap() {
        true => b"second",
        false => b"other",
    };
    assert_eq!(payloads[1], wanted, "another payload was written");
    user.await.unwrap();
}
