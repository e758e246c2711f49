//! How many messages of each size fit, as counted on Linux.

use super::{SEND_MAX, of_message, of_part};

/// How many messages of one charge fit.
fn count(charge: usize) -> usize {
    SEND_MAX.div_ceil(charge)
}

#[track_caller]
fn check(bytes: usize, parts: usize, messages: usize) {
    assert_eq!(count(of_part(bytes)), parts, "parts of {bytes} bytes");
    assert_eq!(
        count(of_message(bytes)),
        messages,
        "messages of {bytes} bytes"
    );
}

/// As counted on Linux 6.18 on x86-64 with the default limits.
#[test]
fn as_many_fit_as_on_linux() {
    check(1, 278, 278);
    check(192, 278, 278);
    check(193, 167, 167);
    check(704, 167, 167);
    check(705, 93, 93);
    check(1_729, 49, 49);
    check(3_776, 49, 49);
    check(3_777, 44, 26);
    check(4_096, 44, 26);
    check(5_000, 34, 26);
    check(8_000, 24, 13);
    check(20_000, 11, 11);
    check(30_000, 7, 7);
    check(36_544, 6, 6);
}
