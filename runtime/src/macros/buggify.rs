//! Places at which a simulation may make a program do what it does rarely otherwise.

/// Whether the program is to do here what it does rarely otherwise: `false` in production.
///
/// Put it where rare behaviour is legal: a cache that is empty, a batch of one, a time-out that
/// comes early, a queue that is full. A simulation whose plan of faults has `user.buggified` says
/// `true` now and then, and reports it by the name of the module and the label. Two places of a
/// module with one label are one place.
///
/// `buggify!("label", 1 / 10)` says how probable it is in a run in which the place is active; both
/// are whole numbers. Where the plan says never or always, that holds for this place too.
///
/// In production it costs a look at the current runtime, and there is nothing to configure.
///
/// # Panics
/// If the probability is more than 1, when the program is compiled.
///
/// # Under simulation
/// A choice of the running task, by the label and how often the task came by. With the plan's usual
/// numbers a place is active in one of four runs, and then `true` at one of four visits, as in
/// FoundationDB. Outside of tasks it is `false`.
///
/// # Examples
/// ```
/// fn batch_len_max() -> usize {
///     if simoom::buggify!("small batches") { 1 } else { 1024 }
/// }
///
/// assert_eq!(batch_len_max(), 1024, "this is production");
/// assert!(!simoom::buggify!("early flush", 1 / 100));
/// ```
#[macro_export]
macro_rules! buggify {
    ($label:literal $(,)?) => {
        $crate::__private::buggify(
            ::core::concat!(::core::module_path!(), "::", $label),
            ::core::option::Option::None,
        )
    };
    ($label:literal, $part:literal / $whole:literal $(,)?) => {{
        const {
            ::core::assert!($part <= $whole, "a probability is at most 1");
            ::core::assert!($whole > 0, "a probability is a part of something");
        }
        $crate::__private::buggify(
            ::core::concat!(::core::module_path!(), "::", $label),
            ::core::option::Option::Some(($part, $whole)),
        )
    }};
}
