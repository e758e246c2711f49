//! What only real Unix sockets have: descriptors, and the standard library's sockets.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::task::{Context, Wake, Waker};

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::unix::pipe;
use simoom::net::{Interest, UnixDatagram, UnixListener, UnixSocket, UnixStream};
use simoom::runtime::Runtime;

fn name() -> String {
    format!("\0simoom-real-{:016x}", simoom::rand::random::<u64>())
}

fn addr(name: &str) -> net::SocketAddr {
    use std::os::linux::net::SocketAddrExt;
    net::SocketAddr::from_abstract_name(&name[1..]).unwrap()
}

#[test]
fn sockets_of_the_standard_library_come_and_go() {
    let name = name();
    Runtime::new().unwrap().block_on(async {
        let listener = net::UnixListener::bind_addr(&addr(&name)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = UnixListener::try_from(listener).unwrap();
        let client = net::UnixStream::connect_addr(&addr(&name)).unwrap();
        client.set_nonblocking(true).unwrap();
        let mut client = UnixStream::try_from(client).unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        client.write_all(b"ab").await.unwrap();
        assert_eq!(server.read_u16().await.unwrap(), u16::from_be_bytes(*b"ab"));

        let mut std_client = client.into_std().unwrap();
        std_client.set_nonblocking(false).unwrap();
        server.write_all(b"cd").await.unwrap();
        let mut bytes = [0; 2];
        std_client.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"cd");
        std_client.write_all(b"e").unwrap();
        assert_eq!(server.read_u8().await.unwrap(), b'e');
        let std_listener = listener.into_std().unwrap();
        assert_eq!(
            std_listener.accept().unwrap_err().kind(),
            ErrorKind::WouldBlock,
            "it stays in non-blocking mode"
        );

        let (one, two) = net::UnixDatagram::pair().unwrap();
        one.set_nonblocking(true).unwrap();
        let one = UnixDatagram::try_from(one).unwrap();
        two.send(b"xyz").unwrap();
        assert_eq!(one.recv(&mut [0; 8]).await.unwrap(), 3);
        one.into_std().unwrap().send(b"q").unwrap();
        assert_eq!(two.recv(&mut [0; 8]).unwrap(), 1);
    });
}

#[test]
fn sockets_have_descriptors() {
    Runtime::new().unwrap().block_on(async {
        let (one, two) = UnixStream::pair().unwrap();
        let (datagram, _) = UnixDatagram::pair().unwrap();
        let listener = UnixListener::bind(name()).unwrap();
        let socket = UnixSocket::new_stream().unwrap();
        let descriptors = [
            one.as_raw_fd(),
            datagram.as_raw_fd(),
            listener.as_raw_fd(),
            socket.as_raw_fd(),
        ];
        assert!(descriptors.iter().all(|&descriptor| descriptor > 2));
        assert_eq!(one.as_fd().as_raw_fd(), descriptors[0]);
        // What `try_io` is for: an operation that is not ours, on the descriptor.
        two.try_write(b"x").unwrap();
        one.readable().await.unwrap();
        let twin: net::UnixStream = one.as_fd().try_clone_to_owned().unwrap().into();
        let read = || (&twin).read(&mut [0; 8]);
        assert_eq!(one.try_io(Interest::READABLE, read).unwrap(), 1);
        let error = one.try_io(Interest::READABLE, read).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn the_other_end_is_this_process() {
    Runtime::new().unwrap().block_on(async {
        let (one, _two) = UnixStream::pair().unwrap();
        let cred = one.peer_cred().unwrap();
        assert_eq!(cred.pid(), i32::try_from(std::process::id()).ok());
    });
}

#[test]
fn sockets_need_a_runtime() {
    let text = |error: std::io::Error| assert!(error.to_string().contains("simoom"), "{error}");
    text(UnixListener::bind(name()).unwrap_err());
    text(UnixStream::pair().unwrap_err());
    text(UnixDatagram::unbound().unwrap_err());
    text(UnixSocket::new_stream().unwrap_err());
}

#[test]
fn a_stream_outlives_its_runtime_with_errors() {
    let runtime = Runtime::new().unwrap();
    let (one, two) = runtime.block_on(async { UnixStream::pair().unwrap() });
    let (datagram, _other) = runtime.block_on(async { UnixDatagram::pair().unwrap() });
    drop(runtime);
    assert_eq!(one.try_write(b"x").unwrap_err().kind(), ErrorKind::Other);
    assert_eq!(
        datagram.try_send(b"x").unwrap_err().kind(),
        ErrorKind::Other
    );
    drop((one, two));
}

#[test]
fn bytes_after_a_descriptor_are_read() {
    Runtime::new().unwrap().block_on(async {
        let (one, two) = net::UnixStream::pair().unwrap();
        one.set_nonblocking(true).unwrap();
        let mut one = UnixStream::from_std(one).unwrap();
        let mut bytes = [0; 64];
        // From now on the kernel tells of changes alone.
        let short = std::time::Duration::from_millis(5);
        let waited = simoom::time::timeout(short, one.read(&mut bytes)).await;
        assert!(waited.is_err(), "nothing was sent");
        // A descriptor between the bytes ends a read early: the rest must not be taken for none.
        send_with_descriptor(&two, b"ab");
        send_with_descriptor(&two, b"cd");
        let mut seen = Vec::new();
        while seen.len() < 4 {
            let reading = one.read(&mut bytes);
            let count = simoom::time::timeout(std::time::Duration::from_secs(10), reading);
            let count = count.await.unwrap().unwrap();
            seen.extend_from_slice(&bytes[..count]);
        }
        assert_eq!(seen, b"abcd");
    });
}

/// Sends bytes and one descriptor with them.
fn send_with_descriptor(stream: &net::UnixStream, bytes: &[u8]) {
    use socket2::{MsgHdr, SockRef};
    // One control message: the length, SOL_SOCKET, SCM_RIGHTS and a descriptor, padded.
    let mut control = Vec::new();
    control.extend_from_slice(&20_usize.to_ne_bytes());
    control.extend_from_slice(&1_i32.to_ne_bytes());
    control.extend_from_slice(&1_i32.to_ne_bytes());
    control.extend_from_slice(&stream.as_raw_fd().to_ne_bytes());
    control.extend_from_slice(&[0; 4]);
    let parts = [std::io::IoSlice::new(bytes)];
    let message = MsgHdr::new().with_buffers(&parts).with_control(&control);
    assert_eq!(
        SockRef::from(stream).sendmsg(&message, 0).unwrap(),
        bytes.len()
    );
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn two_that_wait_for_what_cannot_be_waited_for_are_both_told() {
    let runtime = Runtime::new().unwrap();
    let _guard = runtime.enter();
    for _ in 0..5_000 {
        // The kernel has no events for it.
        let file = std::fs::File::create("/dev/null").unwrap();
        let sender = pipe::Sender::from_file_unchecked(file).unwrap();
        let start = Barrier::new(2);
        let poll = || {
            let woken = Arc::new(Woken::default());
            let waker = Waker::from(woken.clone());
            let mut waiting = Box::pin(sender.ready(Interest::ERROR));
            start.wait();
            let polled = waiting.as_mut().poll(&mut Context::from_waker(&waker));
            start.wait();
            let told = polled.is_ready() || woken.0.load(Ordering::SeqCst);
            assert!(told, "neither failed nor woken");
        };
        std::thread::scope(|scope| {
            scope.spawn(poll);
            scope.spawn(poll);
        });
    }
}
