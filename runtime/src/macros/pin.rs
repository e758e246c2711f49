//! Pinning a future where it stands.

/// Pins values to the current block.
///
/// `pin!(a, b)` replaces the variables `a` and `b` by pinned references to their values, and
/// `pin! { let a = expression; }` declares `a` as one. What is pinned can be awaited through
/// `&mut a` several times, as a loop around [`select!`](crate::select) needs.
///
/// # Examples
/// ```
/// use simoom::time::{sleep, Duration};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let first = sleep(Duration::from_millis(1));
/// simoom::pin!(first);
/// (&mut first).await;
/// assert!(first.is_elapsed());
///
/// simoom::pin! {
///     let second = sleep(Duration::from_millis(1));
/// }
/// second.await;
/// # });
/// ```
#[macro_export]
macro_rules! pin {
    ($($value:ident),* $(,)?) => {
        $(
            #[allow(unused_mut)]
            let mut $value = ::core::pin::pin!($value);
        )*
    };
    ($(let $value:ident = $init:expr;)*) => {
        $(
            #[allow(unused_mut)]
            let mut $value = ::core::pin::pin!($init);
        )*
    };
}
