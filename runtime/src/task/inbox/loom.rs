//! Models of the inbox for loom.

use std::panic::Location;

use ::loom::model::Builder;
use ::loom::sync::Arc as Counted;
use ::loom::sync::Notify;
use ::loom::thread;

use super::*;
use crate::task::Id;

struct Parked(Notify);

impl Unpark for Parked {
    fn unpark(&self) {
        self.0.notify();
    }
}

fn open() -> (Claim, Arc<Parked>) {
    let parked = Arc::new(Parked(Notify::new()));
    (Inbox::open(parked.clone()), parked)
}

fn send(owner: Owner, value: &Counted<()>) {
    let value = value.clone();
    let (task, join) = SendTask::new(
        async move { drop(value) },
        owner,
        Id::from_number(1),
        Location::caller().into(),
    );
    drop(join);
    owner.send(Message::Spawn(task));
}

fn model(body: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(4);
    builder.check(body);
}

#[test]
fn loom_every_message_unparks_whoever_waits_for_it() {
    model(|| {
        let (claim, parked) = open();
        let owner = claim.owner();
        let value = Counted::new(());
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let value = value.clone();
                thread::spawn(move || send(owner, &value))
            })
            .collect();
        let mut messages = Vec::new();
        while messages.len() < 2 {
            parked.0.wait();
            claim.receive(&mut messages);
        }
        for thread in threads {
            thread.join().unwrap();
        }
        drop(messages);
        assert_eq!(Counted::strong_count(&value), 1);
        assert!(claim.close().is_empty());
    });
}

#[test]
fn loom_a_message_to_a_world_that_ends_is_received_returned_or_dropped() {
    model(|| {
        let (claim, _parked) = open();
        let owner = claim.owner();
        let value = Counted::new(());
        let thread = thread::spawn({
            let value = value.clone();
            move || send(owner, &value)
        });
        let mut messages = Vec::new();
        claim.receive(&mut messages);
        messages.extend(claim.close());
        assert!(messages.len() < 2);
        drop(messages);
        thread.join().unwrap();
        assert_eq!(Counted::strong_count(&value), 1);
        assert!(claim.close().is_empty());
    });
}
