//! The two directions of a stream, apart.
//!
//! Owns who may do what with a direction. Knows nothing of how a direction is served, nor of what
//! carries the bytes.

use std::io;
use std::ops::Deref;
use std::sync::Arc;

/// A stream whose sending direction can be ended.
pub(super) trait EndSending {
    /// Tells the peer that nothing more will be sent. A peer that is gone needs not be told.
    fn end_sending(&self) -> io::Result<()>;
}

/// A stream whose sending direction ends with this, unless told otherwise.
#[derive(Debug)]
pub(super) struct Ending<S: EndSending> {
    stream: Arc<S>,
    ends: bool,
}

impl<S: EndSending> Ending<S> {
    /// The two sides of a stream that is split.
    pub(super) fn split(stream: S) -> (Arc<S>, Self) {
        let stream = Arc::new(stream);
        let ending = Self {
            stream: stream.clone(),
            ends: true,
        };
        (stream, ending)
    }

    /// The stream as a whole, unless they are the sides of two streams.
    pub(super) fn reunite(read: Arc<S>, write: Self) -> Result<S, (Arc<S>, Self)> {
        if !Arc::ptr_eq(&read, &write.stream) {
            return Err((read, write));
        }
        write.forget();
        Ok(Arc::into_inner(read).expect("a stream has two halves"))
    }

    pub(super) fn forget(mut self) {
        self.ends = false;
    }
}

impl<S: EndSending> Deref for Ending<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.stream
    }
}

impl<S: EndSending> Drop for Ending<S> {
    fn drop(&mut self) {
        if self.ends {
            // Nobody is left who could be told of an error.
            let _ = self.stream.end_sending();
        }
    }
}

/// The halves of a stream: four types, whose documentation is given, and what they can do.
macro_rules! halves {
    (
        $stream:ident, $addr:ty;
        $(#[$read_half:meta])+ ReadHalf;
        $(#[$write_half:meta])+ WriteHalf;
        $(#[$owned_read_half:meta])+ OwnedReadHalf;
        $(#[$owned_write_half:meta])+ OwnedWriteHalf;
    ) => {
        $(#[$read_half])+
        #[derive(Debug)]
        pub struct ReadHalf<'a>(&'a $stream);

        $(#[$write_half])+
        #[derive(Debug)]
        pub struct WriteHalf<'a>(&'a $stream);

        $(#[$owned_read_half])+
        #[derive(Debug)]
        pub struct OwnedReadHalf(std::sync::Arc<$stream>);

        $(#[$owned_write_half])+
        #[derive(Debug)]
        pub struct OwnedWriteHalf($crate::net::halves::Ending<$stream>);

        pub(super) fn split(stream: &mut $stream) -> (ReadHalf<'_>, WriteHalf<'_>) {
            (ReadHalf(stream), WriteHalf(stream))
        }

        pub(super) fn split_owned(stream: $stream) -> (OwnedReadHalf, OwnedWriteHalf) {
            let (read, write) = $crate::net::halves::Ending::split(stream);
            (OwnedReadHalf(read), OwnedWriteHalf(write))
        }

        $crate::net::halves::half!(read, $stream, $addr, ReadHalf<'_>);
        $crate::net::halves::half!(read, $stream, $addr, OwnedReadHalf);
        $crate::net::halves::half!(write, $stream, $addr, WriteHalf<'_>);
        $crate::net::halves::half!(write, $stream, $addr, OwnedWriteHalf);

        impl OwnedReadHalf {
            /// Makes the stream whole again. It goes on as if it had never been split.
            ///
            /// # Errors
            /// When the halves are of two streams: both are given back.
            pub fn reunite(self, other: OwnedWriteHalf) -> Result<$stream, ReuniteError> {
                reunite(self, other)
            }
        }

        impl OwnedWriteHalf {
            /// Makes the stream whole again. It goes on as if it had never been split.
            ///
            /// # Errors
            /// When the halves are of two streams: both are given back.
            pub fn reunite(self, other: OwnedReadHalf) -> Result<$stream, ReuniteError> {
                reunite(other, self)
            }

            /// Drops the half without ending the sent stream.
            pub fn forget(self) {
                self.0.forget();
            }
        }

        fn reunite(read: OwnedReadHalf, write: OwnedWriteHalf) -> Result<$stream, ReuniteError> {
            $crate::net::halves::Ending::reunite(read.0, write.0)
                .map_err(|(read, write)| ReuniteError(OwnedReadHalf(read), OwnedWriteHalf(write)))
        }

        /// The halves are of two streams. Holds both.
        #[derive(Debug)]
        pub struct ReuniteError(pub OwnedReadHalf, pub OwnedWriteHalf);

        impl std::fmt::Display for ReuniteError {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the halves are of two streams")
            }
        }

        impl std::error::Error for ReuniteError {}
    };
}

/// What a half does: the stream's own methods.
macro_rules! half {
    (read, $stream:ident, $addr:ty, $half:ty) => {
        impl $half {
            $crate::net::halves::passed_on! { $stream, waits;
                fn readable(&self) -> $crate::net::readiness::Readable<'_>;
            }
            $crate::net::halves::passed_on! { $stream;
                fn try_read(&self, buf: &mut [u8]) -> std::io::Result<usize>;
                fn try_read_vectored(
                    &self,
                    bufs: &mut [std::io::IoSliceMut<'_>],
                ) -> std::io::Result<usize>;
            }

            #[doc = concat!("See [`", stringify!($stream), "::try_read_buf`].")]
            ///
            /// # Errors
            /// As there.
            pub fn try_read_buf<B: bytes::BufMut>(&self, buf: &mut B) -> std::io::Result<usize> {
                self.0.try_read_buf(buf)
            }
        }

        $crate::net::byte_stream::async_read!($half, 0);
        $crate::net::halves::half!(either, $stream, $addr, $half);
    };
    (write, $stream:ident, $addr:ty, $half:ty) => {
        impl $half {
            $crate::net::halves::passed_on! { $stream, waits;
                fn writable(&self) -> $crate::net::readiness::Writable<'_>;
            }
            $crate::net::halves::passed_on! { $stream;
                fn try_write(&self, bytes: &[u8]) -> std::io::Result<usize>;
                fn try_write_vectored(
                    &self,
                    parts: &[std::io::IoSlice<'_>],
                ) -> std::io::Result<usize>;
            }
        }

        $crate::net::byte_stream::async_write!($half, 0);
        $crate::net::halves::half!(either, $stream, $addr, $half);
    };
    (either, $stream:ident, $addr:ty, $half:ty) => {
        impl $half {
            $crate::net::halves::passed_on! { $stream, waits;
                fn ready(
                    &self,
                    interest: $crate::net::Interest,
                ) -> $crate::net::readiness::ReadyFor<'_>;
            }
            $crate::net::halves::passed_on! { $stream;
                fn local_addr(&self) -> std::io::Result<$addr>;
                fn peer_addr(&self) -> std::io::Result<$addr>;
            }
        }

        impl AsRef<$stream> for $half {
            fn as_ref(&self) -> &$stream {
                &self.0
            }
        }
    };
}

/// Methods that are those of the stream.
macro_rules! passed_on {
    (
        $stream:ident;
        $(fn $name:ident(&self $(, $argument:ident: $type:ty)* $(,)?) -> $output:ty;)+
    ) => {
        $(
            #[doc = concat!("See [`", stringify!($stream), "::", stringify!($name), "`].")]
            ///
            /// # Errors
            /// As there.
            pub fn $name(&self $(, $argument: $type)*) -> $output {
                self.0.$name($($argument),*)
            }
        )+
    };
    (
        $stream:ident, waits;
        $(fn $name:ident(&self $(, $argument:ident: $type:ty)* $(,)?) -> $output:ty;)+
    ) => {
        $(
            #[doc = concat!("See [`", stringify!($stream), "::", stringify!($name), "`].")]
            ///
            /// # Errors
            /// As there.
            ///
            /// # Cancel safety
            /// Safe.
            #[track_caller]
            pub fn $name(&self $(, $argument: $type)*) -> $output {
                self.0.$name($($argument),*)
            }
        )+
    };
}

pub(super) use {half, halves, passed_on};
