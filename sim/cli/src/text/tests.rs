//! Times, seeds, parts and places, as they are typed and shown.

use std::time::Duration;

use super::{At, Part, grouped, parse_duration, parse_seed, seed_text};

#[test]
fn durations_have_a_unit() {
    assert_eq!(parse_duration("10m"), Ok(Duration::from_secs(600)));
    assert_eq!(parse_duration("0.812s"), Ok(Duration::from_millis(812)));
    assert_eq!(parse_duration("1.5h"), Ok(Duration::from_secs(5_400)));
    for wrong in ["10", "m", "1.2.3s", "-1s", "", "1 fortnight"] {
        assert!(parse_duration(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn seeds_are_read_as_they_are_shown() {
    let seed = 0x5eed_0000_0000_01f3;
    assert_eq!(parse_seed(&seed_text(seed)), Ok(seed));
    assert_eq!(parse_seed("1_000"), Ok(1_000));
    assert!(parse_seed("seed").is_err());
}

#[test]
fn parts_are_disjoint_and_make_up_the_whole() {
    for (seeds, of) in [(10, 3), (1, 4), (1_000_003, 7), (0, 2)] {
        let parts = (0..of).map(|index| Part { index, of }.of_count(seeds));
        let mut next = 0;
        for part in parts {
            assert_eq!(part.start, next, "{seeds} seeds in {of} parts");
            next = part.end;
        }
        assert_eq!(next, seeds);
    }
    let (one, two): (Part, Part) = ("count:1/2".parse().unwrap(), "count:2/2".parse().unwrap());
    assert!(one.endless().end <= two.endless().start);
    for wrong in ["1/2", "count:0/2", "count:3/2", "hash:1/2", "count:1/0"] {
        assert!(wrong.parse::<Part>().is_err(), "{wrong:?}");
    }
}

#[test]
fn moments_are_times_or_steps() {
    assert_eq!("step:1_204".parse(), Ok(At::Step(1_204)));
    assert_eq!("0.5s".parse(), Ok(At::Time(Duration::from_millis(500))));
    assert!("step:0".parse::<At>().is_err());
    assert!("soon".parse::<At>().is_err());
}

#[test]
fn thousands_stand_apart() {
    assert_eq!(grouped(1_234_567), "1 234 567");
    assert_eq!(grouped(12), "12");
}
