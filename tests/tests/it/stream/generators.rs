//! Functions that yield. The numbers are those of what asyncio promises of its own.

use std::pin::pin;

use async_stream::{stream, try_stream};
use futures::{FutureExt, StreamExt as _, TryStreamExt};
use simoom::stream::{Stream, StreamExt};
use simoom::sync::mpsc;
use simoom::task::{catch_cancel, closing, yield_now};
use simoom::time::{Duration, sleep, timeout};
use simoom_tests::{DropFlag, both, settle};

const MS: Duration = Duration::from_millis(1);

/// The numbers up to `end`, with a guard that is held while the function runs.
fn records(end: u32, ended: &DropFlag) -> impl Stream<Item = u32> + use<> {
    let held = ended.guard();
    stream! {
        let _held = held;
        for record in 0..end {
            yield_now().await;
            yield record;
        }
    }
}

both! {
    async fn gen_1_a_generator_runs_to_its_end() {
        let ended = DropFlag::default();
        let mut records = pin!(records(100, &ended));
        let mut sum = 0;
        while let Some(record) = records.next().await {
            sum += record;
        }
        assert_eq!(sum, 4_950);
        assert!(ended.is_set(), "the function has returned");
        assert_eq!(records.next().await, None);
    }

    async fn gen_1_a_loop_that_breaks_leaves_it_where_it_is() {
        let ended = DropFlag::default();
        let mut records = Box::pin(records(100, &ended));
        while let Some(record) = records.next().await {
            if record == 2 {
                break;
            }
        }
        assert!(!ended.is_set());
        assert_eq!(records.next().await, Some(3));
        drop(records);
        assert!(ended.is_set());
    }

    async fn gen_1_a_generator_that_must_clean_up_is_closed() {
        let (notes, mut noted) = mpsc::unbounded_channel();
        let ended = DropFlag::default();
        let first = closing(
            Box::pin(records(100, &ended)),
            async |records| records.next().await.ok_or("no records"),
            async move |records| {
                drop(records);
                sleep(MS).await;
                notes.send("closed").map_err(|_| "nobody listens")
            },
        );
        assert_eq!(first.await, Ok(0));
        assert!(ended.is_set());
        assert_eq!(noted.recv().await, Some("closed"));
    }

    async fn gen_2_a_generator_ends_with_its_task() {
        for is_asked in [true, false] {
            let ended = DropFlag::default();
            let mut records = Box::pin(records(2, &ended));
            let task = simoom::spawn(async move {
                records.next().await;
                sleep(3_600_000 * MS).await;
                records.next().await
            });
            settle().await;
            assert!(!ended.is_set());
            if is_asked {
                task.cancel();
            } else {
                task.abort();
            }
            assert!(task.await.unwrap_err().is_cancelled());
            assert!(ended.is_set());
        }
    }

    async fn gen_2_a_request_reaches_the_function() {
        let (notes, mut noted) = mpsc::unbounded_channel();
        let generator = stream! {
            yield 1;
            if catch_cancel(sleep(3_600_000 * MS)).await.is_err() {
                notes.send("asked").unwrap();
                yield 2;
            }
        };
        let task = simoom::spawn(generator.collect::<Vec<_>>());
        settle().await;
        task.cancel();
        assert_eq!(task.await.unwrap(), [1, 2]);
        assert_eq!(noted.recv().await, Some("asked"));
    }

    async fn gen_3_a_wait_for_an_item_may_be_given_up() {
        let mut slow = pin!(stream! {
            for number in 0..3 {
                sleep(5 * MS).await;
                yield number;
            }
        });
        // To ask twice at the same time does not compile: asking borrows the stream.
        assert!(slow.next().now_or_never().is_none());
        let mut numbers = Vec::new();
        loop {
            match timeout(MS, slow.next()).await {
                Ok(Some(number)) => numbers.push(number),
                Ok(None) => break,
                Err(_) => {}
            }
        }
        assert_eq!(numbers, [0, 1, 2]);
    }

    async fn a_generator_fails_as_a_function_does() {
        let lines = try_stream! {
            for line in ["1", "2", "three", "4"] {
                yield line.parse::<u32>()?;
            }
        };
        let mut lines = pin!(lines);
        assert_eq!(lines.try_next().await, Ok::<_, std::num::ParseIntError>(Some(1)));
        assert_eq!(lines.try_next().await, Ok(Some(2)));
        assert!(lines.try_next().await.is_err());
        assert_eq!(lines.try_next().await, Ok(None));
    }

    async fn generators_are_combined_as_all_streams_are() {
        let ended = DropFlag::default();
        let twice = records(10, &ended).merge(records(10, &ended));
        let mut chunks = twice.chunks_timeout(4, 10_000 * MS).map(|it| it.len()).boxed();
        assert_eq!(chunks.by_ref().take(5).collect::<Vec<_>>().await, [4; 5]);
        assert_eq!(chunks.next().await, None);
    }
}
