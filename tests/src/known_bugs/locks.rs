//! Locks that are let go too early, held too long, or taken in the wrong order.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::rc::Rc;

use simoom::sync::{Mutex, Notify};
use simoom::task::{preemption_point, yield_now};
use simoom::time::timeout;
use simoom_sim::Sim;

use super::bug::{Bug, Twin, bug};
use super::parts::{Care, Permits, Semaphore, all, ms};
use crate::kernels::spawn_local;

pub(super) const BUGS: [Bug; 7] = [
    bug! {
        second_actor, Atomicity, "an actor was replaced by another", seeds: 100,
        "https://github.com/InfinityVM/InfinityVM/pull/455",
        "Whether an actor runs for a consumer was looked up, and the new one inserted, under two \
         different locks. Two requests at once started two actors for one consumer.",
    },
    bug! {
        refreshed_twice, Atomicity, "invalid_grant", seeds: 100,
        "https://github.com/librefang/librefang/issues/3625",
        "Requests that found the access token expired refreshed it, each with the same refresh \
         token, which the server takes once: all but one were logged out.",
    },
    bug! {
        recursive_read, Deadlock, "deadlock", seeds: 100,
        "https://github.com/chatmail/core/pull/6726",
        "A list of accounts was read under a read lock, and each of them looked up under another. \
         A writer that asked in between waits for the first, and the second waits for the writer.",
    },
    bug! {
        one_by_one, Deadlock, "deadlock", seeds: 100,
        "https://github.com/tokio-rs/tokio/pull/1973",
        "A proposed `Semaphore::remove_permits(n)` took its permits one by one. Two tasks that each \
         hold half of what they need wait for each other.",
    },
    bug! {
        head_gives_up, LostWakeup, "deadlock", seeds: 100,
        "https://github.com/embassy-rs/embassy/pull/6964",
        "A fair semaphore lets nobody past who wants more than there is. When that one gave up, \
         those behind were not told, though there was enough for them.",
    },
    bug! {
        handed_to_nobody, Leak, "deadlock", seeds: 200,
        "https://github.com/asomers/futures-locks/issues/1",
        "A lock was handed to a future that waited for it. When that future was dropped before it \
         was polled again, the lock stayed taken.",
    },
    bug! {
        woken_too_early, LostWakeup, "deadlock", seeds: 100,
        "https://github.com/surrealdb/affinitypool/pull/6",
        "A worker told who waits for its result while it still held the lock on it. Who was woken \
         found the lock taken, and went to sleep for good.",
    },
];

/// Which actor works for which consumer.
type Actors = Rc<Mutex<BTreeMap<u32, u32>>>;

async fn start_actor(consumer: u32, nonce: u32) -> u32 {
    yield_now().await;
    consumer * 100 + nonce
}

async fn request(actors: Actors, consumer: u32, nonce: u32, twin: Twin) {
    if twin.is_fixed() {
        let mut actors = actors.lock().await;
        if let Entry::Vacant(place) = actors.entry(consumer) {
            place.insert(start_actor(consumer, nonce).await);
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
    all(requests).await;
    assert_eq!(actors.lock().await.len(), 1, "there is one consumer");
}

/// What a client knows: an access token until it expires, and what gets the next one.
#[derive(Clone, Copy)]
struct Session {
    is_expired: bool,
    refresh_token: u32,
}

struct Client {
    session: Mutex<Session>,
    refreshing: Mutex<()>,
    /// What the server takes next.
    valid: Cell<u32>,
}

impl Client {
    async fn refresh(&self, token: u32) -> Session {
        preemption_point().await;
        assert_eq!(token, self.valid.get(), "invalid_grant");
        self.valid.set(token + 1);
        Session {
            is_expired: false,
            refresh_token: token + 1,
        }
    }

    async fn call(&self, twin: Twin) {
        let seen = *self.session.lock().await;
        if !seen.is_expired {
            return;
        }
        twin.here();
        if !twin.is_fixed() {
            let fresh = self.refresh(seen.refresh_token).await;
            *self.session.lock().await = fresh;
            return;
        }
        let _refreshing = self.refreshing.lock().await;
        let seen = *self.session.lock().await;
        if seen.is_expired {
            let fresh = self.refresh(seen.refresh_token).await;
            *self.session.lock().await = fresh;
        }
    }
}

async fn refreshed_twice(_sim: Sim, twin: Twin) {
    let session = Session {
        is_expired: true,
        refresh_token: 1,
    };
    let client = Rc::new(Client {
        session: Mutex::new(session),
        refreshing: Mutex::new(()),
        valid: Cell::new(1),
    });
    let call = || {
        let client = client.clone();
        spawn_local(async move { client.call(twin).await })
    };
    all(vec![call(), call(), call()]).await;
}

/// A lock for many readers or one writer, first come, first served.
struct RwLock {
    places: Rc<Semaphore>,
}

impl RwLock {
    const READERS: u32 = 8;

    async fn read(&self) -> Permits {
        self.places.acquire(1).await
    }

    async fn write(&self) -> Permits {
        self.places.acquire(Self::READERS).await
    }
}

async fn recursive_read(_sim: Sim, twin: Twin) {
    let lock = Rc::new(RwLock {
        places: Semaphore::new(RwLock::READERS),
    });
    let accounts = Rc::new(RefCell::new(vec![1, 2, 3]));
    let list = {
        let (lock, accounts) = (lock.clone(), accounts.clone());
        spawn_local(async move {
            let _all = lock.read().await;
            let ids = accounts.borrow().clone();
            for id in ids {
                twin.here();
                if !twin.is_fixed() {
                    let _one = lock.read().await;
                }
                assert!(accounts.borrow().contains(&id), "an account is gone");
            }
        })
    };
    let add = spawn_local(async move {
        let _all = lock.write().await;
        accounts.borrow_mut().push(4);
    });
    all(vec![list, add]).await;
}

async fn one_by_one(_sim: Sim, twin: Twin) {
    let permits = Semaphore::new(3);
    let take_two = || {
        let permits = permits.clone();
        spawn_local(async move {
            if twin.is_fixed() {
                drop(permits.acquire(3).await);
                return;
            }
            let mut taken = Vec::new();
            for _ in 0..3 {
                taken.push(permits.acquire(1).await);
                twin.here();
            }
        })
    };
    all(vec![take_two(), take_two()]).await;
}

async fn head_gives_up(_sim: Sim, twin: Twin) {
    let permits = {
        let care = Care {
            for_those_behind: twin.is_fixed(),
            for_permits: true,
        };
        Semaphore::with_care(3, care)
    };
    let holder = permits.acquire(1).await;
    let small = {
        let permits = permits.clone();
        spawn_local(async move { drop(permits.acquire(1).await) })
    };
    let large = spawn_local(async move {
        twin.here();
        let _ = timeout(ms(5), permits.acquire(3)).await;
    });
    // What it holds is needed until the small one is done.
    all(vec![small, large]).await;
    drop(holder);
}

async fn handed_to_nobody(_sim: Sim, twin: Twin) {
    let care = Care {
        for_those_behind: true,
        for_permits: twin.is_fixed(),
    };
    let lock = Semaphore::with_care(1, care);
    let held = lock.acquire(1).await;
    let waiter = {
        let lock = lock.clone();
        spawn_local(async move { drop(lock.acquire(1).await) })
    };
    let holder = spawn_local(async move {
        for _ in 0..12 {
            yield_now().await;
        }
        twin.here();
        drop(held);
    });
    for _ in 0..4 {
        yield_now().await;
    }
    waiter.abort();
    let _ = waiter.await;
    holder.await.unwrap();
    drop(lock.acquire(1).await);
}

async fn woken_too_early(_sim: Sim, twin: Twin) {
    let (result, woken) = (Rc::new(Mutex::new(None)), Rc::new(Notify::new()));
    let waits = {
        let (result, woken) = (result.clone(), woken.clone());
        spawn_local(async move {
            loop {
                woken.notified().await;
                let slot = result.try_lock();
                if slot.is_ok_and(|slot| *slot == Some(7)) {
                    return;
                }
            }
        })
    };
    let works = spawn_local(async move {
        let mut slot = result.lock().await;
        *slot = Some(7);
        twin.here();
        if twin.is_fixed() {
            drop(slot);
            woken.notify_one();
        } else {
            woken.notify_one();
            preemption_point().await;
            drop(slot);
        }
    });
    all(vec![waits, works]).await;
}
