//! Whose wakers a socket keeps: of those who poll, the last one; of those who await, all.

use std::fmt::Debug;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use simoom::io::{AsyncReadExt, AsyncWriteExt, ReadBuf};
use simoom::net::unix::pipe;
use simoom::net::{Interest, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use simoom::time::{Duration, timeout};
use simoom_tests::{both, settle};

use super::{listener, pair};

const MINUTE: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Count {
    fn seen(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Polls with a waker of its own until it waits for nothing but the socket.
#[track_caller]
fn waiter<T: Debug>(poll: &mut impl FnMut(&mut Context<'_>) -> Poll<T>) -> Arc<Count> {
    let count = Arc::new(Count::default());
    let waker = Waker::from(count.clone());
    loop {
        let before = count.seen();
        let polled = poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending(), "{polled:?}");
        // Otherwise it was another task's turn.
        if count.seen() == before {
            count.0.store(0, Ordering::SeqCst);
            return count;
        }
    }
}

/// Three wait by `poll`, and then `happens` what they wait for.
async fn the_last_is_woken<T: Debug>(
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
    happens: impl AsyncFnOnce(),
) {
    let counts = [(); 3].map(|()| waiter(&mut poll));
    for count in &counts[..2] {
        assert_eq!(
            Arc::strong_count(count),
            1,
            "no waker is left of the first ones"
        );
    }
    happens().await;
    let last = async {
        while counts[2].seen() == 0 {
            settle().await;
        }
    };
    timeout(MINUTE, last).await.expect("the last one is woken");
    settle().await;
    assert_eq!(counts.map(|count| count.seen()), [0, 0, 1]);
}

both! {
    async fn of_those_who_poll_a_stream_the_last_is_woken() {
        let (mut client, server) = pair().await;
        assert_eq!(server.try_read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
        the_last_is_woken(
            |cx| server.poll_read_ready(cx),
            async || client.write_all(b"x").await.unwrap(),
        )
        .await;
    }

    async fn of_those_who_peek_the_last_is_woken() {
        let (mut client, server) = pair().await;
        the_last_is_woken(
            |cx| {
                let mut bytes = [0; 8];
                server.poll_peek(cx, &mut ReadBuf::new(&mut bytes))
            },
            async || client.write_all(b"x").await.unwrap(),
        )
        .await;
    }

    async fn of_those_who_accept_by_polls_the_last_is_woken() {
        let (listener, addr) = listener().await;
        let mut client = None;
        the_last_is_woken(
            |cx| listener.poll_accept(cx),
            async || client = Some(TcpStream::connect(addr).await.unwrap()),
        )
        .await;
    }

    async fn of_those_who_receive_by_polls_the_last_is_woken() {
        let receiver = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let to = receiver.local_addr().unwrap();
        the_last_is_woken(
            |cx| {
                let mut bytes = [0; 8];
                receiver.poll_recv_from(cx, &mut ReadBuf::new(&mut bytes))
            },
            async || {
                sender.send_to(b"x", to).await.unwrap();
            },
        )
        .await;
    }

    async fn of_those_who_poll_unix_sockets_the_last_is_woken() {
        let (mut one, two) = UnixStream::pair().unwrap();
        two.try_read(&mut [0; 8]).unwrap_err();
        the_last_is_woken(
            |cx| two.poll_read_ready(cx),
            async || one.write_all(b"x").await.unwrap(),
        )
        .await;
        let (one, two) = UnixDatagram::pair().unwrap();
        two.try_recv(&mut [0; 8]).unwrap_err();
        the_last_is_woken(
            |cx| two.poll_recv_ready(cx),
            async || {
                one.send(b"x").await.unwrap();
            },
        )
        .await;
        let name = format!("\0simoom-{:016x}", simoom::rand::random::<u64>());
        let listener = UnixListener::bind(&name).unwrap();
        let mut client = None;
        the_last_is_woken(
            |cx| listener.poll_accept(cx),
            async || client = Some(UnixStream::connect(&name).await.unwrap()),
        )
        .await;
    }

    async fn of_those_who_poll_a_pipe_the_last_is_woken() {
        let (sender, mut receiver) = pipe::pipe().unwrap();
        receiver.try_read(&mut [0; 8]).unwrap_err();
        the_last_is_woken(
            |cx| receiver.poll_read_ready(cx),
            async || {
                sender.try_write(b"x").unwrap();
            },
        )
        .await;
        while sender.try_write(&[0; 4096]).is_ok() {}
        the_last_is_woken(
            |cx| sender.poll_write_ready(cx),
            async || {
                receiver.read_exact(&mut [0; 8193]).await.unwrap();
            },
        )
        .await;
    }

    async fn all_who_await_are_woken_beside_who_polls() {
        let (mut client, server) = pair().await;
        server.try_read(&mut [0; 8]).unwrap_err();
        let server = Arc::new(server);
        let awaiting: Vec<_> = (0..4)
            .map(|number| {
                let server = server.clone();
                simoom::spawn(async move {
                    match number {
                        0 | 1 => server.readable().await,
                        2 => server.ready(Interest::READABLE).await.map(drop),
                        _ => server.async_io(Interest::READABLE, || Ok(())).await,
                    }
                })
            })
            .collect();
        settle().await;
        assert!(awaiting.iter().all(|task| !task.is_finished()));
        let polls = waiter(&mut |cx: &mut Context<'_>| server.poll_read_ready(cx));
        client.write_all(b"x").await.unwrap();
        for task in awaiting {
            timeout(MINUTE, task).await.unwrap().unwrap().unwrap();
        }
        assert_eq!(polls.seen(), 1);
    }

    async fn who_gives_up_leaves_no_waker() {
        let (mut client, server) = pair().await;
        server.try_read(&mut [0; 8]).unwrap_err();
        let leaves = {
            let mut waiting = Box::pin(server.readable());
            waiter(&mut |cx: &mut Context<'_>| waiting.as_mut().poll(cx))
        };
        assert_eq!(Arc::strong_count(&leaves), 1);
        client.write_all(b"x").await.unwrap();
        timeout(MINUTE, server.readable()).await.unwrap().unwrap();
        assert_eq!(leaves.seen(), 0);
    }
}
