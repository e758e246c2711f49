//! Files that are made of bare descriptors.
//!
//! This file holds `unsafe`: what a caller promises of a descriptor.

#![expect(unsafe_code, reason = "bare descriptors")]

use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use super::File;

impl FromRawFd for File {
    /// Takes over a file, as [`from_std`](File::from_std).
    ///
    /// # Safety
    /// As [`OwnedFd::from_raw_fd`].
    ///
    /// # Examples
    /// ```
    /// use std::os::fd::{FromRawFd, IntoRawFd};
    ///
    /// use simoom::fs::File;
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let descriptor = std::fs::File::open("/").unwrap().into_raw_fd();
    /// // SAFETY: the descriptor was given away above.
    /// let file = unsafe { File::from_raw_fd(descriptor) };
    /// assert!(file.metadata().await.unwrap().is_dir());
    /// # });
    /// ```
    unsafe fn from_raw_fd(fd: RawFd) -> Self {
        // SAFETY: the caller promises that the descriptor is open and nobody else's.
        unsafe { OwnedFd::from_raw_fd(fd) }.into()
    }
}
