//! Streams beside each other, in time, and in chunks.

use std::collections::BTreeSet;
use std::future::ready;
use std::pin::pin;
use std::sync::{Arc, Mutex};

use futures::stream::{FusedStream, iter, pending, repeat};
use futures::{FutureExt, StreamExt as _};
use simoom::stream::{Elapsed, IntervalStream, ReceiverStream, Stream, StreamExt};
use simoom::sync::mpsc;
use simoom::time::{Duration, Instant, interval, interval_at, sleep, sleep_until, timeout};
use simoom_sim::{Config, check};
use simoom_tests::{both, settle};

const MS: Duration = Duration::from_millis(1);

/// Each number after so many milliseconds.
fn after(pauses: &'static [(u64, u32)]) -> impl Stream<Item = u32> {
    iter(pauses).then(|&(pause_ms, number)| async move {
        if pause_ms > 0 {
            sleep(Duration::from_millis(pause_ms)).await;
        }
        number
    })
}

/// A stream that has one item, at `due`, and spends the whole budget in every poll.
fn greedy(due: Instant) -> impl Stream<Item = u32> {
    let greedy = async move {
        while Instant::now() < due {
            for _ in 0..200 {
                sleep(Duration::ZERO).await;
            }
            sleep(MS).await;
        }
        7
    };
    futures::stream::once(greedy)
}

both! {
    async fn merged_streams_end_with_the_last() {
        let (one, ones) = mpsc::channel(4);
        let (two, twos) = mpsc::channel(4);
        let mut merged = ReceiverStream::new(ones).merge(ReceiverStream::new(twos));
        assert!(merged.next().now_or_never().is_none());
        one.send(1).await.unwrap();
        assert_eq!(merged.next().await, Some(1));
        two.send(2).await.unwrap();
        assert_eq!(merged.next().await, Some(2));
        drop(one);
        settle().await;
        assert!(merged.next().now_or_never().is_none());
        two.send(3).await.unwrap();
        assert_eq!(merged.next().await, Some(3));
        drop(two);
        assert_eq!(merged.next().await, None);
        assert!(merged.is_terminated());
        assert_eq!(merged.next().await, None);
    }

    async fn whoever_waits_for_merged_streams_is_woken_by_either() {
        for is_second in [false, true] {
            let (one, ones) = mpsc::channel(1);
            let (two, twos) = mpsc::channel(1);
            let waiting = simoom::spawn(async move {
                ReceiverStream::new(ones).merge(ReceiverStream::new(twos)).next().await
            });
            settle().await;
            let sender = if is_second { &two } else { &one };
            sender.send(is_second).await.unwrap();
            assert_eq!(timeout(10_000 * MS, waiting).await.unwrap().unwrap(), Some(is_second));
        }
    }

    async fn merged_streams_take_turns() {
        let mut merged = iter([0, 2, 4, 6]).merge(iter([1, 3, 5, 7]));
        let mut all = Vec::new();
        for left in (0..8).rev() {
            all.push(merged.next().await.unwrap());
            assert_eq!(merged.size_hint(), (left, Some(left)));
        }
        assert!(all.windows(2).all(|pair| pair[0] % 2 != pair[1] % 2), "{all:?}");
        for parity in [0, 1] {
            assert!(all.iter().filter(|it| *it % 2 == parity).is_sorted());
        }
        assert_eq!(merged.next().await, None);
    }

    async fn nothing_is_lost_of_merged_streams_when_a_wait_is_given_up() {
        let (one, ones) = mpsc::channel(8);
        let (two, twos) = mpsc::channel(8);
        let mut merged = ReceiverStream::new(ones).merge(ReceiverStream::new(twos));
        let sending = simoom::spawn(async move {
            for number in 0..8 {
                let sender = if number % 3 == 0 { &one } else { &two };
                sender.send(number).await.unwrap();
                sleep(MS).await;
            }
        });
        let mut all = BTreeSet::new();
        loop {
            simoom::select! {
                biased;
                item = merged.next() => match item {
                    Some(number) => assert!(all.insert(number)),
                    None => break,
                },
                () = sleep(MS / 4) => {}
            }
        }
        sending.await.unwrap();
        assert_eq!(all, (0..8).collect());
    }

    async fn a_late_item_is_told_once_and_comes() {
        let start = Instant::now();
        let mut stream = pin!(after(&[(0, 1), (60, 2), (0, 3), (60, 4)]).timeout(20 * MS));
        assert_eq!(stream.size_hint(), (4, Some(9)));
        assert_eq!(stream.next().await, Some(Ok(1)));
        let late = stream.next().await.unwrap().unwrap_err();
        assert!(start.elapsed() >= 20 * MS);
        assert_eq!(late.to_string(), "deadline has elapsed");
        assert_eq!(std::io::Error::from(late).kind(), std::io::ErrorKind::TimedOut);
        assert_eq!(stream.next().await, Some(Ok(2)));
        assert!(start.elapsed() >= 60 * MS);
        assert_eq!(stream.next().await, Some(Ok(3)));
        assert!(matches!(stream.next().await, Some(Err(Elapsed { .. }))));
        assert!(start.elapsed() >= 80 * MS, "it counts from the item before");
        assert_eq!(stream.next().await, Some(Ok(4)));
        assert_eq!(stream.next().await, None);
        assert_eq!(stream.next().await, None);
    }

    async fn the_first_item_counts_from_the_call() {
        let start = Instant::now();
        let mut silent = pin!(pending::<()>().timeout(20 * MS));
        sleep(20 * MS).await;
        let before = Instant::now();
        assert!(silent.next().await.unwrap().is_err());
        assert!(start.elapsed() >= 20 * MS);
        assert!(before.elapsed() < 10_000 * MS);
        assert!(timeout(40 * MS, silent.next()).await.is_err(), "once is enough");
    }

    async fn an_item_that_is_there_is_never_late() {
        let mut stream = pin!(repeat(5).timeout(Duration::ZERO));
        for _ in 0..300 {
            assert_eq!(stream.next().await, Some(Ok(5)));
        }
    }

    async fn a_stream_that_spends_the_budget_does_not_put_off_its_deadline() {
        let start = Instant::now();
        let due = start + 150 * MS;
        let mut once = pin!(greedy(due).timeout(20 * MS));
        assert!(once.next().await.unwrap().is_err());
        assert!(Instant::now() < due || start.elapsed() > 2 * due.duration_since(start));
        assert_eq!(once.next().await, Some(Ok(7)));

        let due = Instant::now() + 150 * MS;
        let mut often = pin!(greedy(due).timeout_repeating(interval(20 * MS)));
        let mut count = 0;
        while let Some(Err(_)) = often.next().await {
            count += 1;
        }
        assert!(count > 1, "{count}");

        let due = Instant::now() + 150 * MS;
        let mut chunks = pin!(iter([1]).chain(greedy(due)).chunks_timeout(9, 20 * MS));
        assert_eq!(chunks.next().await, Some(vec![1]));
        assert_eq!(chunks.next().await, Some(vec![7]));
    }

    async fn silence_is_told_again_and_again() {
        let start = Instant::now();
        let mut stream = pin!(after(&[(0, 1), (70, 2)]).timeout_repeating(interval(20 * MS)));
        assert_eq!(stream.size_hint(), (2, None));
        assert_eq!(stream.next().await, Some(Ok(1)));
        let mut late = 0;
        let item = loop {
            match stream.next().await {
                Some(Err(_)) => late += 1,
                Some(Ok(item)) => break item,
                None => panic!("it has another item"),
            }
        };
        assert_eq!(item, 2);
        assert!(start.elapsed() >= 70 * MS);
        assert!((1..=3).contains(&late), "{late}");
        assert_eq!(stream.next().await, None);
        assert_eq!(stream.next().await, None);
    }

    async fn an_item_puts_off_the_next_tick() {
        let start = Instant::now();
        let ticks = interval_at(start + 30 * MS, 30 * MS);
        let mut stream = pin!(after(&[(20, 1), (3_600_000, 2)]).timeout_repeating(ticks));
        let first = stream.next().await.unwrap();
        if let Ok(number) = first {
            assert_eq!(number, 1);
            let came = start.elapsed();
            assert!(stream.next().await.unwrap().is_err());
            // The tick at 30 ms is not there any more.
            assert!(start.elapsed() >= 50 * MS, "{came:?}");
        }
        // The first tick of an interval is due at once.
        let mut silent = pin!(pending::<()>().timeout_repeating(interval(3_600_000 * MS)));
        assert!(silent.next().await.unwrap().is_err());
    }

    async fn a_throttled_stream_has_pauses() {
        let start = Instant::now();
        let mut stream = pin!(iter(1..=3).throttle(10 * MS));
        for number in 1..=3 {
            assert_eq!(stream.next().await, Some(number));
            assert!(start.elapsed() >= (number - 1) * 10 * MS);
        }
        assert_eq!(stream.next().await, None);
        assert!(start.elapsed() >= 30 * MS);
        assert_eq!(iter([1, 2]).throttle(Duration::ZERO).collect::<Vec<_>>().await, [1, 2]);
    }

    async fn a_throttled_stream_begins_at_once_and_counts_from_each_item() {
        let far = 3_600_000 * MS;
        let mut stream = pin!(iter([1, 2]).throttle(far));
        assert_eq!(stream.next().await, Some(1));
        assert!(timeout(5 * MS, stream.next()).await.is_err());

        // What comes late anyway is not put off further.
        let start = Instant::now();
        let numbers = after(&[(10, 1), (20, 2), (0, 3)]).throttle(15 * MS);
        let mut numbers = pin!(numbers);
        assert_eq!(numbers.next().await, Some(1));
        assert_eq!(numbers.next().await, Some(2));
        assert!(start.elapsed() >= 30 * MS);
        let second = Instant::now();
        assert_eq!(numbers.next().await, Some(3));
        assert!(second.elapsed() >= 14 * MS);
    }

    async fn a_throttled_stream_is_taken_from_when_it_is_due() {
        let (send, rows) = mpsc::channel(4);
        for row in 1..=3 {
            send.send(row).await.unwrap();
        }
        let mut throttled = Box::pin(ReceiverStream::new(rows).throttle(3_600_000 * MS));
        assert_eq!(throttled.next().await, Some(1));
        assert!(timeout(MS, throttled.next()).await.is_err());
        assert_eq!(throttled.get_ref().as_ref().len(), 2, "nothing was taken ahead of time");
    }

    async fn chunks_are_full_or_in_time() {
        let start = Instant::now();
        let numbers = after(&[(0, 1), (0, 2), (0, 3), (0, 4), (60, 5), (0, 6)]);
        let mut chunks = pin!(numbers.chunks_timeout(3, 20 * MS));
        assert_eq!(chunks.next().await, Some(vec![1, 2, 3]));
        assert_eq!(chunks.next().await, Some(vec![4]));
        assert!(start.elapsed() >= 20 * MS);
        assert_eq!(chunks.size_hint(), (0, Some(2)));
        assert_eq!(chunks.next().await, Some(vec![5, 6]), "the end does not wait");
        assert_eq!(chunks.next().await, None);
        assert_eq!(chunks.next().await, None);
    }

    async fn a_chunk_counts_from_its_first_item() {
        let (send, rows) = mpsc::channel(4);
        let mut chunks = pin!(ReceiverStream::new(rows).chunks_timeout(9, 20 * MS));
        assert!(timeout(40 * MS, chunks.next()).await.is_err(), "none is empty");
        let start = Instant::now();
        send.send(1).await.unwrap();
        assert_eq!(chunks.next().await, Some(vec![1]));
        assert!(start.elapsed() >= 20 * MS);
    }

    async fn nothing_is_lost_of_chunks_when_a_wait_is_given_up() {
        let (send, rows) = mpsc::channel(4);
        let mut chunks = Box::pin(ReceiverStream::new(rows).chunks_timeout(3, 3_600_000 * MS));
        send.send(1).await.unwrap();
        assert!(timeout(MS, chunks.next()).await.is_err());
        send.send(2).await.unwrap();
        assert!(timeout(MS, chunks.next()).await.is_err());
        assert_eq!(chunks.as_mut().into_remainder(), [1, 2]);
        send.send(3).await.unwrap();
        drop(send);
        assert_eq!(chunks.next().await, Some(vec![3]));
    }

    async fn chunks_hold_something() {
        let none = std::panic::catch_unwind(|| drop(iter([1]).chunks_timeout(0, MS)));
        assert!(none.is_err());
        let most = iter([1]).chunks_timeout(usize::MAX, MS);
        assert_eq!(most.collect::<Vec<_>>().await, [[1]]);
    }

    async fn the_traits_stand_side_by_side() {
        use futures::StreamExt as _;
        use simoom::stream::StreamExt as _;
        let numbers = iter(1..=4).map(|number| number * 2).timeout(10_000 * MS);
        let numbers = numbers.filter_map(|number| ready(number.ok())).throttle(MS);
        let sums = numbers.merge(iter([100])).chunks_timeout(2, 10_000 * MS);
        let sums = sums.map(|chunk| chunk.into_iter().sum::<u32>());
        assert_eq!(sums.fold(0, |all, sum| ready(all + sum)).await, 120);
    }

    async fn combined_streams_are_for_other_tasks_too() {
        let ticks = IntervalStream::new(interval(MS)).map(|_| 0).take(2);
        let combined = ticks.merge(iter([1])).timeout(10_000 * MS).throttle(MS);
        let combined = combined.chunks_timeout(2, 10_000 * MS);
        let count = simoom::spawn(combined.count()).await.unwrap();
        assert!((2..=3).contains(&count), "{count}");
    }
}

#[test]
fn the_first_of_merged_streams_goes_first_in_production() {
    simoom_tests::real(async || {
        let merged = iter([0, 2, 4, 6]).merge(iter([1, 3, 5]));
        let all: Vec<i32> = merged.collect().await;
        assert_eq!(all, [0, 1, 2, 3, 4, 5, 6]);
    });
}

#[test]
fn whose_turn_it_is_after_a_pause_is_a_choice() {
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let noted = seen.clone();
    check(Config::default().seeds(64).persist(false), move |_| {
        let noted = noted.clone();
        async move {
            let due = Instant::now() + MS;
            let one = futures::stream::once(sleep_until(due)).map(|()| 1);
            let two = futures::stream::once(sleep_until(due)).map(|()| 2);
            let later = iter([1]).chain(one).merge(iter([2]).chain(two));
            let order: Vec<i32> = later.collect().await;
            noted.lock().unwrap().insert(order);
        }
    })
    .unwrap();
    let seen = seen.lock().unwrap();
    for (begin, again) in [(1, 1), (1, 2), (2, 1), (2, 2)] {
        let is_so = |order: &&Vec<i32>| order[0] == begin && order[2] == again;
        assert!(seen.iter().any(|order| is_so(&order)), "{seen:?}");
    }
}
