//! The hash of a record: golden, and another one for any other event.

use super::{Event, EventKind, Level, Recorder, Watch};

const EVENTS: [Event; 3] = [
    Event {
        time_ns: 0,
        kind: EventKind::TaskSpawned,
        node: 0,
        task: 0,
        one: 0,
        two: 0,
        cause: 0,
    },
    Event {
        time_ns: 1 << 41,
        kind: EventKind::ChoiceMade,
        node: 1,
        task: 0x1234,
        one: 0x5678,
        two: 1,
        cause: 1,
    },
    Event {
        time_ns: i64::MAX,
        kind: EventKind::TaskFinished,
        node: u16::MAX,
        task: u64::MAX,
        one: u64::MAX,
        two: u64::MAX,
        cause: 2,
    },
];

fn hash_of(events: &[Event], level: Level) -> u128 {
    let mut recorder = Recorder::new(level, &Watch::Nothing);
    for (index, event) in events.iter().enumerate() {
        assert_eq!(
            recorder.push(*event),
            index as u64 + 1,
            "events count from 1"
        );
    }
    assert_eq!(recorder.count(), events.len() as u64);
    recorder.hash()
}

#[test]
fn the_hash_is_the_golden_one() {
    // Part of the format: `FORMAT` changes with it.
    assert_eq!(hash_of(&[], Level::Hash), GOLDEN_EMPTY);
    assert_eq!(hash_of(&EVENTS, Level::Hash), GOLDEN);
}

const GOLDEN_EMPTY: u128 = 0x9ab5_352f_02e7_92f5_5f0b_b507_cb32_7d8e;
const GOLDEN: u128 = 0xa955_80a7_e29e_71cb_d2b5_3803_3dea_361c;

#[test]
fn flipping_any_bit_of_any_field_of_any_event_changes_the_hash() {
    let whole = hash_of(&EVENTS, Level::Hash);
    let check = |index: usize, what: &str, flipped: Event| {
        let mut events = EVENTS;
        events[index] = flipped;
        assert_ne!(
            hash_of(&events, Level::Hash),
            whole,
            "{what} of event {index}"
        );
    };
    for (index, event) in EVENTS.into_iter().enumerate() {
        for bit in 0..64 {
            let flip = 1_u64 << bit;
            let time_ns = event.time_ns ^ flip as i64;
            check(index, "time", Event { time_ns, ..event });
            let task = event.task ^ flip;
            check(index, "task", Event { task, ..event });
            let one = event.one ^ flip;
            check(index, "one", Event { one, ..event });
            let two = event.two ^ flip;
            check(index, "two", Event { two, ..event });
            let cause = event.cause ^ flip;
            check(index, "cause", Event { cause, ..event });
        }
        for bit in 0..16 {
            let node = event.node ^ (1 << bit);
            check(index, "node", Event { node, ..event });
        }
        for kind in [
            EventKind::NodeBooted,
            EventKind::OpCompleted,
            EventKind::SignalSent,
        ] {
            check(index, "kind", Event { kind, ..event });
        }
    }
}

#[test]
fn fields_that_are_hashed_together_do_not_hide_each_other() {
    // Each pair left the exclusive or that one round of mixing took in as it was.
    let whole = hash_of(&EVENTS, Level::Hash);
    for bit in 0..16 {
        let mut events = EVENTS;
        events[1].node ^= 1 << bit;
        events[1].time_ns ^= 1 << (bit + 40);
        assert_ne!(
            hash_of(&events, Level::Hash),
            whole,
            "node and time, bit {bit}"
        );
    }
    for bit in 0..64 {
        let mut events = EVENTS;
        events[1].cause ^= 1 << bit;
        events[1].two ^= (1_u64 << bit).rotate_left(32);
        assert_ne!(
            hash_of(&events, Level::Hash),
            whole,
            "cause and field, bit {bit}"
        );
    }
}

#[test]
fn leaving_out_adding_or_swapping_events_changes_the_hash() {
    let whole = hash_of(&EVENTS, Level::Hash);
    for (index, event) in EVENTS.into_iter().enumerate() {
        let mut events = EVENTS.to_vec();
        events.remove(index);
        assert_ne!(hash_of(&events, Level::Hash), whole, "without {index}");
        let mut events = EVENTS.to_vec();
        events.insert(index, event);
        assert_ne!(hash_of(&events, Level::Hash), whole, "{index} twice");
        let mut events = EVENTS;
        events.swap(index, (index + 1) % EVENTS.len());
        assert_ne!(hash_of(&events, Level::Hash), whole, "{index} swapped");
    }
}

#[test]
fn the_level_changes_what_is_kept_and_not_the_hash() {
    let whole = hash_of(&EVENTS, Level::Hash);
    assert_eq!(hash_of(&EVENTS, Level::History), whole);
    assert_eq!(hash_of(&EVENTS, Level::Full), whole);
    for (level, kept) in [(Level::Hash, 0), (Level::History, 0), (Level::Full, 3)] {
        let mut recorder = Recorder::new(level, &Watch::Nothing);
        for event in EVENTS {
            recorder.push(event);
        }
        assert_eq!(recorder.into_recorded().events.len(), kept);
    }
}
