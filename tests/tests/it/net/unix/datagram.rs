//! Messages.

use std::future::poll_fn;
use std::io;
use std::net::Shutdown;
use std::task::Poll;

use simoom::io::ReadBuf;
use simoom::net::{Interest, Ready, UnixDatagram};
use simoom::time::{Duration, timeout};
use simoom_tests::{both, settle};

use super::errno::{ECONNREFUSED, ECONNRESET, EINVAL, EMSGSIZE, ENOENT, ENOTCONN, EPERM, EPIPE};
use super::{Place, is_error, is_path, name, would_block};

const MS: Duration = Duration::from_millis(1);

fn pair() -> (UnixDatagram, UnixDatagram) {
    UnixDatagram::pair().unwrap()
}

fn bound() -> (UnixDatagram, String) {
    let name = name();
    (UnixDatagram::bind(&name).unwrap(), name)
}

/// Sends as often as there is room, and says how often.
fn fill(mut send: impl FnMut() -> io::Result<usize>) -> usize {
    let mut sent = 0;
    while send().is_ok() {
        sent += 1;
    }
    would_block(send());
    sent
}

both! {
    async fn messages_arrive_whole_and_in_order() {
        let (one, two) = pair();
        for message in [&b"a"[..], b"", b"bcd"] {
            assert_eq!(one.send(message).await.unwrap(), message.len());
        }
        let mut bytes = [0; 8];
        for message in [&b"a"[..], b"", b"bcd"] {
            let count = two.recv(&mut bytes).await.unwrap();
            assert_eq!(&bytes[..count], message);
        }
        would_block(two.try_recv(&mut bytes));
    }

    async fn what_does_not_fit_is_lost() {
        let (one, two) = pair();
        one.send(b"abcdef").await.unwrap();
        one.send(b"next").await.unwrap();
        let mut bytes = [0; 3];
        assert_eq!(two.recv(&mut bytes).await.unwrap(), 3);
        assert_eq!(&bytes, b"abc");
        assert_eq!(two.recv(&mut []).await.unwrap(), 0);
        would_block(two.try_recv(&mut bytes));
    }

    async fn a_message_says_who_sent_it() {
        let (receiver, to) = bound();
        let (sender, from) = bound();
        sender.send_to(b"named", &to).await.unwrap();
        UnixDatagram::unbound().unwrap().send_to(b"unnamed", &to).await.unwrap();
        let mut bytes = [0; 16];
        let (count, addr) = receiver.recv_from(&mut bytes).await.unwrap();
        assert_eq!(&bytes[..count], b"named");
        assert_eq!(addr.as_abstract_name(), Some(&from.as_bytes()[1..]));
        let (count, addr) = receiver.recv_from(&mut bytes).await.unwrap();
        assert_eq!(&bytes[..count], b"unnamed");
        assert!(addr.is_unnamed());
    }

    async fn a_path_leads_to_its_socket() {
        let place = Place::new();
        let receiver = UnixDatagram::bind(&place).unwrap();
        assert!(is_path(&receiver.local_addr().unwrap(), place.path()));
        let sender = UnixDatagram::unbound().unwrap();
        sender.connect(&place).unwrap();
        assert!(is_path(&sender.peer_addr().unwrap(), place.path()));
        sender.send(b"x").await.unwrap();
        assert_eq!(receiver.recv(&mut [0; 8]).await.unwrap(), 1);
        drop(receiver);
        is_error(sender.send_to(b"x", &place).await, ECONNREFUSED);
    }

    async fn nobody_is_where_nothing_is() {
        let socket = UnixDatagram::unbound().unwrap();
        assert!(socket.local_addr().unwrap().is_unnamed());
        is_error(socket.peer_addr(), ENOTCONN);
        is_error(socket.send(b"x").await, ENOTCONN);
        is_error(socket.send_to(b"x", Place::new()).await, ENOENT);
        is_error(socket.send_to(b"x", name()).await, ECONNREFUSED);
        is_error(socket.send_to(b"x", "").await, EINVAL);
        is_error(socket.connect(Place::new()), ENOENT);
        is_error(socket.connect(name()), ECONNREFUSED);
        is_error(socket.connect(""), EINVAL);
    }

    async fn a_receiver_waits_for_a_message() {
        let (one, two) = pair();
        let receiving = simoom::spawn(async move {
            let mut bytes = [0; 8];
            let count = two.recv(&mut bytes).await.unwrap();
            bytes[..count].to_vec()
        });
        settle().await;
        assert!(!receiving.is_finished());
        one.send(b"late").await.unwrap();
        assert_eq!(receiving.await.unwrap(), b"late");
    }

    async fn a_receiver_takes_eleven_messages_of_strangers() {
        let (receiver, to) = bound();
        let sender = UnixDatagram::unbound().unwrap();
        assert_eq!(fill(|| sender.try_send_to(b"x", &to)), 11);
        let connected = UnixDatagram::unbound().unwrap();
        connected.connect(&to).unwrap();
        would_block(connected.try_send(b"y"));
        assert!(timeout(2 * MS, connected.writable()).await.is_err());
        let sending = simoom::spawn(async move {
            connected.send(b"later").await.unwrap();
        });
        settle().await;
        assert!(!sending.is_finished());
        for _ in 0..11 {
            assert_eq!(receiver.recv(&mut [0; 8]).await.unwrap(), 1);
        }
        assert_eq!(receiver.recv(&mut [0; 8]).await.unwrap(), 5);
        sending.await.unwrap();
    }

    async fn a_stranger_waits_until_one_of_its_own_was_received() {
        let (receiver, to) = bound();
        let sender = UnixDatagram::unbound().unwrap();
        assert_eq!(fill(|| sender.try_send_to(b"x", &to)), 11);
        let sending = simoom::spawn(async move {
            sender.send_to(b"later", &to).await.unwrap();
        });
        settle().await;
        assert!(!sending.is_finished());
        receiver.recv(&mut [0; 8]).await.unwrap();
        timeout(Duration::from_secs(10), sending).await.unwrap().unwrap();
    }

    async fn two_that_are_connected_fill_as_a_stream_does() {
        let (one, two) = pair();
        assert_eq!(fill(|| one.try_send(b"x")), 278);
        assert!(timeout(2 * MS, one.writable()).await.is_err());
        for _ in 0..185 {
            two.recv(&mut [0; 8]).await.unwrap();
        }
        assert!(timeout(2 * MS, one.writable()).await.is_err(), "two thirds are not enough");
        for _ in 0..27 {
            two.recv(&mut [0; 8]).await.unwrap();
        }
        timeout(Duration::from_secs(10), one.writable()).await.unwrap().unwrap();
        one.try_send(b"x").unwrap();
    }

    async fn a_message_can_be_as_long_as_the_room() {
        let (one, two) = pair();
        let longest = vec![7; 212_992 - 32];
        assert_eq!(one.send(&longest).await.unwrap(), longest.len());
        let mut bytes = vec![0; 300_000];
        assert_eq!(two.recv(&mut bytes).await.unwrap(), longest.len());
        assert!(bytes[..longest.len()] == longest);
        is_error(one.send(&bytes).await, EMSGSIZE);
        let stranger = UnixDatagram::unbound().unwrap();
        is_error(stranger.send(&bytes).await, EMSGSIZE);
    }

    async fn a_receiver_that_is_gone_refuses_once() {
        let (receiver, to) = bound();
        let sender = UnixDatagram::unbound().unwrap();
        sender.connect(&to).unwrap();
        drop(receiver);
        sender.peer_addr().unwrap();
        assert!(sender.take_error().unwrap().is_none());
        is_error(sender.send(b"x").await, ECONNREFUSED);
        is_error(sender.send(b"x").await, ENOTCONN);
        is_error(sender.peer_addr(), ENOTCONN);
    }

    async fn half_a_pair_reads_on_and_is_refused() {
        let (one, two) = pair();
        two.send(b"unread").await.unwrap();
        one.send(b"left").await.unwrap();
        drop(one);
        let mut bytes = [0; 8];
        assert_eq!(two.recv(&mut bytes).await.unwrap(), 4);
        would_block(two.try_recv(&mut bytes));
        is_error(two.send(b"x").await, ECONNREFUSED);
        is_error(two.send(b"x").await, ENOTCONN);
    }

    async fn what_came_from_the_gone_is_lost_with_the_refusal() {
        let (one, two) = pair();
        one.send(b"left").await.unwrap();
        drop(one);
        is_error(two.send(b"x").await, ECONNREFUSED);
        would_block(two.try_recv(&mut [0; 8]));
    }

    async fn a_waiting_sender_learns_that_the_receiver_is_gone() {
        let (receiver, to) = bound();
        let sender = UnixDatagram::unbound().unwrap();
        sender.connect(&to).unwrap();
        assert_eq!(fill(|| sender.try_send(b"x")), 11);
        let sending = simoom::spawn(async move { sender.send(b"x").await });
        settle().await;
        assert!(!sending.is_finished());
        drop(receiver);
        is_error(sending.await.unwrap(), ECONNREFUSED);
    }

    async fn who_is_connected_hears_nobody_else() {
        let (one, one_name) = bound();
        let (two, two_name) = bound();
        one.connect(&two_name).unwrap();
        let stranger = UnixDatagram::unbound().unwrap();
        is_error(stranger.send_to(b"x", &one_name).await, EPERM);
        is_error(stranger.connect(&one_name), EPERM);
        two.send_to(b"hi", &one_name).await.unwrap();
        assert_eq!(one.recv(&mut [0; 8]).await.unwrap(), 2);
        // A connected socket may send elsewhere.
        let (other, other_name) = bound();
        one.send_to(b"x", &other_name).await.unwrap();
        assert_eq!(other.recv(&mut [0; 8]).await.unwrap(), 1);
    }

    async fn connecting_elsewhere_loses_messages_and_tells_the_former_peer() {
        let (one, one_name) = bound();
        let (two, two_name) = bound();
        let (_three, three_name) = bound();
        one.connect(&two_name).unwrap();
        two.connect(&one_name).unwrap();
        two.send(b"lost").await.unwrap();
        one.send(b"kept").await.unwrap();
        one.connect(&three_name).unwrap();
        would_block(one.try_recv(&mut [0; 8]));
        is_error(two.recv(&mut [0; 8]).await, ECONNRESET);
        assert_eq!(two.recv(&mut [0; 8]).await.unwrap(), 4);
        is_error(two.send(b"x").await, EPERM);
    }

    async fn connecting_again_to_the_same_keeps_messages() {
        let (one, one_name) = bound();
        let (two, two_name) = bound();
        one.connect(&two_name).unwrap();
        two.send_to(b"kept", &one_name).await.unwrap();
        one.connect(&two_name).unwrap();
        assert_eq!(one.recv(&mut [0; 8]).await.unwrap(), 4);
        assert!(two.take_error().unwrap().is_none());
    }

    async fn a_former_peer_can_send_its_error_away() {
        let (one, one_name) = bound();
        let (two, two_name) = bound();
        let (_three, three_name) = bound();
        one.connect(&two_name).unwrap();
        two.connect(&one_name).unwrap();
        two.send(b"lost").await.unwrap();
        one.connect(&three_name).unwrap();
        is_error(two.send(b"x").await, ECONNRESET);
        assert!(two.take_error().unwrap().is_none());
    }

    async fn a_socket_may_send_to_itself() {
        let (socket, name) = bound();
        assert_eq!(fill(|| socket.try_send_to(b"x", &name)), 278);
        assert_eq!(socket.recv(&mut [0; 8]).await.unwrap(), 1);
    }

    async fn ending_sending_ends_sending_alone() {
        let (one, two) = pair();
        one.shutdown(Shutdown::Write).unwrap();
        is_error(one.send(b"x").await, EPIPE);
        is_error(one.send_to(b"x", name()).await, EPIPE);
        two.send(b"x").await.unwrap();
        assert_eq!(one.recv(&mut [0; 8]).await.unwrap(), 1);
        would_block(two.try_recv(&mut [0; 8]));
    }

    async fn ending_receiving_is_told_to_who_sends() {
        let (one, two) = pair();
        two.send(b"before").await.unwrap();
        one.shutdown(Shutdown::Read).unwrap();
        is_error(two.send(b"x").await, EPIPE);
        let mut bytes = [0; 8];
        assert_eq!(one.recv(&mut bytes).await.unwrap(), 6);
        // The end cannot be seen by waiting for it.
        assert!(timeout(2 * MS, one.recv(&mut bytes)).await.is_err());
        one.send(b"x").await.unwrap();
        assert_eq!(two.recv(&mut bytes).await.unwrap(), 1);
    }

    async fn readiness_tells_what_can_be_tried() {
        let (one, two) = pair();
        would_block(two.try_recv(&mut [0; 8]));
        let ready = two.ready(Interest::READABLE | Interest::WRITABLE).await.unwrap();
        assert_eq!(ready, Ready::WRITABLE);
        assert!(timeout(MS, two.readable()).await.is_err());
        one.send(b"x").await.unwrap();
        two.readable().await.unwrap();
        poll_fn(|cx| two.poll_recv_ready(cx)).await.unwrap();
        poll_fn(|cx| two.poll_send_ready(cx)).await.unwrap();
        assert_eq!(two.try_io(Interest::READABLE, || two.try_recv(&mut [0; 8])).unwrap(), 1);
        let waiting = two.async_io(Interest::READABLE, || two.try_recv(&mut [0; 8]));
        let sending = async {
            settle().await;
            one.send(b"yz").await.unwrap();
        };
        let (received, ()) = simoom::join!(waiting, sending);
        assert_eq!(received.unwrap(), 2);
    }

    async fn messages_can_be_polled() {
        let (one, two) = pair();
        let (receiver, to) = bound();
        assert_eq!(poll_fn(|cx| one.poll_send(cx, b"x")).await.unwrap(), 1);
        assert_eq!(poll_fn(|cx| one.poll_send_to(cx, b"yz", &to)).await.unwrap(), 2);
        let mut bytes = [0; 8];
        let mut buf = ReadBuf::new(&mut bytes);
        poll_fn(|cx| two.poll_recv(cx, &mut buf)).await.unwrap();
        assert_eq!(buf.filled(), b"x");
        let from = poll_fn(|cx| receiver.poll_recv_from(cx, &mut buf)).await.unwrap();
        assert!(from.is_unnamed());
        assert_eq!(buf.filled(), b"xyz");
        poll_fn(|cx| {
            assert!(two.poll_recv(cx, &mut buf).is_pending());
            Poll::Ready(())
        })
        .await;
    }

    async fn messages_can_be_appended_to_a_buffer() {
        let (one, two) = pair();
        for message in [&b"a"[..], b"b", b"c", b"d"] {
            one.send(message).await.unwrap();
        }
        let mut bytes = Vec::with_capacity(16);
        assert_eq!(two.recv_buf(&mut bytes).await.unwrap(), 1);
        assert_eq!(two.recv_buf_from(&mut bytes).await.unwrap().0, 1);
        assert_eq!(two.try_recv_buf(&mut bytes).unwrap(), 1);
        assert_eq!(two.try_recv_buf_from(&mut bytes).unwrap().0, 1);
        assert_eq!(bytes, b"abcd");
        would_block(two.try_recv_from(&mut [0; 4]));
    }

    async fn dropped_futures_leave_no_trace() {
        let (one, two) = pair();
        let mut bytes = [0; 8];
        assert!(timeout(MS, two.recv(&mut bytes)).await.is_err());
        one.send(b"x").await.unwrap();
        assert_eq!(two.recv(&mut bytes).await.unwrap(), 1);
        fill(|| one.try_send(b"y"));
        assert!(timeout(MS, one.send(b"z")).await.is_err());
        let mut received = 0;
        while two.try_recv(&mut bytes).is_ok() {
            assert_eq!(bytes[0], b'y');
            received += 1;
        }
        assert_eq!(received, 278);
    }
}
