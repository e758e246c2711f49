//! Hard and symbolic links.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use simoom::fs;
use simoom_tests::both;

use super::{dir, done, number};

both! {
    async fn a_hard_link_is_the_same_file() {
        let dir = dir().await;
        let (one, two) = (dir.join("one"), dir.join("two"));
        fs::write(&one, b"1").await.unwrap();
        fs::hard_link(&one, &two).await.unwrap();
        fs::write(&two, b"2").await.unwrap();
        assert_eq!(fs::read(&one).await.unwrap(), b"2");
        let metadata = fs::metadata(&one).await.unwrap();
        assert_eq!(metadata.nlink(), 2);
        assert_eq!(metadata.ino(), fs::metadata(&two).await.unwrap().ino());
        fs::rename(&one, &two).await.unwrap();
        assert!(fs::try_exists(&one).await.unwrap(), "two names of one file stay");
        fs::remove_file(&one).await.unwrap();
        assert_eq!(fs::metadata(&two).await.unwrap().nlink(), 1);
        assert_eq!(number(fs::hard_link(&one, &two).await), libc::ENOENT);
        assert_eq!(number(fs::hard_link(&two, &two).await), libc::EEXIST);
        assert_eq!(number(fs::hard_link(&dir, dir.join("x")).await), libc::EPERM);
        done(dir).await;
    }

    async fn a_symbolic_link_stands_for_its_target() {
        let dir = dir().await;
        let link = dir.join("link");
        fs::symlink("target", &link).await.unwrap();
        assert_eq!(fs::read_link(&link).await.unwrap(), Path::new("target"));
        assert!(!fs::try_exists(&link).await.unwrap());
        assert!(fs::symlink_metadata(&link).await.unwrap().is_symlink());
        assert_eq!(fs::symlink_metadata(&link).await.unwrap().len(), 6);
        assert_eq!(number(fs::read(&link).await), libc::ENOENT);
        fs::write(&link, b"through").await.unwrap();
        assert_eq!(fs::read(dir.join("target")).await.unwrap(), b"through");
        assert!(fs::metadata(&link).await.unwrap().is_file());
        fs::remove_file(&link).await.unwrap();
        assert_eq!(fs::read(dir.join("target")).await.unwrap(), b"through");
        assert_eq!(number(fs::read_link(dir.join("target")).await), libc::EINVAL);
        assert_eq!(number(fs::symlink("x", dir.join("target")).await), libc::EEXIST);
        done(dir).await;
    }

    async fn links_in_a_circle_are_an_error() {
        let dir = dir().await;
        fs::symlink("b", dir.join("a")).await.unwrap();
        fs::symlink("a", dir.join("b")).await.unwrap();
        assert_eq!(number(fs::read(dir.join("a")).await), libc::ELOOP);
        assert_eq!(number(fs::metadata(dir.join("a/x")).await), libc::ELOOP);
        assert_eq!(number(fs::try_exists(dir.join("a")).await), libc::ELOOP);
        done(dir).await;
    }

    async fn a_link_to_a_directory_is_removed_itself() {
        let dir = dir().await;
        fs::create_dir(dir.join("a")).await.unwrap();
        fs::write(dir.join("a/file"), b"1").await.unwrap();
        fs::symlink("a", dir.join("link")).await.unwrap();
        assert_eq!(number(fs::remove_dir(dir.join("link")).await), libc::ENOTDIR);
        fs::remove_dir_all(dir.join("link")).await.unwrap();
        assert_eq!(fs::read(dir.join("a/file")).await.unwrap(), b"1");
        done(dir).await;
    }
}
