//! How numbers look.

use std::time::Duration;

use super::{bytes, length};

#[test]
fn times_have_three_digits_or_are_told_to_the_second() {
    let check = |time: Duration, expected: &str| assert_eq!(length(time), expected);
    check(Duration::ZERO, "0 ns");
    check(Duration::from_nanos(999), "999 ns");
    check(Duration::from_nanos(1_000), "1.00 µs");
    check(Duration::from_nanos(12_345), "12.3 µs");
    check(Duration::from_nanos(123_456_789), "123 ms");
    check(Duration::from_millis(1_500), "1.50 s");
    check(Duration::from_secs(59), "59.0 s");
    check(Duration::from_secs(60), "1 min 0 s");
    check(Duration::from_secs(3_600 * 5 + 61), "5 h 1 min");
    check(Duration::from_secs(86_400 * 3 + 3_600), "3 d 1 h 0 min");
}

#[test]
fn bytes_have_three_digits() {
    assert_eq!(bytes(0), "0 B");
    assert_eq!(bytes(1_023), "1023 B");
    assert_eq!(bytes(1_536), "1.50 KiB");
    assert_eq!(bytes(12 << 20), "12.0 MiB");
    assert_eq!(bytes(u64::MAX), "16777215 TiB");
}
