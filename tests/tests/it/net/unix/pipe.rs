//! Pipes. Sizes and errors are those of Linux.

use std::fs::File;
use std::future::poll_fn;
use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::unix::pipe::{self, OpenOptions, Receiver, Sender};
use simoom::net::{Interest, Ready};
use simoom::time::{Duration, timeout};
use simoom_tests::{both, settle};

use super::super::pattern;

const MS: Duration = Duration::from_millis(5);

/// How many bytes a pipe takes.
const CAPACITY: usize = 65_536;

/// How many bytes are written all or not at all.
const ATOMIC: usize = 4_096;

/// Writes parts of so many bytes until there is no room, and says how many parts there were.
fn fill(sender: &Sender, size: usize) -> usize {
    let part = vec![7; size];
    let mut parts = 0;
    loop {
        match sender.try_write(&part) {
            Ok(count) if size <= ATOMIC => assert_eq!(count, size, "all or nothing"),
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                return parts;
            }
        }
        parts += 1;
    }
}

both! {
    async fn what_is_written_is_read_in_order() {
        let (mut sender, mut receiver) = pipe::pipe().unwrap();
        let sent = pattern(300_000);
        let expected = sent.clone();
        let writing = simoom::spawn(async move { sender.write_all(&sent).await.unwrap() });
        let mut received = Vec::new();
        receiver.read_to_end(&mut received).await.unwrap();
        writing.await.unwrap();
        assert!(received == expected);
    }

    async fn a_read_waits_for_bytes() {
        let (mut sender, mut receiver) = pipe::pipe().unwrap();
        assert!(timeout(MS, receiver.read(&mut [0; 8])).await.is_err());
        let reading = simoom::spawn(async move {
            let mut buf = [0; 8];
            let count = receiver.read(&mut buf).await.unwrap();
            buf[..count].to_vec()
        });
        settle().await;
        sender.write_all(b"late").await.unwrap();
        let first = reading.await.unwrap();
        assert!(!first.is_empty() && b"late".starts_with(&first));
    }

    async fn the_end_of_the_sender_is_the_end_of_the_stream() {
        let (mut sender, mut receiver) = pipe::pipe().unwrap();
        sender.write_all(b"last").await.unwrap();
        sender.shutdown().await.unwrap();
        let mut text = [0; 4];
        receiver.read_exact(&mut text).await.unwrap();
        assert!(timeout(MS, receiver.read(&mut [0; 8])).await.is_err(), "it is open still");
        drop(sender);
        for _ in 0..2 {
            assert_eq!(receiver.read(&mut [0; 8]).await.unwrap(), 0);
        }
        assert!(receiver.ready(Interest::READABLE).await.unwrap().is_read_closed());
    }

    async fn writing_without_a_receiver_is_a_broken_pipe() {
        let (mut sender, receiver) = pipe::pipe().unwrap();
        sender.write_all(b"unread").await.unwrap();
        drop(receiver);
        let error = sender.write_all(b"x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        assert_eq!(error.raw_os_error(), Some(libc::EPIPE));
        assert!(sender.ready(Interest::ERROR).await.unwrap().is_error());
        let ready = sender.ready(Interest::WRITABLE | Interest::ERROR).await.unwrap();
        assert!(ready.is_write_closed() && ready.is_error(), "{ready:?}");
    }

    async fn a_waiting_sender_learns_that_the_receiver_is_gone() {
        let (mut sender, receiver) = pipe::pipe().unwrap();
        fill(&sender, ATOMIC);
        let writing = simoom::spawn(async move { sender.write_all(b"x").await });
        settle().await;
        assert!(!writing.is_finished());
        drop(receiver);
        let error = writing.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    }

    async fn a_pipe_has_sixteen_pages() {
        for (size, parts) in [(1, CAPACITY), (ATOMIC, 16), (3_000, 16), (2_000, 32)] {
            let (sender, _receiver) = pipe::pipe().unwrap();
            assert_eq!(fill(&sender, size), parts, "parts of {size} bytes");
        }
    }

    async fn a_sender_waits_until_a_page_is_free() {
        let (sender, mut receiver) = pipe::pipe().unwrap();
        fill(&sender, ATOMIC);
        receiver.read_exact(&mut [0; ATOMIC - 1]).await.unwrap();
        assert!(timeout(MS, sender.writable()).await.is_err(), "a byte of the page is unread");
        receiver.read_exact(&mut [0; 1]).await.unwrap();
        timeout(Duration::from_secs(60), sender.writable()).await.unwrap().unwrap();
        assert_eq!(fill(&sender, ATOMIC), 1);
    }

    async fn what_is_longer_than_a_page_may_be_written_in_part() {
        let (sender, mut receiver) = pipe::pipe().unwrap();
        let sent = pattern(CAPACITY + 5_000);
        let count = sender.try_write(&sent).unwrap();
        assert!((1..=CAPACITY).contains(&count), "{count} bytes");
        drop(sender);
        let mut received = Vec::new();
        receiver.read_to_end(&mut received).await.unwrap();
        assert!(received == sent[..count]);
    }

    async fn several_parts_and_buffers_are_one_stream() {
        let (sender, receiver) = pipe::pipe().unwrap();
        let parts = [IoSlice::new(b"on"), IoSlice::new(b""), IoSlice::new(b"e")];
        assert_eq!(sender.try_write_vectored(&parts).unwrap(), 3);
        let (mut none, mut buf) = ([0; 0], [0; 8]);
        let mut bufs = [IoSliceMut::new(&mut none), IoSliceMut::new(&mut buf)];
        receiver.readable().await.unwrap();
        let count = receiver.try_read_vectored(&mut bufs).unwrap();
        assert!(count > 0 && b"one".starts_with(&buf[..count]));
    }

    async fn ends_are_tried_and_waited_for() {
        let (sender, receiver) = pipe::pipe().unwrap();
        let mut buf = Vec::with_capacity(16);
        assert_eq!(receiver.try_read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert!(receiver.try_io(|| Ok(())).is_err(), "it is known to block");
        assert!(timeout(MS, receiver.readable()).await.is_err());
        sender.writable().await.unwrap();
        assert_eq!(sender.ready(Interest::WRITABLE).await.unwrap(), Ready::WRITABLE);
        assert_eq!(sender.try_io(|| sender.try_write(b"abc")).unwrap(), 3);
        while buf.len() < 3 {
            receiver.readable().await.unwrap();
            receiver.try_read_buf(&mut buf).unwrap();
        }
        assert_eq!(buf, b"abc");
        poll_fn(|cx| sender.poll_write_ready(cx)).await.unwrap();
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(receiver.try_read(&mut [0; 8]).is_err());
        assert!(receiver.poll_read_ready(&mut cx).is_pending());
    }

    async fn a_loop_of_polls_lets_other_tasks_run() {
        let (sender, _receiver) = pipe::pipe().unwrap();
        let other = simoom::spawn(async {});
        for _ in 0..10_000 {
            poll_fn(|cx| sender.poll_write_ready(cx)).await.unwrap();
            if other.is_finished() {
                return;
            }
        }
        panic!("the other task had no turn");
    }

    async fn empty_reads_and_writes_do_not_wait() {
        let (mut sender, mut receiver) = pipe::pipe().unwrap();
        assert_eq!(receiver.read(&mut []).await.unwrap(), 0);
        assert_eq!(sender.write(&[]).await.unwrap(), 0);
        fill(&sender, ATOMIC);
        assert_eq!(sender.write(&[]).await.unwrap(), 0);
        drop(receiver);
        assert_eq!(sender.write(&[]).await.unwrap(), 0);
    }

    async fn a_dropped_read_takes_no_bytes() {
        let (mut sender, mut receiver) = pipe::pipe().unwrap();
        assert!(timeout(MS, receiver.read(&mut [0; 8])).await.is_err());
        sender.write_all(b"x").await.unwrap();
        assert_eq!(receiver.read(&mut [0; 8]).await.unwrap(), 1);
    }
}

/// A descriptor as a program has it that simoom knows nothing of.
fn std_pipe() -> (OwnedFd, OwnedFd) {
    let (reader, writer) = std::io::pipe().unwrap();
    (writer.into(), reader.into())
}

#[test]
fn ends_come_from_descriptors_and_go_back() {
    simoom_tests::real(|| async {
        let (writer, reader) = std_pipe();
        let mut sender = Sender::from_owned_fd(writer).unwrap();
        let mut receiver = Receiver::from_file(File::from(reader)).unwrap();
        assert_eq!(sender.as_raw_fd(), sender.as_fd().as_raw_fd());
        // It was put into non-blocking mode.
        assert!(timeout(MS, receiver.read(&mut [0; 8])).await.is_err());
        sender.write_all(b"one").await.unwrap();
        let mut text = [0; 3];
        receiver.read_exact(&mut text).await.unwrap();
        let mut reader = File::from(receiver.into_nonblocking_fd().unwrap());
        let error = reader.read(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        let mut writer = File::from(sender.into_blocking_fd().unwrap());
        let reader = Receiver::from_file_unchecked(reader).unwrap();
        let mut reader = File::from(reader.into_blocking_fd().unwrap());
        let reading = std::thread::spawn(move || {
            let mut text = String::new();
            reader.read_to_string(&mut text).map(|_| text)
        });
        // More than it takes at once: a blocking descriptor waits.
        let sent = "x".repeat(3 * CAPACITY);
        writer.write_all(sent.as_bytes()).unwrap();
        drop(writer);
        assert_eq!(reading.join().unwrap().unwrap(), sent);
    });
}

#[test]
fn what_is_no_such_end_of_a_pipe_is_refused() {
    simoom_tests::real(|| async {
        let invalid = |error: std::io::Error| {
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            error.to_string()
        };
        let (writer, reader) = std_pipe();
        let text = invalid(Sender::from_owned_fd(reader).unwrap_err());
        assert_eq!(text, "not in O_WRONLY or O_RDWR access mode");
        let text = invalid(Receiver::from_owned_fd(writer).unwrap_err());
        assert_eq!(text, "not in O_RDONLY or O_RDWR access mode");
        let file = || File::open("/dev/null").unwrap();
        assert_eq!(
            invalid(Receiver::from_file(file()).unwrap_err()),
            "not a pipe"
        );
        let error = OpenOptions::new().open_receiver("/dev/null").unwrap_err();
        assert_eq!(invalid(error), "not a pipe");
    });
}

/// A file of a pipe, which goes when this is dropped.
struct Fifo(std::path::PathBuf);

impl Fifo {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("simoom-{name}-{}", std::process::id()));
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
fn a_pipe_with_a_name_is_opened_by_it() {
    simoom_tests::real(|| async {
        let fifo = Fifo::new("fifo");
        let error = OpenOptions::new().open_sender(&fifo.0).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENXIO), "nobody reads");
        let mut receiver = OpenOptions::new().open_receiver(&fifo.0).unwrap();
        let mut sender = OpenOptions::new().open_sender(&fifo.0).unwrap();
        sender.write_all(b"named").await.unwrap();
        drop(sender);
        let mut text = String::new();
        receiver.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "named");
    });
}

#[test]
fn reading_waits_for_the_first_sender_of_a_pipe_with_a_name() {
    use std::os::unix::fs::OpenOptionsExt;
    simoom_tests::real(|| async {
        let fifo = Fifo::new("first");
        let mut options = std::fs::OpenOptions::new();
        options.read(true).custom_flags(libc::O_NONBLOCK);
        let file = || options.open(&fifo.0).unwrap();
        for way in 0..4 {
            // One at a time: a sender's end is that of every receiver that is open then.
            let receiver = match way {
                0 => OpenOptions::new().open_receiver(&fifo.0),
                1 => Receiver::from_file(file()),
                2 => Receiver::from_owned_fd(file().into()),
                _ => Receiver::from_file_unchecked(file()),
            };
            let mut receiver = receiver.unwrap();
            let error = receiver.try_read(&mut [0; 8]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            let early = timeout(MS, receiver.read(&mut [0; 8])).await;
            assert!(early.is_err(), "no sender has come yet: {early:?}");
            let reading = simoom::spawn(async move {
                let mut text = String::new();
                receiver.read_to_string(&mut text).await.map(|_| text)
            });
            settle().await;
            let mut sender = OpenOptions::new().open_sender(&fifo.0).unwrap();
            sender.write_all(b"late").await.unwrap();
            drop(sender);
            assert_eq!(reading.await.unwrap().unwrap(), "late");
        }
    });
}

#[test]
fn a_receiver_of_what_cannot_be_waited_for_is_refused() {
    simoom_tests::real(|| async {
        let file = File::open("/dev/null").unwrap();
        let error = Receiver::from_file_unchecked(file).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EPERM));
    });
}

#[test]
fn a_pipe_that_is_opened_for_both_has_no_end() {
    simoom_tests::real(|| async {
        let fifo = Fifo::new("both");
        let mut both = OpenOptions::new();
        both.read_write(true);
        // Before any receiver.
        let mut sender = both.open_sender(&fifo.0).unwrap();
        let mut receiver = both.open_receiver(&fifo.0).unwrap();
        sender.write_all(b"x").await.unwrap();
        drop(sender);
        assert_eq!(receiver.read(&mut [0; 8]).await.unwrap(), 1);
        assert!(timeout(MS, receiver.read(&mut [0; 8])).await.is_err());
    });
}

#[test]
fn pipes_with_names_are_not_simulated() {
    simoom_tests::simulated(|| async {
        let error = OpenOptions::new().open_receiver("/tmp/fifo").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        let (writer, _reader) = std_pipe();
        let error = Sender::from_owned_fd(writer).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        let (sender, _receiver) = pipe::pipe().unwrap();
        let error = sender.into_blocking_fd().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    });
}
