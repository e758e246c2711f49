//! Every function of libc that the simulator stands in for, called as C code would.
//!
//! This file holds `unsafe`: calls into libc.

#![cfg(all(target_os = "linux", target_env = "gnu"))]
#![expect(unsafe_code, reason = "calls into libc")]

use std::ffi::{CStr, c_char};
use std::ptr::{null, null_mut};
use std::time::{Duration, Instant};

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
        let firsts = bytes.map(|bytes| u64::from_le_bytes(*bytes.first_chunk().unwrap()));
        let expected = [
            12_280_761_083_727_383_142,
            5_031_391_768_448_917_075,
            553_985_964_178_848_639,
        ];
        assert_eq!(firsts, expected);
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

/// What the crate `libc` has, and what it lacks.
mod c {
    pub(super) use libc::*;

    unsafe extern "C" {
        pub(super) fn __open_2(path: *const c_char, flags: c_int) -> c_int;
        pub(super) fn __open64_2(path: *const c_char, flags: c_int) -> c_int;
        pub(super) fn __openat_2(folder: c_int, path: *const c_char, flags: c_int) -> c_int;
        pub(super) fn __openat64_2(folder: c_int, path: *const c_char, flags: c_int) -> c_int;
        pub(super) fn mkstemp64(template: *mut c_char) -> c_int;
        pub(super) fn mkostemp64(template: *mut c_char, flags: c_int) -> c_int;
        pub(super) fn mkstemps64(template: *mut c_char, suffix: c_int) -> c_int;
        pub(super) fn mkostemps64(template: *mut c_char, suffix: c_int, flags: c_int) -> c_int;
        pub(super) fn tmpfile64() -> *mut FILE;
        pub(super) fn execvpe(
            path: *const c_char,
            arguments: *const *const c_char,
            environment: *const *const c_char,
        ) -> c_int;
        pub(super) fn execveat(
            folder: c_int,
            path: *const c_char,
            arguments: *const *const c_char,
            environment: *const *const c_char,
            flags: c_int,
        ) -> c_int;
        pub(super) fn vfork() -> pid_t;
        pub(super) fn thrd_create(
            thread: *mut pthread_t,
            start: extern "C" fn(*mut c_void) -> c_int,
            argument: *mut c_void,
        ) -> c_int;
        pub(super) fn thrd_sleep(time: *const timespec, left: *mut timespec) -> c_int;
    }
}

/// A call of one function, and whether it was refused as it should be.
type Call = (&'static str, Escape, fn() -> bool);

/// A call that says -1 and EPERM.
macro_rules! minus_one {
    ($escape:ident $name:ident($($argument:expr),*)) => {
        (stringify!($name), Escape::$escape, || {
            // SAFETY: the arguments are as the manual page asks, were it let through.
            unsafe { c::$name($($argument),*) == -1 && errno() == libc::EPERM }
        })
    };
}

/// A call that returns `$result`.
macro_rules! returning {
    ($result:expr, $escape:ident $name:ident($($argument:expr),*)) => {
        (stringify!($name), Escape::$escape, || {
            // SAFETY: the arguments are as the manual page asks, were it let through.
            unsafe { c::$name($($argument),*) == $result }
        })
    };
}

/// A call that returns null and says EPERM.
macro_rules! null {
    ($escape:ident $name:ident($($argument:expr),*)) => {
        (stringify!($name), Escape::$escape, || {
            // SAFETY: the arguments are as the manual page asks, were it let through.
            unsafe { c::$name($($argument),*).is_null() && errno() == libc::EPERM }
        })
    };
}

/// A name that is to be filled in: the text is lost.
fn template() -> *mut c_char {
    c"/tmp/simoom-libc-XXXXXX.c".to_owned().into_raw()
}

/// A stream that is to be opened anew.
fn stream() -> *mut libc::FILE {
    // SAFETY: both texts end with a zero.
    unsafe { libc::fopen(c"/dev/null".as_ptr(), c"r".as_ptr()) }
}

extern "C" fn thread_of_c(_argument: *mut libc::c_void) -> i32 {
    0
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
    ("thrd_create", Escape::THREADS, || {
        // SAFETY: zeros are a value of the number, which is written to if it is let through.
        let mut id = unsafe { std::mem::zeroed::<libc::pthread_t>() };
        // SAFETY: the arguments are as the standard asks.
        unsafe { c::thrd_create(&raw mut id, thread_of_c, null_mut()) == 2 }
    }),
    returning!(0, SLEEP thrd_sleep(&raw const PAUSE, null_mut())),
    returning!(0, SLEEP nanosleep(&raw const PAUSE, null_mut())),
    returning!(0, SLEEP clock_nanosleep(libc::CLOCK_MONOTONIC, 0, &raw const PAUSE, null_mut())),
    returning!(0, SLEEP usleep(999_999)),
    returning!(0, SLEEP sleep(3_600)),
    minus_one!(FILES open(PATH.as_ptr(), libc::O_CREAT | libc::O_WRONLY, 0o600)),
    minus_one!(FILES open64(PATH.as_ptr(), libc::O_CREAT | libc::O_RDWR, 0o600)),
    minus_one!(FILES openat(libc::AT_FDCWD, PATH.as_ptr(), libc::O_CREAT, 0o600)),
    minus_one!(FILES openat64(libc::AT_FDCWD, PATH.as_ptr(), libc::O_CREAT, 0o600)),
    minus_one!(FILES open(c"/dev/random".as_ptr(), libc::O_RDONLY)),
    minus_one!(FILES __open_2(PATH.as_ptr(), libc::O_WRONLY)),
    minus_one!(FILES __open64_2(PATH.as_ptr(), libc::O_RDWR)),
    minus_one!(FILES __openat_2(libc::AT_FDCWD, PATH.as_ptr(), libc::O_WRONLY)),
    minus_one!(FILES __openat64_2(libc::AT_FDCWD, PATH.as_ptr(), libc::O_WRONLY)),
    null!(FILES fopen(PATH.as_ptr(), c"w".as_ptr())),
    null!(FILES fopen64(PATH.as_ptr(), c"ab".as_ptr())),
    null!(FILES freopen(PATH.as_ptr(), c"wx".as_ptr(), stream())),
    null!(FILES freopen64(HERE.as_ptr(), c"r+".as_ptr(), stream())),
    null!(FILES fopen(c"/dev/urandom".as_ptr(), c"r".as_ptr())),
    minus_one!(FILES mkstemp(template())),
    minus_one!(FILES mkstemp64(template())),
    minus_one!(FILES mkostemp(template(), libc::O_CLOEXEC)),
    minus_one!(FILES mkostemp64(template(), libc::O_CLOEXEC)),
    minus_one!(FILES mkstemps(template(), 2)),
    minus_one!(FILES mkstemps64(template(), 2)),
    minus_one!(FILES mkostemps(template(), 2, libc::O_CLOEXEC)),
    minus_one!(FILES mkostemps64(template(), 2, libc::O_CLOEXEC)),
    null!(FILES mkdtemp(template())),
    null!(FILES tmpfile()),
    null!(FILES tmpfile64()),
    minus_one!(FILES remove(PATH.as_ptr())),
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
    minus_one!(FILES fchmodat(libc::AT_FDCWD, PATH.as_ptr(), 0o600, 0)),
    minus_one!(FILES chown(PATH.as_ptr(), 0, 0)),
    minus_one!(FILES lchown(PATH.as_ptr(), 0, 0)),
    minus_one!(FILES fchownat(libc::AT_FDCWD, PATH.as_ptr(), 0, 0, 0)),
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
    minus_one!(PROCESSES vfork()),
    minus_one!(PROCESSES execvpe(PATH.as_ptr(), NOTHING, NOTHING)),
    minus_one!(PROCESSES execv(PATH.as_ptr(), NOTHING)),
    minus_one!(PROCESSES execve(PATH.as_ptr(), NOTHING, NOTHING)),
    minus_one!(PROCESSES execvp(PATH.as_ptr(), NOTHING)),
    minus_one!(PROCESSES execl(PATH.as_ptr(), PATH.as_ptr(), null::<c_char>())),
    minus_one!(PROCESSES execlp(PATH.as_ptr(), PATH.as_ptr(), null::<c_char>())),
    minus_one!(PROCESSES execle(PATH.as_ptr(), PATH.as_ptr(), null::<c_char>(), NOTHING)),
    minus_one!(PROCESSES execveat(libc::AT_FDCWD, PATH.as_ptr(), NOTHING, NOTHING, 0)),
    minus_one!(PROCESSES fexecve(-1, NOTHING, NOTHING)),
    // `daemon` ends this process if it is let through: see tests/tests/surfaces/glibc.rs.
    minus_one!(PROCESSES forkpty(null_mut(), null_mut(), null(), null())),
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

/// What a child ends with that becomes another program by `exec`.
fn status_of(exec: impl FnOnce()) -> i32 {
    // SAFETY: the child does nothing but become another program, or end.
    let child = unsafe { libc::fork() };
    if child == 0 {
        exec();
        // SAFETY: nothing of the parent's is cleaned up.
        unsafe { libc::_exit(1) };
    }
    let mut status = 0;
    // SAFETY: there is room for the status.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert!(libc::WIFEXITED(status), "status {status}");
    libc::WEXITSTATUS(status)
}

#[test]
fn as_many_arguments_as_one_likes_are_passed_on() {
    let (shell, name, run) = (c"/bin/sh".as_ptr(), c"sh".as_ptr(), c"-c".as_ptr());
    let (end, zero) = (null::<c_char>(), c"0".as_ptr());
    let numbers = [c"1", c"2", c"3", c"4", c"5", c"6", c"7", c"8"].map(CStr::as_ptr);
    let [a, b, c, d, e, f, g, h] = numbers;
    let sum = c"exit $(($1 + $2 + $3 + $4 + $5 + $6 + $7 + $8))".as_ptr();
    let status = status_of(|| {
        // SAFETY: the texts end with a zero, and the list with null.
        unsafe { libc::execl(shell, name, run, sum, zero, a, b, c, d, e, f, g, h, end) };
    });
    assert_eq!(status, 36);
    let status = status_of(|| {
        // SAFETY: the texts end with a zero, and the list with null.
        unsafe { libc::execlp(name, name, run, sum, zero, a, b, c, d, e, f, g, h, end) };
    });
    assert_eq!(status, 36);
    let (told, environment) = (c"exit $TOLD".as_ptr(), [c"TOLD=43".as_ptr(), end]);
    let status = status_of(|| {
        // SAFETY: the texts end with a zero, and the lists with null.
        unsafe { libc::execle(shell, name, run, told, end, environment.as_ptr()) };
    });
    assert_eq!(status, 43);
    check(config(), move |sim| async move {
        sim.allow(Escape::PROCESSES);
        let (sum, list) = (
            c"exit $(($1 + $2))".as_ptr(),
            [c"20".as_ptr(), c"22".as_ptr()],
        );
        let (shell, name, run) = (c"/bin/sh".as_ptr(), c"sh".as_ptr(), c"-c".as_ptr());
        let status = status_of(|| {
            let [a, b] = list;
            // SAFETY: the texts end with a zero, and the list with null.
            unsafe { libc::execl(shell, name, run, sum, name, a, b, null::<c_char>()) };
        });
        assert_eq!(status, 42);
    })
    .unwrap();
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
        for (path, mode) in [(HERE, c"rb"), (HERE, c"r,ccs=a"), (c"/dev/null", c"w")] {
            // SAFETY: both texts end with a zero.
            let opened = unsafe { libc::fopen(path.as_ptr(), mode.as_ptr()) };
            assert!(!opened.is_null() || errno() != libc::EPERM, "{path:?}");
            if !opened.is_null() {
                // SAFETY: the stream was just opened.
                assert_eq!(unsafe { libc::fclose(opened) }, 0);
            }
        }
    })
    .unwrap();
}

#[test]
fn allowed_sleeps_take_real_and_virtual_time() {
    static MOMENT: libc::timespec = libc::timespec {
        tv_sec: 0,
        tv_nsec: 5_000_000,
    };
    const MS: Duration = Duration::from_millis(1);
    type Sleep = (&'static str, Duration, fn() -> i32);
    const SLEEPS: [Sleep; 6] = [
        ("nanosleep", MS.saturating_mul(5), || {
            // SAFETY: the moment is one, and null is allowed.
            unsafe { libc::nanosleep(&raw const MOMENT, null_mut()) }
        }),
        ("clock_nanosleep", MS.saturating_mul(5), || {
            // SAFETY: the moment is one, and null is allowed.
            unsafe { libc::clock_nanosleep(libc::CLOCK_REALTIME, 0, &raw const MOMENT, null_mut()) }
        }),
        ("clock_nanosleep until", MS.saturating_mul(5), || {
            let (clock, mut until) = (libc::CLOCK_MONOTONIC, MOMENT);
            // SAFETY: there is room for the time.
            assert_eq!(unsafe { libc::clock_gettime(clock, &raw mut until) }, 0);
            until.tv_nsec += MOMENT.tv_nsec;
            until.tv_sec += until.tv_nsec / 1_000_000_000;
            until.tv_nsec %= 1_000_000_000;
            let flags = libc::TIMER_ABSTIME;
            // SAFETY: the moment is one, and null is allowed.
            unsafe { libc::clock_nanosleep(clock, flags, &raw const until, null_mut()) }
        }),
        ("thrd_sleep", MS.saturating_mul(5), || {
            // SAFETY: the moment is one, and null is allowed.
            unsafe { c::thrd_sleep(&raw const MOMENT, null_mut()) }
        }),
        ("usleep", MS.saturating_mul(7), || {
            // SAFETY: the call has no preconditions.
            unsafe { libc::usleep(7_000) }
        }),
        ("sleep", MS.saturating_mul(1_000), || {
            // SAFETY: the call has no preconditions.
            unsafe { libc::sleep(1) as i32 }
        }),
    ];
    check(config().doubled(0), |sim| async move {
        sim.allow(Escape::SLEEP);
        for (name, length, sleep) in SLEEPS {
            let (before, start) = (sim.elapsed(), Instant::now());
            assert_eq!(sleep(), 0, "{name}");
            assert_eq!(start.elapsed(), length, "{name}");
            simoom::task::yield_now().await;
            assert_eq!(sim.elapsed() - before, length, "{name}: for the world too");
        }
    })
    .unwrap();
}

/// Waits on a word that nobody changes: for a while, and until a moment of each clock.
#[test]
fn waits_of_futexes_take_real_and_virtual_time() {
    const LENGTH: Duration = Duration::from_millis(5);
    const WAITS: [(&str, libc::c_int, Option<libc::clockid_t>); 3] = [
        ("for", libc::FUTEX_WAIT, None),
        (
            "until, monotonic",
            libc::FUTEX_WAIT_BITSET,
            Some(libc::CLOCK_MONOTONIC),
        ),
        (
            "until, by the wall clock",
            libc::FUTEX_WAIT_BITSET | libc::FUTEX_CLOCK_REALTIME,
            Some(libc::CLOCK_REALTIME),
        ),
    ];
    let real = Instant::now();
    check(config().doubled(0), |sim| async move {
        for (name, operation, clock) in WAITS {
            let (before, start) = (sim.elapsed(), Instant::now());
            let mut time = libc::timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            if let Some(clock) = clock {
                // SAFETY: there is room for the time.
                assert_eq!(unsafe { libc::clock_gettime(clock, &raw mut time) }, 0);
            }
            time.tv_nsec += 5_000_000;
            time.tv_sec += time.tv_nsec / 1_000_000_000;
            time.tv_nsec %= 1_000_000_000;
            let (word, call) = (7_u32, libc::SYS_futex);
            let operation = operation | libc::FUTEX_PRIVATE_FLAG;
            let moment = &raw const time;
            let none = null::<u32>();
            let bits = libc::FUTEX_BITSET_MATCH_ANY;
            // SAFETY: the word and the moment live during the call.
            let result =
                unsafe { libc::syscall(call, &raw const word, operation, 7, moment, none, bits) };
            assert_eq!((result, errno()), (-1, libc::ETIMEDOUT), "{name}");
            assert_eq!(start.elapsed(), LENGTH, "{name}");
            simoom::task::yield_now().await;
            assert_eq!(sim.elapsed() - before, LENGTH, "{name}: for the world too");
        }
    })
    .unwrap();
    // A calm run and the seed.
    assert!(real.elapsed() >= LENGTH * 3 * 2, "{:?}", real.elapsed());
}
