//! Names of sockets: files, names without a file, and none.

use std::io::ErrorKind;
use std::path::Path;

use simoom::net::unix::SocketAddr;
use simoom::net::{UnixDatagram, UnixListener, UnixStream};
use simoom_tests::both;

use super::errno::{EADDRINUSE, ECONNREFUSED, EINVAL, ENOENT, EPROTOTYPE};
use super::{Place, is_error, is_path, name, pair};

both! {
    async fn a_path_leads_to_its_listener() {
        let place = Place::new();
        let listener = UnixListener::bind(&place).unwrap();
        assert!(is_path(&listener.local_addr().unwrap(), place.path()));
        let client = UnixStream::connect(&place).await.unwrap();
        assert!(is_path(&client.peer_addr().unwrap(), place.path()));
        assert!(client.local_addr().unwrap().is_unnamed());
        let (server, from) = listener.accept().await.unwrap();
        assert!(from.is_unnamed());
        assert!(is_path(&server.local_addr().unwrap(), place.path()));
        assert!(server.peer_addr().unwrap().is_unnamed());
    }

    async fn a_name_without_a_file_leads_to_its_listener() {
        let name = name();
        let listener = UnixListener::bind(&name).unwrap();
        let addr = listener.local_addr().unwrap();
        assert_eq!(addr.as_abstract_name(), Some(&name.as_bytes()[1..]));
        assert!(addr.as_pathname().is_none());
        let client = UnixStream::connect(&name).await.unwrap();
        listener.accept().await.unwrap();
        let again = UnixStream::connect_addr(&client.peer_addr().unwrap()).await.unwrap();
        assert_eq!(again.peer_addr().unwrap().as_abstract_name(), addr.as_abstract_name());
    }

    async fn a_path_that_is_taken_cannot_be_bound() {
        let place = Place::new();
        let listener = UnixListener::bind(&place).unwrap();
        is_error(UnixListener::bind(&place), EADDRINUSE);
        is_error(UnixDatagram::bind(&place), EADDRINUSE);
        drop(listener);
        // The file stays.
        is_error(UnixListener::bind(&place), EADDRINUSE);
        is_error(UnixStream::connect(&place).await, ECONNREFUSED);
    }

    async fn a_name_without_a_file_goes_with_its_socket() {
        let name = name();
        let listener = UnixListener::bind(&name).unwrap();
        is_error(UnixListener::bind(&name), EADDRINUSE);
        drop(listener);
        is_error(UnixStream::connect(&name).await, ECONNREFUSED);
        let _again = UnixListener::bind(&name).unwrap();
        UnixStream::connect(&name).await.unwrap();
    }

    async fn nobody_is_where_nothing_is() {
        is_error(UnixStream::connect(Place::new()).await, ENOENT);
        is_error(UnixStream::connect(name()).await, ECONNREFUSED);
        is_error(UnixStream::connect("").await, EINVAL);
        let error = UnixStream::connect("/tmp/a\0b").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let error = UnixStream::connect("x".repeat(108)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let error = UnixListener::bind("x".repeat(108)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }

    async fn one_path_has_many_spellings() {
        let place = Place::new();
        let listener = UnixListener::bind(&place).unwrap();
        let name = place.path().file_name().unwrap();
        UnixStream::connect(Path::new("/tmp/.").join(name)).await.unwrap();
        UnixStream::connect(Path::new("/tmp/../tmp").join(name)).await.unwrap();
        listener.accept().await.unwrap();
        listener.accept().await.unwrap();
    }

    async fn asking_for_no_name_gives_one() {
        let none = std::os::unix::net::SocketAddr::from_pathname("").unwrap();
        let none = SocketAddr::from(none);
        let one = UnixListener::bind_addr(&none).unwrap();
        let two = UnixListener::bind("").unwrap();
        let (one, two) = (one.local_addr().unwrap(), two.local_addr().unwrap());
        assert_eq!(one.as_abstract_name().unwrap().len(), 5);
        assert_ne!(one.as_abstract_name(), two.as_abstract_name());
        is_error(UnixStream::connect_addr(&none).await, EINVAL);
    }

    async fn streams_and_messages_do_not_mix() {
        let (stream, message) = (Place::new(), Place::new());
        let _listener = UnixListener::bind(&stream).unwrap();
        let datagram = UnixDatagram::bind(&message).unwrap();
        is_error(UnixStream::connect(&message).await, EPROTOTYPE);
        is_error(datagram.send_to(b"x", &stream).await, EPROTOTYPE);
        is_error(datagram.connect(&stream), EPROTOTYPE);
        drop(datagram);
        is_error(UnixStream::connect(&message).await, ECONNREFUSED);
    }

    async fn names_without_files_are_apart_for_streams_and_messages() {
        let name = name();
        let listener = UnixListener::bind(&name).unwrap();
        let datagram = UnixDatagram::unbound().unwrap();
        is_error(datagram.connect(&name), ECONNREFUSED);
        let receiver = UnixDatagram::bind(&name).unwrap();
        datagram.send_to(b"x", &name).await.unwrap();
        assert_eq!(receiver.recv(&mut [0; 8]).await.unwrap(), 1);
        drop(listener);
        is_error(UnixStream::connect(&name).await, ECONNREFUSED);
    }

    async fn a_pair_has_no_addresses() {
        let (one, two) = pair();
        for stream in [&one, &two] {
            assert!(stream.local_addr().unwrap().is_unnamed());
            assert!(stream.peer_addr().unwrap().is_unnamed());
        }
        assert!(format!("{one:?}").contains("(unnamed)"));
    }

    async fn addresses_are_those_of_the_standard_library() {
        let std = std::os::unix::net::SocketAddr::from_pathname("/tmp/x").unwrap();
        let addr = SocketAddr::from(std.clone());
        assert_eq!(format!("{addr:?}"), format!("{std:?}"));
        let back = std::os::unix::net::SocketAddr::from(addr.clone());
        assert_eq!(back.as_pathname(), addr.as_pathname());
    }

    async fn both_ends_are_of_this_user() {
        let name = name();
        let listener = UnixListener::bind(&name).unwrap();
        let client = UnixStream::connect(&name).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let cred = client.peer_cred().unwrap();
        assert_eq!(cred, server.peer_cred().unwrap());
        assert!(cred.pid().unwrap() > 1);
        let (one, _two) = pair();
        assert_eq!(one.peer_cred().unwrap(), cred);
        assert_eq!((cred.uid(), cred.gid()), (one.peer_cred().unwrap().uid(), cred.gid()));
    }
}
