//! Random numbers, inside a runtime and outside any.

use std::collections::BTreeSet;

use rand_core::Rng;
use simoom::rand::{below, choose, fill, random, range, ratio, rng, shuffle};

/// Runs `test` on a runtime and on a thread that has none.
fn everywhere(test: fn()) {
    test();
    simoom::runtime::Runtime::new()
        .unwrap()
        .block_on(async { test() });
}

/// Asserts that `draw` gives every number below `count`, and about equally often.
#[track_caller]
fn check_fair(count: usize, draw: impl Fn() -> usize) {
    let mut found = vec![0_u32; count];
    let rounds = 1_000 * count as u32;
    for _ in 0..rounds {
        found[draw()] += 1;
    }
    // The standard deviation is less than 32: one in ten thousand million runs goes beyond 6.5.
    let fair = |&times: &u32| (800..=1_200).contains(&times);
    assert!(found.iter().all(fair), "{found:?}");
}

#[test]
fn bytes_are_filled_to_the_last() {
    everywhere(|| {
        for length in [0, 1, 7, 64, 1_000] {
            let mut seen = vec![0_u8; length];
            for _ in 0..20 {
                let mut bytes = vec![0; length];
                fill(&mut bytes);
                seen.iter_mut()
                    .zip(bytes)
                    .for_each(|(seen, byte)| *seen |= byte);
            }
            assert!(seen.iter().all(|&byte| byte != 0), "{length} bytes");
        }
    });
}

#[test]
fn values_of_every_type_differ() {
    fn differ<T: simoom::rand::Random + Ord>() {
        let values: BTreeSet<T> = (0..64).map(|_| random()).collect();
        assert!(values.len() > 1, "{}", std::any::type_name::<T>());
    }
    everywhere(|| {
        differ::<u8>();
        differ::<u16>();
        differ::<u32>();
        differ::<u64>();
        differ::<u128>();
        differ::<usize>();
        differ::<i8>();
        differ::<i16>();
        differ::<i32>();
        differ::<i64>();
        differ::<i128>();
        differ::<isize>();
        differ::<bool>();
        differ::<[u8; 32]>();
    });
}

#[test]
fn numbers_below_a_bound_are_equally_likely() {
    everywhere(|| check_fair(7, || below(7) as usize));
    // Three quarters of all words: a draw that is never repeated gives each third number twice as
    // often as its neighbours.
    everywhere(|| check_fair(3, || (below(3 << 62) % 3) as usize));
    assert_eq!(below(1), 0);
}

#[test]
#[should_panic(expected = "there is no number below zero")]
fn nothing_is_below_zero() {
    let _ = below(0);
}

#[test]
fn ranges_hold_both_their_ends() {
    use std::ops::Bound;

    check_fair(3, || (range(10..13) - 10) as usize);
    check_fair(3, || (range(10..=12) - 10) as usize);
    check_fair(2, || range(..2) as usize);
    check_fair(2, || (u64::MAX - range(u64::MAX - 1..)) as usize);
    let between = (Bound::Excluded(4), Bound::Excluded(6));
    assert_eq!(range(between), 5);
    assert!((0..64).any(|_| range(..) > u64::MAX / 2));
    assert!((0..64).any(|_| range(..) < u64::MAX / 2));
}

#[test]
fn empty_ranges_are_refused() {
    use std::ops::Bound::{Excluded, Included, Unbounded};

    for empty in [
        (Included(3), Excluded(3)),
        (Included(4), Included(3)),
        (Excluded(3), Excluded(4)),
        (Unbounded, Excluded(0)),
        (Excluded(u64::MAX), Unbounded),
    ] {
        let panic = std::panic::catch_unwind(|| range(empty)).unwrap_err();
        let message = panic.downcast_ref::<&str>();
        assert_eq!(
            message,
            Some(&"there is no number in an empty range to choose"),
            "{empty:?}"
        );
    }
}

#[test]
fn a_ratio_is_true_as_often_as_it_says() {
    check_fair(2, || usize::from(ratio(1, 2)));
    let quarter = (0..4_000).filter(|_| ratio(1, 4)).count();
    assert!((800..1_200).contains(&quarter), "{quarter}");
    assert!((0..100).all(|_| ratio(5, 5)));
    assert!(!(0..100).any(|_| ratio(0, 5)));
}

#[test]
#[should_panic(expected = "a ratio is at most one: 3 of 2")]
fn a_ratio_above_one_is_refused() {
    let _ = ratio(3, 2);
}

#[test]
fn a_shuffle_is_fair() {
    check_fair(6, || {
        let mut items = [0, 1, 2];
        shuffle(&mut items);
        let orders = [
            [0, 1, 2],
            [0, 2, 1],
            [1, 0, 2],
            [1, 2, 0],
            [2, 0, 1],
            [2, 1, 0],
        ];
        orders.iter().position(|order| *order == items).unwrap()
    });
    shuffle::<u32>(&mut []);
}

#[test]
fn each_item_may_be_chosen() {
    check_fair(4, || *choose(&[0, 1, 2, 3]).unwrap());
    assert_eq!(choose::<u32>(&[]), None);
}

#[test]
fn the_generator_draws_from_the_same_bytes() {
    everywhere(|| {
        let mut rng = rng();
        assert!((0..64).any(|_| rng.next_u32() > u32::MAX / 2));
        assert!((0..64).any(|_| rng.next_u64() > u64::MAX / 2));
        let mut bytes = [0; 64];
        rng.fill_bytes(&mut bytes);
        assert_ne!(bytes, [0; 64]);
    });
}
