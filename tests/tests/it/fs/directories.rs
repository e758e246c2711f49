//! Directories.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use simoom::fs::{self, DirBuilder};
use simoom_tests::both;

use super::{dir, done, number};

both! {
    async fn directories_are_made_and_removed() {
        let dir = dir().await;
        fs::create_dir(dir.join("a")).await.unwrap();
        assert!(fs::metadata(dir.join("a")).await.unwrap().is_dir());
        assert_eq!(number(fs::create_dir(dir.join("a")).await), libc::EEXIST);
        assert_eq!(number(fs::create_dir(dir.join("b/c")).await), libc::ENOENT);
        fs::create_dir(dir.join("a/b")).await.unwrap();
        assert_eq!(number(fs::remove_dir(dir.join("a")).await), libc::ENOTEMPTY);
        fs::remove_dir(dir.join("a/b")).await.unwrap();
        fs::remove_dir(dir.join("a/")).await.unwrap();
        assert_eq!(number(fs::remove_dir(dir.join("a")).await), libc::ENOENT);
        done(dir).await;
    }

    async fn missing_parents_are_made() {
        let dir = dir().await;
        fs::create_dir_all(dir.join("a/b/c")).await.unwrap();
        fs::create_dir_all(dir.join("a/b/c")).await.unwrap();
        assert!(fs::metadata(dir.join("a/b/c")).await.unwrap().is_dir());
        fs::write(dir.join("file"), b"").await.unwrap();
        assert_eq!(number(fs::create_dir_all(dir.join("file")).await), libc::EEXIST);
        assert_eq!(number(fs::create_dir_all(dir.join("file/a")).await), libc::ENOTDIR);
        done(dir).await;
    }

    async fn a_builder_sets_permissions() {
        let dir = dir().await;
        let mut builder = DirBuilder::new();
        builder.mode(0o700).create(dir.join("a")).await.unwrap();
        assert_eq!(number(builder.create(dir.join("a")).await), libc::EEXIST);
        builder.recursive(true).create(dir.join("a/b/c")).await.unwrap();
        for path in ["a", "a/b", "a/b/c"] {
            let mode = fs::metadata(dir.join(path)).await.unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{path}");
        }
        done(dir).await;
    }

    async fn everything_below_is_removed() {
        let dir = dir().await;
        fs::create_dir_all(dir.join("a/b/c")).await.unwrap();
        fs::write(dir.join("a/b/1"), b"1").await.unwrap();
        fs::write(dir.join("a/2"), b"2").await.unwrap();
        fs::write(dir.join("kept"), b"3").await.unwrap();
        fs::symlink(dir.join("kept"), dir.join("a/link")).await.unwrap();
        fs::remove_dir_all(dir.join("a")).await.unwrap();
        assert!(!fs::try_exists(dir.join("a")).await.unwrap());
        assert_eq!(fs::read(dir.join("kept")).await.unwrap(), b"3");
        assert_eq!(number(fs::remove_dir_all(dir.join("a")).await), libc::ENOENT);
        assert_eq!(number(fs::remove_dir_all(dir.join("kept")).await), libc::ENOTDIR);
        done(dir).await;
    }

    async fn a_listing_has_every_name_once() {
        let dir = dir().await;
        for number in 0..70 {
            fs::write(dir.join(format!("file-{number}")), b"").await.unwrap();
        }
        fs::create_dir(dir.join("dir")).await.unwrap();
        fs::symlink("dir", dir.join("link")).await.unwrap();
        let mut found = BTreeMap::new();
        let mut entries = fs::read_dir(&dir).await.unwrap();
        while let Some(entry) = entries.next_entry().await.unwrap() {
            assert_eq!(entry.path(), dir.join(entry.file_name()));
            let metadata = entry.metadata().await.unwrap();
            assert_eq!(entry.ino(), metadata.ino());
            assert_eq!(entry.file_type().await.unwrap(), metadata.file_type());
            found.insert(entry.file_name(), metadata.file_type());
        }
        assert_eq!(found.len(), 72);
        assert!(found["dir".as_ref() as &std::ffi::OsStr].is_dir());
        assert!(found["link".as_ref() as &std::ffi::OsStr].is_symlink());
        assert_eq!(found.values().filter(|kind| kind.is_file()).count(), 70);
        assert_eq!(number(fs::read_dir(dir.join("none")).await.map(drop)), libc::ENOENT);
        assert_eq!(number(fs::read_dir(dir.join("file-1")).await.map(drop)), libc::ENOTDIR);
        done(dir).await;
    }

    async fn a_directory_moves_with_what_is_in_it() {
        let dir = dir().await;
        fs::create_dir_all(dir.join("a/b")).await.unwrap();
        fs::write(dir.join("a/b/file"), b"1").await.unwrap();
        fs::create_dir(dir.join("empty")).await.unwrap();
        fs::rename(dir.join("a"), dir.join("empty")).await.unwrap();
        assert_eq!(fs::read(dir.join("empty/b/file")).await.unwrap(), b"1");
        assert_eq!(number(fs::rename(dir.join("empty"), dir.join("empty/b/x")).await), libc::EINVAL);
        fs::create_dir_all(dir.join("full/x")).await.unwrap();
        assert_eq!(number(fs::rename(dir.join("empty"), dir.join("full")).await), libc::ENOTEMPTY);
        fs::write(dir.join("file"), b"").await.unwrap();
        assert_eq!(number(fs::rename(dir.join("empty"), dir.join("file")).await), libc::ENOTDIR);
        assert_eq!(number(fs::rename(dir.join("file"), dir.join("empty")).await), libc::EISDIR);
        done(dir).await;
    }

    async fn paths_are_resolved() {
        let dir = dir().await;
        fs::create_dir_all(dir.join("a/b")).await.unwrap();
        fs::write(dir.join("a/file"), b"1").await.unwrap();
        let dir = fs::canonicalize(&dir).await.unwrap();
        let found = fs::canonicalize(dir.join("a/./b/../../a/file")).await.unwrap();
        assert_eq!(found, dir.join("a/file"));
        fs::symlink("a", dir.join("link")).await.unwrap();
        assert_eq!(fs::canonicalize(dir.join("link/b")).await.unwrap(), dir.join("a/b"));
        assert_eq!(number(fs::canonicalize(dir.join("none")).await), libc::ENOENT);
        assert_eq!(fs::read(dir.join("link/../a/file")).await.unwrap(), b"1");
        done(dir).await;
    }
}
