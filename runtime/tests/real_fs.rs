//! Files of the operating system: what only the real world has.

use std::io::{self, Read, SeekFrom, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};

use simoom::fs::{self, File};
use simoom::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use simoom::runtime::Runtime;

/// A directory that is removed again.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("simoom-real-fs-{}-{number}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir(&dir).unwrap();
        Self(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_file_comes_from_std_and_goes_back() {
    let dir = Dir::new();
    std::fs::write(dir.path("a"), b"0123456789").unwrap();
    let runtime = Runtime::new().unwrap();
    let mut std = runtime.block_on(async {
        let mut file = File::from_std(std::fs::File::open(dir.path("a")).unwrap());
        assert_eq!(file.as_raw_fd(), file.as_fd().as_raw_fd());
        let mut four = [0; 4];
        file.read_exact(&mut four).await.unwrap();
        file.into_std().await
    });
    let mut rest = String::new();
    std.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "456789");
}

#[test]
fn into_std_waits_for_what_is_under_way() {
    let dir = Dir::new();
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let mut file = File::create(dir.path("a")).await.unwrap();
        file.write_all(&[7; 100_000]).await.unwrap();
        {
            let mut dropped = file.sync_all();
            let _ = poll_once(&mut dropped);
        }
        let std = file.into_std().await;
        assert_eq!(std.metadata().unwrap().len(), 100_000);
    });
}

#[test]
fn try_into_std_gives_the_file_back_while_a_write_is_under_way() {
    let dir = Dir::new();
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let mut file = File::create(dir.path("a")).await.unwrap();
        file.write_all(b"1").await.unwrap();
        let mut file = file.try_into_std().unwrap_err();
        file.flush().await.unwrap();
        file.try_into_std().unwrap().write_all(b"2").unwrap();
    });
    assert_eq!(std::fs::read(dir.path("a")).unwrap(), b"12");
}

#[test]
fn outside_a_runtime_files_are_errors_with_advice() {
    futures::executor::block_on(async {
        for error in [
            fs::read("/").await.unwrap_err(),
            File::open("/").await.unwrap_err(),
            File::from_std(std::fs::File::open("/").unwrap())
                .metadata()
                .await
                .unwrap_err(),
        ] {
            let text = error.to_string();
            assert!(text.contains("no simoom runtime here"), "{text}");
        }
    });
}

#[test]
fn a_file_refused_outside_a_runtime_works_inside_one() {
    let dir = Dir::new();
    std::fs::write(dir.path("a"), b"0123456789").unwrap();
    let file = File::from_std(std::fs::File::open(dir.path("a")).unwrap());
    let mut written = File::from_std(std::fs::File::create(dir.path("b")).unwrap());
    futures::executor::block_on(async {
        file.metadata().await.unwrap_err();
        written.write_all(b"nowhere").await.unwrap_err();
    });
    for _ in 0..2 {
        // The second runtime finds a file that was used in one that is gone.
        let runtime = Runtime::new().unwrap();
        runtime.block_on(async {
            assert_eq!(file.metadata().await.unwrap().len(), 10);
            written.write_all(b"here").await.unwrap();
            written.flush().await.unwrap();
        });
        let entered = runtime.handle().clone();
        drop(runtime);
        let _guard = entered.enter();
        let error = futures::executor::block_on(file.metadata()).unwrap_err();
        assert!(error.to_string().contains("is gone"), "{error}");
    }
    assert_eq!(std::fs::read(dir.path("b")).unwrap(), b"herehere");
}

#[test]
fn a_file_works_on_any_thread_of_the_runtime() {
    let dir = Dir::new();
    let runtime = Runtime::new().unwrap();
    let mut file = runtime.block_on(File::create_new(dir.path("a"))).unwrap();
    let _guard = runtime.enter();
    // The futures need somebody who polls them, and a runtime that is entered.
    futures::executor::block_on(async {
        file.write_all(b"elsewhere").await.unwrap();
        file.seek(SeekFrom::Start(4)).await.unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "where");
    });
}

fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_refused_write_leaves_the_cursor_where_it_was() {
    let dir = Dir::new();
    std::fs::write(dir.path("a"), b"0123456789").unwrap();
    let runtime = Runtime::new().unwrap();
    let mut options = fs::OpenOptions::new();
    let opened = options.read(true).write(true).open(dir.path("a"));
    let mut file = runtime.block_on(opened).unwrap();
    runtime.block_on(async {
        // Four bytes that nobody takes: the cursor of the system is behind them.
        while poll_once(&mut Box::pin(file.read(&mut [0; 4]))).is_ready() {
            // The thread was faster than the poll.
            file.rewind().await.unwrap();
        }
    });
    futures::executor::block_on(file.write_all(b"x")).unwrap_err();
    runtime.block_on(async {
        file.write_all(b"x").await.unwrap();
        file.flush().await.unwrap();
    });
    assert_eq!(std::fs::read(dir.path("a")).unwrap(), b"x123456789");
}

/// Four bytes that were read ahead of a user who is at the start: the system's cursor is at 4.
fn read_ahead(runtime: &Runtime, file: &mut File) {
    runtime.block_on(async {
        file.rewind().await.unwrap();
        while poll_once(&mut Box::pin(file.read(&mut [0; 4]))).is_ready() {
            // The thread was faster than the poll.
            file.rewind().await.unwrap();
        }
    });
}

#[test]
fn an_operation_in_a_runtime_that_is_gone_leaves_the_cursor_where_it_was() {
    let dir = Dir::new();
    std::fs::write(dir.path("a"), b"0123456789").unwrap();
    let runtime = Runtime::new().unwrap();
    let mut options = fs::OpenOptions::new();
    let opened = options.read(true).write(true).open(dir.path("a"));
    let mut file = runtime.block_on(opened).unwrap();
    let gone = Runtime::new().unwrap();
    let entered = gone.handle().clone();
    drop(gone);
    let text = |error: io::Error| assert!(error.to_string().contains("is gone"), "{error}");
    let mut byte = [0; 1];

    read_ahead(&runtime, &mut file);
    {
        let _guard = entered.enter();
        text(futures::executor::block_on(file.seek(SeekFrom::Current(1))).unwrap_err());
    }
    let at = runtime.block_on(file.stream_position()).unwrap();
    assert_eq!(at, 0, "after a seek");

    read_ahead(&runtime, &mut file);
    {
        let _guard = entered.enter();
        text(futures::executor::block_on(file.write_all(b"x")).unwrap_err());
        text(futures::executor::block_on(file.read(&mut byte)).unwrap_err());
        text(futures::executor::block_on(file.read(&mut byte)).unwrap_err());
    }
    runtime.block_on(file.read_exact(&mut byte)).unwrap();
    assert_eq!(&byte, b"0", "after a write and reads");
    runtime.block_on(async {
        file.write_all(b"x").await.unwrap();
        file.flush().await.unwrap();
    });
    assert_eq!(std::fs::read(dir.path("a")).unwrap(), b"0x23456789");
}

/// Operations take effect in the order of their first polls, whether or not they are waited for.
#[test]
fn dropped_operations_keep_their_order() {
    let dir = Dir::new();
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        for round in 0..200_u32 {
            let path = dir.path("a");
            // A new budget: without one an operation would not even start.
            simoom::task::yield_now().await;
            let file = File::create(&path).await.unwrap();
            for number in 0..20_u8 {
                let mut write = file.write_at(&[number; 64], 0);
                let _ = poll_once(&mut write);
            }
            let mut cut = file.set_len(3);
            let _ = poll_once(&mut cut);
            drop(cut);
            assert_eq!(file.metadata().await.unwrap().len(), 3);
            assert_eq!(fs::read(&path).await.unwrap(), [19; 3], "round {round}");
        }
    });
}

#[test]
fn reads_at_places_of_their_own_overlap_and_see_the_writes_before_them() {
    let dir = Dir::new();
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let file = Arc::new(File::create_new(dir.path("a")).await.unwrap());
        let mut tasks = Vec::new();
        for number in 0..50_u8 {
            file.write_all_at(&[number; 100], u64::from(number) * 100)
                .await
                .unwrap();
            for _ in 0..4 {
                let file = file.clone();
                tasks.push(simoom::spawn(async move {
                    let mut bytes = [0; 100];
                    let place = u64::from(number) * 100;
                    file.read_exact_at(&mut bytes, place).await.unwrap();
                    assert_eq!(bytes, [number; 100]);
                }));
            }
        }
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[test]
fn what_was_written_is_in_the_file_when_the_runtime_is_gone() {
    let dir = Dir::new();
    for round in 0..50 {
        let path = dir.path(&round.to_string());
        let runtime = Runtime::new().unwrap();
        runtime.block_on(async {
            let mut file = File::create(&path).await.unwrap();
            file.write_all(b"not flushed").await.unwrap();
        });
        drop(runtime);
        // The thread that writes may be slower than we are.
        let start = std::time::Instant::now();
        while std::fs::read(&path).unwrap() != b"not flushed" {
            assert!(
                start.elapsed().as_secs() < 30,
                "round {round}: never written"
            );
            std::thread::yield_now();
        }
    }
}

#[test]
fn an_error_of_the_system_keeps_its_number() {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let error = fs::read("/no/such/file").await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(2));
        let mut file = File::open("/").await.unwrap();
        let error = file.read(&mut [0; 4]).await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(21));
        assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
    });
}
