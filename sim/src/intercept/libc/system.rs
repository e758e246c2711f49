//! The system behind the functions that are defined here: its own definitions, and its calls.
//!
//! This file holds `unsafe`: it looks functions up, and makes system calls by instruction.
//!
//! Knows nothing of what simulated code is told.

#![expect(
    unsafe_code,
    reason = "the system's functions are looked up and called"
)]

use std::ffi::{CStr, c_int, c_long, c_void};
use std::sync::atomic::{AtomicPtr, Ordering};

use libc::timespec;

/// The next definition of `$name`, as a function of this type; `None` if the system has none.
macro_rules! real {
    ($name:ident, fn($($argument:ty),* $(,)?) -> $result:ty) => {{
        type Real = unsafe extern "C" fn($($argument),*) -> $result;
        static FOUND: ::std::sync::atomic::AtomicPtr<::std::ffi::c_void> =
            ::std::sync::atomic::AtomicPtr::new(::std::ptr::null_mut());
        const NAME: &::std::ffi::CStr = {
            let name = concat!(stringify!($name), "\0");
            match ::std::ffi::CStr::from_bytes_with_nul(name.as_bytes()) {
                Ok(name) => name,
                Err(_) => panic!("a name holds no zero"),
            }
        };
        let found = $crate::intercept::libc::system::next(&FOUND, NAME);
        if found.is_null() {
            None
        } else {
            // SAFETY: the system's function of this name has this type, by its manual page, and
            // pointers to functions are as large as pointers to data.
            Some(unsafe { std::mem::transmute::<*mut c_void, Real>(found) })
        }
    }};
}

pub(super) use real;

/// The definition of `name` that comes after this binary's own, looked up once.
pub(super) fn next(found: &AtomicPtr<c_void>, name: &CStr) -> *mut c_void {
    let known = found.load(Ordering::Relaxed);
    if !known.is_null() {
        return known;
    }
    // SAFETY: `name` ends with a zero.
    let mut next = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) };
    if cfg!(target_arch = "x86_64") && name == c"pthread_cond_timedwait" {
        // There are two, and before glibc 2.36 `dlsym` finds the one for old binaries, whose
        // conditions are laid out in another way.
        // SAFETY: both texts end with a zero.
        next = unsafe { libc::dlvsym(libc::RTLD_NEXT, name.as_ptr(), c"GLIBC_2.3.2".as_ptr()) };
    }
    found.store(next, Ordering::Relaxed);
    next
}

pub(super) fn errno() -> c_int {
    // SAFETY: the call has no preconditions.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: the pointer is to this thread's own `errno`.
    unsafe { *errno }
}

pub(super) fn set_errno(error: c_int) {
    // SAFETY: the call has no preconditions.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: the pointer is to this thread's own `errno`.
    unsafe { *errno = error };
}

/// What a function that says `-1` says where the system has none of its name.
pub(super) fn absent() -> c_int {
    set_errno(libc::ENOSYS);
    -1
}

pub(super) fn timespec_of(ns: i64) -> timespec {
    // SAFETY: an all-zero `timespec` is a valid value of this plain C structure.
    let mut time: timespec = unsafe { std::mem::zeroed() };
    time.tv_sec = ns.div_euclid(1_000_000_000);
    time.tv_nsec = ns.rem_euclid(1_000_000_000);
    time
}

pub(super) fn ns_of(time: &timespec) -> i64 {
    time.tv_sec
        .saturating_mul(1_000_000_000)
        .saturating_add(time.tv_nsec)
}

/// Makes a system call. Not by the next definition of `syscall`: looking that up may allocate, and
/// allocators make their first calls so.
///
/// # Safety
/// As for the system call.
pub(super) unsafe fn enter_kernel(number: c_long, arguments: [c_long; 6]) -> c_long {
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
