// What synchronising and time-outs cost, as one source text for those that have them.

pub fn run_locks(row: &str, scale: u64) -> Option<Costs> {
    Some(match row {
        "lock_t1" => measured!(takes_lock(20_000_000 / scale)),
        "notify_t1" => measured!(notifies(20_000_000 / scale)),
        "semaphore" => measured!(permits(2_000_000 / scale)),
        "timeout" => measured!(timeouts(4_000_000 / scale)),
        _ => return None,
    })
}

async fn takes_lock(count: u64) -> u64 {
    let lock = Mutex::new(0);
    for number in 0..count {
        *lock.lock().await += number;
    }
    assert_eq!(lock.into_inner(), count * (count - 1) / 2);
    count
}

async fn notifies(count: u64) -> u64 {
    let notify = Notify::new();
    for _ in 0..count {
        notify.notify_one();
        notify.notified().await;
    }
    count
}

/// A hundred tasks share ten permits, and give way while they hold one.
async fn permits(count: u64) -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    let semaphore = std::sync::Arc::new(Semaphore::new(10));
    let (inside, most) = (AtomicU64::new(0), AtomicU64::new(0));
    let counts = std::sync::Arc::new((inside, most));
    let handles: Vec<_> = (0..100)
        .map(|_| {
            let (semaphore, counts) = (semaphore.clone(), counts.clone());
            spawn(async move {
                let (inside, most) = &*counts;
                for _ in 0..count / 100 {
                    let permit = semaphore.acquire().await.expect("nobody closes it");
                    most.fetch_max(inside.fetch_add(1, Relaxed) + 1, Relaxed);
                    yield_now().await;
                    inside.fetch_sub(1, Relaxed);
                    drop(permit);
                }
            })
        })
        .collect();
    for handle in handles {
        joined(handle).await;
    }
    assert_eq!(counts.1.load(Relaxed), 10);
    count / 100 * 100
}

/// A task gives way within a time limit that it does not come to.
async fn timeouts(count: u64) -> u64 {
    for _ in 0..count {
        let within = timeout(Duration::from_secs(30), yield_now());
        within.await.expect("half a minute is enough");
    }
    count
}
