//! Whether interception works here, and what a fresh thread needs for it.
//!
//! Owns the answer to the first question, which is found by trying. Knows nothing of runs.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use super::state::{Clocks, during, is_simulated, outside, simulated};
use crate::choice::value;

/// Whether `std`'s clock, its entropy and its hash order are simulated in this binary.
///
/// # Examples
/// ```
/// use simoom_sim::{Interception, interception};
///
/// if interception() != Interception::Active {
///     eprintln!("{}", interception());
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Interception {
    /// They are, and what leaves the simulation fails the run.
    Active,
    /// This is not Linux on x86-64 or AArch64 with glibc, linked dynamically: they are real.
    Unsupported,
    /// The simulator was built for it, but something else in this binary answers the calls of
    /// `std`, such as another simulator or a sanitizer: they are real.
    Ineffective,
}

impl fmt::Display for Interception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Active => "the clock, the entropy and the hash order of std are simulated",
            Self::Unsupported => {
                "the clock, the entropy and the hash order of std are real: they are simulated on \
                 Linux with glibc alone (x86-64 and AArch64, linked dynamically)"
            }
            Self::Ineffective => {
                "the clock, the entropy and the hash order of std are real: something else in \
                 this binary answers the calls of libc"
            }
        };
        f.write_str(text)
    }
}

/// Whether `std`'s clock, its entropy and its hash order are simulated in this binary. It is tried
/// once, on threads of its own.
///
/// # Examples
/// ```
/// # #[cfg(all(target_os = "linux", target_env = "gnu"))]
/// assert_eq!(simoom_sim::interception(), simoom_sim::Interception::Active);
/// ```
#[must_use]
pub fn interception() -> Interception {
    static FOUND: OnceLock<Interception> = OnceLock::new();
    *FOUND.get_or_init(|| {
        if !SUPPORTED {
            return Interception::Unsupported;
        }
        // A simulated program that asks first may start no threads itself.
        outside(|| judge([probe(1), probe(1), probe(2)]))
    })
}

/// Whether the clock stood still for every probe, and the hash followed from its seed.
fn judge(probes: [Option<u64>; 3]) -> Interception {
    match probes {
        [Some(one), Some(same), Some(other)] if one == same && one != other => Interception::Active,
        _ => Interception::Ineffective,
    }
}

/// As the condition of `mod libc`.
const SUPPORTED: bool = cfg!(all(
    target_os = "linux",
    target_env = "gnu",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    not(target_feature = "crt-static"),
    not(miri)
));

/// What a fresh thread hashes to under `seed`, if its clock stands still where a run's does.
fn probe(seed: u64) -> Option<u64> {
    let look = move || {
        during(seed, || {
            simulated(|| {
                let wall_ns = u64::try_from(Clocks::at(0).wall_ns).ok()?;
                let is_virtual =
                    SystemTime::now() == SystemTime::UNIX_EPOCH + Duration::from_nanos(wall_ns);
                is_virtual.then(|| RandomState::new().hash_one(0))
            })
        })
    };
    std::thread::spawn(look).join().ok().flatten()
}

/// Draws what this thread keeps for good: the keys of `std`'s hash maps, and the generator of
/// `fastrand`, which would otherwise depend on the number of the thread.
///
/// Drawn here, they do not depend on which task asks first.
pub(crate) fn seed_thread(seed: u64) {
    debug_assert!(is_simulated(), "keys are drawn from the seed");
    drop(RandomState::new());
    fastrand::seed(value(seed, FASTRAND, 0));
}

/// The stream of the generator of `fastrand`.
const FASTRAND: u64 = 0x6661_7374_7261_6e64;

#[cfg(test)]
mod tests {
    use super::{Interception, interception, judge};

    #[test]
    fn it_works_in_this_binary() {
        assert_eq!(interception(), Interception::Active);
    }

    #[test]
    fn a_real_clock_and_a_real_hash_are_seen() {
        assert_eq!(judge([Some(1), Some(1), Some(2)]), Interception::Active);
        assert_eq!(judge([None, None, None]), Interception::Ineffective);
        assert_eq!(
            judge([Some(1), Some(2), Some(3)]),
            Interception::Ineffective
        );
        assert_eq!(
            judge([Some(1), Some(1), Some(1)]),
            Interception::Ineffective
        );
    }
}
