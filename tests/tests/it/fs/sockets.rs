//! The files of Unix sockets.

use std::os::unix::fs::FileTypeExt;

use simoom::fs::{self, File};
use simoom::net::{UnixListener, UnixStream};
use simoom_tests::both;

use super::{dir, done, number};

both! {
    async fn a_socket_has_a_file() {
        let dir = dir().await;
        let path = dir.join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        assert!(fs::metadata(&path).await.unwrap().file_type().is_socket());
        assert_eq!(number(File::open(&path).await), libc::ENXIO);
        assert_eq!(number(UnixListener::bind(&path)), libc::EADDRINUSE);
        UnixStream::connect(&path).await.unwrap();
        drop(listener);
        assert!(fs::try_exists(&path).await.unwrap(), "it outlives the socket");
        assert_eq!(number(UnixStream::connect(&path).await), libc::ECONNREFUSED);
        fs::remove_file(&path).await.unwrap();
        assert_eq!(number(UnixStream::connect(&path).await), libc::ENOENT);
        let listener = UnixListener::bind(&path).unwrap();
        UnixStream::connect(&path).await.unwrap();
        drop(listener);
        done(dir).await;
    }

    async fn a_socket_needs_a_free_name_in_a_directory() {
        let dir = dir().await;
        fs::write(dir.join("file"), b"").await.unwrap();
        assert_eq!(number(UnixListener::bind(dir.join("file"))), libc::EADDRINUSE);
        assert_eq!(number(UnixListener::bind(dir.join("none/socket"))), libc::ENOENT);
        assert_eq!(number(UnixListener::bind(dir.join("file/socket"))), libc::ENOTDIR);
        done(dir).await;
    }

    async fn a_socket_moves_with_its_file() {
        let dir = dir().await;
        let listener = UnixListener::bind(dir.join("new")).unwrap();
        let old = UnixListener::bind(dir.join("socket")).unwrap();
        fs::rename(dir.join("new"), dir.join("socket")).await.unwrap();
        UnixStream::connect(dir.join("socket")).await.unwrap();
        listener.accept().await.unwrap();
        drop(old);
        UnixStream::connect(dir.join("socket")).await.unwrap();
        assert_eq!(number(UnixStream::connect(dir.join("new")).await), libc::ENOENT);
        done(dir).await;
    }
}
