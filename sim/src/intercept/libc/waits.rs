//! The functions of libc in which simulated code waits in real time.
//!
//! This file holds `unsafe`: it defines functions that C code may call, and calls those of the
//! system that they stand before.
//!
//! Sleeps are an escape. Waits that another thread may end are let through: of futexes, and of
//! glibc's locks, conditions and semaphores, which reach the kernel without calling `syscall`. A
//! moment that their caller took from the virtual clock is put on the real one, and what a wait
//! took that nobody ended passes on the virtual clock too.

#![expect(unsafe_code, reason = "functions of libc are defined and called")]

use std::ffi::{c_int, c_uint, c_void};
use std::ptr;

use libc::{clockid_t, timespec};

use super::answers::{real_clock, virtual_ns};
use super::system::{absent, errno, ns_of, real, timespec_of};
use crate::intercept::escape::Escape;
use crate::intercept::state::{is_simulated, pass, refuses};

/// Whether a futex operation waits, for a time that its fourth argument gives.
pub(super) fn is_timed_wait(operation: c_int) -> bool {
    [libc::FUTEX_WAIT, libc::FUTEX_WAIT_BITSET].contains(&(operation & !FUTEX_FLAGS))
}

/// A wait that simulated code makes in real time.
pub(super) struct Wait {
    /// When it ends, as the system is to be told.
    pub(super) time: timespec,
    /// How long it takes if nothing ends it.
    pub(super) takes_ns: i64,
}

impl Wait {
    /// A wait of a futex: for a while, or until a moment that was taken from the virtual clock.
    pub(super) fn of(operation: c_int, asked: &timespec) -> Self {
        if operation & !FUTEX_FLAGS == libc::FUTEX_WAIT {
            return Self {
                time: *asked,
                takes_ns: ns_of(asked),
            };
        }
        match operation & libc::FUTEX_CLOCK_REALTIME {
            0 => Self::until(libc::CLOCK_MONOTONIC, asked),
            _ => Self::until(libc::CLOCK_REALTIME, asked),
        }
    }

    /// A wait until the virtual clock `id` shows `moment`: the real one is as far from its end.
    fn until(id: clockid_t, moment: &timespec) -> Self {
        let now_ns = virtual_ns(id).unwrap_or(0);
        let mut real = timespec_of(0);
        real_clock(id, &raw mut real);
        let takes_ns = ns_of(moment).saturating_sub(now_ns);
        Self {
            time: timespec_of(ns_of(&real).saturating_add(takes_ns).max(0)),
            takes_ns,
        }
    }
}

/// What may be set beside the operation of a futex call.
const FUTEX_FLAGS: c_int = libc::FUTEX_PRIVATE_FLAG | libc::FUTEX_CLOCK_REALTIME;

/// Sleeps, after which as much virtual time has passed.
fn sleep_for(time: &timespec, left: *mut timespec) -> c_int {
    let Some(real) = real!(nanosleep, fn(*const timespec, *mut timespec) -> c_int) else {
        return absent();
    };
    let mut rest = timespec_of(0);
    // SAFETY: both live during the call.
    let result = unsafe { real(ptr::from_ref(time), &raw mut rest) };
    if result == 0 {
        pass(ns_of(time));
    } else if errno() == libc::EINTR {
        pass(ns_of(time).saturating_sub(ns_of(&rest)));
        if !left.is_null() {
            // SAFETY: the caller passes room for a `timespec`, or null.
            unsafe { left.write(rest) };
        }
    }
    result
}

/// `nanosleep(2)`.
#[unsafe(no_mangle)]
pub(super) extern "C" fn nanosleep(time: *const timespec, left: *mut timespec) -> c_int {
    // A refused sleep is over at once: an error would be tried again, or panic.
    if refuses(Escape::SLEEP, "nanosleep", || None) {
        return 0;
    }
    if is_simulated() && !time.is_null() {
        // SAFETY: the caller passes a `timespec`.
        let asked = unsafe { time.read() };
        return sleep_for(&asked, left);
    }
    match real!(nanosleep, fn(*const timespec, *mut timespec) -> c_int) {
        // SAFETY: the arguments are the caller's.
        Some(real) => unsafe { real(time, left) },
        None => absent(),
    }
}

/// `usleep(3)`.
#[unsafe(no_mangle)]
pub(super) extern "C" fn usleep(micros: c_uint) -> c_int {
    if refuses(Escape::SLEEP, "usleep", || None) {
        return 0;
    }
    sleep_for(&timespec_of(i64::from(micros) * 1_000), ptr::null_mut())
}

/// `sleep(3)`: returns the seconds that a signal spared it.
#[unsafe(no_mangle)]
pub(super) extern "C" fn sleep(seconds: c_uint) -> c_uint {
    if refuses(Escape::SLEEP, "sleep", || None) {
        return 0;
    }
    let mut left = timespec_of(0);
    match sleep_for(
        &timespec_of(i64::from(seconds) * 1_000_000_000),
        &raw mut left,
    ) {
        0 => 0,
        _ => c_uint::try_from(left.tv_sec).unwrap_or(seconds),
    }
}

/// `thrd_sleep(3)`: returns -1 after a signal.
#[unsafe(no_mangle)]
pub(super) extern "C" fn thrd_sleep(time: *const timespec, left: *mut timespec) -> c_int {
    if refuses(Escape::SLEEP, "thrd_sleep", || None) {
        return 0;
    }
    // SAFETY: the caller passes a `timespec`, as the standard asks.
    let asked = unsafe { time.read() };
    match sleep_for(&asked, left) {
        0 => 0,
        _ if errno() == libc::EINTR => -1,
        _ => -2,
    }
}

/// `clock_nanosleep(2)`: what `std::thread::sleep` calls.
#[unsafe(no_mangle)]
pub(super) extern "C" fn clock_nanosleep(
    id: clockid_t,
    flags: c_int,
    time: *const timespec,
    left: *mut timespec,
) -> c_int {
    if refuses(Escape::SLEEP, "clock_nanosleep", || None) {
        return 0;
    }
    let Some(real) = real!(
        clock_nanosleep,
        fn(clockid_t, c_int, *const timespec, *mut timespec) -> c_int
    ) else {
        return libc::ENOSYS;
    };
    if !is_simulated() || time.is_null() {
        // SAFETY: the arguments are the caller's.
        return unsafe { real(id, flags, time, left) };
    }
    // SAFETY: the caller passes a `timespec`.
    let asked = unsafe { time.read() };
    let wait = match flags & libc::TIMER_ABSTIME {
        0 => Wait {
            time: asked,
            takes_ns: ns_of(&asked),
        },
        _ => Wait::until(id, &asked),
    };
    // SAFETY: `wait` lives during the call; the rest is the caller's.
    let result = unsafe { real(id, flags, &raw const wait.time, left) };
    if result == 0 {
        pass(wait.takes_ns);
    }
    result
}

/// Functions of glibc that wait until a moment: what each says when it has come, the moment, and
/// the clock that shows it.
macro_rules! timed_waits {
    ($(
        $late:ident until $moment:ident of $clock:expr;
        fn $name:ident($($argument:ident: $type:ty),* $(,)?) -> c_int;
    )*) => {$(
        #[doc = concat!("`", stringify!($name), "`")]
        #[unsafe(no_mangle)]
        pub(super) extern "C" fn $name($($argument: $type),*) -> c_int {
            let Some(real) = real!($name, fn($($type),*) -> c_int) else {
                return libc::ENOSYS;
            };
            // SAFETY: the caller passes a `timespec`, or null.
            let Some(wait) = (unsafe { until($moment, |moment| $clock(moment)) }) else {
                // SAFETY: the arguments are the caller's.
                return unsafe { real($($argument),*) };
            };
            let $moment = &raw const wait.time;
            // SAFETY: `wait` lives during the call; the rest is the caller's.
            let result = unsafe { real($($argument),*) };
            if $late(result) {
                pass(wait.takes_ns);
            }
            result
        }
    )*};
}

/// A wait of simulated code until `moment`; `None` outside of it, and for what is no moment.
///
/// # Safety
/// `moment` points to a `timespec` or is null.
unsafe fn until(
    moment: *const timespec,
    clock: impl FnOnce(&timespec) -> clockid_t,
) -> Option<Wait> {
    if !is_simulated() || moment.is_null() {
        return None;
    }
    // SAFETY: it is not null.
    let moment = unsafe { moment.read() };
    let is_valid = (0..1_000_000_000).contains(&moment.tv_nsec);
    is_valid.then(|| Wait::until(clock(&moment), &moment))
}

/// The clock of a condition, which nothing but its attributes tell: the one that is nearer to a
/// moment taken from it. The two are decades apart.
fn nearest(moment: &timespec) -> clockid_t {
    let distance = |id| ns_of(moment).abs_diff(virtual_ns(id).unwrap_or(0));
    if distance(libc::CLOCK_MONOTONIC) < distance(libc::CLOCK_REALTIME) {
        libc::CLOCK_MONOTONIC
    } else {
        libc::CLOCK_REALTIME
    }
}

fn wall(_moment: &timespec) -> clockid_t {
    libc::CLOCK_REALTIME
}

/// Whether a function that returns its error was late.
fn timed_out(result: c_int) -> bool {
    result == libc::ETIMEDOUT
}

/// Whether a function that tells its error in `errno` was late.
fn timed_out_by_errno(result: c_int) -> bool {
    result == -1 && errno() == libc::ETIMEDOUT
}

/// Whether a function of C's threads was late: `thrd_timedout`.
fn timed_out_of_c(result: c_int) -> bool {
    result == 4
}

/// A moment at which a wait ends.
type Moment = *const timespec;
/// A lock, condition or semaphore of glibc.
type Object = *mut c_void;

timed_waits! {
    timed_out until moment of nearest;
    fn pthread_cond_timedwait(condition: Object, lock: Object, moment: Moment) -> c_int;
    timed_out until moment of |_: &timespec| clock;
    fn pthread_cond_clockwait(
        condition: Object,
        lock: Object,
        clock: clockid_t,
        moment: Moment,
    ) -> c_int;
    timed_out until moment of wall;
    fn pthread_mutex_timedlock(lock: Object, moment: Moment) -> c_int;
    timed_out until moment of |_: &timespec| clock;
    fn pthread_mutex_clocklock(lock: Object, clock: clockid_t, moment: Moment) -> c_int;
    timed_out until moment of wall;
    fn pthread_rwlock_timedrdlock(lock: Object, moment: Moment) -> c_int;
    timed_out until moment of |_: &timespec| clock;
    fn pthread_rwlock_clockrdlock(lock: Object, clock: clockid_t, moment: Moment) -> c_int;
    timed_out until moment of wall;
    fn pthread_rwlock_timedwrlock(lock: Object, moment: Moment) -> c_int;
    timed_out until moment of |_: &timespec| clock;
    fn pthread_rwlock_clockwrlock(lock: Object, clock: clockid_t, moment: Moment) -> c_int;
    timed_out_by_errno until moment of wall;
    fn sem_timedwait(semaphore: Object, moment: Moment) -> c_int;
    timed_out_by_errno until moment of |_: &timespec| clock;
    fn sem_clockwait(semaphore: Object, clock: clockid_t, moment: Moment) -> c_int;
    timed_out_of_c until moment of wall;
    fn cnd_timedwait(condition: Object, lock: Object, moment: Moment) -> c_int;
    timed_out_of_c until moment of wall;
    fn mtx_timedlock(lock: Object, moment: Moment) -> c_int;
}
