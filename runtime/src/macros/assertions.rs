//! Assertions that say what many runs together must show.

/// Asserts that a condition holds whenever the program comes here, and that some run does.
///
/// In a simulation a condition that does not hold fails the run at this place; the program goes on
/// as if nothing were, since it does so in production too. There, it is one event at `ERROR` level
/// with the target `simoom::assertion`, and nothing else happens: unlike `assert!`, this never
/// panics. So an assertion can be put where giving up would be worse than going on.
///
/// The message is a literal, which tells the assertion from others of its module. A format string
/// and its arguments may follow, which are written only if the condition does not hold.
///
/// While the condition holds, production pays for evaluating it and for one look at the thread.
/// A sweep counts how often each assertion was reached and held: see
/// `simoom_sim::Report::assertions`, and `Config::cover` for sweeps that fail if one never was.
///
/// # Examples
/// ```
/// fn take(stock: &mut u32, count: u32) {
///     simoom::assert_always!(*stock >= count, "nothing is taken that is not there", "{stock}");
///     *stock = stock.saturating_sub(count);
/// }
///
/// let mut stock = 5;
/// take(&mut stock, 2);
/// take(&mut stock, 9); // This is production: the log is told, and the program goes on.
/// assert_eq!(stock, 0);
/// ```
#[macro_export]
macro_rules! assert_always {
    ($condition:expr, $message:literal $(, $($detail:tt)*)?) => {
        $crate::__asserted!(Always, $condition, $message, [$($($detail)*)?])
    };
}

/// Asserts that a condition holds whenever the program comes here; no run need come.
///
/// Otherwise as [`assert_always!`].
///
/// # Examples
/// ```
/// fn recover(torn: u32) {
///     simoom::assert_always_or_unreachable!(torn <= 1, "one record at most is torn");
/// }
///
/// recover(1);
/// ```
#[macro_export]
macro_rules! assert_always_or_unreachable {
    ($condition:expr, $message:literal $(, $($detail:tt)*)?) => {
        $crate::__asserted!(AlwaysOrUnreachable, $condition, $message, [$($($detail)*)?])
    };
}

/// Asserts that a condition holds at least once in all the runs of a sweep.
///
/// It says that tests get somewhere: that a cache is full now and then, that a retry is needed, that
/// a leader is deposed while it writes. Put one at each place that is easily missed.
///
/// In production nothing is evaluated, the condition neither: it must have no effect.
///
/// # Under simulation
/// Counted; see `simoom_sim::Report::assertions`. Fails nothing by itself: a sweep that is told to
/// `cover` the module fails if the condition never held.
///
/// # Examples
/// ```
/// fn send(queue: &[u8], limit: usize) {
///     simoom::assert_sometimes!(queue.len() == limit, "the queue is full");
///     // …
/// }
///
/// send(&[1, 2], 8);
/// ```
#[macro_export]
macro_rules! assert_sometimes {
    ($condition:expr, $message:literal $(,)?) => {
        $crate::__counted!(Sometimes, $condition, $message)
    };
}

/// Asserts that some run of a sweep comes here.
///
/// # Under simulation
/// As [`assert_sometimes!`] with a condition that always holds. In production it does nothing.
///
/// # Examples
/// ```
/// fn retry(attempt: u32) {
///     if attempt == 3 {
///         simoom::assert_reachable!("the third attempt is needed");
///     }
/// }
///
/// retry(1);
/// ```
#[macro_export]
macro_rules! assert_reachable {
    ($message:literal $(,)?) => {
        $crate::__counted!(Reachable, true, $message)
    };
}

/// Asserts that no run ever comes here.
///
/// In a simulation, coming here fails the run; in production it is an event of the log, as with
/// [`assert_always!`], and the program goes on.
///
/// # Examples
/// ```
/// fn close(is_open: bool) {
///     if !is_open {
///         simoom::assert_unreachable!("nothing is closed twice", "{is_open}");
///         return;
///     }
///     // …
/// }
///
/// close(true);
/// ```
#[macro_export]
macro_rules! assert_unreachable {
    ($message:literal $(, $($detail:tt)*)?) => {
        $crate::__asserted!(Unreachable, false, $message, [$($($detail)*)?])
    };
}

/// Asserts that the first number is greater than the second whenever the program comes here.
///
/// As [`assert_always!`], and the report has the two numbers with the least difference of all runs:
/// how much room there was. Numbers are whole numbers of one type, or `Duration`s. Floats do not
/// compile: the report's two numbers are exact. Compare them in a whole number of some unit, or by
/// [`assert_always!`].
///
/// ```compile_fail,E0277
/// simoom::assert_always_greater_than!(0.5, 0.25, "there is more");
/// ```
///
/// # Examples
/// ```
/// # use std::time::Duration;
/// let (lease, left) = (Duration::from_secs(10), Duration::from_secs(4));
/// simoom::assert_always_greater_than!(left, Duration::ZERO, "the lease is held", "of {lease:?}");
/// ```
#[macro_export]
macro_rules! assert_always_greater_than {
    ($left:expr, $right:expr, $message:literal $(, $($detail:tt)*)?) => {
        $crate::__compared!(Always, $left, >, $right, $message, [$($($detail)*)?])
    };
}

/// Asserts that the first number is not less than the second whenever the program comes here.
///
/// See [`assert_always_greater_than!`].
///
/// # Examples
/// ```
/// let (acknowledged, quorum) = (2, 2);
/// simoom::assert_always_greater_than_or_equal_to!(acknowledged, quorum, "a quorum has it");
/// ```
#[macro_export]
macro_rules! assert_always_greater_than_or_equal_to {
    ($left:expr, $right:expr, $message:literal $(, $($detail:tt)*)?) => {
        $crate::__compared!(Always, $left, >=, $right, $message, [$($($detail)*)?])
    };
}

/// Asserts that the first number is less than the second whenever the program comes here.
///
/// See [`assert_always_greater_than!`].
///
/// # Examples
/// ```
/// let queue = [1, 2, 3];
/// simoom::assert_always_less_than!(queue.len(), 1_000, "the queue stays short");
/// ```
#[macro_export]
macro_rules! assert_always_less_than {
    ($left:expr, $right:expr, $message:literal $(, $($detail:tt)*)?) => {
        $crate::__compared!(Always, $left, <, $right, $message, [$($($detail)*)?])
    };
}

/// Asserts that the first number is not greater than the second whenever the program comes here.
///
/// See [`assert_always_greater_than!`].
///
/// # Examples
/// ```
/// let (used, limit) = (64_u64, 64_u64);
/// simoom::assert_always_less_than_or_equal_to!(used, limit, "the budget is kept");
/// ```
#[macro_export]
macro_rules! assert_always_less_than_or_equal_to {
    ($left:expr, $right:expr, $message:literal $(, $($detail:tt)*)?) => {
        $crate::__compared!(Always, $left, <=, $right, $message, [$($($detail)*)?])
    };
}

/// Asserts that the first number is greater than the second at least once in all the runs of a sweep.
///
/// As [`assert_sometimes!`], and the report has the two numbers with the greatest difference of all
/// runs: how far tests get. In production neither number is evaluated.
///
/// # Examples
/// ```
/// let retries = 0;
/// simoom::assert_sometimes_greater_than!(retries, 3, "many retries are needed");
/// ```
#[macro_export]
macro_rules! assert_sometimes_greater_than {
    ($left:expr, $right:expr, $message:literal $(,)?) => {
        $crate::__reached!($left, >, $right, $message)
    };
}

/// Asserts that the first number is not less than the second at least once in all the runs of a
/// sweep.
///
/// See [`assert_sometimes_greater_than!`].
///
/// # Examples
/// ```
/// let (queued, limit) = (2, 8);
/// simoom::assert_sometimes_greater_than_or_equal_to!(queued, limit, "the queue is full");
/// ```
#[macro_export]
macro_rules! assert_sometimes_greater_than_or_equal_to {
    ($left:expr, $right:expr, $message:literal $(,)?) => {
        $crate::__reached!($left, >=, $right, $message)
    };
}

/// Asserts that the first number is less than the second at least once in all the runs of a sweep.
///
/// See [`assert_sometimes_greater_than!`].
///
/// # Examples
/// ```
/// let (read, asked) = (512, 512);
/// simoom::assert_sometimes_less_than!(read, asked, "a read is short");
/// ```
#[macro_export]
macro_rules! assert_sometimes_less_than {
    ($left:expr, $right:expr, $message:literal $(,)?) => {
        $crate::__reached!($left, <, $right, $message)
    };
}

/// Asserts that the first number is not greater than the second at least once in all the runs of a
/// sweep.
///
/// See [`assert_sometimes_greater_than!`].
///
/// # Examples
/// ```
/// let free = 7;
/// simoom::assert_sometimes_less_than_or_equal_to!(free, 0, "nothing is free");
/// ```
#[macro_export]
macro_rules! assert_sometimes_less_than_or_equal_to {
    ($left:expr, $right:expr, $message:literal $(,)?) => {
        $crate::__reached!($left, <=, $right, $message)
    };
}

/// Asserts that one of several named conditions holds at least, whenever the program comes here.
///
/// As [`assert_always!`], of `a || b || …`, but every condition is evaluated, once each and in their
/// order, and what is told when none holds has their names.
///
/// # Examples
/// ```
/// let (is_leader, knows_leader, is_voting) = (false, true, false);
/// simoom::assert_always_some!(
///     {leads: is_leader, follows: knows_leader, votes: is_voting},
///     "a member does something"
/// );
/// ```
#[macro_export]
macro_rules! assert_always_some {
    ({$($name:ident: $condition:expr),+ $(,)?}, $message:literal $(,)?) => {
        $crate::__asserted!(
            Always,
            $crate::__held!($($condition),+) > 0,
            $message,
            ["none of {}", $crate::__names!($($name),+)]
        )
    };
    ({$($name:ident: $condition:expr),+ $(,)?}, $message:literal, $($detail:tt)+) => {
        $crate::__asserted!(
            Always,
            $crate::__held!($($condition),+) > 0,
            $message,
            ["none of {}: {}", $crate::__names!($($name),+), ::core::format_args!($($detail)+)]
        )
    };
}

/// Asserts that several named conditions hold together at least once in all the runs of a sweep.
///
/// As [`assert_sometimes!`], of `a && b && …`, but every condition is evaluated, and the report has
/// how many of them held at once, at most, of how many there are: how far tests get.
/// In production none is evaluated.
///
/// # Examples
/// ```
/// let (retries, is_full, is_slow) = (2, true, false);
/// simoom::assert_sometimes_all!(
///     {retried: retries > 0, full: is_full, slow: is_slow},
///     "everything goes wrong at once"
/// );
/// ```
#[macro_export]
macro_rules! assert_sometimes_all {
    ({$($name:ident: $condition:expr),+ $(,)?}, $message:literal $(,)?) => {
        $crate::__reached!(
            $crate::__held!($($condition),+),
            >=,
            [$(::core::stringify!($name)),+].len(),
            $message
        )
    };
}

/// How many of several conditions hold. All are evaluated.
#[doc(hidden)]
#[macro_export]
macro_rules! __held {
    ($($condition:expr),+) => {
        $crate::__private::held_of(&[$($condition),+])
    };
}

/// Names with commas between them.
#[doc(hidden)]
#[macro_export]
macro_rules! __names {
    ($first:ident $(, $name:ident)*) => {
        ::core::concat!(::core::stringify!($first) $(, ", ", ::core::stringify!($name))*)
    };
}

/// Puts an assertion into the catalogue, and gives a reference to it.
#[doc(hidden)]
#[macro_export]
macro_rules! __assertion {
    ($rule:ident, $wants:expr, $message:literal) => {{
        #[$crate::__private::linkme::distributed_slice($crate::__private::ASSERTIONS)]
        #[linkme(crate = $crate::__private::linkme)]
        static ASSERTION: $crate::__private::Assertion = $crate::__private::Assertion {
            rule: $crate::__private::Rule::$rule,
            wants: $wants,
            message: $message,
            module: ::core::module_path!(),
            file: ::core::file!(),
            line: ::core::line!(),
            column: ::core::column!(),
        };
        &ASSERTION
    }};
}

/// Which number an operator wants to be the greater.
#[doc(hidden)]
#[macro_export]
macro_rules! __wants {
    (>) => {
        ::core::option::Option::Some($crate::__private::Side::Left)
    };
    (>=) => {
        ::core::option::Option::Some($crate::__private::Side::Left)
    };
    (<) => {
        ::core::option::Option::Some($crate::__private::Side::Right)
    };
    (<=) => {
        ::core::option::Option::Some($crate::__private::Side::Right)
    };
}

/// What is written beside a message, if anything.
#[doc(hidden)]
#[macro_export]
macro_rules! __detail {
    ([]) => {
        ::core::option::Option::None
    };
    ([$($detail:tt)+]) => {
        ::core::option::Option::Some(::core::format_args!($($detail)+))
    };
}

/// Tells of an assertion that is evaluated in every world.
#[doc(hidden)]
#[macro_export]
macro_rules! __asserted {
    ($rule:ident, $condition:expr, $message:literal, $detail:tt) => {{
        let holds: bool = $condition;
        let assertion = $crate::__assertion!($rule, ::core::option::Option::None, $message);
        $crate::__judged!(assertion, holds, ::core::option::Option::None, $detail)
    }};
}

/// Tells of what did not hold, and, where somebody counts, of what did. Only the first has details.
#[doc(hidden)]
#[macro_export]
macro_rules! __judged {
    ($assertion:expr, $holds:expr, $numbers:expr, $detail:tt) => {
        if !$holds {
            $crate::__private::tell(&$crate::__private::Seen {
                assertion: $assertion,
                holds: false,
                numbers: $numbers,
                detail: $crate::__detail!($detail),
            });
        } else if $crate::__private::is_counted() {
            $crate::__private::held($assertion, $numbers);
        }
    };
}

/// Tells of an assertion that is evaluated where somebody counts.
#[doc(hidden)]
#[macro_export]
macro_rules! __counted {
    ($rule:ident, $condition:expr, $message:literal) => {{
        if $crate::__private::is_counted() {
            let holds: bool = $condition;
            $crate::__private::tell(&$crate::__private::Seen {
                assertion: $crate::__assertion!($rule, ::core::option::Option::None, $message),
                holds,
                numbers: ::core::option::Option::None,
                detail: ::core::option::Option::None,
            });
        }
    }};
}

/// Tells of two numbers that are compared in every world.
#[doc(hidden)]
#[macro_export]
macro_rules! __compared {
    ($rule:ident, $left:expr, $operator:tt, $right:expr, $message:literal, $detail:tt) => {{
        let (left, right) = $crate::__private::pair($left, $right);
        let assertion = $crate::__assertion!($rule, $crate::__wants!($operator), $message);
        let numbers = || $crate::__private::numbers(left, right);
        let holds: bool = left $operator right;
        $crate::__judged!(assertion, holds, numbers(), $detail)
    }};
}

/// Tells of two numbers that are compared where somebody counts.
#[doc(hidden)]
#[macro_export]
macro_rules! __reached {
    ($left:expr, $operator:tt, $right:expr, $message:literal) => {{
        if $crate::__private::is_counted() {
            let (left, right) = $crate::__private::pair($left, $right);
            $crate::__private::tell(&$crate::__private::Seen {
                assertion: $crate::__assertion!(Sometimes, $crate::__wants!($operator), $message),
                holds: left $operator right,
                numbers: $crate::__private::numbers(left, right),
                detail: ::core::option::Option::None,
            });
        }
    }};
}
