//! Locks that are let go too early, held too long, or taken in the wrong order.

use std::collections::BTreeMap;
use std::rc::Rc;

use simoom::sync::Mutex;
use simoom::task::{spawn_local, yield_now};
use simoom_sim::Sim;

use super::bug::{Bug, Twin, bug};

pub(super) const BUGS: [Bug; 1] = [bug! {
    second_actor, Atomicity, "an actor was replaced by another", seeds: 100,
    "https://github.com/InfinityVM/InfinityVM/pull/455",
    "Whether an actor runs for a consumer was looked up, and the new one inserted, under two \
     different locks. Two requests at once started two actors for one consumer.",
}];

/// Which actor works for which consumer.
type Actors = Rc<Mutex<BTreeMap<u32, u32>>>;

async fn start_actor(consumer: u32, nonce: u32) -> u32 {
    yield_now().await;
    consumer * 100 + nonce
}

async fn request(actors: Actors, consumer: u32, nonce: u32, twin: Twin) {
    if twin.is_fixed() {
        let mut actors = actors.lock().await;
        if !actors.contains_key(&consumer) {
            actors.insert(consumer, start_actor(consumer, nonce).await);
        }
        return;
    }
    let is_known = actors.lock().await.contains_key(&consumer);
    twin.here();
    if !is_known {
        let actor = start_actor(consumer, nonce).await;
        let replaced = actors.lock().await.insert(consumer, actor);
        assert_eq!(replaced, None, "an actor was replaced by another");
    }
}

async fn second_actor(_sim: Sim, twin: Twin) {
    let actors = Actors::default();
    let mut requests = Vec::new();
    for nonce in 0..3 {
        let actors = actors.clone();
        requests.push(spawn_local(async move {
            for _ in 0..nonce * 8 {
                yield_now().await;
            }
            request(actors, 1, nonce, twin).await;
        }));
    }
    for request in requests {
        request.await.unwrap();
    }
    assert_eq!(actors.lock().await.len(), 1, "there is one consumer");
}
