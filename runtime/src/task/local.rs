//! Values that a task has while it runs.
//!
//! Owns when they are there: while a scope around the running future is polled or dropped. Knows
//! nothing of what they are.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;

use pin_project_lite::pin_project;

/// A value that code may look at as long as it runs inside of a [`scope`](Self::scope) of it.
///
/// Made by [`task_local!`](crate::task_local). What a task spawns is not inside of its scopes.
///
/// # Examples
/// ```
/// simoom::task_local! {
///     /// Whom this request is for.
///     static USER: String;
/// }
///
/// fn greet() -> String {
///     USER.with(|user| format!("hello {user}"))
/// }
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let task = USER.scope("ann".to_owned(), async { greet() });
/// assert_eq!(simoom::spawn(task).await.unwrap(), "hello ann");
/// assert!(USER.try_with(|_| ()).is_err());
/// # });
/// ```
pub struct LocalKey<T: 'static> {
    #[doc(hidden)]
    pub inner: thread::LocalKey<RefCell<Option<T>>>,
}

impl<T: 'static> LocalKey<T> {
    /// Runs `future` with `value` there, whenever it is polled and when it is dropped.
    ///
    /// # Cancel safety
    /// As that of `future`.
    pub fn scope<F: Future>(&'static self, value: T, future: F) -> TaskLocalFuture<T, F> {
        TaskLocalFuture {
            key: self,
            value: Some(value),
            future: Some(future),
        }
    }

    /// Runs `f` with `value` there.
    ///
    /// # Panics
    /// If the value is being looked at, in a `with` further up the stack.
    ///
    /// # Examples
    /// ```
    /// simoom::task_local! { static DEPTH: u32; }
    /// assert_eq!(DEPTH.sync_scope(1, || DEPTH.get() + 1), 2);
    /// ```
    #[track_caller]
    pub fn sync_scope<R>(&'static self, value: T, f: impl FnOnce() -> R) -> R {
        let mut value = Some(value);
        match self.swapped(&mut value, f) {
            Ok(output) => output,
            Err(error) => error.panic(),
        }
    }

    /// Runs `f` with a look at the value.
    ///
    /// # Panics
    /// Outside of a scope of it.
    #[track_caller]
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        match self.try_with(f) {
            Ok(output) => output,
            Err(_) => panic!(
                "a task-local value was looked at outside of its scope: poll the future inside of \
                 `LocalKey::scope`, also one that is spawned"
            ),
        }
    }

    /// Runs `f` with a look at the value.
    ///
    /// # Errors
    /// Outside of a scope of it.
    pub fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, AccessError> {
        let mut f = Some(f);
        let looked = self.inner.try_with(|slot| {
            let value = slot.borrow();
            let (value, f) = (value.as_ref()?, f.take()?);
            Some(f(value))
        });
        looked.ok().flatten().ok_or(AccessError(()))
    }

    /// A copy of the value.
    ///
    /// # Panics
    /// Outside of a scope of it.
    #[track_caller]
    pub fn get(&'static self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }

    /// A copy of the value.
    ///
    /// # Errors
    /// Outside of a scope of it.
    pub fn try_get(&'static self) -> Result<T, AccessError>
    where
        T: Clone,
    {
        self.try_with(T::clone)
    }

    /// Runs `f` while the slot holds what `value` holds, and that what the slot held.
    fn swapped<R>(
        &'static self,
        value: &mut Option<T>,
        f: impl FnOnce() -> R,
    ) -> Result<R, SwapError> {
        struct Restore<'a, T: 'static>(&'static LocalKey<T>, &'a mut Option<T>);
        impl<T> Drop for Restore<'_, T> {
            fn drop(&mut self) {
                // It was there, and is borrowed by nobody: every look at it has ended.
                let _ = self
                    .0
                    .inner
                    .try_with(|slot| mem::swap(&mut *slot.borrow_mut(), self.1));
            }
        }
        self.inner
            .try_with(|slot| match slot.try_borrow_mut() {
                Ok(mut slot) => {
                    mem::swap(&mut *slot, value);
                    Ok(())
                }
                Err(_) => Err(SwapError::Borrowed),
            })
            .unwrap_or(Err(SwapError::Gone))?;
        let _restore = Restore(self, value);
        Ok(f())
    }
}

impl<T: 'static> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").finish_non_exhaustive()
    }
}

/// Why a value cannot be put in its place.
enum SwapError {
    Borrowed,
    Gone,
}

impl SwapError {
    #[track_caller]
    fn panic(self) -> ! {
        match self {
            Self::Borrowed => {
                panic!("a scope of a task-local value was entered inside of a look at it")
            }
            Self::Gone => panic!("a scope of a task-local value was entered while its thread ends"),
        }
    }
}

pin_project! {
    /// The future of [`LocalKey::scope`].
    ///
    /// # Panics
    /// When polled or dropped inside of a look at the value.
    #[must_use = "futures do nothing unless awaited"]
    pub struct TaskLocalFuture<T: 'static, F> {
        key: &'static LocalKey<T>,
        value: Option<T>,
        #[pin]
        future: Option<F>,
    }

    impl<T: 'static, F> PinnedDrop for TaskLocalFuture<T, F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.future.is_some() {
                // Where the value cannot be put in its place, the future is dropped without it.
                let _ = this.key.swapped(this.value, || this.future.set(None));
            }
        }
    }
}

impl<T: 'static, F> TaskLocalFuture<T, F> {
    /// Takes the value out of the scope, if it is there: `None` the second time.
    ///
    /// # Examples
    /// ```
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// simoom::task_local! { static COUNT: std::cell::Cell<u32>; }
    /// let mut scope = Box::pin(COUNT.scope(0.into(), async {
    ///     COUNT.with(|count| count.set(count.get() + 1));
    /// }));
    /// scope.as_mut().await;
    /// assert_eq!(scope.as_mut().take_value().unwrap().get(), 1);
    /// # });
    /// ```
    pub fn take_value(self: Pin<&mut Self>) -> Option<T> {
        self.project().value.take()
    }
}

impl<T: 'static, F: Future> Future for TaskLocalFuture<T, F> {
    type Output = F::Output;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let polled = this.key.swapped(this.value, || {
            let polled = match this.future.as_mut().as_pin_mut() {
                Some(future) => future.poll(cx),
                None => panic!("a scope of a task-local value was polled again after it was ready"),
            };
            if polled.is_ready() {
                this.future.set(None);
            }
            polled
        });
        match polled {
            Ok(polled) => polled,
            Err(error) => error.panic(),
        }
    }
}

impl<T: 'static, F> fmt::Debug for TaskLocalFuture<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskLocalFuture").finish_non_exhaustive()
    }
}

/// A task-local value is not there: the code does not run inside of a scope of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessError(());

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the task-local value is not set here")
    }
}

impl Error for AccessError {}
