//! What chance says, as a function and not as a sequence.
//!
//! Owns the one function every drawn value comes from. It depends on the seed, the stream (who
//! asks) and the index (how often it asked before) alone, so that asking for one more value in one
//! place moves no value in another. Knows nothing of what the values decide.
//!
//! The mixing is a chain of three 64 x 64 to 128 bit multiplications folded by exclusive or, as in
//! wyhash (Wang Yi, 2019). The golden vectors in the tests are part of the plan format: a stored
//! plan would mean something else if they changed.

/// The value number `index` of `stream` under `seed`: 64 well mixed bits.
#[must_use]
pub fn value(seed: u64, stream: u64, index: u64) -> u64 {
    let one = fold(seed ^ 0xa076_1d64_78bd_642f, stream ^ 0xe703_7ed1_a0b4_28db);
    let two = fold(one ^ 0x8ebc_6af0_9c88_c6e3, index ^ 0x5899_65cc_7537_4cc3);
    fold(two ^ 0x1d8e_4e27_c47d_124f, one ^ 0xeb44_acca_b455_d165)
}

/// One of `0..bound`, from 64 mixed bits; 0 if `bound` is 0.
///
/// The bias is below `bound / 2^64`.
#[must_use]
pub(crate) fn below(bits: u64, bound: u64) -> u64 {
    ((u128::from(bits) * u128::from(bound)) >> 64) as u64
}

/// A stable hash of a few words.
#[must_use]
pub(crate) const fn mix(one: u64, two: u64) -> u64 {
    let folded = fold(one ^ 0x2d35_8dcc_aa6c_78a5, two ^ 0x8bb8_4b93_962e_acc9);
    fold(folded ^ 0x4b33_a62e_d433_d4a3, two ^ 0x4d5a_2da5_1de1_aa47) ^ one.rotate_left(32)
}

/// A stable hash of a text.
#[must_use]
pub(crate) const fn hash_text(text: &str) -> u64 {
    hash_bytes(text.as_bytes())
}

/// A stable hash of bytes.
#[must_use]
pub(crate) const fn hash_bytes(bytes: &[u8]) -> u64 {
    let mut state = 0x9e37_79b9_7f4a_7c15 ^ bytes.len() as u64;
    let mut index = 0;
    while index < bytes.len() {
        let mut word = [0; 8];
        let mut offset = 0;
        while offset < 8 && index + offset < bytes.len() {
            word[offset] = bytes[index + offset];
            offset += 1;
        }
        state = mix(state, u64::from_le_bytes(word));
        index += 8;
    }
    state
}

const fn fold(one: u64, two: u64) -> u64 {
    let product = one as u128 * two as u128;
    (product as u64) ^ ((product >> 64) as u64)
}

#[cfg(test)]
mod tests;
