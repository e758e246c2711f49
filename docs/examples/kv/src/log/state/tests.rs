//! What counts as safe as the log grows.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::{Log, Replacement};
use crate::log::history::{History, HistoryId};
use crate::log::record;
use crate::store::{Change, Store, encode};

/// A log with a file that nobody writes: the test says what is safe.
fn log(replicas_min: usize) -> Log {
    Log::new(true, replicas_min, 1 << 20)
}

fn remove(key: &[u8]) -> Vec<u8> {
    let mut changes = Vec::new();
    encode(&mut changes, Change::Remove { key });
    changes
}

fn received(changes: &[u8]) -> bytes::Bytes {
    let mut bytes = Vec::new();
    record::append(&mut bytes, changes);
    bytes.into()
}

/// What `future` comes to at once.
fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

#[test]
fn commits_are_taken_in_order_and_once() {
    let log = log(0);
    log.append(&remove(b"a"));
    log.append(&remove(b"b"));
    assert_eq!(log.position(), 2);
    let work = log.take_work();
    let expected = [received(&remove(b"a")), received(&remove(b"b"))].concat();
    assert_eq!((work.records, work.position), (expected, 2));
    assert!(log.take_work().records.is_empty());
}

#[test]
fn nobody_is_told_before_it_is_safe() {
    let log = log(0);
    log.append(&remove(b"a"));
    log.append(&remove(b"b"));
    assert!(now(log.reached(0..=0)).is_some());
    assert!(now(log.reached(1..=1)).is_none());
    log.is_safe(1);
    assert!(now(log.reached(1..=1)).unwrap().is_ok());
    assert!(now(log.reached(2..=2)).is_none());
    // It does not go back.
    log.is_safe(0);
    assert!(now(log.reached(1..=1)).unwrap().is_ok());
}

#[test]
fn one_who_waits_is_woken() {
    let log = log(0);
    log.append(&remove(b"a"));
    let mut reached = pin!(log.reached(1..=1));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(reached.as_mut().poll(&mut cx).is_pending());
    log.is_safe(1);
    assert!(reached.as_mut().poll(&mut cx).is_ready());
}

#[test]
fn after_an_error_what_is_safe_is_told_and_nothing_else() {
    let log = log(0);
    log.append(&remove(b"a"));
    log.append(&remove(b"b"));
    log.is_safe(1);
    log.is_broken(&std::io::Error::other("no room"));
    assert!(now(log.reached(1..=1)).unwrap().is_ok());
    let error = now(log.reached(2..=2)).unwrap().unwrap_err();
    assert!(error.to_string().contains("no room"), "{error}");
}

#[test]
fn the_writer_has_work_until_it_is_taken() {
    let log = log(0);
    assert!(now(log.wait_for_work()).is_none());
    log.append(&remove(b"a"));
    assert!(now(log.wait_for_work()).is_some());
    log.take_work();
    assert!(now(log.wait_for_work()).is_none());
    log.request_compaction();
    assert!(now(log.wait_for_work()).is_some());
    assert!(log.take_work().requests.compact);
    log.finish();
    assert!(log.take_work().requests.finish);
    assert!(now(log.wait_for_work()).is_none());
}

#[test]
fn replicas_are_waited_for_as_well() {
    let log = log(1);
    log.append(&remove(b"a"));
    log.is_safe(1);
    assert!(now(log.reached(1..=1)).is_none());
    assert!(now(log.kept(1)).is_some());
    log.acknowledged(1);
    assert!(now(log.reached(1..=1)).unwrap().is_ok());
    // What a replica has is not enough either.
    log.append(&remove(b"b"));
    log.acknowledged(2);
    assert!(now(log.reached(2..=2)).is_none());
}

#[test]
fn what_is_there_when_a_server_decides_counts_as_acknowledged_if_it_was_agreed_on() {
    for is_agreed in [true, false] {
        let log = log(1);
        log.receive(received(&remove(b"a")));
        log.is_safe(1);
        log.take_over(is_agreed);
        assert!(now(log.reached(2..=2)).is_none(), "it is not safe here");
        log.is_safe(2);
        assert_eq!(now(log.reached(1..=2)).is_some(), is_agreed);
        log.acknowledged(2);
        assert!(now(log.reached(1..=2)).is_some());
    }
}

#[test]
fn what_was_given_up_is_told_to_nobody() {
    let log = log(0);
    log.append(&remove(b"a"));
    log.is_safe(1);
    log.append(&remove(b"b"));
    log.give_up();
    assert!(now(log.reached(1..=1)).unwrap().is_ok());
    assert!(now(log.reached(2..=2)).unwrap().is_err());
    log.is_safe(2);
    assert!(now(log.reached(2..=2)).unwrap().is_err());
    log.take_over(true);
    log.is_safe(3);
    assert!(now(log.reached(3..=3)).unwrap().is_ok());
    assert!(now(log.reached(2..=2)).unwrap().is_err());
    // Nor are those who have waited for more since.
    assert!(now(log.reached(2..=3)).unwrap().is_err());
    assert!(now(log.reached(1..=3)).unwrap().is_err());
}

#[test]
fn what_came_is_for_the_store_once_it_is_safe() {
    let log = log(0);
    log.receive(received(&remove(b"a")));
    log.receive(received(&remove(b"b")));
    assert!(now(log.wait_for_changes()).is_none());
    assert!(log.take_for_store().is_empty());
    log.is_safe(1);
    assert!(now(log.wait_for_changes()).is_some());
    assert_eq!(log.take_for_store(), [received(&remove(b"a"))]);
    assert!(now(log.all_applied()).is_none());
    assert_eq!(log.place().applied, 1);
    log.is_safe(2);
    assert_eq!(log.take_for_store(), [received(&remove(b"b"))]);
    assert!(now(log.all_applied()).is_some());
    assert!(now(log.room_for_changes(0)).is_some());
}

#[test]
fn one_who_comes_back_goes_on_where_he_was_unless_he_has_something_else() {
    let log = log(0);
    let first = log.place().history.id();
    log.append(&remove(b"a"));
    log.append(&remove(b"b"));
    assert_eq!(log.resume(first, 2), Some(2));
    assert_eq!(log.resume(first, 3), None, "nobody has that yet");
    assert_eq!(log.resume(HistoryId::new(), 1), None);
    log.take_over(true);
    let second = log.place().history.id();
    assert_eq!(log.resume(first, 2), Some(2));
    assert_eq!(log.resume(first, 3), None, "the third commit is another");
    assert_eq!(log.resume(second, 3), Some(3));
    assert!(log.after(0, 1 << 20).unwrap().records.is_empty());
    log.is_safe(2);
    let batch = log.after(0, 1 << 20).unwrap();
    assert_eq!((batch.records.len(), batch.position), (2, 2));
}

#[test]
fn a_fork_that_comes_gives_what_follows_its_name() {
    let (primary, replica) = (log(0), log(0));
    primary.take_over(true);
    primary.append(&remove(b"a"));
    primary.is_safe(2);
    for record in primary.after(0, 1 << 20).unwrap().records {
        replica.receive(record);
    }
    let history = replica.place().history;
    assert_eq!(history.id(), primary.place().history.id());
    assert_eq!(history.last().unwrap().1, 0);
}

#[test]
fn after_a_copy_positions_go_on_and_offsets_are_those_of_the_other() {
    let log = log(0);
    for _ in 0..5 {
        log.receive(received(&remove(b"a")));
    }
    let (done, _put) = simoom::sync::oneshot::channel();
    log.request_replacement(Replacement {
        log: Vec::new(),
        store: Store::new(),
        history: History::new(),
        offset: 2,
        done,
    });
    assert!(now(log.settled()).is_none());
    let replacement = log.take_work().replacement.unwrap();
    let id = replacement.history.id();
    log.was_replaced(replacement.history, replacement.offset);
    assert!(now(log.settled()).is_some());
    assert!(log.position() > 5);
    let place = log.place();
    assert_eq!((place.appended, place.safe, place.applied), (2, 2, 2));
    log.append(&remove(b"b"));
    assert_eq!(log.place().appended, 3);
    assert_eq!(log.resume(id, 2), Some(log.position() - 1));
    assert_eq!(log.resume(id, 1), None, "that was before the copy");
    assert_eq!(
        log.offset_of(0),
        0,
        "one who has written nothing waits for nothing"
    );
}

#[test]
fn nobody_waits_for_what_has_died() {
    let log = log(1);
    log.append(&remove(b"a"));
    log.is_safe(1);
    log.acknowledged(1);
    log.append_deaths(&remove(b"b"));
    assert_eq!((log.decided(), log.position()), (1, 2));
    assert!(now(log.reached(1..=1)).unwrap().is_ok());
    log.append(&remove(b"c"));
    assert_eq!(log.decided(), 3);
    assert!(now(log.reached(3..=3)).is_none());
}

#[test]
fn what_is_held_is_there_until_it_is_let_go() {
    let log = Log::new(false, 0, 1);
    let hold = log.hold(0).unwrap();
    for _ in 0..3 {
        log.append(&remove(b"a"));
    }
    assert_eq!(log.after(0, 1 << 20).unwrap().records.len(), 3);
    hold.advance(1);
    assert!(log.after(0, 1 << 20).is_none());
    assert_eq!(log.after(1, 1 << 20).unwrap().records.len(), 2);
    drop(hold);
    assert!(log.after(1, 1 << 20).is_none());
    assert!(log.hold(1).is_none(), "it is not there any more");
    assert!(log.hold(2).is_some());
}

#[test]
fn an_offset_that_is_nowhere_here_has_no_position() {
    let log = log(0);
    for _ in 0..5 {
        log.receive(received(&remove(b"a")));
    }
    log.was_replaced(History::new(), 2);
    log.append(&remove(b"b"));
    assert_eq!(log.position_of(3), Some(7));
    assert_eq!(log.position_of(4), None);
    assert_eq!(log.position_of(u64::MAX), None);
    log.was_replaced(History::new(), 100);
    assert_eq!(log.position_of(100), Some(8));
    assert_eq!(log.position_of(91), None, "that is before everything");
}
