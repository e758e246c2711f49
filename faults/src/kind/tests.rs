//! Names of kinds: read back, never the same, and guessed where they are misspelt.

use std::collections::BTreeSet;

use super::{Family, Kind, Unit};

#[test]
fn names_are_read_back_and_differ() {
    let names: BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(names.len(), Kind::ALL.len(), "no two kinds share a name");
    for &kind in Kind::ALL {
        assert_eq!(kind.name().parse(), Ok(kind));
        assert_eq!(kind.to_string(), kind.name());
    }
}

#[test]
fn names_start_with_their_family_and_are_plain() {
    for &kind in Kind::ALL {
        let family = kind.name().split('.').next();
        assert_eq!(family, Some(kind.family().name()));
        let plain = |letter: char| letter.is_ascii_lowercase() || letter == '.' || letter == '_';
        assert!(kind.name().chars().all(plain), "{kind}");
    }
    let used: BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.family()).collect();
    for family in used {
        assert!(Family::ALL.contains(&family), "{family}");
    }
}

#[test]
fn magnitudes_are_in_order_and_begin_above_zero() {
    for &kind in Kind::ALL {
        let (least, most) = kind.magnitudes();
        assert!(0 < least && least <= most, "{kind}");
        if kind.unit() == Unit::Once {
            assert_eq!(most, 1, "{kind} happens or does not");
        }
    }
}

#[test]
fn an_unknown_name_is_answered_with_the_nearest_or_with_all() {
    let error = "disk.sync.fail".parse::<Kind>().unwrap_err().to_string();
    assert_eq!(
        error,
        "\"disk.sync.fail\" names no kind of fault: did you mean disk.sync.failed?"
    );
    let error = "bananas".parse::<Kind>().unwrap_err().to_string();
    assert!(error.contains("node.killed, "), "{error}");
}
