//! In which order operations of one file take effect.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use simoom::fs::{self, File};
use simoom::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use simoom_tests::both;

use super::{dir, done};

/// Polls once, and gives the future up.
fn start<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

both! {
    async fn dropped_operations_happen_before_the_next() {
        let dir = dir().await;
        for _ in 0..5 {
            let file = File::create_new(dir.join("a")).await.unwrap();
            let mut started = 0;
            for number in 0..20_u8 {
                // One that was not even started does not happen.
                if matches!(start(file.write_at(&[number; 64], 0)), Poll::Pending) {
                    started += 1;
                }
            }
            assert!(started <= 20);
            file.write_all_at(b"last", 0).await.unwrap();
            let mut four = [0; 4];
            file.read_exact_at(&mut four, 0).await.unwrap();
            assert_eq!(&four, b"last");
            drop(file);
            assert_eq!(&fs::read(dir.join("a")).await.unwrap()[..4], b"last");
            fs::remove_file(dir.join("a")).await.unwrap();
        }
        done(dir).await;
    }

    async fn positions_and_cursor_keep_their_order() {
        let dir = dir().await;
        let mut file = File::create_new(dir.join("a")).await.unwrap();
        file.write_all(b"cursor").await.unwrap();
        file.write_all_at(b"PLACE", 0).await.unwrap();
        file.rewind().await.unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "PLACEr");
        done(dir).await;
    }

    async fn an_operation_that_was_never_polled_does_nothing() {
        let dir = dir().await;
        drop(fs::write(dir.join("a"), b"1"));
        drop(fs::create_dir(dir.join("b")));
        simoom_tests::settle().await;
        assert!(!fs::try_exists(dir.join("a")).await.unwrap());
        assert!(!fs::try_exists(dir.join("b")).await.unwrap());
        done(dir).await;
    }

    async fn syncing_covers_writes_that_are_under_way() {
        let dir = dir().await;
        let mut file = File::create(dir.join("a")).await.unwrap();
        file.write_all(&[1; 200_000]).await.unwrap();
        file.sync_all().await.unwrap();
        assert_eq!(fs::metadata(dir.join("a")).await.unwrap().len(), 200_000);
        done(dir).await;
    }
}
