//! What every handle of a socket is to the rest of Rust.
//!
//! Owns the macros for the traits of the standard library. Knows nothing of what a socket does.

/// What [`AsFd`](std::os::fd::AsFd) panics with where there is no descriptor.
pub(super) const NO_DESCRIPTOR: &str = "a simulated socket has no descriptor";

/// Gives a type with a method `descriptor` in its field `$field` the traits of descriptors.
macro_rules! as_fd {
    ($type:ident, $field:ident) => {
        /// # Panics
        /// Under simulation, where there are no descriptors.
        impl std::os::fd::AsFd for $type {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                let descriptor = self.$field.descriptor();
                descriptor.expect($crate::net::handle::NO_DESCRIPTOR)
            }
        }

        /// # Panics
        /// Under simulation, where there are no descriptors.
        impl std::os::fd::AsRawFd for $type {
            fn as_raw_fd(&self) -> std::os::fd::RawFd {
                std::os::fd::AsRawFd::as_raw_fd(&std::os::fd::AsFd::as_fd(self))
            }
        }
    };
}

/// Shows the addresses of a socket that has them: `addr`, and those that are named.
macro_rules! debug_addresses {
    ($type:ident $(, $name:literal: $method:ident)*) => {
        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let mut debug = f.debug_struct(stringify!($type));
                $(
                    if let Ok(addr) = self.$method() {
                        debug.field($name, &addr);
                    }
                )*
                debug.finish_non_exhaustive()
            }
        }
    };
}

/// Converts a socket of the standard library by `from_std`.
macro_rules! try_from_std {
    ($std:ty => $type:ident) => {
        impl TryFrom<$std> for $type {
            type Error = std::io::Error;

            #[track_caller]
            fn try_from(socket: $std) -> std::io::Result<Self> {
                Self::from_std(socket)
            }
        }
    };
}

pub(super) use {as_fd, debug_addresses, try_from_std};
