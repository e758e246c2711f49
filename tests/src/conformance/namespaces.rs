//! Network namespaces of a thread's own.
//!
//! Owns how they are made and entered. A future that is polled inside of one makes its sockets
//! there, on whichever thread it is polled.

use std::fs::File;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::process::Command;
use std::sync::Arc;
use std::task::{Context, Poll};

use nix::sched::{CloneFlags, setns, unshare};

/// A network namespace, which is gone when nothing holds it.
#[derive(Debug)]
pub(super) struct Namespace(File);

impl Namespace {
    /// The one that the calling thread is in.
    pub(super) fn current() -> io::Result<Self> {
        File::open("/proc/thread-self/ns/net").map(Self)
    }

    /// Makes one and moves the calling thread into it.
    pub(super) fn make() -> io::Result<Self> {
        unshare(CloneFlags::CLONE_NEWNET)?;
        Self::current()
    }

    /// Moves the calling thread into it.
    pub(super) fn enter(&self) -> io::Result<()> {
        setns(&self.0, CloneFlags::CLONE_NEWNET)?;
        Ok(())
    }
}

/// Runs `ip` with these arguments in the namespace of the calling thread.
pub(super) fn ip(arguments: &str) -> io::Result<()> {
    let output = Command::new("ip")
        .args(arguments.split_whitespace())
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("ip {arguments}: {}", text.trim())))
}

/// Sets a parameter of the kernel in the namespace of the calling thread.
pub(super) fn sysctl(name: &str, value: &str) -> io::Result<()> {
    std::fs::write(format!("/proc/sys/{name}"), value)
}

/// A future that is polled inside of a namespace.
pub(super) struct Inside<F> {
    namespace: Arc<Namespace>,
    home: Arc<Namespace>,
    future: Pin<Box<F>>,
}

impl<F: Future> Inside<F> {
    /// `future` in `namespace`, with its thread back in `home` after each poll.
    pub(super) fn new(namespace: &Arc<Namespace>, home: &Arc<Namespace>, future: F) -> Self {
        Self {
            namespace: namespace.clone(),
            home: home.clone(),
            future: Box::pin(future),
        }
    }
}

impl<F: Future> Future for Inside<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.namespace.enter().expect("a namespace that is held");
        let answer = self.future.as_mut().poll(cx);
        self.home.enter().expect("a namespace that is held");
        answer
    }
}
