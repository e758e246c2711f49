//! What a simulation finds and what it cannot: one bug around operations of many libraries.
//!
//! Two tasks read a counter, do one operation, and write the counter. An update is lost if one of
//! them is interrupted there. How many executions it takes is the mean over trials of fresh ranges
//! of seeds; one JSON line for each row. The table in `docs/what-it-cannot-find.md` is made by
//!
//! ```text
//! SIMOOM_FIND_TRIALS=200 SIMOOM_FIND_UNFOUND=100000 SIMOOM_FIND_FIRST=$(date +%s) \
//!     cargo test --release -p simoom-tests --test cannot_find -- --nocapture
//! ```

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};

use simoom::task::{preemption_point, yield_now};
use simoom_sim::{Config, Sim, check, value};

type Boxed = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One operation, which another operation of the same library may have to wait for.
type Operation = Arc<dyn Fn() -> Boxed + Send + Sync>;

/// A library's operation, made anew for each run.
struct Row {
    name: &'static str,
    /// What stands between the read and the write.
    make: fn() -> Operation,
    finds: bool,
}

/// Makes a row's operation of an expression that makes what the tasks share, and what they do.
macro_rules! row {
    ($name:literal, $finds:literal, $shared:expr, |$each:ident| $operation:expr) => {
        Row {
            name: $name,
            make: || {
                let shared = Arc::new($shared);
                Arc::new(move || {
                    let $each = shared.clone();
                    Box::pin(async move {
                        let _ = $operation;
                    })
                })
            },
            finds: $finds,
        }
    };
}

/// Every operation is ready: nobody has to wait for it.
fn ready() -> Vec<Row> {
    vec![
        row!(
            "simoom::sync::Mutex",
            true,
            simoom::sync::Mutex::new(()),
            |it| { drop(it.lock().await) }
        ),
        row!(
            "simoom::sync::mpsc",
            true,
            simoom::sync::mpsc::channel(4),
            |it| { it.0.send(()).await }
        ),
        row!("simoom::task::yield_now", true, (), |_it| yield_now().await),
        row!(
            "atomics, with a preemption point",
            true,
            AtomicU64::new(0),
            |it| {
                it.fetch_add(1, SeqCst);
                preemption_point().await
            }
        ),
        row!(
            "tokio::sync::Mutex, with a preemption point",
            true,
            tokio::sync::Mutex::new(()),
            |it| {
                preemption_point().await;
                drop(it.lock().await)
            }
        ),
        row!(
            "tokio::sync::Mutex",
            false,
            tokio::sync::Mutex::new(()),
            |it| { drop(it.lock().await) }
        ),
        row!(
            "tokio::sync::mpsc",
            false,
            tokio::sync::mpsc::channel(4),
            |it| { it.0.send(()).await }
        ),
        row!("async-channel", false, async_channel::bounded(4), |it| {
            it.0.send(()).await
        }),
        row!("futures::channel::mpsc", false, futures_channel(), |it| {
            futures::SinkExt::send(&mut it.0.clone(), ()).await
        }),
        row!(
            "futures::lock::Mutex",
            false,
            futures::lock::Mutex::new(()),
            |it| { drop(it.lock().await) }
        ),
        row!("std::sync::Mutex", false, std::sync::Mutex::new(()), |it| {
            drop(it.lock())
        }),
        row!("atomics", false, AtomicU64::new(0), |it| it
            .fetch_add(1, SeqCst)),
    ]
}

/// Both ends: a channel without a receiver would refuse everything.
type FuturesChannel = (
    futures::channel::mpsc::Sender<()>,
    std::sync::Mutex<futures::channel::mpsc::Receiver<()>>,
);

fn futures_channel() -> FuturesChannel {
    let (sender, receiver) = futures::channel::mpsc::channel(4);
    (sender, std::sync::Mutex::new(receiver))
}

/// Nobody can do the operation until a third task lets them: they wait in any library.
fn waiting() -> Vec<Row> {
    vec![
        row!("simoom::sync::Mutex", true, held_simoom(), |it| {
            drop(it.lock().await)
        }),
        row!("tokio::sync::Mutex", true, held_tokio(), |it| {
            drop(it.lock().await)
        }),
        row!("futures::lock::Mutex", true, held_futures(), |it| {
            drop(it.lock().await)
        }),
    ]
}

/// A lock that a task of its own holds for a while.
macro_rules! held {
    ($name:ident, $lock:ty) => {
        fn $name() -> Held<$lock> {
            Held(Arc::new(<$lock>::new(())), OnceLock::new())
        }

        impl Held<$lock> {
            async fn lock(&self) -> impl Sized + '_ {
                self.1.get_or_init(|| {
                    let held = self.0.clone().try_lock_owned();
                    simoom::spawn(async move {
                        simoom::time::sleep(std::time::Duration::from_millis(1)).await;
                        drop(held);
                    });
                });
                self.0.lock().await
            }
        }
    };
}

struct Held<L>(Arc<L>, OnceLock<()>);

held!(held_simoom, simoom::sync::Mutex<()>);
held!(held_tokio, tokio::sync::Mutex<()>);
held!(held_futures, futures::lock::Mutex<()>);

/// Two updates around the operation.
async fn updates(operation: Operation) {
    let counter = Arc::new(AtomicU64::new(0));
    let update = |operation: Operation, counter: Arc<AtomicU64>| async move {
        let seen = counter.load(SeqCst);
        operation().await;
        counter.store(seen + 1, SeqCst);
    };
    let one = simoom::spawn(update(operation.clone(), counter.clone()));
    let two = simoom::spawn(update(operation, counter.clone()));
    one.await.unwrap();
    two.await.unwrap();
    assert_eq!(counter.load(SeqCst), 2, "an update was lost");
}

/// How many executions until the update is lost, of at most `most`.
fn executions(row: &Row, first_seed: u64, most: u64) -> Option<u64> {
    let make = row.make;
    let config = Config::default()
        .first_seed(first_seed)
        .seeds(most)
        .shrink(false)
        .persist(false)
        .doubled(0);
    let report = check(config, move |_: Sim| updates(make()));
    let found = report.failure()?;
    assert!(
        found.cause().to_string().contains("an update was lost"),
        "{found}"
    );
    found.position()
}

/// What one row came to: the mean of the executions in hundredths and the most, if it was found.
struct Measured {
    mean_hundredths: u64,
    most: u64,
}

/// Measures a row, and says so in a line.
fn measure(kind: &str, row: &Row, trials: u64, unfound: u64, first: u64) -> Option<Measured> {
    if !row.finds {
        let found = executions(row, value(first, 0, 0), unfound);
        println!(
            "{{\"operation\":\"{}\",\"is\":\"{kind}\",\"found_at\":{},\"executions\":{unfound}}}",
            row.name,
            found.map_or("null".to_owned(), |at| at.to_string())
        );
        assert_eq!(
            found, None,
            "{} is explored: the page says it is not",
            row.name
        );
        return None;
    }
    let mut counts: Vec<u64> = (0..trials)
        .map(|trial| {
            // Ranges of seeds that have nothing to do with each other.
            let found = executions(row, value(first, 1, trial), 1_000);
            found.unwrap_or_else(|| panic!("{} is not explored", row.name))
        })
        .collect();
    counts.sort_unstable();
    let sum: u64 = counts.iter().sum();
    let measured = Measured {
        mean_hundredths: sum * 100 / trials,
        most: counts[counts.len() - 1],
    };
    println!(
        "{{\"operation\":\"{}\",\"is\":\"{kind}\",\"trials\":{trials},\"mean\":{}.{:02},\
         \"median\":{},\"most\":{}}}",
        row.name,
        measured.mean_hundredths / 100,
        measured.mean_hundredths % 100,
        counts[counts.len() / 2],
        measured.most
    );
    Some(measured)
}

fn number(name: &str, unless_told: u64) -> u64 {
    std::env::var(name).map_or(unless_told, |text| text.parse().expect("a number"))
}

#[test]
fn the_table_of_what_is_found_and_what_is_not_is_true() {
    let (trials, unfound) = (
        number("SIMOOM_FIND_TRIALS", 20),
        number("SIMOOM_FIND_UNFOUND", 500),
    );
    let first = number("SIMOOM_FIND_FIRST", 1);
    // Not on the test's own thread: each trial's failure would be shown by a fresh process.
    let measured = std::thread::spawn(move || {
        for row in ready() {
            if let Some(Measured {
                mean_hundredths, ..
            }) = measure("ready", &row, trials, unfound, first)
            {
                assert!(
                    mean_hundredths < 2_000,
                    "{} takes {mean_hundredths}",
                    row.name
                );
            }
        }
        for row in waiting() {
            // Whoever waits lets others run, in the calmest of runs.
            let measured = measure("waiting", &row, trials, unfound, first).unwrap();
            assert!(measured.most <= 20, "{} takes {}", row.name, measured.most);
        }
    });
    if let Err(payload) = measured.join() {
        std::panic::resume_unwind(payload);
    }
}
