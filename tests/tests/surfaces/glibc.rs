//! Functions of glibc that C code in the binary calls, and `std` does not.
//!
//! This file holds `unsafe`: calls into libc.

#![expect(unsafe_code, reason = "calls into libc")]
#![expect(
    clippy::multiple_unsafe_ops_per_block,
    reason = "a call and the place that it is given belong together"
)]

use std::ffi::{CStr, CString, c_int};
use std::ptr::{null, null_mut};
use std::sync::Arc;
use std::time::{Duration, Instant};

use simoom::time::sleep;
use simoom_sim::{Escape, Failure, Sim, check};

use crate::{config, follows_from_the_seed, is_caught, is_refused};

/// What the crate `libc` has, and what it lacks.
mod c {
    pub(super) use libc::*;

    unsafe extern "C" {
        pub(super) fn pthread_cond_clockwait(
            condition: *mut pthread_cond_t,
            lock: *mut pthread_mutex_t,
            clock: clockid_t,
            moment: *const timespec,
        ) -> c_int;
        pub(super) fn pthread_mutex_timedlock(
            lock: *mut pthread_mutex_t,
            moment: *const timespec,
        ) -> c_int;
        pub(super) fn pthread_mutex_clocklock(
            lock: *mut pthread_mutex_t,
            clock: clockid_t,
            moment: *const timespec,
        ) -> c_int;
        pub(super) fn pthread_rwlock_timedrdlock(
            lock: *mut pthread_rwlock_t,
            moment: *const timespec,
        ) -> c_int;
        pub(super) fn pthread_rwlock_clockrdlock(
            lock: *mut pthread_rwlock_t,
            clock: clockid_t,
            moment: *const timespec,
        ) -> c_int;
        pub(super) fn pthread_rwlock_timedwrlock(
            lock: *mut pthread_rwlock_t,
            moment: *const timespec,
        ) -> c_int;
        pub(super) fn pthread_rwlock_clockwrlock(
            lock: *mut pthread_rwlock_t,
            clock: clockid_t,
            moment: *const timespec,
        ) -> c_int;
        pub(super) fn sem_clockwait(
            semaphore: *mut sem_t,
            clock: clockid_t,
            moment: *const timespec,
        ) -> c_int;
        /// glibc's `cnd_t` and `mtx_t` are as `pthread_cond_t` and `pthread_mutex_t`.
        pub(super) fn cnd_timedwait(
            condition: *mut pthread_cond_t,
            lock: *mut pthread_mutex_t,
            moment: *const timespec,
        ) -> c_int;
        pub(super) fn mtx_timedlock(lock: *mut pthread_mutex_t, moment: *const timespec) -> c_int;
        pub(super) fn timespec_get(time: *mut timespec, base: c_int) -> c_int;
        pub(super) fn clock() -> clock_t;
        pub(super) fn arc4random() -> u32;
        pub(super) fn arc4random_buf(bytes: *mut c_void, length: size_t);
        pub(super) fn arc4random_uniform(bound: u32) -> u32;
        pub(super) fn vfork() -> pid_t;
    }
}

fn zeroed<T>() -> T {
    const { assert!(!std::mem::needs_drop::<T>()) };
    // SAFETY: it is called for plain structures of C alone, which zeros are a value of.
    unsafe { std::mem::zeroed() }
}

/// `length` after what the clock shows.
fn moment_after(clock: libc::clockid_t, length: Duration) -> libc::timespec {
    let mut time: libc::timespec = zeroed();
    // SAFETY: there is room for the time.
    assert_eq!(unsafe { libc::clock_gettime(clock, &raw mut time) }, 0);
    let ns = time.tv_nsec + i64::from(length.subsec_nanos());
    time.tv_sec += i64::try_from(length.as_secs()).expect("it is short") + ns / 1_000_000_000;
    time.tv_nsec = ns % 1_000_000_000;
    time
}

/// What waits are for: two locks that another thread holds, and what nobody signals.
struct Waited {
    mutex: libc::pthread_mutex_t,
    rwlock: libc::pthread_rwlock_t,
    /// Held by whoever waits for a condition.
    own: libc::pthread_mutex_t,
    condition: libc::pthread_cond_t,
    of_monotonic: libc::pthread_cond_t,
    semaphore: libc::sem_t,
}

/// The place of one in memory, which lasts as long as the process.
#[derive(Clone, Copy)]
struct Place(*mut Waited);

// SAFETY: what lies there is made for being shared by threads.
unsafe impl Send for Place {}
// SAFETY: as above.
unsafe impl Sync for Place {}

impl Place {
    /// Both locks are held by this thread for good.
    fn held() -> Self {
        let place: *mut Waited = Box::into_raw(Box::new(zeroed()));
        let mut attributes: libc::pthread_condattr_t = zeroed();
        // SAFETY: zeros are what a static one of each begins as; nobody else knows the place yet.
        unsafe {
            assert_eq!(libc::pthread_condattr_init(&raw mut attributes), 0);
            let clock = libc::CLOCK_MONOTONIC;
            assert_eq!(
                libc::pthread_condattr_setclock(&raw mut attributes, clock),
                0
            );
            let of_monotonic = &raw mut (*place).of_monotonic;
            assert_eq!(
                libc::pthread_cond_init(of_monotonic, &raw const attributes),
                0
            );
            assert_eq!(libc::sem_init(&raw mut (*place).semaphore, 0, 0), 0);
            assert_eq!(libc::pthread_mutex_lock(&raw mut (*place).mutex), 0);
            assert_eq!(libc::pthread_rwlock_wrlock(&raw mut (*place).rwlock), 0);
        }
        Self(place)
    }
}

/// A wait for what does not come: the clock it is told a moment of, and what it says then.
type LateWait = (
    &'static str,
    libc::clockid_t,
    c_int,
    fn(*mut Waited, *const libc::timespec) -> c_int,
);

/// `name` waits until a moment of `clock` and returns `says`.
macro_rules! late {
    ($says:expr, $clock:ident, $name:ident($field:ident $(, $more:ident)? $(; $told:ident)?)) => {
        (stringify!($name), libc::$clock, $says, |place, moment| {
            // SAFETY: what is waited for lies there, and the moment is one.
            unsafe {
                c::$name(
                    &raw mut (*place).$field,
                    $(&raw mut (*place).$more,)?
                    $(libc::$told,)?
                    moment,
                )
            }
        })
    };
}

/// What C's threads say to a moment that has come.
const THRD_TIMEDOUT: c_int = 4;

const WAITS: &[LateWait] = {
    use libc::ETIMEDOUT as LATE;
    &[
        late!(LATE, CLOCK_REALTIME, pthread_cond_timedwait(condition, own)),
        late!(
            LATE,
            CLOCK_MONOTONIC,
            pthread_cond_timedwait(of_monotonic, own)
        ),
        late!(LATE, CLOCK_REALTIME, pthread_cond_clockwait(condition, own; CLOCK_REALTIME)),
        late!(LATE, CLOCK_MONOTONIC, pthread_cond_clockwait(condition, own; CLOCK_MONOTONIC)),
        late!(LATE, CLOCK_REALTIME, pthread_mutex_timedlock(mutex)),
        late!(LATE, CLOCK_MONOTONIC, pthread_mutex_clocklock(mutex; CLOCK_MONOTONIC)),
        late!(LATE, CLOCK_REALTIME, pthread_rwlock_timedrdlock(rwlock)),
        late!(LATE, CLOCK_MONOTONIC, pthread_rwlock_clockrdlock(rwlock; CLOCK_MONOTONIC)),
        late!(LATE, CLOCK_REALTIME, pthread_rwlock_timedwrlock(rwlock)),
        late!(LATE, CLOCK_MONOTONIC, pthread_rwlock_clockwrlock(rwlock; CLOCK_MONOTONIC)),
        late!(-1, CLOCK_REALTIME, sem_timedwait(semaphore)),
        late!(-1, CLOCK_MONOTONIC, sem_clockwait(semaphore; CLOCK_MONOTONIC)),
        late!(THRD_TIMEDOUT, CLOCK_REALTIME, cnd_timedwait(condition, own)),
        late!(THRD_TIMEDOUT, CLOCK_REALTIME, mtx_timedlock(mutex)),
    ]
};

/// As those of `std`: nobody is to end these waits.
#[test]
fn timed_waits_of_glibc_take_real_and_virtual_time() {
    const LENGTH: Duration = Duration::from_millis(3);
    let place = Place::held();
    let real = Instant::now();
    check(config().seeds(1), move |sim: Sim| async move {
        let Place(waited) = { place };
        // SAFETY: a run that failed may have left it held; no other uses it now.
        unsafe { (*waited).own = zeroed() };
        // SAFETY: the lock lies there, and nobody holds it.
        let locked = unsafe { libc::pthread_mutex_lock(&raw mut (*waited).own) };
        assert_eq!(locked, 0);
        for &(name, clock, says, wait) in WAITS {
            let (before, start) = (sim.elapsed(), Instant::now());
            let until = moment_after(clock, LENGTH);
            let result = wait(waited, &raw const until);
            assert_eq!(result, says, "{name}");
            assert_eq!(start.elapsed(), LENGTH, "{name}: the moment has come");
            simoom::task::yield_now().await;
            assert_eq!(sim.elapsed() - before, LENGTH, "{name}: for the world too");
            // A moment that is past takes no time, and what is none is an error as ever.
            let start = Instant::now();
            let past = moment_after(clock, Duration::ZERO);
            assert_eq!(wait(waited, &raw const past), says, "{name}");
            assert_eq!(start.elapsed(), Duration::ZERO, "{name}");
            let none = libc::timespec {
                tv_nsec: -1,
                ..until
            };
            let result = wait(waited, &raw const none);
            assert!(
                result != 0 && result != says || result == -1,
                "{name}: {result}"
            );
            assert_eq!(start.elapsed(), Duration::ZERO, "{name}");
        }
        // SAFETY: this thread holds it.
        let unlocked = unsafe { libc::pthread_mutex_unlock(&raw mut (*waited).own) };
        assert_eq!(unlocked, 0);
    })
    .unwrap();
    // A calm run, the seed, and the seed once more.
    let least = LENGTH * 3 * u32::try_from(WAITS.len()).expect("they are few");
    assert!(real.elapsed() >= least, "{:?}", real.elapsed());
}

/// What comes before its moment takes no virtual time, however long it took.
#[test]
fn a_wait_of_glibc_that_a_thread_ends_takes_no_virtual_time() {
    let place = Arc::new(Place::held());
    check(config().seeds(1), move |sim: Sim| {
        let place = *place;
        async move {
            sim.allow(Escape::THREADS);
            let start = Instant::now();
            let until = moment_after(libc::CLOCK_REALTIME, Duration::from_secs(3_600));
            let thread = std::thread::spawn(move || {
                let Place(waited) = { place };
                std::thread::sleep(Duration::from_millis(5));
                // SAFETY: the semaphore lies there.
                unsafe { libc::sem_post(&raw mut (*waited).semaphore) }
            });
            let Place(waited) = { place };
            // SAFETY: the semaphore lies there, and the moment is one.
            let result =
                unsafe { libc::sem_timedwait(&raw mut (*waited).semaphore, &raw const until) };
            assert_eq!((result, start.elapsed()), (0, Duration::ZERO));
            assert_eq!(thread.join().unwrap(), 0);
        }
    })
    .unwrap();
}

#[test]
fn poll_takes_real_time_alone() {
    let real = Instant::now();
    check(config().seeds(1), |sim: Sim| async move {
        let start = Instant::now();
        // SAFETY: none are polled.
        assert_eq!(unsafe { libc::poll(null_mut(), 0, 5) }, 0);
        simoom::task::yield_now().await;
        assert_eq!(
            (start.elapsed(), sim.elapsed()),
            (Duration::ZERO, Duration::ZERO)
        );
    })
    .unwrap();
    assert!(real.elapsed() >= Duration::from_millis(15));
}

#[test]
fn clocks_of_c_are_virtual() {
    check(config().seeds(2), |_| async {
        sleep(Duration::from_millis(1_500)).await;
        let mut time: libc::timespec = zeroed();
        // SAFETY: there is room for the time.
        assert_eq!(unsafe { c::timespec_get(&raw mut time, 1) }, 1);
        assert_eq!((time.tv_sec, time.tv_nsec), (1_577_836_801, 500_000_000));
        // SAFETY: the call has no preconditions.
        assert_eq!(unsafe { c::clock() }, 1_500_000);
        let mut times: libc::tms = zeroed();
        // SAFETY: there is room for the times.
        assert_eq!(unsafe { libc::times(&raw mut times) }, 100_000_150);
        assert_eq!((times.tms_utime, times.tms_stime), (150, 0));
        let usage = |who| {
            let mut usage: libc::rusage = zeroed();
            // SAFETY: there is room for it.
            assert_eq!(unsafe { libc::getrusage(who, &raw mut usage) }, 0);
            let user = usage.ru_utime;
            (
                user.tv_sec,
                user.tv_usec,
                usage.ru_stime.tv_usec,
                usage.ru_maxrss,
            )
        };
        assert_eq!(usage(libc::RUSAGE_SELF), (1, 500_000, 0, 0));
        assert_eq!(usage(libc::RUSAGE_THREAD), (1, 500_000, 0, 0));
        assert_eq!(usage(libc::RUSAGE_CHILDREN), (0, 0, 0, 0));
        let mut usage = zeroed();
        // SAFETY: an unknown one is an error.
        assert_eq!(unsafe { libc::getrusage(77, &raw mut usage) }, -1);
    })
    .unwrap();
}

#[test]
fn arc4random_follows_from_the_seed() {
    let test = "glibc::arc4random_follows_from_the_seed";
    let distinct = follows_from_the_seed(test, || {
        let mut bytes = [0_u8; 37];
        // SAFETY: there is room for so many bytes.
        unsafe { c::arc4random_buf(bytes.as_mut_ptr().cast(), bytes.len()) };
        // SAFETY: the calls have no preconditions.
        let (one, below) = unsafe { (c::arc4random(), c::arc4random_uniform(3_000_000_000)) };
        assert!(below < 3_000_000_000);
        // SAFETY: the calls have no preconditions.
        let edges = unsafe { (c::arc4random_uniform(0), c::arc4random_uniform(1)) };
        assert_eq!(edges, (0, 0));
        format!("{bytes:?} {one} {below}")
    });
    assert_eq!(distinct, 10);
}

#[test]
fn rand_of_c_is_caught() {
    // SAFETY: the call has no preconditions.
    is_caught(|| unsafe { libc::rand() }.to_string());
}

/// The sixteen bytes that the kernel gives each process at its start.
fn bytes_of_the_process() -> u128 {
    // SAFETY: the call has no preconditions.
    let place = unsafe { libc::getauxval(libc::AT_RANDOM) } as *const u128;
    // SAFETY: they lie there for the life of the process.
    unsafe { place.read_unaligned() }
}

#[test]
fn the_random_bytes_of_a_process_show_in_a_fresh_one() {
    let run = async |sim: Sim| sim.note(&bytes_of_the_process().to_string());
    check(config().seeds(2), run).unwrap();
    let report = check(config().seeds(2).processes(1), run);
    let cause = report
        .failure()
        .expect("a fresh process has others")
        .cause();
    assert!(matches!(cause, Failure::Nondeterminism { .. }), "{cause}");
}

/// A name that does not exist, and its text for C.
fn path(name: &str) -> CString {
    let path = std::env::temp_dir().join(format!("simoom-{name}-{}", std::process::id()));
    CString::new(path.into_os_string().into_encoded_bytes()).expect("it holds no zero")
}

fn remove(path: &CStr) {
    // SAFETY: the path ends with a zero.
    unsafe { libc::unlink(path.as_ptr()) };
}

#[test]
fn files_of_c_are_refused_for_writing() {
    is_refused(Escape::FILES, "fopen", || {
        let path = path("fopen");
        // SAFETY: both texts end with a zero.
        let stream = unsafe { libc::fopen(path.as_ptr(), c"w".as_ptr()) };
        if !stream.is_null() {
            // SAFETY: it was just opened.
            unsafe { libc::fclose(stream) };
        }
        remove(&path);
    });
}

#[test]
fn temporary_files_of_c_are_refused() {
    is_refused(Escape::FILES, "mkstemp", || {
        let template = path("XXXXXX").into_bytes();
        let mut template = [&template[..], b"XXXXXX\0"].concat();
        // SAFETY: the text ends with a zero, and may be changed.
        let file = unsafe { libc::mkstemp(template.as_mut_ptr().cast()) };
        if file >= 0 {
            // SAFETY: it was just opened.
            unsafe { libc::close(file) };
        }
        remove(CStr::from_bytes_with_nul(&template).expect("it ends with a zero"));
    });
}

/// Waits for a child, if there is one.
fn reap(child: libc::pid_t) {
    if child > 0 {
        // SAFETY: null is allowed.
        unsafe { libc::waitpid(child, null_mut(), 0) };
    }
}

#[test]
fn vfork_is_refused() {
    is_refused(Escape::PROCESSES, "vfork", || {
        // SAFETY: the child does nothing but end.
        let child = unsafe { c::vfork() };
        if child == 0 {
            // SAFETY: nothing of the parent's is cleaned up.
            unsafe { libc::_exit(0) };
        }
        reap(child);
    });
}

#[test]
fn children_with_a_terminal_are_refused() {
    is_refused(Escape::PROCESSES, "forkpty", || {
        let mut terminal = -1;
        // SAFETY: there is room for the descriptor, and null is allowed.
        let child = unsafe { libc::forkpty(&raw mut terminal, null_mut(), null(), null()) };
        if child == 0 {
            // SAFETY: nothing of the parent's is cleaned up.
            unsafe { libc::_exit(0) };
        }
        reap(child);
    });
}

/// In a process of its own: one that becomes a daemon ends, and says that all is well.
#[test]
fn a_daemon_is_refused() {
    const NAME: &str = "glibc::a_daemon_is_refused";
    const SEEN: &str = "no daemon was made";
    if std::env::var_os("SIMOOM_TESTS_DAEMON").is_none() {
        let this = std::env::current_exe().unwrap();
        let mut command = std::process::Command::new(this);
        command.args(["--exact", NAME, "--nocapture"]);
        let output = command.env("SIMOOM_TESTS_DAEMON", "1").output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(told.contains(SEEN), "{told}");
        return;
    }
    // Not on the test's own thread: no process is to confirm the failure.
    let run = || {
        check(config().seeds(1), |_| async {
            // SAFETY: the call has no preconditions.
            assert_eq!(unsafe { libc::daemon(1, 1) }, -1);
        })
    };
    let report = std::thread::spawn(run).join().unwrap();
    let Some(Failure::Escaped { escape, call, .. }) = report.failure().map(|it| it.cause()) else {
        panic!("{report}");
    };
    assert_eq!(
        (*escape, call.split(' ').next()),
        (Escape::PROCESSES, Some("daemon"))
    );
    println!("{SEEN}");
}

#[test]
fn becoming_another_program_is_refused() {
    // None of these is one: what is let through fails, and goes on.
    const NONE: &std::ffi::CStr = c"/dev/null";
    const END: *const libc::c_char = null();
    is_refused(Escape::PROCESSES, "execl", || {
        // SAFETY: the texts end with a zero, and the list with null.
        unsafe { libc::execl(NONE.as_ptr(), NONE.as_ptr(), c"an argument".as_ptr(), END) };
    });
    is_refused(Escape::PROCESSES, "execle", || {
        let environment = [END];
        // SAFETY: the texts end with a zero, and the lists with null.
        unsafe { libc::execle(NONE.as_ptr(), NONE.as_ptr(), END, environment.as_ptr()) };
    });
    is_refused(Escape::PROCESSES, "execv", || {
        let arguments = [NONE.as_ptr(), END];
        // SAFETY: the texts end with a zero, and the list with null.
        unsafe { libc::execv(NONE.as_ptr(), arguments.as_ptr()) };
    });
    is_refused(Escape::PROCESSES, "fexecve", || {
        let lists = [NONE.as_ptr(), END];
        // SAFETY: the texts end with a zero, and the lists with null.
        unsafe { libc::fexecve(-1, lists.as_ptr(), lists[1..].as_ptr()) };
    });
}

#[test]
fn posix_spawn_is_refused() {
    is_refused(Escape::PROCESSES, "posix_spawn", || {
        let (mut child, true_) = (-1, c"/bin/true");
        let arguments = [true_.as_ptr().cast_mut(), null_mut()];
        // SAFETY: the texts end with a zero, and the lists with null.
        unsafe {
            libc::posix_spawn(
                &raw mut child,
                true_.as_ptr(),
                null(),
                null(),
                arguments.as_ptr(),
                arguments[1..].as_ptr(),
            )
        };
        reap(child);
    });
}

#[test]
fn commands_of_the_shell_are_refused() {
    is_refused(Escape::PROCESSES, "system", || {
        // SAFETY: the text ends with a zero.
        unsafe { libc::system(c"true".as_ptr()) };
    });
    is_refused(Escape::PROCESSES, "popen", || {
        // SAFETY: the texts end with a zero.
        let stream = unsafe { libc::popen(c"true".as_ptr(), c"r".as_ptr()) };
        if !stream.is_null() {
            // SAFETY: it was just opened.
            unsafe { libc::pclose(stream) };
        }
    });
}
