//! Queues with several tasks at either end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use futures::future::join_all;
use simoom::asyncio::error::{NothingToDo, PutError, ShutDown, TryGetError, TryPutError};
use simoom::asyncio::{LifoQueue, PriorityQueue, Queue};
use simoom::task::{JoinHandle, yield_now};
use simoom::time::{Duration, timeout};
use simoom_tests::{both, settle};

const MS: Duration = Duration::from_millis(1);

type Got = Result<u32, ShutDown>;

/// Starts a task that gets an item, and lets it get in line.
async fn get_in_line(queue: &Arc<Queue<u32>>) -> JoinHandle<Got> {
    let queue = queue.clone();
    let task = simoom::spawn(async move { queue.get().await });
    settle().await;
    task
}

/// Starts a task that puts an item, and lets it get in line.
async fn put_in_line(queue: &Arc<Queue<u32>>, item: u32) -> JoinHandle<Result<(), PutError<u32>>> {
    let queue = queue.clone();
    let task = simoom::spawn(async move { queue.put(item).await });
    settle().await;
    task
}

both! {
    async fn q_1_each_queue_has_its_order() {
        let (first, last, least) = (Queue::new(0), LifoQueue::new(0), PriorityQueue::new(0));
        for item in [1, 3, 2] {
            first.put(item).await.unwrap();
            last.put(item).await.unwrap();
            least.put(item).await.unwrap();
        }
        for items in [[1, 2, 1], [3, 3, 2], [2, 1, 3]] {
            assert_eq!(first.get().await, Ok(items[0]));
            assert_eq!(last.get().await, Ok(items[1]));
            assert_eq!(least.get().await, Ok(items[2]));
        }
    }

    async fn q_1_of_equal_items_the_oldest_comes_first() {
        use std::cmp::Reverse;
        let queue = PriorityQueue::new(0);
        let items = ["b", "a", "a"].map(|name| (Reverse(name.len()), Arc::new(name)));
        for item in &items {
            queue.put(item.clone()).await.unwrap();
        }
        // The two that are equal are told apart by their addresses.
        assert!(Arc::ptr_eq(&queue.get().await.unwrap().1, &items[1].1));
        assert!(Arc::ptr_eq(&queue.get().await.unwrap().1, &items[2].1));
    }

    async fn q_2_put_waits_for_room() {
        let queue = Queue::new(2);
        queue.put(1).await.unwrap();
        queue.put(2).await.unwrap();
        assert_eq!(queue.try_put(3), Err(TryPutError::Full(3)));
        assert!(queue.is_full());
        assert!(timeout(MS, queue.put(3)).await.is_err());
        assert_eq!((queue.try_get(), queue.try_get()), (Ok(1), Ok(2)));
        assert_eq!(queue.try_get(), Err(TryGetError::Empty));
        let queue = Queue::new(0);
        for number in 0..100 {
            queue.put(number).await.unwrap();
        }
        assert_eq!((queue.len(), queue.is_full(), queue.maxsize()), (100, false, 0));
    }

    async fn q_3_many_items_pass_through_little_room() {
        let queue = Arc::new(Queue::new(1));
        let getting: Vec<_> = (0..3)
            .map(|_| {
                let queue = queue.clone();
                simoom::spawn(async move {
                    let mut got = Vec::new();
                    while let Ok(item) = queue.get().await {
                        got.push(item);
                    }
                    got
                })
            })
            .collect();
        let putting: Vec<_> = (0..3)
            .map(|task| {
                let queue = queue.clone();
                simoom::spawn(async move {
                    for number in 0..5 {
                        queue.put(task * 5 + number).await.unwrap();
                    }
                })
            })
            .collect();
        for task in join_all(putting).await {
            task.unwrap();
        }
        queue.shutdown();
        let got = join_all(getting).await;
        let mut all: Vec<u32> = got.into_iter().flat_map(Result::unwrap).collect();
        all.sort_unstable();
        assert!((0..15).eq(all));
    }

    async fn q_4_those_who_put_are_served_by_those_who_try_to_get() {
        let queue = Arc::new(Queue::new(2));
        let putting: Vec<_> = (0..4)
            .map(|task| {
                let queue = queue.clone();
                simoom::spawn(async move {
                    for number in 0..3 {
                        queue.put(task * 3 + number).await.unwrap();
                    }
                })
            })
            .collect();
        let mut got = 0;
        while got < 12 {
            while queue.try_get().is_ok() {
                got += 1;
            }
            yield_now().await;
        }
        for task in join_all(putting).await {
            task.unwrap();
        }
        assert!(queue.is_empty());
    }

    async fn q_5_an_item_that_was_promised_goes_to_another() {
        let queue = Arc::new(Queue::new(0));
        let first = get_in_line(&queue).await;
        let second = get_in_line(&queue).await;
        queue.try_put(1).unwrap();
        queue.try_put(2).unwrap();
        first.abort();
        let mut got = Vec::new();
        got.extend(first.await.ok().map(Result::unwrap));
        got.push(second.await.unwrap().unwrap());
        got.extend(queue.try_get());
        assert_eq!(got, [1, 2], "none is lost, and their order is kept");
    }

    async fn q_6_room_that_was_promised_goes_to_another() {
        let queue = Arc::new(Queue::new(1));
        queue.put(0).await.unwrap();
        let first = put_in_line(&queue, 1).await;
        let second = put_in_line(&queue, 2).await;
        assert_eq!(queue.try_get(), Ok(0));
        first.abort();
        let was_put = first.await.is_ok();
        if was_put {
            assert_eq!(queue.get().await, Ok(1));
        }
        second.await.unwrap().unwrap();
        assert_eq!(queue.get().await, Ok(2));
        // Of one that goes away before there is room, nothing is put.
        queue.put(3).await.unwrap();
        put_in_line(&queue, 4).await.abort();
        settle().await;
        assert_eq!(queue.get().await, Ok(3));
        assert!(queue.is_empty());
    }

    async fn q_7_a_time_limit_loses_no_item() {
        let queue = Arc::new(Queue::new(0));
        let putting = simoom::spawn({
            let queue = queue.clone();
            async move {
                for number in 0..20 {
                    queue.put(number).await.unwrap();
                    yield_now().await;
                }
            }
        });
        let mut got = Vec::new();
        while got.len() < 20 {
            if let Ok(item) = timeout(Duration::ZERO, queue.get()).await {
                got.push(item.unwrap());
            }
            yield_now().await;
        }
        putting.await.unwrap();
        assert!((0..20).eq(got));
    }

    async fn q_8_join_waits_until_all_is_done() {
        let queue = Arc::new(Queue::new(0));
        queue.join().await;
        assert_eq!(queue.task_done(), Err(NothingToDo));
        let done = Arc::new(AtomicUsize::new(0));
        for number in 0..100 {
            queue.put(number).await.unwrap();
        }
        let workers: Vec<_> = (0..2)
            .map(|_| {
                let (queue, done) = (queue.clone(), done.clone());
                simoom::spawn(async move {
                    while queue.get().await.is_ok() {
                        yield_now().await;
                        done.fetch_add(1, SeqCst);
                        queue.task_done().unwrap();
                    }
                })
            })
            .collect();
        assert!(timeout(Duration::ZERO, queue.join()).await.is_err() || queue.unfinished() == 0);
        queue.join().await;
        assert_eq!((done.load(SeqCst), queue.unfinished()), (100, 0));
        queue.shutdown();
        join_all(workers).await;
        assert_eq!(queue.task_done(), Err(NothingToDo));
    }

    async fn q_9_a_queue_that_is_shut_down_gives_what_it_has() {
        let queue = Arc::new(Queue::new(1));
        queue.put(1).await.unwrap();
        let putting = put_in_line(&queue, 2).await;
        queue.shutdown();
        assert_eq!(putting.await.unwrap(), Err(PutError(2)));
        assert_eq!(queue.put(3).await, Err(PutError(3)));
        assert_eq!(queue.try_put(3), Err(TryPutError::ShutDown(3)));
        assert_eq!(queue.get().await, Ok(1));
        assert_eq!(queue.get().await, Err(ShutDown));
        assert_eq!(queue.try_get(), Err(TryGetError::ShutDown));
        assert!(timeout(MS, queue.join()).await.is_err(), "one is still to be done");
        queue.task_done().unwrap();
        queue.join().await;
    }

    async fn q_9_those_who_wait_are_told() {
        let queue = Arc::new(Queue::new(0));
        let getting = [get_in_line(&queue).await, get_in_line(&queue).await];
        queue.shutdown();
        for task in getting {
            assert_eq!(task.await.unwrap(), Err(ShutDown));
        }
        queue.join().await;
    }

    async fn q_10_what_is_there_is_dropped_when_it_is_shut_down_at_once() {
        let queue = Arc::new(Queue::new(0));
        for number in 0..3 {
            queue.put(number).await.unwrap();
        }
        assert_eq!(queue.get().await, Ok(0));
        queue.shutdown_now();
        assert_eq!(queue.get().await, Err(ShutDown));
        assert_eq!(queue.unfinished(), 1, "what was got is still to be done");
        assert!(timeout(MS, queue.join()).await.is_err());
        queue.task_done().unwrap();
        queue.join().await;
        assert_eq!(queue.task_done(), Err(NothingToDo));
    }

    async fn q_11_shutting_down_again_does_nothing_or_drops_the_rest() {
        let queue = Queue::new(0);
        queue.put(1).await.unwrap();
        queue.shutdown();
        queue.shutdown();
        assert!(queue.is_shut_down());
        assert_eq!(queue.len(), 1);
        queue.shutdown_now();
        assert!(queue.is_empty());
        queue.join().await;
        queue.shutdown_now();
        queue.shutdown();
        assert_eq!(queue.get().await, Err(ShutDown));
    }

    async fn q_12_nothing_is_kept_of_those_who_went_away() {
        let queue = Arc::new(Queue::new(1));
        for _ in 0..3 {
            assert!(timeout(Duration::ZERO, queue.get()).await.is_err());
        }
        let item = Arc::new(());
        queue.put(item.clone()).await.unwrap();
        for _ in 0..3 {
            assert!(timeout(Duration::ZERO, queue.put(item.clone())).await.is_err());
        }
        assert_eq!(Arc::strong_count(&item), 2);
        queue.get().await.unwrap();
        queue.put(item.clone()).await.unwrap();
        assert_eq!(queue.len(), 1);
        drop(queue);
        assert_eq!(Arc::strong_count(&item), 1);
    }
}
