//! Declaring task-local values.

/// Declares values that a task has while it runs, each a [`LocalKey`](crate::task::LocalKey).
///
/// # Examples
/// ```
/// simoom::task_local! {
///     /// Whom this request is for.
///     pub static USER: String;
///     static DEPTH: u32;
/// }
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let seen = USER.scope("ann".to_owned(), DEPTH.scope(1, async {
///     (USER.get(), DEPTH.get())
/// }));
/// assert_eq!(seen.await, ("ann".to_owned(), 1));
/// # });
/// ```
#[macro_export]
macro_rules! task_local {
    () => {};
    (
        $(#[$attribute:meta])* $visible:vis static $name:ident: $type:ty
        $(; $($rest:tt)*)?
    ) => {
        $(#[$attribute])*
        $visible static $name: $crate::task::LocalKey<$type> = {
            ::std::thread_local! {
                static INNER: ::std::cell::RefCell<::core::option::Option<$type>> =
                    const { ::std::cell::RefCell::new(::core::option::Option::None) };
            }
            $crate::task::LocalKey { inner: INNER }
        };
        $($crate::task_local! { $($rest)* })?
    };
}
