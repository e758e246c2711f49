//! Waiting for several futures in one task.

/// Waits until all of the futures are done, and returns a tuple of their outputs, in order.
///
/// The futures run in the calling task, in turns: when the task is polled, those that are not done
/// are polled, each time beginning with the next one, so that a future that is always ready does
/// not starve its neighbours. With `biased;` in front the first future is the first in every turn.
/// A future is dropped as soon as it is done; an output waits for the others.
///
/// Use it where an `await` may stand. [`spawn`](crate::spawn) runs futures beside the calling task.
///
/// # Cancel safety
/// Dropping the surrounding future drops every future that is not done, and every output.
///
/// # Examples
/// ```
/// use simoom::time::{sleep, Duration};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let slow = async {
///     sleep(Duration::from_millis(2)).await;
///     "slow"
/// };
/// let (first, second) = simoom::join!(slow, async { 2 });
/// assert_eq!((first, second), ("slow", 2));
/// # });
/// ```
#[macro_export]
macro_rules! join {
    ($($futures:tt)*) => {
        $crate::__private::join! { ($crate) $($futures)* }
    };
}

/// Waits until all of the futures have returned `Ok`, or until the first of them returns `Err`.
///
/// Returns `Ok` with a tuple of the values, in order, or the first error; then the futures that
/// are not done are dropped. All futures have the same error type. They take turns as in
/// [`join!`](crate::join), and `biased;` means the same.
///
/// # Cancel safety
/// Dropping the surrounding future drops every future that is not done, and every value.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let good = async { Ok::<_, &str>(1) };
/// let bad = async { Err::<(), _>("no") };
/// assert_eq!(simoom::try_join!(good, bad), Err("no"));
/// # });
/// ```
#[macro_export]
macro_rules! try_join {
    ($($futures:tt)*) => {
        $crate::__private::try_join! { ($crate) $($futures)* }
    };
}
