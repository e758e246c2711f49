//! Chance in the real world.
//!
//! Owns one cheap and one strong generator per thread, seeded by the operating system.

use std::cell::{Cell, RefCell};

use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};

thread_local! {
    static CHEAP: Cell<u64> = const { Cell::new(0) };
    static STRONG: RefCell<Option<ChaCha12Rng>> = const { RefCell::new(None) };
}

/// One of `alternatives`, which may be guessed. 0 if there is none.
pub(super) fn pick(alternatives: u32) -> u32 {
    let mut state = CHEAP.get();
    if state == 0 {
        let mut seed = [0; 8];
        seed_from_system(&mut seed);
        state = u64::from_ne_bytes(seed) | 1;
    }
    // Marsaglia, "Xorshift RNGs", 2003; the high half is the better one.
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    CHEAP.set(state);
    // Lemire, "Fast random integer generation in an interval", 2019, without its correction: the
    // bias is below 2^-32 times the number of alternatives.
    ((u64::from(alternatives) * (state >> 32)) >> 32) as u32
}

/// Fills `bytes` so that they cannot be guessed.
pub(super) fn fill(bytes: &mut [u8]) {
    STRONG.with_borrow_mut(|strong| {
        let strong = strong.get_or_insert_with(|| {
            let mut seed = [0; 32];
            seed_from_system(&mut seed);
            ChaCha12Rng::from_seed(seed)
        });
        strong.fill_bytes(bytes);
    });
}

fn seed_from_system(seed: &mut [u8]) {
    if let Err(error) = getrandom::fill(seed) {
        panic!("the operating system gave no random bytes: {error}");
    }
}
