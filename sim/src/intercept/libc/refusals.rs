//! The functions of libc that leave the simulation: refused, unless the test allows them.
//!
//! This file holds `unsafe`: it defines functions that C code may call, and calls those of the
//! system that they stand before.

#![expect(unsafe_code, reason = "functions of libc are defined and called")]

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::ptr;

use libc::{mode_t, pid_t};

use super::system::{absent, real, set_errno};
use crate::intercept::escape::Escape;
use crate::intercept::state::{is_simulated, refuses};

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

/// The refusal of a function of C's threads: `thrd_error`.
fn thread_error() -> c_int {
    2
}

/// The refusal of a function that returns a pointer.
fn null() -> *mut c_void {
    set_errno(libc::EPERM);
    ptr::null_mut()
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

/// What `open` would be told for the mode of `fopen`.
fn flags_of(mode: *const c_char) -> c_int {
    if mode.is_null() {
        return libc::O_RDONLY;
    }
    // SAFETY: the caller passes a text that ends with a zero, as the manual page asks.
    let mode = unsafe { CStr::from_ptr(mode) }.to_bytes();
    // What follows a comma names an encoding.
    let mode = mode.split(|&byte| byte == b',').next().unwrap_or_default();
    if mode.iter().any(|byte| b"wa+".contains(byte)) {
        libc::O_RDWR
    } else {
        libc::O_RDONLY
    }
}

/// Files that hold the system's entropy.
const ENTROPY: [&CStr; 2] = [c"/dev/urandom", c"/dev/random"];

/// A text that ends with a zero.
type Text = *const c_char;
/// A text of which the end is filled in.
type Template = *mut c_char;
/// Texts, of which the last is null.
type Texts = *const *const c_char;

escapes! {
    THREADS error;
    fn pthread_create(
        thread: *mut libc::pthread_t,
        attributes: *const libc::pthread_attr_t,
        start: *mut c_void,
        argument: *mut c_void,
    ) -> c_int;
    THREADS thread_error;
    fn thrd_create(thread: *mut c_void, start: *mut c_void, argument: *mut c_void) -> c_int;

    FILES minus_one if is_change(path, flags), about path;
    fn open(path: Text, flags: c_int, mode: mode_t) -> c_int;
    FILES minus_one if is_change(path, flags), about path;
    fn open64(path: Text, flags: c_int, mode: mode_t) -> c_int;
    FILES minus_one if is_change(path, flags), about path;
    fn openat(folder: c_int, path: Text, flags: c_int, mode: mode_t) -> c_int;
    FILES minus_one if is_change(path, flags), about path;
    fn openat64(folder: c_int, path: Text, flags: c_int, mode: mode_t) -> c_int;
    FILES minus_one if is_change(path, flags), about path;
    fn __open_2(path: Text, flags: c_int) -> c_int;
    FILES minus_one if is_change(path, flags), about path;
    fn __open64_2(path: Text, flags: c_int) -> c_int;
    FILES minus_one if is_change(path, flags), about path;
    fn __openat_2(folder: c_int, path: Text, flags: c_int) -> c_int;
    FILES minus_one if is_change(path, flags), about path;
    fn __openat64_2(folder: c_int, path: Text, flags: c_int) -> c_int;
    FILES null if is_change(path, flags_of(mode)), about path;
    fn fopen(path: Text, mode: Text) -> *mut c_void;
    FILES null if is_change(path, flags_of(mode)), about path;
    fn fopen64(path: Text, mode: Text) -> *mut c_void;
    FILES null if is_change(path, flags_of(mode)), about path;
    fn freopen(path: Text, mode: Text, stream: *mut c_void) -> *mut c_void;
    FILES null if is_change(path, flags_of(mode)), about path;
    fn freopen64(path: Text, mode: Text, stream: *mut c_void) -> *mut c_void;
    FILES minus_one, about template;
    fn mkstemp(template: Template) -> c_int;
    FILES minus_one, about template;
    fn mkstemp64(template: Template) -> c_int;
    FILES minus_one, about template;
    fn mkostemp(template: Template, flags: c_int) -> c_int;
    FILES minus_one, about template;
    fn mkostemp64(template: Template, flags: c_int) -> c_int;
    FILES minus_one, about template;
    fn mkstemps(template: Template, suffix: c_int) -> c_int;
    FILES minus_one, about template;
    fn mkstemps64(template: Template, suffix: c_int) -> c_int;
    FILES minus_one, about template;
    fn mkostemps(template: Template, suffix: c_int, flags: c_int) -> c_int;
    FILES minus_one, about template;
    fn mkostemps64(template: Template, suffix: c_int, flags: c_int) -> c_int;
    FILES null, about template;
    fn mkdtemp(template: Template) -> *mut c_char;
    FILES null;
    fn tmpfile() -> *mut c_void;
    FILES null;
    fn tmpfile64() -> *mut c_void;
    FILES minus_one, about path;
    fn remove(path: Text) -> c_int;
    FILES minus_one, about path;
    fn creat(path: Text, mode: mode_t) -> c_int;
    FILES minus_one, about path;
    fn creat64(path: Text, mode: mode_t) -> c_int;
    FILES minus_one, about source;
    fn rename(source: Text, target: Text) -> c_int;
    FILES minus_one, about source;
    fn renameat(source_folder: c_int, source: Text, target_folder: c_int, target: Text) -> c_int;
    FILES minus_one, about source;
    fn renameat2(
        source_folder: c_int,
        source: Text,
        target_folder: c_int,
        target: Text,
        flags: c_uint,
    ) -> c_int;
    FILES minus_one, about path;
    fn unlink(path: Text) -> c_int;
    FILES minus_one, about path;
    fn unlinkat(folder: c_int, path: Text, flags: c_int) -> c_int;
    FILES minus_one, about path;
    fn mkdir(path: Text, mode: mode_t) -> c_int;
    FILES minus_one, about path;
    fn mkdirat(folder: c_int, path: Text, mode: mode_t) -> c_int;
    FILES minus_one, about path;
    fn rmdir(path: Text) -> c_int;
    FILES minus_one, about target;
    fn link(source: Text, target: Text) -> c_int;
    FILES minus_one, about target;
    fn linkat(
        source_folder: c_int,
        source: Text,
        target_folder: c_int,
        target: Text,
        flags: c_int,
    ) -> c_int;
    FILES minus_one, about target;
    fn symlink(source: Text, target: Text) -> c_int;
    FILES minus_one, about target;
    fn symlinkat(source: Text, folder: c_int, target: Text) -> c_int;
    FILES minus_one, about path;
    fn chmod(path: Text, mode: mode_t) -> c_int;
    FILES minus_one, about path;
    fn fchmodat(folder: c_int, path: Text, mode: mode_t, flags: c_int) -> c_int;
    FILES minus_one, about path;
    fn chown(path: Text, owner: libc::uid_t, group: libc::gid_t) -> c_int;
    FILES minus_one, about path;
    fn lchown(path: Text, owner: libc::uid_t, group: libc::gid_t) -> c_int;
    FILES minus_one, about path;
    fn fchownat(
        folder: c_int,
        path: Text,
        owner: libc::uid_t,
        group: libc::gid_t,
        flags: c_int,
    ) -> c_int;
    FILES minus_one, about path;
    fn truncate(path: Text, length: libc::off_t) -> c_int;
    FILES minus_one, about path;
    fn truncate64(path: Text, length: libc::off64_t) -> c_int;
    FILES minus_one, about path;
    fn mkfifo(path: Text, mode: mode_t) -> c_int;

    SOCKETS minus_one;
    fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int;
    SOCKETS minus_one;
    fn socketpair(domain: c_int, kind: c_int, protocol: c_int, pair: *mut c_int) -> c_int;
    SOCKETS no_lookup, about host;
    fn getaddrinfo(
        host: Text,
        service: Text,
        hints: *const c_void,
        found: *mut *mut c_void,
    ) -> c_int;

    PROCESSES minus_one;
    fn fork() -> pid_t;
    PROCESSES minus_one, about path;
    fn execv(path: Text, arguments: Texts) -> c_int;
    PROCESSES minus_one, about path;
    fn execve(path: Text, arguments: Texts, environment: Texts) -> c_int;
    PROCESSES minus_one, about path;
    fn execvp(path: Text, arguments: Texts) -> c_int;
    PROCESSES minus_one, about path;
    fn execvpe(path: Text, arguments: Texts, environment: Texts) -> c_int;
    PROCESSES minus_one, about path;
    fn execveat(
        folder: c_int,
        path: Text,
        arguments: Texts,
        environment: Texts,
        flags: c_int,
    ) -> c_int;
    PROCESSES minus_one;
    fn fexecve(program: c_int, arguments: Texts, environment: Texts) -> c_int;
    PROCESSES minus_one;
    fn daemon(keep_folder: c_int, keep_streams: c_int) -> c_int;
    PROCESSES minus_one;
    fn forkpty(
        terminal: *mut c_int,
        name: *mut c_char,
        settings: *const c_void,
        size: *const c_void,
    ) -> pid_t;
    PROCESSES error, about path;
    fn posix_spawn(
        child: *mut pid_t,
        path: Text,
        actions: *const c_void,
        attributes: *const c_void,
        arguments: Texts,
        environment: Texts,
    ) -> c_int;
    PROCESSES error, about path;
    fn posix_spawnp(
        child: *mut pid_t,
        path: Text,
        actions: *const c_void,
        attributes: *const c_void,
        arguments: Texts,
        environment: Texts,
    ) -> c_int;
    PROCESSES minus_one, about command;
    fn system(command: Text) -> c_int;
    PROCESSES null, about command;
    fn popen(command: Text, mode: Text) -> *mut c_void;
}

/// Functions between whose caller and the system's nothing may stand: they jump to what answers
/// the call, which is asked for with the first argument, and leave all arguments where they are.
macro_rules! jumps {
    ($($(#[$about:meta])* $name:ident $argument:expr;)*) => {
        $(
            $(#[$about])*
            #[unsafe(no_mangle)]
            #[unsafe(naked)]
            pub(super) extern "C" fn $name() -> c_int {
                #[cfg(target_arch = "x86_64")]
                std::arch::naked_asm!(
                    ".cfi_startproc",
                    "push rdi",
                    "push rsi",
                    "push rdx",
                    "push rcx",
                    "push r8",
                    "push r9",
                    "push rax",
                    ".cfi_adjust_cfa_offset 56",
                    "call {answer}",
                    "mov r11, rax",
                    "pop rax",
                    "pop r9",
                    "pop r8",
                    "pop rcx",
                    "pop rdx",
                    "pop rsi",
                    "pop rdi",
                    ".cfi_adjust_cfa_offset -56",
                    "jmp r11",
                    ".cfi_endproc",
                    answer = sym answers::$name,
                );
                #[cfg(target_arch = "aarch64")]
                std::arch::naked_asm!(
                    ".cfi_startproc",
                    "stp x29, x30, [sp, #-80]!",
                    ".cfi_def_cfa_offset 80",
                    ".cfi_offset x29, -80",
                    ".cfi_offset x30, -72",
                    "stp x0, x1, [sp, #16]",
                    "stp x2, x3, [sp, #32]",
                    "stp x4, x5, [sp, #48]",
                    "stp x6, x7, [sp, #64]",
                    "bl {answer}",
                    "mov x16, x0",
                    "ldp x0, x1, [sp, #16]",
                    "ldp x2, x3, [sp, #32]",
                    "ldp x4, x5, [sp, #48]",
                    "ldp x6, x7, [sp, #64]",
                    "ldp x29, x30, [sp], #80",
                    ".cfi_def_cfa_offset 0",
                    "br x16",
                    ".cfi_endproc",
                    answer = sym answers::$name,
                );
            }
        )*

        /// The functions that go on with such a call: the system's, or one that refuses.
        mod answers {
            use super::*;

            $(
                pub(super) extern "C" fn $name(first: *const c_char) -> *const c_void {
                    let argument = || ($argument)(first);
                    if refuses(Escape::PROCESSES, stringify!($name), argument) {
                        return refused as *const c_void;
                    }
                    match real!($name, fn() -> c_int) {
                        Some(real) => real as *const c_void,
                        None => none as *const c_void,
                    }
                }
            )*

            extern "C" fn refused() -> c_int {
                minus_one()
            }

            extern "C" fn none() -> c_int {
                absent()
            }
        }
    };
}

jumps! {
    /// `vfork(2)`, whose child returns on the stack of its parent: nothing may stay on it.
    vfork |_| None;
    /// `execl(3)`, which has as many arguments as its caller likes.
    execl text;
    /// `execlp(3)`, which has as many arguments as its caller likes.
    execlp text;
    /// `execle(3)`, which has as many arguments as its caller likes.
    execle text;
}
