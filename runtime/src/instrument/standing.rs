//! What another thread does right now, as the system sees it.
//!
//! Owns how `/proc` is read for that. Knows nothing of tasks.

use std::fmt;
use std::path::PathBuf;

/// A thread, and what it did when it was looked at.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    /// Its folder in `/proc`, where there is one.
    thread: Option<PathBuf>,
    doing: Doing,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Doing {
    /// The system does not say.
    #[default]
    Unknown,
    Computes,
    /// It waits in this system call.
    Sleeps(libc::c_long),
}

impl Standing {
    /// This thread, which has not been looked at.
    pub(super) fn of_this_thread() -> Self {
        let thread = std::fs::read_link("/proc/thread-self").ok();
        Self {
            thread: thread.map(|thread| PathBuf::from("/proc").join(thread)),
            doing: Doing::Unknown,
        }
    }

    /// The same thread, and what it does now.
    pub(super) fn look(&self) -> Self {
        let read = |thread: &PathBuf| std::fs::read_to_string(thread.join("syscall")).ok();
        let text = self.thread.as_ref().and_then(read);
        Self {
            thread: self.thread.clone(),
            doing: text.map_or(Doing::Unknown, |text| doing(&text)),
        }
    }
}

/// `running`, or the number of a system call and its arguments; -1 outside of one.
fn doing(text: &str) -> Doing {
    let word = text.split_whitespace().next();
    match word {
        Some("running") => Doing::Computes,
        Some(word) => match word.parse() {
            Ok(-1) => Doing::Computes,
            Ok(number) => Doing::Sleeps(number),
            Err(_) => Doing::Unknown,
        },
        None => Doing::Unknown,
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.doing {
            Doing::Unknown => f.write_str("does something that blocks or takes long"),
            Doing::Computes => f.write_str("computes"),
            Doing::Sleeps(number) => match name(number) {
                Some(name) => write!(f, "is blocked in the system call {name}"),
                None => write!(f, "is blocked in the system call {number}"),
            },
        }
    }
}

/// What people call the system calls in which threads block most.
#[cfg(target_os = "linux")]
fn name(number: libc::c_long) -> Option<&'static str> {
    let known = [
        (libc::SYS_nanosleep, "nanosleep"),
        (libc::SYS_clock_nanosleep, "clock_nanosleep"),
        (libc::SYS_futex, "futex"),
        (libc::SYS_read, "read"),
        (libc::SYS_write, "write"),
        (libc::SYS_recvfrom, "recvfrom"),
        (libc::SYS_sendto, "sendto"),
        (libc::SYS_connect, "connect"),
        (libc::SYS_accept4, "accept4"),
        (libc::SYS_ppoll, "ppoll"),
        (libc::SYS_openat, "openat"),
        (libc::SYS_fsync, "fsync"),
        (libc::SYS_fdatasync, "fdatasync"),
        (libc::SYS_flock, "flock"),
        (libc::SYS_wait4, "wait4"),
        (libc::SYS_waitid, "waitid"),
    ];
    let found = known.iter().find(|(known, _)| *known == number);
    found.map(|(_, name)| *name)
}

#[cfg(not(target_os = "linux"))]
fn name(_number: libc::c_long) -> Option<&'static str> {
    None
}

#[cfg(test)]
mod tests;
