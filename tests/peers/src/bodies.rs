// The work of the rows that every runtime can do, as one source text.
//
// It is included in the module of each peer, where the same names (`spawn`, `joined`, `yield_now`,
// `sleep`, `channel`, `send`, `recv`) stand for that peer's own functions. So all peers run the
// same loops with the same checks. Every loop runs in a spawned task: what a runtime does for the
// future that it is blocked on is not part of these rows.

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use crate::measure::{Costs, Span, resident_bytes};

/// Runs a measurement after a smaller one that warms caches and allocator up.
macro_rules! measured {
    ($name:ident($count:expr $(, $more:expr)*)) => {{
        block_on(async move {
            joined(spawn(async move { $name($count / 10 $(, $more)*).await })).await;
            let span = Span::start();
            let done = joined(spawn(async move { $name($count $(, $more)*).await })).await;
            span.end(done)
        })
    }};
}

pub fn run(row: &str, scale: u64) -> Option<Costs> {
    Some(match row {
        "spawn_b1" => measured!(spawn_join(2_000_000 / scale, 1)),
        "spawn_b1000" => measured!(spawn_join(4_000_000 / scale, 1000)),
        "yield_t1" => measured!(yields(4_000_000 / scale, 1)),
        "yield_t1000" => measured!(yields(8_000_000 / scale, 1000)),
        "stream_cap100" => measured!(stream(4_000_000 / scale)),
        "pingpong_cap1" => measured!(ping_pong(1_000_000 / scale)),
        "churn_0" => measured!(churn(2_000_000 / scale, 0)),
        "churn_100000" => measured!(churn(2_000_000 / scale, 100_000)),
        "sleepers" => block_on(async move {
            joined(spawn(async move { sleepers(1_000_000 / scale).await })).await
        }),
        _ => return None,
    })
}

/// Spawns `batch` tasks that return a number, joins them and adds the numbers up.
async fn spawn_join(count: u64, batch: u64) -> u64 {
    let mut handles = Vec::with_capacity(batch as usize);
    let mut sum = 0;
    for _ in 0..count / batch {
        for number in 0..batch {
            handles.push(spawn(async move { number }));
        }
        for handle in handles.drain(..) {
            sum += joined(handle).await;
        }
    }
    assert_eq!(sum, count / batch * (batch * (batch - 1) / 2));
    count / batch * batch
}

/// `tasks` tasks give way, `count` times in all.
async fn yields(count: u64, tasks: u64) -> u64 {
    let handles: Vec<_> = (0..tasks)
        .map(|_| {
            spawn(async move {
                let mut done = 0;
                for _ in 0..count / tasks {
                    yield_now().await;
                    done += 1;
                }
                done
            })
        })
        .collect();
    let mut done = 0;
    for handle in handles {
        done += joined(handle).await;
    }
    assert_eq!(done, count / tasks * tasks);
    done
}

/// One task sends `count` numbers through a channel of 100, one receives and adds them.
async fn stream(count: u64) -> u64 {
    let (sender, mut receiver) = channel(100);
    let receiving = spawn(async move {
        let mut sum = 0;
        while let Some(number) = recv(&mut receiver).await {
            sum += number;
        }
        sum
    });
    let sending = spawn(async move {
        for number in 0..count {
            send(&sender, number).await;
        }
    });
    joined(sending).await;
    assert_eq!(joined(receiving).await, count * (count - 1) / 2);
    count
}

/// Two tasks send a number to and fro through two channels of 1; counted in round trips.
async fn ping_pong(count: u64) -> u64 {
    let (there, mut from_there) = channel(1);
    let (back, mut from_back) = channel(1);
    let echo = spawn(async move {
        while let Some(number) = recv(&mut from_there).await {
            send(&back, number + 1).await;
        }
    });
    let mut number = 0;
    while number < count {
        send(&there, number).await;
        number = recv(&mut from_back).await.expect("the echo answers");
    }
    drop(there);
    joined(echo).await;
    count
}

/// Arms a timer and cancels it, `count` times, while `standing` others are armed.
async fn churn(count: u64, standing: u64) -> u64 {
    // A minute and more: none of them fires.
    let mut others: Vec<_> = (0..standing)
        .map(|number| Box::pin(sleep(Duration::from_micros(60_000_000 + number * 37))))
        .collect();
    let started = std::future::poll_fn(|cx| {
        let pending = others.iter_mut().filter_map(|it| match it.as_mut().poll(cx) {
            std::task::Poll::Pending => Some(()),
            std::task::Poll::Ready(_) => None,
        });
        std::task::Poll::Ready(pending.count() as u64)
    });
    assert_eq!(started.await, standing);
    for number in 0..count {
        let timer = pin!(sleep(Duration::from_micros(30_000_000 + number % 1_000 * 1_000)));
        let mut timer: Pin<&mut _> = timer;
        let pending = std::future::poll_fn(|cx| {
            std::task::Poll::Ready(timer.as_mut().poll(cx).is_pending())
        });
        assert!(pending.await);
    }
    count
}

/// `count` tasks sleep until moments within one second; made, then fired.
async fn sleepers(count: u64) -> Costs {
    let start = std::time::Instant::now();
    // Later than the slowest peer needs to make them.
    let delay = Duration::from_micros(500_000 + 4 * count);
    let before = resident_bytes();
    let span = Span::start();
    let mut handles = Vec::with_capacity(count as usize);
    for number in 0..count {
        // Deadlines come in no order, at whole milliseconds for the sake of wheels.
        let spread = Duration::from_millis(number * 7_919 % 1_000);
        handles.push(spawn(async move {
            sleep((start + delay + spread) - std::time::Instant::now()).await;
            1
        }));
    }
    // All have armed their timers when the last has had its first poll.
    yield_now().await;
    sleep(Duration::from_millis(1)).await;
    let created = span.end(count);
    let bytes = resident_bytes() - before;
    assert!(start.elapsed() < delay, "creating took too long");
    let span = Span::start();
    let mut woken = 0;
    for handle in handles {
        woken += joined(handle).await;
    }
    assert_eq!(woken, count);
    let fired = span.end(count);
    let mut costs = Costs::default();
    // The handles' vector is the row's, not the runtime's.
    let handle_bytes = std::mem::size_of_val(&spawn(async { 1 }));
    costs.put("bytes", bytes as f64 / count as f64 - handle_bytes as f64);
    costs.put("create_ns", created.figure("cpu_ns"));
    costs.put("fire_ns", fired.figure("cpu_ns"));
    costs
}
