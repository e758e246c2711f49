//! `task::preemption_point`: what a simulation makes of the places that a program has marked.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::task::Poll;
use std::time::Duration;

use simoom::sync::Mutex;
use simoom::task::{preemption_point, spawn_local};
use simoom_sim::{Config, Sim, Strategy, check};

fn config() -> Config {
    Config::default().persist(false).seeds(300)
}

/// Two tasks that lose an update of an atomic if one of them is interrupted in between.
async fn lost_update<F: Future<Output = ()> + Send + 'static>(between: fn() -> F) {
    let visits = Arc::new(AtomicU64::new(0));
    let visit = |visits: Arc<AtomicU64>| async move {
        let seen = visits.load(SeqCst);
        between().await;
        visits.store(seen + 1, SeqCst);
    };
    let one = simoom::spawn(visit(visits.clone()));
    let two = simoom::spawn(visit(visits.clone()));
    one.await.unwrap();
    two.await.unwrap();
    assert_eq!(visits.load(SeqCst), 2, "an update was lost");
}

#[test]
fn an_update_of_an_atomic_is_lost_at_a_point_and_nowhere_else() {
    let report = check(config(), |_: Sim| lost_update(|| async {}));
    assert!(report.failure().is_none(), "{report}");
    let report = check(config(), |_: Sim| {
        lost_update(|| async { preemption_point().await })
    });
    let found = report
        .failure()
        .expect("a task is interrupted at the point");
    assert!(found.is_confirmed(), "{found}");
    assert!(found.deviations() <= 2, "{found}");
    let story = found.story().join("\n");
    assert!(story.contains("before point at"), "{story}");
    assert!(story.contains("points.rs:"), "{story}");
}

#[test]
fn points_take_no_virtual_time_but_where_tasks_are_slow() {
    let passes = |config: Config| {
        let report = check(config, |sim: Sim| async move {
            for _ in 0..100 {
                preemption_point().await;
            }
            sim.note(&format!("{:?}", sim.elapsed()));
        });
        let most = report.runs().iter().map(|run| run.time).max().unwrap();
        report.unwrap();
        most
    };
    assert_eq!(passes(config().seeds(20)), Duration::ZERO);
    let slow = config().seeds(20).stalls(Duration::from_millis(1));
    assert!(passes(slow) > Duration::ZERO);
}

#[test]
fn a_task_of_nothing_but_points_is_no_livelock_for_others() {
    let report = check(config().seeds(50), |_: Sim| async {
        let busy = simoom::spawn(async {
            loop {
                preemption_point().await;
            }
        });
        simoom::task::yield_now().await;
        busy.abort();
    });
    report.unwrap();
}

/// Gives way once, and says nothing of itself.
async fn give_way() {
    let mut has_given = false;
    poll_fn(|cx| {
        cx.waker().wake_by_ref();
        match std::mem::replace(&mut has_given, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
}

/// Partial order sampling draws anew for tasks that stand before what was changed: not for one that
/// stands behind it, and gives way.
#[test]
fn what_a_task_has_completed_races_with_nothing_any_more() {
    let (among, last) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let counted = (among.clone(), last.clone());
    let config = config().seeds(2000).strategy(Strategy::Pos);
    check(config, move |_: Sim| {
        let (among, last) = counted.clone();
        async move {
            let (lock, trace) = (
                Rc::new(Mutex::new(())),
                Rc::new(RefCell::new(String::new())),
            );
            let one = spawn_local({
                let (lock, trace) = (lock.clone(), trace.clone());
                async move {
                    drop(lock.lock().await);
                    trace.borrow_mut().push('a');
                    give_way().await;
                    trace.borrow_mut().push('A');
                }
            });
            let other = spawn_local({
                let trace = trace.clone();
                async move {
                    for _ in 0..6 {
                        drop(lock.lock().await);
                        trace.borrow_mut().push('b');
                    }
                }
            });
            one.await.unwrap();
            other.await.unwrap();
            let trace = trace.borrow();
            among.fetch_add(u64::from(trace.starts_with('a')), SeqCst);
            last.fetch_add(u64::from(trace.starts_with("abbbbbb")), SeqCst);
        }
    })
    .unwrap();
    let (among, last) = (among.load(SeqCst), last.load(SeqCst));
    println!("{last} of {among}");
    // It is last if its number is the lowest of seven. Were it drawn anew each time, six times the
    // other would have to be higher: one in 64.
    assert!(last * 12 > among, "{last} of {among}");
}
