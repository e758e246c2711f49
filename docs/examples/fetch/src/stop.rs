//! Stopping in good order.

use std::panic::resume_unwind;

use simoom::select;

/// Does `work`, and asks it to end once `stop` is ready. Returns what it returns, then or before;
/// `None` if it had nothing to return.
///
/// # Panics
/// With a panic of `work`.
///
/// # Cancel safety
/// Dropped, it lets `work` go on by itself.
///
/// # Examples
/// ```
/// use fetch::stop::until;
/// use simoom::time::{Duration, sleep};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let never = std::future::pending::<()>();
/// assert_eq!(until(never, async { "done" }).await, Some("done"));
/// let soon = sleep(Duration::from_millis(1));
/// assert_eq!(until(soon, std::future::pending::<()>()).await, None);
/// # });
/// ```
pub async fn until<T: Send + 'static>(
    stop: impl Future,
    work: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let mut working = simoom::spawn(work);
    let done = select! {
        done = &mut working => done,
        _ = stop => {
            working.cancel();
            working.await
        }
    };
    match done {
        Ok(output) => Some(output),
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        Err(_) => None,
    }
}
