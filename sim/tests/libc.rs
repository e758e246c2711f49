//! Every function of libc that the simulator stands in for, called as C code would.
//!
//! This file holds `unsafe`: calls into libc.

#![cfg(all(target_os = "linux", target_env = "gnu"))]
#![expect(unsafe_code, reason = "calls into libc")]

use std::ffi::{CStr, c_char};
use std::ptr::{null, null_mut};

use simoom_sim::{Config, Escape, Failure, check};

fn config() -> Config {
    Config::default().persist(false).shrink(false).seeds(1)
}

/// Nothing of this name exists, before and after.
const PATH: &CStr = c"/tmp/simoom-libc-is-never-made";
/// Something that exists, and that nobody may change.
const HERE: &CStr = c"/proc/self/exe";

/// What the wall clock shows at the beginning of a run.
const WALL_S: i64 = 1_577_836_800;

#[test]
fn clocks_are_virtual() {
    check(config(), |_| async {
        // SAFETY: zeros are a value of these plain structures.
        let (mut time, mut value) =
            unsafe { std::mem::zeroed::<(libc::timespec, libc::timeval)>() };
        for clock in [
            libc::CLOCK_REALTIME,
            libc::CLOCK_REALTIME_COARSE,
            libc::CLOCK_TAI,
        ] {
            // SAFETY: there is room for the time.
            assert_eq!(unsafe { libc::clock_gettime(clock, &raw mut time) }, 0);
            assert_eq!((time.tv_sec, time.tv_nsec), (WALL_S, 0), "clock {clock}");
        }
        for clock in [
            libc::CLOCK_MONOTONIC,
            libc::CLOCK_MONOTONIC_RAW,
            libc::CLOCK_MONOTONIC_COARSE,
            libc::CLOCK_BOOTTIME,
        ] {
            // SAFETY: there is room for the time.
            assert_eq!(unsafe { libc::clock_gettime(clock, &raw mut time) }, 0);
            assert_eq!((time.tv_sec, time.tv_nsec), (1_000_000, 0), "clock {clock}");
        }
        for clock in [
            libc::CLOCK_PROCESS_CPUTIME_ID,
            libc::CLOCK_THREAD_CPUTIME_ID,
        ] {
            // SAFETY: there is room for the time.
            assert_eq!(unsafe { libc::clock_gettime(clock, &raw mut time) }, 0);
            assert_eq!((time.tv_sec, time.tv_nsec), (0, 0), "clock {clock}");
        }
        // SAFETY: an unknown clock is an error.
        assert_eq!(unsafe { libc::clock_gettime(1 << 20, &raw mut time) }, -1);
        let number = libc::SYS_clock_gettime;
        // SAFETY: there is room for the time.
        let result = unsafe { libc::syscall(number, libc::CLOCK_REALTIME, &raw mut time) };
        assert_eq!((result, time.tv_sec), (0, WALL_S));
        // SAFETY: there is room for the time.
        assert_eq!(unsafe { libc::gettimeofday(&raw mut value, null_mut()) }, 0);
        assert_eq!((value.tv_sec, value.tv_usec), (WALL_S, 0));
        // SAFETY: null is allowed.
        assert_eq!(unsafe { libc::time(null_mut()) }, WALL_S);
    })
    .unwrap();
}

#[test]
fn entropy_comes_from_one_stream() {
    check(config().seed(7), |_| async {
        let mut bytes = [[0_u8; 24]; 3];
        let [one, two, three] = &mut bytes;
        // SAFETY: there is room for so many bytes.
        let result = unsafe { libc::getrandom(one.as_mut_ptr().cast(), 24, 0) };
        assert_eq!(result, 24);
        // SAFETY: there is room for so many bytes.
        assert_eq!(unsafe { libc::getentropy(two.as_mut_ptr().cast(), 24) }, 0);
        // SAFETY: there is room for so many bytes.
        let result = unsafe { libc::syscall(libc::SYS_getrandom, three.as_mut_ptr(), 24, 0) };
        assert_eq!(result, 24);
        assert!(bytes[0] != bytes[1] && bytes[1] != bytes[2]);
        // What a seed draws does not change from version to version.
        let first = u64::from_le_bytes(*bytes[0].first_chunk().unwrap());
        assert_eq!(first, 12_280_761_083_727_383_142);
    })
    .unwrap();
}

#[test]
fn other_system_calls_and_their_errors_go_through() {
    check(config(), |_| async {
        // SAFETY: the call has no preconditions.
        let number = unsafe { libc::syscall(libc::SYS_getpid) };
        assert_eq!(number, i64::from(std::process::id()));
        // SAFETY: the descriptor is none, which is an error.
        assert_eq!(unsafe { libc::syscall(libc::SYS_close, -1) }, -1);
        let error = std::io::Error::last_os_error();
        assert_eq!(error.raw_os_error(), Some(libc::EBADF));
    })
    .unwrap();
}

fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// A call of one function, and whether it was refused as it should be.
type Call = (&'static str, Escape, fn() -> bool);

/// A call that says -1 and EPERM.
macro_rules! minus_one {
    ($escape:ident $name:ident($($argument:expr),*)) => {
        (stringify!($name), Escape::$escape, || {
            // SAFETY: the arguments are as the manual page asks, were it let through.
            unsafe { libc::$name($($argument),*) == -1 && errno() == libc::EPERM }
        })
    };
}

/// A call that returns `$result`.
macro_rules! returning {
    ($result:expr, $escape:ident $name:ident($($argument:expr),*)) => {
        (stringify!($name), Escape::$escape, || {
            // SAFETY: the arguments are as the manual page asks, were it let through.
            unsafe { libc::$name($($argument),*) == $result }
        })
    };
}

static PAUSE: libc::timespec = libc::timespec {
    tv_sec: 3_600,
    tv_nsec: 0,
};

const NOTHING: *const *const c_char = [null::<c_char>()].as_ptr();

extern "C" fn thread(argument: *mut libc::c_void) -> *mut libc::c_void {
    argument
}

const CALLS: &[Call] = &[
    ("pthread_create", Escape::THREADS, || {
        // SAFETY: zeros are a value of the number, which is written to if it is let through.
        let mut id = unsafe { std::mem::zeroed::<libc::pthread_t>() };
        // SAFETY: the arguments are as the manual page asks.
        unsafe { libc::pthread_create(&raw mut id, null(), thread, null_mut()) == libc::EPERM }
    }),
    returning!(0, SLEEP nanosleep(&raw const PAUSE, null_mut())),
    returning!(0, SLEEP clock_nanosleep(libc::CLOCK_MONOTONIC, 0, &raw const PAUSE, null_mut())),
    returning!(0, SLEEP usleep(999_999)),
    returning!(0, SLEEP sleep(3_600)),
    minus_one!(FILES open(PATH.as_ptr(), libc::O_CREAT | libc::O_WRONLY, 0o600)),
    minus_one!(FILES open64(PATH.as_ptr(), libc::O_CREAT | libc::O_RDWR, 0o600)),
    minus_one!(FILES openat(libc::AT_FDCWD, PATH.as_ptr(), libc::O_CREAT, 0o600)),
    minus_one!(FILES openat64(libc::AT_FDCWD, PATH.as_ptr(), libc::O_CREAT, 0o600)),
    minus_one!(FILES open(c"/dev/random".as_ptr(), libc::O_RDONLY)),
    minus_one!(FILES creat(PATH.as_ptr(), 0o600)),
    minus_one!(FILES creat64(PATH.as_ptr(), 0o600)),
    minus_one!(FILES rename(HERE.as_ptr(), PATH.as_ptr())),
    minus_one!(FILES renameat(libc::AT_FDCWD, HERE.as_ptr(), libc::AT_FDCWD, PATH.as_ptr())),
    minus_one!(FILES renameat2(libc::AT_FDCWD, HERE.as_ptr(), libc::AT_FDCWD, PATH.as_ptr(), 0)),
    minus_one!(FILES unlink(PATH.as_ptr())),
    minus_one!(FILES unlinkat(libc::AT_FDCWD, PATH.as_ptr(), 0)),
    minus_one!(FILES mkdir(PATH.as_ptr(), 0o700)),
    minus_one!(FILES mkdirat(libc::AT_FDCWD, PATH.as_ptr(), 0o700)),
    minus_one!(FILES rmdir(PATH.as_ptr())),
    minus_one!(FILES link(HERE.as_ptr(), PATH.as_ptr())),
    minus_one!(FILES linkat(libc::AT_FDCWD, HERE.as_ptr(), libc::AT_FDCWD, PATH.as_ptr(), 0)),
    minus_one!(FILES symlink(HERE.as_ptr(), PATH.as_ptr())),
    minus_one!(FILES symlinkat(HERE.as_ptr(), libc::AT_FDCWD, PATH.as_ptr())),
    minus_one!(FILES chmod(PATH.as_ptr(), 0o600)),
    minus_one!(FILES truncate(PATH.as_ptr(), 0)),
    minus_one!(FILES truncate64(PATH.as_ptr(), 0)),
    minus_one!(FILES mkfifo(PATH.as_ptr(), 0o600)),
    minus_one!(SOCKETS socket(libc::AF_INET, libc::SOCK_STREAM, 0)),
    minus_one!(SOCKETS socketpair(libc::AF_UNIX, libc::SOCK_STREAM, 0, [0; 2].as_mut_ptr())),
    ("getaddrinfo", Escape::SOCKETS, || {
        let (host, mut found) = (c"localhost".as_ptr(), null_mut());
        // SAFETY: the arguments are as the manual page asks.
        let result = unsafe { libc::getaddrinfo(host, null(), null(), &raw mut found) };
        result == libc::EAI_SYSTEM && found.is_null()
    }),
    minus_one!(PROCESSES fork()),
    minus_one!(PROCESSES execv(PATH.as_ptr(), NOTHING)),
    minus_one!(PROCESSES execve(PATH.as_ptr(), NOTHING, NOTHING)),
    minus_one!(PROCESSES execvp(PATH.as_ptr(), NOTHING)),
    returning!(
        libc::EPERM,
        PROCESSES posix_spawn(
            null_mut(),
            PATH.as_ptr(),
            null(),
            null(),
            NOTHING.cast(),
            NOTHING.cast()
        )
    ),
    returning!(
        libc::EPERM,
        PROCESSES posix_spawnp(
            null_mut(),
            PATH.as_ptr(),
            null(),
            null(),
            NOTHING.cast(),
            NOTHING.cast()
        )
    ),
    minus_one!(PROCESSES system(c"true".as_ptr())),
    ("popen", Escape::PROCESSES, || {
        // SAFETY: the texts end with a zero.
        unsafe { libc::popen(c"true".as_ptr(), c"r".as_ptr()).is_null() }
    }),
];

#[test]
fn every_escape_is_refused_by_its_own_name() {
    for &(name, kind, call) in CALLS {
        let refused = move || {
            check(config(), move |_| async move {
                assert!(call(), "{name} was let through");
            })
        };
        // Not on the test's own thread: no process is to confirm each of these failures.
        let report = std::thread::spawn(refused).join().unwrap();
        let Some(Failure::Escaped { escape, call, .. }) = report.failure().map(|it| it.cause())
        else {
            panic!("{name}: {report}");
        };
        assert_eq!(*escape, kind, "{name}");
        assert_eq!(call.split(' ').next(), Some(name));
    }
    // SAFETY: the path ends with a zero.
    assert_eq!(unsafe { libc::access(PATH.as_ptr(), libc::F_OK) }, -1);
}

#[test]
fn reading_is_no_escape() {
    check(config(), |_| async {
        for (path, flags) in [(HERE, libc::O_RDONLY), (c"/dev/null", libc::O_RDWR)] {
            // SAFETY: the path ends with a zero.
            let opened = unsafe { libc::open(path.as_ptr(), flags) };
            assert!(opened >= 0, "{path:?}");
            // SAFETY: the descriptor was just opened.
            assert_eq!(unsafe { libc::close(opened) }, 0);
        }
    })
    .unwrap();
}
