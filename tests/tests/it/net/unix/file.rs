//! The files of sockets, as other files are.

use std::os::unix::fs::FileTypeExt;

use simoom::fs;
use simoom::net::{UnixDatagram, UnixListener, UnixSocket, UnixStream};
use simoom_tests::both;

use super::errno::{EADDRINUSE, ECONNREFUSED, ENOENT, ENOTDIR, ENXIO};
use super::{Place, is_error, is_path};

both! {
    async fn a_file_that_was_removed_can_be_bound_again() {
        let place = Place::new();
        let first = UnixListener::bind(&place).unwrap();
        let early = UnixStream::connect(&place).await.unwrap();
        fs::remove_file(&place).await.unwrap();
        is_error(UnixStream::connect(&place).await, ENOENT);
        let second = UnixListener::bind(&place).unwrap();
        UnixStream::connect(&place).await.unwrap();
        // The first one goes on, and leaves the second one's file alone.
        first.accept().await.unwrap();
        assert!(is_path(&first.local_addr().unwrap(), place.path()));
        drop((first, early));
        second.accept().await.unwrap();
        UnixStream::connect(&place).await.unwrap();
    }

    async fn a_file_can_be_moved_and_linked() {
        let (place, moved, linked) = (Place::new(), Place::new(), Place::new());
        let listener = UnixListener::bind(&place).unwrap();
        fs::rename(&place, &moved).await.unwrap();
        is_error(UnixStream::connect(&place).await, ENOENT);
        let client = UnixStream::connect(&moved).await.unwrap();
        assert!(is_path(&client.peer_addr().unwrap(), place.path()), "its name stays");
        fs::symlink(&moved, &linked).await.unwrap();
        UnixStream::connect(&linked).await.unwrap();
        is_error(UnixListener::bind(&linked), EADDRINUSE);
        fs::hard_link(&moved, &place).await.unwrap();
        UnixStream::connect(&place).await.unwrap();
        for _ in 0..3 {
            listener.accept().await.unwrap();
        }
    }

    async fn a_file_of_a_socket_is_one() {
        let place = Place::new();
        let _listener = UnixListener::bind(&place).unwrap();
        let metadata = fs::metadata(&place).await.unwrap();
        assert!(metadata.file_type().is_socket());
        assert!(!metadata.is_file() && !metadata.is_dir());
        assert_eq!(metadata.len(), 0);
        is_error(fs::read(&place).await, ENXIO);
        is_error(fs::write(&place, b"x").await, ENXIO);
    }

    async fn other_files_are_no_sockets() {
        let (file, dir) = (Place::new(), Place::new());
        fs::write(&file, b"x").await.unwrap();
        fs::create_dir(&dir).await.unwrap();
        for place in [&file, &dir] {
            is_error(UnixListener::bind(place), EADDRINUSE);
            is_error(UnixStream::connect(place).await, ECONNREFUSED);
            is_error(UnixDatagram::unbound().unwrap().send_to(b"x", place).await, ECONNREFUSED);
        }
        is_error(UnixListener::bind(file.path().join("x")), ENOTDIR);
        is_error(UnixStream::connect(file.path().join("x")).await, ENOTDIR);
        is_error(UnixListener::bind(dir.path().join("none").join("x")), ENOENT);
        is_error(UnixListener::bind(dir.path().join("new/")), ENOENT);
        fs::remove_dir(&dir).await.unwrap();
    }

    async fn str_11_a_bound_socket_that_goes_leaves_its_file() {
        let place = Place::new();
        let socket = UnixSocket::new_stream().unwrap();
        socket.bind(&place).unwrap();
        drop(socket);
        is_error(UnixStream::connect(&place).await, ECONNREFUSED);
        is_error(UnixListener::bind(&place), EADDRINUSE);
        fs::remove_file(&place).await.unwrap();
        UnixListener::bind(&place).unwrap();
    }
}
