//! The attributes that give a function a runtime.

/// Runs an `async fn` to its end on a runtime of its own.
///
/// The function may return anything that its caller accepts, in `main` anything that
/// `std::process::Termination` accepts. The runtime runs its tasks on the calling thread, with
/// timers and sockets enabled; it is dropped, and every task with it, when the function returns.
///
/// On a function that is not `main` the attribute makes an ordinary function out of an async one,
/// arguments included.
///
/// # Arguments
/// - `flavor = "current_thread"`: the only flavor there is, and the default.
/// - `start_paused = true`: the clock stands from the start; see [`time::pause`](crate::time::pause).
/// - `debug = true`: debug mode; see [`Builder::debug`](crate::runtime::Builder::debug).
/// - `shutdown = "5s"`: tasks that are left at the end are asked to end, and run for so long at most;
///   see [`Builder::shutdown_within`](crate::runtime::Builder::shutdown_within). A whole number with its
///   unit, or a `Duration`. Without it they are dropped where they are, as on tokio: a program that moved here does not wait.
/// - `crate = "path"`: where simoom is, if not at `::simoom`.
///
/// Other arguments that tokio knows are refused at compile time:
///
/// ```compile_fail
/// #[simoom::main(flavor = "multi_thread")]
/// async fn main() {}
/// ```
///
/// So is a function that is not async:
///
/// ```compile_fail
/// #[simoom::main]
/// fn main() {}
/// ```
///
/// # Panics
/// If the operating system refuses what a runtime needs, such as a descriptor for epoll or kqueue.
/// On a thread that is inside a runtime already.
///
/// # Examples
/// ```
/// #[simoom::main]
/// async fn main() -> std::io::Result<()> {
///     simoom::spawn(async { println!("hello") }).await?;
///     Ok(())
/// }
/// ```
///
/// What is left at the end may clean up, as in `asyncio.run`:
/// ```
/// use simoom::task::catch_cancel;
///
/// #[simoom::main(shutdown = "5s")]
/// async fn main() {
///     drop(simoom::spawn(async {
///         let _ = catch_cancel(std::future::pending::<()>()).await;
///         println!("all written");
///     }));
///     simoom::task::yield_now().await;
/// }
/// ```
pub use simoom_macros::main;

/// Makes a test of an `async fn`, on a runtime of its own.
///
/// Adds `#[test]` unless it is there, and keeps every other attribute, such as `#[should_panic]`
/// and `#[ignore]`. The test runs in real time; `#[simoom_sim::test]` runs one in the simulator.
///
/// # Arguments
/// - `flavor = "current_thread"`: the only flavor there is, and the default.
/// - `start_paused = true`: the clock stands from the start; see [`time::pause`](crate::time::pause).
/// - `debug = true`: debug mode; see [`Builder::debug`](crate::runtime::Builder::debug).
/// - `shutdown = "5s"`: tasks that are left at the end are asked to end, and run for so long at most;
///   see [`Builder::shutdown_within`](crate::runtime::Builder::shutdown_within). A whole number with its
///   unit, or a `Duration`. Without it they are dropped where they are, as on tokio: a program that moved here does not wait.
/// - `crate = "path"`: where simoom is, if not at `::simoom`.
///
/// # Examples
/// ```
/// #[simoom::test]
/// async fn a_task_returns_its_value() -> Result<(), simoom::task::JoinError> {
///     assert_eq!(simoom::spawn(async { 5 }).await?, 5);
///     Ok(())
/// }
///
/// #[simoom::test(start_paused = true)]
/// async fn waits_a_day() {
///     simoom::time::sleep(std::time::Duration::from_secs(86_400)).await;
/// }
/// ```
pub use simoom_macros::test;
