//! Assertions of programs: in neither world do they change what the program does.

use std::cell::Cell;

use simoom::{
    assert_always, assert_always_greater_than_or_equal_to, assert_always_or_unreachable,
    assert_always_some, assert_reachable, assert_sometimes, assert_sometimes_all,
    assert_sometimes_less_than,
};
use simoom_tests::both;

both! {
    async fn what_is_to_hold_always_is_evaluated_once() {
        let evaluated = Cell::new(0);
        let count = |value: u32| {
            evaluated.set(evaluated.get() + 1);
            value
        };
        assert_always!(count(1) == 1, "once");
        assert_eq!(evaluated.get(), 1);
        assert_always_or_unreachable!(count(1) == 1, "once more", "{}", count(1));
        assert_eq!(evaluated.get(), 2, "what is told of a failure is not evaluated");
        assert_always_greater_than_or_equal_to!(count(2), count(2), "each once");
        assert_eq!(evaluated.get(), 4);
        assert_always_some!({one: count(1) == 1, two: count(1) == 2}, "each of them, though one does");
        assert_eq!(evaluated.get(), 6);
    }

    async fn what_need_not_hold_changes_nothing() {
        let before = simoom::time::Instant::now();
        let count = 7;
        assert_sometimes!(count == 8, "eight");
        assert_sometimes_less_than!(count, 3, "few");
        assert_sometimes_all!({seven: count == 7, eight: count == 8}, "seven and eight");
        assert_reachable!("here");
        simoom::task::yield_now().await;
        assert!(before.elapsed() < std::time::Duration::from_secs(60));
    }

    async fn a_name_of_the_macros_own_does_not_hide_the_users() {
        let (holds, left, right) = (1, 2, 3);
        assert_always!(holds == 1, "the user's");
        assert_always_greater_than_or_equal_to!(right, left, "the user's too", "{holds}");
        assert_sometimes_less_than!(left, right, "and these");
    }
}
