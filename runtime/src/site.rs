//! The user's line of an operation, from its making on.
//!
//! Owns that a future which was made and then dropped without a poll is told of in debug mode. Knows
//! nothing of what operations do, nor of who is told.
//!
//! A program without debug assertions looks after none of this: a line is a line there.

use std::panic::Location;

pub use self::imp::{Loud, Quiet};
pub(crate) use self::imp::{Site, set_tell};

/// Whom a thread tells of a line where a future was made in vain.
pub(crate) type Tell = fn(&'static Location<'static>);

#[cfg(debug_assertions)]
mod imp {
    use std::cell::Cell;
    use std::panic::Location;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::Tell;

    thread_local! {
        /// This thread polls a future of a runtime in debug mode: whom it tells.
        static TELL: Cell<Option<Tell>> = const { Cell::new(None) };
        /// In how many places it drops futures that need not have been polled.
        static QUIET: Cell<u32> = const { Cell::new(0) };
    }

    /// Whom this thread tells.
    fn tell() -> Option<Tell> {
        let tell = TELL.try_with(Cell::get).unwrap_or(None)?;
        let is_quiet = QUIET.try_with(Cell::get).is_ok_and(|quiet| quiet > 0);
        (!is_quiet && !std::thread::panicking()).then_some(tell)
    }

    /// Says whom this thread tells from now on.
    pub(crate) fn set_tell(tell: Option<Tell>) {
        let _ = TELL.try_with(|it| it.set(tell));
    }

    /// Where a future was made.
    #[derive(Debug)]
    pub(crate) struct Site {
        location: &'static Location<'static>,
        /// It was made where somebody wants to know, and was not polled.
        is_new: AtomicBool,
    }

    impl Site {
        /// A future is made for the program.
        #[inline]
        pub(crate) fn new(location: &'static Location<'static>) -> Self {
            Self {
                location,
                is_new: AtomicBool::new(tell().is_some()),
            }
        }

        /// A future is made that is part of another, which need not poll it.
        #[inline]
        pub(crate) fn inner(location: &'static Location<'static>) -> Self {
            Self {
                location,
                is_new: AtomicBool::new(false),
            }
        }

        /// It is polled, or used in another way.
        #[inline]
        pub(crate) fn used(&self) -> &'static Location<'static> {
            self.is_new.store(false, Ordering::Relaxed);
            self.location
        }
    }

    impl Drop for Site {
        #[inline]
        fn drop(&mut self) {
            if *self.is_new.get_mut()
                && let Some(tell) = tell()
            {
                tell(self.location);
            }
        }
    }

    /// Dropped before futures that need not have been polled; [`Loud`] is dropped after them.
    #[derive(Debug)]
    pub struct Quiet;

    impl Drop for Quiet {
        fn drop(&mut self) {
            let _ = QUIET.try_with(|quiet| quiet.set(quiet.get() + 1));
        }
    }

    /// See [`Quiet`].
    #[derive(Debug)]
    pub struct Loud;

    impl Drop for Loud {
        fn drop(&mut self) {
            let _ = QUIET.try_with(|quiet| quiet.set(quiet.get().saturating_sub(1)));
        }
    }
}

#[cfg(not(debug_assertions))]
mod imp {
    use std::panic::Location;

    use super::Tell;

    /// Nobody is told.
    pub(crate) fn set_tell(_tell: Option<Tell>) {}

    /// Where a future was made.
    #[derive(Debug)]
    pub(crate) struct Site(&'static Location<'static>);

    impl Site {
        #[inline]
        pub(crate) fn new(location: &'static Location<'static>) -> Self {
            Self(location)
        }

        #[inline]
        pub(crate) fn inner(location: &'static Location<'static>) -> Self {
            Self(location)
        }

        #[inline]
        pub(crate) fn used(&self) -> &'static Location<'static> {
            self.0
        }
    }

    /// Nothing.
    #[derive(Debug)]
    pub struct Quiet;

    /// Nothing.
    #[derive(Debug)]
    pub struct Loud;
}
