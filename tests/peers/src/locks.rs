// What synchronising costs where nobody else is there, as one source text for those that have it.

/// A task takes a lock and gives it back, or notifies and finds itself notified.
pub fn run_locks(row: &str, scale: u64) -> Costs {
    let count = 20_000_000 / scale;
    match row {
        "lock_t1" => measured!(takes_lock(count)),
        "notify_t1" => measured!(notifies(count)),
        _ => panic!("unknown row {row}"),
    }
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
