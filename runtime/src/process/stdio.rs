//! Our ends of a child's pipes.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::panic::Location;
use std::process::Stdio;

use crate::backend::{PipeAccess, receiver_of, sender_of};
use crate::net::byte_stream::{async_read, async_write};
use crate::net::lookup::in_current;
use crate::net::unix::pipe;

/// What a child reads. Dropping it is the end of that.
///
/// Writing is `BrokenPipe` once nobody can read it any more.
///
/// # Examples
/// See [`Command::spawn`](super::Command::spawn).
#[derive(Debug)]
pub struct ChildStdin {
    pipe: pipe::Sender,
}

/// What a child writes. It is at its end when the child, and whoever else has inherited the other end,
/// has closed it.
///
/// # Examples
/// See [`Command::spawn`](super::Command::spawn).
#[derive(Debug)]
pub struct ChildStdout {
    pipe: pipe::Receiver,
}

/// What a child writes of errors. It is at its end when the child, and whoever else has inherited the
/// other end, has closed it.
///
/// # Examples
/// ```
/// use std::process::Stdio;
/// use simoom::io::AsyncReadExt;
/// use simoom::process::Command;
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let mut child = Command::new("ls")
///     .arg("/there/is/no/such/file")
///     .stderr(Stdio::piped())
///     .spawn()?;
/// let mut text = String::new();
/// child.stderr.take().unwrap().read_to_string(&mut text).await?;
/// assert!(!text.is_empty());
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct ChildStderr {
    pipe: pipe::Receiver,
}

/// Where an end comes from, and where it goes.
macro_rules! end {
    ($end:ident, $inner:ident, $access:ident, $adopt:ident, $of:ident) => {
        impl $end {
            pub(super) fn new(pipe: pipe::$inner) -> Self {
                Self { pipe }
            }

            /// Takes over an end of the standard library, and puts it into non-blocking mode.
            ///
            /// # Errors
            /// Outside a runtime; when the process has no descriptors left.
            ///
            /// # Under simulation
            /// An error: a simulated world takes no real pipes.
            #[track_caller]
            pub fn from_std(inner: std::process::$end) -> io::Result<Self> {
                let site = Location::caller();
                let end = OwnedFd::from(inner);
                let access = PipeAccess::$access;
                let end = in_current(|backend| backend.check_pipe(end, access))?;
                let end = in_current(|backend| backend.$adopt(end))?;
                Ok(Self::new($of(end, site)))
            }

            /// Gives the end away, in blocking mode, as whoever gets it will expect.
            ///
            /// # Errors
            /// When the process has no descriptors left.
            ///
            /// # Under simulation
            /// An error: there is no real pipe.
            pub fn into_owned_fd(self) -> io::Result<OwnedFd> {
                self.pipe.into_blocking_fd()
            }
        }

        /// To be what another child reads or writes.
        ///
        /// # Under simulation
        /// An error: there is no real pipe.
        impl TryInto<Stdio> for $end {
            type Error = io::Error;

            fn try_into(self) -> io::Result<Stdio> {
                self.into_owned_fd().map(Stdio::from)
            }
        }

        /// # Panics
        /// Under simulation, where there are no descriptors.
        impl AsFd for $end {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.pipe.as_fd()
            }
        }

        /// # Panics
        /// Under simulation, where there are no descriptors.
        impl AsRawFd for $end {
            fn as_raw_fd(&self) -> RawFd {
                self.pipe.as_raw_fd()
            }
        }
    };
}

end!(ChildStdin, Sender, Write, adopt_pipe_sender, sender_of);
end!(
    ChildStdout,
    Receiver,
    Read,
    adopt_pipe_receiver,
    receiver_of
);
end!(
    ChildStderr,
    Receiver,
    Read,
    adopt_pipe_receiver,
    receiver_of
);

async_write!(ChildStdin, pipe);
async_read!(ChildStdout, pipe);
async_read!(ChildStderr, pipe);
