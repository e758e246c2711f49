//! Scopes, as programs use them.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::handle::{Output, Scoped, output};
use super::shared::{Close, Shared};

/// Runs `body` and what it spawns into its scope, beside each other, in the calling task, and returns
/// what `body` returns, when all have ended.
///
/// They may borrow whatever lives longer than the scope, which tasks may not: they are parts of this
/// future, polled with it. So one that keeps the thread busy keeps all waiting, all are polled
/// whenever one is woken (this is for tens, not for thousands), and a panic of one ends the scope as
/// one of `body` does. What needs a name, a handle that can stop it, or an own turn among tasks, is for
/// [`TaskGroup`](crate::TaskGroup). What must not go on when something fails, is for [`try_scope`].
///
/// What is spawned must be `Send`, so that tasks of [`spawn`](crate::spawn) may have scopes;
/// [`scope_local`] takes what is not.
///
/// # Panics
/// If it is polled again after it was ready.
///
/// # Cancel safety
/// Dropped, it drops `body` and all that was spawned, in the order in which it was, the body last.
/// When somebody asks the task around it to end, each of them answers, as branches of
/// [`join!`](crate::join) do.
///
/// # Under simulation
/// They are one task: the simulator interrupts it between two operations, and their turns are
/// those of `join!`.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use simoom::task::scope;
/// use simoom::time::{Duration, sleep};
///
/// let pages = vec!["one".to_owned(), "three".to_owned()];
/// let most = scope(async |s| {
///     let lengths = pages.iter().map(|page| {
///         s.spawn(async move {
///             sleep(Duration::from_millis(1)).await;
///             page.len()
///         })
///     });
///     let mut most = 0;
///     for length in lengths.collect::<Vec<_>>() {
///         most = most.max(length.await);
///     }
///     most
/// })
/// .await;
/// assert_eq!(most, 5);
/// assert_eq!(pages.len(), 2, "they are still there");
/// # });
/// ```
///
/// What is to be changed is moved in, as a borrow:
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let (mut evens, mut odds) = (Vec::new(), Vec::new());
/// {
///     let (evens, odds) = (&mut evens, &mut odds);
///     simoom::task::scope(async move |s| {
///         drop(s.spawn(async move { evens.extend([2, 4]) }));
///         drop(s.spawn(async move { odds.extend([1, 3]) }));
///     })
///     .await;
/// }
/// assert_eq!((evens, odds), (vec![2, 4], vec![1, 3]));
/// # });
/// ```
///
/// What lives in the body alone is too short for what it spawns:
/// ```compile_fail,E0597
/// # async fn f() {
/// simoom::task::scope(async |s| {
///     let local = String::from("gone when the body has returned");
///     drop(s.spawn(async { println!("{local}") }));
/// })
/// .await;
/// # }
/// ```
///
/// and what is borrowed cannot leave the place it was borrowed from:
/// ```compile_fail,E0597
/// # async fn f() {
/// let scope = {
///     let short = String::from("gone before the scope is awaited");
///     simoom::task::scope(async |s| drop(s.spawn(async { println!("{short}") })))
/// };
/// scope.await;
/// # }
/// ```
pub fn scope<'env, F, B>(body: B) -> InScope<Child<'env>, F>
where
    B: FnOnce(Scope<'env>) -> F,
    F: Future,
{
    let shared = Shared::new();
    let running = Running::new(shared.clone());
    InScope {
        running,
        body: Some(body(Scope { shared })),
    }
}

/// As [`scope`], of what may fail: the first error, of `body` or of what was spawned by
/// [`try_spawn`](Scope::try_spawn), drops all others and is returned.
///
/// # Errors
/// The first one.
///
/// # Cancel safety
/// As [`scope`].
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use simoom::task::try_scope;
///
/// async fn check(page: &str) -> Result<usize, String> {
///     simoom::task::yield_now().await;
///     if page.is_empty() { Err("an empty page".to_owned()) } else { Ok(page.len()) }
/// }
///
/// let pages = ["one", ""].map(str::to_owned);
/// let checked = try_scope(async |s| {
///     for page in &pages {
///         drop(s.try_spawn(check(page)));
///     }
///     // It need not end: the error does.
///     std::future::pending::<Result<(), String>>().await
/// });
/// assert_eq!(checked.await, Err("an empty page".to_owned()));
/// # });
/// ```
pub fn try_scope<'env, R, E, F, B>(body: B) -> InTryScope<Child<'env>, E, F, R>
where
    B: FnOnce(Scope<'env, E>) -> F,
    F: Future<Output = Result<R, E>>,
{
    let shared = Shared::new();
    let running = Running::new(shared.clone());
    InTryScope {
        running,
        body: Some(body(Scope { shared })),
    }
}

/// As [`scope`], of what need not be `Send`. Nor is it: it is for the future of `block_on` and for
/// tasks of [`spawn_local`](crate::task::spawn_local).
///
/// # Cancel safety
/// As [`scope`].
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use std::cell::Cell;
/// use simoom::task::{scope_local, yield_now};
///
/// let count = Cell::new(0);
/// scope_local(async |s| {
///     for _ in 0..3 {
///         drop(s.spawn(async {
///             yield_now().await;
///             count.set(count.get() + 1);
///         }));
///     }
/// })
/// .await;
/// assert_eq!(count.get(), 3);
/// # });
/// ```
pub fn scope_local<'env, F, B>(body: B) -> InScope<LocalChild<'env>, F>
where
    B: FnOnce(LocalScope<'env>) -> F,
    F: Future,
{
    let shared = Shared::new();
    let running = Running::new(shared.clone());
    InScope {
        running,
        body: Some(body(LocalScope { shared })),
    }
}

/// As [`try_scope`], of what need not be `Send`.
///
/// # Errors
/// The first one.
///
/// # Cancel safety
/// As [`scope`].
///
/// # Examples
/// See [`try_scope`] and [`scope_local`].
pub fn try_scope_local<'env, R, E, F, B>(body: B) -> InTryScope<LocalChild<'env>, E, F, R>
where
    B: FnOnce(LocalScope<'env, E>) -> F,
    F: Future<Output = Result<R, E>>,
{
    let shared = Shared::new();
    let running = Running::new(shared.clone());
    InTryScope {
        running,
        body: Some(body(LocalScope { shared })),
    }
}

/// The children of a scope, and what its body has returned.
struct Running<C, E, R> {
    children: Vec<Option<C>>,
    /// Kept for its memory.
    fresh: Vec<C>,
    output: Option<R>,
    /// Whose turn it is first, so that nobody has the budget of every poll.
    turn: usize,
    close: Close<C, E>,
}

impl<C, E, R> Running<C, E, R> {
    fn new(shared: Arc<Shared<C, E>>) -> Self {
        Self {
            children: Vec::new(),
            fresh: Vec::new(),
            output: None,
            turn: 0,
            close: Close(shared),
        }
    }

    /// Polls the body, by `poll_body`, and the children. Ready when all have ended, or one has failed:
    /// then the children are gone.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        mut poll_body: impl FnMut(&mut Context<'_>) -> Poll<Result<R, E>>,
    ) -> Poll<Result<R, E>>
    where
        C: Future<Output = ()> + Unpin,
    {
        let failed = self.poll_all(cx, &mut poll_body);
        if let Some(error) = failed {
            self.children = Vec::new();
            return Poll::Ready(Err(error));
        }
        self.turn = self.turn.wrapping_add(1);
        self.children.retain(Option::is_some);
        if self.close.0.take_spawned(&mut self.fresh) {
            self.children.extend(self.fresh.drain(..).map(Some));
            // They are polled the next time, when others have had a turn too.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if !self.children.is_empty() {
            return Poll::Pending;
        }
        match self.output.take() {
            Some(output) => Poll::Ready(Ok(output)),
            None => Poll::Pending,
        }
    }

    /// Gives each a turn. The error of the first that fails.
    fn poll_all(
        &mut self,
        cx: &mut Context<'_>,
        poll_body: &mut impl FnMut(&mut Context<'_>) -> Poll<Result<R, E>>,
    ) -> Option<E>
    where
        C: Future<Output = ()> + Unpin,
    {
        let places = self.children.len() + 1;
        for step in 0..places {
            match self.children.get_mut((self.turn + step) % places) {
                Some(child) => {
                    let polled = child.as_mut().map(|child| Pin::new(child).poll(cx));
                    if polled.is_some_and(|polled| polled.is_ready()) {
                        *child = None;
                    }
                }
                None if self.output.is_some() => {}
                None => match poll_body(cx) {
                    Poll::Ready(Ok(returned)) => self.output = Some(returned),
                    Poll::Ready(Err(error)) => return Some(error),
                    Poll::Pending => {}
                },
            }
            if let Some(error) = self.close.0.take_error() {
                return Some(error);
            }
        }
        None
    }
}

pin_project! {
    /// The future of [`scope`] and [`scope_local`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct InScope<C, F: Future> {
        // The children are dropped before the body.
        running: Running<C, Infallible, F::Output>,
        #[pin]
        body: Option<F>,
    }
}

pin_project! {
    /// The future of [`try_scope`] and [`try_scope_local`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct InTryScope<C, E, F, R> {
        running: Running<C, E, R>,
        #[pin]
        body: Option<F>,
    }
}

impl<C, F> Future for InScope<C, F>
where
    C: Future<Output = ()> + Unpin,
    F: Future,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let ended = this.running.poll(cx, |cx| {
            let body = this.body.as_mut().as_pin_mut();
            body.expect(AGAIN).poll(cx).map(Ok)
        });
        let Ok(output) = ready!(ended);
        this.body.set(None);
        Poll::Ready(output)
    }
}

impl<C, E, F, R> Future for InTryScope<C, E, F, R>
where
    C: Future<Output = ()> + Unpin,
    F: Future<Output = Result<R, E>>,
{
    type Output = Result<R, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<R, E>> {
        let mut this = self.project();
        let ended = this.running.poll(cx, |cx| {
            let body = this.body.as_mut().as_pin_mut();
            body.expect(AGAIN).poll(cx)
        });
        let ended = ready!(ended);
        this.body.set(None);
        Poll::Ready(ended)
    }
}

const AGAIN: &str = "a scope was polled again after it was ready";

impl<C, F: Future> fmt::Debug for InScope<C, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InScope").finish_non_exhaustive()
    }
}

impl<C, E, F, R> fmt::Debug for InTryScope<C, E, F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InTryScope").finish_non_exhaustive()
    }
}

/// What a [`scope`] takes: futures that may borrow what lives for `'env`, be `Send`, and fail with
/// `E`.
///
/// A clone of it may go into what is spawned, to spawn more.
///
/// # Examples
/// See [`scope`].
pub struct Scope<'env, E = Infallible> {
    shared: Arc<Shared<Child<'env>, E>>,
}

/// As [`Scope`], of futures that need not be `Send`.
///
/// # Examples
/// See [`scope_local`].
pub struct LocalScope<'env, E = Infallible> {
    shared: Arc<Shared<LocalChild<'env>, E>>,
}

/// What is spawned into a [`Scope`].
pub(crate) type Child<'env> = Pin<Box<dyn Future<Output = ()> + Send + 'env>>;
/// What is spawned into a [`LocalScope`].
pub(crate) type LocalChild<'env> = Pin<Box<dyn Future<Output = ()> + 'env>>;

impl<'env, E> Scope<'env, E> {
    /// Runs `future` in the scope, beside all others. Into a scope that has ended nothing is spawned:
    /// it is dropped.
    ///
    /// # Examples
    /// See [`scope`].
    pub fn spawn<F>(&self, future: F) -> Scoped<F::Output>
    where
        F: Future + Send + 'env,
        F::Output: Send + 'env,
    {
        let (output, scoped) = output();
        self.shared.add(Box::pin(ends(future, output)));
        scoped
    }

    /// As [`spawn`](Self::spawn), of what ends the scope if it fails. The output is that of success.
    ///
    /// # Examples
    /// See [`try_scope`].
    pub fn try_spawn<T, F>(&self, future: F) -> Scoped<T>
    where
        F: Future<Output = Result<T, E>> + Send + 'env,
        T: Send + 'env,
        E: Send + 'env,
    {
        let (output, scoped) = output();
        let shared = self.shared.clone();
        self.shared.add(Box::pin(async move {
            succeeds(future, output, &shared).await;
        }));
        scoped
    }
}

impl<'env, E> LocalScope<'env, E> {
    /// As [`Scope::spawn`].
    ///
    /// # Examples
    /// See [`scope_local`].
    pub fn spawn<F>(&self, future: F) -> Scoped<F::Output>
    where
        F: Future + 'env,
        F::Output: 'env,
    {
        let (output, scoped) = output();
        self.shared.add(Box::pin(ends(future, output)));
        scoped
    }

    /// As [`Scope::try_spawn`].
    ///
    /// # Examples
    /// See [`try_scope`].
    pub fn try_spawn<T, F>(&self, future: F) -> Scoped<T>
    where
        F: Future<Output = Result<T, E>> + 'env,
        T: 'env,
        E: 'env,
    {
        let (output, scoped) = output();
        let shared = self.shared.clone();
        self.shared.add(Box::pin(async move {
            succeeds(future, output, &shared).await;
        }));
        scoped
    }
}

async fn ends<F: Future>(future: F, output: Output<F::Output>) {
    output.set(future.await);
}

async fn succeeds<T, C, E>(
    future: impl Future<Output = Result<T, E>>,
    output: Output<T>,
    shared: &Shared<C, E>,
) {
    match future.await {
        Ok(value) => output.set(value),
        Err(error) => shared.fail(error),
    }
}

impl<E> Clone for Scope<'_, E> {
    fn clone(&self) -> Self {
        let shared = self.shared.clone();
        Self { shared }
    }
}

impl<E> Clone for LocalScope<'_, E> {
    fn clone(&self) -> Self {
        let shared = self.shared.clone();
        Self { shared }
    }
}

impl<E> fmt::Debug for Scope<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}

impl<E> fmt::Debug for LocalScope<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalScope").finish_non_exhaustive()
    }
}
