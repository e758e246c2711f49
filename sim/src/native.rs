//! The few calls that need the operating system.
//!
//! This file holds `unsafe`: calls into libc.

#![expect(unsafe_code, reason = "calls into libc")]

use std::backtrace::Backtrace;
use std::io::Write;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::backend::SimBackend;
use crate::check::seed_text;

/// A thread, as the system names it.
#[derive(Clone, Copy)]
pub(crate) struct ThreadId(libc::pthread_t);

/// This thread.
pub(crate) fn this_thread() -> ThreadId {
    // SAFETY: the call has no preconditions.
    ThreadId(unsafe { libc::pthread_self() })
}

/// The user and the group that this process acts as.
pub(crate) fn effective_ids() -> (u32, u32) {
    // SAFETY: the call has no preconditions.
    let uid = unsafe { libc::geteuid() };
    // SAFETY: the call has no preconditions.
    let gid = unsafe { libc::getegid() };
    (uid, gid)
}

/// The thread behind `handle`.
pub(crate) fn thread_of(handle: &std::thread::JoinHandle<()>) -> ThreadId {
    use std::os::unix::thread::JoinHandleExt;
    ThreadId(handle.as_pthread_t())
}

/// Starts `command` with the addresses that every process of its binary gets.
#[cfg(target_os = "linux")]
pub(crate) fn without_address_randomisation(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    let fixed = || {
        // SAFETY: personality(2) is one system call without memory arguments; it is safe between
        // fork and exec. Where it is refused the child's addresses differ, which replays bear.
        unsafe { libc::personality(libc::ADDR_NO_RANDOMIZE as libc::c_ulong) };
        Ok(())
    };
    // SAFETY: the closure allocates nothing and takes no lock.
    unsafe { command.pre_exec(fixed) };
}

/// Elsewhere addresses cannot be fixed.
#[cfg(not(target_os = "linux"))]
pub(crate) fn without_address_randomisation(_command: &mut Command) {}

/// The seed of the run that is being ended.
static ENDING: AtomicU64 = AtomicU64::new(0);

/// The signal that makes a thread print its stack and end the process.
const SIGNAL: libc::c_int = libc::SIGURG;

/// Makes threads able to print their stacks on request.
pub(crate) fn install_stack_printer() {
    // SAFETY: an all-zero `sigaction` is a valid value of this plain C structure.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = print_stack as extern "C" fn(libc::c_int) as usize;
    // SAFETY: `action` is initialised and lives during the call; the signal's default action is
    // to be ignored, so nobody relies on it.
    unsafe { libc::sigaction(SIGNAL, &raw const action, std::ptr::null_mut()) };
}

/// Makes `thread` print where it is, and ends the process.
pub(crate) fn end_with_stack(thread: ThreadId, seed: u64) -> ! {
    ENDING.store(seed, Ordering::Relaxed);
    // SAFETY: the thread is alive: its run is still registered, under the lock the caller holds.
    unsafe { libc::pthread_kill(thread.0, SIGNAL) };
    std::thread::sleep(std::time::Duration::from_secs(5));
    say("simoom: the stuck thread printed no stack");
    std::process::abort()
}

/// Runs on the stuck thread. The process ends here, so what signal handlers must not do (it
/// allocates and may take locks) can at worst lose the stack: `end_with_stack` still ends it.
extern "C" fn print_stack(_signal: libc::c_int) {
    let seed = ENDING.load(Ordering::Relaxed);
    let task = SimBackend::current(|backend| backend.and_then(SimBackend::describe_running));
    say(&format!(
        "simoom: a poll has not returned: seed {}, task {}\n\
         a task must not block its thread or loop without awaiting; this is its stack:\n{}",
        seed_text(seed),
        task.as_deref().unwrap_or("unknown"),
        Backtrace::force_capture()
    ));
    std::process::abort()
}

/// Prints past the test harness, which would keep what `eprintln!` prints until a test has ended.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
