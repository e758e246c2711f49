//! Replicas as they come, go, and say what they have.

use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;
use std::task::{Context, Waker};

use super::Replicas;
use crate::log::{Log, Position};

const IP: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A log without a file, in which so many commits are safe here.
fn log(replicas_min: usize, commits: usize) -> Log {
    let log = Log::new(false, replicas_min, 1 << 20);
    for _ in 0..commits {
        log.append(b"");
    }
    log
}

/// Whether anybody may be told of what comes before `position`.
fn is_told(log: &Log, position: Position) -> bool {
    let reached = pin!(log.reached(position..=position));
    reached
        .poll(&mut Context::from_waker(Waker::noop()))
        .is_ready()
}

#[test]
fn a_replica_that_comes_back_counts_once() {
    let (log, replicas) = (log(2, 1), Replicas::default());
    let half_open = replicas.join(IP, 7000, Some(0));
    half_open.sends(1);
    assert!(half_open.heard(Some(1), &log).unwrap());
    let again = replicas.join(IP, 7000, Some(1));
    assert!(again.heard(Some(1), &log).unwrap());
    assert!(!is_told(&log, 1), "one replica is counted twice");
    assert_eq!(replicas.len(), 1);
    assert!(!half_open.heard(Some(1), &log).unwrap(), "it was cut off");
    drop(half_open);
    assert_eq!(replicas.len(), 1);
    let another = replicas.join(IP, 7001, Some(1));
    assert!(another.heard(Some(1), &log).unwrap());
    assert!(is_told(&log, 1));
}

#[test]
fn what_was_not_sent_cannot_be_acknowledged() {
    let (log, replicas) = (log(1, 3), Replicas::default());
    let place = replicas.join(IP, 7000, Some(1));
    for offset in [2, 3, u64::MAX] {
        assert!(place.heard(Some(offset), &log).is_err(), "{offset}");
    }
    assert!(!is_told(&log, 1));
    place.sends(2);
    assert!(place.heard(Some(2), &log).unwrap());
    assert!(is_told(&log, 2) && !is_told(&log, 3));
    // One that copies everything has nothing.
    let copies = replicas.join(IP, 7001, None);
    assert!(copies.heard(Some(0), &log).is_err());
    assert!(copies.heard(None, &log).unwrap());
}
