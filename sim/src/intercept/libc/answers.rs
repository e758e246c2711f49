//! The clock and the entropy of libc, as simulated code is told them.
//!
//! This file holds `unsafe`: it defines functions that C code may call, and calls those of the
//! system that they stand before.

#![expect(unsafe_code, reason = "functions of libc are defined and called")]

use std::ffi::{c_int, c_long, c_uint, c_void};
use std::ptr;

use libc::{clockid_t, size_t, ssize_t, time_t, timespec, timeval};

use super::system::{absent, enter_kernel, errno, real, set_errno, timespec_of};
use super::waits::{Wait, is_timed_wait};
use crate::intercept::state::{Clocks, draw, is_simulated, pass, read_clocks};

/// What the clock `id` shows to simulated code; `None` outside of it, and for unknown clocks.
pub(super) fn virtual_ns(id: clockid_t) -> Option<i64> {
    if !is_simulated() || !(0..=libc::CLOCK_TAI).contains(&id) {
        return None;
    }
    let clocks = read_clocks()?;
    Some(match id {
        libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE | libc::CLOCK_TAI => clocks.wall_ns,
        libc::CLOCK_PROCESS_CPUTIME_ID | libc::CLOCK_THREAD_CPUTIME_ID => {
            clocks.monotonic_ns - Clocks::at(0).monotonic_ns
        }
        _ => clocks.monotonic_ns,
    })
}

pub(super) fn real_clock(id: clockid_t, time: *mut timespec) -> c_int {
    match real!(clock_gettime, fn(clockid_t, *mut timespec) -> c_int) {
        // SAFETY: the arguments are the caller's.
        Some(real) => unsafe { real(id, time) },
        None => absent(),
    }
}

/// `clock_gettime(2)`: what `Instant::now` and `SystemTime::now` call.
#[unsafe(no_mangle)]
pub(super) extern "C" fn clock_gettime(id: clockid_t, time: *mut timespec) -> c_int {
    let Some(ns) = virtual_ns(id) else {
        return real_clock(id, time);
    };
    // SAFETY: the caller passes room for a `timespec`, as the manual page asks.
    unsafe { time.write(timespec_of(ns)) };
    0
}

/// `gettimeofday(2)`.
#[unsafe(no_mangle)]
pub(super) extern "C" fn gettimeofday(time: *mut timeval, zone: *mut c_void) -> c_int {
    if let Some(ns) = virtual_ns(libc::CLOCK_REALTIME) {
        let ns = timespec_of(ns);
        let now = timeval {
            tv_sec: ns.tv_sec,
            tv_usec: ns.tv_nsec / 1_000,
        };
        if !time.is_null() {
            // SAFETY: the caller passes room for a `timeval`, or null.
            unsafe { time.write(now) };
        }
        return 0;
    }
    match real!(gettimeofday, fn(*mut timeval, *mut c_void) -> c_int) {
        // SAFETY: the arguments are the caller's.
        Some(real) => unsafe { real(time, zone) },
        None => absent(),
    }
}

/// `time(2)`.
#[unsafe(no_mangle)]
pub(super) extern "C" fn time(into: *mut time_t) -> time_t {
    if let Some(ns) = virtual_ns(libc::CLOCK_REALTIME) {
        let now = timespec_of(ns).tv_sec;
        if !into.is_null() {
            // SAFETY: the caller passes room for a `time_t`, or null.
            unsafe { into.write(now) };
        }
        return now;
    }
    match real!(time, fn(*mut time_t) -> time_t) {
        // SAFETY: the argument is the caller's.
        Some(real) => unsafe { real(into) },
        None => time_t::from(absent()),
    }
}

/// `timespec_get(3)`, which makes its system call itself.
#[unsafe(no_mangle)]
pub(super) extern "C" fn timespec_get(time: *mut timespec, base: c_int) -> c_int {
    if base == TIME_UTC
        && let Some(ns) = virtual_ns(libc::CLOCK_REALTIME)
    {
        // SAFETY: the caller passes room for a `timespec`, as the manual page asks.
        unsafe { time.write(timespec_of(ns)) };
        return base;
    }
    match real!(timespec_get, fn(*mut timespec, c_int) -> c_int) {
        // SAFETY: the arguments are the caller's.
        Some(real) => unsafe { real(time, base) },
        None => 0,
    }
}

/// The wall clock of `timespec_get`.
const TIME_UTC: c_int = 1;

/// The processor time that simulated code has used: as much as has passed since the run began.
fn used_ns() -> Option<i64> {
    virtual_ns(libc::CLOCK_PROCESS_CPUTIME_ID)
}

/// `clock(3)`: processor time in microseconds.
#[unsafe(no_mangle)]
pub(super) extern "C" fn clock() -> libc::clock_t {
    if let Some(ns) = used_ns() {
        return ns / 1_000;
    }
    match real!(clock, fn() -> libc::clock_t) {
        // SAFETY: the function has no preconditions.
        Some(real) => unsafe { real() },
        None => libc::clock_t::from(absent()),
    }
}

/// `times(2)`: processor time, and the time that has passed, in hundredths of a second.
#[unsafe(no_mangle)]
pub(super) extern "C" fn times(into: *mut libc::tms) -> libc::clock_t {
    const TICK_NS: i64 = 10_000_000;
    if let (Some(now), Some(used)) = (virtual_ns(libc::CLOCK_MONOTONIC), used_ns()) {
        if !into.is_null() {
            let times = libc::tms {
                tms_utime: used / TICK_NS,
                tms_stime: 0,
                tms_cutime: 0,
                tms_cstime: 0,
            };
            // SAFETY: the caller passes room for a `tms`, or null.
            unsafe { into.write(times) };
        }
        return now / TICK_NS;
    }
    match real!(times, fn(*mut libc::tms) -> libc::clock_t) {
        // SAFETY: the argument is the caller's.
        Some(real) => unsafe { real(into) },
        None => libc::clock_t::from(absent()),
    }
}

/// `getrusage(2)`: processor time, and nothing of what the process uses beside it.
#[unsafe(no_mangle)]
pub(super) extern "C" fn getrusage(who: c_int, into: *mut libc::rusage) -> c_int {
    let own = [libc::RUSAGE_SELF, libc::RUSAGE_THREAD].contains(&who);
    if (own || who == libc::RUSAGE_CHILDREN)
        && !into.is_null()
        && let Some(used) = used_ns()
    {
        // SAFETY: an all-zero `rusage` is a valid value of this plain C structure.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        if own {
            usage.ru_utime.tv_sec = used / 1_000_000_000;
            usage.ru_utime.tv_usec = used % 1_000_000_000 / 1_000;
        }
        // SAFETY: the caller passes room for a `rusage`.
        unsafe { into.write(usage) };
        return 0;
    }
    match real!(getrusage, fn(c_int, *mut libc::rusage) -> c_int) {
        // SAFETY: the arguments are the caller's.
        Some(real) => unsafe { real(who, into) },
        None => absent(),
    }
}

/// Fills `length` bytes from the seed.
///
/// # Safety
/// `bytes` is room for `length` bytes.
unsafe fn fill(bytes: *mut c_void, length: size_t) {
    let mut done = 0;
    while done < length {
        let drawn = draw().to_le_bytes();
        let count = (length - done).min(drawn.len());
        // SAFETY: `done` is less than `length`.
        let target = unsafe { bytes.cast::<u8>().add(done) };
        // SAFETY: `count` bytes are left in the caller's room, and are there in `drawn`.
        unsafe { ptr::copy_nonoverlapping(drawn.as_ptr(), target, count) };
        done += count;
    }
}

/// `getrandom(2)`: what `std`'s hash keys and the crate `getrandom` call.
#[unsafe(no_mangle)]
pub(super) extern "C" fn getrandom(bytes: *mut c_void, length: size_t, flags: c_uint) -> ssize_t {
    if is_simulated() {
        // SAFETY: the caller passes room for so many bytes.
        unsafe { fill(bytes, length) };
        return length as ssize_t;
    }
    match real!(getrandom, fn(*mut c_void, size_t, c_uint) -> ssize_t) {
        // SAFETY: the arguments are the caller's.
        Some(real) => unsafe { real(bytes, length, flags) },
        None => absent() as ssize_t,
    }
}

/// `getentropy(3)`.
#[unsafe(no_mangle)]
pub(super) extern "C" fn getentropy(bytes: *mut c_void, length: size_t) -> c_int {
    if is_simulated() && length <= 256 {
        // SAFETY: the caller passes room for so many bytes.
        unsafe { fill(bytes, length) };
        return 0;
    }
    match real!(getentropy, fn(*mut c_void, size_t) -> c_int) {
        // SAFETY: the arguments are the caller's.
        Some(real) => unsafe { real(bytes, length) },
        None => absent(),
    }
}

/// `arc4random_buf(3)`, which makes its system call itself.
#[unsafe(no_mangle)]
pub(super) extern "C" fn arc4random_buf(bytes: *mut c_void, length: size_t) {
    if is_simulated() {
        // SAFETY: the caller passes room for so many bytes.
        unsafe { fill(bytes, length) };
        return;
    }
    if let Some(real) = real!(arc4random_buf, fn(*mut c_void, size_t) -> ()) {
        // SAFETY: the arguments are the caller's.
        unsafe { real(bytes, length) };
        return;
    }
    // glibc has it since 2.36. It cannot fail, and so many bytes at once are never refused.
    let mut done = 0;
    while done < length {
        // SAFETY: `done` is less than `length`, for which the caller passes room.
        let rest = unsafe { bytes.cast::<u8>().add(done) };
        let count = (length - done).min(256);
        getrandom(rest.cast(), count, 0);
        done += count;
    }
}

/// `arc4random(3)`.
#[unsafe(no_mangle)]
pub(super) extern "C" fn arc4random() -> u32 {
    let mut drawn = 0_u32;
    arc4random_buf((&raw mut drawn).cast(), size_of::<u32>());
    drawn
}

/// `arc4random_uniform(3)`: below `bound`, each as likely as every other.
#[unsafe(no_mangle)]
pub(super) extern "C" fn arc4random_uniform(bound: u32) -> u32 {
    // So many values are left over where 2^32 is parted among `bound`.
    let left_over = bound.wrapping_neg().checked_rem(bound).unwrap_or(0);
    loop {
        let wide = u64::from(arc4random()) * u64::from(bound);
        if wide as u32 >= left_over {
            return (wide >> 32) as u32;
        }
    }
}

/// `syscall(2)`: entropy and the clock by number, and waits until a moment of the virtual clock.
#[unsafe(no_mangle)]
pub(super) extern "C" fn syscall(
    number: c_long,
    one: c_long,
    two: c_long,
    three: c_long,
    four: c_long,
    five: c_long,
    six: c_long,
) -> c_long {
    type Six = (c_long, c_long, c_long, c_long, c_long, c_long);
    let forward = |(one, two, three, four, five, six): Six| {
        // SAFETY: the arguments are the caller's, or its own in another unit.
        let result = unsafe { enter_kernel(number, [one, two, three, four, five, six]) };
        if (-4095..0).contains(&result) {
            set_errno(-result as c_int);
            return -1;
        }
        result
    };
    let arguments = (one, two, three, four, five, six);
    if !is_simulated() {
        return forward(arguments);
    }
    match number {
        libc::SYS_getrandom => {
            getrandom(one as *mut c_void, two as size_t, three as c_uint) as c_long
        }
        libc::SYS_clock_gettime => {
            c_long::from(clock_gettime(one as clockid_t, two as *mut timespec))
        }
        libc::SYS_futex if is_timed_wait(two as c_int) && four != 0 => {
            // SAFETY: the fourth argument of such a wait points to a `timespec` or is null.
            let asked = unsafe { (four as *const timespec).read() };
            let wait = Wait::of(two as c_int, &asked);
            let result = forward((one, two, three, (&raw const wait.time) as c_long, five, six));
            if result == -1 && errno() == libc::ETIMEDOUT {
                pass(wait.takes_ns);
                set_errno(libc::ETIMEDOUT);
            }
            result
        }
        _ => forward(arguments),
    }
}
