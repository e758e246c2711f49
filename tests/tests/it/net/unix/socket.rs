//! Sockets that are put to use step by step.

use std::io::ErrorKind;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{UnixDatagram, UnixListener, UnixSocket, UnixStream};
use simoom_tests::both;

use super::errno::{EADDRINUSE, EAGAIN, ECONNREFUSED, EINVAL};
use super::{Place, is_error, is_path, name};

both! {
    async fn a_client_can_have_an_address_of_its_own() {
        let (server, client) = (name(), Place::new());
        let listener = UnixListener::bind(&server).unwrap();
        let socket = UnixSocket::new_stream().unwrap();
        socket.bind(&client).unwrap();
        let mut stream = socket.connect(&server).await.unwrap();
        let (mut accepted, from) = listener.accept().await.unwrap();
        assert!(is_path(&from, client.path()));
        assert!(is_path(&accepted.peer_addr().unwrap(), client.path()));
        assert!(is_path(&stream.local_addr().unwrap(), client.path()));
        stream.write_all(b"x").await.unwrap();
        assert_eq!(accepted.read(&mut [0; 8]).await.unwrap(), 1);
        // It is a client, and nobody's server.
        is_error(UnixStream::connect(&client).await, ECONNREFUSED);
    }

    async fn a_socket_is_bound_once() {
        let socket = UnixSocket::new_stream().unwrap();
        let (one, two) = (name(), name());
        socket.bind(&one).unwrap();
        is_error(socket.bind(&two), EINVAL);
        socket.bind("").unwrap();
        is_error(UnixListener::bind(&one), EADDRINUSE);
        is_error(UnixStream::connect(&one).await, ECONNREFUSED);
        let listener = socket.listen(8).unwrap();
        UnixStream::connect(&one).await.unwrap();
        drop(listener);
        UnixListener::bind(&one).unwrap();
    }

    async fn a_socket_that_is_dropped_gives_its_name_back() {
        let name = name();
        let socket = UnixSocket::new_stream().unwrap();
        socket.bind(&name).unwrap();
        drop(socket);
        UnixListener::bind(&name).unwrap();
    }

    async fn a_backlog_that_is_full_turns_clients_away() {
        let name = name();
        let socket = UnixSocket::new_stream().unwrap();
        socket.bind(&name).unwrap();
        let listener = socket.listen(2).unwrap();
        let mut waiting = Vec::new();
        for _ in 0..3 {
            waiting.push(UnixStream::connect(&name).await.unwrap());
        }
        is_error(UnixStream::connect(&name).await, EAGAIN);
        listener.accept().await.unwrap();
        waiting.push(UnixStream::connect(&name).await.unwrap());
        let error = UnixStream::connect(&name).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        // Those who have gone still wait.
        waiting.clear();
        is_error(UnixStream::connect(&name).await, EAGAIN);
    }

    async fn a_socket_without_a_name_cannot_listen() {
        is_error(UnixSocket::new_stream().unwrap().listen(1), EINVAL);
    }

    async fn a_socket_does_what_its_kind_can() {
        let name = name();
        let _listener = UnixListener::bind(&name).unwrap();
        let socket = UnixSocket::new_datagram().unwrap();
        assert_eq!(socket.listen(1).unwrap_err().kind(), ErrorKind::Other);
        let socket = UnixSocket::new_datagram().unwrap();
        assert_eq!(socket.connect(&name).await.unwrap_err().kind(), ErrorKind::Other);
        let socket = UnixSocket::new_stream().unwrap();
        assert_eq!(socket.datagram().unwrap_err().kind(), ErrorKind::Other);
    }

    async fn messages_come_in_before_a_socket_is_put_to_use() {
        let name = name();
        let socket = UnixSocket::new_datagram().unwrap();
        socket.bind(&name).unwrap();
        is_error(socket.bind("\0other"), EINVAL);
        let sender = UnixDatagram::unbound().unwrap();
        sender.send_to(b"early", &name).await.unwrap();
        let receiver = socket.datagram().unwrap();
        assert_eq!(receiver.recv(&mut [0; 8]).await.unwrap(), 5);
        is_error(UnixDatagram::bind(&name), EADDRINUSE);
    }
}
