//! Entropy of the system: from the seed, whoever draws it.

use rand::Rng as _;

use crate::follows_from_the_seed;

/// A body drawn by every seed differently, and by each the same everywhere.
macro_rules! drawn {
    ($($name:ident: $body:expr;)*) => {$(
        #[test]
        fn $name() {
            let test = concat!("entropy::", stringify!($name));
            assert_eq!(follows_from_the_seed(test, $body), 10);
        }
    )*};
}

drawn! {
    rand_follows_from_the_seed: || format!("{:?}", rand::rng().next_u64());
    fastrand_follows_from_the_seed: || format!("{} {}", fastrand::u64(..), fastrand::Rng::new().u64(..));
    getrandom_04_follows_from_the_seed: || {
        let mut bytes = [0; 37];
        getrandom::fill(&mut bytes).unwrap();
        format!("{bytes:?}")
    };
    getrandom_03_follows_from_the_seed: || {
        let mut bytes = [0; 37];
        getrandom_03::fill(&mut bytes).unwrap();
        format!("{bytes:?}")
    };
    getrandom_02_follows_from_the_seed: || {
        let mut bytes = [0; 37];
        getrandom_02::getrandom(&mut bytes).unwrap();
        format!("{bytes:?}")
    };
    uuid_v4_follows_from_the_seed: || uuid::Uuid::new_v4().to_string();
    uuid_v7_of_its_own_context_follows_from_the_seed: || {
        let context = uuid::ContextV7::new();
        uuid::Uuid::new_v7(uuid::Timestamp::now(&context)).to_string()
    };
}

/// Each run has a fresh thread.
#[test]
fn thread_locals_start_anew() {
    thread_local! {
        static COUNT: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
    }
    let test = "entropy::thread_locals_start_anew";
    let distinct = follows_from_the_seed(test, || {
        COUNT.set(COUNT.get() + 1);
        COUNT.get().to_string()
    });
    assert_eq!(distinct, 1);
}
