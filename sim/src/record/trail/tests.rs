//! Where two runs part, and what is told of that.

use super::*;
use crate::record::{Level, Recorder};

/// The `number`-th event of a made-up run.
fn event_of(number: u64) -> Event {
    Event {
        time_ns: number as i64 * 10,
        kind: if number.is_multiple_of(3) {
            EventKind::ChoiceMade
        } else {
            EventKind::OpCompleted
        },
        node: (number % 5) as u16,
        task: number * 7,
        one: number * 11,
        two: number % 2,
        cause: number / 2,
    }
}

fn record(watch: &Watch, events: impl IntoIterator<Item = Event>) -> Recorder {
    let mut recorder = Recorder::new(Level::Hash, watch);
    for event in events {
        recorder.push(event);
    }
    recorder
}

fn kept(from: u64, count: u64) -> Kept {
    let recorder = record(&Watch::Keep { from }, (1..=count).map(event_of));
    recorder.into_recorded().kept.unwrap()
}

fn parted(trail: &Arc<Trail>, events: impl IntoIterator<Item = Event>) -> Option<Parted> {
    let watch = Watch::Follow {
        trail: trail.clone(),
        stops: true,
    };
    record(&watch, events).into_recorded().parted
}

/// A run of `count` events of which the `odd`-th is another.
fn run_with(odd: u64, count: u64) -> impl Iterator<Item = Event> {
    (1..=count).map(move |number| {
        let mut event = event_of(number);
        if number == odd {
            event.two ^= 2;
        }
        event
    })
}

#[test]
fn the_same_events_never_part() {
    for count in [0, 1, 100, WINDOW, WINDOW + 1, 2 * STRIDE, 2 * STRIDE + 17] {
        let kept = kept(0, count);
        assert_eq!(kept.count(), count);
        let parted = parted(&kept.trail, (1..=count).map(event_of));
        assert!(parted.is_none(), "{count}: {parted:?}");
    }
}

#[test]
fn watching_does_not_change_the_hash() {
    let events = || (1..=100).map(event_of);
    let plain = record(&Watch::Nothing, events()).hash();
    assert_eq!(record(&Watch::Keep { from: 0 }, events()).hash(), plain);
    let trail = kept(0, 50).trail;
    let follow = Watch::Follow {
        trail,
        stops: false,
    };
    assert_eq!(record(&follow, events()).hash(), plain);
}

#[test]
fn the_first_other_event_is_named_with_both_alternatives() {
    let kept = kept(0, 100);
    for odd in [1, 2, 50, 100] {
        let parted = parted(&kept.trail, run_with(odd, 100)).expect("they differ");
        assert!(parted.is_exact);
        assert_eq!(parted.agreed, odd - 1);
        assert_eq!(parted.event, run_with(odd, odd).last(), "the second run's");
        assert_eq!(kept.event(odd).unwrap().0, event_of(odd), "the first run's");
        let before = parted.before.map(|(event, _)| event);
        assert_eq!(before, (odd > 1).then(|| event_of(odd - 1)));
    }
}

#[test]
fn a_run_that_ends_sooner_or_later_parts_at_its_end() {
    let kept = kept(0, 10);
    let shorter = parted(&kept.trail, (1..=8).map(event_of)).unwrap();
    assert_eq!((shorter.agreed, shorter.is_exact), (8, true));
    assert_eq!(shorter.event, None);
    let longer = parted(&kept.trail, (1..=12).map(event_of)).unwrap();
    assert_eq!((longer.agreed, longer.is_exact), (10, true));
    assert_eq!(longer.event, Some(event_of(11)));
    assert!(kept.event(11).is_none());
}

#[test]
fn beyond_the_window_marks_say_among_which_events_they_part() {
    let count = 3 * STRIDE + 100;
    let first = kept(0, count);
    for odd in [WINDOW + 1, 2 * STRIDE, 2 * STRIDE + 1, count] {
        let found = parted(&first.trail, run_with(odd, count)).expect("they differ");
        assert!(!found.is_exact, "{odd}");
        assert_eq!(found.agreed, (odd - 1) / STRIDE * STRIDE, "{odd}");
        // A look at that part of the run names the event.
        let closer = kept(found.agreed, count);
        let found = parted(&closer.trail, run_with(odd, count)).expect("they differ");
        assert!(found.is_exact, "{odd}");
        assert_eq!(found.agreed, odd - 1);
        assert_eq!(closer.event(odd).unwrap().0, event_of(odd));
    }
}

#[test]
fn only_who_is_to_stop_wants_the_end_and_only_after_the_difference() {
    let trail = kept(0, 10).trail;
    for stops in [false, true] {
        let watch = Watch::Follow {
            trail: trail.clone(),
            stops,
        };
        let mut recorder = Recorder::new(Level::Hash, &watch);
        for event in run_with(4, 10) {
            let number = recorder.push(event);
            assert_eq!(recorder.wants_end(), stops && number >= 4, "{number}");
        }
    }
}

#[test]
fn memory_does_not_grow_with_the_run() {
    let kept = kept(0, 8 * STRIDE);
    assert_eq!(kept.trail.rows.len() as u64, WINDOW);
    assert_eq!(kept.trail.marks.len(), 8);
}

#[test]
fn a_trail_is_read_back_as_it_was_written() {
    for trail in [kept(0, 0).trail, kept(3, 100).trail, kept(0, STRIDE).trail] {
        let bytes = trail.to_bytes();
        assert_eq!(Trail::from_bytes(&bytes).as_ref(), Some(&*trail));
        assert_eq!(Trail::from_bytes(&bytes[..bytes.len() - 1]), None, "cut");
    }
}
