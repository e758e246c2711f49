//! How files are opened.

use std::io::{ErrorKind, SeekFrom};
use std::os::unix::fs::PermissionsExt;

use simoom::fs::{self, File, OpenOptions};
use simoom::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use simoom_tests::both;

use super::{dir, done, number};

both! {
    async fn appending_writes_at_the_end() {
        let dir = dir().await;
        fs::write(dir.join("a"), b"one").await.unwrap();
        let mut one = OpenOptions::new().append(true).open(dir.join("a")).await.unwrap();
        let mut two = OpenOptions::new().read(true).append(true).open(dir.join("a")).await.unwrap();
        one.write_all(b" two").await.unwrap();
        one.flush().await.unwrap();
        two.seek(SeekFrom::Start(0)).await.unwrap();
        two.write_all(b" three").await.unwrap();
        two.flush().await.unwrap();
        assert_eq!(two.stream_position().await.unwrap(), 13);
        assert_eq!(fs::read(dir.join("a")).await.unwrap(), b"one two three");
        done(dir).await;
    }

    async fn create_new_is_the_only_one_that_makes() {
        let dir = dir().await;
        let path = dir.join("a");
        let mut file = File::create_new(&path).await.unwrap();
        file.write_all(b"1").await.unwrap();
        file.flush().await.unwrap();
        assert_eq!(number(File::create_new(&path).await), libc::EEXIST);
        fs::symlink("none", dir.join("link")).await.unwrap();
        assert_eq!(number(File::create_new(dir.join("link")).await), libc::EEXIST);
        let mut options = OpenOptions::new();
        options.write(true).create(true);
        drop(options.open(&path).await.unwrap());
        assert_eq!(fs::read(&path).await.unwrap(), b"1", "nothing was cut off");
        drop(options.truncate(true).open(&path).await.unwrap());
        assert_eq!(fs::read(&path).await.unwrap(), b"");
        done(dir).await;
    }

    async fn a_new_file_has_the_mode_asked_for() {
        let dir = dir().await;
        let mut options = OpenOptions::new();
        options.write(true).create(true).mode(0o600);
        drop(options.open(dir.join("a")).await.unwrap());
        let mode = fs::metadata(dir.join("a")).await.unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        done(dir).await;
    }

    async fn options_that_do_not_go_together_are_refused() {
        let dir = dir().await;
        let path = dir.join("a");
        let mut all = vec![OpenOptions::new()];
        all.push({ let mut it = OpenOptions::new(); it.read(true).create(true); it });
        all.push({ let mut it = OpenOptions::new(); it.read(true).truncate(true); it });
        all.push({ let mut it = OpenOptions::new(); it.append(true).truncate(true); it });
        all.push({ let mut it = OpenOptions::new(); it.create_new(true); it });
        for options in all {
            let error = options.open(&path).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{options:?}");
        }
        assert!(!fs::try_exists(&path).await.unwrap());
        done(dir).await;
    }

    async fn flags_of_the_system_work() {
        let dir = dir().await;
        fs::write(dir.join("a"), b"1").await.unwrap();
        fs::symlink("a", dir.join("link")).await.unwrap();
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(libc::O_NOFOLLOW);
        assert_eq!(number(options.open(dir.join("link")).await), libc::ELOOP);
        options.custom_flags(libc::O_DIRECTORY);
        assert_eq!(number(options.open(dir.join("a")).await), libc::ENOTDIR);
        drop(options.open(&dir).await.unwrap());
        let mut options = OpenOptions::new();
        options.write(true).custom_flags(libc::O_DSYNC);
        let mut file = options.open(dir.join("link")).await.unwrap();
        file.write_all(b"2").await.unwrap();
        file.flush().await.unwrap();
        assert_eq!(fs::read(dir.join("a")).await.unwrap(), b"2");
        done(dir).await;
    }

    async fn a_file_open_for_one_thing_refuses_the_other() {
        let dir = dir().await;
        fs::write(dir.join("a"), b"1").await.unwrap();
        let mut reader = File::open(dir.join("a")).await.unwrap();
        assert_eq!(reader.read(&mut [0; 4]).await.unwrap(), 1);
        assert_eq!(number(reader.write_at(b"2", 0).await), libc::EBADF);
        let writer = OpenOptions::new().write(true).open(dir.join("a")).await.unwrap();
        assert_eq!(number(writer.read_at(&mut [0; 4], 0).await), libc::EBADF);
        done(dir).await;
    }
}
