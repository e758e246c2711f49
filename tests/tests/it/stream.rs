//! Channels, intervals and listeners as streams, and values that come out when they are due.

#[path = "stream/closing.rs"]
mod closing;
#[path = "stream/combined.rs"]
mod combined;
#[path = "stream/generators.rs"]
mod generators;

use futures::{FutureExt, StreamExt};
use simoom::io::AsyncWriteExt;
use simoom::net::{TcpListener, TcpStream};
use simoom::stream::{
    BroadcastStream, BroadcastStreamRecvError, IntervalStream, ReceiverStream, TcpListenerStream,
    UnboundedReceiverStream, WatchStream,
};
use simoom::sync::{broadcast, mpsc, watch};
use simoom::task::yield_now;
use simoom::time::{DelayQueue, Duration, Instant, interval, sleep, timeout};
use simoom_tests::{both, settle};

const MS: Duration = Duration::from_millis(1);

both! {
    async fn a_stream_waits_where_it_was_made() {
        use std::pin::Pin;
        use simoom::signal::unix::{SignalKind, signal};
        use simoom::stream::{SignalStream, Stream, UnixListenerStream};

        type Ends = Pin<Box<dyn Stream<Item = ()> + Send>>;

        let dir = std::env::temp_dir().join(format!("simoom-stream-{}", std::process::id()));
        let _ = simoom::fs::remove_file(&dir).await;
        let (_tx, rx) = mpsc::channel::<()>(1);
        let (_unbounded, unbounded) = mpsc::unbounded_channel::<()>();
        let (_broadcast, broadcasts) = broadcast::channel::<()>(1);
        let (_watch, watched) = watch::channel(());
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let unix = simoom::net::UnixListener::bind(&dir).unwrap();
        let mut ticks = interval(Duration::from_secs(3_600));
        ticks.tick().await;
        let usr = signal(SignalKind::user_defined2()).unwrap();
        let line = line!();
        let streams: [Ends; 8] = [
            Box::pin(ReceiverStream::new(rx).map(drop)),
            Box::pin(UnboundedReceiverStream::new(unbounded).map(drop)),
            Box::pin(BroadcastStream::new(broadcasts).map(drop)),
            Box::pin(WatchStream::from_changes(watched).map(drop)),
            Box::pin(TcpListenerStream::new(tcp).map(drop)),
            Box::pin(UnixListenerStream::new(unix).map(drop)),
            Box::pin(IntervalStream::new(ticks).map(drop)),
            Box::pin(SignalStream::new(usr).map(drop)),
        ];
        let tasks = streams.map(|mut stream| simoom::spawn(async move { stream.next().await }));
        settle().await;
        let all = simoom::task::all();
        for ((task, line), info) in tasks.iter().zip(line + 2..).zip(&all) {
            assert_eq!(task.id(), info.id());
            let site = info.waits_for().expect("it waits").site();
            assert!(site.file().ends_with("stream.rs"), "{info}");
            assert_eq!(site.line(), line, "{info}");
            task.abort();
        }
        for task in tasks {
            task.await.unwrap_err();
        }
        let _ = simoom::fs::remove_file(&dir).await;
    }

    async fn gen_1_a_channel_is_a_stream_of_its_values() {
        let (tx, rx) = mpsc::channel(2);
        let sender = simoom::spawn(async move {
            for number in 0..10 {
                tx.send(number).await.unwrap();
                yield_now().await;
            }
        });
        let numbers: Vec<i32> = ReceiverStream::new(rx).collect().await;
        assert_eq!(numbers, (0..10).collect::<Vec<_>>());
        sender.await.unwrap();

        let (tx, rx) = mpsc::unbounded_channel();
        let mut stream = UnboundedReceiverStream::from(rx);
        tx.send(1).unwrap();
        stream.close();
        assert!(tx.send(2).is_err());
        assert_eq!(stream.next().await, Some(1));
        assert_eq!(stream.next().await, None);
        assert!(stream.into_inner().try_recv().is_err());
    }

    async fn a_broadcast_says_what_was_missed() {
        let (tx, rx) = broadcast::channel(2);
        let mut stream = BroadcastStream::new(rx);
        let sender = simoom::spawn(async move {
            sleep(MS).await;
            for number in 1..=3 {
                tx.send(number).unwrap();
            }
        });
        // Asked before there is anything, and given up: nothing is lost by that.
        assert!(stream.next().now_or_never().is_none());
        sender.await.unwrap();
        assert_eq!(stream.next().await, Some(Err(BroadcastStreamRecvError::Lagged(1))));
        assert_eq!(stream.next().await, Some(Ok(2)));
        assert_eq!(stream.next().await, Some(Ok(3)));
        assert_eq!(stream.next().await, None);
    }

    async fn a_watch_gives_what_is_there_and_what_comes() {
        let (tx, rx) = watch::channel(0);
        let (mut all, mut changes) = (WatchStream::new(rx.clone()), WatchStream::from_changes(rx));
        assert_eq!(all.next().await, Some(0));
        let sender = simoom::spawn(async move {
            sleep(MS).await;
            tx.send(1).unwrap();
            sleep(10 * MS).await;
        });
        assert_eq!(all.next().await, Some(1));
        assert_eq!(changes.next().await, Some(1));
        assert_eq!(all.next().await, None);
        assert_eq!(changes.next().await, None);
        sender.await.unwrap();
    }

    async fn ticks_and_connections_come_one_after_the_other() {
        let start = Instant::now();
        let ticks: Vec<_> = IntervalStream::new(interval(2 * MS)).take(3).collect().await;
        assert!(ticks.is_sorted() && start.elapsed() >= 4 * MS);

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = simoom::spawn(async move {
            for _ in 0..2 {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.write_all(b"x").await.unwrap();
            }
        });
        let accepted: Vec<_> = TcpListenerStream::new(listener).take(2).collect().await;
        assert!(accepted.iter().all(Result::is_ok));
        client.await.unwrap();
    }

    async fn what_is_due_first_comes_out_first() {
        let mut queue = DelayQueue::new();
        let start = Instant::now();
        for (value, ms) in [("c", 3), ("a", 1), ("b", 2)] {
            queue.insert(value, ms * MS);
        }
        let at = start + 5 * MS;
        for value in ["d", "e", "f"] {
            queue.insert_at(value, at);
        }
        let mut out = String::new();
        while let Some(expired) = queue.next().await {
            assert!(Instant::now() >= expired.deadline());
            out.push_str(expired.get_ref());
        }
        assert_eq!(out, "abcdef");
        assert!(start.elapsed() >= 5 * MS);
    }

    async fn what_is_taken_out_or_put_off_does_not_come() {
        let mut queue = DelayQueue::new();
        let first = queue.insert("first", MS);
        let second = queue.insert("second", 2 * MS);
        assert_eq!(queue.peek(), Some(first));
        queue.reset(&first, 4 * MS);
        assert_eq!((queue.peek(), queue.len()), (Some(second), 2));
        assert_eq!(queue.remove(&second).into_inner(), "second");
        assert!(queue.try_remove(&second).is_none());
        let start = Instant::now();
        assert_eq!(queue.next().await.unwrap().key(), first);
        assert!(start.elapsed() >= MS && queue.is_empty());
        queue.insert("third", MS);
        queue.clear();
        assert!(queue.next().await.is_none());
    }

    async fn whoever_waits_hears_of_what_is_due_before() {
        let (tx, mut rx) = mpsc::channel(1);
        let sender = simoom::spawn(async move {
            for _ in 0..2 {
                sleep(2 * MS).await;
                tx.send(MS).await.unwrap();
            }
        });
        let mut queue = DelayQueue::new();
        queue.insert(0, 60_000 * MS);
        let mut out = Vec::new();
        while out.len() < 2 {
            simoom::select! {
                Some(delay) = rx.recv() => { queue.insert(1, delay); }
                Some(expired) = queue.next() => out.push(expired.into_inner()),
            }
        }
        assert_eq!(out, [1, 1]);
        sender.await.unwrap();
    }

    async fn a_task_that_waits_need_not_poll_again() {
        use std::sync::{Arc, Mutex};
        let queue = Arc::new(Mutex::new(DelayQueue::new()));
        queue.lock().unwrap().insert("late", 60_000 * MS);
        let there = queue.clone();
        let waiting = simoom::spawn(std::future::poll_fn(move |cx| {
            there.lock().unwrap().poll_expired(cx)
        }));
        settle().await;
        queue.lock().unwrap().insert("early", MS);
        let expired = timeout(1000 * MS, waiting).await.unwrap().unwrap();
        assert_eq!(expired.unwrap().into_inner(), "early");
    }

    async fn what_is_put_in_after_everything_was_taken_out_is_heard_of() {
        use std::sync::{Arc, Mutex};
        let queue = Arc::new(Mutex::new(DelayQueue::new()));
        queue.lock().unwrap().insert("late", 60_000 * MS);
        let there = queue.clone();
        let waiting = simoom::spawn(std::future::poll_fn(move |cx| {
            there.lock().unwrap().poll_expired(cx)
        }));
        settle().await;
        {
            let mut queue = queue.lock().unwrap();
            queue.clear();
            queue.insert("new", MS);
        }
        let expired = timeout(1000 * MS, waiting).await.unwrap().unwrap();
        assert_eq!(expired.unwrap().into_inner(), "new");
    }

    async fn whoever_waits_hears_that_everything_was_taken_out() {
        use std::sync::{Arc, Mutex};
        for is_cleared in [true, false] {
            let queue = Arc::new(Mutex::new(DelayQueue::new()));
            queue.lock().unwrap().insert(1, 60_000 * MS);
            let there = queue.clone();
            let waiting = simoom::spawn(std::future::poll_fn(move |cx| {
                there.lock().unwrap().poll_expired(cx)
            }));
            settle().await;
            {
                let mut queue = queue.lock().unwrap();
                let first = queue.peek().unwrap();
                if is_cleared {
                    queue.clear();
                } else {
                    queue.remove(&first);
                }
            }
            assert!(timeout(1000 * MS, waiting).await.unwrap().unwrap().is_none());
        }
    }
}
