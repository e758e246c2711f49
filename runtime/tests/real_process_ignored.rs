//! Child processes of a process that ignores SIGCHLD, as whoever started it may have had it do.
//!
//! This file holds `unsafe`: how the whole process takes a signal.

#![cfg(target_os = "linux")]
#![expect(unsafe_code, reason = "how the process takes a signal")]

use std::time::Duration;

use simoom::backend::without_pidfd;
use simoom::process::Command;
use simoom::runtime::Runtime;
use simoom::time::timeout;

#[test]
fn sub_11_where_sigchld_is_ignored_the_wait_ends() {
    // SAFETY: no handler is set, and no other thread of this test cares for the signal.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let limit = Duration::from_secs(20);
        let mut child = Command::new("sleep").arg("0.05").spawn().unwrap();
        let waited = timeout(limit, child.wait()).await.expect("the wait ends");
        // The system keeps no ends for a process that does not want to hear of them.
        assert_eq!(waited.unwrap_err().raw_os_error(), Some(libc::ECHILD));
        // No signal goes to whoever has the number now.
        assert_eq!(
            child.start_kill().unwrap_err().raw_os_error(),
            Some(libc::ECHILD)
        );
        // Who listens for the signal ignores it no longer.
        let mut child = without_pidfd(|| Command::new("sleep").arg("0.05").spawn()).unwrap();
        let waited = timeout(limit, child.wait()).await.expect("the wait ends");
        assert!(waited.unwrap().success());
    });
}
