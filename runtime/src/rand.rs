//! Random numbers that a simulation can repeat.
//!
//! In production the bytes are those of the runtime's own generator, which is seeded by the
//! operating system. Outside a runtime they come from the operating system itself.
//!
//! # Under simulation
//! The bytes follow from the seed of the run, on the stream of the task that asks: the same seed
//! gives the same bytes. They are then not secret, and everything here is for choosing, not for
//! keys: nothing promises that the numbers are fit for cryptography.
//!
//! Every function takes the same bytes on every machine, whatever the size of its words.
//!
//! # Examples
//! ```
//! use simoom::rand;
//!
//! let id: u64 = rand::random();
//! let dice = rand::range(1..=6);
//! assert!((1..=6).contains(&dice));
//!
//! let mut order = ["a", "b", "c"];
//! rand::shuffle(&mut order);
//! assert!(rand::choose(&order).is_some());
//! # let _ = id;
//! ```

use std::convert::Infallible;
use std::ops::{Bound, RangeBounds};

use crate::context;

/// Fills `bytes` with random bytes.
///
/// # Panics
/// Outside a runtime, if the operating system has no random bytes to give.
///
/// # Examples
/// ```
/// let mut token = [0; 16];
/// simoom::rand::fill(&mut token);
/// assert_ne!(token, [0; 16]);
/// ```
pub fn fill(bytes: &mut [u8]) {
    context::with_current(|backend| match backend {
        Some(backend) => backend.fill(bytes),
        None => getrandom::fill(bytes).expect("the operating system gave no random bytes"),
    });
}

/// A random value: an integer, a `bool` or an array of bytes, each value equally likely.
///
/// # Panics
/// As [`fill`].
///
/// # Examples
/// ```
/// use simoom::rand::random;
///
/// let id: u128 = random();
/// let token = random::<[u8; 32]>();
/// let heads: bool = random();
/// # let _ = (id, token, heads);
/// ```
#[must_use]
pub fn random<T: Random>() -> T {
    T::random()
}

/// A random number below `bound`, each equally likely.
///
/// # Panics
/// If `bound` is zero: there is no such number. As [`fill`].
///
/// # Examples
/// ```
/// assert!(simoom::rand::below(10) < 10);
/// assert_eq!(simoom::rand::below(1), 0);
/// ```
#[must_use]
#[track_caller]
pub fn below(bound: u64) -> u64 {
    assert!(bound > 0, "there is no number below zero to choose");
    // Lemire, "Fast Random Integer Generation in an Interval" (2019): the high word of a product
    // is the number, and the low word says whether the draw belongs to the incomplete last round.
    let unfair = bound.wrapping_neg() % bound;
    for _ in 0..DRAWS_MAX {
        let product = u128::from(random::<u64>()) * u128::from(bound);
        if product as u64 >= unfair {
            return (product >> 64) as u64;
        }
    }
    0
}

/// So many unfair draws in a row are not chance, which refuses at most every other one: the
/// destructors of a killed node draw nothing but zeros.
const DRAWS_MAX: u32 = 128;

/// A random number in `range`, each equally likely.
///
/// # Panics
/// If the range is empty. As [`fill`].
///
/// # Examples
/// ```
/// use simoom::rand::range;
///
/// assert!((10..20).contains(&range(10..20)));
/// assert!(range(..=3) <= 3);
/// assert_eq!(range(u64::MAX..), u64::MAX);
/// ```
#[must_use]
#[track_caller]
pub fn range(range: impl RangeBounds<u64>) -> u64 {
    let first = match range.start_bound() {
        Bound::Included(&first) => Some(first),
        Bound::Excluded(&before) => before.checked_add(1),
        Bound::Unbounded => Some(0),
    };
    let last = match range.end_bound() {
        Bound::Included(&last) => Some(last),
        Bound::Excluded(&after) => after.checked_sub(1),
        Bound::Unbounded => Some(u64::MAX),
    };
    let width = first
        .zip(last)
        .and_then(|(first, last)| last.checked_sub(first));
    let (Some(first), Some(width)) = (first, width) else {
        panic!("there is no number in an empty range to choose");
    };
    match width.checked_add(1) {
        Some(bound) => first + below(bound),
        None => random(),
    }
}

/// `true` in `numerator` of `denominator` cases.
///
/// Never for a numerator of zero and always for one that equals the denominator, but bytes are
/// drawn then too, so that a changed ratio leaves the draws that follow as they were.
///
/// # Panics
/// If `numerator` is more than `denominator`, or both are zero. As [`fill`].
///
/// # Examples
/// ```
/// assert!(simoom::rand::ratio(3, 3));
/// assert!(!simoom::rand::ratio(0, 3));
/// ```
#[must_use]
#[track_caller]
pub fn ratio(numerator: u64, denominator: u64) -> bool {
    assert!(
        numerator <= denominator,
        "a ratio is at most one: {numerator} of {denominator}"
    );
    below(denominator) < numerator
}

/// Puts `items` in a random order, each order equally likely.
///
/// # Panics
/// As [`fill`].
///
/// # Examples
/// ```
/// let mut cards: Vec<u32> = (0..52).collect();
/// simoom::rand::shuffle(&mut cards);
/// cards.sort();
/// assert!(cards.into_iter().eq(0..52));
/// ```
pub fn shuffle<T>(items: &mut [T]) {
    for end in (2..=items.len()).rev() {
        items.swap(end - 1, below_size(end));
    }
}

/// One of `items`, each equally likely; `None` if there are none.
///
/// # Panics
/// As [`fill`].
///
/// # Examples
/// ```
/// use simoom::rand::choose;
///
/// assert!(choose(&["a", "b"]).is_some());
/// assert!(choose::<u32>(&[]).is_none());
/// ```
#[must_use]
pub fn choose<T>(items: &[T]) -> Option<&T> {
    if items.is_empty() {
        return None;
    }
    items.get(below_size(items.len()))
}

fn below_size(bound: usize) -> usize {
    below(bound as u64) as usize
}

/// A generator of the `rand` crate over the same bytes.
///
/// # Examples
/// See [`Rng`].
#[must_use]
pub fn rng() -> Rng {
    Rng(())
}

/// The bytes of [`fill`] as a generator of `rand_core` 0.10, for the distributions of `rand` 0.10
/// and crates like it.
///
/// Holds nothing: it asks the world in which it is used, at each use. It does not claim to be fit
/// for cryptography, because under simulation it is not.
///
/// # Panics
/// As [`fill`].
///
/// # Examples
/// ```
/// use rand_core::Rng;
///
/// let mut rng = simoom::rand::rng();
/// let number = rng.next_u64();
/// # let _ = number;
/// ```
#[derive(Clone, Debug, Default)]
pub struct Rng(());

impl rand_core::TryRng for Rng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(random())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(random())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        fill(bytes);
        Ok(())
    }
}

/// What [`random`] can make. Other crates cannot implement it.
pub trait Random: sealed::Sealed {}

impl<T: sealed::Sealed> Random for T {}

mod sealed {
    /// A value that random bytes can be turned into.
    pub trait Sealed {
        /// Draws the bytes and turns them.
        fn random() -> Self;
    }

    impl<const N: usize> Sealed for [u8; N] {
        fn random() -> Self {
            let mut bytes = [0; N];
            super::fill(&mut bytes);
            bytes
        }
    }

    impl Sealed for bool {
        fn random() -> Self {
            u8::random() & 1 == 1
        }
    }

    macro_rules! integers {
        ($($integer:ty),*) => {
            $(impl Sealed for $integer {
                fn random() -> Self {
                    Self::from_le_bytes(Sealed::random())
                }
            })*
        };
    }

    integers!(u8, u16, u32, u64, u128, i8, i16, i32, i64, i128);

    impl Sealed for usize {
        fn random() -> Self {
            u64::random() as Self
        }
    }

    impl Sealed for isize {
        fn random() -> Self {
            u64::random() as Self
        }
    }
}
