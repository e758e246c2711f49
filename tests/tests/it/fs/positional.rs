//! Reading and writing at places of one's own.

use std::io::{ErrorKind, SeekFrom};
use std::sync::Arc;

use simoom::fs::{self, File, OpenOptions};
use simoom::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use simoom_tests::both;

use super::{dir, done};

both! {
    async fn the_cursor_stays() {
        let dir = dir().await;
        let mut file = File::create_new(dir.join("a")).await.unwrap();
        file.write_all(b"0123456789").await.unwrap();
        file.seek(SeekFrom::Start(2)).await.unwrap();
        let mut three = [0; 3];
        file.read_exact_at(&mut three, 6).await.unwrap();
        assert_eq!(&three, b"678");
        assert_eq!(file.write_at(b"ab", 0).await.unwrap(), 2);
        file.read_exact(&mut three).await.unwrap();
        assert_eq!(&three, b"234");
        assert_eq!(fs::read(dir.join("a")).await.unwrap(), b"ab23456789");
        done(dir).await;
    }

    async fn the_end_is_the_end() {
        let dir = dir().await;
        let file = File::create_new(dir.join("a")).await.unwrap();
        file.write_all_at(b"12345", 3).await.unwrap();
        let mut ten = [9; 10];
        assert_eq!(file.read_at(&mut ten, 8).await.unwrap(), 0);
        assert_eq!(file.read_at(&mut ten, 1 << 40).await.unwrap(), 0);
        assert_eq!(file.read_at(&mut [], 0).await.unwrap(), 0);
        let error = file.read_exact_at(&mut ten, 0).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        let mut eight = [9; 8];
        file.read_exact_at(&mut eight, 0).await.unwrap();
        assert_eq!(&eight, b"\0\0\x0012345");
        done(dir).await;
    }

    async fn many_tasks_read_one_file() {
        let dir = dir().await;
        let file = File::create_new(dir.join("a")).await.unwrap();
        for number in 0..16_u8 {
            file.write_all_at(&[number; 50], u64::from(number) * 50).await.unwrap();
        }
        let file = Arc::new(file);
        let tasks: Vec<_> = (0..16_u8)
            .map(|number| {
                let file = file.clone();
                simoom::spawn(async move {
                    let mut bytes = [0; 50];
                    file.read_exact_at(&mut bytes, u64::from(number) * 50).await.unwrap();
                    assert_eq!(bytes, [number; 50]);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        done(dir).await;
    }

    async fn what_was_read_ahead_is_read_again_after_a_write_there() {
        let dir = dir().await;
        fs::write(dir.join("a"), b"0123456789").await.unwrap();
        let mut file = OpenOptions::new().read(true).write(true).open(dir.join("a")).await.unwrap();
        let mut one = [0; 1];
        file.read_exact(&mut one).await.unwrap();
        file.write_all_at(b"x", 1).await.unwrap();
        file.read_exact(&mut one).await.unwrap();
        assert_eq!(&one, b"x");
        done(dir).await;
    }
}
