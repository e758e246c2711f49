//! Queues and channels: nothing is lost, nothing comes twice, and in its order.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use simoom::asyncio::{PriorityQueue, Queue};
use simoom::sync::{Mutex, broadcast, mpsc, oneshot, watch};
use simoom::task::yield_now;
use simoom::time::{Duration, sleep};

use super::injection::{Outcome, ends};
use super::{Parties, Party};
use crate::settle;

const MS: Duration = Duration::from_millis(1);

/// Two who put two items each, two who get, and somebody who gets what is left.
macro_rules! queue {
    ($name:ident, $Queue:ident) => {
        pub(super) async fn $name(parties: Parties) {
            let queue = Rc::new($Queue::new(1));
            let (put, got) = (
                Rc::new(RefCell::new(Vec::new())),
                Rc::new(RefCell::new(Vec::new())),
            );
            let putting = [0, 10].map(|first| {
                let (queue, put) = (queue.clone(), put.clone());
                parties.start(async move {
                    for item in first..first + 2 {
                        queue.put(item).await.expect("it is open");
                        put.borrow_mut().push(item);
                    }
                })
            });
            let getting = [(); 2].map(|()| {
                let (queue, got) = (queue.clone(), got.clone());
                parties.start(async move {
                    while let Ok(item) = queue.get().await {
                        got.borrow_mut().push(item);
                        queue.task_done().expect("it is owed");
                    }
                })
            });
            while !putting.iter().all(Party::is_finished) || !queue.is_empty() {
                settle().await;
                if let Ok(item) = queue.try_get() {
                    got.borrow_mut().push(item);
                    queue.task_done().expect("it is owed");
                }
            }
            ends(putting.into()).await;
            queue.join().await;
            queue.shutdown();
            ends(getting.into()).await;
            assert_eq!((queue.len(), queue.unfinished()), (0, 0));
            let (mut put, mut got) = (put.take(), got.take());
            // Two who get may note what they got in either order.
            put.sort_unstable();
            got.sort_unstable();
            assert_eq!(put, got);
        }
    };
}

queue!(queue, Queue);
queue!(priority_queue, PriorityQueue);

pub(super) async fn mpsc(parties: Parties) {
    let (sender, receiver) = mpsc::channel(1);
    let receiver = Rc::new(Mutex::new(receiver));
    let (sent, got) = (
        Rc::new(RefCell::new(Vec::new())),
        Rc::new(RefCell::new(Vec::new())),
    );
    let sending = [0, 10].map(|first| {
        let (sender, sent) = (sender.clone(), sent.clone());
        parties.start(async move {
            for value in first..first + 3 {
                if value % 2 == 0 {
                    sender.send(value).await.expect("it is open");
                } else {
                    sender.reserve().await.expect("it is open").send(value);
                }
                sent.borrow_mut().push(value);
            }
        })
    });
    drop(sender);
    let receive = async |receiver: Rc<Mutex<mpsc::Receiver<u32>>>, got: Rc<RefCell<Vec<u32>>>| {
        loop {
            let value = receiver.lock().await.recv().await;
            let Some(value) = value else { break };
            got.borrow_mut().push(value);
        }
    };
    let receiving = parties.start(receive(receiver.clone(), got.clone()));
    receiving.end().await;
    // Whoever comes next gets the rest.
    receive(receiver, got.clone()).await;
    ends(sending.into()).await;
    let (mut sent, got) = (sent.take(), got.take());
    for first in [0, 10] {
        let of_one = got
            .iter()
            .filter(|value| (first..first + 3).contains(*value));
        assert!(of_one.is_sorted(), "{got:?}");
    }
    let mut sorted = got;
    sorted.sort_unstable();
    sent.sort_unstable();
    assert_eq!(sent, sorted);
}

pub(super) async fn oneshot(parties: Parties) {
    let (sender, receiver) = oneshot::channel();
    let value = Rc::new(());
    let receiving = parties.start(async move { receiver.await.is_ok() });
    let sending = parties.start({
        let value = value.clone();
        async move {
            sleep(MS).await;
            sender.send(value).is_ok()
        }
    });
    let (got, sent) = (receiving.outcome().await, sending.outcome().await);
    assert_eq!(Rc::strong_count(&value), 1, "the value is kept somewhere");
    match (got, sent) {
        (Outcome::Done(got), Outcome::Done(sent)) => assert_eq!((got, sent), (true, true)),
        // The other side has gone.
        (Outcome::Done(got), _) => assert!(!got, "nobody has sent it"),
        _ => {}
    }

    let (mut sender, receiver) = oneshot::channel::<()>();
    let leaving = parties.start(async move {
        sleep(MS).await;
        drop(receiver);
    });
    let hearing = parties.start(async move {
        sender.closed().await;
        assert!(sender.send(()).is_err());
    });
    ends(vec![leaving, hearing]).await;
}

pub(super) async fn broadcast(parties: Parties) {
    let (sender, receiver) = broadcast::channel(4);
    let receiving = [receiver.resubscribe(), receiver].map(|mut receiver| {
        parties.start(async move {
            let mut got = Vec::new();
            while let Ok(value) = receiver.recv().await {
                got.push(value);
            }
            got
        })
    });
    settle().await;
    for value in 1..=3 {
        // Nobody may be left.
        let _ = sender.send(value);
        yield_now().await;
    }
    drop(sender);
    for got in ends(receiving.into()).await.into_iter().flatten() {
        assert_eq!(got, [1, 2, 3]);
    }
}

pub(super) async fn watch(parties: Parties) {
    let (sender, receiver) = watch::channel(0);
    let mut waiting = receiver.clone();
    let mut looking = receiver;
    let receiving = vec![
        parties.start(async move { waiting.wait_for(|value| *value >= 3).await.is_ok() }),
        parties.start(async move {
            let mut last = 0;
            while last < 3 {
                looking.changed().await.expect("the sender is there");
                let seen = *looking.borrow_and_update();
                assert!(seen > last, "{seen} after {last}");
                last = seen;
            }
            true
        }),
    ];
    settle().await;
    for value in 1..=3 {
        sender.send_replace(value);
        yield_now().await;
    }
    assert!(ends(receiving).await.into_iter().flatten().all(|seen| seen));
    sender.closed().await;
    assert_eq!(sender.receiver_count(), 0);
    let count = Rc::new(Cell::new(0));
    let closing = parties.start({
        let count = count.clone();
        async move {
            sleep(MS).await;
            count.set(count.get() + 1);
            sender.closed().await;
        }
    });
    closing.end().await;
}
