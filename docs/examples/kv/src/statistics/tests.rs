//! Histograms and levels.

use std::time::Duration;

use super::{BOUNDS, Histogram, Level, Reply, Times};

#[test]
fn a_time_is_counted_below_the_first_bound_that_it_does_not_exceed() {
    let histogram = Histogram::default();
    histogram.observe(Duration::ZERO);
    for bound in BOUNDS {
        histogram.observe(bound);
        histogram.observe(bound + Duration::from_nanos(1));
    }
    let Times { counts, sum_ns } = histogram.read();
    let mut expected = [2; BOUNDS.len() + 1];
    expected[BOUNDS.len()] = 1;
    assert_eq!(counts, expected);
    let bounds: Duration = BOUNDS.iter().sum();
    assert_eq!(u128::from(sum_ns), 2 * bounds.as_nanos() + 14);
}

#[test]
fn a_bound_covers_as_many_as_it_says() {
    let histogram = Histogram::default();
    assert_eq!(histogram.read().bound(50), None);
    assert_eq!(histogram.read().mean(), Duration::ZERO);
    for _ in 0..99 {
        histogram.observe(Duration::from_micros(3));
    }
    histogram.observe(Duration::from_secs(5));
    let times = histogram.read();
    assert_eq!(times.count(), 100);
    assert_eq!(times.bound(50), Some(Duration::from_micros(5)));
    assert_eq!(times.bound(99), Some(Duration::from_micros(5)));
    assert_eq!(times.bound(100), None);
    assert_eq!(times.mean(), Duration::from_nanos(50_002_970));
}

#[test]
fn a_level_falls_when_what_raised_it_is_dropped() {
    let level = Level::default();
    let one = level.raise();
    let two = level.raise();
    assert_eq!(level.value(), 2);
    drop(one);
    assert_eq!(level.value(), 1);
    drop(two);
    assert_eq!(level.value(), 0);
}

#[test]
fn what_is_refused_is_told_from_what_failed() {
    for (reply, expected) in [
        ("+OK\r\n", Reply::Done),
        ("+QUEUED\r\n", Reply::Queued),
        ("$9\r\nREADONLY \r\n", Reply::Done),
        ("-WRONGTYPE Operation\r\n", Reply::Error),
        ("-READONLY You can't write\r\n", Reply::Refused),
        ("-NOREPLICAS Not enough\r\n", Reply::Refused),
        ("-MASTERDOWN Link with MASTER\r\n", Reply::Refused),
        (
            "-EXECABORT Transaction discarded because of previous errors.\r\n",
            Reply::Error,
        ),
        (
            "-EXECABORT Transaction discarded because of: READONLY You\r\n",
            Reply::Refused,
        ),
    ] {
        assert_eq!(Reply::of(reply.as_bytes()), expected, "{reply}");
    }
}
