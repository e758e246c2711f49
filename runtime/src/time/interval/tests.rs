//! Ticks that were missed, and when the next ones come.

use super::*;

/// The tick after one that is due at 1 000 ms and taken `late_ms` later, with a period of 10 ms.
#[track_caller]
fn check(behavior: MissedTickBehavior, late_ms: i64, expected_ms: i64) {
    let at = |milliseconds: i64| Instant::from_nanos(milliseconds * 1_000_000);
    let next = behavior.next(at(1_000), at(1_000 + late_ms), Duration::from_millis(10));
    assert_eq!(next, at(expected_ms), "{behavior:?}, {late_ms} ms late");
}

#[test]
fn a_tick_that_is_up_to_five_milliseconds_late_is_not_missed() {
    for behavior in [
        MissedTickBehavior::Burst,
        MissedTickBehavior::Delay,
        MissedTickBehavior::Skip,
    ] {
        check(behavior, 0, 1_010);
        check(behavior, 5, 1_010);
    }
}

#[test]
fn missed_ticks_burst() {
    check(MissedTickBehavior::Burst, 6, 1_010);
    check(MissedTickBehavior::Burst, 35, 1_010);
}

#[test]
fn missed_ticks_delay_the_next() {
    check(MissedTickBehavior::Delay, 6, 1_016);
    check(MissedTickBehavior::Delay, 35, 1_045);
}

#[test]
fn missed_ticks_are_skipped_and_the_phase_is_kept() {
    check(MissedTickBehavior::Skip, 6, 1_010);
    check(MissedTickBehavior::Skip, 9, 1_010);
    check(MissedTickBehavior::Skip, 10, 1_020);
    check(MissedTickBehavior::Skip, 35, 1_040);
}

#[test]
fn the_end_of_the_clock_is_far_away() {
    let now = Instant::now();
    for behavior in [
        MissedTickBehavior::Burst,
        MissedTickBehavior::Delay,
        MissedTickBehavior::Skip,
    ] {
        for late in [Duration::ZERO, Duration::from_secs(1)] {
            let next = behavior.next(now, now + late, Duration::MAX);
            assert!(
                next > now + Duration::from_secs(86_400 * 365),
                "{behavior:?}"
            );
        }
    }
}
