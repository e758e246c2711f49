//! Fractions: their lowest terms, their text, and the draws that they cover.

use super::Ratio;

#[test]
fn a_ratio_is_kept_in_lowest_terms() {
    assert_eq!(Ratio::new(50, 100).parts(), (1, 2));
    assert_eq!(Ratio::new(0, 7), Ratio::NEVER);
    assert_eq!(Ratio::new(7, 7), Ratio::ALWAYS);
}

#[test]
fn a_ratio_covers_its_part_of_all_draws() {
    assert!(Ratio::ALWAYS.covers(u64::MAX));
    assert!(!Ratio::NEVER.covers(0));
    let half = Ratio::new(1, 2);
    assert!(half.covers((1 << 63) - 1));
    assert!(!half.covers(1 << 63));
}

#[test]
fn text_that_is_no_fraction_is_refused() {
    for bad in [
        "",
        "1/0",
        "2/1",
        "0.5",
        "-1",
        "1/2/3",
        "x",
        "5000000000/5000000000",
    ] {
        let error = bad.parse::<Ratio>().unwrap_err().to_string();
        assert!(error.contains("1/100"), "{error}");
    }
}
