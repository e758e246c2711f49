//! The order in which timers fire, against a list that is sorted.
//!
//! Owns the model. Equal deadlines leave in the order in which they were armed.

use std::time::Duration;

use simoom::backend::{TimerKey, TimerQueue};
use simoom::time::Instant;

use super::{Bytes, Seen};

/// A timer as the model has it.
#[derive(Clone, Copy)]
struct Armed {
    deadline: Instant,
    /// Its number, in the order of arming, which is its value too.
    number: usize,
}

pub(super) fn timers(bytes: &[u8]) -> Seen {
    let mut bytes = Bytes::new(bytes);
    let start = Instant::now();
    let at = |units: usize| start + Duration::from_millis(units as u64);
    let mut queue = TimerQueue::new(7);
    let mut foreign = TimerQueue::new(8);
    let strange = foreign.insert(start, 0);
    let mut model: Vec<Armed> = Vec::new();
    let mut keys: Vec<TimerKey> = Vec::new();
    while !bytes.is_empty() {
        match bytes.below(8) {
            0..=2 => {
                let (deadline, number) = (at(bytes.below(32)), keys.len());
                keys.push(queue.insert(deadline, number));
                model.push(Armed { deadline, number });
            }
            3 if !keys.is_empty() => {
                let number = bytes.below(keys.len());
                let place = model.iter().position(|it| it.number == number);
                let expected = place.map(|place| model.remove(place).number);
                assert_eq!(queue.remove(keys[number]), expected);
                assert_eq!(queue.remove(keys[number]), None, "it is gone");
            }
            4 | 5 => {
                let now = at(bytes.below(32));
                let first = first(&model).filter(|&place| model[place].deadline <= now);
                let expected = first.map(|place| model.remove(place));
                let expected = expected.map(|it| (it.deadline, it.number));
                assert_eq!(queue.pop(now), expected);
            }
            6 if !keys.is_empty() => {
                let number = bytes.below(keys.len());
                let is_armed = model.iter().any(|it| it.number == number);
                let found = queue.get_mut(keys[number]).map(|it| *it);
                assert_eq!(found, is_armed.then_some(number));
            }
            7 => {
                let (odd, by) = (
                    bytes.below(2),
                    Duration::from_millis(bytes.below(16) as u64),
                );
                let moved = |number: usize, deadline: Instant| match number % 2 == odd {
                    true => deadline + by,
                    false => deadline,
                };
                queue.reschedule(|&number, deadline| moved(number, deadline));
                for it in &mut model {
                    it.deadline = moved(it.number, it.deadline);
                }
            }
            _ => assert!(queue.get_mut(strange).is_none(), "another queue's key"),
        }
        let next = first(&model).map(|place| model[place].deadline);
        assert_eq!(queue.next_deadline(), next);
        let mut sorted = model.clone();
        sorted.sort_by_key(|it| (it.deadline, it.number));
        let armed = queue.armed().map(|(deadline, &number)| (deadline, number));
        assert!(armed.eq(sorted.iter().map(|it| (it.deadline, it.number))));
    }
    Seen::default()
}

/// Which of them fires next.
fn first(model: &[Armed]) -> Option<usize> {
    let by_time = |place: &usize| (model[*place].deadline, model[*place].number);
    (0..model.len()).min_by_key(by_time)
}
