//! Waiting for the first of several futures.

/// Waits for the first of several futures, drops the others and runs the first one's handler.
///
/// ```text
/// select! {
///     pattern = future => handler,
///     pattern = future, if condition => handler,
///     else => handler,
/// }
/// ```
///
/// 1. The conditions are evaluated, in order. A branch whose condition is false is disabled.
/// 2. The futures are made, in order, those of disabled branches too. None has been polled yet.
/// 3. Until one is ready, the futures of the enabled branches are polled in the calling task.
///    An output that its pattern does not match disables the branch, and the others go on.
/// 4. All futures are dropped, in order.
/// 5. The handler of the branch that matched is evaluated; that of `else` if all are disabled.
///
/// The value is that of the handler. Handlers stand in the surrounding function: `.await`, `?`,
/// `break`, `continue` and `return` work there, and what the futures had borrowed is free again.
/// There are at most 64 branches. A comma after a handler that is a block may be left out.
///
/// # Which branch is polled first
/// The first poll draws a branch to begin with; the rest follow in the order written, then from the
/// top. Later polls of the same `select!` keep to that. If several futures are ready at once, any of
/// them may win, and a loop around `select!` starves none of them.
///
/// With `biased;` in front, polling begins with the first branch. Then the order is yours, and so is
/// the care that a branch that is always ready does not keep the later ones from being polled.
///
/// # Panics
/// If all branches are disabled and there is no `else`.
///
/// # Cancel safety
/// The futures of the branches that lose are dropped where they stand: select only over futures
/// whose own documentation calls that safe, or keep them with [`pin!`](crate::pin) and select over
/// `&mut future`.
///
/// # Under simulation
/// The branch to begin with is a choice of the simulator, one for each `select!` that is polled with
/// two or more branches. Outside any runtime it is the first branch.
///
/// # Examples
/// ```
/// use simoom::time::{sleep, Duration};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let fast = async { 1 };
/// let winner = simoom::select! {
///     value = fast => value,
///     () = sleep(Duration::from_secs(60)) => 2,
/// };
/// assert_eq!(winner, 1);
/// # });
/// ```
///
/// A pattern that does not match leaves the choice to the other branches:
///
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let outcome = simoom::select! {
///     Some(value) = async { None::<u32> } => value,
///     value = async { 7 }, if false => value,
///     else => 0,
/// };
/// assert_eq!(outcome, 0);
/// # });
/// ```
///
/// A deadline for a whole loop:
///
/// ```
/// use simoom::time::{interval, sleep, Duration};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let mut ticks = interval(Duration::from_millis(1));
/// let mut count = 0;
/// let end = sleep(Duration::from_millis(20));
/// simoom::pin!(end);
/// loop {
///     simoom::select! {
///         biased;
///         () = &mut end => break,
///         _ = ticks.tick() => count += 1,
///     }
/// }
/// assert!(count > 0);
/// # });
/// ```
///
/// At least one branch is needed:
///
/// ```compile_fail
/// async fn nothing() {
///     simoom::select! {}
/// }
/// ```
#[macro_export]
macro_rules! select {
    ($($branches:tt)*) => {
        $crate::__private::select! { ($crate) $($branches)* }
    };
}
