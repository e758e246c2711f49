//! The clock's line and its inverse.

use super::{Clock, DRIFT_MAX_PPM};

const RATES: [i32; 9] = [-DRIFT_MAX_PPM, -200, -3, -1, 0, 1, 7, 200, DRIFT_MAX_PPM];

#[test]
fn a_deadline_is_reached_at_the_first_moment_that_shows_it() {
    for drift_ppm in RATES {
        let clock = Clock {
            since_ns: 1_000,
            shown_ns: 5_000,
            drift_ppm,
            wall_ahead_ns: 0,
        };
        for deadline in (5_000..8_000).chain([1 << 40, 1 << 55]) {
            let moment = clock.true_moment(deadline);
            assert!(
                clock.monotonic_ns(moment) >= deadline,
                "{drift_ppm} ppm, {deadline}: too early"
            );
            assert!(
                moment == 1_000 || clock.monotonic_ns(moment - 1) < deadline,
                "{drift_ppm} ppm, {deadline}: too late"
            );
        }
    }
}

#[test]
fn the_monotonic_clock_never_goes_back() {
    for drift_ppm in RATES {
        let clock = Clock {
            drift_ppm,
            ..Clock::default()
        };
        let mut last = i64::MIN;
        for now in (0..3_000).chain((1 << 50)..(1 << 50) + 3_000) {
            let shown = clock.monotonic_ns(now);
            assert!(shown >= last, "{drift_ppm} ppm, at {now}");
            last = shown;
        }
    }
}

#[test]
fn far_deadlines_saturate() {
    let slow = Clock {
        drift_ppm: -DRIFT_MAX_PPM,
        ..Clock::default()
    };
    assert_eq!(slow.true_moment(i64::MAX), i64::MAX);
}
