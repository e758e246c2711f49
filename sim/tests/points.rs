//! `task::preemption_point`: what a simulation makes of the places that a program has marked.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use simoom::task::preemption_point;
use simoom_sim::{Config, Sim, check};

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
