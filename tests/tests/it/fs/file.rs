//! Open files: one cursor, and a buffer.

use std::io::{ErrorKind, IoSlice, SeekFrom};

use simoom::fs::{self, File, OpenOptions};
use simoom::io::{AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, AsyncWriteExt, BufReader};
use simoom_tests::both;

use super::{dir, done, number};

both! {
    async fn a_file_is_written_and_read_with_one_cursor() {
        let dir = dir().await;
        let mut file = File::create_new(dir.join("a")).await.unwrap();
        file.write_all(b"dunes").await.unwrap();
        assert_eq!(file.stream_position().await.unwrap(), 5);
        assert_eq!(file.seek(SeekFrom::Start(1)).await.unwrap(), 1);
        let mut two = [0; 2];
        file.read_exact(&mut two).await.unwrap();
        assert_eq!(&two, b"un");
        assert_eq!(file.stream_position().await.unwrap(), 3);
        file.write_all(b"K").await.unwrap();
        assert_eq!(file.seek(SeekFrom::Current(0)).await.unwrap(), 4);
        assert_eq!(file.seek(SeekFrom::End(-2)).await.unwrap(), 3);
        let mut rest = String::new();
        file.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "Ks");
        assert_eq!(file.read(&mut two).await.unwrap(), 0, "the end");
        done(dir).await;
    }

    async fn reading_ahead_does_not_move_what_is_written() {
        let dir = dir().await;
        fs::write(dir.join("a"), b"0123456789").await.unwrap();
        let mut file = OpenOptions::new().read(true).write(true).open(dir.join("a")).await.unwrap();
        let mut three = [0; 3];
        file.read_exact(&mut three).await.unwrap();
        // A read that is dropped keeps its bytes for the next; the cursor is the user's.
        {
            let mut ten = [0; 10];
            let read = file.read(&mut ten);
            simoom_tests::settle().await;
            drop(read);
        }
        file.write_all(b"x").await.unwrap();
        file.flush().await.unwrap();
        assert_eq!(fs::read(dir.join("a")).await.unwrap(), b"012x456789");
        let mut rest = Vec::new();
        file.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"456789");
        done(dir).await;
    }

    async fn a_cancelled_read_loses_no_bytes() {
        let dir = dir().await;
        let text: String = (0..2_000).map(|number| format!("{number}\n")).collect();
        fs::write(dir.join("a"), &text).await.unwrap();
        let mut file = File::open(dir.join("a")).await.unwrap();
        let mut found = String::new();
        let mut buf = [0; 300];
        loop {
            let mut read = std::pin::pin!(file.read(&mut buf));
            let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
            // Polled once, and dropped if it is not ready.
            let polled = read.as_mut().poll(&mut cx);
            match polled {
                std::task::Poll::Ready(count) => match count.unwrap() {
                    0 => break,
                    count => found.push_str(std::str::from_utf8(&buf[..count]).unwrap()),
                },
                std::task::Poll::Pending => simoom_tests::settle().await,
            }
        }
        assert_eq!(found, text);
        done(dir).await;
    }

    async fn flush_waits_for_the_write() {
        let dir = dir().await;
        let mut file = File::create(dir.join("a")).await.unwrap();
        file.write_all(&[5; 100_000]).await.unwrap();
        file.flush().await.unwrap();
        assert_eq!(fs::metadata(dir.join("a")).await.unwrap().len(), 100_000);
        done(dir).await;
    }

    async fn a_write_that_failed_is_told_by_the_next() {
        let dir = dir().await;
        fs::write(dir.join("a"), b"").await.unwrap();
        let mut file = File::open(dir.join("a")).await.unwrap();
        file.write_all(b"1").await.unwrap();
        assert_eq!(number(file.flush().await), libc::EBADF);
        file.flush().await.unwrap();
        assert_eq!(file.write(b"2").await.unwrap(), 1);
        assert_eq!(number(file.write(b"3").await), libc::EBADF);
        let mut file = File::create(dir.join("a")).await.unwrap();
        assert_eq!(number(file.read(&mut [0; 4]).await), libc::EBADF);
        done(dir).await;
    }

    async fn a_failed_write_is_told_by_a_sync() {
        let dir = dir().await;
        fs::write(dir.join("a"), b"").await.unwrap();
        let mut file = File::open(dir.join("a")).await.unwrap();
        file.write_all(b"1").await.unwrap();
        assert_eq!(number(file.sync_all().await), libc::EBADF);
        file.sync_all().await.unwrap();
        file.flush().await.unwrap();
        file.write_all(b"2").await.unwrap();
        assert_eq!(number(file.sync_data().await), libc::EBADF);
        done(dir).await;
    }

    async fn the_buffer_has_a_size() {
        let dir = dir().await;
        let mut file = File::create_new(dir.join("a")).await.unwrap();
        assert_eq!(file.max_buf_size(), 2 * 1024 * 1024);
        file.set_max_buf_size(100);
        assert_eq!(file.write(&[1; 1_000]).await.unwrap(), 100);
        file.write_all(&[2; 1_000]).await.unwrap();
        file.rewind().await.unwrap();
        assert!(file.read(&mut [0; 1_000]).await.unwrap() <= 100);
        assert_eq!(file.metadata().await.unwrap().len(), 1_100);
        assert_eq!(file.try_clone().await.unwrap().max_buf_size(), 100);
        done(dir).await;
    }

    async fn vectored_writes_are_joined() {
        let dir = dir().await;
        let mut file = File::create(dir.join("a")).await.unwrap();
        let parts = [IoSlice::new(b"one "), IoSlice::new(b""), IoSlice::new(b"two")];
        assert_eq!(file.write_vectored(&parts).await.unwrap(), 7);
        assert_eq!(file.write(b"").await.unwrap(), 0);
        file.flush().await.unwrap();
        assert_eq!(fs::read(dir.join("a")).await.unwrap(), b"one two");
        done(dir).await;
    }

    async fn set_len_cuts_and_fills() {
        let dir = dir().await;
        let mut file = File::create_new(dir.join("a")).await.unwrap();
        file.write_all(b"0123456789").await.unwrap();
        file.set_len(4).await.unwrap();
        file.set_len(6).await.unwrap();
        assert_eq!(file.metadata().await.unwrap().len(), 6);
        file.rewind().await.unwrap();
        let mut one = [0; 1];
        file.read_exact(&mut one).await.unwrap();
        // What was read ahead does not outlive a cut.
        file.set_len(3).await.unwrap();
        let mut rest = Vec::new();
        file.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"12");
        file.set_len(1 << 40).await.unwrap();
        assert_eq!(file.metadata().await.unwrap().len(), 1 << 40);
        assert_eq!(file.set_len(u64::MAX).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        let reader = File::open(dir.join("a")).await.unwrap();
        assert_eq!(number(reader.set_len(1).await), libc::EINVAL);
        done(dir).await;
    }

    async fn holes_are_zeros() {
        let dir = dir().await;
        let mut file = File::create_new(dir.join("a")).await.unwrap();
        file.seek(SeekFrom::Start(10_000)).await.unwrap();
        file.write_all(b"end").await.unwrap();
        file.rewind().await.unwrap();
        let mut all = Vec::new();
        file.read_to_end(&mut all).await.unwrap();
        assert_eq!(all.len(), 10_003);
        assert!(all[..10_000].iter().all(|&byte| byte == 0));
        assert_eq!(&all[10_000..], b"end");
        done(dir).await;
    }

    async fn a_seek_before_the_start_is_an_error() {
        let dir = dir().await;
        let mut file = File::create_new(dir.join("a")).await.unwrap();
        file.write_all(b"12345").await.unwrap();
        assert_eq!(number(file.seek(SeekFrom::Current(-6)).await), libc::EINVAL);
        assert_eq!(file.stream_position().await.unwrap(), 5);
        assert_eq!(file.seek(SeekFrom::Start(100)).await.unwrap(), 100);
        assert_eq!(file.read(&mut [0; 4]).await.unwrap(), 0);
        done(dir).await;
    }

    async fn clones_share_the_cursor() {
        let dir = dir().await;
        let mut one = File::create_new(dir.join("a")).await.unwrap();
        one.write_all(b"0123456789").await.unwrap();
        one.flush().await.unwrap();
        let mut two = one.try_clone().await.unwrap();
        assert_eq!(two.seek(SeekFrom::Start(2)).await.unwrap(), 2);
        assert_eq!(one.seek(SeekFrom::Current(1)).await.unwrap(), 3);
        drop(one);
        two.write_all(b"x").await.unwrap();
        two.flush().await.unwrap();
        assert_eq!(fs::read(dir.join("a")).await.unwrap(), b"012x456789");
        done(dir).await;
    }

    async fn a_removed_file_lives_while_it_is_open() {
        let dir = dir().await;
        let mut file = File::create_new(dir.join("a")).await.unwrap();
        file.write_all(b"one").await.unwrap();
        file.flush().await.unwrap();
        fs::remove_file(dir.join("a")).await.unwrap();
        fs::write(dir.join("a"), b"another").await.unwrap();
        file.write_all(b" two").await.unwrap();
        file.rewind().await.unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "one two");
        assert_eq!(fs::read(dir.join("a")).await.unwrap(), b"another");
        done(dir).await;
    }

    async fn lines_are_read_through_a_buffer() {
        let dir = dir().await;
        fs::write(dir.join("a"), "one\ntwo\nthree").await.unwrap();
        let file = BufReader::new(File::open(dir.join("a")).await.unwrap());
        let mut lines = file.lines();
        let mut found = Vec::new();
        while let Some(line) = lines.next_line().await.unwrap() {
            found.push(line);
        }
        assert_eq!(found, ["one", "two", "three"]);
        done(dir).await;
    }

    async fn a_file_that_is_dropped_is_written_all_the_same() {
        let dir = dir().await;
        {
            let mut file = File::create(dir.join("a")).await.unwrap();
            file.write_all(b"nobody flushed").await.unwrap();
        }
        while fs::read(dir.join("a")).await.unwrap() != b"nobody flushed" {
            simoom_tests::settle().await;
        }
        done(dir).await;
    }

    async fn an_open_directory_can_be_asked_and_not_read() {
        let dir = dir().await;
        let mut open = File::open(&dir).await.unwrap();
        assert!(open.metadata().await.unwrap().is_dir());
        assert_eq!(number(open.read(&mut [0; 4]).await), libc::EISDIR);
        assert_eq!(number(File::create(&dir).await), libc::EISDIR);
        done(dir).await;
    }

    async fn files_and_operations_are_sent_to_other_tasks() {
        let dir = dir().await;
        let mut file = File::create_new(dir.join("a")).await.unwrap();
        let task = simoom::spawn(async move {
            file.write_all(b"elsewhere").await.unwrap();
            file.flush().await.unwrap();
            file
        });
        let file = task.await.unwrap();
        let asked = file.metadata();
        let task = simoom::spawn(async move { asked.await.unwrap().len() });
        assert_eq!(task.await.unwrap(), 9);
        done(dir).await;
    }
}
