//! The order in which timers fire, and the keys that name them.

use std::collections::BTreeMap;

use super::*;

fn at(nanoseconds: i64) -> Instant {
    Instant::from_nanos(nanoseconds)
}

#[test]
fn equal_deadlines_fire_in_the_order_they_were_armed() {
    let mut queue = TimerQueue::new(1);
    for value in 0..100 {
        queue.insert(at(7), value);
    }
    let fired: Vec<_> = std::iter::from_fn(|| queue.pop(at(7)))
        .map(|(_, value)| value)
        .collect();
    assert_eq!(fired, (0..100).collect::<Vec<_>>());
}

#[test]
fn a_key_does_not_reach_the_next_timer_in_its_slot() {
    let mut queue = TimerQueue::new(1);
    let first = queue.insert(at(1), "first");
    assert_eq!(queue.remove(first), Some("first"));
    let second = queue.insert(at(2), "second");
    assert_eq!(queue.remove(first), None);
    assert_eq!(queue.get_mut(second), Some(&mut "second"));
}

#[test]
fn a_key_of_another_world_reaches_nothing() {
    let mut queue = TimerQueue::new(1);
    let key = queue.insert(at(1), ());
    let mut other = TimerQueue::new(2);
    other.insert(at(1), ());
    assert_eq!(other.remove(key), None);
}

#[test]
fn agrees_with_an_ordered_map_over_a_long_random_run() {
    let mut queue = TimerQueue::new(1);
    let mut model = BTreeMap::new();
    let mut keys = Vec::new();
    let mut state = 1u64;
    let mut next = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    for sequence in 0..20_000u64 {
        match next() % 4 {
            0 | 1 => {
                let deadline = (next() % 500) as i64;
                keys.push((queue.insert(at(deadline), sequence), deadline, sequence));
                model.insert((deadline, sequence), sequence);
            }
            2 if !keys.is_empty() => {
                let chosen = next() as usize % keys.len();
                let (key, deadline, sequence) = keys.swap_remove(chosen);
                assert_eq!(queue.remove(key), model.remove(&(deadline, sequence)));
            }
            _ => {
                let expected = model.pop_first();
                let popped = queue.pop(at(i64::MAX));
                assert_eq!(
                    popped.map(|(deadline, value)| (deadline.as_nanos(), value)),
                    expected.map(|((deadline, _), value)| (deadline, value))
                );
            }
        }
        assert_eq!(queue.len(), model.len());
        assert_eq!(
            queue.next_deadline().map(Instant::as_nanos),
            model.keys().next().map(|&(deadline, _)| deadline)
        );
    }
}
