//! The macros, outside a runtime where they work there and inside one where that matters.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use futures::executor::block_on;
use simoom::{join, pin, select, try_join};

mod entry {
    #[simoom::test]
    async fn a_test_runs_inside_a_runtime() {
        assert_eq!(simoom::spawn(async { 5 }).await.unwrap(), 5);
    }

    #[simoom::test(flavor = "current_thread", crate = "simoom")]
    async fn a_test_may_return_a_result() -> Result<(), simoom::task::JoinError> {
        simoom::spawn(async {}).await?;
        Ok(())
    }

    #[simoom::test]
    #[should_panic(expected = "on purpose")]
    async fn a_test_keeps_its_other_attributes() {
        panic!("on purpose");
    }

    #[simoom::test]
    #[test]
    async fn a_test_that_is_one_already_stays_one() {}

    #[simoom::main]
    async fn sum<T: std::ops::Add<Output = T>>(left: T, right: T) -> T {
        simoom::task::yield_now().await;
        left + right
    }

    #[simoom::main]
    async fn first_word(text: &str) -> impl Iterator<Item = char> {
        text.split(' ').next().unwrap_or_default().chars()
    }

    #[simoom::main]
    async fn fail(text: &str) -> Result<u32, Box<dyn std::error::Error>> {
        let number: u32 = text.parse()?;
        Ok(number)
    }

    #[test]
    fn main_makes_an_ordinary_function_of_any_async_one() {
        assert_eq!(sum(2, 3), 5);
        assert_eq!(first_word("ab cd").collect::<String>(), "ab");
        assert_eq!(fail("5").unwrap(), 5);
        assert!(fail("five").is_err());
    }
}

/// What `simoom_sim::test` expands to, with a simulator that runs everything once.
mod sim_test {
    use simoom_macros::sim_test;

    mod double {
        use std::future::Future;
        use std::time::Duration;

        #[derive(Debug, Default)]
        pub(super) struct Config {
            pub(super) seeds: u64,
            pub(super) time: Duration,
            pub(super) shrink: Option<bool>,
        }

        impl Config {
            pub(super) fn seeds(mut self, seeds: u64) -> Self {
                self.seeds = seeds;
                self
            }

            pub(super) fn time(mut self, time: Duration) -> Self {
                self.time = time;
                self
            }

            pub(super) fn shrink(mut self, shrink: bool) -> Self {
                self.shrink = Some(shrink);
                self
            }
        }

        pub(super) struct Sim(pub(super) u64);

        pub(super) mod __private {
            use super::*;

            pub(in super::super) trait Outcome {
                fn error(self) -> Option<String>;
            }

            impl Outcome for () {
                fn error(self) -> Option<String> {
                    None
                }
            }

            impl<E: std::fmt::Debug> Outcome for Result<(), E> {
                fn error(self) -> Option<String> {
                    self.err().map(|error| format!("{error:?}"))
                }
            }

            pub(in super::super) fn run_test<F, R>(
                config: Config,
                mark: &'static str,
                file: &'static str,
                directory: &'static str,
                package: &'static str,
                body: F,
            ) where
                F: Fn(Sim) -> R + Send + Sync + 'static,
                R: Future<Output: Outcome> + 'static,
            {
                let marked: Vec<_> = mark.trim_end_matches('\u{1}').split('\u{1}').collect();
                let ["", "simoom test", module, name] = marked[..] else {
                    panic!("{mark:?}");
                };
                assert_eq!(module, "macros::sim_test");
                assert!(file.ends_with("tests/macros.rs"), "{file}");
                assert!(directory.ends_with("runtime"), "{directory}");
                assert_eq!(package, "simoom");
                if name == "settings_reach_the_configuration" {
                    assert_eq!(config.seeds, 500);
                    assert_eq!(config.time, Duration::from_millis(1_500));
                    assert_eq!(config.shrink, Some(false));
                }
                for _ in 0..2 {
                    let error = futures::executor::block_on(body(Sim(7))).error();
                    assert_eq!(error, None);
                }
            }
        }
    }

    use double::Sim;

    #[sim_test(seeds = 500, time = "1_500ms", shrink = false, crate = "double")]
    async fn settings_reach_the_configuration(sim: Sim) {
        assert_eq!(sim.0, 7);
    }

    #[sim_test(crate = "double")]
    async fn the_simulator_may_be_left_out() {}

    #[sim_test(crate = "double")]
    async fn a_result_may_be_returned(mut sim: Sim) -> Result<(), std::num::ParseIntError> {
        sim.0 = "5".parse()?;
        assert_eq!(sim.0, 5);
        Ok(())
    }

    #[sim_test(crate = "double")]
    #[should_panic(expected = "InvalidDigit")]
    async fn an_error_fails_the_test(_sim: Sim) -> Result<(), std::num::ParseIntError> {
        "five".parse::<u32>()?;
        Ok(())
    }
}

/// Pending `polls` times, then ready with `value`.
async fn after<T>(polls: u32, value: T) -> T {
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
    value
}

/// Adds its name to a list when it is dropped.
struct Note<'a>(&'a RefCell<Vec<&'static str>>, &'static str);

impl Drop for Note<'_> {
    fn drop(&mut self) {
        self.0.borrow_mut().push(self.1);
    }
}

mod select_branches {
    use super::*;

    #[test]
    fn the_first_ready_branch_wins() {
        let winner = block_on(async {
            select! {
                text = after(3, "slow") => text,
                text = after(1, "fast") => text,
                _ = pending::<()>() => "never",
            }
        });
        assert_eq!(winner, "fast");
    }

    #[test]
    fn outside_a_runtime_the_first_branch_is_polled_first() {
        block_on(async {
            for _ in 0..50 {
                select! {
                    () = ready(()) => {}
                    () = ready(()) => panic!("the second branch won"),
                }
            }
        });
    }

    #[test]
    fn a_condition_disables_its_branch_and_the_future_is_made_nevertheless() {
        let made = Cell::new(0);
        let make = |value| {
            made.set(made.get() + 1);
            ready(value)
        };
        let (yes, no) = (true, false);
        let winner = block_on(async {
            select! {
                value = make(1), if yes && no => value,
                value = make(2), if no || yes => value,
            }
        });
        assert_eq!(winner, 2);
        assert_eq!(made.get(), 2);
    }

    #[test]
    fn a_future_that_is_disabled_is_never_polled() {
        let outcome = block_on(async {
            select! {
                () = async { panic!("polled") }, if false => 1,
                else => 2,
            }
        });
        assert_eq!(outcome, 2);
    }

    #[test]
    fn a_pattern_that_does_not_match_disables_its_branch() {
        let winner = block_on(async {
            select! {
                Some(value) = ready(None) => value,
                Ok(value) = ready(Err::<u32, u32>(5)) => value,
                value = after(2, 7) => value,
            }
        });
        assert_eq!(winner, 7);
    }

    #[test]
    fn else_runs_when_every_branch_is_disabled() {
        let outcome = block_on(async {
            select! {
                Some(value) = after(1, None) => value,
                Some(value) = after(2, None) => value,
                else => 9,
            }
        });
        assert_eq!(outcome, 9);
        assert_eq!(
            block_on(async {
                select! { else => 3 }
            }),
            3
        );
    }

    #[test]
    #[should_panic(expected = "all branches of a `select!` without `else` are disabled")]
    fn without_else_it_panics_when_every_branch_is_disabled() {
        block_on(async {
            select! {
                Some(()) = ready(None) => {}
            }
        });
    }

    #[test]
    fn every_sort_of_pattern_works() {
        const FIVE: u32 = 5;
        #[derive(Debug)]
        struct Pair {
            left: String,
            right: Option<u32>,
        }
        enum Shape {
            Round(u32),
            Square(u32),
            Flat,
        }
        let number = 3;
        block_on(async {
            let pair = || Pair {
                left: "text".to_owned(),
                right: Some(1),
            };
            let text = select! { Pair { left, right: Some(1) } = ready(pair()) => left };
            assert_eq!(text, "text");
            let text = select! { ref text = ready("a".to_owned()) => text.len() };
            assert_eq!(text, 1);
            let text = select! {
                Pair { ref mut left, .. } = ready(pair()) => {
                    left.push('s');
                    left.clone()
                }
            };
            assert_eq!(text, "texts");
            assert_eq!(select! { mut n = ready(1) => { n += 1; n } }, 2);
            assert_eq!(select! { &n = ready(&number) => n }, 3);
            assert_eq!(select! { Some(&n) = ready(Some(&number)) => n }, 3);
            assert_eq!(select! { FIVE = ready(5) => 1, else => 0 }, 1);
            assert_eq!(select! { FIVE = ready(6) => 1, else => 0 }, 0);
            assert_eq!(select! { None = ready(Some(1)) => 1, else => 0 }, 0);
            assert_eq!(select! { n @ 1..=9 = ready(5) => n, else => 0 }, 5);
            assert_eq!(select! { 1 | 5 = ready(5) => 1, else => 0 }, 1);
            assert_eq!(
                select! { [first, .., last] = ready([1, 2, 3]) => first + last },
                4
            );
            let size = |shape| async {
                select! {
                    Shape::Round(n) | Shape::Square(n) = ready(shape) => n,
                    else => 0,
                }
            };
            assert_eq!(size(Shape::Round(1)).await, 1);
            assert_eq!(size(Shape::Square(2)).await, 2);
            assert_eq!(size(Shape::Flat).await, 0);
        });
    }

    #[test]
    fn futures_are_dropped_in_order_before_the_handler_runs() {
        let notes = RefCell::new(Vec::new());
        let keep = |name| {
            let note = Note(&notes, name);
            async move {
                let _note = note;
                pending::<()>().await;
            }
        };
        block_on(async {
            select! {
                () = keep("first") => {}
                () = after(1, ()) => notes.borrow_mut().push("handler"),
                () = keep("third") => {}
            }
        });
        assert_eq!(*notes.borrow(), ["first", "third", "handler"]);
    }

    #[test]
    fn a_handler_may_use_what_the_futures_borrowed() {
        block_on(async {
            let mut values = vec![1];
            select! {
                length = async { values.push(2); values.len() } => values.push(length),
                () = pending() => values.clear(),
            }
            assert_eq!(values, [1, 2, 2]);
        });
    }

    #[test]
    fn a_handler_may_await_and_leave_in_every_way() {
        async fn leave(how: u32) -> Result<u32, String> {
            let mut rounds = 0;
            let value = 'outer: loop {
                rounds += 1;
                select! {
                    how = ready(how) => match how {
                        0 => return Ok(100),
                        1 => break 'outer after(1, 10).await,
                        2 if rounds < 3 => continue,
                        2 => break rounds,
                        _ => Err("no")?,
                    },
                }
            };
            Ok(value)
        }
        assert_eq!(block_on(leave(0)), Ok(100));
        assert_eq!(block_on(leave(1)), Ok(10));
        assert_eq!(block_on(leave(2)), Ok(3));
        assert_eq!(block_on(leave(3)), Err("no".to_owned()));
    }

    #[test]
    fn futures_may_be_kept_across_rounds() {
        block_on(async {
            let slow = after(5, "slow");
            pin!(slow);
            let mut rounds = 0;
            loop {
                select! {
                    biased;
                    text = &mut slow => {
                        assert_eq!(text, "slow");
                        break;
                    }
                    () = after(1, ()) => rounds += 1,
                }
            }
            assert!(rounds > 0);
        });
    }

    #[test]
    fn names_of_the_expansion_do_not_meet_those_of_the_user() {
        block_on(async {
            let (disabled, start, cx, branch, value) = (1, 2, 3, 4, 5);
            let (future0, future1, waiting, offset) = (6, 7, 8, 9);
            let sum = select! {
                biased;
                found = ready(disabled + start + cx + branch + value), if offset == 9 => {
                    found + future0 + future1 + waiting + offset
                }
                matches = ready(future0) => matches,
            };
            assert_eq!(sum, 45);
        });
    }

    #[test]
    fn selects_nest() {
        let value = block_on(async {
            select! {
                value = async { select! { n = ready(1) => n + 1, m = pending::<u32>() => m } } => {
                    select! { n = ready(value) => n * 10 }
                }
                n = pending::<u32>() => n,
            }
        });
        assert_eq!(value, 20);
    }

    #[test]
    fn the_surrounding_future_may_be_sent() {
        fn send<T: Send>(value: T) -> T {
            value
        }
        let future = send(async {
            select! {
                n = after(1, 1) => n,
                () = pending() => 2,
            }
        });
        assert_eq!(block_on(future), 1);
    }

    #[test]
    fn sixty_four_branches_work() {
        macro_rules! wide {
            ($($number:literal)*) => {
                select! { $(Some(n) = ready(($number == 64).then_some($number)) => n,)* }
            };
        }
        let last = block_on(async {
            wide!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30
                31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58
                59 60 61 62 63 64)
        });
        assert_eq!(last, 64);
    }

    #[test]
    fn a_select_holds_each_future_once() {
        let big = || async {
            let bytes = [1_u8; 1_000];
            after(1, ()).await;
            bytes.len()
        };
        let one = size_of_val(&big());
        let select = size_of_val(&async {
            select! { n = big() => n, n = big() => n }
        });
        assert!(select < 3 * one, "{select} bytes for two futures of {one}");
        let join = size_of_val(&async { join!(big(), big()) });
        assert!(join < 3 * one, "{join} bytes for two futures of {one}");
    }
}

mod select_order {
    use super::*;

    /// The branches that one `select!` polled, in order, until the third was ready.
    async fn polled(rounds: u32) -> Vec<u32> {
        let order = RefCell::new(Vec::new());
        let branch = |number| {
            let order = &order;
            let mut left = rounds;
            poll_fn(move |cx| {
                order.borrow_mut().push(number);
                left -= 1;
                if left == 0 {
                    return Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            })
        };
        select! {
            () = branch(0) => {}
            () = branch(1) => {}
            () = branch(2) => {}
        }
        order.into_inner()
    }

    #[simoom::test]
    async fn the_first_branch_is_drawn_once_for_each_select() {
        let mut starts = [0; 3];
        for _ in 0..200 {
            let order = polled(3).await;
            let first = order[0];
            starts[first as usize] += 1;
            let turn = [first, (first + 1) % 3, (first + 2) % 3];
            assert_eq!(order, [&turn[..], &turn[..], &turn[..1]].concat());
        }
        assert!(starts.iter().all(|&count| count > 0), "{starts:?}");
    }

    #[simoom::test]
    async fn biased_polls_in_the_order_written() {
        for _ in 0..100 {
            select! {
                biased;
                () = ready(()) => {}
                () = ready(()) => panic!("the second branch won"),
            }
        }
    }
}

mod join_futures {
    use super::*;

    #[test]
    fn outputs_come_in_the_order_of_the_futures() {
        let outputs = block_on(async { join!(after(3, 'a'), ready("b"), after(1, 3),) });
        assert_eq!(outputs, ('a', "b", 3));
        assert_eq!(block_on(async { join!(biased; ready(1)) }), (1,));
        block_on(async { join!() });
    }

    #[test]
    fn a_future_that_is_done_is_dropped_and_not_polled_again() {
        let notes = RefCell::new(Vec::new());
        block_on(async {
            let quick = async {
                let _note = Note(&notes, "quick");
            };
            let slow = async {
                after(2, ()).await;
                notes.borrow_mut().push("slow");
            };
            join!(quick, slow)
        });
        assert_eq!(*notes.borrow(), ["quick", "slow"]);
    }

    #[test]
    fn neighbours_take_turns_in_going_first() {
        let order = |biased: bool| {
            let order = RefCell::new(Vec::new());
            let note = |number| {
                let order = &order;
                let mut left = 3;
                poll_fn(move |cx| {
                    order.borrow_mut().push(number);
                    left -= 1;
                    cx.waker().wake_by_ref();
                    if left == 0 {
                        Poll::Ready(())
                    } else {
                        Poll::Pending
                    }
                })
            };
            if biased {
                block_on(async { join!(biased; note(0), note(1)) });
            } else {
                block_on(async { join!(note(0), note(1)) });
            }
            order.into_inner()
        };
        assert_eq!(order(false), [0, 1, 1, 0, 0, 1]);
        assert_eq!(order(true), [0, 1, 0, 1, 0, 1]);
    }

    #[simoom::test]
    async fn a_busy_future_does_not_starve_its_neighbour() {
        let done = Cell::new(false);
        let busy = async {
            while !done.get() {
                simoom::time::sleep(std::time::Duration::ZERO).await;
            }
        };
        let other = async {
            simoom::time::sleep(std::time::Duration::ZERO).await;
            done.set(true);
        };
        join!(busy, other);
    }

    #[test]
    fn the_first_error_ends_a_try_join() {
        let dropped = Rc::new(Cell::new(false));
        struct SetOnDrop(Rc<Cell<bool>>);
        impl Drop for SetOnDrop {
            fn drop(&mut self) {
                self.0.set(true);
            }
        }
        let guard = SetOnDrop(dropped.clone());
        let result: Result<(u32, ()), &str> = block_on(async {
            let waits = async move {
                let _guard = guard;
                pending().await
            };
            let result = try_join!(waits, after(2, Err("no")));
            assert!(dropped.get(), "the others are dropped first");
            result
        });
        assert_eq!(result, Err("no"));
    }

    #[test]
    fn values_come_when_every_future_succeeded() {
        let result = block_on(async {
            try_join!(after(2, Ok::<_, ()>(1)), async { Ok("b") }, biased_pair())
        });
        assert_eq!(result, Ok((1, "b", (2, 3))));
    }

    async fn biased_pair() -> Result<(u32, u32), ()> {
        try_join!(biased; ready(Ok(2)), ready(Ok(3)))
    }

    #[test]
    fn a_question_mark_works_on_the_result() {
        async fn both() -> Result<u32, String> {
            let (left, right) = try_join!(ready(Ok::<_, String>(1)), ready(Ok(2)))?;
            Ok(left + right)
        }
        assert_eq!(block_on(both()), Ok(3));
    }
}

mod pinned {
    use super::*;

    static POLLS: AtomicUsize = AtomicUsize::new(0);

    async fn count() {
        POLLS.fetch_add(1, Ordering::Relaxed);
        after(1, ()).await;
    }

    #[test]
    fn both_forms_pin() {
        fn is_pinned<F: Future>(_: &Pin<&mut F>) {}
        block_on(async {
            let (one, two) = (count(), count());
            pin!(one, two);
            is_pinned(&one);
            (&mut one).await;
            two.await;
            pin! {
                let three = count();
                let four = after(1, 4);
            }
            three.await;
            assert_eq!((&mut four).await, 4);
        });
        assert_eq!(POLLS.load(Ordering::Relaxed), 3);
    }
}
