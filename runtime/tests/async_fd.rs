//! Descriptors that the program brings along, in the real world.

use std::fs::File;
use std::future::poll_fn;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use simoom::io::Interest;
use simoom::io::unix::AsyncFd;
use simoom::time::{sleep, timeout};

const SOON: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(20);

/// Two ends, of which the first does not block.
fn pair() -> (UnixStream, UnixStream) {
    let (one, other) = UnixStream::pair().unwrap();
    one.set_nonblocking(true).unwrap();
    (one, other)
}

fn read(mut stream: &UnixStream) -> std::io::Result<Vec<u8>> {
    let mut bytes = [0; 64];
    let count = stream.read(&mut bytes)?;
    Ok(bytes[..count].to_vec())
}

#[simoom::test]
async fn nothing_is_ready_before_something_happens() {
    let (one, mut other) = pair();
    let one = AsyncFd::new(one).unwrap();
    timeout(SOON, one.readable()).await.unwrap_err();
    let sender = thread::spawn(move || {
        thread::sleep(SOON);
        other.write_all(b"hello").unwrap();
        other
    });
    let mut guard = timeout(LONG, one.readable()).await.unwrap().unwrap();
    assert!(guard.ready().is_readable());
    assert_eq!(
        guard.try_io(|one| read(one.get_ref())).unwrap().unwrap(),
        b"hello"
    );
    drop(guard);
    sender.join().unwrap();
}

#[simoom::test]
async fn loop_10_it_stays_ready_until_an_attempt_blocks() {
    let (one, mut other) = pair();
    let one = AsyncFd::new(one).unwrap();
    other.write_all(b"hello").unwrap();
    let mut guard = one.readable().await.unwrap();
    guard.retain_ready();
    assert_eq!(read(guard.get_inner()).unwrap(), b"hello");
    let mut guard = timeout(LONG, one.readable()).await.unwrap().unwrap();
    assert!(guard.try_io(|one| read(one.get_ref())).is_err());
    assert!(guard.ready().is_empty());
    timeout(SOON, one.readable()).await.unwrap_err();
}

#[simoom::test]
async fn what_happens_after_the_guard_is_not_forgotten_with_it() {
    let (one, mut other) = pair();
    let one = AsyncFd::new(one).unwrap();
    other.write_all(b"a").unwrap();
    let mut guard = one.readable().await.unwrap();
    read(one.get_ref()).unwrap();
    other.write_all(b"b").unwrap();
    sleep(SOON).await;
    guard.clear_ready();
    let mut guard = timeout(LONG, one.readable()).await.unwrap().unwrap();
    assert_eq!(
        guard.try_io(|one| read(one.get_ref())).unwrap().unwrap(),
        b"b"
    );
}

#[simoom::test]
async fn ways_of_being_ready_are_cleared_one_by_one() {
    let (one, mut other) = pair();
    let mut one = AsyncFd::new(one).unwrap();
    other.write_all(b"a").unwrap();
    sleep(SOON).await;
    let mut guard = one
        .ready_mut(Interest::READABLE | Interest::WRITABLE)
        .await
        .unwrap();
    assert!(guard.ready().is_readable() && guard.ready().is_writable());
    guard.clear_ready_matching(simoom::io::Ready::READABLE);
    assert!(!guard.ready().is_readable() && guard.ready().is_writable());
    drop(guard);
    timeout(SOON, one.readable()).await.unwrap_err();
    timeout(LONG, one.writable())
        .await
        .unwrap()
        .unwrap()
        .retain_ready();
}

#[simoom::test]
async fn an_end_stays_known() {
    let (one, other) = pair();
    let one = AsyncFd::new(one).unwrap();
    drop(other);
    let mut guard = timeout(LONG, one.readable()).await.unwrap().unwrap();
    assert!(guard.ready().is_read_closed());
    guard.clear_ready();
    timeout(LONG, one.readable())
        .await
        .unwrap()
        .unwrap()
        .retain_ready();
    assert_eq!(read(one.get_ref()).unwrap(), b"");
}

#[simoom::test]
async fn attempts_are_repeated_until_they_do_not_block() {
    let (one, mut other) = pair();
    let mut one = AsyncFd::with_interest(one, Interest::READABLE).unwrap();
    let blocked = one.try_io(Interest::READABLE, |_| -> std::io::Result<()> {
        panic!("not ready")
    });
    assert_eq!(blocked.unwrap_err().kind(), ErrorKind::WouldBlock);
    let (go_on, told) = mpsc::channel();
    let sender = thread::spawn(move || {
        thread::sleep(SOON);
        other.write_all(b"hello").unwrap();
        told.recv().unwrap();
        thread::sleep(SOON);
        other.write_all(b"again").unwrap();
        other
    });
    let first = timeout(LONG, one.async_io(Interest::READABLE, read))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(first, b"hello");
    go_on.send(()).unwrap();
    let next = one.async_io_mut(Interest::READABLE, |one| read(one));
    assert_eq!(timeout(LONG, next).await.unwrap().unwrap(), b"again");
    sender.join().unwrap();
}

#[simoom::test]
async fn it_can_be_polled() {
    let (one, mut other) = pair();
    let mut one = AsyncFd::new(one).unwrap();
    poll_fn(|cx| {
        one.poll_write_ready(cx)
            .map_ok(|guard| assert!(guard.ready().is_writable()))
    })
    .await
    .unwrap();
    let sender = thread::spawn(move || {
        thread::sleep(SOON);
        other.write_all(b"hello").unwrap();
        other
    });
    let got = poll_fn(|cx| {
        one.poll_read_ready_mut(cx)
            .map_ok(|mut guard| read(guard.get_inner_mut()).unwrap())
    });
    assert_eq!(timeout(LONG, got).await.unwrap().unwrap(), b"hello");
    sender.join().unwrap();
}

#[simoom::test]
async fn loop_10_a_descriptor_is_free_again_afterwards() {
    let (one, _other) = pair();
    let one = AsyncFd::new(one).unwrap();
    let twice = AsyncFd::new(one.as_raw_fd()).unwrap_err();
    assert_eq!(twice.kind(), ErrorKind::AlreadyExists);
    let one = AsyncFd::new(one.into_inner()).unwrap();
    timeout(LONG, one.writable())
        .await
        .unwrap()
        .unwrap()
        .retain_ready();
}

#[simoom::test]
async fn a_file_is_given_back() {
    let error = AsyncFd::try_new(File::open("/").unwrap()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the descriptor cannot be waited for: ")
    );
    let (file, cause) = error.into_parts();
    assert_eq!(cause.kind(), ErrorKind::PermissionDenied);
    assert!(file.metadata().unwrap().is_dir());
}

#[test]
#[should_panic(expected = "outside a simoom runtime")]
fn it_belongs_to_a_runtime() {
    let _ = AsyncFd::new(pair().0);
}
