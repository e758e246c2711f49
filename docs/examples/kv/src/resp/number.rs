//! Numbers as text.

/// The number that `text` spells, if it spells one the only way a number can be written.
///
/// That is: decimal, no sign but a leading minus, no leading zero, no space, and within `i64`.
/// Counters depend on it: a value that reads as a number is the text which that number prints as.
///
/// # Examples
/// ```
/// use kv::resp::parse_integer;
///
/// assert_eq!(parse_integer(b"-17"), Some(-17));
/// assert_eq!(parse_integer(b"007"), None);
/// assert_eq!(parse_integer(b"9223372036854775808"), None);
/// ```
#[must_use]
pub fn parse_integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [b'1'..=b'9', ..] => {}
        _ => return None,
    }
    // Summed below zero, where there is room for one number more.
    digits
        .iter()
        .try_fold(0_i64, |sum, digit| {
            let digit = digit.is_ascii_digit().then(|| i64::from(digit - b'0'))?;
            sum.checked_mul(10)?.checked_sub(digit)
        })
        .and_then(|sum| {
            if negative {
                Some(sum)
            } else {
                sum.checked_neg()
            }
        })
}

#[cfg(test)]
mod tests {
    use super::parse_integer;

    #[track_caller]
    fn check(text: &str, expected: Option<i64>) {
        assert_eq!(parse_integer(text.as_bytes()), expected, "{text:?}");
    }

    #[test]
    fn every_number_reads_back_as_itself() {
        for number in [
            0,
            1,
            -1,
            9,
            10,
            -10,
            42,
            i64::MAX,
            i64::MAX - 1,
            i64::MIN,
            i64::MIN + 1,
        ] {
            check(&number.to_string(), Some(number));
        }
    }

    #[test]
    fn other_spellings_are_not_numbers() {
        for text in [
            "", "-", "+1", "-0", "00", "01", "-01", " 1", "1 ", "1.0", "0x1", "1e3", "١",
        ] {
            check(text, None);
        }
        for text in [
            "9223372036854775808",
            "-9223372036854775809",
            "99999999999999999999",
        ] {
            check(text, None);
        }
    }
}
