//! What TCP and Unix streams do alike.
//!
//! Owns the macros that give a stream, or an end of a pipe, its methods and traits. Knows nothing
//! of addresses.

/// The methods that read without waiting, from a field `stream`.
macro_rules! tries_to_read {
    () => {
        /// Reads what is there, without waiting. 0 means that the peer has finished sending.
        ///
        /// # Errors
        /// `WouldBlock` if nothing is there, also when [`readable`](Self::readable) was not
        /// awaited since the last attempt; what the connection failed with.
        pub fn try_read(&self, buf: &mut [u8]) -> std::io::Result<usize> {
            self.stream.try_read(&mut $crate::io::ReadBuf::new(buf))
        }

        /// As [`try_read`](Self::try_read), into several buffers, one after the other.
        ///
        /// # Errors
        /// As [`try_read`](Self::try_read).
        pub fn try_read_vectored(
            &self,
            bufs: &mut [std::io::IoSliceMut<'_>],
        ) -> std::io::Result<usize> {
            if bufs.iter().all(|buf| buf.is_empty()) {
                return self.try_read(&mut []);
            }
            self.stream.try_read_vectored(bufs)
        }

        /// Reads into the spare room of `buf`, which advances, without waiting.
        ///
        /// # Errors
        /// As [`try_read`](Self::try_read).
        pub fn try_read_buf<B: bytes::BufMut>(&self, buf: &mut B) -> std::io::Result<usize> {
            $crate::net::buf::receive_into(buf, |buf| self.stream.try_read(buf))
        }
    };
}

/// The methods that write without waiting, to a field `stream`.
macro_rules! tries_to_write {
    ($errors:literal) => {
        /// Writes as much of `bytes` as there is room for, without waiting.
        ///
        /// # Errors
        /// `WouldBlock` if there is no room, also when [`writable`](Self::writable) was not
        #[doc = concat!("awaited since the last attempt; ", $errors)]
        pub fn try_write(&self, bytes: &[u8]) -> std::io::Result<usize> {
            self.stream.try_write(bytes)
        }

        /// As [`try_write`](Self::try_write), from several buffers.
        ///
        /// # Errors
        /// As [`try_write`](Self::try_write).
        pub fn try_write_vectored(&self, parts: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
            self.stream.try_write_vectored(parts)
        }
    };
}

/// Makes a type an [`AsyncRead`](crate::io::AsyncRead) by its method `poll_read_at`, which is that
/// of its field `$field` if there is one.
macro_rules! async_read {
    ($type:ty $(, $field:tt)?) => {
        impl $crate::io::AsyncRead for $type {
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buf: &mut $crate::io::ReadBuf<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                self$(.$field)?.poll_read_at(cx, buf)
            }
        }
    };
}

/// Makes a type an [`AsyncWrite`](crate::io::AsyncWrite) by its methods `poll_write_at`,
/// `poll_write_vectored_at` and `poll_shutdown_at`, which are those of its field `$field` if there
/// is one.
macro_rules! async_write {
    ($type:ty $(, $field:tt)?) => {
        impl $crate::io::AsyncWrite for $type {
            fn poll_write(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                bytes: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self$(.$field)?.poll_write_at(cx, bytes)
            }

            fn poll_write_vectored(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                parts: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self$(.$field)?.poll_write_vectored_at(cx, parts)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            /// There is nothing to flush: what was written is with the operating system.
            fn poll_flush(
                self: std::pin::Pin<&mut Self>,
                _cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                std::task::Poll::Ready(Ok(()))
            }

            fn poll_shutdown(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                self$(.$field)?.poll_shutdown_at(cx)
            }
        }
    };
}

pub(crate) use {async_read, async_write};
pub(super) use {tries_to_read, tries_to_write};
