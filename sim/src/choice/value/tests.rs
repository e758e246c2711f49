//! Golden values: what a seed draws never changes.

use super::{below, hash_text, mix, value};

// These literals are part of the plan format: a change of any of them breaks every stored plan.

#[test]
fn values_are_the_golden_ones() {
    let check = |(seed, stream, index), expected: u64| {
        assert_eq!(
            value(seed, stream, index),
            expected,
            "{seed} {stream} {index}"
        );
    };
    check((0, 0, 0), 0x9528_43dd_f940_bb08);
    check((1, 0, 0), 0xd94c_5df1_54b4_b6a5);
    check((0, 1, 0), 0xf479_a18d_712b_82a9);
    check((0, 0, 1), 0xf4f3_f7bb_fc70_c8e1);
    check((0x5eed_0000_0000_0000, 7, 9), 0x5313_0256_72ac_f29d);
    check((u64::MAX, u64::MAX, u64::MAX), 0x1adf_aadd_88cb_6db5);
}

#[test]
fn mixed_words_are_the_golden_ones() {
    let check = |(one, two), expected: u64| assert_eq!(mix(one, two), expected, "{one} {two}");
    check((0, 0), 0x3419_60db_6678_ebb1);
    check((1, 0), 0xa96f_9011_f3b4_af80);
    check((0, 1), 0x4ac3_72e8_51ee_9f84);
    check((u64::MAX, 3), 0xf6bb_dcc1_c4dd_980e);
}

#[test]
fn hashed_texts_are_the_golden_ones() {
    let check = |text, expected: u64| assert_eq!(hash_text(text), expected, "{text:?}");
    check("", 0x9e37_79b9_7f4a_7c15);
    check("a", 0xcce5_5c32_7f75_7888);
    check("a\0", 0x91a6_ac8d_ad60_bed2);
    check("12345678", 0xe23b_399c_3457_025c);
    check("kv::serve::{{closure}}", 0x332d_2c5c_0bb7_cf01);
    check("ütf-8 · ☂", 0xaca5_c19c_a53f_8b63);
}

#[test]
fn a_bound_is_kept_and_every_value_below_it_is_reached() {
    assert_eq!(below(u64::MAX, 0), 0);
    for bound in 1..20 {
        let mut seen = vec![0; bound as usize];
        for index in 0..2_000 {
            seen[below(value(3, bound, index), bound) as usize] += 1;
        }
        let expected = 2_000 / bound;
        for count in seen {
            assert!(count > expected / 2, "{count} of {expected} under {bound}");
            assert!(count < expected * 2, "{count} of {expected} under {bound}");
        }
    }
}

#[test]
fn each_argument_bit_moves_half_of_the_value() {
    for bit in 0..64 {
        let flip = 1 << bit;
        let (mut seed, mut stream, mut index) = (0, 0, 0);
        for n in 0..64 {
            let base = value(n, 5, n * 3);
            seed += (base ^ value(n ^ flip, 5, n * 3)).count_ones();
            stream += (base ^ value(n, 5 ^ flip, n * 3)).count_ones();
            index += (base ^ value(n, 5, (n * 3) ^ flip)).count_ones();
        }
        for (what, moved) in [("seed", seed), ("stream", stream), ("index", index)] {
            assert!(
                (1_700..2_400).contains(&moved),
                "{what} bit {bit} moves {moved} of 4096"
            );
        }
    }
}
