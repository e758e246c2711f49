//! Whole files at once.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;

use simoom::fs;
use simoom_tests::both;

use super::{dir, done, number};

both! {
    async fn what_is_written_is_read() {
        let dir = dir().await;
        let path = dir.join("a");
        fs::write(&path, b"one").await.unwrap();
        assert_eq!(fs::read(&path).await.unwrap(), b"one");
        fs::write(&path, "2").await.unwrap();
        assert_eq!(fs::read_to_string(&path).await.unwrap(), "2");
        fs::write(&path, b"").await.unwrap();
        assert_eq!(fs::read(&path).await.unwrap(), b"");
        done(dir).await;
    }

    async fn a_large_file_is_whole() {
        let dir = dir().await;
        let bytes: Vec<_> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
        fs::write(dir.join("a"), &bytes).await.unwrap();
        assert!(fs::read(dir.join("a")).await.unwrap() == bytes);
        done(dir).await;
    }

    async fn text_that_is_not_utf_8_is_an_error() {
        let dir = dir().await;
        fs::write(dir.join("a"), b"\xff\xfe").await.unwrap();
        let error = fs::read_to_string(dir.join("a")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        done(dir).await;
    }

    async fn a_copy_has_content_and_permissions() {
        let dir = dir().await;
        let (from, to) = (dir.join("from"), dir.join("to"));
        fs::write(&from, b"grain").await.unwrap();
        fs::set_permissions(&from, std::fs::Permissions::from_mode(0o750)).await.unwrap();
        fs::write(&to, b"something longer").await.unwrap();
        assert_eq!(fs::copy(&from, &to).await.unwrap(), 5);
        assert_eq!(fs::read(&to).await.unwrap(), b"grain");
        let mode = fs::metadata(&to).await.unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o750);
        let error = fs::copy(&dir, &to).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(number(fs::copy(dir.join("none"), &to).await), libc::ENOENT);
        done(dir).await;
    }

    async fn a_removed_file_is_gone() {
        let dir = dir().await;
        fs::write(dir.join("a"), b"1").await.unwrap();
        assert!(fs::try_exists(dir.join("a")).await.unwrap());
        fs::remove_file(dir.join("a")).await.unwrap();
        assert!(!fs::try_exists(dir.join("a")).await.unwrap());
        assert_eq!(number(fs::remove_file(dir.join("a")).await), libc::ENOENT);
        assert_eq!(number(fs::read(dir.join("a")).await), libc::ENOENT);
        assert_eq!(number(fs::remove_file(&dir).await), libc::EISDIR);
        done(dir).await;
    }

    async fn a_rename_replaces() {
        let dir = dir().await;
        let (old, new) = (dir.join("old"), dir.join("new"));
        fs::write(&old, b"1").await.unwrap();
        fs::write(&new, b"2").await.unwrap();
        fs::rename(&new, &old).await.unwrap();
        assert_eq!(fs::read(&old).await.unwrap(), b"2");
        assert_eq!(number(fs::rename(&new, &old).await), libc::ENOENT);
        fs::rename(&old, &old).await.unwrap();
        assert_eq!(fs::read(&old).await.unwrap(), b"2");
        done(dir).await;
    }

    async fn write_atomic_replaces_and_leaves_nothing_else() {
        let dir = dir().await;
        let path = dir.join("settings");
        fs::write_atomic(&path, b"one").await.unwrap();
        assert_eq!(fs::read(&path).await.unwrap(), b"one");
        fs::write_atomic(&path, vec![7; 100_000]).await.unwrap();
        assert_eq!(fs::read(&path).await.unwrap(), [7; 100_000]);
        let mut entries = fs::read_dir(&dir).await.unwrap();
        assert_eq!(entries.next_entry().await.unwrap().unwrap().file_name(), "settings");
        assert!(entries.next_entry().await.unwrap().is_none());
        done(dir).await;
    }

    async fn write_atomic_that_fails_leaves_nothing() {
        let dir = dir().await;
        fs::create_dir(dir.join("taken")).await.unwrap();
        let failed = fs::write_atomic(dir.join("taken"), b"one").await;
        assert_eq!(number(failed), libc::EISDIR);
        let failed = fs::write_atomic(dir.join("none/a"), b"one").await;
        assert_eq!(number(failed), libc::ENOENT);
        assert_eq!(fs::write_atomic("/", b"").await.unwrap_err().kind(), ErrorKind::InvalidInput);
        let mut entries = fs::read_dir(&dir).await.unwrap();
        assert_eq!(entries.next_entry().await.unwrap().unwrap().file_name(), "taken");
        assert!(entries.next_entry().await.unwrap().is_none());
        done(dir).await;
    }

    async fn a_directory_can_be_synced_in_both_ways() {
        let dir = dir().await;
        fs::write(dir.join("a"), b"1").await.unwrap();
        fs::sync_dir(&dir).await.unwrap();
        let open = fs::File::open(&dir).await.unwrap();
        open.sync_all().await.unwrap();
        open.sync_data().await.unwrap();
        assert_eq!(number(fs::sync_dir(dir.join("a")).await), libc::ENOTDIR);
        assert_eq!(number(fs::sync_dir(dir.join("b")).await), libc::ENOENT);
        done(dir).await;
    }
}
