//! What paths can be wrong with.

use std::io::ErrorKind;

use simoom::fs::{self, File};
use simoom_tests::both;

use super::{dir, done, number};

both! {
    async fn a_file_is_no_directory_on_the_way() {
        let dir = dir().await;
        fs::write(dir.join("a"), b"").await.unwrap();
        assert_eq!(number(fs::read(dir.join("a/b")).await), libc::ENOTDIR);
        assert_eq!(number(fs::read(dir.join("a/")).await), libc::ENOTDIR);
        assert_eq!(number(fs::write(dir.join("a/b"), b"").await), libc::ENOTDIR);
        assert_eq!(number(fs::create_dir(dir.join("a/b")).await), libc::ENOTDIR);
        assert_eq!(number(fs::remove_dir(dir.join("a")).await), libc::ENOTDIR);
        assert_eq!(number(fs::remove_file(dir.join("a/")).await), libc::ENOTDIR);
        assert_eq!(number(fs::rename(dir.join("a"), dir.join("b/")).await), libc::ENOTDIR);
        assert_eq!(number(fs::try_exists(dir.join("a/b")).await), libc::ENOTDIR);
        done(dir).await;
    }

    async fn names_have_limits() {
        let dir = dir().await;
        fs::write(dir.join("x".repeat(255)), b"").await.unwrap();
        assert_eq!(number(fs::write(dir.join("x".repeat(256)), b"").await), libc::ENAMETOOLONG);
        let long = dir.join("x/".repeat(3_000));
        assert_eq!(number(fs::metadata(long).await), libc::ENAMETOOLONG);
        assert_eq!(number(fs::read("").await), libc::ENOENT);
        assert_eq!(fs::read("a\0b").await.unwrap_err().kind(), ErrorKind::InvalidInput);
        done(dir).await;
    }

    async fn a_new_file_cannot_end_in_a_slash() {
        let dir = dir().await;
        assert_eq!(number(File::create(dir.join("a/")).await), libc::EISDIR);
        assert_eq!(number(fs::symlink("x", dir.join("a/")).await), libc::ENOENT);
        fs::write(dir.join("file"), b"").await.unwrap();
        assert_eq!(number(fs::hard_link(dir.join("file"), dir.join("a/")).await), libc::ENOENT);
        fs::create_dir(dir.join("a/")).await.unwrap();
        done(dir).await;
    }

    async fn the_root_and_dots_stay() {
        let dir = dir().await;
        fs::create_dir(dir.join("a")).await.unwrap();
        assert_eq!(number(fs::remove_dir(dir.join("a/.")).await), libc::EINVAL);
        assert_eq!(number(fs::remove_dir(dir.join("a/..")).await), libc::ENOTEMPTY);
        assert_eq!(number(fs::rename(dir.join("a/."), dir.join("b")).await), libc::EBUSY);
        assert_eq!(number(fs::create_dir("/").await), libc::EEXIST);
        assert_eq!(number(fs::create_dir(dir.join("a/.")).await), libc::EEXIST);
        done(dir).await;
    }
}
