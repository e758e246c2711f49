//! Which texts are a time.

use super::parse_nanoseconds;

#[test]
fn times_have_a_number_and_a_unit() {
    assert_eq!(parse_nanoseconds("0.812s"), Some(812_000_000));
    assert_eq!(parse_nanoseconds("1.5ms"), Some(1_500_000));
    assert_eq!(parse_nanoseconds("20 us"), Some(20_000));
    assert_eq!(parse_nanoseconds("2h"), Some(7_200_000_000_000));
    assert_eq!(parse_nanoseconds("5m"), parse_nanoseconds("5min"));
    for wrong in [
        "",
        "3",
        "s",
        "1.2.3s",
        "-1s",
        "1 day",
        "99999999999h",
        "0.s",
    ] {
        assert_eq!(parse_nanoseconds(wrong), None, "{wrong:?}");
    }
}
