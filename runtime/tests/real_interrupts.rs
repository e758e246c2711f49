//! Signals that interrupt system calls: nobody notices.
//!
//! A program's own handlers, a profiler or a debugger bring them about.
//!
//! This file holds `unsafe`: signals for one thread.

#![expect(unsafe_code, reason = "signals for one thread")]

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use simoom::fs;
use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream};
use simoom::runtime::{Builder, Runtime};
use simoom::time::{sleep, timeout};

/// How often a system call may have been interrupted: how often the handler ran.
static INTERRUPTS: AtomicU64 = AtomicU64::new(0);

extern "C" fn count(_signal: libc::c_int) {
    INTERRUPTS.fetch_add(1, Ordering::Relaxed);
}

/// Sends signals to a thread, one after the other, until it is dropped.
struct Interrupts {
    stop: Arc<AtomicBool>,
    sender: Option<JoinHandle<()>>,
}

impl Interrupts {
    fn of(thread: libc::pthread_t) -> Self {
        let handler: extern "C" fn(libc::c_int) = count;
        // SAFETY: zeroes are a valid value, of no flags and an empty mask: without `SA_RESTART`
        // an interrupted call fails.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = handler as usize;
        // SAFETY: the handler touches an atomic alone, and the pointers are valid or null.
        let set =
            unsafe { libc::sigaction(libc::SIGUSR2, &raw const action, std::ptr::null_mut()) };
        assert_eq!(set, 0);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let sender = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                // SAFETY: the thread outlives this one, which is joined before it ends.
                unsafe { libc::pthread_kill(thread, libc::SIGUSR2) };
                thread::sleep(Duration::from_micros(300));
            }
        });
        Self {
            stop,
            sender: Some(sender),
        }
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(sender) = self.sender.take() {
            let _ = sender.join();
        }
    }
}

/// The number of the calling thread.
fn this_thread() -> libc::pthread_t {
    // SAFETY: it takes nothing and cannot fail.
    unsafe { libc::pthread_self() }
}

/// A pipe with a name, which goes when this is dropped.
struct Fifo(PathBuf);

impl Fifo {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("simoom-eintr-{}", std::process::id()));
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        Self(path)
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn waits_of_the_loop_end_on_time_all_the_same() {
    let runtime = Runtime::new().unwrap();
    let interrupts = Interrupts::of(this_thread());
    let before = INTERRUPTS.load(Ordering::Relaxed);
    runtime.block_on(async {
        // A wait in milliseconds, and many that are exact.
        let start = Instant::now();
        sleep(Duration::from_millis(150)).await;
        assert!(start.elapsed() >= Duration::from_millis(150));
        let start = Instant::now();
        for _ in 0..20 {
            sleep(Duration::from_millis(3)).await;
        }
        assert!(start.elapsed() >= Duration::from_millis(60));
        // A wait without an end, but for what another thread sends.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let peer = thread::spawn(move || {
            let mut stream = std::net::TcpStream::connect(addr).unwrap();
            thread::sleep(Duration::from_millis(100));
            stream.write_all(b"late").unwrap();
        });
        let (mut stream, _): (TcpStream, _) = listener.accept().await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "late");
        peer.join().unwrap();
    });
    let interrupted = INTERRUPTS.load(Ordering::Relaxed) - before;
    drop(interrupts);
    assert!(interrupted > 50, "{interrupted} signals came");
}

#[test]
fn a_file_operation_that_is_interrupted_goes_on() {
    let fifo = Fifo::new();
    let (started, threads) = mpsc::channel();
    let runtime = Builder::new_current_thread()
        .max_blocking_threads(1)
        .on_thread_start(move || {
            let _ = started.send(this_thread());
        })
        .build()
        .unwrap();
    runtime.block_on(async {
        // Open for both, so that opening does not wait for the other end.
        let mut options = fs::OpenOptions::new();
        let mut reader = options.read(true).write(true).open(&fifo.0).await.unwrap();
        let mut writer = options.open(&fifo.0).await.unwrap();
        let interrupts = Interrupts::of(threads.recv().unwrap());
        let path = fifo.0.clone();
        let before = INTERRUPTS.load(Ordering::Relaxed);
        let late = thread::spawn(move || {
            thread::sleep(Duration::from_millis(150));
            let mut end = std::fs::OpenOptions::new().write(true).open(path).unwrap();
            end.write_all(b"read").unwrap();
        });
        // Not `read_exact`, which would go on by itself.
        let mut text = [0; 4];
        let read = timeout(Duration::from_secs(60), reader.read(&mut text)).await;
        assert_eq!(read.unwrap().unwrap(), 4);
        assert_eq!(&text, b"read");
        late.join().unwrap();

        // More than the pipe takes: the write blocks until somebody reads.
        let path = fifo.0.clone();
        let late = thread::spawn(move || {
            thread::sleep(Duration::from_millis(150));
            let mut end = std::fs::File::open(path).unwrap();
            let mut read = vec![0; 200_000];
            std::io::Read::read_exact(&mut end, &mut read).unwrap();
            read
        });
        writer.set_max_buf_size(200_000);
        writer.write_all(&vec![7; 200_000]).await.unwrap();
        timeout(Duration::from_secs(60), writer.flush())
            .await
            .unwrap()
            .unwrap();
        assert!(late.join().unwrap() == vec![7; 200_000]);
        let interrupted = INTERRUPTS.load(Ordering::Relaxed) - before;
        drop(interrupts);
        assert!(interrupted > 20, "{interrupted} signals came");
    });
}
