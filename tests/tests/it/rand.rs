//! Random numbers.

use rand_core::Rng as _;
use simoom::rand::{below, choose, fill, random, range, ratio, rng, shuffle};
use simoom_tests::{both, panic_text};

#[track_caller]
fn panicked<T>(f: impl FnOnce() -> T) -> String {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)) {
        Ok(_) => panic!("there was no panic"),
        Err(payload) => panic_text(&*payload),
    }
}

both! {
    async fn every_byte_is_filled() {
        let mut or = [0_u8; 100];
        for _ in 0..30 {
            let mut bytes = [0; 100];
            fill(&mut bytes);
            for (or, byte) in or.iter_mut().zip(bytes) {
                *or |= byte;
            }
        }
        assert!(!or.contains(&0), "a byte was 0 thirty times: {or:?}");
        fill(&mut []);
    }

    async fn two_draws_differ() {
        assert_ne!(random::<u128>(), random::<u128>());
        assert_ne!(random::<[u8; 32]>(), random::<[u8; 32]>());
        assert_ne!(rng().next_u64(), rng().next_u64());
    }

    async fn two_tasks_draw_different_numbers() {
        let one = simoom::spawn(async { random::<u128>() });
        let two = simoom::spawn(async { random::<u128>() });
        assert_ne!(one.await.unwrap(), two.await.unwrap());
    }

    async fn numbers_stay_below_their_bound_and_reach_all_of_it() {
        let mut seen = [false; 6];
        for _ in 0..300 {
            seen[below(6) as usize] = true;
        }
        assert_eq!(seen, [true; 6]);
        assert_eq!(below(1), 0);
        assert!(below(u64::MAX) < u64::MAX);
        assert!(panicked(|| below(0)).contains("below zero"));
    }

    async fn ranges_of_every_form_keep_their_bounds() {
        for _ in 0..100 {
            assert!((10..20).contains(&range(10..20)));
            assert!((10..=20).contains(&range(10..=20)));
            assert!(range(..3) < 3);
            assert!(range(..=3) <= 3);
            assert!(range(u64::MAX - 1..) >= u64::MAX - 1);
        }
        assert_eq!(range(7..8), 7);
        assert_eq!(range(7..=7), 7);
        assert_eq!(range(u64::MAX..), u64::MAX);
        let _ = range(..);
        let _ = range(0..=u64::MAX);
    }

    async fn empty_ranges_panic() {
        let (five, three) = (std::hint::black_box(5), 3);
        for text in [
            panicked(|| range(five..five)),
            panicked(|| range(five..three)),
            panicked(|| range(five..=three)),
            panicked(|| range(..0)),
        ] {
            assert!(text.contains("empty range"), "{text}");
        }
    }

    async fn ratios_hold_at_their_ends() {
        for _ in 0..50 {
            assert!(!ratio(0, 3));
            assert!(ratio(3, 3));
        }
        let hits = (0..400).filter(|_| ratio(1, 2)).count();
        assert!((100..300).contains(&hits), "{hits} of 400");
        panicked(|| ratio(4, 3));
        panicked(|| ratio(0, 0));
    }

    async fn a_shuffle_keeps_every_item() {
        let mut items: Vec<u32> = (0..52).collect();
        shuffle(&mut items);
        assert!(!items.iter().copied().eq(0..52), "52 cards in order");
        items.sort_unstable();
        assert!(items.into_iter().eq(0..52));
        shuffle::<u32>(&mut []);
        shuffle(&mut [1]);
    }

    async fn a_choice_is_one_of_the_items() {
        let items = ["a", "b", "c"];
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..100 {
            seen.insert(*choose(&items).unwrap());
        }
        assert_eq!(seen.len(), 3);
        assert_eq!(choose(&[7]), Some(&7));
        assert_eq!(choose::<u8>(&[]), None);
    }

    async fn every_integer_type_can_be_drawn() {
        let _: (u8, u16, u32, u64) = (random(), random(), random(), random());
        let _: (i8, i16, i32, i64, i128) = (random(), random(), random(), random(), random());
        let _: (usize, isize) = (random(), random());
        let heads = (0..200).filter(|_| random::<bool>()).count();
        assert!((40..160).contains(&heads), "{heads} of 200");
    }

    async fn the_generator_draws_the_same_kind_of_bytes() {
        let mut rng = rng();
        let mut bytes = [0; 64];
        rng.fill_bytes(&mut bytes);
        assert_ne!(bytes, [0; 64]);
        assert_ne!(rng.clone().next_u64(), rng.next_u64());
        let _ = rng.next_u32();
    }
}
