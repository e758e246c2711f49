//! The functions of libc that simulated code is answered by.
//!
//! This file holds `unsafe`: it defines functions that C code may call, and calls those of the
//! system that they stand before.
//!
//! A definition in an executable comes before that of a shared library, so every call of `std`, of
//! other crates and of C code in the binary leads here. Each function asks the cells of its thread
//! whether simulated code is running and answers from them, or forwards to the next definition of
//! the same name, which is the system's.
//!
//! Waits in real time are let through, since another thread may end them; what they took passes on
//! the virtual clock too.
//!
//! # Invariants
//! 1. Functions that a caller expects never to fail for want of memory or locks (the clock,
//!    entropy, `syscall`) touch cells alone before they forward.
//! 2. No function panics: a panic cannot leave a function of C.
//! 3. `open` and the like are variadic in C. Here they take all their arguments: on x86-64 and
//!    AArch64 Linux both are passed alike, and an argument that was not passed is garbage which is
//!    passed on unread.

#![expect(unsafe_code, reason = "functions of libc are defined and called")]

use std::ffi::{CStr, c_char, c_int, c_long, c_uint, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use libc::{clockid_t, mode_t, pid_t, size_t, ssize_t, time_t, timespec, timeval};

use super::escape::Escape;
use super::state::{Clocks, draw, is_simulated, pass, read_clocks, refuses};

/// The next definition of `$name`, as a function of this type; `None` if the system has none.
macro_rules! real {
    ($name:ident, fn($($argument:ty),* $(,)?) -> $result:ty) => {{
        type Real = unsafe extern "C" fn($($argument),*) -> $result;
        static FOUND: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
        const NAME: &CStr = {
            match CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                Ok(name) => name,
                Err(_) => panic!("a name holds no zero"),
            }
        };
        let found = next(&FOUND, NAME);
        if found.is_null() {
            None
        } else {
            // SAFETY: the system's function of this name has this type, by its manual page, and
            // pointers to functions are as large as pointers to data.
            Some(unsafe { std::mem::transmute::<*mut c_void, Real>(found) })
        }
    }};
}

/// The definition of `name` that comes after this binary's own, looked up once.
fn next(found: &AtomicPtr<c_void>, name: &CStr) -> *mut c_void {
    let known = found.load(Ordering::Relaxed);
    if !known.is_null() {
        return known;
    }
    // SAFETY: `name` ends with a zero.
    let next = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) };
    found.store(next, Ordering::Relaxed);
    next
}

fn errno() -> c_int {
    // SAFETY: the call has no preconditions.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: the pointer is to this thread's own `errno`.
    unsafe { *errno }
}

fn set_errno(error: c_int) {
    // SAFETY: the call has no preconditions.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: the pointer is to this thread's own `errno`.
    unsafe { *errno = error };
}

/// What a function that says `-1` says where the system has none of its name.
fn absent() -> c_int {
    set_errno(libc::ENOSYS);
    -1
}

fn timespec_of(ns: i64) -> timespec {
    // SAFETY: an all-zero `timespec` is a valid value of this plain C structure.
    let mut time: timespec = unsafe { std::mem::zeroed() };
    time.tv_sec = ns.div_euclid(1_000_000_000);
    time.tv_nsec = ns.rem_euclid(1_000_000_000);
    time
}

fn ns_of(time: &timespec) -> i64 {
    time.tv_sec
        .saturating_mul(1_000_000_000)
        .saturating_add(time.tv_nsec)
}

/// What the clock `id` shows to simulated code; `None` outside of it, and for unknown clocks.
fn virtual_ns(id: clockid_t) -> Option<i64> {
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

fn real_clock(id: clockid_t, time: *mut timespec) -> c_int {
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

/// Whether a futex operation waits, for a time that its fourth argument gives.
fn is_timed_wait(operation: c_int) -> bool {
    [libc::FUTEX_WAIT, libc::FUTEX_WAIT_BITSET].contains(&(operation & !FUTEX_FLAGS))
}

/// A wait that simulated code makes in real time.
struct Wait {
    /// When it ends, as the system is to be told.
    time: timespec,
    /// How long it takes if nothing ends it.
    takes_ns: i64,
}

impl Wait {
    /// A wait of a futex: for a while, or until a moment that was taken from the virtual clock.
    fn of(operation: c_int, asked: &timespec) -> Self {
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

/// Makes a system call. Not by the next definition of `syscall`: looking that up may allocate, and
/// allocators make their first calls so.
///
/// # Safety
/// As for the system call.
unsafe fn enter_kernel(number: c_long, arguments: [c_long; 6]) -> c_long {
    let [one, two, three, four, five, six] = arguments;
    let result: c_long;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the registers are those of the kernel's convention, which changes no others.
    unsafe {
        core::arch::asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") one,
            in("rsi") two,
            in("rdx") three,
            in("r10") four,
            in("r8") five,
            in("r9") six,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: the registers are those of the kernel's convention, which changes no others.
    unsafe {
        core::arch::asm!(
            "svc 0",
            in("x8") number,
            inlateout("x0") one => result,
            in("x1") two,
            in("x2") three,
            in("x3") four,
            in("x4") five,
            in("x5") six,
            options(nostack),
        );
    }
    result
}

/// What may be set beside the operation of a futex call.
const FUTEX_FLAGS: c_int = libc::FUTEX_PRIVATE_FLAG | libc::FUTEX_CLOCK_REALTIME;

/// Functions that are an escape: in simulated code they give `$refused`, and the run is told.
macro_rules! escapes {
    ($(
        $escape:ident $refused:ident $(if $when:expr)? $(, about $path:ident)?;
        fn $name:ident($($argument:ident: $type:ty),* $(,)?) -> $result:ty;
    )*) => {$(
        #[doc = concat!("`", stringify!($name), "`")]
        #[unsafe(no_mangle)]
        pub(super) extern "C" fn $name($($argument: $type),*) -> $result {
            let argument = || None $(.or(text($path)))?;
            if true $(&& $when)? && refuses(Escape::$escape, stringify!($name), argument) {
                return $refused() as $result;
            }
            match real!($name, fn($($type),*) -> $result) {
                // SAFETY: the arguments are the caller's.
                Some(real) => unsafe { real($($argument),*) },
                None => absent() as $result,
            }
        }
    )*};
}

/// The refusal of a function that tells its error in `errno`.
fn minus_one() -> c_int {
    set_errno(libc::EPERM);
    -1
}

/// The refusal of a function that returns its error.
fn error() -> c_int {
    libc::EPERM
}

/// The refusal of a function that returns a pointer.
fn null() -> *mut c_void {
    set_errno(libc::EPERM);
    ptr::null_mut()
}

/// The refusal of a sleep: it is over at once, since an error would be tried again or panic.
fn at_once() -> c_int {
    0
}

/// The refusal of a lookup of names.
fn no_lookup() -> c_int {
    set_errno(libc::EPERM);
    libc::EAI_SYSTEM
}

/// A path as text.
fn text(path: *const c_char) -> Option<String> {
    if path.is_null() {
        return None;
    }
    // SAFETY: the caller passes a text that ends with a zero, as the manual pages ask.
    let path = unsafe { CStr::from_ptr(path) };
    Some(path.to_string_lossy().into_owned())
}

/// Whether opening `path` so is an escape: to write, or for entropy that no seed decides.
fn is_change(path: *const c_char, flags: c_int) -> bool {
    if !is_simulated() || path.is_null() {
        return false;
    }
    // SAFETY: the caller passes a text that ends with a zero, as the manual page asks.
    let path = unsafe { CStr::from_ptr(path) };
    if ENTROPY.contains(&path) {
        return true;
    }
    const WRITING: c_int =
        libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC | libc::O_APPEND;
    flags & WRITING != 0 && path != c"/dev/null"
}

/// Files that hold the system's entropy.
const ENTROPY: [&CStr; 2] = [c"/dev/urandom", c"/dev/random"];

escapes! {
    THREADS error;
    fn pthread_create(
        thread: *mut libc::pthread_t,
        attributes: *const libc::pthread_attr_t,
        start: *mut c_void,
        argument: *mut c_void,
    ) -> c_int;

    SLEEP at_once;
    fn nanosleep(time: *const timespec, left: *mut timespec) -> c_int;
    SLEEP at_once;
    fn usleep(micros: c_uint) -> c_int;
    SLEEP at_once;
    fn sleep(seconds: c_uint) -> c_uint;

    FILES minus_one if is_change(path, flags), about path;
    fn open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int;
    FILES minus_one if is_change(path, flags), about path;
    fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int;
    FILES minus_one if is_change(path, flags), about path;
    fn openat(folder: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int;
    FILES minus_one if is_change(path, flags), about path;
    fn openat64(folder: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int;
    FILES minus_one, about path;
    fn creat(path: *const c_char, mode: mode_t) -> c_int;
    FILES minus_one, about path;
    fn creat64(path: *const c_char, mode: mode_t) -> c_int;
    FILES minus_one, about source;
    fn rename(source: *const c_char, target: *const c_char) -> c_int;
    FILES minus_one, about source;
    fn renameat(
        source_folder: c_int,
        source: *const c_char,
        target_folder: c_int,
        target: *const c_char,
    ) -> c_int;
    FILES minus_one, about source;
    fn renameat2(
        source_folder: c_int,
        source: *const c_char,
        target_folder: c_int,
        target: *const c_char,
        flags: c_uint,
    ) -> c_int;
    FILES minus_one, about path;
    fn unlink(path: *const c_char) -> c_int;
    FILES minus_one, about path;
    fn unlinkat(folder: c_int, path: *const c_char, flags: c_int) -> c_int;
    FILES minus_one, about path;
    fn mkdir(path: *const c_char, mode: mode_t) -> c_int;
    FILES minus_one, about path;
    fn mkdirat(folder: c_int, path: *const c_char, mode: mode_t) -> c_int;
    FILES minus_one, about path;
    fn rmdir(path: *const c_char) -> c_int;
    FILES minus_one, about target;
    fn link(source: *const c_char, target: *const c_char) -> c_int;
    FILES minus_one, about target;
    fn linkat(
        source_folder: c_int,
        source: *const c_char,
        target_folder: c_int,
        target: *const c_char,
        flags: c_int,
    ) -> c_int;
    FILES minus_one, about target;
    fn symlink(source: *const c_char, target: *const c_char) -> c_int;
    FILES minus_one, about target;
    fn symlinkat(source: *const c_char, folder: c_int, target: *const c_char) -> c_int;
    FILES minus_one, about path;
    fn chmod(path: *const c_char, mode: mode_t) -> c_int;
    FILES minus_one, about path;
    fn truncate(path: *const c_char, length: libc::off_t) -> c_int;
    FILES minus_one, about path;
    fn truncate64(path: *const c_char, length: libc::off64_t) -> c_int;
    FILES minus_one, about path;
    fn mkfifo(path: *const c_char, mode: mode_t) -> c_int;

    SOCKETS minus_one;
    fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int;
    SOCKETS minus_one;
    fn socketpair(domain: c_int, kind: c_int, protocol: c_int, pair: *mut c_int) -> c_int;
    SOCKETS no_lookup, about host;
    fn getaddrinfo(
        host: *const c_char,
        service: *const c_char,
        hints: *const c_void,
        found: *mut *mut c_void,
    ) -> c_int;

    PROCESSES minus_one;
    fn fork() -> pid_t;
    PROCESSES minus_one, about path;
    fn execv(path: *const c_char, arguments: *const *const c_char) -> c_int;
    PROCESSES minus_one, about path;
    fn execve(
        path: *const c_char,
        arguments: *const *const c_char,
        environment: *const *const c_char,
    ) -> c_int;
    PROCESSES minus_one, about path;
    fn execvp(path: *const c_char, arguments: *const *const c_char) -> c_int;
    PROCESSES error, about path;
    fn posix_spawn(
        child: *mut pid_t,
        path: *const c_char,
        actions: *const c_void,
        attributes: *const c_void,
        arguments: *const *const c_char,
        environment: *const *const c_char,
    ) -> c_int;
    PROCESSES error, about path;
    fn posix_spawnp(
        child: *mut pid_t,
        path: *const c_char,
        actions: *const c_void,
        attributes: *const c_void,
        arguments: *const *const c_char,
        environment: *const *const c_char,
    ) -> c_int;
    PROCESSES minus_one, about command;
    fn system(command: *const c_char) -> c_int;
    PROCESSES null, about command;
    fn popen(command: *const c_char, mode: *const c_char) -> *mut c_void;
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
